"""What Keras makes of single calls of its ops: numbers, or a refusal.

The calls stand in ops_calls.in, one a line in Python; ops_calls.txt has them in Lua, each with its
result: "op(arguments) -> shape:numbers", several results with ";" between, or "-> refused".
Inputs are F{sizes} (real numbers), I{sizes} (whole ones), both those of support/ops_inputs.lua, and
A, J, B: these numbers as float32, int32, bool.
"""

import os

import numpy as np

ENGINES = ("tensorflow",)


class Tensor:
    """An argument, with its text in Lua."""

    def __init__(self, text, data):
        self.text, self.data = text, data


def spread(shape, low, high, seed, rounded, dtype):
    """The numbers of spec/support/ops_inputs.lua."""
    at = (seed * 0.37 + np.arange(1, np.prod(shape, dtype=int) + 1) * (5**0.5 - 1) / 2) % 1
    return rounded(low + (high - low) * at).astype(dtype).reshape(shape)


def real(*shape, seed=1):
    data = spread(shape, -2, 2, seed, lambda x: np.floor(x * 128 + 0.5) / 128, "float32")
    return Tensor("F{%s}" % ", ".join([str(n) for n in shape] + [f"seed={seed}"] * (seed != 1)),
                  data)


def ints(*shape, low=-4, high=5):
    return Tensor("I{%s}" % ", ".join([str(n) for n in shape] + [f"low={low}, high={high}"]),
                  spread(shape, low, high, 1, np.floor, "int32"))


def exact(letter, dtype):
    def make(data):
        text = lua(data)
        return Tensor(letter + (text if text[0] == "{" else f"({text})"), np.array(data, dtype))
    return make


def lua(value):
    if isinstance(value, Tensor):
        return value.text
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not np.isfinite(value):
        return "nan" if np.isnan(value) else "-inf" if value < 0 else "inf"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, (list, tuple)):
        return "{%s}" % ", ".join(map(lua, value))
    return "nil" if value is None else repr(value)


def plain(value):
    if isinstance(value, Tensor):
        return value.data
    if isinstance(value, (list, tuple)):
        return type(value)(map(plain, value))
    return value


class Op:
    """What stands for an op in ops_calls.in: called, it gives the line of the call."""

    def __init__(self, name, function):
        self.name, self.function = name, function

    def __call__(self, *args, **options):
        texts = [lua(value) for value in args]
        named = ["%s=%s" % (k, "None" if v is None else lua(v)) for k, v in options.items()]
        if named:
            texts.append("{%s}" % ", ".join(named))
        try:
            result = self.function(*map(plain, args), **{k: plain(v) for k, v in options.items()})
            words = result_text(result)
        except Exception:  # whatever the backend raises
            words = "refused"
        return "%s(%s) -> %s" % (self.name, ", ".join(texts), words)


def number(x):
    x = float(x)
    return "nan" if np.isnan(x) else "%.7g" % x


def result_text(result):
    words = []
    for output in result if isinstance(result, (list, tuple)) else [result]:
        y = np.asarray(output)
        words.append("%s:%s" % (",".join(map(str, y.shape)),
                                ",".join(map(number, y.astype("float64").ravel()))))
    return ";".join(words)


class Image:
    pass


def names():
    import keras

    image = Image()
    for name in dir(keras.ops.image):
        setattr(image, name, Op(f"image.{name}", getattr(keras.ops.image, name)))
    found = {name: Op(name, getattr(keras.ops, name)) for name in dir(keras.ops)
             if name[0] != "_"}
    found.update(image=image, F=real, I=ints, A=exact("A", "float32"), J=exact("J", "int32"),
                 B=exact("B", "bool"), nan=np.nan, inf=np.inf)
    return found


def record(engine, folder):
    import keras

    known = names()
    calls = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ops_calls.in")
    with open(calls, encoding="utf-8") as file:
        lines = [line.strip() for line in file if line.strip() and line[0] != "#"]
    with open(os.path.join(folder, "ops_calls.txt"), "w", encoding="utf-8") as out:
        out.write(f"-- Keras {keras.__version__} on {engine}. Written by record.py.\n")
        for line in lines:
            out.write(eval(line, known) + "\n")
