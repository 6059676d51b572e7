"""Writes the files that data.py describes: export.py NAME.. Called by run.py."""

import contextlib
import os
import sys
import warnings

os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3")
warnings.simplefilter("ignore")

import numpy as np
import tensorflow as tf
import torch

import data
import models
import torch_models


def write(name, content):
    with open(data.path(name), "wb" if isinstance(content, bytes) else "w") as file:
        file.write(content)


def write_numbers(name, arrays):
    np.concatenate([np.ravel(a) for a in arrays]).astype("float32").tofile(data.path(name))


def export_keras(name, model):
    sizes = [("sample", *model.input_shape[1:]), ("flops", models.flops(model)),
             ("target", *models.target(model))]
    sizes += [(w.path.removeprefix(model.name + "/"), *w.shape) for w in model.weights]
    write(name + ".list", "".join(" ".join(map(str, line)) + "\n" for line in sizes))
    write_numbers(name + ".weights", model.get_weights())
    x = data.sample(name, 2)
    write_numbers(name + ".x", [x])
    write_numbers(name + ".y", [model.predict_on_batch(x)])


def export_lite(name, model):
    """LSTM needs operations that are not in LiteRT's own set. The converter talks."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            lite = tf.lite.TFLiteConverter.from_keras_model(model).convert()
        write(name + ".tflite", lite)
    except Exception as error:
        print(f"{name}: not for LiteRT: {str(error).splitlines()[0][:80]}")


def export_onnx(name):
    x = torch_models.to_torch(data.sample(name, 2))
    torch.onnx.export(
        torch_models.make(name), (x,), data.path(name + ".onnx"), dynamo=False,
        input_names=["x"], output_names=["y"], opset_version=17,
        dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}})


def main(names):
    os.makedirs(data.FOLDER, exist_ok=True)
    for name in names:
        print("export", name, flush=True)
        model = models.make(name)
        export_keras(name, model)
        export_lite(name, model)
        export_onnx(name)
        write(name + ".json", model.to_json())       # the last: that it is there says all is


main(sys.argv[1:])
