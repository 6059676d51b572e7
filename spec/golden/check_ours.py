"""Loads models that lunula wrote as JSON into real Keras 3 and compares the numbers.

    . oracle/bin/activate              see record.py
    python3 spec/golden/check_ours.py folder-or-file …

Every file (every *.json of a folder) is {"json": text of the model, "weights": […],
"inputs": […], "outputs": […]}: weights in the order of get_weights and the others in the order
of the model, each a tensor as in record.py (a weight may also be {"tensor": …}), "outputs"
computed at inference. Custom classes and functions are those of the recorder, by name.
The files of spec/golden/models have this form (Keras 3 reads those called k3_…).
Exit status 1 when one does not agree.
"""

import glob
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

from recorder import engines  # noqa: E402
from recorder.tensors import untensor  # noqa: E402

TOLERANCE = 2e-5


def load(keras, text):
    """The model of a text; its own custom classes and functions are known by name."""
    from recorder import layers_core, layers_recurrent, models_keras

    custom = {cls.__name__: cls for cls in (
        models_keras.Scale, layers_recurrent.MinimalCell, layers_recurrent.TwoStateCell)}
    custom.update({f.__name__: f for f in (
        layers_core.square_plus, layers_core.scale_shift, layers_core.antirectifier,
        layers_core.antirectifier_shape, layers_core.add_product, layers_core.keep_mask)})
    # Lambdas of named functions; nothing in a text is executed either way.
    keras.config.enable_unsafe_deserialization()
    return keras.models.model_from_json(text, custom_objects=custom)


def check(keras, path):
    """None, or what differs."""
    import numpy as np

    with open(path, encoding="utf-8") as file:
        record = json.load(file)
    model = load(keras, record["json"])
    if not record.get("inputs"):
        return None
    inputs = [untensor(t) for t in record["inputs"]]
    if any(a.dtype.kind == "O" for a in inputs) and keras.backend.backend() == "torch":
        return "skipped: models with strings need the tensorflow backend"
    values = [keras.ops.convert_to_tensor(a.tolist() if a.dtype.kind == "O" else a.copy(),
                                          dtype=None if a.dtype.kind != "O" else "string")
              for a in inputs]
    values = values if len(values) > 1 else values[0]
    if not model.built:
        model(values)
    weights = [untensor(w.get("tensor", w)) for w in record["weights"]]
    wanted = [tuple(w.shape) for w in model.weights]
    if [w.shape for w in weights] != wanted:
        return f"weights are {[w.shape for w in weights]}, Keras has {wanted}"
    model.set_weights(weights)
    outputs = keras.tree.flatten(model(values, training=False))
    if len(outputs) != len(record["outputs"]):
        return f"{len(record['outputs'])} outputs, Keras has {len(outputs)}"
    for i, (output, ours) in enumerate(zip(outputs, record["outputs"])):
        keras_array, our_array = keras.ops.convert_to_numpy(output), untensor(ours)
        if keras_array.shape != our_array.shape:
            return f"output {i} is {our_array.shape}, Keras has {keras_array.shape}"
        scale = max(float(np.abs(keras_array).max(initial=0)), 1.0)
        error = float(np.abs(keras_array.astype("float64") - our_array).max(initial=0)) / scale
        if not error <= TOLERANCE:
            return f"output {i} differs by {error:.3g}"
    return None


def main(places):
    if not places:
        sys.exit(__doc__)
    engines.setup(os.environ.get("KERAS_BACKEND", "torch"))
    import keras

    failures = count = 0
    for place in places:
        for path in sorted(glob.glob(os.path.join(place, "*.json"))) or [place]:
            keras.utils.clear_session()
            try:
                problem = check(keras, path)
            except Exception as error:
                problem = f"{type(error).__name__}: {str(error).strip():.300}"
            count += 1
            if problem:
                failures += not problem.startswith("skipped")
                print(f"{os.path.basename(path)}: {problem}")
    print(f"{count} models, {failures} do not agree")
    sys.exit(1 if failures or not count else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
