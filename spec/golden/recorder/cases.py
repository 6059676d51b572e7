"""How a case is declared: a layer, what it is called with, and who runs it.

Values are described (shape, kind), not given: an engine draws them from a stream
named after the case, so adding a case never changes another. Knows no backend.
"""

import dataclasses

import numpy as np

from .tensors import generator


@dataclasses.dataclass
class Value:
    """A description of one input; `draw` makes the array."""

    shape: tuple = ()
    kind: str = "normal"
    low: float = 0.0
    high: float = 1.0
    dtype: str = "float32"
    data: object = None

    def draw(self, *words):
        random = generator(*words)
        if self.data is not None:
            if self.dtype == "string":
                return np.array(self.data, dtype=object)
            return np.array(self.data, dtype=self.dtype)
        if self.kind == "normal":
            return random.standard_normal(self.shape).astype(self.dtype)
        if self.kind == "uniform":
            return random.uniform(self.low, self.high, self.shape).astype(self.dtype)
        return random.randint(self.low, self.high, self.shape).astype(self.dtype)


def x(*shape):
    """Standard normal floats."""
    return Value(shape)


def uniform(low, high, *shape):
    return Value(shape, "uniform", low, high)


def ids(high, *shape, low=0, dtype="int32"):
    """Integers of [low, high)."""
    return Value(shape, "integer", low, high, dtype)


def const(data, dtype="float32"):
    return Value(data=data, shape=np.shape(data), dtype=dtype)


def strings(data):
    return const(data, "string")


def mask(rows):
    """mask("110 100") is a (2, 3) mask."""
    return const([[c == "1" for c in row] for row in rows.split()], "bool")


@dataclasses.dataclass
class Case:
    class_name: str
    name: str
    make: object
    arguments: tuple
    keywords: dict
    masks: object = None       # masks attached to the inputs, in order
    engine: str = "torch"      # torch, tensorflow, tf_keras, or formula
    weights: object = None     # "keep", or function(path, shape, random) -> array or None
    prepare: object = None     # function(layer) before the call: freeze
    adapt: object = None       # the Value that the layer is adapted to; keeps the weights
    then: tuple = ()           # further calls on the same layer: Then(...)
    custom: object = None      # what a reader must supply by name, and its formula
    gradients: bool = True
    symbolic: bool = True      # ask for the shapes with an unknown batch
    call: bool = True          # False: the config is all there is
    build: object = None       # the shape to build with when there is no call
    note: object = None


@dataclasses.dataclass
class Then:
    arguments: tuple
    keywords: dict
    reset: bool = False


def then(*arguments, reset=False, **keywords):
    return Then(arguments, keywords, reset)


CATALOGUE = {}
OPTIONS = {f.name for f in dataclasses.fields(Case)} - {
    "class_name", "name", "make", "arguments", "keywords"}


def cases_of(class_name, **defaults):
    """The function that declares cases of a class: case(name, make, *arguments, …)."""
    rows = CATALOGUE.setdefault(class_name, [])

    def case(name, make, *arguments, **keywords):
        options = dict(defaults)
        for key in list(keywords):
            if key in OPTIONS:
                options[key] = keywords.pop(key)
        if any(row.name == name for row in rows):
            raise ValueError(f"{class_name}: two cases are called {name!r}")
        rows.append(Case(class_name, name, make, arguments, keywords, **options))

    return case
