"""The models of Keras 3; models.py records them."""

import json

import keras
import numpy as np
from keras import Input, Model, Sequential, ops
from keras import layers as L

from .cases import const, ids, strings, uniform, x
from .layers_core import scale_shift, square_plus

MODELS = {}
ENGINE = "torch"


def model(*inputs, **options):
    def add(function):
        MODELS[function.__name__] = (function, {"inputs": inputs, **options})
        return function

    return add


@model(x(3, 5))
def sequential_dense():
    return Sequential([
        Input((5,)), L.Dense(7, activation="relu"), L.Dropout(0.3), L.BatchNormalization(),
        L.Dense(3, activation="softmax", name="probabilities")], name="classifier")


@model(x(2, 6, 7, 2))
def sequential_conv():
    return Sequential([
        Input((6, 7, 2)), L.Conv2D(3, 3, padding="same", activation="relu"), L.MaxPooling2D(2),
        L.DepthwiseConv2D(2, depth_multiplier=2), L.GlobalAveragePooling2D(), L.Dense(4)])


@model(ids(9, 2, 5))
def sequential_text():
    return Sequential([
        Input((None,), dtype="int32"), L.Embedding(9, 4, mask_zero=True),
        L.Bidirectional(L.LSTM(3, return_sequences=True)), L.GRU(4), L.Dense(2)])


@model()
def sequential_not_built():
    return Sequential([L.Dense(4, activation="tanh"), L.Dense(2)])


@model()
def sequential_empty():
    return Sequential(name="nothing")


@model(x(2, 4))
def sequential_nested():
    inner = Sequential([Input((4,)), L.Dense(3), L.ReLU()], name="inner")
    return Sequential([Input((4,)), inner, L.Dense(2), Sequential([L.Dense(3)], name="last")])


@model(x(2, 3, 4))
def sequential_shapes():
    return Sequential([
        Input((3, 4)), L.Permute((2, 1)), L.Reshape((2, 6)), L.ZeroPadding1D(1),
        L.Conv1D(3, 2, padding="causal", dilation_rate=2), L.Cropping1D((1, 0)),
        L.UpSampling1D(2), L.AveragePooling1D(2), L.Flatten(), L.RepeatVector(2),
        L.TimeDistributed(L.Dense(2))])


@model(x(2, 4), x(2, 4))
def functional_shared():
    a, b = Input((4,), name="a"), Input((4,), name="b")
    shared = L.Dense(3, name="shared")
    merged = L.Concatenate()([shared(a), shared(b)])
    outputs = [L.Dense(1, name="o1")(merged), L.Dense(2, name="o2")(merged)]
    return Model([a, b], outputs, name="twin")


@model(x(2, 4), x(2, 4))
def functional_nested_twice():
    t = Input((4,))
    encoder = Model(t, L.Dense(3, activation="tanh")(t), name="encoder")
    a, b = Input((4,), name="left"), Input((4,), name="right")
    ea, eb = encoder(a), encoder(b)
    distance = L.Subtract()([ea, eb])
    return Model([a, b], [L.Dense(1)(distance), ea])


@model(x(2, 6), x(2, 3))
def functional_nested_many():
    """A nested model with two inputs and two outputs, inside another nested one."""
    a, b = Input((6,)), Input((3,))
    da = L.Dense(3)(a)
    inner = Model([a, b], [L.Add()([da, b]), L.Multiply()([da, b])], name="inner")
    c, d = Input((6,)), Input((3,))
    first, second = inner([c, d])
    middle = Model([c, d], [L.Dense(2)(second), first], name="middle")
    e, f = Input((6,), name="wide"), Input((3,), name="narrow")
    p, q = middle([e, f])
    return Model([e, f], [q, p])


@model(x(2, 4), x(2, 4))
def functional_operators():
    a, b = Input((4,), name="a"), Input((4,), name="b")
    c = (a * 2.0 + b) / 3.0 - 1.0
    d = -abs(a) ** 2.0
    e = 1.0 - b
    f = ops.concatenate([c[:, 1:], d[:, :2], e[..., ::2]], axis=-1)
    return Model([a, b], [L.Dense(2)(f), ops.mean(f, axis=1, keepdims=True)])


