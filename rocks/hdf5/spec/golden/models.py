"""The models whose files are recorded: one function each, registered by its name.

A function gets `keras` (3, or tf_keras), and returns {"model", "x": inputs, and,
where it is trained, "y"}. Every layer's numbers come from a stream that is named
after the model, so that a second run writes the same numbers.
"""

import zlib

import numpy as np

MODELS = {}


def model(fn):
    MODELS[fn.__name__] = fn
    return fn


def random(*shape, name="x", low=-1.0, high=1.0):
    stream = np.random.RandomState(zlib.crc32(f"{name}/{shape}".encode()))
    return stream.uniform(low, high, shape).astype("float32")


def trained(model, optimizer, x, y, loss="mse", **more):
    """Compiled and moved by two steps, so that the optimizer has a state."""
    model.compile(optimizer, loss, **more)
    for _ in range(2):
        model.train_on_batch(x, y)
    return {"model": model, "x": x, "y": y}


def simple(keras, layers, x, optimizer="adam", outputs=None):
    """A Sequential, trained towards random numbers."""
    m = keras.Sequential([keras.Input(x.shape[1:]), *layers])
    scramble(m)
    y = random(*m(x).shape, name="y")
    return trained(m, optimizer, x, y)


def scramble(m):
    """Random weights everywhere: zeros and ones would hide what is mixed up."""
    for i, v in enumerate(m.weights):
        name = f"{i}"
        low = 0.5 if "variance" in v.name else -1.0
        if v.shape == () or "int" in str(v.dtype):
            continue
        v.assign(random(*v.shape, name=name, low=low))


# ---- layers ------------------------------------------------------------------


@model
def dense(k):
    L = k.layers
    return simple(k, [L.Dense(4, "relu"), L.BatchNormalization(), L.Dropout(0.0),
                      L.Dense(3, "softmax", use_bias=False)], random(6, 5), "sgd")


@model
def conv1d(k):
    L = k.layers
    return simple(k, [L.Conv1D(4, 3, padding="causal"), L.SeparableConv1D(3, 2),
                      L.MaxPooling1D(2), L.Flatten(), L.Dense(2)], random(3, 8, 2))


@model
def conv2d(k):
    L = k.layers
    return simple(k, [L.Conv2D(3, 3, strides=2, use_bias=False), L.BatchNormalization(),
                      L.DepthwiseConv2D(2, depth_multiplier=2), L.Conv2DTranspose(2, 2),
                      L.SeparableConv2D(2, 2), L.GlobalAveragePooling2D(), L.Dense(2)],
                  random(2, 9, 8, 2), "rmsprop")


@model
def conv3d(k):
    L = k.layers
    return simple(k, [L.Conv3D(2, 2), L.Conv3DTranspose(2, 2), L.AveragePooling3D(2),
                      L.Flatten(), L.Dense(2)], random(2, 5, 4, 4, 1), "nadam")


@model
def lstm(k):
    L = k.layers
    return simple(k, [L.LSTM(3, return_sequences=True), L.LSTM(2)], random(3, 4, 2))


@model
def gru(k):
    L = k.layers
    return simple(k, [L.GRU(3, reset_after=True)], random(3, 4, 2))


@model
def gru_reset_before(k):
    L = k.layers
    return simple(k, [L.GRU(3, reset_after=False)], random(3, 4, 2))


@model
def simple_rnn(k):
    L = k.layers
    return simple(k, [L.SimpleRNN(3, return_sequences=True), L.SimpleRNN(2, go_backwards=True)],
                  random(3, 4, 2))


@model
def bidirectional(k):
    L = k.layers
    return simple(k, [L.Bidirectional(L.LSTM(3, return_sequences=True)),
                      L.Bidirectional(L.GRU(2), merge_mode="sum")], random(3, 4, 2))


@model
def stacked_cells(k):
    L = k.layers
    return simple(k, [L.RNN([L.LSTMCell(3), L.GRUCell(2), L.LSTMCell(2)])], random(3, 4, 2))


@model
def conv_lstm(k):
    L = k.layers
    return simple(k, [L.ConvLSTM2D(2, 2, return_sequences=True), L.ConvLSTM2D(1, 2),
                      L.Flatten()], random(2, 3, 5, 4, 1))


@model
def conv_lstm1d(k):
    L = k.layers
    return simple(k, [L.ConvLSTM1D(2, 2), L.Flatten()], random(2, 3, 5, 1))


