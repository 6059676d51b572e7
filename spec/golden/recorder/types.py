"""The type and the numbers that every op gives for booleans, whole numbers and floats.

types.lua: key of a case (spec/support/types_cases.lua) -> one {dtype, numbers ...} for each result,
of which the first FEW are kept; or false where Keras refuses. TensorFlow computes them; what its
kernels refuse is asked of PyTorch, and so is what they see otherwise than NumPy; the line then says
so. What neither takes is false.
"""

import importlib
import os
import re

import numpy as np

from . import engines, ops_cases

ENGINES = ("tensorflow", "torch")
FEW = 12

# Where TensorFlow differs from NumPy: the order of turns, the width of pads, products with a dtype,
# infinities, denormals, grids of several types.
TORCH = ("rot90", "pad", "prod", "isclose", "log", "meshgrid")


def number(module, x):
    return str(x) if isinstance(x, np.integer) else module.number(x)


def result(module, keras, case):
    """The text of the results, or "false"."""
    try:
        y = module.call(case)
        outputs = y if isinstance(y, (list, tuple)) else [y]
        texts = []
        for output in outputs:
            array = keras.ops.convert_to_numpy(output)
            numbers = ",".join(number(module, x) for x in array.ravel()[:FEW])
            dtype = keras.backend.standardize_dtype(output.dtype)
            texts.append('{"%s"%s}' % (dtype, "," + numbers if numbers else ""))
        return "{" + ",".join(texts) + "}"
    except Exception as error:
        if os.environ.get("REFUSED"):
            print(case["key"], repr(error)[:200].replace("\n", " "))
        return "false"


def read(path):
    with open(path, encoding="utf-8") as file:
        return dict(re.findall(r'^\["(.*)"\]=(.*),$', file.read(), re.M))


def record(engine, here):
    engines.create(engine)
    import keras

    module = importlib.import_module("ops")
    to_array = ops_cases.to_array

    def to_tensor(entry):
        plain = "scalar" in entry
        return to_array(entry) if plain else keras.ops.convert_to_tensor(to_array(entry))

    ops_cases.to_array = to_tensor
    path = os.path.join(here, "types.lua")
    known = {} if engine == ENGINES[0] else read(path)
    rows, refused = [], 0
    for case in ops_cases.dump("types_cases"):
        text = known.get(case["key"], "false")
        if not known and case["op"] in TORCH:
            pass
        elif text == "false":
            text = result(module, keras, case)
            if text != "false" and known:
                text = text[:-1] + ",torch=true}"
        refused += text == "false"
        rows.append('["%s"]=%s,' % (case["key"], text))
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write("-- Types and numbers of the results of Keras %s. Written by recorder/types.py.\n"
                   "local nan, inf = 0/0, math.huge\nreturn {\n" % keras.__version__)
        file.write("\n".join(rows) + "\n}\n")
    print(f"types, {engine}: {len(rows)}, {refused} refused")
