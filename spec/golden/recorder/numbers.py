"""Numbers of everything that is not a layer: activations, initializers, regularizers,
constraints, losses, metrics, optimizers, schedules.

Each file is a list of cases, one to a line; `config` is the object's own get_config().
activations      name, arguments, input, output, cotangent, gradient; one file for each Keras
initializers     shape, and either tensor (exact), or fans with the distribution's bounds:
                 limit (uniform: +-limit), or stddev of the normal that is cut at +-2 stddev
                 (truncated) or not cut
regularizers     input, value, gradient          constraints  input, output
losses           y_true, y_pred, sample_weight, mask, output, cotangent, gradient (of y_pred)
metrics          updates: arguments of update_state and the result after it
optimizers       variables, steps: gradients and the variables after them; finalized: the
                 variables after finalize_variable_values, where it changes them
schedules        steps, values
"""

import os

import numpy as np

from . import engines
from .tensors import generator, plain, tensor, write

ENGINES = ("torch", "tf_keras")


def record(engine, here):
    if engine == "tf_keras":
        write(os.path.join(here, "activations_legacy.json"), legacy_activations())
        return
    tool = engines.create(engine)
    for name in ("activations", "initializers", "regularizers", "constraints", "losses",
                 "metrics", "optimizers", "schedules"):
        found = globals()[name](tool)
        write(os.path.join(here, f"{name}.json"), found)
        print(f"{name}: {len(found)}")


def differentiate(tool, function, array, *words):
    """Output, cotangent and gradient of sum(output * cotangent) of one input."""
    def weigh(flat):
        random = generator(*words, "cotangent")
        return [random.standard_normal(tuple(flat[0].shape)).astype("float32")]

    leaf = tool.leaf(array)
    outputs, cotangents, gradients = tool.run(lambda: function(leaf), [leaf], [], weigh)
    return tool.array(outputs[0]), cotangents[0], gradients[0]


# ---- activations

ACTIVATIONS = [
    ("linear", {}), ("relu", {}), ("relu", {"negative_slope": 0.2}), ("relu", {"max_value": 1.5}),
    ("relu", {"threshold": 0.5, "negative_slope": 0.1, "max_value": 2.0}), ("relu6", {}),
    ("leaky_relu", {}), ("leaky_relu", {"negative_slope": 0.05}), ("elu", {}),
    ("elu", {"alpha": 0.5}), ("selu", {}), ("celu", {}), ("celu", {"alpha": 0.5}), ("gelu", {}),
    ("gelu", {"approximate": True}), ("silu", {}), ("swish", {}), ("mish", {}), ("softplus", {}),
    ("softsign", {}), ("sigmoid", {}), ("hard_sigmoid", {}), ("hard_silu", {}), ("hard_swish", {}),
    ("log_sigmoid", {}), ("sparse_sigmoid", {}), ("tanh", {}), ("hard_tanh", {}),
    ("tanh_shrink", {}), ("soft_shrink", {}), ("soft_shrink", {"threshold": 1.0}),
    ("hard_shrink", {}), ("hard_shrink", {"threshold": 1.0}),
    ("threshold", {"threshold": 0.5, "default_value": 3.0}), ("sparse_plus", {}),
    ("squareplus", {}), ("squareplus", {"b": 1.0}), ("exponential", {}), ("glu", {}),
    ("glu", {"axis": 0}), ("softmax", {}), ("softmax", {"axis": 0}), ("log_softmax", {}),
    ("log_softmax", {"axis": 0}), ("sparsemax", {}), ("sparsemax", {"axis": 0}),
]


def activations(tool):
    found = []
    for name, arguments in ACTIVATIONS:
        function = getattr(tool.keras.activations, name)
        array = generator(name).uniform(-4, 4, (4, 6)).astype("float32")
        output, cotangent, gradient = differentiate(
            tool, lambda v: function(v, **arguments), array, name, arguments)
        found.append({
            "name": name, "arguments": arguments, "input": tensor(array), "output": tensor(output),
            "cotangent": tensor(cotangent), "gradient": tensor(gradient), "source": "keras"})
    edges = np.array([-3, -2.5, -1, -0.5, 0, 0.5, 1, 2.5, 3, 6, 20, -20, 80, -80], dtype="float32")
    for name in sorted({n for n, _ in ACTIVATIONS} - {"threshold", "glu"}):
        output = getattr(tool.keras.activations, name)(tool.leaf(edges[None]))
        found.append({"name": name, "arguments": {}, "input": tensor(edges[None]),
                      "output": tensor(tool.array(output)), "source": "keras"})
    return found