@model
def time_distributed(k):
    L = k.layers
    return simple(k, [L.TimeDistributed(L.Dense(3)), L.TimeDistributed(L.Dense(2)), L.Flatten()],
                  random(2, 3, 4))


@model
def embedding(k):
    L = k.layers
    m = k.Sequential([k.Input((None,), dtype="int32"), L.Embedding(7, 3, mask_zero=True),
                      L.LSTM(3), L.Dense(2)])
    scramble(m)
    x = np.array([[1, 2, 3, 0], [4, 5, 0, 0], [6, 1, 2, 3]], "int32")
    return trained(m, "sgd", x, random(3, 2, name="y"))     # TensorFlow's Adam skips rows


@model
def attention(k):
    L = k.layers
    q, v = k.Input((3, 4), name="q"), k.Input((5, 4), name="v")
    a = L.Attention(use_scale=True, score_mode="concat")([q, v])
    b = L.AdditiveAttention()([q, v])
    m = k.Model([q, v], L.Flatten()(L.Add()([a, b])))
    scramble(m)
    return trained(m, "adam", [random(2, 3, 4), random(2, 5, 4)], random(2, 12, name="y"))


@model
def multi_head_attention(k):
    L = k.layers
    q, v = k.Input((3, 4), name="q"), k.Input((5, 4), name="v")
    a = L.MultiHeadAttention(2, 3)(q, v)
    a = L.LayerNormalization()(L.Add()([a, q]))
    m = k.Model([q, v], L.Flatten()(L.MultiHeadAttention(2, 2, value_dim=3)(a, a)))
    scramble(m)
    return trained(m, "adam", [random(2, 3, 4), random(2, 5, 4)], random(2, 12, name="y"))


@model
def group_query_attention(k):
    L = k.layers
    x = k.Input((3, 4))
    m = k.Model(x, L.Flatten()(L.GroupQueryAttention(2, 4, 2)(x, x)))
    scramble(m)
    return trained(m, "adam", random(2, 3, 4), random(2, 12, name="y"))


@model
def norms(k):
    L = k.layers
    return simple(k, [L.LayerNormalization(), L.GroupNormalization(2), L.RMSNormalization(),
                      L.SpectralNormalization(L.Dense(4)), L.UnitNormalization(), L.Dense(2)],
                  random(4, 6))


@model
def activations(k):
    L = k.layers
    return simple(k, [L.EinsumDense("abc,cd->abd", (2, 4), bias_axes="d"), L.PReLU(),
                      L.LeakyReLU(), L.ELU(), L.Flatten(), L.Dense(2)], random(3, 2, 3))


# ---- shapes of models --------------------------------------------------------


@model
def nested(k):
    L = k.layers
    inner = k.Sequential([k.Input((4,)), L.Dense(3, use_bias=False), L.BatchNormalization(),
                          L.Dense(3)], name="inner")
    x = k.Input((4,))
    a = inner(x)
    middle = k.Model(x, [L.Dense(2)(a), L.Dense(3)(a)], name="middle")
    y = k.Input((4,))
    outputs = middle(y)
    m = k.Model(y, L.Concatenate()([L.Dense(2)(outputs[0]), outputs[1]]))
    scramble(m)
    return trained(m, "adam", random(4, 4), random(4, 5, name="y"))


@model
def shared(k):
    L = k.layers
    a, b, one = k.Input((4,), name="a"), k.Input((4,), name="b"), L.Dense(3)
    m = k.Model([a, b], L.Subtract()([one(a), L.Activation("tanh")(one(b))]))
    scramble(m)
    return trained(m, "adam", [random(3, 4), random(3, 4, name="b")], random(3, 3, name="y"))


@model
def branches(k):
    """Layers of one class on branches of different lengths: their order is Keras's."""
    L = k.layers
    x = k.Input((4,))
    a = L.Dense(3)(L.Dense(3)(L.Dense(3)(x)))
    b = L.Dense(3)(x)
    c = L.Dense(3)(L.Dense(3)(b))
    m = k.Model(x, [L.Dense(2)(L.Add()([a, b])), L.Dense(2)(c)])
    scramble(m)
    return trained(m, "adam", random(3, 4), [random(3, 2, name="y"), random(3, 2, name="z")],
                   loss=["mse", "mae"], loss_weights=[1.0, 0.5])


