"""The operators that have kernels, and how each is called: which operators it takes over, how its weights are packed, what it returns."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from numpot.kernels import float32, pooling
from numpot.kernels.convolution import convolution
from numpot.kernels.depthwise import depthwise, pack_depthwise
from numpot.kernels.epilogue import Epilogue, make_epilogue
from numpot.kernels.packing import pack_convolution
from numpot.kernels.saturation import SaturationCount, number_of_pairs, provably_safe
from numpot.kernels.window import Window

from .chain import Chain
from .graph import Node
from .workers import Tally, Workers

_ZERO, _ONE = np.zeros((), np.float32), np.ones((), np.float32)
Kernel = Callable[..., list[np.ndarray]]  # (*arrays, workers) -> outputs


@dataclass(frozen=True)
class LayerKernel:
    name: str
    run: Kernel


def to_nhwc(x: np.ndarray) -> np.ndarray:
    """(N,C,H,W) -> (N,H,W,C), contiguous; free if it lies so already."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def from_nhwc(x: np.ndarray) -> np.ndarray:
    """(N,H,W,C) -> (N,C,H,W), a view."""
    return x.transpose(0, 3, 1, 2)


def _window(op: Any, kernel: tuple[int, ...]) -> Window:
    return Window(*(tuple(v) for v in (kernel, op.strides, op.dilations, op.pads_begin, op.pads_end)))


def _activation(chain: Chain) -> tuple[float, float]:
    """Bounds of a fused ReLU or Clamp; infinite ones if there is none."""
    node = chain.take("ReLU", "Clamp")
    if node is None:
        return -np.inf, np.inf
    return (0.0, np.inf) if node.type == "ReLU" else (node.op.min, node.op.max)  # type: ignore[attr-defined]


# ---- float32 -------------------------------------------------------------------------------------------------------------------


def _float_convolution(node: Node, chain: Chain) -> LayerKernel | None:
    """Convolution [-> Add bias] [-> ReLU | Clamp]."""
    weights, op = chain.constant(node.inputs[1]), node.op
    if weights is None or weights.ndim != 4 or weights.dtype != np.float32:
        return None
    out_channels, depth, *kernel = weights.shape
    is_depthwise = depth == 1 and op.groups == out_channels  # type: ignore[attr-defined]
    window = _window(op, tuple(kernel))
    bias, low, high = _bias_and_activation(chain, out_channels)
    packed: Any = pack_depthwise(weights) if is_depthwise else float32.pack_convolution(weights, op.groups)  # type: ignore[attr-defined]
    compute: Callable[..., None] = float32.depthwise if is_depthwise else float32.convolution

    def run(x: np.ndarray, workers: Workers) -> list[np.ndarray]:
        source = to_nhwc(x)
        out = np.empty((len(x), *window.output_size(*source.shape[1:3]), out_channels), np.float32)
        workers.split(len(x), lambda s: compute(source[s], packed, bias, out[s], window=window, low=low, high=high))
        return [from_nhwc(out)]

    return LayerKernel("depthwise f32" if is_depthwise else "convolution f32", run)


def _float_matmul(node: Node, chain: Chain) -> LayerKernel | None:
    """MatMul with constant weights [-> Add bias] [-> ReLU | Clamp]."""
    weights, op = chain.constant(node.inputs[1]), node.op
    if weights is None or weights.ndim != 2 or weights.dtype != np.float32 or op.transpose_a or len(node.inputs[0].shape) < 2:  # type: ignore[attr-defined]
        return None
    matrix = weights.T if op.transpose_b else weights  # type: ignore[attr-defined]
    bias, low, high = _bias_and_activation(chain, matrix.shape[1])
    packed = float32.pack_matmul(matrix)

    def run(x: np.ndarray, workers: Workers) -> list[np.ndarray]:
        rows = np.ascontiguousarray(x).reshape(-1, matrix.shape[0])
        out = np.empty((len(rows), matrix.shape[1]), np.float32)
        workers.split(len(rows), lambda s: float32.matmul(rows[s], packed, bias, out[s], low=low, high=high))
        return [out.reshape(*x.shape[:-1], matrix.shape[1])]

    return LayerKernel("matmul f32", run)


def _bias_and_activation(chain: Chain, channels: int) -> tuple[np.ndarray, float, float]:
    bias = (chain.take_per_channel("Add") or [_ZERO])[0]
    return np.broadcast_to(bias, channels).astype(np.float32), *_activation(chain)


# ---- integers ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Output:
    """What an integer layer stores: s32 sums, float32, or codes."""

    dtype: type[np.generic]
    epilogue: Epilogue | None


def _take_epilogue(chain: Chain, channels: int) -> _Output:
    """[-> Convert -> Multiply by scales [-> Add bias] [-> ReLU | Clamp] [-> Quantize]], the order of docs/arithmetic.md."""
    if chain.take("Convert", where=lambda n: n.op.destination_type == np.float32) is None:  # type: ignore[attr-defined]
        return _Output(np.int32, None)
    (scale,) = chain.take_per_channel("Multiply") or [_ONE]
    (bias,) = chain.take_per_channel("Add") or [_ZERO]
    low, high = _activation(chain)
    affine = chain.take_per_channel("Quantize")
    if affine is None:
        return _Output(np.float32, make_epilogue(channels, scale, bias, low, high))
    return _Output(np.uint8, make_epilogue(channels, scale, bias, low, high, *affine))


