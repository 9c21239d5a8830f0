"""A step: one kernel call of a program, as a row of plain numbers, so that compiled code can walk from step
to step.

    row   kernel            x   other   out   constants
    0     QUANTIZE_NCHW     0    -       1    input output epilogue
    1     CONVOLUTION_UU    1    -       2    input output strips output_layout weights epilogue
    2     CONVOLUTION_UUR   2    1       3    input output strips output_layout weights epilogue residual
    3     MAX_POOL_U        3    -       4    input output window

Arrays of constants are addresses and sizes in it; whoever holds a row must keep them alive. Tensors are
numbers of a table of addresses, which exists only while the program runs, because it depends on the batch.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from ..codegen.pointers import address_of
from ..layers.convolution import Dense
from ..layers.depthwise import Depthwise, PackedDepthwise
from ..layers.elementwise import Affine
from ..layers.resize import Taps
from ..layout.output_layout import OutputLayout
from ..layout.strips import Strips
from ..layout.weight_packing import PackedWeights
from ..layout.window import Window
from ..reference import Array
from ..tiles.amx_tile import Grid
from ..tiles.epilogue import Epilogue, FloatEpilogue, FloatResidual, Residual
from .records import GIVEN, Layout, Table


class Shape(NamedTuple):
    """An image of a tensor, channels last."""

    height: int
    width: int
    channels: int


# ---- what a step consists of -------------------------------------------------------------------------------

S64, S32, U8, F32 = np.int64, np.int32, np.uint8, np.float32
_OF_BLOCKS = "groups", "blocks"
_OF_CHANNELS = Table(F32, "channels")

SHAPE = Layout(Shape)
STRIPS = Layout(Strips, rows=Table(S64, "positions"), offsets=Table(S64, "words"))
OUTPUT_LAYOUT = Layout(OutputLayout, places=Table(S64, "positions"))
GRID = Layout(Grid, places=Table(S64, "positions"), begins=Table(S64, "tiles"))
WEIGHTS = Layout(
    PackedWeights,
    values=Table(None, "groups", "size"),  # s8 or f32
    order=Table(S64, *_OF_BLOCKS, "words"),
    safe=Table(S64, *_OF_BLOCKS),
    coupled=Table(S64, *_OF_BLOCKS),
    limits=Table(U8, *_OF_BLOCKS, "words"),
    sums=Table(S32, "groups", "lanes"),
)
DENSE = Layout(Dense, strips=STRIPS, weights=WEIGHTS, output_layout=OUTPUT_LAYOUT, grid=GRID)
DEPTHWISE = Layout(
    Depthwise,
    strips=STRIPS,
    weights=Layout(PackedDepthwise, at="depthwise", values=Table(None, "size"), sums=Table(S32, "channels")),
    initial=Table(S32, "channels"),
    pixel=Table(U8, "pixel_bytes"),
    offsets=Table(S64, "taps"),
    output_layout=OUTPUT_LAYOUT,
)
EPILOGUE = Layout(
    Epilogue,
    scale=_OF_CHANNELS,
    bias=_OF_CHANNELS,
    multiplier=_OF_CHANNELS,
    factor=_OF_CHANNELS,
    shift=_OF_CHANNELS,
)
RESIDUAL = Layout(Residual, x=GIVEN, multiplier=_OF_CHANNELS, factor=_OF_CHANNELS, shift=_OF_CHANNELS)
AFFINE = Layout(Affine, multiplier=_OF_CHANNELS, shift=_OF_CHANNELS)
WINDOW = Layout(Window)
TAPS = Layout(Taps, indices=Table(S64, "output", "taps"), weights=Table(F32, "output", "taps"))

#: The parts of a step that are records of their own, by their names in it, besides those of the layers.
PARTS: Final = {
    "input": SHAPE,
    "output": SHAPE,
    "output_layout": OUTPUT_LAYOUT,
    "strips": STRIPS,
    "epilogue": EPILOGUE,
    "residual": RESIDUAL,
    "window": WINDOW,
    "rows": TAPS,
    "columns": TAPS,
    "affine": AFFINE,
}
_NUMBERS: Final = ("kernel", "x", "other", "out", "tally", "flag")
STEP = np.dtype(
    list(
        {
            **dict.fromkeys(_NUMBERS, S64),
            **DENSE.stored,
            **DEPTHWISE.stored,
            **{name: part.dtype for name, part in PARTS.items()},
        }.items()
    ),
    align=True,
)

read_dense = DENSE.reader("read_dense", without=("grid",))
read_dense_for_amx = DENSE.reader("read_dense_for_amx")
read_depthwise = DEPTHWISE.reader("read_depthwise")
read_epilogue = EPILOGUE.reader("read_epilogue")
read_float_epilogue = EPILOGUE.reader("read_float_epilogue", FloatEpilogue)
read_residual = RESIDUAL.reader("read_residual")
read_float_residual = RESIDUAL.reader("read_float_residual", FloatResidual)
read_affine = AFFINE.reader("read_affine")
read_window = WINDOW.reader("read_window")
read_taps = TAPS.reader("read_taps")


# ---- writing it --------------------------------------------------------------------------------------------


class Row:
    """A step being written, and the arrays its addresses belong to. All that is written goes through here."""

    def __init__(self, kernel: int, **numbers: int) -> None:
        self._record = np.zeros((), STEP)
        self.constants: dict[str, Array] = {}  # "strips.rows" and so on
        self.set(kernel=kernel, tally=-1, **numbers)

    @property
    def record(self) -> Array:
        """() STEP, to read only."""
        record = self._record.view()
        record.flags.writeable = False
        return record

    def keep(self, name: str, values: Array) -> int:
        """Hold an array of constants for as long as the row; return its address."""
        self.constants[name] = values
        return address_of(values)

    def set(self, **numbers: int) -> None:
        """Write the kernel, the numbers of tensors (x, other, out), or another number of the step."""
        for name, number in numbers.items():
            self._record[name] = number

    def write(self, name: str, values: Any) -> None:
        """Write a NamedTuple, or a dict with some of its fields, as the part of that name (PARTS)."""
        PARTS[name].write(self._record[name], values, self.keep, f"{name}.")

    def shapes(self, input: tuple[int, int, int], output: tuple[int, int, int]) -> None:
        """Write (H,W,C) of an image of x, and of out."""
        self.write("input", Shape(*input))
        self.write("output", Shape(*output))

    def layer(self, layer: Dense | Depthwise) -> None:
        """Write a layer: its weights, and how its images are cut."""
        (DENSE if isinstance(layer, Dense) else DEPTHWISE).write(self._record, layer, self.keep)
