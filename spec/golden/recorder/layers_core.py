"""Cases of the core layers, the activation layers and the reshaping layers."""

import keras
from keras import layers as L
from keras import ops
from keras.src.applications.convnext import LayerScale
from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

from .cases import cases_of, const, ids, mask, uniform, x

# ---- core

case = cases_of("InputLayer", call=False)
case("shape", lambda: L.InputLayer(shape=(5, 3)))
case("batch size and int32", lambda: L.InputLayer(shape=(4,), batch_size=7, dtype="int32"))
case("unknown length", lambda: L.InputLayer(shape=(None, 2), name="ragged_length"))
case("batch shape", lambda: L.InputLayer(batch_shape=(3, 4, 5)))

case = cases_of("Dense")
case("plain", lambda: L.Dense(4), x(3, 5))
case("no bias", lambda: L.Dense(7, use_bias=False), x(2, 3))
case("rank 3 relu", lambda: L.Dense(4, activation="relu"), x(2, 3, 5))
case("rank 4 softmax", lambda: L.Dense(3, activation="softmax"), x(2, 2, 3, 4))
case("one unit sigmoid", lambda: L.Dense(1, activation="sigmoid"), x(6, 4))
case("batch of one tanh", lambda: L.Dense(6, activation="tanh"), x(1, 9))
case("gelu", lambda: L.Dense(5, activation="gelu"), x(3, 4))
case("passes a mask", lambda: L.Dense(4), x(2, 3, 5), masks=mask("110 100"))
case("regularizers", lambda: L.Dense(
    4, kernel_regularizer="l2", bias_regularizer=keras.regularizers.L1(0.02),
    activity_regularizer=keras.regularizers.L1L2(0.01, 0.03)), x(3, 5))
case("constraints and initializers in the config", lambda: L.Dense(
    3, kernel_initializer=keras.initializers.HeNormal(seed=3), bias_initializer="ones",
    kernel_constraint=keras.constraints.MaxNorm(1.5, axis=0), bias_constraint="non_neg"),
    x(2, 4))
case("frozen", lambda: L.Dense(4, trainable=False), x(3, 5))
case("wide", lambda: L.Dense(33, activation="silu"), x(5, 17))

case = cases_of("EinsumDense")
case("dense", lambda: L.EinsumDense("ab,bc->ac", 6, bias_axes="c"), x(3, 5))
case("sequence", lambda: L.EinsumDense("abc,cd->abd", (None, 4), bias_axes="d"), x(2, 3, 5))
case("ellipsis", lambda: L.EinsumDense("...x,xy->...y", 4, bias_axes="y", activation="relu"),
     x(2, 3, 2, 5))
case("leading ellipsis axes", lambda: L.EinsumDense("ab...,bc->ac...", (4, None)), x(2, 3, 5))
case("two output axes", lambda: L.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de"),
     x(2, 3, 5))
case("two contracted axes", lambda: L.EinsumDense("abcd,cde->abe", (None, 4), bias_axes="e"),
     x(2, 3, 2, 5))
case("bias on an inner axis", lambda: L.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="d"),
     x(2, 2, 4))
case("bias on the sequence axis", lambda: L.EinsumDense("abc,cd->abd", (3, 4), bias_axes="b"),
     x(2, 3, 5))
case("transposed output", lambda: L.EinsumDense("abc,cd->adb", (4, 3), activation="tanh"),
     x(2, 3, 5))
case("kernel shares an axis", lambda: L.EinsumDense("abc,bcd->abd", (3, 4), bias_axes="bd"),
     x(2, 3, 5))

case = cases_of("Embedding")
case("plain", lambda: L.Embedding(7, 4), ids(7, 3, 5))
case("mask zero", lambda: L.Embedding(6, 3, mask_zero=True),
     const([[1, 5, 0, 0], [2, 0, 3, 0]], "int32"))
case("rank 1", lambda: L.Embedding(5, 2), ids(5, 6))
case("rank 3", lambda: L.Embedding(9, 3), ids(9, 2, 3, 4))
case("float ids are truncated", lambda: L.Embedding(5, 3), const([[0.9, 1.0], [4.2, 3.7]]))
case("int64 ids", lambda: L.Embedding(5, 3), ids(5, 2, 2, dtype="int64"))
case("one id many times", lambda: L.Embedding(4, 2), const([[2, 2, 2], [2, 1, 2]], "int32"))
case("regularized", lambda: L.Embedding(5, 2, embeddings_regularizer="l1",
                                        embeddings_constraint="unit_norm"), ids(5, 2, 3))

