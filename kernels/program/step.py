"""A step: one kernel call of a program, as a row of plain numbers, so that compiled code can walk from step
to step.

    row   kernel            x   other   out   constants
    0     QUANTIZE_TURNED   0    -       1    input output epilogue
    1     CONVOLUTION_UU    1    -       2    input output strips lattice weights epilogue
    2     CONVOLUTION_UUR   2    1       3    input output strips lattice weights epilogue residual
    3     MAX_POOL_U        3    -       4    input output window

Arrays of constants are addresses and sizes in it; whoever holds a row must keep them alive. Tensors are
numbers of a table of addresses, which exists only while the program runs, because it depends on the batch.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, types

from ..codegen.jit import kernel
from ..codegen.vectors import instructions
from ..layers.convolution import Dense
from ..layers.depthwise import Depthwise, PackedDepthwise
from ..layers.elementwise import Affine
from ..layers.resize import Taps
from ..layout.output_layout import Lattice
from ..layout.strips import Strips
from ..layout.weight_packing import PackedWeights
from ..layout.window import Window
from ..reference import Array
from ..tiles.amx_tile import Grid
from ..tiles.epilogue import Epilogue, FloatEpilogue, FloatResidual, Residual


def _numbers(names: str, kind: type = np.int64) -> list[tuple[str, type]]:
    return [(name, kind) for name in names.split()]


STRIPS = np.dtype(
    _numbers("lines pixel pitch step reach top left spare skip skip_ rows positions offsets words")
)
LATTICE = np.dtype(_numbers("first line image places positions"))
GRID = np.dtype(_numbers("step width places positions begins tiles tiles_of_line"))
WEIGHTS = np.dtype(
    _numbers(
        "values order safe coupled limits sums groups blocks words lanes columns depth products word "
        "runs block"
    )
)
CHANNELS = np.dtype(
    _numbers("values size words sums initial pixel offsets kernel_height kernel_width together")
)
EPILOGUE = np.dtype(
    _numbers("scale bias multiplier factor shift") + _numbers("low high offset", np.float32), align=True
)
RESIDUAL = np.dtype(
    _numbers("multiplier factor shift") + _numbers("zero low high least most", np.float32), align=True
)
AFFINE = np.dtype(_numbers("multiplier shift"))
WINDOW = np.dtype(
    _numbers("kernel strides dilations pads_begin pads_end kernel_ strides_ dilations_ pads_begin_ pads_end_")
)
TAPS = np.dtype(_numbers("indices weights output taps"))
SHAPE = np.dtype(_numbers("height width channels"))

STEP = np.dtype(
    [
        *_numbers("kernel x other out tally flag zero_point saturating in_place"),
        ("input", SHAPE),
        ("output", SHAPE),
        ("strips", STRIPS),
        ("lattice", LATTICE),
        ("grid", GRID),
        ("weights", WEIGHTS),
        ("depthwise", CHANNELS),
        ("epilogue", EPILOGUE),
        ("residual", RESIDUAL),
        ("window", WINDOW),
        ("rows", TAPS),
        ("columns", TAPS),
        ("affine", AFFINE),
    ],
    align=True,
)


def address_of(array: Array) -> int:
    """`array.ctypes.data`, which takes longer."""
    address: int = array.__array_interface__["data"][0]
    return address


# ---- writing a row -----------------------------------------------------------------------------------------


class Row:
    """A step being written, and the arrays its addresses belong to."""

    def __init__(self, kernel: int, **numbers: int) -> None:
        self.record = np.zeros((), STEP)
        self.record["kernel"] = kernel
        self.record["tally"] = -1
        self.constants: dict[str, Array] = {}  # "strips.rows" and so on
        for name, number in numbers.items():
            self.record[name] = number

    def write(self, name: str, values: Any, **more: int) -> None:
        """A NamedTuple, or a dict, into the nested record of that name: its arrays as addresses, the rest as
        numbers.
        """
        part = self.record[name]
        for field, value in {**(values if isinstance(values, dict) else values._asdict()), **more}.items():
            if isinstance(value, np.ndarray):
                assert value.flags.c_contiguous
                self.constants[f"{name}.{field}"] = value
                part[field] = address_of(value)
            elif field in (part.dtype.names or ()):
                part[field] = value

    def shapes(self, input: tuple[int, int, int], output: tuple[int, int, int]) -> None:
        """(H,W,C) of an image of x, and of out."""
        self.record["input"], self.record["output"] = input, output

    def window(self, window: Window) -> None:
        self.record["window"] = tuple(pair[0] for pair in window) + tuple(pair[1] for pair in window)


def _write_strips(row: Row, s: Strips) -> None:
    fields = s._asdict() | {"skip": s.skip[0], "skip_": s.skip[1]}
    row.write("strips", fields, positions=len(s.rows), words=len(s.offsets))


def write_dense(row: Row, layer: Dense) -> None:
    w = layer.weights
    row.write("lattice", layer.lattice, positions=len(layer.lattice.places))
    row.record["zero_point"], row.record["saturating"], row.record["in_place"] = (
        layer.zero_point,
        layer.saturating,
        layer.in_place,
    )
    _write_strips(row, layer.strips)
    groups, blocks, words = w.order.shape
    if layer.grid is not None:
        row.write("grid", layer.grid, positions=len(layer.grid.places), tiles=len(layer.grid.begins))
    row.write("weights", w, groups=groups, blocks=blocks, words=words, lanes=w.sums.shape[1])


def write_depthwise(row: Row, layer: Depthwise) -> None:
    w = layer.weights
    _write_strips(row, layer.strips)
    row.write("lattice", layer.lattice, positions=len(layer.lattice.places))
    arrays = {
        "values": w.values,
        "sums": w.sums,
        "initial": layer.initial,
        "pixel": layer.pixel,
        "offsets": layer.offsets,
    }
    row.write(
        "depthwise",
        arrays,
        size=w.values.size,
        words=w.words,
        kernel_height=w.kernel[0],
        kernel_width=w.kernel[1],
        together=w.together,
    )


def write_resize(row: Row, rows: Taps, columns: Taps) -> None:
    for name, taps in (("rows", rows), ("columns", columns)):
        row.write(name, taps, output=len(taps.weights), taps=taps.weights.shape[1])


# ---- reading it in compiled code ---------------------------------------------------------------------------


@instructions
def _pointer(_: Any, address: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.int64), generate


@kernel
def array(address: int, shape: Any, dtype: Any) -> Array:
    """The array at an address: for compiled code, which keeps nothing alive."""
    return carray(_pointer(address), shape, dtype)


@kernel
def read_strips(s: Any) -> Strips:
    rows, offsets = array(s.rows, (s.positions,), np.int64), array(s.offsets, (s.words,), np.int64)
    return Strips(
        s.lines, s.pixel, s.pitch, s.step, s.reach, s.top, s.left, s.spare, (s.skip, s.skip_), rows, offsets
    )


@kernel
def read_lattice(g: Any) -> Lattice:
    return Lattice(g.first, g.line, g.image, array(g.places, (g.positions,), np.int64))


@kernel
def read_dense(step: Any, dtype: Any) -> Dense:
    w = step.weights
    values = array(w.values, (w.groups, w.products * w.lanes), dtype)
    order, limits = (
        array(w.order, (w.groups, w.blocks, w.words), np.int64),
        array(w.limits, (w.groups, w.blocks, w.words), np.uint8),
    )
    safe, coupled = (
        array(w.safe, (w.groups, w.blocks), np.int64),
        array(w.coupled, (w.groups, w.blocks), np.int64),
    )
    sums = array(w.sums, (w.groups, w.lanes), np.int32)
    weights = PackedWeights(
        values, order, safe, coupled, limits, sums, w.columns, w.depth, w.products, w.word, w.runs, w.block
    )
    lattice = read_lattice(step.lattice)
    return Dense(
        read_strips(step.strips),
        weights,
        step.zero_point,
        step.in_place != 0,
        step.saturating != 0,
        lattice,
        None,
    )


@kernel
def read_matrix(step: Any) -> Dense:
    """A Dense for the matrix unit."""
    d, g = read_dense(step, np.int8), step.grid
    places, begins = array(g.places, (g.positions,), np.int64), array(g.begins, (g.tiles,), np.int64)
    grid = Grid(g.step, g.width, places, begins, g.tiles_of_line)
    return Dense(d.strips, d.weights, d.zero_point, d.in_place, d.saturating, d.lattice, grid)


@kernel
def read_depthwise(step: Any, dtype: Any) -> Depthwise:
    w, channels = step.depthwise, step.output.channels
    sums, initial = array(w.sums, (channels,), np.int32), array(w.initial, (channels,), np.int32)
    weights = PackedDepthwise(
        array(w.values, (w.size,), dtype), w.words, sums, (w.kernel_height, w.kernel_width), w.together
    )
    pixel, offsets = (
        array(w.pixel, (step.strips.pixel,), np.uint8),
        array(w.offsets, (w.words * 4,), np.int64),
    )
    return Depthwise(read_strips(step.strips), weights, initial, pixel, offsets, read_lattice(step.lattice))


@kernel
def read_epilogue(step: Any) -> Epilogue:
    e, size = step.epilogue, (step.output.channels,)
    scale, bias = array(e.scale, size, np.float32), array(e.bias, size, np.float32)
    multiplier, factor = array(e.multiplier, size, np.float32), array(e.factor, size, np.float32)
    return Epilogue(
        scale, bias, e.low, e.high, multiplier, factor, array(e.shift, size, np.float32), e.offset
    )


@kernel
def read_float_epilogue(step: Any) -> FloatEpilogue:
    return FloatEpilogue(
        array(step.epilogue.bias, (step.output.channels,), np.float32), step.epilogue.low, step.epilogue.high
    )


@kernel
def read_residual(step: Any, x: Array) -> Residual:
    r, size = step.residual, (step.output.channels,)
    multiplier, factor, shift = (
        array(r.multiplier, size, np.float32),
        array(r.factor, size, np.float32),
        array(r.shift, size, np.float32),
    )
    return Residual(x, r.zero, multiplier, factor, shift, r.low, r.high, r.least, r.most)


@kernel
def read_float_residual(step: Any, x: Array) -> FloatResidual:
    return FloatResidual(x, step.residual.least, step.residual.most)


@kernel
def read_affine(affine: Any, channels: int) -> Affine:
    return Affine(
        array(affine.multiplier, (channels,), np.float32), array(affine.shift, (channels,), np.float32)
    )


@kernel
def read_window(w: Any) -> Window:
    begin, end = (w.pads_begin, w.pads_begin_), (w.pads_end, w.pads_end_)
    return Window((w.kernel, w.kernel_), (w.strides, w.strides_), (w.dilations, w.dilations_), begin, end)


@kernel
def read_taps(t: Any) -> Taps:
    return Taps(
        array(t.indices, (t.output, t.taps), np.int64), array(t.weights, (t.output, t.taps), np.float32)
    )
