"""The models of Keras 2: as tf_keras writes them, and as older ones did."""

import copy
import json

from .cases import const, ids, x

MODELS = {}
ENGINE = "tf_keras"


def model(*inputs, **options):
    def add(function):
        MODELS[function.__name__] = (function, {"inputs": inputs, **options})
        return function

    return add


def keras():
    import tf_keras

    return tf_keras, tf_keras.layers


@model(x(3, 8))
def sequential_dense():
    k, L = keras()
    return k.Sequential([
        L.Dense(5, activation="relu", input_shape=(8,)), L.Dropout(0.5), L.BatchNormalization(),
        L.Dense(3, activation="softmax")])


@model(x(2, 6, 6, 2))
def sequential_conv():
    k, L = keras()
    return k.Sequential([
        L.Conv2D(3, (3, 3), padding="same", input_shape=(6, 6, 2)), L.LeakyReLU(alpha=0.2),
        L.DepthwiseConv2D(2), L.AveragePooling2D(), L.Conv2DTranspose(2, 2, strides=2),
        L.SeparableConv2D(2, 2), L.ELU(0.5), L.Flatten(), L.Dense(2, activation="hard_sigmoid")])


@model(ids(7, 2, 5))
def sequential_text():
    k, L = keras()
    return k.Sequential([
        L.Embedding(7, 4, mask_zero=True, input_length=5), L.LSTM(3, return_sequences=True),
        L.GRU(3, implementation=1), L.Dense(2)])


@model(x(2, 4, 3))
def sequential_stateful():
    k, L = keras()
    return k.Sequential([
        L.LSTM(3, stateful=True, return_sequences=True, batch_input_shape=(2, 4, 3)),
        L.SimpleRNN(2), L.Dense(1)])


@model(x(2, 6, 2))
def sequential_dropped_layers():
    k, L = keras()
    return k.Sequential([
        L.LocallyConnected1D(3, 3, input_shape=(6, 2)), L.ThresholdedReLU(theta=0.3),
        L.Reshape((2, 2, 3)), L.LocallyConnected2D(2, (1, 2)), L.Flatten(), L.Dense(2)])


@model(x(2, 7, 7, 2), note="names with slashes, as DenseNet and MobileNetV3 have them")
def slashes():
    k, L = keras()
    start = k.Input((7, 7, 2), name="data/in")
    y = L.Conv2D(3, 3, strides=2, use_bias=False, name="conv1/conv")(start)
    y = L.BatchNormalization(name="conv1/bn")(y)
    z = L.ReLU(name="block/squeeze/relu")(y)
    z = L.GlobalAveragePooling2D(keepdims=True, name="block/squeeze/pool")(z)
    z = L.ReLU(6.0, name="block/gate")(L.Conv2D(3, 1, name="block/conv")(z) + 3.0) * (1.0 / 6.0)
    y = L.Concatenate(name="block/concat")([y, L.Multiply(name="block/mul")([y, z])])
    return k.Model(start, L.Dense(2, name="top/dense")(L.Flatten()(y)), name="excerpt/of")


@model(x(2, 4), note="layers that only InceptionResNetV2 and ConvNeXt have")
def of_applications():
    k, L = keras()
    from tf_keras.src.applications import convnext, inception_resnet_v2

    a = k.Input((4,))
    b = convnext.LayerScale(1e-6, 4, name="stage/scale")(L.Dense(4)(a))
    return k.Model(a, inception_resnet_v2.CustomScaleLayer(0.17)([a, b]))


@model(x(2, 4), x(2, 4))
def functional_shared():
    k, L = keras()
    a, b = k.Input((4,), name="a"), k.Input((4,), name="b")
    shared = L.Dense(3, name="shared")
    merged = L.concatenate([shared(a), shared(b)])
    return k.Model([a, b], [L.Dense(1, name="o1")(merged), L.Dense(2, name="o2")(merged)])


@model(x(2, 4), x(2, 4))
def functional_nested():
    k, L = keras()
    t = k.Input((4,))
    encoder = k.Model(t, L.Dense(3, activation="tanh")(t), name="encoder")
    tail = k.Sequential([L.Dense(2, input_shape=(3,)), L.Softmax()], name="tail")
    a, b = k.Input((4,)), k.Input((4,))
    ea, eb = encoder(a), encoder(b)
    return k.Model([a, b], [tail(L.add([ea, eb])), eb])


