"""Runs one case on real Keras and returns what happened, ready for JSON.

The order is fixed: make the layer, call it once so that it is built, give it random
weights, then the recorded call, its masks, its gradients, what it left behind.
The torch and tensorflow engines are Keras 3 on that backend, tf_keras is Keras 2.
"""

import os

import numpy as np

from .cases import Value
from .tensors import generator, plain, tensor


def setup(engine):
    """Environment of an engine; before anything of Keras is imported."""
    os.environ["KERAS_BACKEND"] = "torch" if engine == "torch" else "tensorflow"
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    os.environ["TF_DETERMINISTIC_OPS"] = "1"
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS",
                 "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ[name] = "1"
    if engine == "torch":
        import torch

        torch.set_num_threads(1)


def walk(structure, visit):
    """Replaces every Value of a nest of lists, tuples and dicts."""
    if isinstance(structure, Value):
        return visit(structure)
    if isinstance(structure, (list, tuple)):
        return [walk(v, visit) for v in structure]
    if isinstance(structure, dict):
        return {k: walk(v, visit) for k, v in structure.items()}
    return structure


def is_float(array):
    return np.asarray(array).dtype.kind == "f" or str(array.dtype) == "bfloat16"


class Torch:
    """Gradients by torch autograd."""

    def __init__(self):
        import keras
        import torch

        self.keras, self.torch = keras, torch

    def leaf(self, array):
        if array.dtype.kind == "O":
            return array.tolist()
        leaf = self.torch.tensor(array)
        if is_float(array):
            leaf.requires_grad_(True)
        return leaf

    def run(self, function, leaves, variables, cotangents):
        outputs = function()
        flat = self.flatten(outputs)
        weights = cotangents(flat)
        leaves = [v for v in leaves if not isinstance(v, list) and v.requires_grad]
        places = leaves + [v.value for v in variables]
        loss = sum((o * self.torch.tensor(c)).sum()
                   for o, c in zip(flat, weights) if c is not None)
        if not places or not isinstance(loss, self.torch.Tensor) or not loss.requires_grad:
            gradients = [np.zeros(tuple(p.shape), "float32") for p in places]
        else:
            found = self.torch.autograd.grad(loss, places, allow_unused=True)
            gradients = [np.zeros(tuple(p.shape), "float32") if g is None else self.array(g)
                         for p, g in zip(places, found)]
        return flat, weights, gradients

    def flatten(self, outputs):
        return self.keras.tree.flatten(outputs)

    def array(self, value):
        if isinstance(value, self.torch.Tensor):
            value = value.detach().cpu()
            if value.dtype == self.torch.bfloat16:
                value = value.float()
            return value.numpy()
        return value.numpy() if hasattr(value, "numpy") else np.asarray(value)


class TensorFlow:
    """Gradients by a tape; serves Keras 3 on TensorFlow and tf_keras."""

    def __init__(self, legacy=False):
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        if legacy:
            import tf_keras as keras
        else:
            import keras
        self.keras, self.tf, self.legacy = keras, tf, legacy

    def leaf(self, array):
        if array.dtype.kind == "O":
            return self.tf.constant(array.tolist())
        return self.tf.constant(array)

    def run(self, function, leaves, variables, cotangents):
        leaves = [v for v in leaves if v.dtype.is_floating]
        with self.tf.GradientTape() as tape:
            for leaf in leaves:
                tape.watch(leaf)
            flat = self.flatten(function())
            weights = cotangents(flat)
            terms = [self.tf.reduce_sum(o * c)
                     for o, c in zip(flat, weights) if c is not None]
            loss = self.tf.add_n(terms) if terms else self.tf.constant(0.0)
        places = leaves + [v if self.legacy else v.value for v in variables]
        found = tape.gradient(loss, places, unconnected_gradients="zero") if places else []
        return flat, weights, [self.array(g) for g in found]

    def flatten(self, outputs):
        return self.tf.nest.flatten(outputs) if self.legacy else self.keras.tree.flatten(outputs)

    def array(self, value):
        if isinstance(value, self.tf.IndexedSlices):
            value = self.tf.convert_to_tensor(value)
        return value.numpy() if hasattr(value, "numpy") else np.asarray(value)


