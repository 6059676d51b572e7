"""Constructor arguments at the edge of what Keras takes: which it refuses, which it accepts.

refusals.json, one case to a line: module, class_name, arguments by name, and refused. Left out is
what only Python's truth of 0 lets pass, and what Keras's constructor takes and its call refuses.
"""

import os

from .tensors import write

ENGINES = ("tensorflow",)

DENSE = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 2}}
LSTM = {"module": "keras.layers", "class_name": "LSTM", "config": {"units": 2}}


def conv(first, **fixed):
    """The arguments that all convolutions check."""
    rows = [{"kernel_size": 0}, {"kernel_size": [3, 0]}, {"kernel_size": [1, 2, 3]},
            {"kernel_size": -1}, {"strides": 0}, {"strides": -1}, {"padding": "full"},
            {"data_format": "channels_middle"}, {"strides": 2}]
    return [{**first, "kernel_size": 2, **fixed, **row} for row in rows]


FILTERS = [{"filters": 0, "kernel_size": 2}, {"filters": -2, "kernel_size": 2}]
BOTH = [{"filters": 2, "kernel_size": 2, "strides": 2, "dilation_rate": 2}]
DEPTH = [{"kernel_size": 2, "depth_multiplier": 0}]
POOL = [{"pool_size": 0}, {"pool_size": -1}, {"pool_size": [1, 2, 3]},
        {"strides": -1}, {"data_format": "channels_middle"}, {"pool_size": 2}]
RATE = [{"rate": -0.1}, {"rate": 1.1}, {"rate": 0.0}, {"rate": 1.0}]
UNITS = [{"units": 0}, {"units": -3}, {"units": 1}]
IMAGE = [{"fill_mode": "mirror"}, {"interpolation": "cubic"}]

