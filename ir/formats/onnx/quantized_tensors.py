"""What quantized numbers of an ONNX file become here: FakeQuantize for activations, Constant(s8) -> Convert
-> Multiply for weights.

A file says QuantizeLinear where numbers become codes and DequantizeLinear where codes become numbers; here
one FakeQuantize says both. Which it is to be shows only at the reader of the codes, so until then they are
`LinearCodes`.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...dtypes import F32, I8, U8, DType
from ...graph import Tensor
from ...ops.add import Add
from ...ops.clamp import Clamp
from ...ops.common.quantization import quantization_multiplier
from ...ops.convert import Convert
from ...ops.dequantize import Dequantize
from ...ops.divide import Divide
from ...ops.fake_quantize import FakeQuantize
from ...ops.multiply import Multiply
from ...ops.round import Round
from ...ops.subtract import Subtract
from ...ops.transpose import Transpose
from .errors import OnnxError
from .onnx_node import OnnxNode

LOW, HIGH = "numpot.low", "numpot.high"  # metadata: the bounds that a scale and zero point come from


class Grid(NamedTuple):
    """Codes of real numbers: real = (code - zero_point) * scale, per tensor, (), or along one axis, (C,)."""

    scale: np.ndarray  # float32
    zero_point: np.ndarray  # of the codes' type
    axis: int | None

    @property
    def dtype(self) -> DType:
        return self.zero_point.dtype

    def along(self, values: np.ndarray, rank: int) -> np.ndarray:
        """Values of (C,) in the shape in which they broadcast onto a tensor of that rank."""
        return (
            values
            if self.axis is None
            else values.reshape([-1 if axis == self.axis else 1 for axis in range(rank)])
        )

    def is_same(self, other: "Grid") -> bool:
        return (
            self.dtype == other.dtype
            and self.axis == other.axis
            and all(np.array_equal(a, b) for a, b in zip(self[:2], other[:2], strict=True))
        )


def grid_of_bounds(low: np.ndarray, high: np.ndarray, rank: int) -> Grid | None:
    """The grid of 256 u8 codes from low to high, float32, for a tensor of that rank; real zero becomes the
    nearest code.

    None for a range without zero or width, or with a pattern that is neither per tensor nor along one axis.
    """
    low, high = np.broadcast_arrays(low, high)
    axes = [axis + rank - low.ndim for axis, d in enumerate(low.shape) if d != 1]
    if len(axes) > 1 or not ((low <= 0) & (high >= 0) & (low < high)).all():
        return None
    shape = (-1,) if axes else ()
    scale = ((high - low) / np.float32(255)).astype(np.float32)
    _, shift = quantization_multiplier(low, high, 256)
    zero_point = np.floor(shift + np.float32(0.5)).astype(np.uint8)
    return Grid(scale.reshape(shape), zero_point.reshape(shape), axes[0] if axes else None)


def read_grid(
    node: OnnxNode, scale: int, zero_point: int, rank: int, axis: int | None, dtype: DType = U8
) -> Grid:
    """The grid that two inputs of a node describe. axis: of a scale with several values; dtype: of codes
    without a zero point.
    """
    factor = node.known(scale)
    zero = node.known(zero_point) if node.has(zero_point) else np.zeros(factor.shape, dtype)
    if factor.ndim > 1 or zero.shape != factor.shape and zero.size != 1:
        raise OnnxError(
            "scale and zero point must be numbers or vectors of one length, found shapes "
            f"{list(factor.shape)} and {list(zero.shape)}"
        )
    if not (np.isfinite(factor) & (factor > 0)).all():
        raise OnnxError(f"a scale must be finite and above 0, found {factor.min()}")
    factor = factor.astype(F32)
    if factor.size == 1:
        return Grid(factor.reshape(()), zero.reshape(()), None)
    if axis is None or not -rank <= axis < rank:
        raise OnnxError(
            f"a scale of {factor.size} values needs an axis of the tensor of rank {rank}, found {axis}"
        )
    return Grid(factor, np.broadcast_to(zero.reshape(-1), factor.shape), axis % rank)


# ---- activations -------------------------------------------------------------------------------------------


@dataclass
class LinearCodes:
    """The codes of x, float32, which a node of the file makes."""

    node: OnnxNode
    x: Tensor
    grid: Grid
    quantized: Tensor | None = None  # x rounded to what the codes stand for

    def real(self) -> Tensor | None:
        """A FakeQuantize from the first code to the last; of constants the way from stored integers."""
        if self.quantized is None and self.x.dtype == F32 and self.grid.dtype in (U8, I8):
            if self.x.constant is not None:
                self.quantized = add_weights(
                    self.node, self._array(self.x.constant), self.grid, self.node.name
                )
            else:
                ends = [
                    self.node.constant(bound, name, F32)
                    for bound, name in zip(self._bounds(), ("low", "high"), strict=True)
                ]
                self.quantized = self.node.add(FakeQuantize(levels=256), self.x, *ends, *ends)
        return self.quantized

    def moved(self, real: Tensor) -> "LinearCodes":
        return LinearCodes(self.node, real, self.grid, quantized=real)

    def integers(self) -> Tensor:
        """round(x / scale) + zero_point, kept within the type: in float32, and in the order ONNX defines."""
        node, rank, limits = self.node, len(self.x.shape), np.iinfo(self.grid.dtype)
        x = self.x if self.x.dtype == F32 else node.add(Convert(destination_type=F32), self.x, suffix="f32")
        scale, zero = (
            node.constant(self.grid.along(v, rank), name, F32)
            for v, name in zip(self.grid[:2], ("scale", "zero_point"), strict=True)
        )
        steps = node.add(Round(), node.add(Divide(), x, scale, suffix="scaled"), suffix="steps")
        clipped = node.add(
            Clamp(min=limits.min, max=limits.max),
            node.add(Add(), steps, zero, suffix="shifted"),
            suffix="clipped",
        )
        return node.add(Convert(destination_type=self.grid.dtype), clipped, suffix="integers")

    def _array(self, x: np.ndarray) -> np.ndarray:
        """The same of an array."""
        limits, scale, zero = np.iinfo(self.grid.dtype), *(self.grid.along(v, x.ndim) for v in self.grid[:2])
        return np.clip(np.rint(x / scale) + zero.astype(F32), limits.min, limits.max).astype(self.grid.dtype)

    def _bounds(self) -> list[np.ndarray]:
        """The values of the first and the last code; exactly those that were written, if this file comes from
        numpot.
        """
        rank, limits = len(self.x.shape), np.iinfo(self.grid.dtype)
        noted = self._noted_bounds()
        if noted is None:
            noted = [
                (limit - self.grid.zero_point.astype(F32)) * self.grid.scale
                for limit in (limits.min, limits.max)
            ]
        return [self.grid.along(bound, rank) for bound in noted]

    def _noted_bounds(self) -> list[np.ndarray] | None:
        """Bounds in the metadata of the node; None if there are none, or none that give its scale and zero
        point.
        """
        noted = {p.key: p.value for p in self.node.proto.metadata_props}
        if LOW not in noted or HIGH not in noted:
            return None
        try:
            low, high = (
                np.array(noted[key].split(), F32).reshape(self.grid.scale.shape) for key in (LOW, HIGH)
            )
        except ValueError:
            return None
        grid = grid_of_bounds(low, high, low.ndim)
        same = grid is not None and grid._replace(axis=self.grid.axis).is_same(self.grid)
        return [low, high] if same else None


def dequantized(node: OnnxNode, i: int, grid: Grid, name: str = "") -> Tensor:
    """The real numbers that input i, codes on a grid, stands for. name: of the layer that makes them, if one
    is needed.
    """
    codes = node.scope.codes.get(node.proto.input[i])
    if isinstance(codes, LinearCodes) and codes.grid.is_same(grid):
        real = codes.real()
        if real is not None:
            return real
    array = node.array(i)
    if array is not None:
        return add_weights(node, array, grid, name or node.proto.input[i], node.proto.input[i])
    x = node.input(i)
    parameters = [
        node.constant(grid.along(v, len(x.shape)), n, v.dtype)
        for v, n in zip(grid[:2], ("scale", "zero_point"), strict=True)
    ]
    return node.add(Dequantize(), x, *parameters, suffix="" if name else "real")


# ---- constants ---------------------------------------------------------------------------------------------


def add_weights(node: OnnxNode, codes: np.ndarray, grid: Grid, name: str, codes_name: str = "") -> Tensor:
    """Constant codes as numbers: s8 -> Convert -> [Subtract] -> Multiply, under `name`; of 32 bits (a bias) a
    float Constant.

    A matrix with a scale for each column is stored transposed, with a Transpose behind it: layers here have a
    scale for each row.
    """
    graph = node.scope.graph

    def unused(base: str) -> str:  # but for the node's own name, which waits for it
        return base if base == node.name else node.scope.unused_name(base)

    scale, zero = (grid.along(v, codes.ndim) for v in grid[:2])
    centered = codes.astype(np.int64) - zero.astype(np.int64)
    if codes.dtype not in (I8, U8):
        return graph.constant(centered.astype(F32) * scale, unused(name))
    if codes.ndim == 2 and grid.axis == 1:
        rows = add_weights(node, codes.T, grid._replace(axis=0), f"{name}/rows", codes_name)
        return graph.add(Transpose(), [rows, node.constant((1, 0), "order")], unused(name)).output
    fits = centered.min(initial=0) >= -128 and centered.max(initial=0) <= 127
    stored = graph.constant(
        centered.astype(I8) if fits else np.array(codes), unused(codes_name or f"{name}/codes")
    )
    values = graph.add(Convert(destination_type=F32), [stored], unused(f"{name}/convert")).output
    if not fits:
        shift = graph.constant(zero.astype(F32), unused(f"{name}/zero_point"))
        values = graph.add(Subtract(), [values, shift], unused(f"{name}/subtract")).output
    factor = graph.constant(scale, unused(f"{name}/scale"))
    return graph.add(Multiply(), [values, factor], unused(name)).output
