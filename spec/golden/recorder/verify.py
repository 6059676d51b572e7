"""Compares the recorded cases with the same cases on another backend of Keras 3.

Backends of Keras do not agree everywhere; whatever this lists is looked at by a person
and either noted in the case or recorded from the backend that follows the rule.
"""

import os

import numpy as np

from .tensors import read, untensor

LISTS = ("outputs", "masks", "input_gradients", "weight_gradients")


def distance(a, b):
    """Largest difference, relative to the largest element."""
    if (a is None) != (b is None):
        return "one is null"
    if a is None:
        return 0.0
    a, b = untensor(a), untensor(b)
    if a.shape != b.shape:
        return f"shapes {a.shape} {b.shape}"
    if a.dtype.kind == "O" or b.dtype.kind == "O":
        return 0.0 if (a == b).all() else "strings differ"
    if a.dtype != b.dtype:
        return f"dtypes {a.dtype} {b.dtype}"
    if not a.size:
        return 0.0
    a, b = a.astype("float64"), b.astype("float64")
    if not (np.isnan(a) == np.isnan(b)).all():
        return "NaN in one"
    a, b = np.nan_to_num(a), np.nan_to_num(b)
    return float(np.abs(a - b).max() / max(np.abs(a).max(), 1.0))


def differences(ours, theirs):
    for key in LISTS:
        a, b = ours.get(key), theirs.get(key)
        if a is None and b is None:
            continue
        if a is None or b is None or len(a) != len(b):
            yield key, "lengths differ"
            continue
        for i, pair in enumerate(zip(a, b)):
            found = distance(*pair)
            if isinstance(found, str) or found > (2e-5 if "grad" in key else 1e-5):
                yield f"{key}[{i}]", found


def compare(here, rows, other, classes):
    count = 0
    for class_name in classes or rows:
        recorded = read(os.path.join(here, "layers", f"{class_name}.json"))
        for i, case in enumerate(rows[class_name]):
            engine = {"torch": "tensorflow", "tensorflow": "torch"}.get(case.engine)
            theirs = other[engine].get(f"{class_name}/{i}") if engine else None
            if theirs is None:
                continue
            count += 1
            if "error" in theirs:
                print(f"{class_name}: {case.name}: {engine} cannot: {theirs['error']}")
                continue
            for where, what in differences(recorded[i], theirs):
                print(f"{class_name}: {case.name}: {where}: {what}")
            ours = recorded[i].get("expects", {})
            for key, value in theirs.get("expects", {}).items():
                if key in ("output_shapes", "count_params") and ours.get(key) != value:
                    print(f"{class_name}: {case.name}: {key}: {ours.get(key)} {value}")
    print(f"{count} cases compared")