LAYERS = {
    "LeakyReLU": [{"negative_slope": -0.1}, {"negative_slope": 0.0}],
    "ReLU": [{"max_value": -1.0}, {"negative_slope": -0.5}, {"threshold": -0.5},
             {"max_value": 0.0}],
    "Attention": [{"score_mode": "mean"}, {"dropout": 0.5}],
    "MultiHeadAttention": [
        {"num_heads": 2, "key_dim": 2, **row} for row in (
            {"num_heads": 0}, {"key_dim": 0}, {"key_dim": -1}, {"value_dim": 0},
            {"sliding_window": 0}, {"sliding_window": -1}, {"dropout": 0.5},
            {"flash_attention": True, "dropout": 0.5})],
    "GroupQueryAttention": [
        {"head_dim": 2, "num_query_heads": 4, "num_key_value_heads": 2, **row} for row in (
            {"num_query_heads": 3}, {"sliding_window": 0}, {"flash_attention": True,
                                                            "dropout": 0.5}, {})],
    "Conv1D": FILTERS + BOTH + [
        {"filters": 2, "kernel_size": 2, "padding": "causal"},
        {"filters": 2, "kernel_size": 2, "groups": 0},
        {"filters": 3, "kernel_size": 2, "groups": 2}, {"filters": 4, "kernel_size": [2, 2]}],
    "Conv2D": FILTERS + BOTH + conv({"filters": 2}) + [
        {"filters": 2, "kernel_size": 2, "padding": "causal"},
        {"filters": 4, "kernel_size": 2, "groups": 2}],
    "Conv3D": FILTERS + BOTH,
    "Conv1DTranspose": FILTERS + BOTH + [
        {"filters": 2, "kernel_size": 3, "strides": 2, "output_padding": 2},
        {"filters": 2, "kernel_size": 3, "strides": 2, "output_padding": 1}],
    "Conv2DTranspose": FILTERS + BOTH + conv({"filters": 2}) + [
        {"filters": 2, "kernel_size": 3, "strides": 2, "output_padding": 2},
        {"filters": 2, "kernel_size": 3, "strides": [2, 3], "output_padding": [1, 2]},
        {"filters": 2, "kernel_size": 3, "strides": [2, 3], "output_padding": [2, 1]},
        {"filters": 2, "kernel_size": 3, "padding": "causal"}],
    "DepthwiseConv2D": DEPTH + conv({}),
    "DepthwiseConv1D": DEPTH,
    "SeparableConv2D": [{"filters": 0, "kernel_size": 2},
                        {"filters": 2, "kernel_size": 2, "depth_multiplier": 0}]
    + conv({"filters": 2}),
    "Dense": UNITS,
    "Embedding": [{"input_dim": 0, "output_dim": 2}, {"input_dim": 2, "output_dim": 0},
                  {"input_dim": -2, "output_dim": 2}, {"input_dim": 2, "output_dim": 2}],
    "InputLayer": [{}, {"shape": [3], "batch_shape": [2, 3]},
                   {"batch_shape": [2, 3], "batch_size": 2},
                   {"batch_shape": [2, 3], "dtype": "float33"},
                   {"shape": [3], "batch_size": 2}],
    "Dot": [{"axes": [1]}, {"axes": [1, 2, 3]}, {"axes": [1, 2]}, {"axes": 1}],
    "BatchNormalization": [
        {"renorm": True, "renorm_clipping": row} for row in (
            {"rmax": 0.5, "rmin": 1.0}, {"rmin": 1.0, "top": 2.0}, {"dmax": -1.0},
            {"rmax": 3.0, "rmin": 0.3, "dmax": 0.0}, {"rmax": 1.0, "rmin": 1.0})],
    "GroupNormalization": [{"groups": 0}, {"groups": -2}, {"groups": -1}, {"groups": 3}],
    "SpectralNormalization": [{"layer": DENSE, "power_iterations": 0},
                              {"layer": DENSE, "power_iterations": 1}],
    "AdaptiveAveragePooling1D": [{"output_size": [1, 2]}, {"output_size": [2]},
                                 {"output_size": 2, "data_format": "channels_middle"}],
    "AdaptiveMaxPooling1D": [{"output_size": [1, 2]}],
    "AdaptiveMaxPooling2D": [{"output_size": [1, 2, 3]}],
    "MaxPooling2D": POOL, "AveragePooling2D": POOL,
    "MaxPooling1D": [{"pool_size": [2, 2]}],
    "GlobalMaxPooling2D": [{"data_format": "channels_middle"}],
    "CategoryEncoding": [{"num_tokens": 3, "output_mode": "int"}, {"num_tokens": 0}, {},
                         {"num_tokens": 3, "output_mode": "count"}],
    "Discretization": [{}, {"num_bins": -1}, {"num_bins": 2, "bin_boundaries": [0.5]},
                       {"bin_boundaries": [0.5], "output_mode": "tf_idf"}, {"num_bins": 2}],
    "HashedCrossing": [{"num_bins": 4, "output_mode": "count"},
                       {"num_bins": 4, "output_mode": "one_hot"}],
    "Hashing": [{"num_bins": 0}, {"num_bins": -1}, {"num_bins": 4, "output_mode": "tf_idf"},
                {"num_bins": 4}],
    "IntegerLookup": [{"max_tokens": 1}, {"max_tokens": 0}, {"num_oov_indices": -1},
                      {"pad_to_max_tokens": True}, {"output_mode": "word"},
                      {"invert": True, "output_mode": "count"},
                      {"vocabulary": [1, 2], "output_mode": "tf_idf"},
                      {"vocabulary": [1, 2], "idf_weights": [0.5, 0.5]},
                      {"vocabulary": [1, 2], "vocabulary_dtype": "int32"}, {"max_tokens": 2}],
    "StringLookup": [{"max_tokens": 1}, {"num_oov_indices": -1}, {"output_mode": "word"},
                     {"pad_to_max_tokens": True}, {"invert": True, "output_mode": "multi_hot"}],
    "Normalization": [{"mean": 1.0}, {"variance": 1.0}, {"mean": [1.0, 2.0], "variance": 1.0},
                      {"mean": 1.0, "variance": 1.0}],
    "TextVectorization": [
        {"standardize": "upper"}, {"split": "line"}, {"output_mode": "words"},
        {"output_mode": "count", "output_sequence_length": 3}, {"output_sequence_length": 3},
        {"max_tokens": 1}, {"ngrams": 2}],
    "RandomRotation": [{"factor": 0.1, **row} for row in IMAGE + [{}]],
    "RandomTranslation": [{"height_factor": 0.1, "width_factor": 0.1, **row} for row in IMAGE],
    "RandomZoom": [{"height_factor": 0.1, **row} for row in IMAGE],
    "RandomCrop": [{"height": 2, "width": 2, "data_format": "channels_middle"}],
    "Resizing": [{"height": 2, "width": 2, "data_format": "channels_middle"},
                 {"height": 2, "width": 2}],
    "RandomFlip": [{"mode": "vertical"}],
    **{name: [{"factor": 0.5}, {"factor": 1.5}, {"factor": [0.1]}, {"factor": "half"},
              {"factor": [0.2, 0.4]}]
       for name in ("RandomHue", "RandomSaturation", "RandomSharpness", "RandomInvert",
                    "RandomColorDegeneration", "CutMix", "RandAugment", "AugMix",
                    "RandomElasticTransform")},
    "STFTSpectrogram": [{"mode": "power"}, {"frame_step": 0}, {"frame_step": 300},
                        {"fft_length": 100}, {"scaling": "power"}, {"padding": "causal"},
                        {"window": "no window"}, {"frame_step": 256, "fft_length": 512}],
    "MelSpectrogram": [{"fft_length": 16, "sequence_length": 17}, {"sequence_length": 20}],
    "MaxNumBoundingBoxes": [{}, {"max_number": 2, "fill_value": 0}, {"max_number": "two"}],
    "RandomGaussianBlur": [{"factor": 1.5}, {"kernel_size": 4}, {"kernel_size": [3, 4]},
                           {"kernel_size": [3, 5]}, {"kernel_size": [3]}, {"sigma": 1.5}],
    "RandomPerspective": [{"factor": 1.5}, {"scale": 1.5}, {"scale": -0.5}, {"scale": 0.5},
                          {"interpolation": "cubic"}],
    "RandomGrayscale": [{"factor": 1.5}, {"factor": -0.1}, {"factor": 1.0}],
    "RandomPosterization": [{"factor": 9}, {"factor": 0}, {"factor": 8}, {"factor": [2, 5]}],
    "Solarization": [{"addition_factor": 1.5}, {"threshold_factor": -0.1},
                     {"addition_factor": [0.2]}, {"threshold_factor": [0.5, 0.1]},
                     {"value_range": [0]}],
    "RandomShear": [{"x_factor": 1.5}, {"y_factor": -0.5}, {"x_factor": [-0.5, 0.4]},
                    {"x_factor": [0.4, 0.1]}] + IMAGE,
    "RandomErasing": [{"factor": 1.5}, {"scale": 1.5}, {"scale": [0.1]}, {"scale": 0.5}],
    "AutoContrast": [{"value_range": 1}, {"value_range": [0, 1, 2]}, {"value_range": [1, 0]}],
    "Equalization": [{"data_format": "channels_middle"}],
    "AlphaDropout": RATE, "GaussianDropout": RATE,
    "Dropout": RATE + [{"rate": 0.5, "noise_shape": row} for row in (
        [-1, 1], [0, 1], [1.5, 1], [None, 1], [2, 3], "2", 3)],
    "SpatialDropout1D": RATE,
    "SpatialDropout2D": RATE + [{"rate": 0.5, "data_format": "channels_middle"}],
    "GaussianNoise": [{"stddev": -0.1}, {"stddev": 1.1}, {"stddev": 1.0}],
    "Cropping1D": [{"cropping": -1}, {"cropping": [1, 2, 3]}, {"cropping": [0, 1]}],
    "Cropping2D": [{"cropping": -1}, {"cropping": [1]}, {"cropping": [[1, 2], [3]]},
                   {"cropping": [[1, 2], [-1, 0]]}, {"cropping": [[1, 2], [0, 0]]},
                   {"cropping": 1, "data_format": "channels_middle"}],
    "Cropping3D": [{"cropping": [1, 2]}, {"cropping": -1}, {"cropping": [1, 2, 3]}],
    "Flatten": [{"data_format": "channels_middle"}],
    "Permute": [{"dims": [0, 1]}, {"dims": [1, 3]}, {"dims": [1, 1]}, {"dims": [2, 1]}],
    "RepeatVector": [{"n": 0}, {"n": -1}, {"n": 1}],
    "Reshape": [{"target_shape": [-1, -1]}, {"target_shape": [-2, 3]}, {"target_shape": [0, 3]},
                {"target_shape": [-1, 2]}],
    "UpSampling1D": [{"size": 0}, {"size": -1}, {"size": 2}],
    "UpSampling2D": [{"size": 0}, {"size": [1, 2, 3]},
                     {"data_format": "channels_middle"}, {"size": [1, 2]}],
    "UpSampling3D": [{"size": [1, 2]}],
    "ZeroPadding1D": [{"padding": -1}, {"padding": [1, 2, 3]}],
    "ZeroPadding2D": [{"padding": [1]}, {"padding": [[1, 2], [3]]}, {"padding": [[1, 2], [-3, 0]]},
                      {"padding": [1, 2]}],
    "ZeroPadding3D": [{"padding": [1, 2]}],
    "Bidirectional": [
        {"layer": LSTM, "merge_mode": row}
        for row in ("max", "sum")],
    "ConvLSTM2D": [{"filters": 2, "kernel_size": 2, "strides": 2, "dilation_rate": 2},
                   {"filters": 2, "kernel_size": [1, 2, 3]},
                   {"filters": 2, "kernel_size": 2, "padding": "causal"},
                   {"filters": 2, "kernel_size": 2}],
    "GRUCell": UNITS, "LSTMCell": UNITS, "SimpleRNNCell": UNITS,
    "GRU": UNITS, "LSTM": UNITS, "SimpleRNN": UNITS,
}

