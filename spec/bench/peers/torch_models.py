"""The models of models.py in PyTorch, made from the weights that export.py wrote. Images are
NCHW here and NHWC in Keras."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import data


class Weights(dict):
    """Path -> array, and torch modules made of them by the name of the Keras layer."""

    def put(self, parameter, path, change=lambda w: w):
        parameter.data.copy_(torch.tensor(np.ascontiguousarray(change(self[path]))))

    def dense(self, name):
        layer = nn.Linear(*self[f"{name}/kernel"].shape)
        self.put(layer.weight, f"{name}/kernel", np.transpose)
        self.put(layer.bias, f"{name}/bias")
        return layer

    def conv(self, name, stride=1):
        kernel = self[f"{name}/kernel"]
        size, _, inputs, filters = kernel.shape
        bias = f"{name}/bias" in self
        layer = nn.Conv2d(inputs, filters, size, stride, 0 if bias else size // 2, bias=bias)
        self.put(layer.weight, f"{name}/kernel", lambda w: w.transpose(3, 2, 0, 1))
        if bias:
            self.put(layer.bias, f"{name}/bias")
        return layer

    def depthwise(self, name, stride):
        channels = self[f"{name}/kernel"].shape[2]
        layer = nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False)
        self.put(layer.weight, f"{name}/kernel", lambda w: w.transpose(2, 3, 0, 1))
        return layer

    def batch_norm(self, name):
        layer = nn.BatchNorm2d(len(self[f"{name}/gamma"]))
        self.put(layer.weight, f"{name}/gamma")
        self.put(layer.bias, f"{name}/beta")
        self.put(layer.running_mean, f"{name}/moving_mean")
        self.put(layer.running_var, f"{name}/moving_variance")
        return layer

    def layer_norm(self, name):
        layer = nn.LayerNorm(len(self[f"{name}/gamma"]))
        self.put(layer.weight, f"{name}/gamma")
        self.put(layer.bias, f"{name}/beta")
        return layer

    def lstm(self, *names):
        inputs, gates = self[f"{names[0]}/lstm_cell/kernel"].shape
        layer = nn.LSTM(inputs, gates // 4, len(names), batch_first=True)
        for i, name in enumerate(names):
            path = f"{name}/lstm_cell/"
            self.put(getattr(layer, f"weight_ih_l{i}"), path + "kernel", np.transpose)
            self.put(getattr(layer, f"weight_hh_l{i}"), path + "recurrent_kernel", np.transpose)
            self.put(getattr(layer, f"bias_ih_l{i}"), path + "bias")
            self.put(getattr(layer, f"bias_hh_l{i}"), path + "bias", np.zeros_like)
        return layer


class Convnet(nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.conv1, self.conv2 = weights.conv("conv1"), weights.conv("conv2")
        self.dense1, self.dense2 = weights.dense("dense1"), weights.dense("dense2")

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = torch.flatten(x.permute(0, 2, 3, 1), 1)
        return torch.softmax(self.dense2(F.relu(self.dense1(x))), -1)


class Lstm(nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.lstm, self.dense = weights.lstm("lstm1", "lstm2"), weights.dense("dense")

    def forward(self, x):
        return torch.softmax(self.dense(self.lstm(x)[0][:, -1]), -1)


class Block(nn.Module):
    """One of the transformer; q, k and v are one product."""

    def __init__(self, weights, i):
        super().__init__()
        path, width = f"attention{i}/", 256
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        three = [path + part for part in ("query", "key", "value")]
        rows = [weights[p + "/kernel"].reshape(width, width).T for p in three]
        self.qkv.weight.data.copy_(torch.tensor(np.concatenate(rows)))
        bias = [weights[p + "/bias"].reshape(width) for p in three]
        self.qkv.bias.data.copy_(torch.tensor(np.concatenate(bias)))
        out = path + "attention_output"
        weights.put(self.out.weight, out + "/kernel", lambda w: w.reshape(width, width).T)
        weights.put(self.out.bias, out + "/bias")
        self.first_norm = weights.layer_norm(f"first_norm{i}")
        self.second_norm = weights.layer_norm(f"second_norm{i}")
        self.up, self.down = weights.dense(f"up{i}"), weights.dense(f"down{i}")

    def forward(self, x):
        batch, steps, width = x.shape
        q, k, v = self.qkv(x).view(batch, steps, 3, 8, width // 8).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2)
        x = self.first_norm(x + self.out(y.reshape(batch, steps, width)))
        return self.second_norm(x + self.down(F.gelu(self.up(x))))


class ImageNet:
    """Numbers convolutions as ImageNet of models.py does."""

    def __init__(self, weights):
        self.weights, self.number = weights, 0

    def conv(self, stride=1, relu=nn.ReLU, depthwise=False):
        self.number += 1
        make = self.weights.depthwise if depthwise else self.weights.conv
        parts = [make(f"conv{self.number}", stride), self.weights.batch_norm(f"norm{self.number}")]
        return nn.Sequential(*parts, *([relu()] if relu else []))


class Classes(nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.dense = weights.dense("dense")

    def forward(self, x):
        return torch.softmax(self.dense(x.mean((2, 3))), -1)


class Residual(nn.Module):
    def __init__(self, body, beside, last):
        super().__init__()
        self.body, self.beside, self.last = body, beside, last

    def forward(self, x):
        return self.last(self.body(x) + self.beside(x))


def resnet_block(net, stride, first):
    body = nn.Sequential(net.conv(), net.conv(stride), net.conv(relu=None))
    return Residual(body, net.conv(stride, None) if first else nn.Identity(), nn.ReLU())


def resnet50(weights):
    net = ImageNet(weights)
    parts = [net.conv(2), nn.MaxPool2d(3, 2, 1)]
    for _, blocks, stride in data.RESNET:
        for block in range(blocks):
            parts.append(resnet_block(net, 1 if block else stride, block == 0))
    return nn.Sequential(*parts, Classes(weights))


def mobile_block(net, widen, stride, first):
    parts = [] if widen == 1 else [net.conv(1, nn.ReLU6)]
    parts += [net.conv(stride, nn.ReLU6, depthwise=True), net.conv(1, None)]
    body = nn.Sequential(*parts)
    return body if first else Residual(body, nn.Identity(), nn.Identity())


def mobilenetv2(weights):
    net = ImageNet(weights)
    parts = [net.conv(2, nn.ReLU6)]
    for widen, _, blocks, stride in data.MOBILE:
        for block in range(blocks):
            parts.append(mobile_block(net, widen, 1 if block else stride, block == 0))
    return nn.Sequential(*parts, net.conv(1, nn.ReLU6), Classes(weights))


def tiny(weights):
    return nn.Sequential(weights.dense("dense1"), nn.ReLU(), weights.dense("dense2"))


def mlp(weights):
    return nn.Sequential(
        weights.dense("dense1"), nn.ReLU(), weights.dense("dense2"), nn.ReLU(),
        weights.dense("dense3"), nn.Softmax(-1))


def transformer(weights):
    return nn.Sequential(*(Block(weights, i) for i in range(1, 5)))


MODELS = {"tiny": tiny, "mlp": mlp, "convnet": Convnet, "lstm": Lstm,
          "transformer": transformer, "mobilenetv2": mobilenetv2, "resnet50": resnet50}


def make(name):
    return MODELS[name](Weights(data.weights(name))).eval()


def to_torch(x):
    """An input of Keras as one of torch."""
    x = torch.tensor(x)
    return x.permute(0, 3, 1, 2).contiguous() if x.dim() == 4 else x