case = cases_of("ReversibleEmbedding")
case("forward", lambda: L.ReversibleEmbedding(7, 4), ids(7, 2, 3))
case("forward mask zero", lambda: L.ReversibleEmbedding(6, 3, mask_zero=True),
     const([[1, 5, 0], [2, 0, 3]], "int32"))
case("reverse tied", lambda: L.ReversibleEmbedding(7, 4), x(2, 3, 4), reverse=True)
case("reverse untied", lambda: L.ReversibleEmbedding(7, 4, tie_weights=False), x(2, 3, 4),
     reverse=True)
case("forward untied", lambda: L.ReversibleEmbedding(7, 4, tie_weights=False), ids(7, 2, 3))
case("reverse soft cap", lambda: L.ReversibleEmbedding(5, 4, logit_soft_cap=1.5), x(2, 4),
     reverse=True)

NAMES = ("linear relu relu6 leaky_relu elu selu celu gelu silu mish softplus softsign sigmoid "
         "hard_sigmoid hard_silu log_sigmoid sparse_sigmoid tanh hard_tanh tanh_shrink "
         "soft_shrink hard_shrink sparse_plus squareplus exponential softmax log_softmax "
         "sparsemax swish hard_swish").split()
case = cases_of("Activation")
NOTES = {"sparsemax": "Keras 3.15 takes the threshold from the sum of all partial sums, which is "
                      "not sparsemax: rows do not add up to 1"}
for name in NAMES:
    case(name, lambda name=name: L.Activation(name), uniform(-4, 4, 3, 7), note=NOTES.get(name))
case("passes a mask", lambda: L.Activation("relu"), x(2, 3, 4), masks=mask("110 011"))
case("softmax of rank 4", lambda: L.Activation("softmax"), x(2, 2, 3, 5))

case = cases_of("Identity")
case("one", lambda: L.Identity(), x(2, 3))
case("a list", lambda: L.Identity(), [x(2, 3), x(2, 4, 1)])
case("passes a mask", lambda: L.Identity(), x(2, 3, 2), masks=mask("101 110"))

case = cases_of("Masking")
case("zero", lambda: L.Masking(), const(
    [[[0, 0], [1, 0], [0, 0]], [[0.5, -2], [0, 0], [3, 4]]]))
case("minus one", lambda: L.Masking(mask_value=-1.0), const(
    [[[-1, -1, -1], [1, -1, 0]], [[0, 0, 0], [-1, -1, -1]]]))
case("rank 4", lambda: L.Masking(0.0), const(
    [[[[0, 0], [1, 2]], [[0, 0], [0, 0]]], [[[3, 0], [0, 0]], [[0, -1], [5, 5]]]]))
case("replaces an older mask", lambda: L.Masking(), const([[[0, 0], [1, 0], [2, 2]]]),
     masks=mask("110"))

case = cases_of("ActivityRegularization")
case("l1", lambda: L.ActivityRegularization(l1=0.3), x(3, 4))
case("l2", lambda: L.ActivityRegularization(l2=0.2), x(2, 3, 2))
case("both with a mask", lambda: L.ActivityRegularization(0.1, 0.4), x(2, 3, 2),
     masks=mask("100 110"))

case = cases_of("Wrapper", call=False)
case("around a dense", lambda: L.Wrapper(L.Dense(3, name="inner")), build=(None, 4))
case("around an lstm", lambda: L.Wrapper(L.LSTM(2, name="inner")), build=(None, 5, 3))


def square_plus(inputs):
    return inputs * inputs + 1.0


def scale_shift(inputs, scale, shift=0.0):
    return inputs * scale + shift


def antirectifier(inputs):
    inputs = inputs - ops.mean(inputs, axis=1, keepdims=True)
    inputs = inputs * ops.rsqrt(ops.maximum(ops.sum(ops.square(inputs), axis=1, keepdims=True),
                                            1e-12))
    return ops.concatenate([ops.relu(inputs), ops.relu(-inputs)], axis=1)