COMMON = [{"learning_rate": 0.1, **row} for row in (
    {"clipnorm": 1.0, "clipvalue": 1.0}, {"clipnorm": 1.0, "global_clipnorm": 1.0},
    {"clipvalue": 1.0, "global_clipnorm": 1.0}, {"gradient_accumulation_steps": 1},
    {"gradient_accumulation_steps": 2},
    {"use_ema": True, "ema_momentum": 1.5}, {"use_ema": True, "ema_momentum": -0.5},
    {"use_ema": True, "ema_overwrite_frequency": -1},
    {"use_ema": True, "ema_overwrite_frequency": 1})]

OPTIMIZERS = {
    "SGD": COMMON + [{"momentum": -0.1}, {"momentum": 1.1}, {"momentum": 1.0}],
    "Adam": COMMON, "AdamW": [{"weight_decay": None}, {"weight_decay": 0.0}],
    "Lion": [{"beta_1": 0.0}, {"beta_1": -0.1}, {"beta_1": 1.1}, {"beta_1": 1.0}],
    "Ftrl": [{"initial_accumulator_value": -0.1}, {"learning_rate_power": 0.1},
             {"l1_regularization_strength": -0.1}, {"l2_regularization_strength": -0.1},
             {"l2_shrinkage_regularization_strength": -0.1}, {"learning_rate_power": 0.0}],
}

