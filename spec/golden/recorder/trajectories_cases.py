"""Which trainings are recorded, by trajectories.py.

A case is what differs from a small model trained by SGD on mse for three epochs: task, layer
(options of the hidden layer), optimizer, loss, metrics, weighted_metrics, compile, fit,
callback, own. A class is ["Name", {options}], a schedule for a learning_rate too; a string is
a name. A learning rate that is not said is 0.1.
"""

OPTIMIZERS = [
    ("SGD", {"learning_rate": 0.05}),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"clipnorm": 0.05}),
    ("SGD", {"clipvalue": 0.02}),
    ("SGD", {"global_clipnorm": 0.05}),
    ("SGD", {"weight_decay": 0.1}),
    ("SGD", {"gradient_accumulation_steps": 2}),
    ("SGD", {"use_ema": True, "ema_momentum": 0.5}),
    ("SGD", {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 4}),
    ("Adam", {"learning_rate": 0.02}),
    ("Adam", {"learning_rate": 0.02, "amsgrad": True, "beta_2": 0.5}),
    ("Adam", {"learning_rate": 0.02, "gradient_accumulation_steps": 3}),
    ("Adam", {"learning_rate": 0.02, "weight_decay": 0.05, "clipnorm": 0.1}),
    ("Adam", {"learning_rate": 0.02, "gradient_accumulation_steps": 2, "use_ema": True,
              "ema_momentum": 0.7}),
    ("Adam", {"learning_rate": 0.02, "loss_scale_factor": 16.0}),
    ("AdamW", {"learning_rate": 0.02}),
    ("Adamax", {"learning_rate": 0.02}),
    ("Nadam", {"learning_rate": 0.02}),
    ("Adagrad", {"learning_rate": 0.05}),
    ("Adadelta", {"learning_rate": 1.0}),
    ("RMSprop", {"learning_rate": 0.01}),
    ("RMSprop", {"learning_rate": 0.01, "centered": True, "momentum": 0.5}),
    ("Ftrl", {"learning_rate": 0.05}),
    ("Ftrl", {"learning_rate": 0.05, "l1_regularization_strength": 0.01,
              "l2_regularization_strength": 0.01, "l2_shrinkage_regularization_strength": 0.01}),
    ("Lion", {"learning_rate": 0.01}),
    ("Lamb", {"learning_rate": 0.01}),
    ("Adafactor", {"learning_rate": 0.01}),
    ("Adafactor", {"learning_rate": 0.01, "relative_step": False, "beta_2_decay": -0.5}),
    ("Muon", {"learning_rate": 0.02}),
]  # not ScheduleFreeAdamW: Keras reads its momentum after it was changed (see numbers_spec)

LOSSES = [
    ("regression", name, {}) for name in (
        "MeanSquaredError", "MeanAbsoluteError",
        "MeanSquaredLogarithmicError", "LogCosh", "CosineSimilarity")
] + [
    ("regression", "Huber", {"delta": 0.3}),
    ("regression", "MeanSquaredError", {"reduction": "sum"}),
    ("regression", "MeanSquaredError", {"reduction": "none"}),
    ("regression", "MeanAbsoluteError", {"reduction": "mean_with_sample_weight"}),
    ("binary", "Poisson", {}), ("binary", "KLDivergence", {}), ("binary", "Hinge", {}),
    ("binary", "SquaredHinge", {}), ("binary", "BinaryCrossentropy", {"label_smoothing": 0.1}),
    ("regression01", "BinaryCrossentropy", {"from_logits": True}),
    ("binary", "BinaryFocalCrossentropy", {"apply_class_balancing": True}),
    ("binary", "Dice", {}), ("binary", "Tversky", {"alpha": 0.3, "beta": 0.7}),
    ("one_hot", "CategoricalHinge", {}), ("one_hot", "CategoricalFocalCrossentropy", {}),
    ("one_hot", "CategoricalCrossentropy", {"label_smoothing": 0.1}),
    ("ids", "CategoricalGeneralizedCrossEntropy", {"q": 0.6}),
    ("sparse", "SparseCategoricalCrossentropy", {}),
    ("sparse", "SparseCategoricalCrossentropy", {"ignore_class": 1}),
    ("sparse", "Circle", {"gamma": 4.0}), ("ctc", "CTC", {}),
]

