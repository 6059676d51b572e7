"""HDF5 files with one of everything that can stand in them, written by h5py: the
numbers are 0, 1, 2 … in every type and layout. spec/reader_spec.lua reads them.
"""

import io

import h5py
import numpy as np

TYPES = {"float16": "<f2", "float32": "<f4", "float64": "<f8", "int8": "i1", "uint8": "u1",
         "int32": "<i4", "int64": "<i8", "big": ">f4"}


def numbers(dtype, *shape):
    return np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)


def fill(f):
    for name, dtype in TYPES.items():
        f[f"types/{name}"] = numbers(dtype, 2, 3)
    f["types/bool"] = numbers("i1", 4) % 2 == 1
    f["types/scalar"] = np.float32(7)
    f["types/empty"] = numbers("f4", 0, 3)
    half = numbers("<f4", 5).view("<u4") >> 16
    f.create_dataset("types/bfloat16", data=half.astype("<u2").view("V2"))
    f["types/bfloat16"].attrs["dtype"] = "bfloat16"
    f["types/complex"] = numbers("<c8", 2)
    g = f.create_group("texts")
    g.attrs["text"] = "a text, é"
    g.attrs["bytes"] = b"bytes"
    g.attrs["fixed"] = np.bytes_("fixed")
    g.attrs["texts"] = ["one", "two", ""]
    g.attrs["list"] = np.array([b"one", b"three"])
    g.attrs["none"] = []
    g.attrs["number"] = 3
    for i in range(3):
        g.attrs[f"split{i}"] = np.array([f"{i}{j}".encode() for j in range(4)])


def chunked(f):
    options = {"plain": {}, "gzip": {"compression": "gzip"},
               "shuffle": {"compression": "gzip", "shuffle": True},
               "checked": {"fletcher32": True, "compression": "gzip", "shuffle": True}}
    for name, more in options.items():
        f.create_dataset(f"chunks/{name}", data=numbers("<f4", 7, 5, 3), chunks=(3, 2, 3), **more)
    f.create_dataset("chunks/many", data=numbers("<i4", 700), chunks=(2,))
    f.create_dataset("chunks/lzf", data=numbers("<f4", 40), compression="lzf")


def file(fill_it, **options):
    out = io.BytesIO()
    with h5py.File(out, "w", **options) as f:
        fill_it(f)
    return out.getvalue()


def both(f):
    fill(f)
    chunked(f)


def few(f):
    """The newest style, as far as it is simple."""
    f["one/two"] = numbers("<f4", 2, 3)
    f.create_dataset("one/chunk", data=numbers("<f4", 4, 3), chunks=(4, 3), compression="gzip")
    f["one"].attrs["text"] = "a text"


def crowded(f):
    for i in range(30):
        f[f"g/{i}"] = numbers("<f4", 2)


def packed_weights(data):
    """A file of weights whose datasets are all chunked and compressed."""
    out = io.BytesIO()
    with h5py.File(io.BytesIO(data), "r") as old, h5py.File(out, "w") as new:
        def copy(name, item):
            if isinstance(item, h5py.Group):
                new.require_group(name)
            elif item.shape:
                new.create_dataset(name, data=item[()], chunks=item.shape, compression="gzip",
                                   shuffle=True)
            else:
                new[name] = item[()]
        old.visititems(copy)
    return out.getvalue()


def files(weights):
    """name -> bytes"""
    return {"kinds.h5": file(both), "newest.h5": file(few, libver="latest"),
            "newest_crowded.h5": file(crowded, libver="latest"),
            "ordered.h5": file(few, track_order=True),
            "chunks.weights.h5": packed_weights(weights)}