SCHEDULES = {
    "ExponentialDecay": [
        {"initial_learning_rate": 0.1, "decay_rate": 0.5, "decay_steps": n} for n in (0, -1, 1)],
    "PolynomialDecay": [{"initial_learning_rate": 0.1, "decay_steps": n} for n in (0, -1, 1)],
    "InverseTimeDecay": [
        {"initial_learning_rate": 0.1, "decay_rate": 0.5, "decay_steps": n} for n in (0, 1)],
    "CosineDecay": [{"initial_learning_rate": 0.1, "decay_steps": n} for n in (0, -1, 1)],
    "CosineDecayRestarts": [
        {"initial_learning_rate": 0.1, "first_decay_steps": n} for n in (0, -1, 1)],
    "PiecewiseConstantDecay": [{"boundaries": [1, 2], "values": [0.1, 0.2]},
                               {"boundaries": [1], "values": [0.1, 0.2]}],
}

LOSSES = {
    "MeanSquaredError": [{"reduction": "average"}, {"reduction": "none"}, {"reduction": None},
                         {"reduction": "mean_with_sample_weight"}],
    "CategoricalGeneralizedCrossEntropy": [{"q": 0.0}, {"q": 1.0}, {"q": 1.5}, {"q": 0.5}],
}

METRICS = {
    "SensitivityAtSpecificity": [
        {"specificity": -0.1}, {"specificity": 1.1}, {"specificity": 0.5, "num_thresholds": 0},
        {"specificity": 1.0}],
    "SpecificityAtSensitivity": [{"sensitivity": -0.1}, {"sensitivity": 1.1}],
    "PrecisionAtRecall": [{"recall": -0.1}, {"recall": 1.1}, {"recall": 0.0}],
    "RecallAtPrecision": [{"precision": -0.1}, {"precision": 1.1}],
    "AUC": [{"num_thresholds": 1}, {"num_thresholds": 0}, {"curve": "ROCK"},
            {"summation_method": "middle"}, {"num_labels": 3},
            {"num_thresholds": 2},
            {"multi_label": True, "num_labels": 3}],
    "Precision": [{"thresholds": -0.5}, {"thresholds": [0.5, 1.5]}, {"thresholds": 0.5}],
    "FBetaScore": [{"average": "mean"}, {"beta": 0.0}, {"beta": -1.0}, {"threshold": 0.0},
                   {"threshold": 1.5}, {"threshold": 1.0}],
    "F1Score": [{"average": "mean"}, {"threshold": -0.5}],
    "IoU": [{"num_classes": 2, "target_class_ids": [2]},
            {"num_classes": 2, "target_class_ids": [1]}],
    "BinaryIoU": [{"target_class_ids": [2]}],
    "R2Score": [{"class_aggregation": "mean"}, {"num_regressors": -1}, {"num_regressors": 1}],
}

