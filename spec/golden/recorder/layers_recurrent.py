"""Cases of the recurrent layers, their cells and the wrappers around them."""

import keras
from keras import layers as L
from keras import ops
from keras.src.layers.rnn.conv_lstm import ConvLSTMCell

from .cases import cases_of, ids, mask, then, x

# Stateful cases run on TensorFlow: on torch the states are overwritten in place, which
# breaks their gradients.

# Padding at the end, at the start, in the middle; a row without any.
MASK = "11100 00111 10110 11111"


def x45(features=3):
    return x(4, 5, features)


CELLS = {"SimpleRNNCell": (L.SimpleRNNCell, 1), "GRUCell": (L.GRUCell, 1),
         "LSTMCell": (L.LSTMCell, 2)}
for name, (cls, states) in CELLS.items():
    case = cases_of(name)
    case("one step", lambda cls=cls: cls(4), x(2, 3), [x(2, 4) for _ in range(states)])
    case("no bias relu", lambda cls=cls: cls(3, activation="relu", use_bias=False), x(2, 5),
         [x(2, 3) for _ in range(states)])
    case("dropout at inference", lambda cls=cls: cls(2, dropout=0.3, recurrent_dropout=0.2, seed=3),
         x(2, 3), [x(2, 2) for _ in range(states)], training=False)
    case("regularized", lambda cls=cls: cls(
        2, kernel_regularizer="l1", recurrent_regularizer="l2", bias_regularizer="l2"),
        x(2, 3), [x(2, 2) for _ in range(states)])

case = cases_of("GRUCell")
case("reset before", lambda: L.GRUCell(4, reset_after=False), x(2, 3), [x(2, 4)])
case("reset before no bias", lambda: L.GRUCell(3, reset_after=False, use_bias=False), x(2, 3),
     [x(2, 3)])
case("hard sigmoid", lambda: L.GRUCell(3, recurrent_activation="hard_sigmoid"), x(2, 3), [x(2, 3)])
case = cases_of("LSTMCell")
case("hard sigmoid", lambda: L.LSTMCell(3, recurrent_activation="hard_sigmoid"), x(2, 3),
     [x(2, 3), x(2, 3)])
case("no forget bias", lambda: L.LSTMCell(3, unit_forget_bias=False), x(2, 3), [x(2, 3), x(2, 3)])

case = cases_of("StackedRNNCells")
case("lstm and gru", lambda: L.StackedRNNCells([L.LSTMCell(3), L.GRUCell(2)]), x(2, 4),
     [[x(2, 3), x(2, 3)], [x(2, 2)]], symbolic=False)
case("three simple cells", lambda: L.StackedRNNCells(
    [L.SimpleRNNCell(3), L.SimpleRNNCell(2), L.SimpleRNNCell(4)]), x(2, 3),
    [x(2, 3), x(2, 2), x(2, 4)], symbolic=False)
case("two lstm", lambda: L.StackedRNNCells([L.LSTMCell(2), L.LSTMCell(3, use_bias=False)]), x(2, 3),
     [[x(2, 2), x(2, 2)], [x(2, 3), x(2, 3)]], symbolic=False)

