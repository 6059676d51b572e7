"""The folder by which the runtimes get the same models. For each model there are
NAME.json (Keras), NAME.list (its sample's shape, flops, then path and shape of each weight),
NAME.weights, NAME.x and NAME.y (float32: weights one behind the other, an input of two samples
and Keras's output), NAME.onnx and, where it can be, NAME.tflite."""

import os

import numpy as np

FOLDER = os.environ.get("PEERS_DATA", "build/peers/data")


def path(name):
    return os.path.join(FOLDER, name)


def lines(name):
    with open(path(name + ".list")) as file:
        return [line.split() for line in file]


def shape(name):
    return tuple(map(int, lines(name)[0][1:]))


def flops(name):
    return float(lines(name)[1][1])


def numbers(file, shape):
    return np.fromfile(path(file), "float32").reshape(shape)


def weights(name):
    """Path -> array, in Keras's order."""
    all, at, found = numbers(name + ".weights", -1), 0, {}
    for key, *sizes in lines(name)[2:]:
        sizes = list(map(int, sizes))
        count = int(np.prod(sizes))
        found[key] = all[at:at + count].reshape(sizes)
        at += count
    return found


def sample(name, batch):
    random = np.random.RandomState(3)
    return random.normal(0, 1, (batch, *shape(name))).astype("float32")


def target(name, batch):
    """What a train step is given: numbers like the output, or the class of each sample."""
    random = np.random.RandomState(4)
    if regression(name):
        width = (1,) if name == "tiny" else shape(name)
        return random.normal(0, 1, (batch, *width)).astype("float32")
    return random.randint(0, 10, batch).astype("int32")


def regression(name):
    return name in ("tiny", "transformer")
