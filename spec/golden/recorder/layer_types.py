"""The type and the first numbers that layers give for inputs of whole numbers and of booleans.

layer_types.json: a list of cases: class_name, config, inputs (tensors), and dtype and numbers of the
result; dtype null where Keras refuses. Weights come from initializers without chance.
"""

import os

import numpy as np

from . import engines
from .tensors import tensor, write

ENGINES = ("tensorflow",)
FEW = 12

ROWS, STEPS, IMAGES = (2, 3), (2, 4, 3), (1, 4, 4, 3)
ONES = {"kernel_initializer": "ones"}
RECURRENT = {"units": 2, "kernel_initializer": "ones", "recurrent_initializer": "ones"}

PAIRS = [(name, {}, (ROWS, ROWS)) for name in (
    "Add", "Subtract", "Multiply", "Maximum", "Minimum", "Average", "Concatenate")]

CASES = PAIRS + [
    ("Dot", {"axes": 1}, (ROWS, ROWS)),
    ("Masking", {}, (STEPS,)),
    ("Flatten", {}, (STEPS,)),
    ("Reshape", {"target_shape": [12]}, (STEPS,)),
    ("Permute", {"dims": [2, 1]}, (STEPS,)),
    ("RepeatVector", {"n": 2}, (ROWS,)),
    ("Cropping1D", {}, (STEPS,)),
    ("Cropping2D", {}, (IMAGES,)),
    ("ZeroPadding1D", {}, (STEPS,)),
    ("ZeroPadding2D", {}, (IMAGES,)),
    ("UpSampling1D", {}, (STEPS,)),
    ("UpSampling2D", {}, (IMAGES,)),
    ("MaxPooling1D", {}, (STEPS,)),
    ("MaxPooling2D", {}, (IMAGES,)),
    ("AveragePooling1D", {"pool_size": 2}, (STEPS,)),
    ("GlobalMaxPooling1D", {}, (STEPS,)),
    ("GlobalMaxPooling2D", {}, (IMAGES,)),
    ("GlobalAveragePooling1D", {}, (STEPS,)),
    ("Dropout", {"rate": 0.5}, (ROWS,)),
    ("SpatialDropout1D", {"rate": 0.5}, (STEPS,)),
    ("GaussianNoise", {"stddev": 0.5}, (ROWS,)),
    ("ReLU", {}, (ROWS,)),
    ("LeakyReLU", {}, (ROWS,)),
    ("ELU", {}, (ROWS,)),
    ("Softmax", {}, (ROWS,)),
    ("PReLU", {}, (ROWS,)),
    ("Activation", {"activation": "relu"}, (ROWS,)),
    ("Activation", {"activation": "tanh"}, (ROWS,)),
    ("Activation", {"activation": "linear"}, (ROWS,)),
    ("Dense", {"units": 2, **ONES}, (ROWS,)),
    ("EinsumDense", {"equation": "ab,bc->ac", "output_shape": 2, **ONES}, (ROWS,)),
    ("Embedding", {"input_dim": 12, "output_dim": 2, "embeddings_initializer": "ones"}, (ROWS,)),
    ("Conv1D", {"filters": 2, "kernel_size": 2, **ONES}, (STEPS,)),
    ("Conv2D", {"filters": 2, "kernel_size": 2, **ONES}, (IMAGES,)),
    ("SimpleRNN", RECURRENT, (STEPS,)),
    ("LSTM", RECURRENT, (STEPS,)),
    ("GRU", RECURRENT, (STEPS,)),
    ("BatchNormalization", {}, (ROWS,)),
    ("LayerNormalization", {}, (ROWS,)),
    ("RMSNormalization", {}, (ROWS,)),
    ("GroupNormalization", {"groups": 1}, (ROWS,)),
    ("UnitNormalization", {}, (ROWS,)),
    ("Normalization", {"mean": 1.0, "variance": 4.0}, (ROWS,)),
    ("Rescaling", {"scale": 0.5}, (ROWS,)),
    ("Rescaling", {"scale": 2}, (ROWS,)),
    ("Resizing", {"height": 2, "width": 2}, (IMAGES,)),
    ("CenterCrop", {"height": 2, "width": 2}, (IMAGES,)),
    ("Discretization", {"bin_boundaries": [0.0, 3.0]}, (ROWS,)),
    ("CategoryEncoding", {"num_tokens": 12}, (ROWS,)),
    ("Identity", {}, (ROWS,)),
    ("ActivityRegularization", {"l2": 0.1}, (ROWS,)),
    ("Attention", {}, (STEPS, STEPS)),
]


def numbers(class_name, shape, kind, place):
    """Whole numbers from -4 to 6, from 0 on where they are classes."""
    n = int(np.prod(shape))
    low = 0 if class_name in ("Embedding", "CategoryEncoding") else -4
    data = (np.arange(n) * 7 + place * 3) % 11 + low
    return (data > 1 if kind == "bool" else data).reshape(shape).astype(kind)


def record(engine, here):
    engines.create(engine)
    import keras

    found = []
    for class_name, config, shapes in CASES:
        for kinds in (("int32",) * len(shapes), ("bool",) * len(shapes), ("int32", "float32")):
            if len(kinds) != len(shapes):
                continue
            arrays = [numbers(class_name, s, k, i) for i, (s, k) in enumerate(zip(shapes, kinds))]
            given = [keras.ops.convert_to_tensor(a) for a in arrays]
            case = {"class_name": class_name, "config": config, "dtype": None,
                    "inputs": [tensor(a) for a in arrays]}
            try:
                layer = getattr(keras.layers, class_name)(**config)
                y = layer(given if len(given) > 1 else given[0])
                case["dtype"] = keras.backend.standardize_dtype(y.dtype)
                flat = keras.ops.convert_to_numpy(y).astype("float64").ravel()[:FEW]
                case["numbers"] = [float("%.9g" % x) for x in flat]
            except Exception as error:
                if os.environ.get("REFUSED"):
                    print(class_name, kinds, repr(error)[:200])
            found.append(case)
    write(os.path.join(here, "layer_types.json"), found)
    print(f"layer types: {len(found)}")