@model
def dictionaries(k):
    L = k.layers
    x = {"first": k.Input((3,), name="first"), "second": k.Input((4,), name="second")}
    h = L.Concatenate()([L.Dense(3)(x["first"]), L.Dense(2)(x["second"])])
    m = k.Model(x, {"p": L.Dense(2, name="p")(h), "q": L.Dense(1, name="q")(h)})
    scramble(m)
    data = {"first": random(3, 3), "second": random(3, 4)}
    return trained(m, "adam", data, {"p": random(3, 2, name="y"), "q": random(3, 1, name="z")},
                   loss={"p": "mse", "q": "mae"}, metrics={"p": ["mae"], "q": []})


@model
def operations(k):
    L = k.layers
    x = k.Input((4,))
    h = L.Dense(3)(x)
    m = k.Model(x, k.ops.tanh(h * 2.0 + 1.0) - k.ops.sum(x, axis=1, keepdims=True))
    scramble(m)
    return trained(m, "adam", random(3, 4), random(3, 3, name="y"))


@model
def frozen(k):
    L = k.layers
    m = k.Sequential([k.Input((4,)), L.Dense(3), L.Dense(3), L.BatchNormalization(), L.Dense(2)])
    m.layers[1].trainable = False
    m.layers[2].trainable = False
    scramble(m)
    return trained(m, "adam", random(3, 4), random(3, 2, name="y"))


@model
def many(k):
    """More layers than a table of links in a file holds."""
    L = k.layers
    return simple(k, [L.Dense(2) for _ in range(40)], random(2, 2), k.optimizers.SGD(1e-6))


@model
def unused(k):
    L = k.layers
    m = k.Sequential([k.Input((4,)), L.Dense(3)])
    scramble(m)
    return {"model": m, "x": random(2, 4)}


@model
def untrained(k):
    L = k.layers
    m = k.Sequential([k.Input((4,)), L.Dense(3)])
    scramble(m)
    m.compile(k.optimizers.Adam(0.03), "mse")
    return {"model": m, "x": random(2, 4), "y": random(2, 3, name="y")}


# ---- preprocessing -----------------------------------------------------------


@model
def normalization(k):
    L = k.layers
    n, d = L.Normalization(), L.Discretization(num_bins=4, output_mode="one_hot")
    n.adapt(random(20, 3, high=5.0))
    d.adapt(random(20, 3, high=5.0))
    x = k.Input((3,))
    m = k.Model(x, L.Concatenate()([L.Dense(2)(n(x)), L.Flatten()(d(x))]))
    return {"model": m, "x": random(4, 3, high=5.0)}


@model
def integer_lookup(k):
    L = k.layers
    look = L.IntegerLookup(output_mode="multi_hot")
    look.adapt(np.array([[5, 7], [7, 9], [7, 11]]))
    x = k.Input((2,), dtype="int64")
    m = k.Model(x, L.Dense(2)(look(x)))
    scramble(m)
    return {"model": m, "x": np.array([[5, 7], [9, 1]], "int64")}


def texts(k, layer, x, *more):
    """Strings go into the first layer of a Sequential."""
    m = k.Sequential([k.Input((len(x[0]),), dtype="string"), layer, *more])
    scramble(m)
    return {"model": m, "x": np.array(x, dtype=object)}


@model
def string_lookup(k):
    look = k.layers.StringLookup(num_oov_indices=2)
    look.adapt(np.array([["a", "b"], ["b", "c"]]))
    return texts(k, look, [["a", "z"], ["c", "b"]], k.layers.Embedding(6, 2))


@model
def string_lookup_tf_idf(k):
    look = k.layers.StringLookup(output_mode="tf_idf")
    look.adapt(np.array([["a", "b"], ["b", "c"], ["b", "é"]]))
    return texts(k, look, [["a", "z"], ["é", "b"]], k.layers.Dense(2))


@model
def text_vectorization(k):
    text = k.layers.TextVectorization(output_sequence_length=5)
    text.adapt(np.array(["the cat sat", "the dog", "a cat, a dog!"]))
    return texts(k, text, [["The cat"], ["dog a bird"]], k.layers.Embedding(9, 2))


@model
def text_functional(k):
    """Two inputs of strings, by their names, that meet in the middle."""
    title = k.Input((), dtype="string", name="title")
    tags = k.Input((2,), dtype="string", name="tags")
    text = k.layers.TextVectorization(output_sequence_length=3, vocabulary=["cat", "the", "dog"])
    look = k.layers.StringLookup(vocabulary=["a", "b"], num_oov_indices=1)
    embed = k.layers.Embedding(5, 2)
    both = k.layers.Concatenate(axis=1)([embed(text(title)), embed(look(tags))])
    m = k.Model({"title": title, "tags": tags}, k.layers.Dense(2)(k.layers.Flatten()(both)))
    scramble(m)
    return {"model": m, "x": {"title": np.array(["The cat", "a dog!"], dtype=object),
                              "tags": np.array([["a", "z"], ["b", "a"]], dtype=object)}}


