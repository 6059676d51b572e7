"""Cases of layers that Keras 3 dropped, on Keras 2 (tf_keras), and of DepthwiseConv3D.

CuDNN layers need a GPU to run. Their weights are turned into those of LSTM and GRU as Keras 2
does when it loads them, and its own standard_lstm and standard_gru compute the numbers.
"""

import os

from keras import layers as L

from .cases import cases_of, x
from .formulas import depthwise_conv3d

FIRST = {"data_format": "channels_first"}


def legacy():
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tf_keras

    return tf_keras.layers


case = cases_of("LocallyConnected1D", engine="tf_keras")
case("plain", lambda: legacy().LocallyConnected1D(3, 3), x(2, 6, 2))
case("strides", lambda: legacy().LocallyConnected1D(2, 3, strides=2), x(2, 8, 2))
case("no bias relu", lambda: legacy().LocallyConnected1D(3, 2, use_bias=False, activation="relu"),
     x(2, 5, 3))
case("channels first", lambda: legacy().LocallyConnected1D(3, 3, **FIRST), x(2, 2, 6))
case("implementation 2", lambda: legacy().LocallyConnected1D(2, 3, implementation=2), x(2, 5, 2))
case("implementation 2 same", lambda: legacy().LocallyConnected1D(
    2, 3, padding="same", implementation=2), x(2, 4, 2))
case("implementation 2 strides", lambda: legacy().LocallyConnected1D(
    2, 3, strides=2, padding="same", implementation=2), x(1, 5, 2))
case("implementation 3", lambda: legacy().LocallyConnected1D(2, 3, implementation=3), x(2, 5, 2))
case("implementation 3 same", lambda: legacy().LocallyConnected1D(
    2, 2, padding="same", implementation=3), x(2, 4, 2))
case("regularized", lambda: legacy().LocallyConnected1D(
    2, 2, kernel_regularizer="l2", bias_regularizer="l1", activity_regularizer="l1"), x(2, 4, 2))

case = cases_of("LocallyConnected2D", engine="tf_keras")
case("plain", lambda: legacy().LocallyConnected2D(2, 2), x(2, 3, 4, 2))
case("uneven kernel", lambda: legacy().LocallyConnected2D(3, (2, 3)), x(2, 3, 5, 1))
case("strides", lambda: legacy().LocallyConnected2D(2, (3, 2), strides=(2, 1)), x(1, 5, 4, 2))
case("no bias tanh", lambda: legacy().LocallyConnected2D(2, 2, use_bias=False, activation="tanh"),
     x(2, 3, 3, 2))
case("channels first", lambda: legacy().LocallyConnected2D(2, (2, 3), **FIRST), x(2, 2, 3, 4))
case("implementation 2", lambda: legacy().LocallyConnected2D(2, 2, implementation=2), x(1, 3, 3, 2))
case("implementation 2 same", lambda: legacy().LocallyConnected2D(
    1, 3, padding="same", implementation=2), x(1, 3, 2, 2))
case("implementation 3", lambda: legacy().LocallyConnected2D(2, 2, implementation=3), x(1, 3, 4, 2))
case("implementation 3 strides", lambda: legacy().LocallyConnected2D(
    2, 2, strides=2, padding="same", implementation=3), x(1, 4, 3, 1))

case = cases_of("ThresholdedReLU", engine="tf_keras")
case("default", lambda: legacy().ThresholdedReLU(), x(3, 6))
case("theta", lambda: legacy().ThresholdedReLU(theta=0.4), x(2, 3, 4))
case("theta zero", lambda: legacy().ThresholdedReLU(theta=0.0), x(2, 5))


def cudnn(kind, units, **options):
    """A layer with the config and the weights of CuDNNLSTM or CuDNNGRU."""
    import tensorflow as tf
    import tf_keras
    from tf_keras.src.layers.rnn import cudnn_gru, cudnn_lstm, gru, lstm
    from tf_keras.src.saving.legacy import hdf5_format

    gates, states = {"LSTM": (4, 2), "GRU": (3, 1)}[kind]
    real = {"LSTM": cudnn_lstm.CuDNNLSTM, "GRU": cudnn_gru.CuDNNGRU}[kind](units, **options)

    def unscramble(kernel):
        blocks = tf.split(kernel, gates, axis=1)
        return tf.concat([tf.transpose(tf.reshape(b, (b.shape[1], b.shape[0]))) for b in blocks], 1)

    class CuDNN(tf_keras.layers.Layer):
        def build(self, shape):
            self.kernel = self.add_weight("kernel", (shape[-1], gates * units))
            self.recurrent_kernel = self.add_weight("recurrent_kernel", (units, gates * units))
            self.bias = self.add_weight("bias", (2 * gates * units,))
            self.built = True

        def plain_weights(self):
            bias = tf.reshape(self.bias, (2, -1))
            return [unscramble(self.kernel), unscramble(self.recurrent_kernel),
                    tf.reduce_sum(bias, 0) if kind == "LSTM" else bias]

        def check(self):
            """Keras 2's own conversion says the same."""
            plain = {"LSTM": lstm.LSTM, "GRU": gru.GRU}[kind](units)
            plain.build((None, None, self.kernel.shape[0]))
            wanted = hdf5_format._convert_rnn_weights(plain, self.get_weights())
            for a, b in zip(self.plain_weights(), wanted):
                assert (abs(a.numpy() - b) < 1e-6).all(), "the conversion differs"

        def call(self, inputs, initial_state=None):
            if tf.executing_eagerly():
                self.check()
            states_in = initial_state or [tf.zeros((tf.shape(inputs)[0], units))] * states
            run = lstm.standard_lstm if kind == "LSTM" else gru.standard_gru
            last, outputs, *found = run(
                inputs, *states_in, *self.plain_weights(), mask=None, time_major=False,
                go_backwards=real.go_backwards, sequence_lengths=None, zero_output_for_mask=False,
                return_sequences=True)
            output = outputs if real.return_sequences else last
            return [output, *found[:states]] if real.return_state else output

        def get_config(self):
            return real.get_config()

    return CuDNN(name=f"cu_dnn{kind.lower()}")


