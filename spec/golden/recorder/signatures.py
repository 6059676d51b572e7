"""Names, order and defaults of arguments, taken from Keras's own signatures.

signatures.json: kind -> name -> {"arguments": [{"name", "default"} …], "options": true where it
takes any keywords, "keyword_only": the index where names must be given}.
An argument without "default" is required; a default that has no JSON is {"python": its repr}.
`aliases`: other exported names of the same thing. Layers lack the options that all of them
have (name, dtype, trainable, autocast, activity_regularizer), which are under "layer_options".
Layer classes also have "call": the arguments of call. legacy_layers are those of Keras 2.
"""

import inspect
import os

from . import engines
from .tensors import plain, write_nested

ENGINES = ("torch",)


def arguments_of(function):
    """The arguments of a function or of a constructor."""
    parameters = list(inspect.signature(function).parameters.values())
    if parameters and parameters[0].name == "self":
        parameters = parameters[1:]
    found = {"arguments": [], "options": False}
    for parameter in parameters:
        if parameter.kind == parameter.VAR_KEYWORD:
            found["options"] = True
            continue
        if parameter.kind == parameter.VAR_POSITIONAL:
            found["many"] = parameter.name
            continue
        row = {"name": parameter.name}
        if parameter.default is not parameter.empty:
            try:
                row["default"] = plain(parameter.default)
            except TypeError:
                row["default"] = {"python": repr(parameter.default)}
        if parameter.kind == parameter.KEYWORD_ONLY and "keyword_only" not in found:
            found["keyword_only"] = len(found["arguments"])
        found["arguments"].append(row)
    return found


def table(module, wanted):
    """Exported names of a module, the canonical one first, and their aliases."""
    names = {}
    for name in sorted(dir(module)):
        value = getattr(module, name)
        if not name.startswith("_") and wanted(name, value):
            names.setdefault(id(value), (value, []))[1].append(name)
    entries, aliases = {}, {}
    for value, found in names.values():
        own = value.__name__
        first = own if own in found else found[0]
        entry = arguments_of(value.__init__ if inspect.isclass(value) else value)
        entries[first] = entry
        for name in found:
            if name != first:
                aliases[name] = first
    return entries, aliases


def record(engine, here):
    keras = engines.create(engine).keras
    found, aliases = {}, {}

    def classes(kind, module, base):
        found[kind], aliases[kind] = table(
            module, lambda _, v: inspect.isclass(v) and issubclass(v, base))

    def functions(kind, module):
        found[kind], aliases[kind] = table(
            module, lambda _, v: inspect.isfunction(v) and _ not in (
                "get", "serialize", "deserialize"))

    classes("layers", keras.layers, keras.layers.Layer)
    found["layers"].pop("Layer")
    for name, entry in found["layers"].items():
        cls = getattr(keras.layers, name)
        entry["call"] = arguments_of(cls.call)["arguments"]
    found["layer_options"] = {"Layer": arguments_of(keras.layers.Layer.__init__)}
    functions("layer_functions", keras.layers)
    classes("initializers", keras.initializers, keras.initializers.Initializer)
    classes("regularizers", keras.regularizers, keras.regularizers.Regularizer)
    classes("constraints", keras.constraints, keras.constraints.Constraint)
    classes("losses", keras.losses, keras.losses.Loss)
    functions("loss_functions", keras.losses)
    classes("metrics", keras.metrics, keras.metrics.Metric)
    functions("metric_functions", keras.metrics)
    classes("optimizers", keras.optimizers, keras.optimizers.Optimizer)
    classes("schedules", keras.optimizers.schedules,
            keras.optimizers.schedules.LearningRateSchedule)
    classes("callbacks", keras.callbacks, (keras.callbacks.Callback, keras.callbacks.CallbackList))
    functions("activations", keras.activations)
    functions("ops", keras.ops)
    functions("ops_image", keras.ops.image)
    functions("ops_linalg", keras.ops.linalg)
    functions("ops_nn", keras.ops.nn)
    functions("ops_numpy", keras.ops.numpy)
    functions("random", keras.random)
    functions("utils", keras.utils)
    found["legacy_layers"] = legacy_layers()
    found["models"] = {
        name: arguments_of(function) for name, function in {
            "Sequential": keras.Sequential.__init__, "Input": keras.Input,
            "compile": keras.Model.compile, "fit": keras.Model.fit,
            "evaluate": keras.Model.evaluate, "predict": keras.Model.predict,
            "train_on_batch": keras.Model.train_on_batch,
            "test_on_batch": keras.Model.test_on_batch,
            "predict_on_batch": keras.Model.predict_on_batch, "summary": keras.Model.summary,
            "save": keras.Model.save, "get_layer": keras.Model.get_layer,
            "model_from_json": keras.models.model_from_json,
            "clone_model": keras.models.clone_model, "load_model": keras.models.load_model,
            "add_weight": keras.layers.Layer.add_weight}.items()}
    found["aliases"] = {k: v for k, v in aliases.items() if v}
    write_nested(os.path.join(here, "signatures.json"), found)
    print({kind: len(rows) for kind, rows in found.items()})


def legacy_layers():
    """Constructors of Keras 2 for the layers that Keras 3 dropped."""
    import tf_keras
    from tf_keras.src.layers.rnn.cudnn_gru import CuDNNGRU
    from tf_keras.src.layers.rnn.cudnn_lstm import CuDNNLSTM

    layers = tf_keras.layers
    return {cls.__name__: arguments_of(cls.__init__) for cls in (
        layers.LocallyConnected1D, layers.LocallyConnected2D, layers.ThresholdedReLU, CuDNNGRU,
        CuDNNLSTM)}