def antirectifier_shape(input_shape):
    return (*input_shape[:1], input_shape[1] * 2, *input_shape[2:])


def add_product(inputs):
    first, second = inputs
    return [first + second, first * second]


def zero_masked(inputs, mask):
    return inputs * ops.expand_dims(ops.cast(mask, inputs.dtype), -1)


def keep_mask(inputs, mask):
    return mask


def double_in_training(inputs, training):
    return inputs * 2.0 if training else inputs


case = cases_of("Lambda")
case("square plus one", lambda: L.Lambda(square_plus), x(2, 3),
     custom={"square_plus": "x * x + 1"})
case("arguments", lambda: L.Lambda(scale_shift, arguments={"scale": 3.0, "shift": -0.5}), x(2, 4),
     custom={"scale_shift": "x * scale + shift"})
case("output shape as a function",
     lambda: L.Lambda(antirectifier, output_shape=antirectifier_shape), x(3, 4), custom={
         "antirectifier": "x = x - mean(x, axis 1, keepdims); x = x * rsqrt(max(sum(x^2, axis 1, "
                          "keepdims), 1e-12)); concatenate(relu(x), relu(-x)) on axis 1",
         "antirectifier_shape": "input shape with axis 1 doubled"})
case("output shape as a tuple", lambda: L.Lambda(square_plus, output_shape=(3,)), x(2, 3),
     custom={"square_plus": "x * x + 1"})
case("lists in and out", lambda: L.Lambda(add_product), [x(2, 3), x(2, 3)],
     custom={"add_product": "takes {a, b}, gives {a + b, a * b}"})
case("takes the mask", lambda: L.Lambda(zero_masked), x(2, 3, 2), masks=mask("110 011"),
     symbolic=False, custom={"zero_masked": "x * mask, the mask as floats on a last axis"})
case("makes a mask", lambda: L.Lambda(square_plus, mask=keep_mask), x(2, 3, 2),
     masks=mask("110 011"), custom={"square_plus": "x * x + 1", "keep_mask": "the incoming mask"})
case("takes training", lambda: L.Lambda(double_in_training), x(2, 3), training=True,
     custom={"double_in_training": "training and 2 * x or x"})

# ---- activation layers

case = cases_of("ReLU")
case("plain", lambda: L.ReLU(), x(3, 5))
case("max value", lambda: L.ReLU(max_value=0.8), x(3, 5))
case("negative slope", lambda: L.ReLU(negative_slope=0.3), x(3, 5))
case("threshold", lambda: L.ReLU(threshold=0.4), x(3, 5))
case("everything", lambda: L.ReLU(max_value=1.2, negative_slope=0.25, threshold=0.3), x(2, 3, 4))
case("at the edges", lambda: L.ReLU(max_value=1.0, negative_slope=0.5, threshold=0.5),
     const([[0.5, 1.0, 0.0, -0.5, 1.5, 0.4999]]), gradients=False)
case("passes a mask", lambda: L.ReLU(), x(2, 3, 4), masks=mask("110 100"))

case = cases_of("LeakyReLU")
case("default slope", lambda: L.LeakyReLU(), x(3, 5))
case("slope", lambda: L.LeakyReLU(negative_slope=0.05), x(2, 3, 4))
case("slope zero", lambda: L.LeakyReLU(0.0), x(2, 5))
case("passes a mask", lambda: L.LeakyReLU(), x(2, 3, 2), masks=mask("110 100"))

case = cases_of("PReLU")
case("plain", lambda: L.PReLU(), x(3, 5))
case("rank 4", lambda: L.PReLU(), x(2, 3, 2, 2))
case("shared axes", lambda: L.PReLU(shared_axes=[1, 2]), x(2, 3, 4, 3))
case("shared last axis", lambda: L.PReLU(shared_axes=[2]), x(2, 3, 4))
case("regularized with a mask", lambda: L.PReLU(
    alpha_initializer="ones", alpha_regularizer="l2", alpha_constraint="non_neg"),
    x(2, 3, 2), masks=mask("110 100"))

case = cases_of("ELU")
case("plain", lambda: L.ELU(), x(3, 5))
case("alpha", lambda: L.ELU(alpha=0.4), x(2, 3, 4))
case("passes a mask", lambda: L.ELU(alpha=2.0), x(2, 3, 2), masks=mask("110 100"))

