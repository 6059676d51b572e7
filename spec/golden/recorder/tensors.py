"""How a number leaves Python: tensors as base64, one case to a line.

Everything that reaches a file passes through here, so the files are the same
bytes on every run: keys sorted, little-endian data, no NaN outside of tensors.
Knows NumPy only; no Keras, no backend.
"""

import base64
import json
import os
import zlib

import numpy as np


def generator(*words):
    """A random stream that depends on nothing but these words."""
    return np.random.RandomState(zlib.crc32("/".join(map(str, words)).encode()))


def tensor(value):
    """A tensor as JSON: {"shape", "dtype", "data"}; strings stay a flat list."""
    array = np.asarray(value)
    shape = list(array.shape)
    if array.dtype.kind in "OSU":
        flat = [v.decode() if isinstance(v, bytes) else str(v) for v in array.ravel()]
        return {"shape": shape, "dtype": "string", "data": flat}
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
        dtype = "bool"
    else:
        dtype = array.dtype.name
        array = array.astype(array.dtype.newbyteorder("<"))
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"shape": shape, "dtype": dtype, "data": data}


def untensor(record):
    """The array of a recorded tensor."""
    if record["dtype"] == "string":
        return np.array(record["data"], dtype=object).reshape(record["shape"])
    data = base64.b64decode(record["data"])
    dtype = np.uint8 if record["dtype"] == "bool" else np.dtype(record["dtype"])
    array = np.frombuffer(data, dtype=np.dtype(dtype).newbyteorder("<"))
    array = array.reshape(record["shape"])
    return array.astype(bool) if record["dtype"] == "bool" else array


def plain(value):
    """Configs hold tuples, NumPy numbers and dtypes; JSON does not."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if hasattr(value, "numpy"):
        return plain(value.numpy())
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, np.dtype):
        return value.name
    raise TypeError(f"no JSON for {type(value).__name__}: {value!r}")


def dump(value):
    return json.dumps(value, sort_keys=True, allow_nan=False, ensure_ascii=False,
                      separators=(",", ":"))


def write(path, value):
    """A list is written one element to a line, a dict one key to a line."""
    if isinstance(value, list):
        text = "[\n" + ",\n".join(dump(v) for v in value) + "\n]\n"
    else:
        rows = [f"{dump(k)}:{dump(value[k])}" for k in sorted(value)]
        text = "{\n" + ",\n".join(rows) + "\n}\n"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)


def write_nested(path, found):
    """One entry of each kind to a line, and still one object."""
    parts = []
    for kind, rows in sorted(found.items()):
        inner = ",\n".join(f"{dump(k)}:{dump(rows[k])}" for k in sorted(rows))
        parts.append(f"{dump(kind)}:{{\n{inner}\n}}")
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write("{\n" + ",\n".join(parts) + "\n}\n")


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)