def create(engine):
    if engine == "torch":
        return Torch()
    return TensorFlow(legacy=engine == "tf_keras")


def weight_path(layer, weight):
    """The path of a weight below its layer: "kernel", "forward_lstm/lstm_cell/kernel"."""
    path = getattr(weight, "path", None) or weight.name.split(":")[0]
    head, _, rest = path.partition("/")
    return rest if head == layer.name and rest else path


def draw_weight(path, shape, random):
    """Weights far from their initial values, so that every one of them matters."""
    name = path.rpartition("/")[2]
    if "variance" in name:
        return random.uniform(0.5, 2.0, shape)
    if "stddev" in name:
        return random.uniform(0.7, 1.4, shape)
    if name in ("gamma", "scale", "concat_score_weight"):
        return random.uniform(0.5, 1.5, shape)
    return random.uniform(-0.7, 0.7, shape)


class Run:
    """One case on one engine."""

    def __init__(self, engine, case):
        self.engine, self.case, self.keras = engine, case, engine.keras
        self.legacy = getattr(engine, "legacy", False)

    def record(self):
        case = self.case
        (self.keras.backend if self.legacy else self.keras.utils).clear_session()
        self.keras.utils.set_random_seed(1)
        layer = self.layer = case.make()
        if case.prepare:
            case.prepare(layer)
        record = {
            "name": case.name,
            "class_name": case.class_name,
            "source": "tf_keras" if self.legacy else "keras",
        }
        if case.adapt:
            data = case.adapt.draw(case.class_name, case.name, "adapt")
            layer.adapt(data)
            record["adapt"] = tensor(data)
        if case.custom:
            record["custom"] = case.custom
        if case.note:
            record["note"] = case.note
        if not case.call:
            if case.build is not None:
                layer.build(case.build)
            record["config"] = plain(layer.get_config())
            record["weights"] = self.weights()
            return record
        if getattr(layer, "stateful", False):
            layer.build(case.arguments[0].shape)
        else:
            self.call(case, 0, warm=True)
        if not case.adapt and case.weights != "keep":
            self.draw_weights()
        record["config"] = plain(layer.get_config())
        record["weights"] = self.weights()
        before = [np.array(self.engine.array(w)) for w in layer.weights]
        if not self.legacy:
            layer._clear_losses()
        record.update(self.call(case, 0))
        record["expects"] = self.expects(before)
        if case.then:
            record["then"] = [self.after(step, i + 1) for i, step in enumerate(case.then)]
        return record

    def after(self, step, index):
        if step.reset:
            self.layer.reset_states() if self.legacy else self.layer.reset_state()
        record = self.call(step, index)
        keep = ("inputs", "input_masks", "call", "outputs", "masks")
        return {"reset": step.reset, **{k: record[k] for k in keep}}

    def call(self, step, index, warm=False):
        """Calls the layer; all tensors of the call are numbered in one list."""
        case, layer = self.case, self.layer
        arrays = []

        def number(value):
            words = (case.class_name, case.name, "input", index, len(arrays))
            arrays.append(value.draw(*words))
            return {"input": len(arrays) - 1}

        arguments = walk(list(step.arguments), number)
        keywords = walk(step.keywords, number)
        leaves = [self.engine.leaf(a) for a in arrays]
        masks = self.attach(step, leaves)

        def resolve(node):
            if isinstance(node, dict):
                if set(node) == {"input"}:
                    return leaves[node["input"]]
                return {k: resolve(v) for k, v in node.items()}
            return [resolve(v) for v in node] if isinstance(node, list) else node

        given = {k: resolve(v) for k, v in keywords.items()}
        if warm and "training" in given:
            given["training"] = False
        if warm:
            layer(*[resolve(a) for a in arguments], **given)
            return None

        variables = layer.trainable_weights if case.gradients else []
        outputs, cotangents, gradients = self.engine.run(
            lambda: layer(*[resolve(a) for a in arguments], **given),
            leaves if case.gradients else [],
            variables,
            self.cotangents)
        results = [self.engine.array(o) for o in outputs]
        # Attention scores carry the mask of the softmax inside, by accident.
        scores = keywords.get("return_attention_scores")
        record = {
            "inputs": [tensor(a) for a in arrays],
            "input_masks": masks,
            "call": {"arguments": arguments, "keywords": plain(keywords)},
            "outputs": [tensor(r) for r in results],
            "masks": [None if scores and i > 0 else self.mask_of(o)
                      for i, o in enumerate(outputs)],
            "cotangents": [None if c is None else tensor(c) for c in cotangents],
        }
        if case.gradients and all(c is None for c in cotangents):
            record["input_gradients"] = [None] * len(arrays)
            record["weight_gradients"] = [None] * len(layer.weights)
        elif case.gradients:
            gradients = iter(gradients)
            record["input_gradients"] = [
                tensor(next(gradients)) if is_float(a) else None for a in arrays]
            trainable = {id(w) for w in variables}
            found = {id(w): next(gradients) for w in variables}
            record["weight_gradients"] = [
                tensor(found[id(w)]) if id(w) in trainable else None for w in layer.weights]
        return record

    def attach(self, step, leaves):
        """Masks that the inputs carry with them."""
        masks = getattr(step, "masks", None)
        if masks is None:
            return [None] * len(leaves)
        masks = list(masks) if isinstance(masks, (list, tuple)) else [masks]
        masks += [None] * (len(leaves) - len(masks))
        arrays = [None if m is None else m.draw("mask") for m in masks]
        for leaf, array in zip(leaves, arrays):
            if array is not None:
                leaf._keras_mask = self.engine.leaf(array)
        return [None if a is None else tensor(a) for a in arrays]

    def mask_of(self, output):
        found = getattr(output, "_keras_mask", None)
        return None if found is None else tensor(self.engine.array(found))

    def cotangents(self, outputs):
        """Weights of the scalar whose gradients are recorded."""
        if not self.case.gradients:
            return [None] * len(outputs)
        arrays = []
        for i, output in enumerate(outputs):
            value = self.engine.array(output)
            random = generator(self.case.class_name, self.case.name, "cotangent", i)
            arrays.append(random.standard_normal(value.shape).astype("float32")
                          if value.dtype == np.float32 else None)
        return arrays

    def draw_weights(self):
        case, layer = self.case, self.layer
        arrays = []
        for i, weight in enumerate(layer.weights):
            path = weight_path(layer, weight)
            random = generator(case.class_name, case.name, "weight", i)
            old = np.array(self.engine.array(weight))
            new = case.weights(path, old.shape, random) if case.weights else None
            if new is None:
                new = draw_weight(path, old.shape, random) if is_float(old) else old
            arrays.append(np.asarray(new, dtype=old.dtype).reshape(old.shape))
        if arrays:
            layer.set_weights(arrays)

    def weights(self):
        trainable = {id(w) for w in self.layer.trainable_weights}
        return [{
            "name": weight_path(self.layer, w).rpartition("/")[2],
            "path": weight_path(self.layer, w),
            "trainable": id(w) in trainable,
            "tensor": tensor(self.engine.array(w)),
        } for w in self.layer.weights]

    def expects(self, before):
        layer = self.layer
        losses = [float(self.engine.array(v)) for v in layer.losses]
        after = [np.array(self.engine.array(w)) for w in layer.weights]
        changed = [None if np.array_equal(a, b) else tensor(b)
                   for a, b in zip(before, after)]
        expects = {
            "count_params": layer.count_params(),
            "losses": losses,
            "supports_masking": bool(layer.supports_masking),
        }
        if any(c is not None for c in changed):
            expects["weights_after"] = changed
        if self.case.symbolic and not getattr(layer, "stateful", False):
            expects["output_shapes"] = self.symbolic_shapes()
        return expects

    def symbolic_shapes(self):
        """Output shapes for an unknown batch; null where Keras cannot tell."""
        case = self.case

        def placeholder(value):
            if not value.shape:
                return value.draw("scalar")
            return self.keras.Input(batch_shape=(None, *value.shape[1:]), dtype=value.dtype)

        try:
            arguments = walk(list(case.arguments), placeholder)
            outputs = self.layer(*arguments, **walk(case.keywords, placeholder))
            return [[None if d is None else int(d) for d in o.shape]
                    for o in self.engine.flatten(outputs)]
        except Exception:
            return None