case = cases_of("Softmax")
case("plain", lambda: L.Softmax(), x(3, 5))
case("axis 1", lambda: L.Softmax(axis=1), x(2, 4, 3))
case("two axes", lambda: L.Softmax(axis=(1, 2)), x(2, 3, 4))
case("two axes counted from the end", lambda: L.Softmax(axis=[-2, -1]), x(2, 2, 3, 4))
case("mask", lambda: L.Softmax(), x(3, 4), mask=mask("1101 0110 1000"))
case("mask that broadcasts", lambda: L.Softmax(axis=-1), x(2, 3, 4),
     mask=const([[[True, False, True, True]]], "bool"))
case("fully masked row", lambda: L.Softmax(), x(2, 3), mask=mask("000 110"))
case("mask over two axes", lambda: L.Softmax(axis=(-2, -1)), x(2, 2, 3),
     mask=const([[[True, False, True], [True, True, False]],
                 [[False, False, True], [True, True, True]]], "bool"))
case("float mask", lambda: L.Softmax(), x(2, 4), mask=const([[1, 0, 0.7, 0.2], [0, 1, 1, 0]]))
case("large logits", lambda: L.Softmax(), uniform(-90, 90, 3, 6))

# ---- reshaping

case = cases_of("Flatten")
case("rank 4", lambda: L.Flatten(), x(2, 3, 2, 4))
case("rank 2", lambda: L.Flatten(), x(3, 5))
case("rank 1", lambda: L.Flatten(), x(4))
case("channels first", lambda: L.Flatten(data_format="channels_first"), x(2, 3, 2, 4))
case("channels first rank 3", lambda: L.Flatten(data_format="channels_first"), x(2, 3, 5))
case("channels first rank 5", lambda: L.Flatten(data_format="channels_first"), x(2, 3, 2, 2, 2))

case = cases_of("Reshape")
case("plain", lambda: L.Reshape((3, 4)), x(2, 12))
case("inferred", lambda: L.Reshape((-1, 2, 2)), x(2, 3, 4))
case("to a vector", lambda: L.Reshape((12,)), x(2, 3, 4))
case("inferred last", lambda: L.Reshape((6, -1)), x(3, 2, 3, 5))

case = cases_of("Permute")
case("two axes", lambda: L.Permute((2, 1)), x(2, 3, 5))
case("three axes", lambda: L.Permute((3, 1, 2)), x(2, 3, 4, 5))
case("four axes", lambda: L.Permute((2, 4, 1, 3)), x(2, 3, 2, 4, 3))

case = cases_of("RepeatVector")
case("three times", lambda: L.RepeatVector(3), x(2, 5))
case("once", lambda: L.RepeatVector(1), x(3, 2))

case = cases_of("Cropping1D")
case("one on each side", lambda: L.Cropping1D(), x(2, 5, 3))
case("pair", lambda: L.Cropping1D((2, 1)), x(2, 6, 2))
case("int", lambda: L.Cropping1D(2), x(1, 7, 2))
case("only the end", lambda: L.Cropping1D((0, 3)), x(2, 5, 2))

case = cases_of("Cropping2D")
case("nothing", lambda: L.Cropping2D(), x(2, 3, 4, 2))
case("int", lambda: L.Cropping2D(1), x(2, 4, 5, 2))
case("symmetric", lambda: L.Cropping2D((1, 2)), x(1, 4, 6, 3))
case("pairs", lambda: L.Cropping2D(((1, 0), (0, 2))), x(2, 4, 5, 2))
case("channels first", lambda: L.Cropping2D(((1, 0), (2, 1)), data_format="channels_first"),
     x(2, 2, 4, 5))

case = cases_of("Cropping3D")
case("default", lambda: L.Cropping3D(), x(2, 3, 4, 5, 2))
case("symmetric", lambda: L.Cropping3D((0, 1, 1)), x(1, 2, 4, 3, 2))
case("pairs", lambda: L.Cropping3D(((1, 0), (0, 2), (1, 1))), x(1, 3, 4, 4, 2))
case("channels first", lambda: L.Cropping3D(((0, 1), (1, 0), (0, 1)),
                                            data_format="channels_first"), x(2, 2, 3, 3, 3))