def legacy_activations():
    tool = engines.create("tf_keras")
    found = []
    for name in ("elu", "exponential", "gelu", "hard_sigmoid", "linear", "mish", "relu", "selu",
                 "sigmoid", "softmax", "softplus", "softsign", "swish", "tanh"):
        array = generator(name, "legacy").uniform(-4, 4, (4, 6)).astype("float32")
        output, cotangent, gradient = differentiate(
            tool, getattr(tool.keras.activations, name), array, name, "legacy")
        found.append({
            "name": name, "arguments": {}, "input": tensor(array), "output": tensor(output),
            "cotangent": tensor(cotangent), "gradient": tensor(gradient), "source": "tf_keras"})
    return found


# ---- initializers, regularizers, constraints

SHAPES = [(), (6,), (4, 7), (3, 2, 5), (3, 2, 4, 6), (2, 3, 2, 3, 4)]


def initializers(tool):
    from keras.src.initializers.random_initializers import compute_fans

    initializers = tool.keras.initializers
    found = []

    def add(instance, shape, **fields):
        found.append({"class_name": type(instance).__name__, "config": plain(instance.get_config()),
                      "shape": list(shape), **fields})

    def exact(instance, shape):
        add(instance, shape, tensor=tensor(tool.array(instance(shape, dtype="float32"))))

    for shape in ((3,), (2, 3)):
        exact(initializers.Zeros(), shape)
        exact(initializers.Ones(), shape)
        exact(initializers.Constant(2.5), shape)
    exact(initializers.Constant([1.0, 2.0, 3.0]), (2, 3))
    for shape in ((3, 3), (2, 4), (4, 2)):
        exact(initializers.Identity(), shape)
        exact(initializers.Identity(gain=0.5), shape)
    for side in ("real", "imag"):
        for window in ("hann", "hamming", None):
            for scaling in ("density", "spectrum", None):
                if window or not scaling:
                    exact(initializers.STFT(side, window=window, scaling=scaling), (6, 1, 5))
    exact(initializers.STFT("real", window="hann", periodic=True), (4, 1, 3))
    exact(initializers.STFT("imag", window="hamming", periodic=True), (8, 1, 5))

    def within(instance, shape, low, high, stddev):
        """The stated distribution, held against a large sample of the real one."""
        big = (*shape[:-2], 4000, 5)
        if not fans_matter(instance):
            sample = tool.array(instance(big, dtype="float32"))
            assert low <= sample.min() and sample.max() <= high
            assert abs(sample.std() / stddev - 1) < 0.03, instance.get_config()

    def fans_matter(instance):
        return isinstance(instance, initializers.VarianceScaling)

    uniform, normal, cut = (initializers.RandomUniform, initializers.RandomNormal,
                            initializers.TruncatedNormal)
    for instance, low, high in ((uniform(seed=1), -0.05, 0.05),
                                (uniform(-1.0, 3.0, seed=1), -1.0, 3.0)):
        within(instance, (), low, high, (high - low) / 12 ** 0.5)
        add(instance, (4, 7), distribution="uniform", minimum=low, maximum=high)
    for instance, mean, stddev in ((normal(seed=1), 0.0, 0.05),
                                   (normal(1.0, 0.5, seed=1), 1.0, 0.5)):
        within(instance, (), -np.inf, np.inf, stddev)
        add(instance, (4, 7), distribution="normal", mean=mean, stddev=stddev)
    for instance, mean, stddev in ((cut(seed=1), 0.0, 0.05), (cut(1.0, 0.5, seed=1), 1.0, 0.5)):
        within(instance, (), mean - 2 * stddev, mean + 2 * stddev, stddev * 0.87962566103423978)
        add(instance, (4, 7), distribution="truncated_normal", mean=mean, stddev=stddev)

    def scaled(instance, shape, **axes):
        fan_in, fan_out = compute_fans(shape, axes.get("input_axes"), axes.get("output_axes"))
        fan = {"fan_in": fan_in, "fan_out": fan_out,
               "fan_avg": (fan_in + fan_out) / 2}[instance.mode]
        scale = instance.scale / max(1.0, fan)
        fields = {"fan_in": fan_in, "fan_out": fan_out, "distribution": instance.distribution}
        sample = tool.array(instance(shape, dtype="float32"))
        if instance.distribution == "uniform":
            fields["limit"] = bound = (3.0 * scale) ** 0.5
        elif instance.distribution == "truncated_normal":
            fields["stddev"] = scale ** 0.5 / 0.87962566103423978
            bound = 2 * fields["stddev"]
        else:
            fields["stddev"] = scale ** 0.5
            bound = np.inf
        assert np.abs(sample).max() <= bound * (1 + 1e-6)
        if sample.size > 5000:
            stddev = {"uniform": bound / 3 ** 0.5}.get(instance.distribution, scale ** 0.5)
            assert abs(sample.std() / stddev - 1) < 0.05
            return
        add(instance, shape, **fields)

    for name in ("GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform",
                 "LecunNormal"):
        cls = getattr(initializers, name)
        for shape in SHAPES:
            scaled(cls(seed=2), shape)
        scaled(cls(seed=2), (3, 40, 60))
        axes = {"input_axes": [0], "output_axes": [1, 2]}
        scaled(cls(seed=2, **axes), (4, 3, 5), **axes)
        axes = {"input_axes": [0, 1], "output_axes": [2]}
        scaled(cls(seed=2, **axes), (3, 4, 5), **axes)
    for mode in ("fan_in", "fan_out", "fan_avg"):
        for distribution in ("truncated_normal", "untruncated_normal", "uniform"):
            instance = initializers.VarianceScaling(0.7, mode, distribution, seed=2)
            for shape in SHAPES[2:5]:
                scaled(instance, shape)
            scaled(instance, (3, 40, 60))
    for shape in ((4, 4), (3, 5), (5, 3), (3, 2, 4)):
        for gain in (1.0, 0.5):
            add(initializers.Orthogonal(gain, seed=2), shape, distribution="orthogonal", gain=gain)
    return found


