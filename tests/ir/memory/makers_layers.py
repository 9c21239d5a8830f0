"""Layers, windows, quantization and sequences, in random graphs."""

import math
from typing import Any

import numpy as np

from numpot.ir.dtypes import F32
from numpot.ir.graph import Tensor

from .growing import Made, Random, is_float, maker
from .makers_elements import clamp, unary

# ---- windows -----------------------------------------------------------------------------------------------


def window(g: Random, kernel: tuple[int, int], *, dilations: bool = True) -> dict[str, Any]:
    """Attributes, often extreme ones."""
    found = {"strides": g.pair(1, 4) if g.chance(2) else (1, 1), "pads_begin": (0, 0), "pads_end": (0, 0)}
    if g.chance(2):
        pads = 3 if g.chance(4) else 1
        found |= {"pads_begin": g.pair(0, pads), "pads_end": g.pair(0, pads)}
    return found | ({"dilations": g.pair(1, 3) if g.chance(3) else (1, 1)} if dilations else {})


@maker("MaxPool", "AvgPool", "SumPool")
def pool(g: Random, x: Made, name: str) -> list[Made]:
    kernel = g.pair(1, 4)
    attributes = window(g, kernel, dilations=name == "MaxPool") | {
        "rounding_type": g.one_of(["floor", "ceil", "ceil_torch"])
    }
    if name == "AvgPool":
        attributes["exclude_pad"] = g.chance(2)
    if name == "SumPool":
        if not is_float(x):
            return []
        x = g.settled(x, math.prod(kernel))
    (y,) = g.do(name, x, kernel=kernel, **attributes)
    if name == "MaxPool":
        return [x._replace(tensor=y)]
    return [g.sums(x, y, math.prod(kernel)) if name == "SumPool" else Made(y, same=False)]


def weights_of(g: Random, shape: tuple[int, ...]) -> tuple[Tensor | np.ndarray, float, float]:
    """Weights, the unit they are multiples of (0 for any), and the largest: float, or int8 codes times a
    scale for each output.
    """
    if g.chance(2):
        return g.whole(shape), 1.0, 2.0
    codes = g.rng.integers(-128 if g.chance(9) else -127, 128, shape).astype(np.int8)
    (real,) = g.do("Convert", codes, destination_type=F32)
    exact = g.chance(2)
    scale = np.full((shape[0], *(1,) * (len(shape) - 1)), 1 / 64, np.float32)
    if not exact:
        scale *= g.rng.uniform(0.5, 1.5, scale.shape).astype(np.float32)
    return g.do("Multiply", real, scale)[0], 1 / 64 if exact else 0.0, 2.0


def layer(g: Random, x: Made, y: Tensor, fan_in: int, weight_unit: float) -> list[Made]:
    """What a layer makes, and often a bias, an activation and the codes of the next one behind it."""
    made = g.sums(x._replace(unit=x.unit * weight_unit), y, 2 * fan_in)
    if g.chance(2):
        axis = 1 if len(y.shape) > 2 else len(y.shape) - 1
        bias = g.whole((1, y.shape[axis], *(1,) * (len(y.shape) - 2)) if axis == 1 else (y.shape[axis],))
        made = made._replace(tensor=g.do("Add", made, bias)[0], bound=made.bound + 2)
    if g.chance(2):
        made = g.one_of([clamp, lambda g, x: unary(g, x, "ReLU")])(g, made)[0]
    return fake_quantize(g, made) if g.graph.of_type("FakeQuantize") and g.chance(2) and made.same else [made]


