"""What layers of images do with a draw: the draw is Keras's own, so chance is no matter.

image_draws.json, one case a line: class_name, options of its constructor, inputs and outputs by
name (images, labels, segmentation_masks, boxes and box_labels), and the draw, each of its tensors
under its path ("transforms/random_shear/shear_factor"). What Keras refuses has no output. What is
wrong there: see spec/layers/image_draws_spec.lua.
"""

import os

import numpy as np

from . import engines
from .tensors import tensor, write

ENGINES = ("tensorflow",)

UNIT = {"value_range": [0, 1]}

CASES = [
    ("RandomHue", {"factor": 0.6}), ("RandomHue", {"factor": 0.9, **UNIT}),
    ("RandomSaturation", {"factor": [0.1, 0.9]}),
    ("RandomSharpness", {"factor": 1.0}), ("RandomColorDegeneration", {"factor": 0.7}),
    ("RandomPosterization", {"factor": [1, 8]}),
    ("RandomPosterization", {"factor": [2, 5], **UNIT}),
    ("Solarization", {"addition_factor": 0.4, "threshold_factor": [0.1, 0.7]}),
    ("Solarization", {"addition_factor": 0.4, "threshold_factor": 0.7, **UNIT}),
    ("RandomInvert", {"factor": 0.5}), ("RandomGrayscale", {"factor": 0.5}),
    ("RandomBrightness", {"factor": 0.5}), ("RandomContrast", {"factor": 0.9}),
    ("RandomFlip", {}), ("RandomFlip", {"mode": "horizontal"}),
    ("RandomFlip", {"mode": "vertical"}),
    ("RandomRotation", {"factor": 0.2}), ("RandomRotation", {"factor": 0.5, "fill_mode": "constant",
                                                             "interpolation": "nearest"}),
    ("RandomTranslation", {"height_factor": 0.3, "width_factor": 0.4}),
    ("RandomZoom", {"height_factor": 0.4}),
    ("RandomZoom", {"height_factor": [-0.4, -0.1], "width_factor": 0.3, "fill_mode": "nearest"}),
    ("RandomShear", {"x_factor": 0.5, "y_factor": 0.4}),
    ("RandomShear", {"x_factor": [0.2, 0.6], "fill_mode": "constant", "fill_value": 9.0}),
    ("RandomErasing", {"factor": 0.7, "scale": [0.2, 0.6]}),
    ("RandomErasing", {"fill_value": [10.0, 300.0, 30.0]}),
    ("RandomGaussianBlur", {"factor": 0.8, "kernel_size": 5}),
    ("RandomPerspective", {"scale": 0.6}),
    ("RandomPerspective", {"factor": [0.6, 1.0], "fill_value": 7.0, "interpolation": "nearest"}),
    ("RandomFlip", {"bounding_box_format": "rel_xywh"}),
    ("RandomTranslation", {"height_factor": 0.5, "width_factor": 0.6,
                           "bounding_box_format": "center_xywh"}),
    ("RandomZoom", {"height_factor": 0.5, "bounding_box_format": "yxyx"}),
    ("CenterCrop", {"height": 3, "width": 3}),
    ("CenterCrop", {"height": 7, "width": 3, "bounding_box_format": "xywh"}),
    ("CenterCrop", {"height": 8, "width": 9, "bounding_box_format": "rel_xyxy"}),
    ("Resizing", {"height": 8, "width": 5, "bounding_box_format": "xywh"}),
    ("Resizing", {"height": 8, "width": 8, "pad_to_aspect_ratio": True}),
    ("Resizing", {"height": 4, "width": 9, "pad_to_aspect_ratio": True,
                  "bounding_box_format": "rel_xyxy"}),
    ("Resizing", {"height": 4, "width": 9, "crop_to_aspect_ratio": True}),
    ("Resizing", {"height": 9, "width": 6, "crop_to_aspect_ratio": True}),
    ("MaxNumBoundingBoxes", {"max_number": 1}), ("MaxNumBoundingBoxes", {"max_number": 4}),
    ("MaxNumBoundingBoxes", {"max_number": 3, "fill_value": -7,
                             "bounding_box_format": "rel_xywh"}),
    ("MixUp", {"alpha": 0.8}), ("CutMix", {}), ("CutMix", {"factor": [0.3, 0.5]}),
    ("RandAugment", {}), ("RandAugment", {"num_ops": 4, "factor": 0.9, **UNIT}),
    ("AugMix", {}), ("AugMix", {"num_chains": 2, "chain_depth": 4, "alpha": 2.0, **UNIT}),
]