OTHERS = {
    "initializers": {
        "VarianceScaling": [{"scale": 0.0}, {"scale": -1.0}, {"mode": "fan_max"},
                            {"distribution": "beta"}, {"mode": "fan_out"}],
        "RandomUniform": [{"seed": "one"}],
        "STFT": [{"side": "both"}, {"scaling": "power"}],
    },
    "regularizers": {
        "L1": [{"l1": -0.1}, {"l1": 0.0}], "L2": [{"l2": -0.1}],
        "L1L2": [{"l1": -0.1}, {"l2": -0.1}],
        "OrthogonalRegularizer": [{"mode": "both"}, {"factor": -0.1}, {"mode": "columns"}],
    },
    "callbacks": {
        "ReduceLROnPlateau": [{"factor": 1.0}, {"factor": 1.5}, {"factor": 0.5}],
    },
}


def value_of(keras, value):
    if isinstance(value, dict) and "class_name" in value:
        return keras.layers.deserialize(value)
    return value


def one(keras, module, name, arguments):
    home = keras
    for part in module.split("."):
        home = getattr(home, part)
    try:
        getattr(home, name)(**{k: value_of(keras, v) for k, v in arguments.items()})
        refused = False
    except (ValueError, TypeError, NotImplementedError):
        refused = True
    return {"module": module, "class_name": name, "arguments": arguments, "refused": refused}


def record(engine, here):
    import keras

    catalogue = {"layers": LAYERS, "optimizers": OPTIMIZERS, "optimizers.schedules": SCHEDULES,
                 "losses": LOSSES, "metrics": METRICS, **OTHERS}
    cases = [one(keras, module, name, arguments)
             for module, classes in catalogue.items()
             for name, rows in classes.items() for arguments in rows]
    write(os.path.join(here, "refusals.json"), cases)
    print(f"{sum(c['refused'] for c in cases)} of {len(cases)} refused")
