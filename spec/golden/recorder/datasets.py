"""Small files in the formats of Keras's datasets (files/datasets), and what keras.datasets makes of
them under options: one case a line."""

import gzip
import importlib
import json
import os
import struct

import numpy as np

ENGINES = ("tensorflow",)

CASES = [
    ("imdb", {}), ("imdb", dict(num_words=30, skip_top=5, maxlen=12)),
    ("imdb", dict(start_char=None, oov_char=None, index_from=0, seed=5, num_words=20)),
    ("imdb", dict(start_char=None)), ("reuters", {}),
    ("reuters", dict(test_split=0.5, maxlen=9, oov_char=7, start_char=None, index_from=0)),
    ("boston_housing", {}), ("boston_housing", dict(test_split=0.35, seed=2)),
    ("california_housing", {}), ("california_housing", dict(version="small", seed=0)),
    ("mnist", {}), ("fashion_mnist", {}), ("cifar10", {}), ("cifar100", {}),
    ("cifar100", dict(label_mode="coarse")),
]
SUMS = ("cifar10", "cifar100", "mnist", "fashion_mnist")


def texts(draw, n):
    lists = np.empty(n, object)
    for i in range(n):
        lists[i] = [int(x) for x in draw.zipf(1.4, draw.randint(2, 16)) % 70000 + 1]
    return lists


def short(text):
    return b"U" + bytes([len(text)]) + text


def string(data):
    return b"T" + struct.pack("<i", len(data)) + data


def python2_array(a):
    """As cPickle of Python 2 writes an array, protocol 2."""
    dtype = (b"cnumpy\ndtype\n(" + short(b"u1") + b"K\0K\1tR(K\3" + short(b"|") + b"NNN"
             + b"J\xff\xff\xff\xff" * 2 + b"K\0tb")
    return (b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\0t" + short(b"b") + b"tR"
            + b"(K\1(" + b"".join(b"M" + struct.pack("<H", n) for n in a.shape) + b"t" + dtype
            + b"\x89" + string(a.tobytes()) + b"tb")


def python2_batch(pixels, **labels):
    items = short(b"data") + b"q\2" + python2_array(pixels)
    for name, values in labels.items():
        items += short(name.encode()) + b"](" + b"".join(b"K" + bytes([v]) for v in values) + b"e"
    return b"\x80\2}q\1(" + short(b"batch_label") + short(b"some") + items + b"u."


def write_files(folder):
    draw = np.random.RandomState(0)
    os.makedirs(folder, exist_ok=True)

    def at(*names):
        path = os.path.join(folder, *names)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    np.savez_compressed(at("imdb.npz"), x_train=texts(draw, 12), y_train=draw.randint(0, 2, 12),
                        x_test=texts(draw, 9), y_test=draw.randint(0, 2, 9))
    np.savez(at("reuters.npz"), x=texts(draw, 14), y=draw.randint(0, 46, 14))
    for name, columns in ("boston_housing", 4), ("california_housing", 3):
        np.savez(at(f"{name}.npz"), x=draw.randn(11, columns), y=draw.randn(11).astype("float32"))

    def pixels(*shape):
        return (draw.randint(0, 8, shape) * 30).astype("uint8")

    def labels(n):
        return draw.randint(0, 10, n).astype("uint8")

    np.savez_compressed(at("mnist.npz"), x_train=pixels(3, 28, 28), y_train=labels(3),
                        x_test=pixels(2, 28, 28), y_test=labels(2))
    for name, n in ("train", 3), ("t10k", 2):
        for kind, data in ("images-idx3", pixels(n, 28, 28)), ("labels-idx1", labels(n)):
            head = struct.pack(">HBB", 0, 8, data.ndim) + struct.pack(f">{data.ndim}I", *data.shape)
            with open(at("fashion-mnist", f"{name}-{kind}-ubyte.gz"), "wb") as out:
                out.write(gzip.compress(head + data.tobytes(), mtime=0))
    ten = "cifar-10-batches-py-target/cifar-10-batches-py"
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        with open(at(ten, name), "wb") as out:
            out.write(python2_batch(pixels(1, 3072), labels=labels(1)))
    for name in "train", "test":
        with open(at("cifar-100-python-target/cifar-100-python", name), "wb") as out:
            out.write(python2_batch(pixels(2, 3072), fine_labels=labels(2),
                                    coarse_labels=labels(2)))


def plain(name, value):
    value = np.asarray(value)
    if name in SUMS and value.ndim > 2:
        weights = np.arange(value.size).reshape(value.shape) % 97
        return {"shape": value.shape, "sum": int((value.astype("int64") * weights).sum())}
    return value.tolist()


def of_five(folder):
    """What cifar10.load_data does, which expects 10000 pictures a file."""
    from keras.src.datasets.cifar import load_batch

    at = os.path.join(folder, "cifar-10-batches-py-target", "cifar-10-batches-py")
    parts = [load_batch(os.path.join(at, f"data_batch_{i}")) for i in range(1, 6)]
    x, y = (np.concatenate(p) for p in zip(*parts))
    u, v = load_batch(os.path.join(at, "test_batch"))
    turn = (0, 2, 3, 1)
    return (x.transpose(turn), y.reshape(-1, 1)), (u.transpose(turn), np.reshape(v, (-1, 1)))


def call(name, options, folder):
    if name == "cifar10":
        return of_five(folder)
    module = importlib.import_module(f"keras.src.datasets.{name}")

    def get_file(fname=None, origin=None, cache_subdir="datasets", **_):
        return os.path.join(folder, *cache_subdir.split(os.sep)[1:], fname)

    module.get_file = get_file
    return module.load_data(**options)


def record(engine, here):
    folder = os.path.join(here, "files", "datasets")
    write_files(folder)
    with open(os.path.join(here, "datasets.jsonl"), "w", encoding="utf-8") as out:
        for name, options in CASES:
            (x, y), (u, v) = call(name, options, folder)
            out.write(json.dumps({"name": name, "options": options,
                                  "results": [plain(name, r) for r in (x, y, u, v)]}) + "\n")