STILL = ("CenterCrop", "Resizing", "MaxNumBoundingBoxes")
B, H, W = 3, 5, 6


def inputs_of(options):
    random = np.random.default_rng(7)
    top = options.get("value_range", [0, 255])[1]
    return {
        "images": random.uniform(0, top, (B, H, W, 3)).astype("float32"),
        "labels": np.eye(4, dtype="float32")[[1, 3, 0]],
        "segmentation_masks": random.integers(0, 5, (B, H, W, 1)).astype("float32"),
    }


def flat(value, path=""):
    """The tensors of a draw by path; numbers too, names of layers not."""
    if value is None or isinstance(value, str):
        return {} if value is None else {path + "=" + value: tensor(np.zeros(0, "float32"))}
    if isinstance(value, dict):
        rows = [(str(k), v) for k, v in value.items()]
    elif isinstance(value, (list, tuple)):
        rows = [(str(i), v) for i, v in enumerate(value)]
    else:
        array = np.asarray(value)
        return {path: tensor(array.astype("float32"))}
    found = {}
    for key, inner in rows:
        found.update(flat(inner, f"{path}/{key}" if path else key))
    return found


SIDES = ("labels", "segmentation_masks")
BOXES = np.array([[[1, 1, 3, 4], [0, 0, 6, 5]], [[2, 0, 5, 2], [4, 3, 5, 4.5]],
                  [[0, 2, 1.5, 5], [3, 1, 4, 2]]], "float32")
BOX_LABELS = np.array([[3, 1], [0, 2], [5, 4]], "int32")


def formatted(keras, options):
    return keras.utils.bounding_boxes.convert_format(
        BOXES, "xyxy", options.get("bounding_box_format", "xyxy"), height=H, width=W)


def moved_boxes(keras, layer, options, draw):
    boxes = {"boxes": formatted(keras, options),
             "labels": keras.ops.convert_to_tensor(BOX_LABELS)}
    found = layer.transform_bounding_boxes(boxes, draw)
    return {"boxes": found["boxes"], "box_labels": found["labels"]}


def one(keras, class_name, options, seed):
    import random

    keras.utils.set_random_seed(seed)
    random.seed(seed)
    seeded = {} if class_name in STILL else {"seed": seed}
    arguments = {"bounding_box_format": "xyxy", **options, **seeded}
    layer = getattr(keras.layers, class_name)(**arguments)
    given = inputs_of(options)
    data = given["images"] if class_name == "RandomGrayscale" else dict(given)
    draw = layer.get_random_transformation(data, training=True)
    outputs = {"images": layer.transform_images(
        keras.ops.convert_to_tensor(given["images"]), draw, training=True)}
    for name in SIDES:
        try:
            change = getattr(layer, "transform_" + name)
            outputs[name] = change(given[name].copy(), draw)
        except Exception as error:
            print(class_name, name, repr(error)[:120])
    try:
        outputs.update(moved_boxes(keras, layer, options, draw))
    except Exception as error:
        print(class_name, "boxes", repr(error)[:120])
    given.update(boxes=np.asarray(formatted(keras, options)), box_labels=BOX_LABELS)
    return {"class_name": class_name, "options": options, "draw": flat(draw),
            "inputs": {k: tensor(v) for k, v in given.items()},
            "outputs": {k: tensor(np.asarray(v).astype("float32")) for k, v in outputs.items()}}


def record(engine, here):
    keras = engines.create(engine).keras
    found = [one(keras, name, options, 11 + i) for i, (name, options) in enumerate(CASES)]
    write(os.path.join(here, "image_draws.json"), found)
    print(f"image draws: {len(found)}")