def _integer_convolution(node: Node, chain: Chain) -> LayerKernel | None:
    """ConvolutionInteger and what _take_epilogue finds behind it."""
    weights, zero_point, op = chain.constant(node.inputs[1]), chain.constant(node.inputs[2]), node.op
    if weights is None or zero_point is None:
        return None
    out_channels, depth, *kernel = weights.shape
    is_depthwise = depth == 1 and op.groups == out_channels  # type: ignore[attr-defined]
    if zero_point.size != 1 and not is_depthwise:
        return None
    window = _window(op, tuple(kernel))
    output = _take_epilogue(chain, out_channels)
    if is_depthwise:
        return _integer_depthwise(node.name, weights, zero_point, window, output)
    packed, arithmetic, zero = pack_convolution(weights, op.groups), op.arithmetic, int(zero_point.item())  # type: ignore[attr-defined]

    def run(x: np.ndarray, workers: Workers) -> list[np.ndarray]:
        source = to_nhwc(x)
        out = np.empty((len(x), *window.output_size(*source.shape[1:3]), out_channels), output.dtype)

        def work(s: slice) -> None:
            count = SaturationCount.zeros(out_channels) if tally else None
            convolution(source[s], packed, zero, out[s], window=window, arithmetic=arithmetic, epilogue=output.epilogue, count=count)
            if tally and count:
                tally.add(count, number_of_pairs(out[s].shape, weights.shape))

        tally = _tally(workers, node.name, weights)
        workers.split(len(x), work)
        return [from_nhwc(out)]

    return LayerKernel(f"convolution u8s8 {arithmetic}", run)


def _integer_depthwise(name: str, weights: np.ndarray, zero_point: np.ndarray, window: Window, output: _Output) -> LayerKernel:
    channels = len(weights)
    packed, zeros = pack_depthwise(weights), zero_point.reshape(-1) if zero_point.size > 1 else int(zero_point.item())

    def run(x: np.ndarray, workers: Workers) -> list[np.ndarray]:
        source = to_nhwc(x)
        out = np.empty((len(x), *window.output_size(*source.shape[1:3]), channels), output.dtype)
        workers.split(len(x), lambda s: depthwise(source[s], packed, zeros, out[s], window=window, epilogue=output.epilogue))
        tally = _tally(workers, name, weights)
        if tally:
            tally.add(SaturationCount.zeros(channels), number_of_pairs(out.shape, weights.shape))
        return [from_nhwc(out)]

    return LayerKernel("depthwise u8s8", run)


def _integer_matmul(node: Node, chain: Chain) -> LayerKernel | None:
    """MatMulInteger, as a 1x1 convolution over a line of rows, and what _take_epilogue finds behind it."""
    weights, zero_point, op = chain.constant(node.inputs[1]), chain.constant(node.inputs[2]), node.op
    if weights is None or zero_point is None or zero_point.size != 1 or len(node.inputs[0].shape) < 2:
        return None
    by_column = (weights if op.transpose_b else weights.T)[:, :, None, None]  # type: ignore[attr-defined]
    columns, products = by_column.shape[:2]
    output = _take_epilogue(chain, columns)
    packed, arithmetic, zero = pack_convolution(by_column), op.arithmetic, int(zero_point.item())  # type: ignore[attr-defined]

    def run(x: np.ndarray, workers: Workers) -> list[np.ndarray]:
        rows = np.ascontiguousarray(x).reshape(-1, 1, 1, products)
        out = np.empty((len(rows), 1, 1, columns), output.dtype)

        def work(s: slice) -> None:
            count = SaturationCount.zeros(columns) if tally else None
            convolution(rows[s], packed, zero, out[s], window=Window((1, 1)), arithmetic=arithmetic, epilogue=output.epilogue, count=count)
            if tally and count:
                tally.add(count, number_of_pairs(out[s].shape, by_column.shape))

        tally = _tally(workers, node.name, by_column)
        workers.split(len(rows), work)
        return [out.reshape(*x.shape[:-1], columns)]

    return LayerKernel(f"matmul u8s8 {arithmetic}", run)


def _tally(workers: Workers, name: str, weights: np.ndarray) -> Tally | None:
    """Where a layer's saturation is added up; None if nobody asked for it."""
    if not workers.counting:
        return None
    name = name.removesuffix("/integer")
    if name not in workers.tallies:
        workers.tallies[name] = Tally(SaturationCount.zeros(len(weights)), bool(provably_safe(weights).all()), _weight_bits(weights))
    return workers.tallies[name]


def _weight_bits(weights: np.ndarray) -> np.ndarray:
    """(O, ...) s8 -> (O,): how much of 8 bits each channel uses."""
    largest = np.abs(weights.astype(np.int32)).reshape(len(weights), -1).max(axis=1, initial=1)
    return np.log2(2.0 * np.maximum(largest, 1))


# ---- pooling -------------------------------------------------------------------------------------------------------------------


def _max_pool(node: Node, chain: Chain) -> LayerKernel | None:
    x, op = node.inputs[0], node.op
    if len(x.shape) != 4 or x.dtype not in (np.uint8, np.float32):
        return None
    window = _window(op, op.kernel)  # type: ignore[attr-defined]

    def run(x: np.ndarray, workers: Workers) -> list[np.ndarray]:
        source = to_nhwc(x)
        n, c, h, w = op.infer_shape(x.shape)
        out = np.empty((n, h, w, c), x.dtype)
        workers.split(n, lambda s: pooling.max_pool(source[s], out[s], window=window))
        return [from_nhwc(out)]

    return LayerKernel("max pool", run)


LAYER_STEPS: dict[str, Callable[[Node, Chain], LayerKernel | None]] = {
    "Convolution": _float_convolution,
    "MatMul": _float_matmul,
    "ConvolutionInteger": _integer_convolution,
    "MatMulInteger": _integer_matmul,
    "MaxPool": _max_pool,
}
