"""The models that are compared, in Keras, which is the master: export.py writes down their
weights and outputs, and every other runtime starts from these. Each layer with weights has a
name, by which torch_models.py finds them."""

import itertools

import keras
import numpy as np
from keras import layers as L

import data


def tiny():
    return keras.Sequential([
        L.Input((4,)), L.Dense(8, "relu", name="dense1"), L.Dense(1, name="dense2")])


def mlp():
    return keras.Sequential([
        L.Input((784,)), L.Dense(512, "relu", name="dense1"),
        L.Dense(512, "relu", name="dense2"), L.Dense(10, "softmax", name="dense3")])


def convnet():
    return keras.Sequential([
        L.Input((28, 28, 1)),
        L.Conv2D(32, 3, activation="relu", name="conv1"), L.MaxPooling2D(),
        L.Conv2D(64, 3, activation="relu", name="conv2"), L.MaxPooling2D(),
        L.Flatten(), L.Dense(128, "relu", name="dense1"),
        L.Dense(10, "softmax", name="dense2")])


def lstm():
    return keras.Sequential([
        L.Input((100, 32)), L.LSTM(128, return_sequences=True, name="lstm1"),
        L.LSTM(128, name="lstm2"), L.Dense(10, "softmax", name="dense")])


def transformer():
    x = inputs = L.Input((128, 256))
    for i in range(1, 5):
        y = L.MultiHeadAttention(8, 32, name=f"attention{i}")(x, x)
        x = L.LayerNormalization(epsilon=1e-5, name=f"first_norm{i}")(L.Add()([x, y]))
        y = L.Dense(256, name=f"down{i}")(L.Dense(1024, "gelu", name=f"up{i}")(x))
        x = L.LayerNormalization(epsilon=1e-5, name=f"second_norm{i}")(L.Add()([x, y]))
    return keras.Model(inputs, x)


class ImageNet:
    """The blocks of the two large nets; convolutions are numbered as they are made."""

    def __init__(self):
        self.number = itertools.count(1)

    def pad(self, x, size, strides):
        """With strides the padding is symmetric, as keras.applications and torch have it."""
        if size == 1 or strides == 1:
            return x, "same"
        return L.ZeroPadding2D(size // 2)(x), "valid"

    def norm(self, x, n, limit):
        x = L.BatchNormalization(epsilon=1e-5, name=f"norm{n}")(x)
        return x if limit == 0 else L.ReLU(limit)(x)

    def conv(self, x, filters, size, strides=1, limit=None):
        n = next(self.number)
        x, padding = self.pad(x, size, strides)
        x = L.Conv2D(filters, size, strides, padding, use_bias=False, name=f"conv{n}")(x)
        return self.norm(x, n, limit)

    def depthwise(self, x, strides):
        n = next(self.number)
        x, padding = self.pad(x, 3, strides)
        x = L.DepthwiseConv2D(3, strides, padding, use_bias=False, name=f"conv{n}")(x)
        return self.norm(x, n, 6)

    def classes(self, x):
        return L.Dense(1000, "softmax", name="dense")(L.GlobalAveragePooling2D()(x))


def resnet50():
    net, inputs = ImageNet(), L.Input((224, 224, 3))
    x = L.MaxPooling2D(3, 2)(L.ZeroPadding2D(1)(net.conv(inputs, 64, 7, 2)))
    for filters, blocks, strides in data.RESNET:
        for block in range(blocks):
            y = net.conv(x, filters, 1)
            y = net.conv(y, filters, 3, 1 if block else strides)
            y = net.conv(y, 4 * filters, 1, limit=0)
            if block == 0:
                x = net.conv(x, 4 * filters, 1, strides, limit=0)
            x = L.ReLU()(L.Add()([x, y]))
    return keras.Model(inputs, net.classes(x))


def mobilenetv2():
    net, inputs = ImageNet(), L.Input((224, 224, 3))
    x = net.conv(inputs, 32, 3, 2, 6)
    for widen, filters, blocks, strides in data.MOBILE:
        for block in range(blocks):
            y = x if widen == 1 else net.conv(x, widen * x.shape[-1], 1, limit=6)
            y = net.depthwise(y, 1 if block else strides)
            y = net.conv(y, filters, 1, limit=0)
            x = L.Add()([x, y]) if block else y
    return keras.Model(inputs, net.classes(net.conv(x, 1280, 1, limit=6)))


MODELS = {f.__name__: f for f in (
    tiny, mlp, convnet, lstm, transformer, mobilenetv2, resnet50)}


def make(name):
    """The model with random weights, and batch norms that have something to do."""
    keras.utils.set_random_seed(1)
    model, random = MODELS[name](), np.random.RandomState(2)
    for layer in model.layers:
        if isinstance(layer, L.BatchNormalization):
            n = layer.gamma.shape[0]
            layer.set_weights([random.uniform(0.5, 1.2, n), random.normal(0, 0.1, n),
                               random.normal(0, 0.1, n), random.uniform(0.5, 1.5, n)])
    return model


def target(model):
    """The loss of its training and, where that is not of classes, the shape of a target."""
    if model.layers[-1].get_config().get("activation") == "softmax":
        return ("sparse_categorical_crossentropy",)
    return ("mse", *model.output_shape[1:])


def flops(model):
    """Of one sample: two for each weight of a product, at each place where it is used."""
    return sum(layer_flops(layer) for layer in model.layers)


def layer_flops(layer):
    if not layer.weights or isinstance(layer, (L.BatchNormalization, L.LayerNormalization)):
        return 0
    kernels = sum(int(np.prod(w.shape)) for w in layer.weights if "kernel" in w.path)
    if isinstance(layer, L.LSTM):
        return 2 * kernels * layer.input.shape[1]
    if isinstance(layer, L.MultiHeadAttention):      # and the products q k' and p v
        steps, width = layer.output.shape[1:]
        return 2 * kernels * steps + 4 * steps * steps * width
    return 2 * kernels * int(np.prod(layer.output.shape[1:-1]))