@maker("Convolution")
def convolution(g: Random, x: Made) -> list[Made]:
    if len(x.tensor.shape) != 4 or not is_float(x):
        return []
    channels, (kh, kw) = (
        x.tensor.shape[1],
        g.pair(1, 3) if g.chance(3) else g.one_of([(1, 1), (3, 3), (1, 1)]),
    )
    if channels < 1:
        return []
    groups = g.one_of([1, 1, channels, g.one_of([d for d in range(1, channels + 1) if channels % d == 0])])
    outputs = groups * (1 if groups == channels and g.chance(2) else g.number(1, 1 + 24 // groups))
    shape = (outputs, channels // groups, kh, kw)
    weights, unit, _ = weights_of(g, shape)
    x = g.settled(x, 2 * math.prod(shape[1:]) / (unit or 1))
    (y,) = g.do("Convolution", x, weights, groups=groups, **window(g, (kh, kw)))
    return layer(g, x, y, math.prod(shape[1:]), unit)


@maker("ConvolutionBackpropData")
def transposed_convolution(g: Random, x: Made) -> list[Made]:
    if len(x.tensor.shape) != 4 or not is_float(x) or x.tensor.shape[1] < 1:
        return []
    channels, kernel = x.tensor.shape[1], g.pair(1, 4)
    groups = g.one_of([1, channels, g.one_of([d for d in range(1, channels + 1) if channels % d == 0])])
    shape = (channels, g.number(1, 1 + 12 // groups), *kernel)
    weights, unit, _ = weights_of(g, shape)
    fan_in = channels * math.prod(kernel)
    x = g.settled(x, 2 * fan_in / (unit or 1))
    attributes = window(g, kernel) | {"output_padding": g.one_of([(0, 0), (0, 0), (1, 0), (1, 1)])}
    (y,) = g.do("ConvolutionBackpropData", x, weights, groups=groups, **attributes)
    return layer(g, x, y, fan_in, unit)


@maker("MatMul")
def matmul(g: Random, x: Made) -> list[Made]:
    shape = x.tensor.shape
    if not shape or shape[-1] < 1 or not is_float(x):
        return []
    transposed = g.chance(2)
    columns = g.number(1, 40)
    if g.chance(8):  # by another tensor
        return [Made(g.do("MatMul", x, x, transpose_b=True)[0], same=False)]
    weights, unit, _ = weights_of(g, (columns, shape[-1]) if transposed else (shape[-1], columns))
    x = g.settled(x, 2 * shape[-1] / (unit or 1))
    (y,) = g.do("MatMul", x, weights, transpose_b=transposed)
    return layer(g, x, y, shape[-1], unit)


@maker("Interpolate")
def interpolate(g: Random, x: Made) -> list[Made]:
    axes = g.one_of([[2, 3], [2, 3], [3], [g.axis(x)]])
    mode = g.one_of(["nearest", "linear", "linear_onnx", "cubic"])
    target = np.array([g.number(1, 12) for _ in axes])
    options = {
        "mode": mode,
        "shape_calculation_mode": "sizes",
        "coordinate_transformation_mode": g.one_of(
            ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"]
        ),
        "nearest_mode": g.one_of(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil", "simple"]),
    }
    (y,) = g.do("Interpolate", x, target, np.array(axes), **options)
    return [x._replace(tensor=y) if mode == "nearest" else Made(y, same=False)]


# ---- quantization ------------------------------------------------------------------------------------------


@maker("FakeQuantize", jumps=True)
def fake_quantize(g: Random, x: Made) -> list[Made]:
    """Of a range whose step is a power of two; of one tensor, or of each channel."""
    if not is_float(x):
        return []
    low, high = g.one_of(
        [(0.0, 255 / 64), (-4.0, 4 * 127 / 128), (-1.0, 127 / 128), (-2.0, 2.0 + 255 / 64 - 4.0)]
    )
    shape: tuple[int, ...] = ()
    if g.chance(4) and len(x.tensor.shape) > 1 and x.tensor.shape[1] > 0:
        shape = (1, x.tensor.shape[1], *(1,) * (len(x.tensor.shape) - 2))
    ends = [np.full(shape, end, np.float32) for end in (low, high)]
    return [Made(g.do("FakeQuantize", x, *ends, *ends, levels=256)[0], 1 / 128, 4.0)]


@maker("Quantize", jumps=True)
def quantize(g: Random, x: Made) -> list[Made]:
    return [
        Made(
            g.do("Quantize", x, np.float32(g.one_of([1, 2, 16])), np.float32(g.one_of([0, 128])))[0],
            1.0,
            255.0,
        )
    ]


@maker("Dequantize")
def dequantize(g: Random, x: Made) -> list[Made]:
    codes = x if x.tensor.dtype == np.uint8 else quantize(g, x)[0]
    return [
        Made(g.do("Dequantize", codes, np.float32(1 / 16), np.uint8(g.one_of([0, 7, 128])))[0], 1 / 16, 16.0)
    ]


@maker("MultiplyAdd")
def multiply_add(g: Random, x: Made) -> list[Made]:
    return [Made(g.do("MultiplyAdd", x, np.float32(2), np.float32(1))[0], x.unit, 2 * x.bound + 1, x.same)]


@maker("ConvolutionInteger", "ConvolutionBackpropDataInteger", "MatMulInteger", jumps=True)
def integer_layer(g: Random, x: Made, name: str) -> list[Made]:
    codes = x if x.tensor.dtype == np.uint8 else quantize(g, x)[0]
    shape = codes.tensor.shape
    if len(shape) < 2 or min(shape[1:]) < 1:
        return []
    arithmetic, zero = g.one_of(["exact", "saturating"]), np.uint8(g.one_of([0, 3, 128]))
    if name == "MatMulInteger":
        w = g.rng.integers(-128, 128, (shape[-1], g.number(1, 20))).astype(np.int8)
        return [Made(g.do(name, codes, w, zero, arithmetic=arithmetic)[0])]
    kernel = g.pair(1, 3)
    outputs = g.number(1, 20)
    w = g.rng.integers(
        -128,
        128,
        (outputs, shape[1], *kernel) if name == "ConvolutionInteger" else (shape[1], outputs, *kernel),
    )
    attributes = window(g, kernel) | ({} if name == "ConvolutionInteger" else {"output_padding": (0, 0)})
    return [Made(g.do(name, codes, w.astype(np.int8), zero, arithmetic=arithmetic, **attributes)[0])]


@maker("Im2Col", jumps=True)
def im2col(g: Random, x: Made) -> list[Made]:
    codes = x if x.tensor.dtype == np.uint8 else quantize(g, x)[0]
    channels = codes.tensor.shape[1] if len(codes.tensor.shape) == 4 else 0
    groups = g.one_of([d for d in range(1, channels + 1) if channels % d == 0] or [1])
    kernel = g.pair(1, 3)
    return [
        Made(
            g.do(
                "Im2Col",
                codes,
                np.uint8(g.one_of([0, 128])),
                kernel=kernel,
                groups=groups,
                **window(g, kernel),
            )[0],
            1.0,
            255.0,
        )
    ]


# ---- sequences ---------------------------------------------------------------------------------------------


@maker("LSTMSequence", "GRUSequence", "RNNSequence")
def recurrent(g: Random, x: Made, name: str) -> list[Made]:
    """With an initial state of a fixed number of sequences: of the largest of the batch, if it
    has another.
    """
    if len(x.tensor.shape) < 2 or not is_float(x):
        return []
    (x_,) = g.do("ReduceMax", x, np.array([0]), keep_dims=True)
    (x_,) = g.do("Reshape", x_, np.array([1, -1, x_.shape[-1]]))
    shape = x_.shape
    if min(shape) < 1 or shape[1] > 12:
        return []
    x = x._replace(tensor=x_)
    gates, states = {"LSTMSequence": (4, 2), "GRUSequence": (3, 1), "RNNSequence": (1, 1)}[name]
    size, direction = g.number(1, 5), g.one_of(["forward", "reverse", "bidirectional"])
    ways = 2 if direction == "bidirectional" else 1
    initial = [np.zeros((shape[0], ways, size), np.float32)] * states
    lengths = np.full(shape[0], shape[1], np.int32)
    weights = [
        g.whole(dims) / 8
        for dims in ((ways, gates * size, shape[2]), (ways, gates * size, size), (ways, gates * size))
    ]
    made = g.do(name, x, *initial, lengths, *weights, hidden_size=size, direction=direction)
    return [Made(y, same=False) for y in made]
