"""What keras.utils.FeatureSpace makes of columns: one case a line; the first line is the data."""

import json
import os

import numpy as np

ENGINES = ("tensorflow",)


def columns():
    draw = np.random.RandomState(0)
    return {
        "age": [round(float(x), 3) for x in draw.uniform(18, 80, 50)],
        "size": [round(float(x), 3) for x in draw.randn(50)],
        "city": [str(x) for x in draw.choice(["oslo", "rome", "lima", "kyoto"], 50)],
        "kind": [int(x) for x in draw.randint(2, 7, 50)],
    }


ASKED = {"age": [20.0, 33.5, 79.0], "size": [-3.0, 0.1, 2.5], "city": ["rome", "bonn", "lima"],
         "kind": [3, 99, 6]}

CASES = [
    dict(features={"age": "float", "size": "float_normalized", "kind": "integer_categorical"}),
    dict(features={"age": "float_discretized", "city": "string_categorical"}),
    dict(features={"city": "string_hashed", "kind": "integer_hashed"}, hashing_dim=7,
         crosses=[["city", "kind"]], crossing_dim=9),
    dict(features={"age": ["float_discretized", dict(num_bins=4)], "kind": [
        "integer_categorical", dict(max_tokens=4, num_oov_indices=2)], "city": [
            "string_categorical", dict(output_mode="int")]}, output_mode="dict"),
    dict(features={"age": ["float_rescaled", dict(scale=0.5, offset=-1.0)],
                   "city": ["string_hashed", dict(num_bins=5, output_mode="int")],
                   "kind": "integer_categorical"},
         crosses=[["kind", "city"], ["cross", ["city", "kind"], 6, "int"]], output_mode="dict"),
    dict(features={"size": "float_normalized", "city": "string_categorical",
                   "kind": "integer_categorical"}, crosses=[["city", "kind"]]),
]


def space_of(case):
    import keras

    space = keras.utils.FeatureSpace
    given = dict(case)
    given["features"] = {
        name: value if isinstance(value, str) else getattr(space, value[0])(**value[1])
        for name, value in case["features"].items()}
    given["crosses"] = [space.cross(tuple(c[1]), c[2], c[3]) if c[0] == "cross" else tuple(c)
                        for c in case.get("crosses", [])]
    return space(**given)


def plain(result):
    if isinstance(result, dict):
        return {name: plain(value) for name, value in result.items()}
    return np.asarray(result).tolist()


def record(engine, here):
    data = columns()
    with open(os.path.join(here, "feature_space.jsonl"), "w", encoding="utf-8") as out:
        out.write(json.dumps({"data": data, "asked": ASKED}) + "\n")
        for case in CASES:
            space = space_of(case)
            names = case["features"]
            space.adapt({name: data[name] for name in names})
            many = space({name: ASKED[name] for name in names})
            one = space({name: ASKED[name][0] for name in names})
            out.write(json.dumps({"case": case, "many": plain(many), "one": plain(one)}) + "\n")
