"""The folder by which the runtimes get the same models. For each model there are
NAME.json (Keras), NAME.list (its sample's shape; flops; the loss and, where that is mse, a
target's shape; then path and shape of each weight), NAME.weights, NAME.x and NAME.y (float32:
weights one behind the other, an input of two samples and Keras's output), NAME.onnx and, where
it can be, NAME.tflite."""

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


def loss(name):
    return lines(name)[2][1]


def numbers(file, shape):
    return np.fromfile(path(file), "float32").reshape(shape)


def weights(name):
    """Path -> array, in Keras's order."""
    all, at, found = numbers(name + ".weights", -1), 0, {}
    for key, *sizes in lines(name)[3:]:
        sizes = list(map(int, sizes))
        count = int(np.prod(sizes))
        found[key] = all[at:at + count].reshape(sizes)
        at += count
    return found


def sample(name, batch):
    random = np.random.RandomState(3)
    return random.normal(0, 1, (batch, *shape(name))).astype("float32")


OPERANDS = {"rfft": 2**16, "svd": (256, 256), "ctc_loss": (32, 100, 80),
            "ctc_loss_back": (32, 100, 80)}


def operand(name):
    """What an op is given."""
    shape = OPERANDS.get(name, (1000, 1000) if name.endswith("_rows") else 10**6)
    return np.random.RandomState(5).uniform(0, 1, shape).astype("float32")


def labels():
    """Of ctc_loss: 30 labels of each sequence, all of them, as all frames, of use."""
    return np.random.RandomState(6).randint(1, 80, (32, 30)).astype("int32")


def target(name, batch):
    """What a train step is given: numbers like the output, or the class of each sample."""
    random = np.random.RandomState(4)
    if loss(name) != "mse":
        return random.randint(0, 10, batch).astype("int32")
    sizes = map(int, lines(name)[2][2:])
    return random.normal(0, 1, (batch, *sizes)).astype("float32")


# The groups of the two large nets, which Keras and torch write each in its way. ResNet-50:
# filters, blocks, strides; MobileNetV2: widening, filters, blocks, strides.
RESNET = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
MOBILE = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
          (6, 160, 3, 2), (6, 320, 1, 1))