def regularizers(tool):
    r = tool.keras.regularizers
    found = []
    for instance in (r.L1(), r.L1(0.3), r.L2(), r.L2(0.3), r.L1L2(), r.L1L2(0.1, 0.2),
                     r.OrthogonalRegularizer(), r.OrthogonalRegularizer(0.5, "columns")):
        for shape in ((3, 4), (5,), (2, 3, 2)):
            if isinstance(instance, r.OrthogonalRegularizer) and len(shape) != 2:
                continue
            array = generator("regularizer", type(instance).__name__, shape).standard_normal(
                shape).astype("float32")
            leaf = tool.leaf(array)
            value, _, gradient = tool.run(lambda: instance(leaf), [leaf], [],
                                          lambda flat: [np.float32(1.0)])
            found.append({
                "class_name": type(instance).__name__, "config": plain(instance.get_config()),
                "input": tensor(array), "value": tensor(tool.array(value[0])),
                "gradient": tensor(gradient[0])})
    return found


def constraints(tool):
    c = tool.keras.constraints
    found = []
    instances = [c.NonNeg()]
    for axis in (0, 1, [0, 1], -1):
        instances += [c.MaxNorm(1.0, axis), c.UnitNorm(axis), c.MinMaxNorm(0.5, 1.5, 0.7, axis)]
    instances += [c.MaxNorm(), c.MinMaxNorm(), c.UnitNorm()]
    for instance in instances:
        array = generator("constraint", type(instance).__name__).standard_normal((3, 4)).astype(
            "float32")
        found.append(constraint_case(tool, instance, array))
    kernel = generator("constraint", "kernel").standard_normal((2, 3, 2, 4)).astype("float32")
    for instance in (c.MaxNorm(1.0, [0, 1, 2]), c.UnitNorm([0, 1, 2]),
                     c.MinMaxNorm(0.2, 0.8, 0.5, [0, 1, 2])):
        found.append(constraint_case(tool, instance, kernel))
    return found


def constraint_case(tool, instance, array):
    return {"class_name": type(instance).__name__, "config": plain(instance.get_config()),
            "input": tensor(array), "output": tensor(tool.array(instance(tool.leaf(array))))}


# ---- losses

def probabilities(random, *shape):
    p = random.uniform(0.05, 1.0, shape)
    return (p / p.sum(-1, keepdims=True)).astype("float32")


def one_hot(random, *shape):
    return np.eye(shape[-1], dtype="float32")[random.randint(0, shape[-1], shape[:-1])]


def binary(random, *shape):
    return random.randint(0, 2, shape).astype("float32")


def unit(random, *shape):
    return random.uniform(0.05, 0.95, shape).astype("float32")


def real(random, *shape):
    return random.standard_normal(shape).astype("float32")


def positive(random, *shape):
    return random.uniform(0.1, 3.0, shape).astype("float32")


def classes(random, *shape):
    return random.randint(0, shape[-1], shape[:-1]).astype("int32")


