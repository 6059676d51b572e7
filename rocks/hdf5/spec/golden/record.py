"""Records files that real Keras writes, and what the models in them say.

    pip install keras==3.15.1 tensorflow==2.21.0 tf-keras==2.21.0
    python3 rocks/hdf5/spec/golden/record.py            everything
    python3 rocks/hdf5/spec/golden/record.py NAME..     archives of some models of Keras 3

Beside this file:

models/NAME.keras    one archive for each model of models.py, packed again by deflate
h5.zip               NAME.h5 and NAME.weights.h5 of some, the files of Keras 2 (keras2.py),
                     of earlier ones of Keras 3 (versions.py), and those of kinds.py
cases.json           a list of cases, one to a line:
    name, file        in models/, or in h5.zip
    inputs            list or table of tensors
    outputs           a flat list; as the model stands in the file
    targets           for training; null where the model is not trained
    losses            of two further steps on all inputs at once
    trained           outputs after them
    custom            the model has classes of its own
    note              what is particular
Tensors are as in the record.py of lunula.
"""

import io
import json
import os
import subprocess
import sys
import tempfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../../../../spec/golden")]
sys.dont_write_bytecode = True
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import kinds  # noqa: E402
from recorder import tensors  # noqa: E402

# Of these there are files of weights and of the older kind too.
ALSO_H5 = ("dense", "conv2d", "lstm", "gru_reset_before", "bidirectional", "stacked_cells",
           "multi_head_attention", "nested", "branches", "dictionaries", "frozen", "norms",
           "optimizer_adam", "optimizer_sgd_schedule", "unused", "many")

EARLIER = ("3.0.5", "3.3.3", "3.6.0", "3.9.2", "3.12.0")
NEEDS = {"3.0.5": ("dm-tree",)}


def structure(value):
    if isinstance(value, dict):
        return {key: tensors.tensor(one) for key, one in value.items()}
    return [tensors.tensor(one) for one in (value if isinstance(value, list) else [value])]


def flat(value):
    if isinstance(value, dict):
        return [value[key] for key in sorted(value)]
    return list(value) if isinstance(value, (list, tuple)) else [value]


def predict(m, x):
    """Texts go in by a call: predict does not take them."""
    if any(getattr(one, "dtype", None) == object for one in flat(x)):
        import tensorflow as tf

        return flat(m({key: tf.constant(one.tolist()) for key, one in x.items()}
                      if isinstance(x, dict) else tf.constant(x.tolist())))
    return flat(m.predict(x, verbose=0))


def record(made, name):
    """What the model says, and what it says after two further steps."""
    m, x, y = made["model"], made["x"], made.get("y")
    case = {"name": name, "inputs": structure(x), "targets": y is not None and structure(y) or None,
            "outputs": [tensors.tensor(o) for o in predict(m, x)],
            "custom": name in ("custom_layer", "subclassed"), "losses": None, "trained": None,
            "note": made.get("note")}
    return case


def train(case, made):
    m, x, y = made["model"], made["x"], made.get("y")
    if y is None:
        return
    losses = []
    for _ in range(2):
        m.reset_metrics()       # some versions do it themselves
        losses.append(flat(m.train_on_batch(x, y))[0])
    case["losses"] = [float(loss) for loss in losses]
    case["trained"] = [tensors.tensor(o) for o in flat(m.predict(x, verbose=0))]


def packed(path):
    """The same archive, deflated; dates are those of a fixed day."""
    out = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(zipfile.ZipInfo(entry.filename), old.read(entry), zipfile.ZIP_DEFLATED, 9)
    return out.getvalue()


def save(path, data):
    with open(path, "wb") as f:
        f.write(data)


def record_keras3(folder, h5, names=()):
    import keras

    import models

    cases = []
    for name, make in models.MODELS.items():
        if names and name not in names:
            continue
        print(name, flush=True)
        keras.utils.clear_session()
        keras.utils.set_random_seed(1)
        made = make(keras)
        path = os.path.join(folder, "model.keras")
        made["model"].save(path)
        save(os.path.join(HERE, "models", name + ".keras"), packed(path))
        case = record(made, name)
        files = [name + ".keras"]
        if name in ALSO_H5 and not names:
            for ending in (".h5", ".weights.h5"):
                at = os.path.join(folder, name + ending)
                try:
                    made["model"].save(at) if ending == ".h5" else made["model"].save_weights(at)
                except ValueError as error:
                    print(f"Keras cannot write {name}{ending}: {error}")
                    continue
                h5[name + ending] = open(at, "rb").read()
                files.append(name + ending)
        train(case, made)
        cases += [{**case, "file": file} for file in files]
    return cases


def record_keras2(folder, h5):
    """In a process of its own, for tf_keras and Keras 3 do not get on."""
    subprocess.run([sys.executable, os.path.join(HERE, "keras2.py"), folder], check=True)
    with open(os.path.join(folder, "cases.json")) as f:
        cases = json.load(f)
    for case in cases:
        h5[case["file"]] = open(os.path.join(folder, case["file"]), "rb").read()
    return cases


def record_versions(folder, h5):
    """Earlier ones of Keras 3, each put in front of the one that is installed."""
    cases = []
    for version in EARLIER:
        place = os.path.join(folder, version)
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target",
                        place, f"keras=={version}", *NEEDS.get(version, ())], check=True)
        env = {**os.environ, "PYTHONPATH": place}
        subprocess.run([sys.executable, os.path.join(HERE, "versions.py"), folder, version],
                       check=True, env=env)
        found = tensors.read(os.path.join(folder, "cases.json"))
        for case in found:
            h5[case["file"]] = open(os.path.join(folder, case["file"]), "rb").read()
        cases += found
    return cases


def record_some(names):
    path = os.path.join(HERE, "cases.json")
    with tempfile.TemporaryDirectory() as folder:
        new = {case["file"]: case for case in record_keras3(folder, {}, names)}
    old = tensors.read(path)
    tensors.write(path, [new.pop(case["file"], case) for case in old] + list(new.values()))


def main():
    if sys.argv[1:]:
        return record_some(sys.argv[1:])
    os.makedirs(os.path.join(HERE, "models"), exist_ok=True)
    h5 = {}
    with tempfile.TemporaryDirectory() as folder:
        cases = record_keras3(folder, h5) + record_keras2(folder, h5)
        cases += record_versions(folder, h5)
    h5.update(kinds.files(h5["dense.weights.h5"]))
    with zipfile.ZipFile(os.path.join(HERE, "h5.zip"), "w") as z:
        for name, data in h5.items():
            z.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED, 9)
    tensors.write(os.path.join(HERE, "cases.json"), cases)


if __name__ == "__main__":
    main()
