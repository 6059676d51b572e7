"""Records FeatureSpaces that real Keras saves, and asks it to read ours.

    python3 rocks/hdf5/spec/golden/spaces.py           models/NAME.keras and spaces.json
    python3 rocks/hdf5/spec/golden/spaces.py ours      (from the checkout, after make rocks)

spaces.json: {"columns": …, "said": {NAME: what the space says of the columns}}
"""

import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../../../../spec/golden")]
sys.dont_write_bytecode = True
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras  # noqa: E402
import numpy as np  # noqa: E402

from record import packed, save  # noqa: E402

FS = keras.utils.FeatureSpace

COLUMNS = {
    "age": [20.0, 30.0, 40.0, 55.0], "city": ["oslo", "rome", "oslo", "bonn"],
    "kind": [3, 5, 5, 9], "size": [1.0, 2.0, 3.0, 4.0], "income": [1.0, 20.0, 300.0, 4.0],
    "word": ["x", "y", "z", "x"], "code": [1, 2, 3, 4], "raw": [0.1, 0.2, 0.3, 0.4],
    "text": ["a cat", "the cat sat", "a dog", "cat"],
}


def concatenated():
    return FS(
        {"age": "float_normalized", "city": "string_categorical", "raw": "float",
         "kind": FS.integer_categorical(name="kind"), "size": FS.float_rescaled(0.5, name="size"),
         "income": FS.float_discretized(4, name="income"), "word": "string_hashed",
         "code": FS.integer_hashed(7, name="code")},
        crosses=[("city", "kind"), FS.cross(("word", "city"), 5)], crossing_dim=8, hashing_dim=9)


# Two layers of a class, which groups number in the order of the table, and not by alphabet.
def by_name():
    text = keras.layers.TextVectorization(max_tokens=5, output_mode="multi_hot", name="words")
    return FS(
        {"size": "float_normalized", "age": "float_normalized",
         "word": FS.string_categorical(output_mode="int", name="word"),
         "city": FS.string_categorical(output_mode="int", name="city"),
         "text": FS.feature("string", text, "float")}, output_mode="dict")


SPACES = {"space": concatenated, "space_dict": by_name}


def columns_of(space):
    return {name: COLUMNS[name] for name in space.features}


def said(space):
    found = space(columns_of(space))
    if isinstance(found, dict):
        return {name: np.asarray(value).tolist() for name, value in found.items()}
    return np.asarray(found).tolist()


def record():
    told = {}
    for name, make in SPACES.items():
        space = make()
        space.adapt(columns_of(space))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "space.keras")
            space.save(path)
            save(os.path.join(HERE, "models", name + ".keras"), packed(path))
        told[name] = said(space)
    with open(os.path.join(HERE, "spaces.json"), "w") as f:
        f.write('{"columns": %s,\n"said": {\n%s}}\n' % (json.dumps(COLUMNS), ",\n".join(
            f"{json.dumps(name)}: {json.dumps(value)}" for name, value in told.items())))


def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    return np.allclose(a, b, atol=2e-5)


def ours():
    with open(os.path.join(HERE, "spaces.json")) as f:
        wanted = json.load(f)["said"]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["lua5.4", os.path.join(HERE, "write_spaces.lua"), folder], check=True)
        for name in SPACES:
            space = keras.models.load_model(os.path.join(folder, name + ".keras"))
            assert same(wanted[name], said(space)), name
            print(name, "ok")


if __name__ == "__main__":
    ours() if sys.argv[1:] == ["ours"] else record()