LOSSES = {
    # class: (target, prediction, shapes, options)
    "MeanSquaredError": (real, real, [(4, 3), (2, 3, 4)], [{}]),
    "MeanAbsoluteError": (real, real, [(4, 3), (2, 3, 4)], [{}]),
    "MeanAbsolutePercentageError": (positive, real, [(4, 3)], [{}]),
    "MeanSquaredLogarithmicError": (positive, positive, [(4, 3), (2, 3, 4)], [{}]),
    "CosineSimilarity": (real, real, [(4, 3), (2, 3, 4)], [{}, {"axis": 1}]),
    "Huber": (real, real, [(4, 3)], [{}, {"delta": 0.4}]),
    "LogCosh": (real, real, [(4, 3)], [{}]),
    "Hinge": (binary, real, [(4, 3)], [{}]),
    "SquaredHinge": (binary, real, [(4, 3)], [{}]),
    "CategoricalHinge": (one_hot, real, [(4, 3), (2, 3, 4)], [{}]),
    "KLDivergence": (probabilities, probabilities, [(4, 3), (2, 3, 4)], [{}]),
    "Poisson": (positive, positive, [(4, 3)], [{}]),
    "BinaryCrossentropy": (binary, unit, [(4, 3), (5, 1)], [
        {}, {"label_smoothing": 0.2}, {"from_logits": True}, {"axis": 0},
        {"from_logits": True, "label_smoothing": 0.1}]),
    "BinaryFocalCrossentropy": (binary, unit, [(4, 3)], [
        {}, {"gamma": 3.0}, {"apply_class_balancing": True, "alpha": 0.4},
        {"from_logits": True, "label_smoothing": 0.1}]),
    "CategoricalCrossentropy": (one_hot, probabilities, [(4, 5), (2, 3, 4)], [
        {}, {"label_smoothing": 0.2}, {"from_logits": True},
        {"from_logits": True, "label_smoothing": 0.1}]),
    "CategoricalFocalCrossentropy": (one_hot, probabilities, [(4, 5)], [
        {}, {"alpha": 0.4, "gamma": 1.5}, {"from_logits": True}, {"label_smoothing": 0.1}]),
    "SparseCategoricalCrossentropy": (classes, probabilities, [(4, 5), (2, 3, 4)], [
        {}, {"from_logits": True}, {"ignore_class": 1}, {"ignore_class": 0, "from_logits": True}]),
    "Dice": (binary, unit, [(3, 4)], [{}, {"axis": 1}, {"axis": (0, 1)}]),
    "Tversky": (binary, unit, [(3, 4)], [{}, {"alpha": 0.3, "beta": 0.7}, {"axis": 1}]),
    "CategoricalGeneralizedCrossEntropy": (classes, probabilities, [(4, 5)], [{}, {"q": 0.8}]),
}
REDUCED_ALONE = ("Dice", "Tversky")


def losses(tool):
    found = []
    for name, (target, prediction, shapes, options) in LOSSES.items():
        for shape in shapes:
            for option in options:
                random = generator("loss", name, shape, sorted(option))
                y_true = target(random, *shape)
                y_pred = real(random, *shape) if option.get("from_logits") else prediction(
                    random, *shape)
                weight = random.uniform(0.2, 2.0, shape[:-1]).astype("float32")
                found.append(loss_case(tool, name, option, y_true, y_pred))
                found.append(loss_case(tool, name, {**option, "reduction": "none"}, y_true, y_pred))
                if option or name in REDUCED_ALONE:
                    continue
                for reduction in ("sum_over_batch_size", "sum", "none", "mean_with_sample_weight"):
                    found.append(loss_case(tool, name, {"reduction": reduction}, y_true, y_pred,
                                           weight=weight))
    random = generator("loss", "masks")
    y_true, y_pred = real(random, 2, 3, 4), real(random, 2, 3, 4)
    mask = np.array([[1, 1, 0], [1, 0, 0]], dtype=bool)
    weight = random.uniform(0.2, 2.0, (2, 3)).astype("float32")
    for reduction in ("sum_over_batch_size", "sum", "none", "mean", "mean_with_sample_weight"):
        option = {"reduction": reduction}
        found.append(loss_case(tool, "MeanSquaredError", option, y_true, y_pred, mask=mask))
        found.append(loss_case(tool, "MeanSquaredError", option, y_true, y_pred, mask=mask,
                               weight=weight))
        found.append(loss_case(tool, "MeanAbsoluteError", option, y_true, y_pred, weight=weight))
    # Ranks that differ by one.
    column, row = real(random, 4, 1), real(random, 4)
    found.append(loss_case(tool, "MeanSquaredError", {}, row, column))
    found.append(loss_case(tool, "MeanSquaredError", {}, column, row))
    found.append(loss_case(tool, "SparseCategoricalCrossentropy", {},
                           classes(random, 4, 3)[:, None], probabilities(random, 4, 3)))
    # Targets of the hinge losses that are -1 and 1.
    signs = 2 * binary(random, 4, 3) - 1
    for name in ("Hinge", "SquaredHinge"):
        found.append(loss_case(tool, name, {}, signs, real(random, 4, 3)))
    # Predictions at the ends of their range.
    ends = np.array([[0.0, 1.0, 0.5], [1.0, 0.0, 0.0]], dtype="float32")
    hot = np.array([[0, 1, 0], [0, 1, 0]], dtype="float32")
    for name in ("BinaryCrossentropy", "CategoricalCrossentropy", "KLDivergence", "Poisson"):
        found.append(loss_case(tool, name, {"reduction": "none"}, hot, ends, gradient=False))
    labels = np.array([[1, 2, 0], [2, 2, 1]], dtype="int32")
    logits = real(random, 2, 6, 4)
    for reduction in ("sum_over_batch_size", "none"):
        found.append(loss_case(tool, "CTC", {"reduction": reduction}, labels, logits))
    embeddings = real(random, 6, 3)
    embeddings /= np.linalg.norm(embeddings, axis=-1, keepdims=True)
    groups = np.array([0, 0, 1, 1, 2, 0], dtype="int32")
    for option in ({}, {"gamma": 8.0, "margin": 0.25}, {"remove_diagonal": False, "gamma": 4.0},
                   {"reduction": "none"}):
        found.append(loss_case(tool, "Circle", option, groups, embeddings))
    return found


