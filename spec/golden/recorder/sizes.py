"""What Keras infers when a size is not known: which sizes a result has then.

sizes_ops.json (cases of spec/support/ops_cases) and sizes_layers.json ("Class/name of the case"):
case -> pattern -> shapes of the results. A pattern is one size: "1.0" is axis 0 of input 1; "*.0" is
axis 0 of the first input and of all others that have the same size there. Shapes are "2,?;3" for
(2, None) and (3,); "()" is a scalar; "-" where Keras refuses. The layers take ten minutes.
"""

import os

from . import engines, ops_cases
from .tensors import write

ENGINES = ("tensorflow",)


def patterns(shapes):
    """Pattern -> the axes that are unknown, for each input."""
    found = {}
    for i, shape in enumerate(shapes):
        for axis, size in enumerate(shape):
            if i == 0 and len(shapes) > 1:
                together = [{axis} if len(s) > axis and s[axis] == size else set()
                            for s in shapes]
                if sum(map(bool, together)) > 1:
                    found[f"*.{axis}"] = together
            found[f"{i}.{axis}"] = [{axis} if k == i else set() for k in range(len(shapes))]
    return found


def holes(shape, unknown):
    return tuple(None if axis in unknown else size for axis, size in enumerate(shape))


def text(keras, results):
    """The shapes of all results as one word."""
    def one(shape):
        return ",".join("?" if n is None else str(int(n)) for n in shape) or "()"
    return ";".join(one(y.shape) for y in keras.tree.flatten(results))


def shapes_of(keras, shapes, ask):
    """Asks for each pattern; `ask` gets the shapes with None and gives the results."""
    found = {}
    for name, unknown in patterns(shapes).items():
        try:
            found[name] = text(keras, ask([holes(s, u) for s, u in zip(shapes, unknown)]))
        except Exception:
            found[name] = "-"
    return found


# ---- ops

def to_key(item):
    """One entry of what x[...] is given, from the form that get_item takes."""
    if isinstance(item, dict):
        return slice(item.get("start"), item.get("stop"), item.get("step"))
    if item is False:
        return None
    if item == "...":
        return Ellipsis
    return slice(None) if item == () else item


def call_op(keras, case, inputs):
    positional, named = ops_cases.arguments(case, inputs)
    if case["op"] == "get_item":
        return inputs[0][tuple(map(to_key, named["key"]))]
    return ops_cases.find(keras, case["op"])(*positional, **named)


def record_ops(keras):
    found = {}
    for case in ops_cases.dump("all"):
        entries = case["inputs"]
        if case["op"] != "get_item" and ops_cases.find(keras, case["op"]) is None:
            continue

        def ask(shapes):
            """With all inputs symbolic; what needs the values of one gets them."""
            def tensor(entry, shape):
                return keras.KerasTensor(shape, entry["dtype"])
            try:
                return call_op(keras, case, list(map(tensor, entries, shapes)))
            except Exception:
                return call_op(keras, case, [
                    tensor(e, s) if None in s else ops_cases.to_array(e)
                    for e, s in zip(entries, shapes)])
        shapes = shapes_of(keras, [e["shape"] for e in entries], ask)
        if shapes:
            found[case["key"]] = shapes
    return found


# ---- layers

def leaves_of(case):
    found = []
    engines.walk([list(case.arguments), case.keywords], found.append)
    return found


def call_layer(keras, case, shapes):
    """A new layer, since a layer that is built has sizes of its own."""
    place = iter(shapes)

    def leaf(value):
        return keras.Input(batch_shape=next(place), dtype=value.dtype)
    keras.utils.clear_session()
    layer = case.make()
    if case.adapt:
        layer.adapt(case.adapt.draw(case.class_name, case.name, "adapt"))
    arguments = engines.walk(list(case.arguments), leaf)
    return layer(*arguments, **engines.walk(case.keywords, leaf))


def record_layers(keras):
    from .cases import CATALOGUE

    found = {}
    for class_name, cases in CATALOGUE.items():
        for case in cases:
            if case.engine not in ("torch", "tensorflow") or not case.call:
                continue
            shapes = shapes_of(keras, [v.shape for v in leaves_of(case)],
                               lambda s: call_layer(keras, case, s))
            if shapes:
                found[f"{class_name}/{case.name}"] = shapes
    return found


def record(engine, here):
    keras = engines.create(engine).keras
    from record import catalogue

    catalogue()
    write(os.path.join(here, "sizes_ops.json"), record_ops(keras))
    write(os.path.join(here, "sizes_layers.json"), record_layers(keras))