@model(x(2, 5, 4), x(2, 3, 4))
def functional_call_options():
    k, L = keras()
    a, b = k.Input((5, 4)), k.Input((3, 4))
    attended = L.MultiHeadAttention(2, 3)(a, b)
    normal = L.BatchNormalization()(attended, training=False)
    return k.Model([a, b], L.Attention()([L.Dropout(0.4)(normal, training=False), b]))


@model(x(2, 4, 3), x(2, 5, 2))
def rnn_initial_state():
    k, L = keras()
    a, b = k.Input((4, 3)), k.Input((5, 2))
    _, h, c = L.LSTM(4, return_state=True, name="encoder")(a)
    decoded = L.LSTM(4, return_sequences=True, name="decoder")(b, initial_state=[h, c])
    return k.Model([a, b], L.TimeDistributed(L.Dense(2))(decoded))


@model(x(2, 4, 3))
def rnn_wrappers():
    k, L = keras()
    a = k.Input((4, 3))
    b = L.Bidirectional(L.LSTM(3, return_sequences=True), merge_mode="ave")(a)
    c = L.RNN([L.GRUCell(3), L.LSTMCell(2)], return_sequences=True)(b)
    d = L.Bidirectional(L.GRU(2, reset_after=False), merge_mode="concat")(c)
    return k.Model(a, d)


@model(const([[1, 2, 0, 0], [3, 1, 2, 0]], "int32"))
def masked_embedding():
    k, L = keras()
    a = k.Input((4,), dtype="int32")
    b = L.Embedding(5, 3, mask_zero=True)(a)
    return k.Model(a, L.GlobalAveragePooling1D()(L.GRU(3, return_sequences=True)(b)))


@model(x(2, 3, 4, 5, 2))
def conv_lstm():
    k, L = keras()
    a = k.Input((3, 4, 5, 2))
    b = L.ConvLSTM2D(2, (2, 2), padding="same", return_sequences=True)(a)
    return k.Model(a, L.ConvLSTM2D(1, (3, 3), recurrent_activation="sigmoid")(b))


@model(x(2, 4), x(2, 4), note="tf_keras writes operators as TFOpLambda and SlicingOpLambda")
def operators():
    k, L = keras()
    a, b = k.Input((4,)), k.Input((4,))
    return k.Model([a, b], L.Dense(2)((a * 2.0 + b)[:, 1:]))


@model(x(2, 4), x(2, 4), note="ops of TensorFlow that models hold")
def many_operators():
    import tensorflow as tf

    k, _ = keras()
    a, b = k.Input((4,)), k.Input((4,))
    square = tf.reshape(b, [-1, 2, 2])
    return k.Model([a, b], [
        tf.nn.relu(a) - b, 1.0 - a, tf.concat([a, b], 1), tf.reduce_mean(a, axis=1, keepdims=True),
        tf.expand_dims(a, 1), tf.transpose(square, [0, 2, 1]), tf.linalg.matmul(square, square),
        tf.clip_by_value(a, -0.5, 0.5), tf.stack([a, b], 1), tf.where(a > b, a, b),
        tf.square(a) + tf.exp(b), tf.nn.softmax(a), a[:, ::2], a[:, None, 1:3],
        tf.math.l2_normalize(a, axis=1), tf.nn.gelu(a), tf.nn.leaky_relu(a, 0.3),
        tf.maximum(a, 0.1), tf.cast(tf.argmax(a, 1), tf.float32), tf.split(a, 2, axis=1)[1],
        tf.reduce_logsumexp(a, 1), tf.gather(a, [0, 2], axis=1), tf.pad(a, [[0, 0], [1, 1]]),
        tf.tile(a, [1, 2]), abs(a) / (b * b + 1.0), tf.norm(a, axis=1),
        k.backend.sum(square, axis=[1, 2])])


@model(x(2, 6, 6, 3))
def preprocessing():
    k, L = keras()
    return k.Sequential([
        k.Input((6, 6, 3)), L.RandomFlip(), L.RandomRotation(0.1), L.RandomContrast(0.2),
        L.CenterCrop(4, 4), L.Rescaling(2.0, 0.1),
        L.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0]), L.Flatten(), L.Dense(2)])


