"""Calls of keras.utils.bounding_boxes.

bounding_boxes.json, one case a line: function, arguments by name (tensors, plain values, tables of
both), and the result: a tensor, a table of them, or "refused".
"""

import os

import numpy as np

from . import engines
from .tensors import tensor, write

ENGINES = ("tensorflow",)

FORMATS = ("xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh",
           "rel_center_xywh")


def floats(*rows):
    return np.array(rows, "float32")


BOXES = floats([[10, 20, 30, 60], [-5, 3, 12, 9.5], [40, 40, 90, 120]],
               [[0, 0, 1, 1], [7, 8, 7, 30], [-1, -1, -1, -1]])
OTHER = floats([[12, 18, 33, 50], [0, 0, 10, 10]], [[1, 1, 2, 2], [5, 6, 20, 28]])
SHARES = floats([[0.1, 0.2, 0.5, 0.25], [0, 0, 1, 1]])
LABELS = np.array([[3, 1, 2], [0, 5, 4]], "int32")
TABLE = {"boxes": BOXES, "labels": LABELS}
SIZE = {"height": 80, "width": 50}
SHAPE = {"image_shape": (80, 50, 3)}
ANCHORS = floats([5, 10, 25, 40], [0, 2, 8, 9], [30, 30, 100, 90])
TARGETS = floats([6, 12, 30, 38], [1, 1, 10, 9], [20, 40, 80, 110])
TURN = {"angle": floats(30, -75), "translate_x": floats(0.1, 0), "translate_y": floats(-0.2, 0.25),
        "scale": floats(1, 1.5), "shear_x": floats(0, 12), "shear_y": floats(5, -8)}


def cases():
    for source in FORMATS:
        for target in FORMATS:
            relative = source.startswith("rel")
            yield "convert_format", {"boxes": SHARES if relative else OTHER, "source": source,
                                     "target": target, **SIZE}
    yield "convert_format", {"boxes": OTHER, "source": "xyxy", "target": "xywh"}
    yield "convert_format", {"boxes": OTHER, "source": "xyxy", "target": "rel_xywh"}
    yield "convert_format", {"boxes": OTHER, "source": "XYXY", "target": "Center_xywh"}
    yield "convert_format", {"boxes": OTHER, "source": "xyxy", "target": "xyhw"}
    yield "convert_format", {"boxes": OTHER[..., :3], "source": "xyxy", "target": "xywh"}
    yield "convert_format", {"boxes": TABLE, "source": "xyxy", "target": "xywh"}
    yield "convert_format", {"boxes": OTHER.astype("int32"), "source": "xyxy",
                             "target": "center_xywh"}
    yield "clip_to_image_size", {"bounding_boxes": TABLE, **SIZE}
    yield "clip_to_image_size", {"bounding_boxes": {"boxes": BOXES}, **SIZE}
    yield "clip_to_image_size", {"bounding_boxes": TABLE}
    yield "clip_to_image_size", {"bounding_boxes": TABLE, **SIZE, "bounding_box_format": "xywh"}
    yield "clip_to_image_size", {"bounding_boxes": {"boxes": BOXES / 60, "labels": LABELS},
                                 "bounding_box_format": "rel_xyxy"}
    yield "affine_transform", {"boxes": BOXES, **TURN, **SIZE}
    yield "affine_transform", {"boxes": BOXES, **TURN, **SIZE, "center_x": 0.25, "center_y": 0.9}
    yield "affine_transform", {"boxes": BOXES, **TURN, **SIZE, "bounding_box_format": "xywh"}
    yield "crop", {"boxes": BOXES, "top": 7, "left": 4, "height": 40, "width": 30}
    yield "crop", {"boxes": BOXES, "top": 7, "left": 4, "height": 40, "width": 30,
                   "bounding_box_format": "xywh"}
    yield "pad", {"boxes": BOXES, "top": 7, "left": 4}
    yield "pad", {"boxes": BOXES, "top": 7, "left": 4, "height": 100, "width": 70}
    for more in ({}, {"variance": [0.1, 0.1, 0.2, 0.2]}, {"variance": [0.1, 0.1]}):
        yield "encode_box_to_deltas", {"anchors": ANCHORS, "boxes": TARGETS, **more,
                                       "anchor_format": "xyxy", "box_format": "xyxy"}
        yield "decode_deltas_to_boxes", {"anchors": ANCHORS, "boxes_delta": TARGETS / 50, **more,
                                         "anchor_format": "xyxy", "box_format": "xyxy"}
    more = {"anchor_format": "xywh", "box_format": "rel_xyxy", **SHAPE}
    yield "encode_box_to_deltas", {"anchors": ANCHORS, "boxes": TARGETS / 100, **more,
                                   "encoding_format": "center_xywh"}
    yield "decode_deltas_to_boxes", {"anchors": ANCHORS, "boxes_delta": TARGETS / 50, **more,
                                     "encoded_format": "center_xywh"}
    yield "decode_deltas_to_boxes", {"anchors": ANCHORS, "boxes_delta": TARGETS / 50, **more,
                                     "encoded_format": "xyxy"}
    yield "decode_deltas_to_boxes", {
        "anchors": {"low": ANCHORS, "high": TARGETS}, "anchor_format": "xyxy",
        "boxes_delta": {"low": TARGETS / 50, "high": ANCHORS / 70}, "box_format": "yxyx"}
    for more in ({}, {"use_masking": True}, {"use_masking": True, "mask_val": -7}):
        pair = {"bounding_box_format": "xyxy", **more}
        yield "compute_iou", {"boxes1": BOXES, "boxes2": OTHER, **pair}
        yield "compute_iou", {"boxes1": BOXES[1], "boxes2": ANCHORS, **pair}
    yield "compute_iou", {"boxes1": SHARES[0], "boxes2": SHARES[0],
                          "bounding_box_format": "rel_xywh", **SHAPE}
    yield "compute_iou", {"boxes1": SHARES[0], "boxes2": SHARES[0],
                          "bounding_box_format": "rel_xywh"}
    yield "compute_iou", {"boxes1": SHARES[0, 0], "boxes2": SHARES[0],
                          "bounding_box_format": "xywh"}
    yield "compute_ciou", {"boxes1": ANCHORS, "boxes2": TARGETS, "bounding_box_format": "xyxy"}
    yield "compute_ciou", {"boxes1": ANCHORS, "boxes2": TARGETS, "bounding_box_format": "xywh"}
    yield "compute_ciou", {"boxes1": SHARES, "boxes2": SHARES, "bounding_box_format": "rel_xyxy",
                           **SHAPE}


def walk(value, leaf):
    if isinstance(value, dict):
        return {k: walk(v, leaf) for k, v in value.items()}
    return leaf(value)


def record(engine, here):
    keras = engines.create(engine).keras
    module, found = keras.utils.bounding_boxes, []

    def given(value):
        return keras.ops.convert_to_tensor(value) if isinstance(value, np.ndarray) else value

    def told(value):
        return tensor(value) if isinstance(value, np.ndarray) else value

    for name, arguments in cases():
        try:
            result = walk(getattr(module, name)(**walk(arguments, given)),
                          lambda y: tensor(np.asarray(y)))
        except Exception:
            result = "refused"
        found.append({"function": name, "arguments": walk(arguments, told), "result": result})
    write(os.path.join(here, "bounding_boxes.json"), found)
    refused = sum(case["result"] == "refused" for case in found)
    print(f"bounding boxes: {len(found)}, {refused} refused")