for name, states in (("SimpleRNN", 1), ("GRU", 1), ("LSTM", 2)):
    cls = getattr(L, name)

    def given(batch, units, count=states):
        return [x(batch, units) for _ in range(count)]

    case = cases_of(name)
    case("last", lambda cls=cls: cls(4), x(2, 5, 3))
    case("sequences", lambda cls=cls: cls(3, return_sequences=True), x(2, 4, 3))
    case("state", lambda cls=cls: cls(3, return_state=True), x(2, 4, 2))
    case("sequences and state", lambda cls=cls: cls(3, return_sequences=True, return_state=True),
         x(2, 4, 2))
    case("initial state", lambda cls=cls: cls(3, return_sequences=True), x(2, 4, 2),
         initial_state=given(2, 3))
    case("backwards", lambda cls=cls: cls(3, go_backwards=True), x(2, 4, 2))
    case("backwards sequences", lambda cls=cls: cls(
        3, go_backwards=True, return_sequences=True, return_state=True), x(2, 4, 2))
    case("unroll", lambda cls=cls: cls(3, unroll=True, return_sequences=True), x(2, 4, 2))
    case("no bias", lambda cls=cls: cls(3, use_bias=False), x(2, 4, 2))
    case("relu", lambda cls=cls: cls(3, activation="relu", return_sequences=True), x(2, 4, 2))
    case("one step", lambda cls=cls: cls(4, return_sequences=True), x(3, 1, 2))
    case("dropout at inference", lambda cls=cls: cls(
        3, dropout=0.3, recurrent_dropout=0.2, seed=7), x(2, 4, 2), training=False)
    case("regularized", lambda cls=cls: cls(
        2, kernel_regularizer="l1", recurrent_regularizer="l2", bias_regularizer="l2",
        recurrent_constraint="unit_norm"), x(2, 3, 2))
    case("mask last", lambda cls=cls: cls(3), x45(), masks=mask(MASK))
    case("mask sequences", lambda cls=cls: cls(3, return_sequences=True), x45(), masks=mask(MASK))
    case("mask state", lambda cls=cls: cls(2, return_sequences=True, return_state=True), x45(2),
         masks=mask(MASK))
    case("mask given", lambda cls=cls: cls(2, return_sequences=True), x45(2), mask=mask(MASK))
    case("mask backwards", lambda cls=cls: cls(2, return_sequences=True, go_backwards=True), x45(2),
         masks=mask(MASK))
    case("mask initial state", lambda cls=cls: cls(2, return_sequences=True), x45(2),
         mask=mask(MASK), initial_state=given(4, 2))
    case("mask of nothing", lambda cls=cls: cls(2, return_sequences=True, return_state=True),
         x(2, 3, 2), mask=mask("000 110"), initial_state=given(2, 2))
    case("mask unroll", lambda cls=cls: cls(2, return_sequences=True, unroll=True), x45(2),
         mask=mask(MASK), initial_state=given(4, 2))
    case("mask unroll backwards", lambda cls=cls: cls(
        2, return_sequences=True, unroll=True, go_backwards=True), x45(2), mask=mask(MASK),
        engine="tensorflow")
    case("stateful", lambda cls=cls: cls(3, stateful=True), x(2, 3, 2), engine="tensorflow",
         then=(then(x(2, 3, 2)), then(x(2, 2, 2)), then(x(2, 3, 2), reset=True)))
    case("stateful sequences", lambda cls=cls: cls(2, stateful=True, return_sequences=True),
         x(2, 3, 2), then=(then(x(2, 4, 2)),), engine="tensorflow")

case = cases_of("LSTM")
case("hard sigmoid", lambda: L.LSTM(3, recurrent_activation="hard_sigmoid"), x(2, 4, 2))
case("no forget bias", lambda: L.LSTM(3, unit_forget_bias=False, bias_initializer="ones"),
     x(2, 4, 2))
case("wide", lambda: L.LSTM(17, return_sequences=True), x(3, 6, 5))
case("long", lambda: L.LSTM(5, return_sequences=True), x(1, 40, 3))
case = cases_of("GRU")
case("hard sigmoid", lambda: L.GRU(3, recurrent_activation="hard_sigmoid"), x(2, 4, 2))
case("reset before", lambda: L.GRU(3, reset_after=False, return_sequences=True), x(2, 4, 2))
case("reset before no bias", lambda: L.GRU(3, reset_after=False, use_bias=False), x(2, 4, 2))
case("reset before mask", lambda: L.GRU(2, reset_after=False, return_sequences=True), x45(2),
     masks=mask(MASK))
case("reset before state", lambda: L.GRU(2, reset_after=False, return_state=True), x(2, 3, 2),
     initial_state=[x(2, 2)])
case("wide", lambda: L.GRU(17, return_sequences=True), x(3, 6, 5))
case("long", lambda: L.GRU(5, return_sequences=True), x(1, 40, 3))
case = cases_of("SimpleRNN")
case("linear", lambda: L.SimpleRNN(3, activation=None), x(2, 4, 2))
case("wide", lambda: L.SimpleRNN(17, return_sequences=True), x(3, 6, 5))


