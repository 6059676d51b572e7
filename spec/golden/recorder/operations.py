"""The classes that keras.ops become in the files of functional models.

operations.json: class name -> {"module": where it stands, "made_with": the arguments of its
constructor, "called_with": those of its call; "*" before one that takes any number}.
"""

import importlib
import inspect
import os
import pkgutil

from . import engines
from .tensors import write

ENGINES = ("torch",)


def names_of(function):
    """Names of the arguments, without those that every operation has."""
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    found = [stars.get(p.kind, "") + p.name for p in inspect.signature(function).parameters.values()]
    return [n for n in found if n not in ("self", "name") and not n.startswith("**")]


def record(engine, here):
    engines.create(engine)
    import keras.src.ops as ops
    from keras.src.ops.operation import Operation

    found = {}
    for module in pkgutil.iter_modules(ops.__path__):
        if module.name.endswith("_test"):
            continue
        place = importlib.import_module(f"keras.src.ops.{module.name}")
        for name, value in vars(place).items():
            if (inspect.isclass(value) and issubclass(value, Operation)
                    and value is not Operation and value.__module__ == place.__name__):
                found[name] = {"module": place.__name__, "made_with": names_of(value.__init__),
                               "called_with": names_of(value.call)}
    write(os.path.join(here, "operations.json"), found)
    print(f"{len(found)} operations")
