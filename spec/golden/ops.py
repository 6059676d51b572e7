"""Records what Keras gives for every op case, the signatures of its ops and their modules: writes
ops.lua, ops_signatures.lua and ops_modules.lua beside this file.

Run from the top folder, with a Keras of the version below:
    KERAS_BACKEND=jax python3 spec/golden/ops.py
    KERAS_BACKEND=tensorflow python3 spec/golden/ops.py new    cases that have no numbers yet, and
    KERAS_BACKEND=torch python3 spec/golden/ops.py new         those that TensorFlow refuses
"""

import inspect
import json
import os
import re
import sys
import textwrap

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np

from recorder import ops_cases

FOLDER = os.path.dirname(os.path.abspath(__file__))


def call(case):
    inputs = [ops_cases.to_array(entry) for entry in case["inputs"]]
    positional, named = ops_cases.arguments(case, inputs)
    return ops_cases.find(keras, case["op"])(*positional, **named)


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


def write(name, what, lines):
    with open(os.path.join(FOLDER, name), "w") as out:
        out.write("-- %s of Keras %s. Written by ops.py.\n" % (what, keras.__version__))
        out.write("local nan, inf = 0/0, math.huge\n" if name == "ops.lua" else "")
        out.write("return {\n%s\n}\n" % "\n".join(lines))


def known_lines():
    """Key of a case -> its line, as it stands."""
    with open(os.path.join(FOLDER, "ops.lua")) as file:
        return {m[2]: m[1] for m in re.finditer(r'^(  \["(.*?)"\] = .*)$', file.read(), re.M)}


def record_cases(known):
    lines, complaints = [], []
    for case in ops_cases.dump():
        try:
            lines.append(known.get(case["key"]) or line(case))
        except Exception as error:
            complaints.append("%s: %s" % (case["key"], error))
    if known or not complaints:
        write("ops.lua", "What the op cases give, with the ops", lines)
    if complaints:
        raise SystemExit("\n".join(complaints))


def parameter(p):
    """'axis', 'axis=-1', '*operands': as the catalogue writes it, without kinds."""
    if p.kind is p.VAR_POSITIONAL:
        return "*" + p.name
    if p.default is p.empty:
        return p.name
    words = {None: "nil", True: "true", False: "false"}
    default = words[p.default] if isinstance(p.default, (bool, type(None))) else p.default
    if isinstance(default, str) and not isinstance(p.default, (bool, type(None))):
        default = '"%s"' % default
    return "%s=%s" % (p.name, default)


def record_signatures():
    lines = []
    names = dir(keras.ops) + ["image." + name for name in dir(keras.ops.image)]
    for name in sorted(names):
        function = ops_cases.find(keras, name)
        if name.startswith("_") or not inspect.isfunction(function):
            continue
        parameters = inspect.signature(function).parameters.values()
        named = [parameter(p) for p in parameters if p.kind is not p.VAR_KEYWORD]
        lines.append("  [%s] = %s," % (json.dumps(name), "[[%s]]" % ", ".join(named)))
    write("ops_signatures.lua", "The signatures of the ops", lines)


def record_modules():
    """The names of keras.ops, and of each module in it; core is no public one."""
    found = {"ops": [n for n in dir(keras.ops) if inspect.isfunction(getattr(keras.ops, n))]}
    for name in ("image", "linalg", "nn", "numpy"):
        found[name] = [n for n in dir(getattr(keras.ops, name)) if n[0] != "_"]
    found["core"] = [n for n in found["ops"]
                     if getattr(keras.ops, n).__module__ == "keras.src.ops.core"]
    lines = ['  %s = [[\n%s]],' % (name, textwrap.fill(" ".join(found[name]), 100))
             for name in sorted(found)]
    write("ops_modules.lua", "The names of the ops", lines)


if __name__ == "__main__":
    record_cases(known_lines() if "new" in sys.argv[1:] else {})
    record_signatures()
    record_modules()
