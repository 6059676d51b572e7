"""Files of one earlier Keras 3, into the folder that is given:

    versions.py FOLDER VERSION [NAME..]

Run by record.py with that Keras in front of the path.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[1:1] = [HERE, os.path.join(HERE, "../../../../spec/golden")]
sys.dont_write_bytecode = True
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras  # noqa: E402

import models  # noqa: E402
from record import packed, record, save, train  # noqa: E402
from recorder import tensors  # noqa: E402

NAMES = ("dense", "bidirectional", "stacked_cells", "multi_head_attention", "nested",
         "dictionaries", "optimizer_rmsprop", "optimizer_nadam", "conv2d", "gru")
# Of these there are files of weights too.
ALSO_WEIGHTS = ("optimizer_nadam", "conv2d")


def main(folder, version, *names):
    assert keras.__version__ == version, (keras.__version__, version)
    cases = []
    for name in names or NAMES:
        keras.utils.clear_session()
        keras.utils.set_random_seed(1)
        made = models.MODELS[name](keras)
        path = os.path.join(folder, "model.keras")
        made["model"].save(path)
        case = record(made, f"{version}_{name}")
        files = [f"{version}_{name}.keras"]
        save(os.path.join(folder, files[0]), packed(path))
        if name in ALSO_WEIGHTS:
            files.append(f"{version}_{name}.weights.h5")
            made["model"].save_weights(os.path.join(folder, files[1]))
        train(case, made)
        cases += [{**case, "file": file} for file in files]
        print(*files, flush=True)
    tensors.write(os.path.join(folder, "cases.json"), cases)


if __name__ == "__main__":
    main(*sys.argv[1:])
