"""Layers that no Keras has, as formulas in NumPy: DepthwiseConv3D.

The rule is that of DepthwiseConv2D with one more axis; output channel = c * multiplier + m.
"""

import itertools

import numpy as np

from .tensors import generator, tensor


def windows(size, kernel, stride, padding, dilation):
    """Cells before and after, and the number of outputs, along one axis."""
    reach = (kernel - 1) * dilation + 1
    if padding == "valid":
        return 0, 0, (size - reach) // stride + 1
    count = -(-size // stride)
    total = max((count - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2, count


def taps(kernel_size, strides, dilation, counts):
    """Each kernel position with the slice of the padded input that it meets."""
    for position in itertools.product(*map(range, kernel_size)):
        yield position, (slice(None),) + tuple(
            slice(p * d, p * d + s * (n - 1) + 1, s)
            for p, d, s, n in zip(position, dilation, strides, counts))


def depthwise_conv(x, kernel, bias, strides, padding, dilation, cotangent=None, activation=None):
    """Channels last. Gives the output, and the gradients of sum(output * cotangent)."""
    x, kernel = x.astype("float64"), kernel.astype("float64")
    kernel_size, (channels, multiplier) = kernel.shape[:-2], kernel.shape[-2:]
    sides = [windows(*v, padding, d) for *v, d in
             zip(x.shape[1:-1], kernel_size, strides, dilation)]
    counts = [s[2] for s in sides]
    padded = np.pad(x, [(0, 0), *[(a, b) for a, b, _ in sides], (0, 0)])
    y = np.zeros((x.shape[0], *counts, channels, multiplier))
    for position, region in taps(kernel_size, strides, dilation, counts):
        y += padded[region][..., None] * kernel[position]
    y = y.reshape(*y.shape[:-2], channels * multiplier)
    if bias is not None:
        y = y + bias
    output = {None: y, "relu": np.maximum(y, 0), "tanh": np.tanh(y)}[activation]
    if cotangent is None:
        return output
    slope = {None: 1.0, "relu": y > 0, "tanh": 1 - output ** 2}[activation]
    g = (cotangent * slope).reshape(*y.shape[:-1], channels, multiplier)
    dx, dk = np.zeros_like(padded), np.zeros_like(kernel)
    axes = tuple(range(len(counts) + 1))
    for position, region in taps(kernel_size, strides, dilation, counts):
        dx[region] += (g * kernel[position]).sum(-1)
        dk[position] = (padded[region][..., None] * g).sum(axes)
    inner = (slice(None),) + tuple(slice(a, a + n) for (a, _, _), n in zip(sides, x.shape[1:-1]))
    return output, dx[inner], dk, g.sum(axes).reshape(-1)


def depthwise_conv3d(config, shape, kernel_size, strides=(1, 1, 1), padding="valid",
                     dilation_rate=(1, 1, 1), depth_multiplier=1, use_bias=True, activation=None,
                     data_format="channels_last"):
    """The function that records one case of DepthwiseConv3D; config gives the other fields."""

    def record(case):
        first = data_format == "channels_first"

        def last(a):
            return np.moveaxis(a, 1, -1) if first else a

        def back(a):
            return np.moveaxis(a, -1, 1) if first else a

        def draw(what, *size):
            return generator("DepthwiseConv3D", case.name, what).uniform(-0.7, 0.7, size).astype(
                "float32")

        x = generator("DepthwiseConv3D", case.name, "input").standard_normal(shape)
        x = x.astype("float32")
        channels = shape[1 if first else -1]
        kernel = draw("kernel", *kernel_size, channels, depth_multiplier)
        bias = draw("bias", channels * depth_multiplier) if use_bias else None
        options = (last(x), kernel, bias, strides, padding, dilation_rate)
        y = depthwise_conv(*options, activation=activation)
        cotangent = generator("DepthwiseConv3D", case.name, "cotangent").standard_normal(
            back(y).shape).astype("float32")
        _, dx, dk, db = depthwise_conv(*options, last(cotangent), activation)
        names = ["kernel", "bias"] if use_bias else ["kernel"]
        weights = [kernel, bias] if use_bias else [kernel]
        gradients = [dk, db] if use_bias else [dk]
        return {
            "name": case.name, "class_name": "DepthwiseConv3D", "source": "formula",
            "config": {
                **config, "name": "depthwise_conv3d", "kernel_size": list(kernel_size),
                "strides": list(strides), "padding": padding, "dilation_rate": list(dilation_rate),
                "depth_multiplier": depth_multiplier, "use_bias": use_bias,
                "activation": activation or "linear", "data_format": data_format,
            },
            "inputs": [tensor(x)], "input_masks": [None],
            "call": {"arguments": [{"input": 0}], "keywords": {}},
            "weights": [{"name": n, "path": n, "trainable": True, "tensor": tensor(w)}
                        for n, w in zip(names, weights)],
            "outputs": [tensor(back(y).astype("float32"))], "masks": [None],
            "cotangents": [tensor(cotangent)],
            "input_gradients": [tensor(back(dx).astype("float32"))],
            "weight_gradients": [tensor(g.astype("float32")) for g in gradients],
            "expects": {
                "count_params": int(sum(w.size for w in weights)), "losses": [],
                "supports_masking": False,
                "output_shapes": [[None, *[int(d) for d in back(y).shape[1:]]]],
            },
        }

    return record
