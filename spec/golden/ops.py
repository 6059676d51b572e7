"""Records what Keras gives for every op case: writes ops.lua beside this file.

Run from the top folder, with a Keras of the version below:
    KERAS_BACKEND=jax python3 spec/golden/ops.py
"""

import json
import os
import subprocess

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np

TARGET = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ops.lua")


def to_tuples(value):
    if isinstance(value, list):
        return tuple(to_tuples(item) for item in value)
    return value


def to_array(entry):
    if entry["dtype"] == "bool":
        data = [bool(x) for x in entry["data"]]
    else:
        data = entry["data"]
    return np.array(data, entry["dtype"]).reshape(tuple(entry["shape"]))


def call(case):
    function = getattr(keras.ops, case["op"])
    inputs = [to_array(entry) for entry in case["inputs"]]
    given = case["attributes"]["given"] or {}
    options = {name: to_tuples(value) for name, value in given.items()}
    if isinstance(options.get("repeats"), tuple) and case["op"] == "repeat":
        options["repeats"] = np.array(options["repeats"])
    how = case["call"]
    if how == "list":
        return function(inputs, **options)
    if how == "einsum":
        return function(options["subscripts"], *inputs)
    if how == "pairs":
        half = len(inputs) // 2
        return function(inputs[:half], inputs[half:], **options)
    if case["names"] and how == "":
        options.update(zip(case["names"], inputs))
        return function(**options)
    return function(*inputs, **options)


def number(x):
    if isinstance(x, (bool, np.bool_)):
        return "1" if x else "0"
    x = float(x)
    if np.isnan(x):
        return "nan"
    if np.isinf(x):
        return "inf" if x > 0 else "-inf"
    return "%.9g" % x


def line(case):
    result = call(case)
    outputs = result if isinstance(result, (list, tuple)) else [result]
    texts = []
    for output in outputs:
        y = np.asarray(output)
        shape = ",".join(str(n) for n in y.shape)
        data = ",".join(number(x) for x in y.astype("float64").ravel())
        dtype = keras.backend.standardize_dtype(y.dtype)
        texts.append('{{%s},"%s",{%s}}' % (shape, dtype, data))
    return '  ["%s"] = {%s},' % (case["key"], ",".join(texts))


def main():
    dump = subprocess.run(
        ["lua5.4", "spec/golden/ops_dump.lua"], check=True, capture_output=True, text=True
    )
    lines, complaints = [], []
    for text in dump.stdout.splitlines():
        case = json.loads(text)
        try:
            lines.append(line(case))
        except Exception as error:
            complaints.append("%s: %s" % (case["key"], error))
    if complaints:
        raise SystemExit("\n".join(complaints))
    with open(TARGET, "w") as out:
        out.write("-- What Keras %s gives for the op cases. Written by ops.py.\n" % keras.__version__)
        out.write("local nan, inf = 0/0, math.huge\nreturn {\n")
        out.write("\n".join(lines))
        out.write("\n}\n")


main()