@model
def text_tf_idf(k):
    text = k.layers.TextVectorization(output_mode="tf_idf", ngrams=2)
    text.adapt(np.array(["the cat sat", "the dog", "a cat, a dog!"]))
    return texts(k, text, [["The cat"], ["dog a bird"]], k.layers.Dense(2))


# ---- classes of one's own ----------------------------------------------------


def custom_classes(k):
    L = k.layers

    @k.saving.register_keras_serializable("mine")
    class Scaled(L.Layer):
        def __init__(self, units, **more):
            super().__init__(**more)
            self.units = units
            self.blocks = [L.Dense(units), L.Dense(units)]
            self._last = L.Dense(units)
            self.Aside = L.Dense(units)

        def build(self, shape):
            self.scale = self.add_weight(name="scale", shape=(shape[-1],), initializer="ones")
            self.blocks[0].build(shape)
            for layer in (self.blocks[1], self._last, self.Aside):
                layer.build((*shape[:-1], self.units))
            super().build(shape)

        def call(self, x):
            x = x * self.scale
            for layer in (*self.blocks, self._last, self.Aside):
                x = layer(x)
            return x

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    @k.saving.register_keras_serializable("mine")
    class Net(k.Model):
        def __init__(self, units=3, **more):
            super().__init__(**more)
            self.units = units
            self.zeta = L.Dense(units)
            self.alpha = L.Dense(units)
            self._hidden = Scaled(units)

        def call(self, x):
            return self._hidden(self.alpha(self.zeta(x)))

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    return Scaled, Net


@model
def custom_layer(k):
    Scaled, _ = custom_classes(k)
    return simple(k, [Scaled(3), k.layers.Dense(2)], random(3, 4))


@model
def subclassed(k):
    _, Net = custom_classes(k)
    m = Net(3)
    x = random(3, 4)
    m(x)
    scramble(m)
    return trained(m, "adam", x, random(3, 3, name="y"))


# ---- optimizers --------------------------------------------------------------


def optimizers(k):
    O = k.optimizers
    return {
        "sgd": lambda: O.SGD(0.05, momentum=0.9, nesterov=True),
        "sgd_gathering": lambda: O.SGD(0.05, momentum=0.5, gradient_accumulation_steps=3),
        "sgd_average": lambda: O.SGD(0.05, use_ema=True, ema_momentum=0.5,
                                     ema_overwrite_frequency=3),
        "sgd_schedule": lambda: O.SGD(O.schedules.ExponentialDecay(0.1, 2, 0.5)),
        "rmsprop": lambda: O.RMSprop(0.01, momentum=0.5, centered=True),
        "adam": lambda: O.Adam(0.01, amsgrad=True, clipnorm=0.5),
        "adamw": lambda: O.AdamW(0.01, weight_decay=0.1),
        "adamax": lambda: O.Adamax(0.01), "nadam": lambda: O.Nadam(0.01),
        "adagrad": lambda: O.Adagrad(0.05), "adadelta": lambda: O.Adadelta(0.5),
        "adafactor": lambda: O.Adafactor(0.05), "ftrl": lambda: O.Ftrl(0.05),
        "lion": lambda: O.Lion(0.01), "lamb": lambda: O.Lamb(0.01),
        "muon": lambda: O.Muon(0.01), "schedule_free": lambda: O.ScheduleFreeAdamW(0.01),
    }


def of_optimizer(name):
    def make(k):
        L = k.layers
        made = simple(k, [L.Dense(3, "tanh"), L.Dense(2)], random(4, 4), optimizers(k)[name]())
        if name == "schedule_free":     # on TensorFlow it reads what it has just written
            made["y"] = None
        return made

    make.__name__ = f"optimizer_{name}"
    model(make)


for _name in ("sgd", "sgd_gathering", "sgd_average", "sgd_schedule", "rmsprop", "adam", "adamw",
              "adamax", "nadam", "adagrad", "adadelta", "adafactor", "ftrl", "lion", "lamb",
              "muon", "schedule_free"):
    of_optimizer(_name)
