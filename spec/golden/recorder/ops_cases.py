"""The cases of spec/support/ops_cases as calls of keras.ops: arrays, and arguments in order."""

import json
import subprocess

import numpy as np

PLAIN = {"B": bool, "I": int, "F": float}


def dump(*words):
    """The cases that ops_dump.lua writes when it is told these words."""
    told = subprocess.run(["lua5.4", "spec/golden/ops_dump.lua", *words], check=True,
                          capture_output=True, text=True)
    return [json.loads(line) for line in told.stdout.splitlines()]


def find(keras, name):
    """keras.ops.image.resize for "image.resize"; None where Keras has no such op."""
    place = keras.ops
    for word in name.split("."):
        place = getattr(place, word, None)
    return place


def to_array(entry):
    if "scalar" in entry:
        return PLAIN[entry["scalar"]](entry["data"][0])
    data = [bool(x) for x in entry["data"]] if entry["dtype"] == "bool" else entry["data"]
    return np.array(data, entry["dtype"]).reshape(tuple(entry["shape"]))


def to_tuples(value):
    return tuple(map(to_tuples, value)) if isinstance(value, list) else value


def arguments(case, inputs):
    """What a case calls its op with: positional arguments, and those by name."""
    options = {k: to_tuples(v) for k, v in (case["attributes"].get("given") or {}).items()}
    if isinstance(options.get("repeats"), tuple) and case["op"] == "repeat":
        options["repeats"] = np.array(options["repeats"])
    how = case["call"]
    if how == "list":
        return [inputs], options
    if how == "einsum":
        return [options["subscripts"], *inputs], {}
    if how == "pairs":
        half = len(inputs) // 2
        return [inputs[:half], inputs[half:]], options
    if case["names"] and how == "":
        return [], {**options, **dict(zip(case["names"], inputs))}
    return inputs, options
