"""Does real Keras read what lunula writes, say the same and train on the same?

    python3 rocks/hdf5/spec/golden/check_ours.py        (from the checkout, after make rocks)

Writes the recorded models by write_ours.lua, loads .keras, .h5, .weights.h5 and
.weights.json in Keras 3, and compares predictions and two further steps. Prints a line for each
file; status 1 if any differs. Names of models: those alone.
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

import models  # noqa: E402
from record import flat, predict  # noqa: E402

TOLERANCE = 2e-5
ENDINGS = (".keras", ".h5", ".weights.h5", ".weights.json")

# Files of Keras 2 have no place for vocabularies and for classes without a functional form, and
# Keras 3 knows no Lamb there.
NO_H5 = ("integer_lookup", "string_lookup", "string_lookup_tf_idf", "text_vectorization",
         "text_tf_idf", "subclassed", "optimizer_lamb")


def arrays(told):
    return [np.array(t["data"], dtype="float64").reshape(t["shape"]) for t in told]


def difference(outputs, told):
    worst = 0.0
    for a, b in zip(flat(outputs), arrays(told), strict=True):
        a = np.asarray(a, dtype="float64")
        assert a.shape == b.shape, (a.shape, b.shape)
        worst = max(worst, float(np.max(np.abs(a - b) / np.maximum(1, np.abs(b)), initial=0)))
    return worst


def load(folder, told, ending, made):
    path = os.path.join(folder, told["name"] + ending)
    if ending.startswith(".weights"):
        m = made["model"]
        if made.get("y") is not None:
            m.optimizer.build(m.trainable_variables)
        m.load_weights(path)
        return m
    return keras.saving.load_model(path)


def check(folder, told, ending):
    keras.utils.clear_session()
    keras.utils.set_random_seed(1)
    made = models.MODELS[told["name"]](keras)
    m, x, y = load(folder, told, ending, made), made["x"], made.get("y")
    worst = difference(predict(m, x), told["outputs"])
    if told.get("losses") and ending != ".h5":     # Keras 3 trains on from no .h5, its own neither
        for loss in told["losses"]:
            m.reset_metrics()
            worst = max(worst, abs(float(flat(m.train_on_batch(x, y))[0]) - loss))
        worst = max(worst, difference(predict(m, x), told["trained"]))
    return worst


def main():
    failed = checked = 0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["lua5.4", os.path.join(HERE, "write_ours.lua"), folder], check=True)
        with open(os.path.join(folder, "ours.json")) as f:
            all_told = json.load(f)
        for told in all_told:
            if sys.argv[1:] and told["name"] not in sys.argv[1:]:
                continue
            for ending in ENDINGS:
                if ending == ".h5" and told["name"] in NO_H5:
                    continue
                try:
                    worst = check(folder, told, ending)
                    verdict = "ok" if worst <= TOLERANCE else "DIFFERS"
                except Exception as error:
                    worst, verdict = float("nan"), f"FAILS {type(error).__name__}: {error!s:.300}"
                checked += 1
                failed += verdict != "ok"
                print(f"{told['name'] + ending:40} {worst:9.2e} {verdict}", flush=True)
    print(f"{checked - failed} ok, {failed} not ok")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