def loss_case(tool, name, options, y_true, y_pred, weight=None, mask=None, gradient=True):
    loss = getattr(tool.keras.losses, name)(**options)
    true = tool.leaf(y_true)
    if hasattr(true, "detach"):
        true = true.detach()

    def run(prediction):
        if mask is not None:
            prediction._keras_mask = tool.leaf(mask)
        return loss(true, prediction, sample_weight=weight)

    case = {"class_name": name, "config": plain(loss.get_config()), "y_true": tensor(y_true),
            "y_pred": tensor(y_pred),
            "sample_weight": None if weight is None else tensor(weight),
            "mask": None if mask is None else tensor(mask)}
    if gradient:
        output, cotangent, found = differentiate(tool, run, y_pred, name, options)
        case.update(cotangent=tensor(cotangent), gradient=tensor(found))
    else:
        output = tool.array(run(tool.leaf(y_pred)))
    case["output"] = tensor(output)
    return case


# ---- metrics

def metric_cases():
    """Class, options, and the targets and predictions of two updates."""
    def draw(name, target, prediction, shape):
        random = generator("metric", name, shape)
        return [(target(random, *shape), prediction(random, *shape),
                 random.uniform(0.2, 2.0, shape[:1]).astype("float32")) for _ in range(2)]

    def labels(high):
        return lambda random, *shape: random.randint(0, high, shape).astype("int32")

    rows = [
        ("Accuracy", {}, labels(3), labels(3), (6, 2)),
        ("BinaryAccuracy", {}, binary, unit, (6, 2)),
        ("BinaryAccuracy", {"threshold": 0.7}, binary, unit, (6, 1)),
        ("CategoricalAccuracy", {}, one_hot, probabilities, (6, 4)),
        ("SparseCategoricalAccuracy", {}, classes, probabilities, (6, 4)),
        ("TopKCategoricalAccuracy", {"k": 2}, one_hot, probabilities, (6, 5)),
        ("TopKCategoricalAccuracy", {}, one_hot, probabilities, (6, 7)),
        ("SparseTopKCategoricalAccuracy", {"k": 3}, classes, probabilities, (6, 5)),
        ("BinaryCrossentropy", {}, binary, unit, (6, 2)),
        ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, binary, real, (6, 2)),
        ("CategoricalCrossentropy", {}, one_hot, probabilities, (6, 4)),
        ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, one_hot, real,
         (6, 4)),
        ("SparseCategoricalCrossentropy", {}, classes, probabilities, (6, 4)),
        ("SparseCategoricalCrossentropy", {"from_logits": True}, classes, real, (6, 4)),
        ("SparseCategoricalCrossentropy", {"ignore_class": 0}, classes, probabilities, (6, 4)),
        ("KLDivergence", {}, probabilities, probabilities, (5, 3)),
        ("Poisson", {}, positive, positive, (5, 3)),
        ("Hinge", {}, binary, real, (5, 3)),
        ("SquaredHinge", {}, binary, real, (5, 3)),
        ("CategoricalHinge", {}, one_hot, real, (5, 3)),
        ("MeanSquaredError", {}, real, real, (5, 3)),
        ("MeanAbsoluteError", {}, real, real, (5, 3)),
        ("MeanAbsolutePercentageError", {}, positive, real, (5, 3)),
        ("MeanSquaredLogarithmicError", {}, positive, positive, (5, 3)),
        ("LogCoshError", {}, real, real, (5, 3)),
        ("CosineSimilarity", {}, real, real, (5, 3)),
        ("CosineSimilarity", {"axis": 1}, real, real, (2, 4, 3)),
        ("RootMeanSquaredError", {}, real, real, (5, 3)),
        ("R2Score", {}, real, real, (7, 3)),
        ("R2Score", {"class_aggregation": "variance_weighted_average"}, real, real, (7, 3)),
        ("R2Score", {"class_aggregation": None}, real, real, (7, 3)),
        ("R2Score", {"num_regressors": 2}, real, real, (7, 2)),
        ("Precision", {}, binary, unit, (8,)),
        ("Precision", {"thresholds": [0.2, 0.5, 0.8]}, binary, unit, (8,)),
        ("Precision", {"top_k": 2}, binary, unit, (4, 5)),
        ("Precision", {"class_id": 1}, binary, unit, (6, 3)),
        ("Precision", {"class_id": 1, "top_k": 2}, binary, unit, (6, 3)),
        ("Recall", {}, binary, unit, (8,)),
        ("Recall", {"thresholds": [0.2, 0.5, 0.8]}, binary, unit, (8,)),
        ("Recall", {"top_k": 2}, binary, unit, (4, 5)),
        ("Recall", {"class_id": 2}, binary, unit, (6, 3)),
        ("SensitivityAtSpecificity", {"specificity": 0.6}, binary, unit, (12,)),
        ("SpecificityAtSensitivity", {"sensitivity": 0.6}, binary, unit, (12,)),
        ("PrecisionAtRecall", {"recall": 0.6}, binary, unit, (12,)),
        ("RecallAtPrecision", {"precision": 0.6}, binary, unit, (12,)),
        ("SensitivityAtSpecificity", {"specificity": 0.5, "num_thresholds": 7}, binary, unit,
         (12,)),
        ("AUC", {}, binary, unit, (12,)),
        ("AUC", {"num_thresholds": 5}, binary, unit, (12,)),
        ("AUC", {"num_thresholds": 5, "curve": "PR"}, binary, unit, (12,)),
        ("AUC", {"curve": "PR"}, binary, unit, (12,)),
        ("AUC", {"curve": "PRGAIN", "num_thresholds": 20}, binary, unit, (12,)),
        ("AUC", {"num_thresholds": 6, "summation_method": "majoring"}, binary, unit, (12,)),
        ("AUC", {"num_thresholds": 6, "summation_method": "minoring"}, binary, unit, (12,)),
        ("AUC", {"thresholds": [0.3, 0.6]}, binary, unit, (12,)),
        ("AUC", {"from_logits": True, "num_thresholds": 9}, binary, real, (12,)),
        ("AUC", {"multi_label": True, "num_labels": 2, "num_thresholds": 8}, binary, unit, (10, 2)),
        ("AUC", {"multi_label": True, "label_weights": [0.3, 0.7], "num_thresholds": 8}, binary,
         unit, (10, 2)),
        ("FBetaScore", {}, one_hot, probabilities, (8, 3)),
        ("FBetaScore", {"average": "micro", "beta": 2.0}, one_hot, probabilities, (8, 3)),
        ("FBetaScore", {"average": "macro", "beta": 0.5}, one_hot, probabilities, (8, 3)),
        ("FBetaScore", {"average": "weighted", "threshold": 0.4}, one_hot, unit, (8, 3)),
        ("F1Score", {}, one_hot, probabilities, (8, 3)),
        ("F1Score", {"threshold": 0.5, "average": "macro"}, binary, unit, (8, 3)),
        ("IoU", {"num_classes": 3, "target_class_ids": [0, 2]}, labels(3), labels(3), (10,)),
        ("IoU", {"num_classes": 3, "target_class_ids": [1], "ignore_class": 0}, labels(3),
         labels(3), (10,)),
        ("BinaryIoU", {}, binary, unit, (10,)),
        ("BinaryIoU", {"target_class_ids": [1], "threshold": 0.3}, binary, unit, (10,)),
        ("MeanIoU", {"num_classes": 4}, labels(3), labels(3), (12,)),
        ("MeanIoU", {"num_classes": 3, "sparse_y_pred": False}, labels(3), None, (8, 3)),
        ("OneHotIoU", {"num_classes": 3, "target_class_ids": [0, 2]}, one_hot, probabilities,
         (9, 3)),
        ("OneHotMeanIoU", {"num_classes": 3}, one_hot, probabilities, (9, 3)),
        ("PearsonCorrelation", {}, real, real, (4, 6)),
        ("ConcordanceCorrelation", {}, real, real, (4, 6)),
        ("PearsonCorrelation", {"axis": 0}, real, real, (4, 3)),
    ]
    for name in ("TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives"):
        rows.append((name, {}, binary, unit, (8,)))
        rows.append((name, {"thresholds": [0.3, 0.7]}, binary, unit, (8,)))
    for name, options, target, prediction, shape in rows:
        if prediction is None:
            random = generator("metric", name, shape)
            updates = [(random.randint(0, 3, shape[:1]).astype("int32"), unit(random, *shape),
                        random.uniform(0.2, 2.0, shape[:1]).astype("float32")) for _ in range(2)]
        else:
            updates = draw(name, target, prediction, shape)
        yield name, options, updates