@model(x(2, 3, 4))
def functional_ops():
    a = Input((3, 4))
    b = ops.relu(a)
    c = ops.matmul(b, ops.transpose(a, (0, 2, 1)))
    d = ops.softmax(c, axis=-1)
    e = ops.sum(d * ops.exp(-ops.square(c)), axis=2)
    f = ops.reshape(e, (-1, 3, 1))
    g = ops.maximum(f, ops.expand_dims(ops.max(a, axis=-1), -1))
    h = ops.squeeze(g, axis=-1)
    i, j = ops.split(ops.stack([h, e], axis=1), 2, axis=1)
    return Model(a, [ops.tanh(h), ops.where(ops.greater(i, j), i, j), ops.clip(e, -0.5, 0.5)])


@model(x(2, 3))
def functional_constants():
    a = Input((3,))
    b = a + np.array([1.0, 2.0, 3.0], dtype="float32")
    c = ops.multiply(np.array([[2.0], [3.0]], dtype="float32"), b)
    return Model(a, [b, c])


@model(x(2, 5, 4), x(2, 3, 4))
def functional_call_options():
    a, b = Input((5, 4), name="a"), Input((3, 4), name="b")
    attended = L.MultiHeadAttention(2, 3)(a, b, use_causal_mask=True)
    normal = L.BatchNormalization()(attended, training=False)
    dropped = L.Dropout(0.5)(normal, training=False)
    with_key = L.MultiHeadAttention(1, 2)(dropped, b, key=b)
    output, scores = L.Attention(use_scale=True)([with_key, b], return_attention_scores=True)
    return Model([a, b], [output, scores])


@model(x(2, 3, 4), const([[1, 1, 0], [1, 0, 0]], "bool"))
def functional_mask_as_input():
    a, keep = Input((3, 4)), Input((3,), dtype="bool", name="keep")
    return Model([a, keep], L.LSTM(2, return_sequences=True)(a, mask=keep))


@model(x(2, 4, 3), x(2, 5, 2))
def rnn_initial_state():
    a, b = Input((4, 3), name="encoder_in"), Input((5, 2), name="decoder_in")
    _, h, c = L.LSTM(4, return_state=True, name="encoder")(a)
    decoded = L.LSTM(4, return_sequences=True, name="decoder")(b, initial_state=[h, c])
    return Model([a, b], L.Dense(2)(decoded))


@model(x(2, 4, 3), x(2, 3))
def rnn_state_as_input():
    a, h = Input((4, 3)), Input((3,), name="state")
    sequence, last = L.GRU(3, return_sequences=True, return_state=True)(a, initial_state=h)
    return Model([a, h], [sequence, last])


@model(x(2, 4, 3))
def rnn_zoo():
    a = Input((4, 3))
    b = L.SimpleRNN(3, return_sequences=True, go_backwards=True)(a)
    c = L.RNN([L.LSTMCell(3), L.GRUCell(2)], return_sequences=True)(b)
    d = L.Bidirectional(L.GRU(2, return_sequences=True), merge_mode="sum",
                        backward_layer=L.LSTM(2, return_sequences=True, go_backwards=True))(c)
    e = L.TimeDistributed(L.LayerNormalization())(d)
    return Model(a, L.Bidirectional(L.LSTM(2), merge_mode=None)(e))


@model(x(1, 3, 4, 5, 2))
def rnn_convolution():
    a = Input((3, 4, 5, 2))
    b = L.ConvLSTM2D(2, 2, padding="same", return_sequences=True)(a)
    return Model(a, L.TimeDistributed(L.Conv2D(1, 2))(b))


@model(const([[1, 2, 0, 0], [3, 1, 2, 0]], "int32"))
def masked_embedding():
    """Keras records the op that makes the mask."""
    a = Input((4,), dtype="int32")
    b = L.Embedding(5, 3, mask_zero=True)(a)
    c = L.LSTM(3, return_sequences=True)(b)
    return Model(a, L.GlobalAveragePooling1D()(c))