case = cases_of("ZeroPadding1D")
case("one on each side", lambda: L.ZeroPadding1D(), x(2, 3, 2))
case("pair", lambda: L.ZeroPadding1D((0, 2)), x(2, 3, 2))
case("int", lambda: L.ZeroPadding1D(3), x(1, 2, 3))
case("channels first", lambda: L.ZeroPadding1D((2, 1), data_format="channels_first"), x(2, 3, 4))

case = cases_of("ZeroPadding2D")
case("default", lambda: L.ZeroPadding2D(), x(2, 2, 3, 2))
case("symmetric", lambda: L.ZeroPadding2D((0, 2)), x(1, 3, 2, 2))
case("pairs", lambda: L.ZeroPadding2D(((1, 2), (0, 1))), x(2, 2, 3, 2))
case("channels first", lambda: L.ZeroPadding2D(((1, 0), (2, 1)), data_format="channels_first"),
     x(2, 2, 3, 2))

case = cases_of("ZeroPadding3D")
case("default", lambda: L.ZeroPadding3D(), x(1, 2, 1, 2, 2))
case("symmetric", lambda: L.ZeroPadding3D((0, 1, 2)), x(1, 2, 2, 1, 2))
case("pairs", lambda: L.ZeroPadding3D(((1, 0), (0, 1), (2, 0))), x(1, 2, 2, 1, 2))
case("channels first", lambda: L.ZeroPadding3D(1, data_format="channels_first"), x(1, 2, 1, 2, 1))

case = cases_of("UpSampling1D")
case("twice", lambda: L.UpSampling1D(), x(2, 3, 2))
case("three times", lambda: L.UpSampling1D(3), x(1, 4, 3))
case("once", lambda: L.UpSampling1D(1), x(2, 2, 2))

# Torch clamps at the border and has another bicubic kernel; the resize rule of the
# other backends is the reference.
case = cases_of("UpSampling2D", engine="tensorflow")
case("nearest", lambda: L.UpSampling2D(), x(2, 3, 2, 2))
case("nearest uneven", lambda: L.UpSampling2D((3, 1)), x(2, 2, 3, 2))
case("nearest channels first", lambda: L.UpSampling2D((2, 3), data_format="channels_first"),
     x(2, 2, 3, 2), engine="torch")
case("bilinear", lambda: L.UpSampling2D(2, interpolation="bilinear"), x(2, 3, 4, 2))
case("bilinear uneven", lambda: L.UpSampling2D((3, 2), interpolation="bilinear"), x(1, 3, 5, 2))
case("bilinear channels first", lambda: L.UpSampling2D(
    (2, 3), data_format="channels_first", interpolation="bilinear"), x(2, 2, 3, 2))
case("bicubic", lambda: L.UpSampling2D(2, interpolation="bicubic"), x(1, 5, 4, 2))
case("bicubic uneven", lambda: L.UpSampling2D((1, 3), interpolation="bicubic"), x(2, 4, 5, 1))
case("lanczos3", lambda: L.UpSampling2D(2, interpolation="lanczos3"), x(1, 5, 7, 2))
case("lanczos3 uneven", lambda: L.UpSampling2D((3, 2), interpolation="lanczos3"), x(1, 3, 4, 1))
case("lanczos5", lambda: L.UpSampling2D(2, interpolation="lanczos5"), x(1, 7, 6, 1))
case("one row", lambda: L.UpSampling2D((2, 2), interpolation="bicubic"), x(2, 1, 3, 1))

case = cases_of("UpSampling3D")
case("twice", lambda: L.UpSampling3D(), x(1, 2, 1, 2, 2))
case("uneven", lambda: L.UpSampling3D((1, 3, 2)), x(1, 2, 2, 2, 2))
case("channels first", lambda: L.UpSampling3D((2, 1, 2), data_format="channels_first"),
     x(1, 2, 2, 2, 1))

# ---- layers that only models of keras.applications have

case = cases_of("CustomScaleLayer")
case("two", lambda: CustomScaleLayer(0.17), [x(2, 3, 3, 4), x(2, 3, 3, 4)])

case = cases_of("LayerScale")
case("channels", lambda: LayerScale(1e-6, 4), x(2, 3, 3, 4))
