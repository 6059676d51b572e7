"""The public names of Keras, one a line, as they are written in Lua behind `k.`.

names.txt: what modules hold ("layers.Dense"; a module is a name too), then what objects have:
"model:fit" is a method, "model.layers" a field. An object that inherits has only its own ones.
"""

import inspect
import os

from . import engines

ENGINES = ("tensorflow",)


def public(owner):
    return [name for name in sorted(dir(owner)) if not name.startswith("_")]


def in_module(module, path):
    """The names in a module and, behind each module in it, those."""
    for name in public(module):
        value = getattr(module, name)
        if not inspect.ismodule(value):
            yield path + name
        elif value.__name__ == f"{module.__name__}.{name}" and name != "src":
            yield path + name
            yield from in_module(value, f"{path}{name}.")


def of_object(word, cls, base):
    """The members of a class that its base has not."""
    for name in public(cls):
        if base is None or not hasattr(base, name):
            yield f"{word}{':' if callable(getattr(cls, name)) else '.'}{name}"


def objects(keras):
    """What an object is called here, its class, and the class whose names it has anyway."""
    layers, metrics, callbacks = keras.layers, keras.metrics, keras.callbacks
    layer, metric, callback = keras.Layer, keras.Metric, callbacks.Callback
    return [
        ("layer", layer, None), ("model", keras.Model, layer),
        ("sequential", keras.Sequential, keras.Model),
        ("placeholder", keras.KerasTensor, None), ("variable", keras.Variable, None),
        ("optimizer", keras.Optimizer, None), ("metric", metric, None),
        ("loss", keras.Loss, None), ("callback", callback, None),
        ("schedule", keras.optimizers.schedules.LearningRateSchedule, None),
        ("initializer", keras.Initializer, None), ("regularizer", keras.Regularizer, None),
        ("constraint", keras.constraints.Constraint, None),
        ("input_spec", keras.InputSpec, None), ("seed_generator", keras.random.SeedGenerator, None),
        ("input_layer", layers.InputLayer, layer), ("dense", layers.Dense, layer),
        ("conv", layers.Conv2D, layer), ("embedding", layers.Embedding, layer),
        ("einsum_dense", layers.EinsumDense, layer),
        ("rnn", layers.RNN, layer), ("lstm", layers.LSTM, layers.RNN),
        ("lstm_cell", layers.LSTMCell, layer), ("stacked_cells", layers.StackedRNNCells, layer),
        ("conv_lstm", layers.ConvLSTM2D, layers.RNN),
        ("bidirectional", layers.Bidirectional, layer),
        ("attention", layers.MultiHeadAttention, layer),
        ("spectral", layers.SpectralNormalization, layer),
        ("normalization", layers.Normalization, layer),
        ("discretization", layers.Discretization, layer),
        ("string_lookup", layers.StringLookup, layer),
        ("text_vectorization", layers.TextVectorization, layer),
        ("resizing", layers.Resizing, layer), ("auc", metrics.AUC, metric),
        ("early_stopping", callbacks.EarlyStopping, callback),
        ("reduce_lr", callbacks.ReduceLROnPlateau, callback),
        ("callback_list", callbacks.CallbackList, None),
        ("py_dataset", keras.utils.PyDataset, None), ("progbar", keras.utils.Progbar, None),
        ("feature_space", keras.utils.FeatureSpace, layer),
        ("multi_optimizer", keras.optimizers.MultiOptimizer, keras.Optimizer),
        ("loss_scale_optimizer", keras.optimizers.LossScaleOptimizer, keras.Optimizer),
    ]


def record(engine, here):
    keras = engines.create(engine).keras
    names = list(in_module(keras, ""))
    for row in objects(keras):
        names += of_object(*row)
    with open(os.path.join(here, "names.txt"), "w", encoding="utf-8") as file:
        file.write("\n".join(names) + "\n")
    print(f"names: {len(names)}")