@model(x(2, 3), x(2, 4))
def dictionaries():
    inputs = {"first": Input((3,), name="first"), "second": Input((4,), name="second")}
    joined = L.Concatenate()([L.Dense(2)(inputs["first"]), inputs["second"]])
    return Model(inputs, {"score": L.Dense(1, name="score")(joined),
                          "class": L.Dense(2, name="class", activation="softmax")(joined)})


@model(x(2, 3), x(2, 4), x(2, 5))
def nested_structures():
    a, b, c = (Input((n,), name=name) for n, name in ((3, "a"), (4, "b"), (5, "c")))
    left, right = L.Dense(2, name="left")(a), L.Dense(2, name="right")(b)
    joined = L.Dense(3, name="joined")(L.Concatenate()([left, right, c]))
    return Model([{"one": a, "two": [b]}, c], [{"p": left, "q": [right, joined]}, joined])


@model(x(2, 6, 6, 3))
def residual():
    a = Input((6, 6, 3))
    b = L.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(a)
    b = L.BatchNormalization(momentum=0.9, epsilon=1e-5)(b)
    b = L.Activation("relu")(b)
    c = L.SeparableConv2D(4, 3, padding="same")(b)
    c = L.GroupNormalization(groups=2)(c)
    d = L.Add()([b, c])
    d = L.LeakyReLU(negative_slope=0.1)(d)
    e = L.Conv2DTranspose(2, 3, strides=2, padding="same", activation="sigmoid")(d)
    return Model(a, [e, L.GlobalMaxPooling2D()(d)], name="residual")


@model(ids(11, 2, 5))
def transformer():
    a = Input((5,), dtype="int32")
    embedding = L.ReversibleEmbedding(11, 6)
    b = embedding(a)
    c = L.MultiHeadAttention(2, 3, dropout=0.1)(b, b, use_causal_mask=True)
    b = L.LayerNormalization(epsilon=1e-6)(b + c)
    c = L.Dense(6)(L.Dense(12, activation="gelu")(b))
    b = L.RMSNormalization()(b + c)
    b = L.GroupQueryAttention(3, 2, 1)(b, b)
    return Model(a, embedding(b, reverse=True))


@model(x(2, 4))
def part_of_a_larger_graph():
    """Nodes that do not belong to the model are skipped in its node numbers."""
    a, other = Input((4,), name="a"), Input((4,), name="other")
    shared = L.Dense(4, name="shared")
    outside = shared(other)
    first = shared(a)
    L.Dense(2)(shared(outside))
    second = shared(L.ReLU()(first))
    return Model(a, [L.Dense(2, name="out")(second), first])


@model(x(3, 4))
def compiled():
    model = Sequential([Input((4,)), L.Dense(3), L.Dense(1)])
    model.compile(optimizer=keras.optimizers.Adam(0.01, clipnorm=1.0), loss="mse",
                  metrics=["mae", keras.metrics.RootMeanSquaredError()])
    return model


@model(x(2, 4))
def every_object():
    """Initializers, regularizers and constraints as objects."""
    i, r, c = keras.initializers, keras.regularizers, keras.constraints
    a = Input((4,))
    b = L.Dense(3, kernel_initializer=i.VarianceScaling(2.0, "fan_avg", "uniform", seed=1),
                bias_initializer=i.Constant(0.5), kernel_regularizer=r.L1L2(0.1, 0.2),
                bias_regularizer=r.L2(0.3), activity_regularizer=r.L1(0.4),
                kernel_constraint=c.MinMaxNorm(0.1, 0.9, 0.5, axis=1),
                bias_constraint=c.NonNeg())(a)
    d = L.Dense(3, kernel_initializer=i.Orthogonal(0.7, seed=2), bias_initializer="ones",
                kernel_regularizer=r.OrthogonalRegularizer(0.1, "columns"),
                kernel_constraint=c.UnitNorm(axis=0), trainable=False)(b)
    e = L.PReLU(alpha_initializer=i.TruncatedNormal(0.1, 0.2, seed=3), shared_axes=[1])(d)
    return Model(a, L.Activation(keras.activations.silu)(e))