@model(x(2, 6, 3))
def layers_within():
    """Layers as activations, models and initial states inside of wrappers."""
    k, L = keras()
    a = k.Input((6, 3))
    b = L.Dense(4, activation=L.LeakyReLU(0.2), kernel_regularizer="l2")(a)
    part = k.Sequential([L.Dense(2, input_shape=(4,)), L.ELU()])
    c = L.TimeDistributed(part)(b)
    _, *states = L.Bidirectional(L.GRU(2, return_state=True))(c)
    d = L.Bidirectional(L.GRU(2, return_sequences=True))(b, initial_state=states)
    return k.Model(a, [d, L.TimeDistributed(L.ReLU(6.0, 0.1))(b)])


@model(x(2, 3), ids(7, 2, 5))
def masks_and_dictionaries():
    k, L = keras()
    a, b = k.Input((5,), dtype="int32", name="words"), k.Input((3,), name="facts")
    c = L.Embedding(7, 3, mask_zero=True)(a)
    d = L.Bidirectional(L.LSTM(2, return_sequences=True), merge_mode="mul")(c)
    e = L.GRU(3)(L.add([L.TimeDistributed(L.Dense(3))(c), c]))
    return k.Model({"words": a, "facts": b}, {"steps": d, "sum": L.multiply([e, b])})


@model(ids(5, 2, 6), ids(5, 2, 6),
       note="a step counts where all masks let it, and values know no masks")
def merged_masks():
    k, L = keras()
    a, b = k.Input((6,), dtype="int32", name="a"), k.Input((6,), dtype="int32", name="b")
    c, d = (L.Embedding(5, 3, mask_zero=True)(x) for x in (a, b))
    plain = L.Dense(3)(L.Embedding(5, 3)(b))
    merged = [merge([c, d]) for merge in (
        L.add, L.subtract, L.multiply, L.average, L.maximum, L.minimum, L.concatenate)]
    one_sided = [L.add([c, plain]), L.maximum([plain, c]), L.concatenate([plain, c])]
    behind = L.Concatenate(axis=1)([c, d])
    sums = [L.SimpleRNN(2)(y) for y in [*merged, *one_sided, behind]]
    return k.Model([a, b], [L.concatenate(sums), L.GlobalAveragePooling1D()(merged[0])])


# ---- texts of older versions