METRICS = {
    "binary": [
        ["AUC", "Precision", "Recall", "TruePositives", "FalseNegatives", "TrueNegatives",
         "FalsePositives", "BinaryAccuracy", "BinaryIoU", "BinaryCrossentropy", "Hinge",
         "SquaredHinge"],
        [["AUC", {"curve": "PR", "num_thresholds": 21}], ["PrecisionAtRecall", {"recall": 0.5}],
         ["RecallAtPrecision", {"precision": 0.5}], ["Precision", {"thresholds": 0.4}],
         ["SensitivityAtSpecificity", {"specificity": 0.5}],
         ["SpecificityAtSensitivity", {"sensitivity": 0.5}],
         ["BinaryAccuracy", {"threshold": 0.45}]],
        ["accuracy", "mae"],
    ],
    "regression": [
        ["MeanSquaredError", "MeanAbsoluteError", "RootMeanSquaredError", "LogCoshError",
         "MeanAbsolutePercentageError", "MeanSquaredLogarithmicError", "CosineSimilarity"],
        ["R2Score", ["PearsonCorrelation", {"axis": 0}],
         ["ConcordanceCorrelation", {"axis": 0}], "mse"],
    ],
    "one_hot": [
        ["CategoricalAccuracy", ["TopKCategoricalAccuracy", {"k": 2}], "CategoricalCrossentropy",
         "CategoricalHinge", "KLDivergence", "Poisson", ["F1Score", {"average": "macro"}],
         ["FBetaScore", {"average": "micro", "beta": 2.0}],
         ["OneHotMeanIoU", {"num_classes": 3}],
         ["OneHotIoU", {"num_classes": 3, "target_class_ids": [0, 2]}]],
        ["acc"],
    ],
    "sparse": [
        ["SparseCategoricalAccuracy", ["SparseTopKCategoricalAccuracy", {"k": 2}],
         "SparseCategoricalCrossentropy",
         ["MeanIoU", {"num_classes": 3, "sparse_y_pred": False}],
         ["IoU", {"num_classes": 3, "target_class_ids": [1], "sparse_y_pred": False}]],
        ["accuracy"],
    ],
}
LOSS_OF = {"binary": "binary_crossentropy", "regression": "mse",
           "one_hot": "categorical_crossentropy", "sparse": "sparse_categorical_crossentropy"}

SCHEDULES = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 2, "decay_rate": 0.5}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 2, "decay_rate": 0.5,
                          "staircase": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 7}),
    ("CosineDecay", {"initial_learning_rate": 0.01, "decay_steps": 5, "warmup_target": 0.2,
                     "warmup_steps": 3}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 2,
                             "m_mul": 0.9, "alpha": 0.1}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 4, "power": 0.5}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 4, "cycle": True}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 2, "decay_rate": 0.5}),
    ("PiecewiseConstantDecay", {"boundaries": [2, 4], "values": [0.1, 0.05, 0.01]}),
]

LAYERS = [
    {"kernel_regularizer": "l1"}, {"kernel_regularizer": "l2"}, {"bias_regularizer": "l1"},
    {"kernel_regularizer": "orthogonal_regularizer"}, {"activity_regularizer": "l2"},
    {"kernel_constraint": "max_norm"}, {"kernel_constraint": "min_max_norm"},
    {"kernel_constraint": "non_neg"}, {"kernel_constraint": "unit_norm"},
    {"kernel_regularizer": "l2", "kernel_constraint": "unit_norm", "bias_constraint": "non_neg"},
]

CALLBACKS = [
    (["LearningRateScheduler", "halve"], {}),
    (["ReduceLROnPlateau", {"monitor": "loss", "factor": 0.5, "patience": 1, "min_delta": 0.1}],
     {"epochs": 5}),
    (["ReduceLROnPlateau", {"factor": 0.5, "patience": 1, "min_delta": 0.1, "cooldown": 1}],
     {"epochs": 5, "validation_split": 0.25}),
    (["EarlyStopping", {"monitor": "loss", "min_delta": 0.1, "patience": 1,
                        "restore_best_weights": True}], {"epochs": 5}),
    (["EarlyStopping", {"min_delta": 0.05, "patience": 1, "start_from_epoch": 1}],
     {"epochs": 5, "validation_split": 0.25}),
]

OWN = [
    ("step", {"task": "binary"}),
    ("step metrics", {"metrics": ["mae"]}),
    ("step and super", {"metrics": ["mae"]}),
    ("compute_loss", {"metrics": ["mae"]}),
    ("compute_metrics", {"metrics": ["mae"], "fit": {"validation_split": 0.25}}),
    ("test_step", {"fit": {"validation_split": 0.25}}),
    ("two optimizers", {}), ("accumulates", {}), ("objects", {}),
    ("vae", {}), ("gan", {}),
]


def learned(name, config):
    return [name, {"learning_rate": 0.1, **config}]


