"""From a file to the first answer: from_file.py NAME. lunula_load and lunula_predict of
liblunula.so beside ONNX Runtime's session and run, in turn. Prints the median of the ratios, and
the medians of both in ms."""

import ctypes
import os
import statistics
import sys
import time

import numpy as np
import onnxruntime

import data
import team
import worker

THREADS = worker.threads()


class View(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("dtype", ctypes.c_int), ("rank", ctypes.c_int),
                ("shape", ctypes.c_int64 * 8), ("read_only", ctypes.c_int)]


def view(array):
    sizes = (ctypes.c_int64 * 8)(*array.shape)
    return View(array.ctypes.data, 0, array.ndim, sizes, 0)


def library():
    """It takes as many threads as there are processors for it."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    lib = ctypes.CDLL(os.path.join(team.BUILT, "..", "liblunula.so"))
    lib.lunula_load.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_char_p]
    lib.lunula_predict.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int,
                                   ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p]
    lib.lunula_model_free.argtypes = [ctypes.c_void_p]
    return lib


def ours(lib, path, x, y):
    model, why = ctypes.c_void_p(), ctypes.create_string_buffer(2000)
    vx, vy = view(x), view(y)
    start = time.perf_counter()
    if lib.lunula_load(path.encode(), ctypes.byref(model), why) or lib.lunula_predict(
            model, ctypes.byref(vx), 1, ctypes.byref(vy), 1, why):
        sys.exit(why.value.decode())
    took = time.perf_counter() - start
    lib.lunula_model_free(model)
    return took


def theirs(path, x):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.log_severity_level = 3
    start = time.perf_counter()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    y = session.run(None, {"x": x})[0]
    return time.perf_counter() - start, y


def main(name):
    team.figures("lua from_file.lua " + name, THREADS)
    lib, x = library(), data.sample(name, 1)
    turned = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    times = []
    for _ in range(5):
        b, wanted = theirs(data.path(name + ".onnx"), turned)
        y = np.zeros_like(wanted)
        a = ours(lib, data.path(name + ".safetensors"), x, y)
        assert np.allclose(y, wanted, atol=1e-4), np.abs(y - wanted).max()
        times.append((a, b))
    print(f"{statistics.median(a / b for a, b in times):.3f}",
          *(f"{1e3 * statistics.median(column):.1f}" for column in zip(*times)))


main(sys.argv[1])