@keras.saving.register_keras_serializable("lunula")
class MinimalCell(L.Layer):
    """A cell of a user: h' = x . kernel + h . recurrent_kernel."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = units
        self.state_size = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.recurrent_kernel = self.add_weight(shape=(self.units, self.units),
                                                name="recurrent_kernel")
        self.built = True

    def call(self, inputs, states):
        output = ops.matmul(inputs, self.kernel) + ops.matmul(states[0], self.recurrent_kernel)
        return output, [output]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("lunula")
class TwoStateCell(L.Layer):
    """A cell with two states of different sizes and an output of its own size."""

    def __init__(self, units, memory, **options):
        super().__init__(**options)
        self.units, self.memory = units, memory
        self.state_size = [units, memory]
        self.output_size = units + memory

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.mixer = self.add_weight(shape=(self.units, self.memory), name="mixer")
        self.built = True

    def call(self, inputs, states):
        hidden, memory = states
        hidden = ops.tanh(ops.matmul(inputs, self.kernel) + hidden)
        memory = memory * 0.5 + ops.matmul(hidden, self.mixer)
        return ops.concatenate([hidden, memory], axis=-1), [hidden, memory]

    def get_config(self):
        return {**super().get_config(), "units": self.units, "memory": self.memory}


MINIMAL = {"MinimalCell": "args units; weights kernel (in, units), recurrent_kernel "
                          "(units, units); h' = x . kernel + h . recurrent_kernel; output h'"}
TWO = {"TwoStateCell": "args units, memory; weights kernel (in, units), mixer (units, memory); "
                       "states h (units), m (memory); h' = tanh(x . kernel + h); "
                       "m' = 0.5 m + h' . mixer; output concatenate(h', m')"}

case = cases_of("RNN")
case("user cell", lambda: L.RNN(MinimalCell(3), return_sequences=True), x(2, 4, 2), custom=MINIMAL)
case("user cell mask", lambda: L.RNN(MinimalCell(2), return_sequences=True, return_state=True),
     x45(2), masks=mask(MASK), custom=MINIMAL)
case("user cell zero output", lambda: L.RNN(MinimalCell(2), return_sequences=True,
                                            zero_output_for_mask=True), x45(2), masks=mask(MASK),
     custom=MINIMAL)
case("two states", lambda: L.RNN(TwoStateCell(3, 2), return_sequences=True, return_state=True),
     x(2, 4, 2), custom=TWO)
case("two states backwards", lambda: L.RNN(TwoStateCell(2, 3), go_backwards=True), x(2, 4, 2),
     initial_state=[x(2, 2), x(2, 3)], custom=TWO)
case("lstm cell", lambda: L.RNN(L.LSTMCell(3), return_sequences=True), x(2, 4, 2))
case("gru cell unroll", lambda: L.RNN(L.GRUCell(3), unroll=True, return_sequences=True), x(2, 4, 2))
case("a list of cells", lambda: L.RNN([L.LSTMCell(3), L.LSTMCell(2)], return_sequences=True),
     x(2, 4, 2))
case("a list of cells with states", lambda: L.RNN([L.LSTMCell(3), L.GRUCell(2)], return_state=True),
     x(2, 3, 2))
case("stacked initial state", lambda: L.RNN(L.StackedRNNCells([L.LSTMCell(2), L.SimpleRNNCell(3)]),
                                            return_sequences=True), x(2, 3, 2),
     initial_state=[[x(2, 2), x(2, 2)], [x(2, 3)]], symbolic=False)
case("stacked mask", lambda: L.RNN([L.GRUCell(3), L.LSTMCell(2)], return_sequences=True), x45(2),
     masks=mask(MASK))
case("stacked backwards", lambda: L.RNN([L.SimpleRNNCell(3), L.GRUCell(2)], return_sequences=True,
                                        go_backwards=True), x(2, 4, 2))
case("stateful cell", lambda: L.RNN(L.SimpleRNNCell(3), stateful=True), x(2, 3, 2),
     engine="tensorflow",
     then=(then(x(2, 3, 2)), then(x(2, 3, 2), reset=True)))
case("stateful stacked", lambda: L.RNN([L.LSTMCell(2), L.GRUCell(3)], stateful=True,
                                       return_sequences=True), x(2, 2, 2), then=(then(x(2, 2, 2)),),
     engine="tensorflow")

case = cases_of("ConvLSTM1D")
case("last", lambda: L.ConvLSTM1D(2, 3), x(2, 3, 5, 2))
case("same sequences", lambda: L.ConvLSTM1D(2, 3, padding="same", return_sequences=True),
     x(2, 3, 4, 2))
case("state", lambda: L.ConvLSTM1D(2, 2, return_state=True), x(2, 3, 4, 2))
case("strides", lambda: L.ConvLSTM1D(2, 3, strides=2, padding="same"), x(2, 2, 5, 2))
case("dilation", lambda: L.ConvLSTM1D(2, 2, dilation_rate=2), x(2, 2, 5, 2))
case("backwards", lambda: L.ConvLSTM1D(2, 2, go_backwards=True, return_sequences=True),
     x(2, 3, 4, 2))
case("mask", lambda: L.ConvLSTM1D(2, 2, return_sequences=True), x(2, 3, 4, 2),
     mask=mask("110 011"))
case("channels first", lambda: L.ConvLSTM1D(2, 3, padding="same", return_sequences=True,
                                            data_format="channels_first"), x(2, 3, 2, 4))

case = cases_of("ConvLSTM2D")
case("last", lambda: L.ConvLSTM2D(2, 2), x(1, 3, 3, 4, 2))
case("same sequences", lambda: L.ConvLSTM2D(2, 3, padding="same", return_sequences=True),
     x(1, 3, 3, 2, 2))
case("state", lambda: L.ConvLSTM2D(2, (2, 3), return_state=True), x(1, 2, 3, 4, 2))
case("strides", lambda: L.ConvLSTM2D(2, 3, strides=(2, 1), padding="same"), x(1, 2, 3, 3, 2))
case("valid strides", lambda: L.ConvLSTM2D(2, 2, strides=2), x(1, 2, 4, 5, 1))
case("dilation", lambda: L.ConvLSTM2D(1, 2, dilation_rate=2), x(1, 2, 4, 3, 2))
case("backwards", lambda: L.ConvLSTM2D(2, 2, go_backwards=True, return_sequences=True),
     x(1, 3, 3, 3, 1))
case("no bias relu hard sigmoid", lambda: L.ConvLSTM2D(
    2, 2, use_bias=False, activation="relu", recurrent_activation="hard_sigmoid"), x(1, 2, 3, 3, 2))
case("initial state", lambda: L.ConvLSTM2D(2, 2, padding="same", return_sequences=True),
     x(1, 2, 2, 3, 2), initial_state=[x(1, 2, 3, 2), x(1, 2, 3, 2)])
case("mask", lambda: L.ConvLSTM2D(2, 2, return_sequences=True, return_state=True),
     x(2, 3, 2, 3, 1), mask=mask("110 011"))
case("channels first", lambda: L.ConvLSTM2D(2, 2, return_sequences=True,
                                            data_format="channels_first"), x(1, 2, 2, 3, 3))
case("channels first same strides", lambda: L.ConvLSTM2D(
    2, 3, strides=2, padding="same", data_format="channels_first"), x(1, 2, 2, 3, 4))
case("stateful", lambda: L.ConvLSTM2D(2, 2, padding="same", stateful=True), x(1, 2, 2, 3, 1),
     engine="tensorflow",
     then=(then(x(1, 2, 2, 3, 1)), then(x(1, 2, 2, 3, 1), reset=True)))
case("dropout at inference", lambda: L.ConvLSTM2D(1, 2, dropout=0.3, recurrent_dropout=0.2, seed=2),
     x(1, 2, 3, 3, 1), training=False)

case = cases_of("ConvLSTM3D")
case("last", lambda: L.ConvLSTM3D(1, 2), x(1, 2, 2, 3, 2, 2))
case("same sequences", lambda: L.ConvLSTM3D(2, 2, padding="same", return_sequences=True),
     x(1, 2, 2, 2, 2, 1))
case("state", lambda: L.ConvLSTM3D(1, (1, 2, 2), return_state=True), x(1, 2, 2, 2, 3, 1))
case("strides", lambda: L.ConvLSTM3D(1, 2, strides=2, padding="same"), x(1, 2, 3, 2, 3, 1))
case("channels first", lambda: L.ConvLSTM3D(2, 2, return_sequences=True,
                                            data_format="channels_first"), x(1, 2, 1, 2, 3, 2))

ONLY_2D = "Keras 3 keeps this cell private as ConvLSTMCell(rank=2)"


def cell2d(*arguments, **options):
    return ConvLSTMCell(2, *arguments, name="conv_lstm_cell", **options)


case = cases_of("ConvLSTM2DCell", note=ONLY_2D, symbolic=False)
case("valid", lambda: cell2d(2, (2, 3)), x(2, 3, 4, 2), [x(2, 2, 2, 2), x(2, 2, 2, 2)])
case("same no bias", lambda: cell2d(2, 3, padding="same", use_bias=False), x(2, 3, 3, 1),
     [x(2, 3, 3, 2), x(2, 3, 3, 2)])
case("same strides", lambda: cell2d(1, 3, strides=2, padding="same", activation="relu"),
     x(2, 5, 4, 2), [x(2, 3, 2, 1), x(2, 3, 2, 1)])

case = cases_of("Bidirectional")
for mode in ("concat", "sum", "mul", "ave", None):
    case(f"lstm {mode or 'apart'}", lambda mode=mode: L.Bidirectional(L.LSTM(2), merge_mode=mode),
         x(2, 4, 3))
    case(f"gru sequences {mode or 'apart'}", lambda mode=mode: L.Bidirectional(
        L.GRU(2, return_sequences=True), merge_mode=mode), x(2, 3, 2))
    case(f"mask {mode or 'apart'}", lambda mode=mode: L.Bidirectional(
        L.SimpleRNN(2, return_sequences=True), merge_mode=mode), x45(2), masks=mask(MASK))
case("state", lambda: L.Bidirectional(L.LSTM(2, return_state=True)), x(2, 3, 2))
case("sequences and state", lambda: L.Bidirectional(
    L.GRU(2, return_sequences=True, return_state=True), merge_mode="sum"), x(2, 3, 2))
case("state apart", lambda: L.Bidirectional(L.SimpleRNN(2, return_state=True), merge_mode=None),
     x(2, 3, 2))
case("initial state", lambda: L.Bidirectional(L.LSTM(2, return_sequences=True)), x(2, 3, 2),
     initial_state=[x(2, 2), x(2, 2), x(2, 2), x(2, 2)])
case("initial state of one", lambda: L.Bidirectional(L.GRU(3)), x(2, 3, 2),
     initial_state=[x(2, 3), x(2, 3)])
case("mask last lstm", lambda: L.Bidirectional(L.LSTM(2)), x45(2), masks=mask(MASK))
case("mask sequences lstm", lambda: L.Bidirectional(L.LSTM(2, return_sequences=True)), x45(2),
     masks=mask(MASK))
case("mask with states", lambda: L.Bidirectional(
    L.LSTM(2, return_sequences=True, return_state=True)), x45(2), mask=mask(MASK))
case("another backward layer", lambda: L.Bidirectional(
    L.LSTM(2, return_sequences=True),
    backward_layer=L.GRU(3, return_sequences=True, go_backwards=True)), x(2, 3, 2))
case("user cell", lambda: L.Bidirectional(L.RNN(MinimalCell(2), return_sequences=True)),
     x(2, 3, 2), custom=MINIMAL)
case("stacked cells", lambda: L.Bidirectional(L.RNN([L.LSTMCell(2), L.LSTMCell(3)])), x(2, 3, 2))
case("stateful", lambda: L.Bidirectional(L.SimpleRNN(2, stateful=True)), x(2, 3, 2),
     engine="tensorflow",
     then=(then(x(2, 3, 2)), then(x(2, 3, 2), reset=True)))
case("conv lstm", lambda: L.Bidirectional(L.ConvLSTM1D(2, 2, return_sequences=True)),
     x(1, 3, 4, 2))
case("backwards inside", lambda: L.Bidirectional(
    L.LSTM(2, go_backwards=True, return_sequences=True),
    backward_layer=L.LSTM(2, return_sequences=True)), x(2, 3, 2))

case = cases_of("TimeDistributed")
case("dense", lambda: L.TimeDistributed(L.Dense(4)), x(2, 3, 5))
case("dense rank 4", lambda: L.TimeDistributed(L.Dense(3, activation="relu")), x(2, 3, 2, 4))
case("conv2d", lambda: L.TimeDistributed(L.Conv2D(2, 2)), x(2, 2, 3, 4, 2))
case("conv1d same", lambda: L.TimeDistributed(L.Conv1D(2, 3, padding="same")), x(2, 3, 4, 2))
case("flatten", lambda: L.TimeDistributed(L.Flatten()), x(2, 3, 2, 4))
case("pooling", lambda: L.TimeDistributed(L.MaxPooling1D(2)), x(2, 2, 4, 3))
case("lstm", lambda: L.TimeDistributed(L.LSTM(2)), x(2, 3, 4, 2))
case("mask", lambda: L.TimeDistributed(L.Dense(2)), x(2, 3, 4), masks=mask("110 011"))
case("embedding", lambda: L.TimeDistributed(L.Embedding(5, 2)), ids(5, 2, 3, 4))
case("batch normalization in training", lambda: L.TimeDistributed(
    L.BatchNormalization(momentum=0.7)), x(3, 2, 4), training=True)
case("layer normalization", lambda: L.TimeDistributed(L.LayerNormalization()), x(2, 3, 4))
case("nested", lambda: L.TimeDistributed(L.TimeDistributed(L.Dense(2))), x(2, 2, 3, 4))
case("in bidirectional", lambda: L.TimeDistributed(L.Bidirectional(L.GRU(2))), x(2, 2, 3, 2))