ZEROS = {"class_name": "Zeros", "config": {}}
GLOROT = {"class_name": "VarianceScaling", "config": {
    "scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None}}
ORTHOGONAL = {"class_name": "Orthogonal", "config": {"gain": 1.0, "seed": None}}
NOTHING = {f"{w}_{k}": None for w in ("kernel", "bias") for k in ("regularizer", "constraint")}


def dense(name, units, activation="linear", **first):
    return {"class_name": "Dense", "config": {
        "name": name, "trainable": True, **first, "units": units, "activation": activation,
        "use_bias": True, "kernel_initializer": GLOROT, "bias_initializer": ZEROS,
        "activity_regularizer": None, **NOTHING}}


def recurrent(class_name, name, units, **options):
    return {"class_name": class_name, "config": {
        "name": name, "trainable": True, "return_sequences": False, "return_state": False,
        "go_backwards": False, "stateful": False, "unroll": False, "units": units,
        "activation": "tanh", "recurrent_activation": "hard_sigmoid", "use_bias": True,
        "kernel_initializer": GLOROT, "recurrent_initializer": ORTHOGONAL,
        "bias_initializer": ZEROS, "recurrent_regularizer": None, "recurrent_constraint": None,
        "activity_regularizer": None, **NOTHING, "dropout": 0.0, "recurrent_dropout": 0.0,
        "implementation": 1, **options}}


def older(config, class_name="Sequential", version="2.2.4"):
    return {"class_name": class_name, "config": config, "keras_version": version,
            "backend": "tensorflow"}


FIRST = {"batch_input_shape": [None, 6], "dtype": "float32"}
BARE_LIST = older([dense("dense_1", 5, "relu", **FIRST), dense("dense_2", 2, "sigmoid")],
                  version="2.1.6")
NAMED_LAYERS = older({"name": "sequential_1", "layers": [
    dense("dense_1", 5, "hard_sigmoid", **FIRST),
    {"class_name": "Dropout", "config": {"name": "dropout_1", "trainable": True, "rate": 0.5,
                                         "noise_shape": None, "seed": None}},
    {"class_name": "Activation", "config": {"name": "activation_1", "trainable": True,
                                            "activation": "tanh"}},
    dense("dense_2", 2, "softmax")]})
SEQUENCE = {"batch_input_shape": [None, 4, 3], "dtype": "float32"}
RECURRENT = older({"name": "sequential_1", "layers": [
    recurrent("LSTM", "lstm_1", 4, return_sequences=True, unit_forget_bias=True, **SEQUENCE),
    recurrent("GRU", "gru_1", 3, reset_after=False), dense("dense_1", 2)]})
NO_RESET_AFTER = older({"name": "sequential_1", "layers": [
    recurrent("GRU", "gru_1", 3, **SEQUENCE), dense("dense_1", 2)]}, version="2.0.9")


def tensor_of(name, node=0, index=0, **options):
    return [name, node, index, options]


def layer(class_name, name, inbound, **config):
    return {"name": name, "class_name": class_name, "config": {"name": name, **config},
            "inbound_nodes": inbound}


def functional_layer(spec, inbound):
    return {"name": spec["config"]["name"], **spec, "inbound_nodes": inbound}


MODEL = older({"name": "model_1", "layers": [
    layer("InputLayer", "input_1", [], batch_input_shape=[None, 6], dtype="float32", sparse=False),
    layer("InputLayer", "input_2", [], batch_input_shape=[None, 6], dtype="float32", sparse=False),
    functional_layer(dense("dense_1", 4, "tanh"),
                     [[tensor_of("input_1")], [tensor_of("input_2")]]),
    layer("Concatenate", "concatenate_1", [[tensor_of("dense_1"), tensor_of("dense_1", 1)]],
          trainable=True, axis=-1),
    layer("BatchNormalization", "batch_normalization_1", [[tensor_of("concatenate_1")]],
          trainable=True, axis=-1, momentum=0.99, epsilon=0.001, center=True, scale=True,
          beta_initializer=ZEROS, gamma_initializer={"class_name": "Ones", "config": {}},
          moving_mean_initializer=ZEROS,
          moving_variance_initializer={"class_name": "Ones", "config": {}}, beta_regularizer=None,
          gamma_regularizer=None, beta_constraint=None, gamma_constraint=None),
    functional_layer(dense("dense_2", 1), [[tensor_of("batch_normalization_1")]])],
    "input_layers": [["input_1", 0, 0], ["input_2", 0, 0]],
    "output_layers": [["dense_2", 0, 0]]}, "Model")


def read(text, **changes):
    """tf_keras reads the old text; `changes` spell out what it takes for another default."""
    k, _ = keras()
    text = copy.deepcopy(text)
    for spec in text["config"]["layers"] if isinstance(text["config"], dict) else text["config"]:
        if spec["class_name"] in changes:
            spec["config"].update(changes[spec["class_name"]])
    return k.models.model_from_json(json.dumps(text))


def old(name, text, *inputs, note=None, **changes):
    MODELS[name] = (lambda: read(text, **changes), {"inputs": inputs, "text": text, "note": note})


old("text_bare_list", BARE_LIST, x(3, 6))
old("text_named_layers", NAMED_LAYERS, x(3, 6))
old("text_recurrent", RECURRENT, x(2, 4, 3))
old("text_no_reset_after", NO_RESET_AFTER, x(2, 4, 3), GRU={"reset_after": False},
    note="a GRU that does not say so resets before the product")
old("text_model", MODEL, x(2, 6), x(2, 6))


def bare(class_name, **config):
    return {"class_name": class_name, "config": config}


MINIMAL = older({"name": "least", "layers": [
    bare("Conv2D", name="conv2d_1", batch_input_shape=[None, 6, 5, 2], filters=3,
         kernel_size=[3, 3], activation="relu", kernel_initializer="glorot_uniform",
         kernel_regularizer=None),
    bare("BatchNormalization", name="batch_normalization_1"),
    bare("MaxPooling2D", name="max_pooling2d_1", strides=None),
    bare("LeakyReLU", name="leaky_re_lu_1", alpha=0.1),
    bare("Flatten", name="flatten_1"),
    bare("Dense", name="dense_1", units=2, activation="hard_sigmoid")]})
old("text_minimal", MINIMAL, x(2, 6, 5, 2), note="absent fields and nulls take the defaults")
