"""Models as JSON, as Keras 3 and Keras 2 write them, with numbers to check a reader by.

models/<name>.json, one key to a line:
source       "keras" (to_json of Keras 3), "tf_keras" (of Keras 2), or "text": written here in the
             form of an older Keras and read by tf_keras to get the numbers
json         the text itself
weights      path, trainable, tensor, in the order of model.get_weights()
inputs, input_names, outputs, output_names    in the order of model.inputs and model.outputs;
             the outputs are those of inference
custom       classes and functions that a reader must have by these names
note         what is particular
A model that was never built has only its text.
"""

import json
import os

import numpy as np

from . import engines
from .cases import Value
from .engines import draw_weight
from .tensors import generator, plain, tensor, write

ENGINES = ("torch", "tensorflow", "tf_keras")


def record(engine, here):
    tool = engines.create(engine)
    if engine == "tf_keras":
        from . import models_legacy as source
    else:
        from . import models_keras as source
    folder = os.path.join(here, "models")
    prefix = "k2_" if engine == "tf_keras" else "k3_"
    count = 0
    for name, (make, options) in source.MODELS.items():
        if options.get("engine", source.ENGINE) != engine:
            continue
        keras = tool.keras
        (keras.backend if engine == "tf_keras" else keras.utils).clear_session()
        keras.utils.set_random_seed(1)
        options = {k: v for k, v in options.items() if k != "engine"}
        found = one(tool, name, make, engine, **options)
        write(os.path.join(folder, f"{prefix}{name}.json"), found)
        count += 1
    for name in os.listdir(folder):
        if name.startswith(prefix) and name[len(prefix):].partition(".")[0] not in source.MODELS:
            os.remove(os.path.join(folder, name))
    print(f"{count} models of {engine}")


def one(tool, name, make, engine, inputs=(), text=None, custom=None, note=None):
    model = make()
    record = {"name": name, "source": "tf_keras" if engine == "tf_keras" else "keras"}
    record["json"] = model.to_json() if text is None else json.dumps(text)
    if text is not None:
        record["source"] = "text"
    if custom:
        record["custom"] = custom
    if note:
        record["note"] = note
    if not inputs:
        return record

    arrays = [v.draw(name, i) if isinstance(v, Value) else v for i, v in enumerate(inputs)]
    weights = []
    for i, weight in enumerate(model.weights):
        path = getattr(weight, "path", None) or weight.name.split(":")[0]
        old = tool.array(weight)
        new = old
        if old.dtype.kind == "f":
            new = draw_weight(path, old.shape, generator(name, "weight", i)).astype(old.dtype)
        weights.append((path, new))
    model.set_weights([w for _, w in weights])
    trainable = {id(w) for w in model.trainable_weights}
    record["weights"] = [
        {"path": p, "trainable": id(v) in trainable, "tensor": tensor(w)}
        for (p, w), v in zip(weights, model.weights)]
    graph = getattr(model, "_functional", None) or model
    values = [tool.leaf(a) for a in arrays]
    outputs = model(values if len(values) > 1 else values[0], training=False)
    record["inputs"] = [tensor(a) for a in arrays]
    record["input_names"] = [
        (t._keras_history.layer if engine == "tf_keras" else t._keras_history.operation).name
        for t in graph.inputs]
    record["outputs"] = [tensor(tool.array(o)) for o in tool.flatten(outputs)]
    record["output_names"] = list(plain(graph.output_names))
    assert all(np.isfinite(tool.array(o)).all() for o in tool.flatten(outputs)), name
    return record