for kind, states in (("LSTM", 2), ("GRU", 1)):
    case = cases_of(f"CuDNN{kind}", engine="tf_keras", note=(
        "per gate, the kernel is stored as (units, in) in row-major order; the bias has an input "
        "half and a recurrent half"))
    case("last", lambda kind=kind: cudnn(kind, 3), x(2, 4, 2))
    case("sequences", lambda kind=kind: cudnn(kind, 4, return_sequences=True), x(2, 3, 3))
    case("state", lambda kind=kind: cudnn(kind, 3, return_state=True), x(2, 4, 2))
    case("backwards", lambda kind=kind: cudnn(kind, 2, go_backwards=True, return_sequences=True),
         x(2, 4, 3))
    case("initial state", lambda kind=kind: cudnn(kind, 3, return_sequences=True), x(2, 3, 2),
         initial_state=[x(2, 3) for _ in range(states)])


def rnn_with_constants():
    import tensorflow as tf
    import tf_keras

    @tf_keras.utils.register_keras_serializable("lunula")
    class CellWithConstant(tf_keras.layers.Layer):
        def __init__(self, units, constant_size, **options):
            super().__init__(**options)
            self.units = self.state_size = units
            self.constant_size = constant_size

        def build(self, shape):
            self.kernel = self.add_weight("kernel", (shape[-1], self.units))
            self.recurrent_kernel = self.add_weight("recurrent_kernel", (self.units, self.units))
            self.constant_kernel = self.add_weight("constant_kernel",
                                                   (self.constant_size, self.units))
            self.built = True

        def call(self, inputs, states, constants):
            output = (tf.matmul(inputs, self.kernel) + tf.matmul(states[0], self.recurrent_kernel)
                      + tf.matmul(constants[0], self.constant_kernel))
            return output, [output]

        def get_config(self):
            return {**super().get_config(), "units": self.units,
                    "constant_size": self.constant_size}

    return tf_keras.layers.RNN(CellWithConstant(3, 5), return_sequences=True)


case = cases_of("RNN", engine="tf_keras")
case("constants", rnn_with_constants, x(2, 4, 2), constants=[x(2, 5)], symbolic=False, custom={
    "CellWithConstant": "args units, constant_size; weights kernel (in, units), recurrent_kernel "
                        "(units, units), constant_kernel (constant_size, units); h' = x . kernel + "
                        "h . recurrent_kernel + constant . constant_kernel; output h'"})

DEPTHWISE = L.DepthwiseConv2D(1).get_config()
case = cases_of("DepthwiseConv3D", engine="formula")
case("valid", depthwise_conv3d(DEPTHWISE, (1, 3, 4, 3, 2), (2, 3, 2)))
case("multiplier", depthwise_conv3d(DEPTHWISE, (2, 2, 3, 3, 2), (2, 2, 1), depth_multiplier=2))
case("same", depthwise_conv3d(DEPTHWISE, (1, 3, 2, 4, 2), (3, 2, 3), padding="same"))
case("same strides", depthwise_conv3d(DEPTHWISE, (1, 4, 5, 3, 2), (3, 3, 2), strides=(2, 2, 2),
                                      padding="same", depth_multiplier=2))
case("valid strides relu", depthwise_conv3d(DEPTHWISE, (1, 4, 3, 5, 2), (2, 2, 2),
                                            strides=(2, 1, 2), activation="relu"))
case("dilation", depthwise_conv3d(DEPTHWISE, (1, 4, 3, 5, 2), (2, 2, 2), dilation_rate=(2, 1, 3)))
case("no bias tanh", depthwise_conv3d(DEPTHWISE, (1, 3, 3, 2, 3), (2, 2, 2), use_bias=False,
                                      activation="tanh", padding="same"))
case("channels first", depthwise_conv3d(DEPTHWISE, (1, 2, 3, 3, 3), (2, 2, 3), depth_multiplier=2,
                                        padding="same", data_format="channels_first"))