UNWEIGHTED = ("PearsonCorrelation", "ConcordanceCorrelation")


def metrics(tool):
    keras = tool.keras
    found = []

    def result(metric):
        value = tool.array(metric.result())
        assert np.isfinite(value).all(), metric.name
        return tensor(value)

    def run(name, options, updates, weighted):
        keras.utils.clear_session()
        metric = getattr(keras.metrics, name)(**options)
        steps = []
        for y_true, y_pred, weight in updates:
            if "IoU" in name:
                weight = np.ceil(weight)  # counted in integers
            metric.update_state(y_true, y_pred, weight if weighted else None)
            steps.append({"y_true": tensor(y_true), "y_pred": tensor(y_pred),
                          "sample_weight": tensor(weight) if weighted else None,
                          "result": result(metric)})
        return {"class_name": name, "config": plain(metric.get_config()), "updates": steps}

    for name, options, updates in metric_cases():
        found.append(run(name, options, updates, False))
        # Unsupported together, or a weight per sample where one per label is wanted.
        if name in UNWEIGHTED or "class_id" in options or "top_k" in options:
            continue
        found.append(run(name, options, updates, True))
    for name in ("Mean", "Sum"):
        for weighted in (False, True):
            metric = getattr(keras.metrics, name)()
            steps = []
            for i in range(3):
                random = generator("metric", name, i)
                values = real(random, 4)
                weight = random.uniform(0.2, 2.0, 4).astype("float32")
                metric.update_state(values, sample_weight=weight if weighted else None)
                steps.append({"values": tensor(values),
                              "sample_weight": tensor(weight) if weighted else None,
                              "result": result(metric)})
            found.append({"class_name": name, "config": plain(metric.get_config()),
                          "updates": steps})
    return found


