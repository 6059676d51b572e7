"""Files of Keras 2, as tf_keras writes them, into the folder that is given; and
some in layouts that only older ones wrote, made from those.

Run by record.py, as a process of its own.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../../../../spec/golden")]
sys.dont_write_bytecode = True
os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import h5py  # noqa: E402
import numpy as np  # noqa: E402
import tf_keras  # noqa: E402

import models  # noqa: E402
from record import record, train  # noqa: E402
from recorder import tensors  # noqa: E402

NAMES = ("dense", "conv1d", "conv2d", "conv3d", "lstm", "gru", "gru_reset_before", "simple_rnn",
         "bidirectional", "stacked_cells", "conv_lstm", "time_distributed", "embedding",
         "attention", "multi_head_attention", "nested", "shared", "branches", "dictionaries",
         "frozen", "untrained", "optimizer_sgd", "optimizer_sgd_schedule",
         "optimizer_rmsprop", "optimizer_adam", "optimizer_adamw", "optimizer_adamax",
         "optimizer_nadam", "optimizer_adagrad", "optimizer_adadelta", "optimizer_adafactor",
         "optimizer_ftrl", "optimizer_lion")

# Of these there is an archive too.
ARCHIVES = ("dense", "lstm", "bidirectional", "multi_head_attention", "nested", "optimizer_adam")


def old_optimizers():
    O = tf_keras.optimizers.legacy
    return {"sgd": O.SGD(0.05, momentum=0.9), "sgd_decay": O.SGD(0.1, decay=0.5),
            "adam": O.Adam(0.01), "adagrad": O.Adagrad(0.05), "adadelta": O.Adadelta(0.5),
            "adamax": O.Adamax(0.01)}


def made(make):
    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(1)
    one = make(tf_keras)
    if one["model"].optimizer and one["model"].optimizer.__class__.__name__ == "Nadam":
        one["y"] = None         # it multiplies its product once for each variable
    return one


def keras2(folder):
    cases = []
    for name in NAMES:
        one = made(models.MODELS[name])
        if name == "conv2d":    # its normalization of images keeps another variance
            one["y"] = None
        case = record(one, "k2_" + name)
        files = [f"k2_{name}.h5"] + [f"k2_{name}.keras"] * (name in ARCHIVES)
        for file in files:
            one["model"].save(os.path.join(folder, file))
        train(case, one)
        cases += [{**case, "file": file} for file in files]
        print("k2_" + name, flush=True)
    for name, optimizer in old_optimizers().items():
        one = made(lambda k: models.simple(k, [k.layers.Dense(3, "tanh"), k.layers.Dense(2)],
                                           models.random(4, 4), optimizer))
        case = {**record(one, "k2_old_" + name), "file": f"k2_old_{name}.h5"}
        one["model"].save(os.path.join(folder, case["file"]))
        train(case, one)
        cases.append(case)
    return cases


# ---- older layouts -----------------------------------------------------------


def rewrite(path, change, version=None):
    """Changes the weights {layer: {name: value}} of a file; the names may change."""
    with h5py.File(path, "r+") as f:
        group = f["model_weights"]
        if version:
            f.attrs["keras_version"] = version
            group.attrs["keras_version"] = version
        for layer in list(group):
            names = [n.decode() if isinstance(n, bytes) else n
                     for n in group[layer].attrs.get("weight_names", [])]
            values = change(layer, {n: np.array(group[layer][n]) for n in names})
            if values is None:
                continue
            del group[layer]
            new = group.create_group(layer)
            new.attrs["weight_names"] = np.array([n.encode() for n in values])
            for n, value in values.items():
                new[n] = value


def gates(value, count):
    return np.split(value, count, axis=-1)


def cudnn_kernel(block):
    """cuDNN's matrix, in the memory of ours."""
    return np.asfortranarray(block).T.reshape(block.shape)


def to_cudnn(layer, values):
    if "lstm" not in layer and "gru" not in layer:
        return None
    (kn, kernel), (rn, recurrent), (bn, bias) = values.items()
    count = 4 if "lstm" in layer else 3
    kernel = np.concatenate([cudnn_kernel(b) for b in gates(kernel, count)], -1)
    recurrent = np.concatenate([b.T for b in gates(recurrent, count)], -1)
    bias = np.concatenate([0.25 * bias, 0.75 * bias]) if count == 4 else bias.reshape(-1)
    return {kn: kernel, rn: recurrent, bn: bias}


def to_keras1(layer, values):
    """One weight for each gate, in the order of Keras 1."""
    if "lstm" not in layer and "gru" not in layer:
        return None
    kernel, recurrent, bias = values.values()
    count = 4 if "lstm" in layer else 3
    order, letters = ((0, 2, 1, 3), "icfo") if count == 4 else ((0, 1, 2), "zrh")
    new = {}
    for letter, gate in zip(letters, order):
        for prefix, value in (("W", kernel), ("U", recurrent), ("b", bias)):
            new[f"{layer}_{prefix}_{letter}"] = gates(value, count)[gate]
    return new


OLDER = (("cudnn_lstm", "lstm", to_cudnn, None), ("cudnn_gru", "gru", to_cudnn, None),
         ("keras1_lstm", "lstm", to_keras1, "1.2.2"),
         ("keras1_gru", "gru_reset_before", to_keras1, "1.2.2"))


def older(folder):
    cases = []
    for name, of, change, version in OLDER:
        one = made(models.MODELS[of])
        one["y"] = None
        case = {**record(one, "k2_" + name), "file": f"k2_{name}.h5",
                "note": "the weights are in an older layout"}
        path = os.path.join(folder, case["file"])
        one["model"].save(path, include_optimizer=False)
        rewrite(path, change, version)
        cases.append(case)
    return cases


if __name__ == "__main__":
    folder = sys.argv[1]
    tensors.write(os.path.join(folder, "cases.json"), keras2(folder) + older(folder))
