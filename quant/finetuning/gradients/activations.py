"""Activation functions, element by element (docs/finetuning.md).

    dx = f'(x) dy                                                                            (T2)

dy is the gradient of the loss at the output y = f(x), dx that at the input. At a kink, which has no
derivative, one of its two sides counts.
"""

import math

import numpy as np

from numpot.ir.ops.common.functions import sigmoid
from numpot.ir.ops.erf import erf
from numpot.ir.ops.prelu import per_channel
from numpot.ir.ops.softplus import softplus

from .registry import Call, Gradients, gradient, unbroadcast


@gradient("ReLU")
def relu(call: Call, dy: np.ndarray) -> Gradients:
    return [dy * (call.outputs[0] > 0)]


@gradient("Clamp")
def clamp(call: Call, dy: np.ndarray) -> Gradients:
    x = call.inputs[0]
    return [dy * ((x > call.op.min) & (x < call.op.max))]


@gradient("LeakyReLU")
def leaky_relu(call: Call, dy: np.ndarray) -> Gradients:
    return [np.where(call.inputs[0] < 0, call.op.alpha * dy, dy)]


@gradient("PReLU")
def prelu(call: Call, dy: np.ndarray) -> Gradients:
    x, slope = call.inputs
    wide = slope.reshape(per_channel(slope.shape, x.ndim))
    return [
        np.where(x < 0, wide * dy, dy),
        unbroadcast(dy * np.minimum(x, 0), wide.shape).reshape(slope.shape),
    ]


@gradient("Elu")
def elu(call: Call, dy: np.ndarray) -> Gradients:
    x = call.inputs[0]
    return [np.where(x > 0, dy, dy * call.op.alpha * np.exp(np.minimum(x, 0)))]


@gradient("Sigmoid")
def sigmoid_rule(call: Call, dy: np.ndarray) -> Gradients:
    y = call.outputs[0]
    return [dy * y * (1 - y)]


@gradient("Tanh")
def tanh(call: Call, dy: np.ndarray) -> Gradients:
    return [dy * (1 - np.square(call.outputs[0]))]


@gradient("Swish")
def swish(call: Call, dy: np.ndarray) -> Gradients:
    """x s(bx), with s' = s (1 - s)."""
    x, b = call.inputs[0], call.inputs[1] if len(call.inputs) > 1 else call.inputs[0].dtype.type(1)
    s = sigmoid(b * x)
    slope = s * (1 - s)
    return [dy * (s + b * x * slope), unbroadcast(dy * np.square(x) * slope, ())][: len(call.inputs)]


@gradient("HSigmoid")
def hsigmoid(call: Call, dy: np.ndarray) -> Gradients:
    return [dy * (np.abs(call.inputs[0]) < 3) / 6]


@gradient("HSwish")
def hswish(call: Call, dy: np.ndarray) -> Gradients:
    """x (x + 3) / 6 between -3 and 3, x above."""
    x = call.inputs[0]
    return [dy * np.where(x >= 3, 1, np.where(x > -3, (2 * x + 3) / 6, 0))]


@gradient("HardSigmoid")
def hard_sigmoid(call: Call, dy: np.ndarray) -> Gradients:
    x, alpha, beta = call.inputs
    line = alpha * x + beta
    return [dy * alpha * ((line > 0) & (line < 1))]


@gradient("SoftPlus")
def softplus_rule(call: Call, dy: np.ndarray) -> Gradients:
    return [dy * sigmoid(call.inputs[0])]


@gradient("Mish")
def mish(call: Call, dy: np.ndarray) -> Gradients:
    """x tanh(p), with p = SoftPlus(x) and p' = Sigmoid(x)."""
    x = call.inputs[0]
    t = np.tanh(softplus(x))
    return [dy * (t + x * (1 - np.square(t)) * sigmoid(x))]


@gradient("Gelu")
def gelu(call: Call, dy: np.ndarray) -> Gradients:
    """x F(x): F the normal distribution, or the curve by tanh that stands for it."""
    x = call.inputs[0]
    if call.op.approximation_mode == "erf":
        share = 0.5 * (1 + erf(x / math.sqrt(2)))
        density = np.exp(-0.5 * np.square(x)) / math.sqrt(2 * math.pi)
    else:
        factor = math.sqrt(2 / math.pi)
        t = np.tanh(factor * (x + 0.044715 * x**3))
        share, density = 0.5 * (1 + t), 0.5 * (1 - np.square(t)) * factor * (1 + 3 * 0.044715 * np.square(x))
    return [(dy * (share + x * density)).astype(x.dtype)]


@gradient("SoftMax")
def softmax(call: Call, dy: np.ndarray) -> Gradients:
    y = call.outputs[0]
    return [y * (dy - (dy * y).sum(axis=call.op.axis, keepdims=True))]


@gradient("LogSoftmax")
def log_softmax(call: Call, dy: np.ndarray) -> Gradients:
    return [dy - np.exp(call.outputs[0]) * dy.sum(axis=call.op.axis, keepdims=True)]