# ---- optimizers

def optimizer_cases(keras):
    o = keras.optimizers
    schedules = o.schedules
    rows = [("SGD", {}), ("SGD", {"momentum": 0.9}), ("SGD", {"momentum": 0.9, "nesterov": True}),
            ("RMSprop", {}), ("RMSprop", {"momentum": 0.9, "centered": True, "rho": 0.8}),
            ("Adam", {}), ("Adam", {"amsgrad": True, "beta_1": 0.8, "beta_2": 0.95}),
            ("Adam", {"epsilon": 0.01}), ("AdamW", {}), ("AdamW", {"weight_decay": 0.1}),
            ("Adamax", {}), ("Nadam", {}), ("Adagrad", {}),
            ("Adagrad", {"initial_accumulator_value": 0.5, "epsilon": 0.001}),
            ("Adadelta", {}), ("Adadelta", {"rho": 0.8, "learning_rate": 1.0}),
            ("Adafactor", {}), ("Adafactor", {"relative_step": False, "clip_threshold": 0.5}),
            ("Ftrl", {}), ("Ftrl", {"l1_regularization_strength": 0.01,
                                    "l2_regularization_strength": 0.02,
                                    "l2_shrinkage_regularization_strength": 0.03, "beta": 0.1}),
            ("Lion", {}), ("Lamb", {}), ("Muon", {}), ("Muon", {"nesterov": False, "ns_steps": 3}),
            ("ScheduleFreeAdamW", {}), ("ScheduleFreeAdamW", {"warmup_steps": 2})]
    for name in ("SGD", "Adam", "RMSprop"):
        rows += [(name, {"clipnorm": 0.3}), (name, {"clipvalue": 0.15}),
                 (name, {"global_clipnorm": 0.5}), (name, {"weight_decay": 0.1})]
    rows += [
        ("SGD", {"use_ema": True, "ema_momentum": 0.8}),
        ("SGD", {"use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 2}),
        ("Adam", {"gradient_accumulation_steps": 2}),
        ("SGD", {"gradient_accumulation_steps": 3, "momentum": 0.5}),
        ("SGD", {"loss_scale_factor": 4.0}),
        ("SGD", {"learning_rate": schedules.ExponentialDecay(0.1, 2, 0.5)}),
        ("Adam", {"learning_rate": schedules.PiecewiseConstantDecay([1, 3], [0.1, 0.05, 0.01])}),
    ]
    for name, options in rows:
        options = dict(options)
        # Large enough that every term shows.
        options.setdefault("learning_rate", 0.1)
        yield name, options
    yield from holders(o)


def holders(o):
    scale = {"initial_scale": 8.0, "dynamic_growth_steps": 2}
    yield "LossScaleOptimizer", {"inner_optimizer": o.SGD(0.1, momentum=0.9), **scale}
    yield "LossScaleOptimizer", {
        "inner_optimizer": o.Adam(0.1, clipnorm=0.3, gradient_accumulation_steps=2), **scale}
    yield "MultiOptimizer", {"optimizer_map": o.OptimizerMap(o.SGD(0.1, momentum=0.9), {
        "dense/k.*": o.Adam(0.1, clipnorm=0.3), "dense/bias": o.RMSprop(0.1)}),
        "loss_scale_factor": 4.0}


def optimizers(tool, names=None):
    keras = tool.keras
    found = []
    for name, options in optimizer_cases(keras):
        if names and name not in names:
            continue
        optimizer = getattr(keras.optimizers, name)(**options)
        random = generator("optimizer", name)
        arrays = [random.standard_normal(s).astype("float32") for s in ((3, 4), (4,), (2, 2, 3))]
        if name == "Muon":
            arrays = arrays[:2]
        variables = [keras.Variable(a, name=n)
                     for a, n in zip(arrays, ("kernel", "bias", "filters"))]
        # Muon looks for names of layers in paths.
        for variable in variables:
            variable._path = f"dense/{variable.name}"
        optimizer.build(variables)
        steps = []
        for number in range(5):
            gradients = [random.standard_normal(a.shape).astype("float32") for a in arrays]
            if name == "LossScaleOptimizer" and number == 3:
                gradients[0].flat[1] = np.inf
            optimizer.apply([keras.ops.convert_to_tensor(g) for g in gradients])
            steps.append({"gradients": [tensor(g) for g in gradients],
                          "variables": [tensor(tool.array(v.value)) for v in variables]})
        case = {"class_name": name, "config": plain(optimizer.get_config()),
                "names": [v.path for v in variables],
                "variables": [tensor(a) for a in arrays], "steps": steps}
        if name == "LossScaleOptimizer":
            case["scale"] = float(tool.array(optimizer.dynamic_scale))
        before = [tool.array(v.value).copy() for v in variables]
        optimizer.finalize_variable_values(variables)
        after = [tool.array(v.value) for v in variables]
        if any((a != b).any() for a, b in zip(before, after)):
            case["finalized"] = [tensor(a) for a in after]
        found.append(case)
    return found


def schedules(tool):
    s = tool.keras.optimizers.schedules
    steps = [0, 1, 2, 3, 5, 7, 10, 12, 16, 20, 33]
    found = []
    for schedule in (
            s.ExponentialDecay(0.1, 10, 0.5), s.ExponentialDecay(0.1, 10, 0.5, staircase=True),
            s.PiecewiseConstantDecay([5, 10], [1.0, 0.5, 0.1]),
            s.PolynomialDecay(0.1, 10, 0.01), s.PolynomialDecay(0.1, 10, 0.01, power=2.0),
            s.PolynomialDecay(0.1, 10, 0.01, cycle=True), s.InverseTimeDecay(0.1, 10, 0.5),
            s.InverseTimeDecay(0.1, 10, 0.5, staircase=True), s.CosineDecay(0.1, 10),
            s.CosineDecay(0.1, 10, alpha=0.1),
            s.CosineDecay(0.0, 10, warmup_target=0.1, warmup_steps=4),
            s.CosineDecayRestarts(0.1, 5), s.CosineDecayRestarts(0.1, 5, 2.0, 0.5, 0.1),
            s.CosineDecayRestarts(0.1, 4, 1.0)):
        values = [float(tool.array(schedule(step))) for step in steps]
        found.append({"class_name": type(schedule).__name__, "config": plain(schedule.get_config()),
                      "steps": steps, "values": values})
    return found