@model(uniform(0, 255, 2, 6, 5, 3))
def image_preprocessing():
    return Sequential([
        Input((6, 5, 3)), L.RandomFlip("horizontal", seed=1), L.RandomRotation(0.1, seed=2),
        L.CenterCrop(4, 4), L.Rescaling(1 / 255), L.Normalization(mean=[0.4, 0.5, 0.6],
                                                                  variance=[0.1, 0.2, 0.3]),
        L.Conv2D(2, 2), L.SpatialDropout2D(0.2), L.GaussianNoise(0.1), L.Flatten()])


@model(strings([["cat"], ["dog"], ["cow"]]), ids(4, 3, 1, dtype="int64"), engine="tensorflow")
def string_preprocessing():
    a, b = Input((1,), dtype="string", name="animal"), Input((1,), dtype="int64", name="number")
    c = L.StringLookup(vocabulary=["dog", "cat"], output_mode="one_hot")(a)
    d = L.IntegerLookup(vocabulary=[1, 2, 3])(b)
    e = L.Flatten()(L.Embedding(5, 2)(d))
    return Model([a, b], L.Dense(2)(L.Concatenate()([c, e])))


@keras.saving.register_keras_serializable("lunula")
class Scale(L.Layer):
    """A layer of a user: x * factor + bias."""

    def __init__(self, factor=2.0, **options):
        super().__init__(**options)
        self.factor = factor

    def build(self, shape):
        self.bias = self.add_weight(shape=(shape[-1],), name="bias")

    def call(self, inputs):
        return inputs * self.factor + self.bias

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


@model(x(2, 3), custom={"Scale": "args factor=2.0; weight bias (last axis); x * factor + bias"})
def custom_layer():
    return Sequential([Input((3,)), Scale(3.0), L.Dense(2), Scale()])


@model(x(2, 3), custom={"square_plus": "x * x + 1", "scale_shift": "x * scale + shift"},
       note="Keras itself reads this with safe_mode off only")
def named_lambda():
    return Sequential([Input((3,)), L.Lambda(square_plus), L.Dense(2),
                       L.Lambda(scale_shift, arguments={"scale": 2.0, "shift": 1.0})])


@model(x(2, 3), x(2, 3), x(2, 3))
def merges():
    inputs = [Input((3,), name=n) for n in "abc"]
    found = [cls()(inputs) for cls in (L.Add, L.Average, L.Multiply, L.Maximum, L.Minimum)]
    found.append(L.Dot(axes=1, normalize=True)(inputs[:2]))
    return Model(inputs, L.concatenate([*found, L.subtract(inputs[1:])], axis=-1))


@model(x(2, 3), x(2, 3))
def frozen():
    inner = Sequential([Input((3,)), L.Dense(3), L.BatchNormalization()], name="inner")
    inner.trainable = False
    a, b = Input((3,)), Input((3,))
    return Model([a, b], L.Add()([inner(a), L.Dense(3, trainable=False)(b)]))


@model(x(4, 2, 3))
def fixed_batch():
    return Sequential([Input(batch_shape=(4, None, 3)), L.LSTM(2, stateful=True,
                                                               return_sequences=True)])


# ---- a text with as little as Keras 3 reads: absent fields, nulls, names for objects

def spec(module, class_name, **config):
    return {"module": module, "class_name": class_name, "config": config}


MINIMAL = spec("keras", "Sequential", name="least", layers=[
    spec("keras.layers", "InputLayer", batch_shape=[None, 6, 5, 2]),
    spec("keras.layers", "Conv2D", filters=3, kernel_size=3, activation="relu",
         kernel_initializer="he_normal", kernel_regularizer="l2"),
    spec("keras.layers", "BatchNormalization", name=None, dtype=None),
    spec("keras.layers", "MaxPooling2D", strides=None, data_format=None),
    spec("keras.layers", "Flatten"),
    spec("keras.layers", "Dense", units=2, activation=None, kernel_constraint="non_neg"),
    spec("keras.layers", "Softmax")])
MODELS["text_minimal"] = (
    lambda: keras.models.model_from_json(json.dumps(MINIMAL)),
    {"inputs": (x(2, 6, 5, 2),), "text": MINIMAL})