def plain_cases():
    for i, (name, config) in enumerate(OPTIMIZERS):
        yield f"optimizer {i + 1} {name}", {"optimizer": learned(name, config)}
    for i, (task, name, config) in enumerate(LOSSES):
        yield f"loss {i + 1} {name}", {"task": task, "loss": [name, config]}
    yield "loss MeanAbsolutePercentageError", {
        "loss": "mape", "optimizer": ["SGD", {"learning_rate": 0.0001}]}
    for task, groups in METRICS.items():
        for i, group in enumerate(groups):
            yield f"metrics {task} {i + 1}", {
                "task": task, "loss": LOSS_OF[task], "metrics": group}
    for i, (name, config) in enumerate(SCHEDULES):
        yield f"schedule {i + 1} {name}", {
            "optimizer": ["SGD", {"learning_rate": [name, config]}]}
    yield "schedule of Adam", {
        "optimizer": ["Adam", {"learning_rate": list(SCHEDULES[0])}]}
    for i, config in enumerate(LAYERS):
        yield f"layer {i + 1} {' '.join(config)}", {"layer": config}
    for i, (callback, fit) in enumerate(CALLBACKS):
        yield f"callback {i + 1} {callback[0]}", {"callback": callback, "fit": fit}


def weighted_cases():
    """Weights of samples and of classes, masks, several outputs."""
    both = {"metrics": ["mae"], "weighted_metrics": ["mae", "mse"]}
    yield "sample weights", {"sample_weight": "rows", **both}
    yield "sample weights, sum", {
        "sample_weight": "rows", "loss": ["MeanSquaredError", {"reduction": "sum"}]}
    yield "sample weights, mean", {
        "sample_weight": "rows",
        "loss": ["MeanSquaredError", {"reduction": "mean_with_sample_weight"}]}
    yield "sample weights, AUC", {
        "sample_weight": "rows", "task": "binary", "loss": "binary_crossentropy",
        "weighted_metrics": ["AUC", "Precision", "accuracy"]}
    yield "sample weights, none", {
        "sample_weight": "rows", "loss": ["MeanSquaredError", {"reduction": "none"}],
        "optimizer": ["SGD", {"learning_rate": 0.01}]}
    yield "class weights", {
        "fit": {"class_weight": {"0": 1.0, "1": 3.0}}, "task": "binary",
        "loss": "binary_crossentropy", "weighted_metrics": ["accuracy"]}
    yield "class weights, one-hot", {
        "fit": {"class_weight": {"0": 1.0, "1": 3.0, "2": 0.5}}, "task": "one_hot",
        "loss": "categorical_crossentropy"}
    yield "class weights, ids", {
        "fit": {"class_weight": {"0": 1.0, "2": 0.5}}, "task": "sparse",
        "loss": "sparse_categorical_crossentropy"}
    outputs = {"task": "two outputs",
               "compile": {"loss": {"a": "mse", "b": "sparse_categorical_crossentropy"}}}
    yield "two outputs", outputs
    yield "two outputs, weights", {**outputs, "compile": {
        **outputs["compile"], "loss_weights": {"a": 0.3, "b": 2.0},
        "metrics": {"a": ["mae", "mse"], "b": "accuracy"}}}
    yield "two outputs, lists", {"task": "two outputs", "compile": {
        "loss": ["mae", None], "metrics": [["mse"], ["accuracy"]]}}
    yield "two outputs, sample weights", {
        **outputs, "sample_weight": "a row each", "compile": {
            **outputs["compile"], "weighted_metrics": {"a": ["mae"], "b": ["accuracy"]}}}
    yield "validation", {
        "fit": {"validation_split": 0.25, "validation_freq": 2, "epochs": 4},
        "metrics": ["mae"], "optimizer": ["Adam", {"learning_rate": 0.02}]}
    yield "batch normalization", {"task": "norm"}
    yield "convolution", {"task": "conv", "optimizer": ["Adam", {"learning_rate": 0.01}]}
    yield "layer normalization", {"task": "attention"}


def masked_cases():
    for name, loss in (("SGD", "binary_crossentropy"), ("RMSprop", "mse")):
        yield f"masked LSTM {name}", {
            "task": "tokens", "optimizer": learned(name, {}), "loss": loss,
            "metrics": ["accuracy"]}
    yield "masked steps", {
        "task": "steps", "metrics": ["mae"], "weighted_metrics": ["mse"]}
    yield "masked steps, weights", {
        "task": "steps", "sample_weight": "steps", "weighted_metrics": ["mse"]}
    yield "masked steps, Adam", {
        "task": "steps", "optimizer": ["Adam", {"learning_rate": 0.02}]}


def cases(engine):
    """(name, case) of an engine, "tensorflow" or "torch".

    TensorFlow's gradients of embeddings are sparse: an optimizer with slots leaves rows alone
    that a batch does not name. PyTorch's are dense, as ours. But there the loss changes the
    sample weights in place, so that is all that PyTorch records.
    """
    if engine == "torch":
        for name, case in masked_cases():
            if case.get("optimizer", ["SGD"])[0] != "SGD":
                yield name, case
        return
    yield from plain_cases()
    yield from weighted_cases()
    for name, case in masked_cases():
        if case.get("optimizer", ["SGD"])[0] == "SGD":
            yield name, case
    for name, case in OWN:
        yield f"own {name}", {"own": name, **case}
