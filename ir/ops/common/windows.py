"""What convolutions and pools share: a window that slides over the spatial dimensions of a (N, C, *spatial)
tensor.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .operator import Ints, OperatorError, Shape

Rounding = Literal["floor", "ceil", "ceil_torch"]
MAX_PAD = 2**12  # more than any network pads; keeps a damaged file out of the allocator


@dataclass(frozen=True)
class Window:
    """Where the window stands for every output position, for any number of spatial dimensions.

    Output position o sees the input at o*stride - pad_begin + k*dilation, for k = 0 .. kernel-1. A last
    position that reaches past the padding is dropped (`floor`) or kept (`ceil`, `ceil_torch`); one that
    starts past the input is dropped too (`ceil_torch`) or an error (`ceil`: vendors return whatever they find
    there).
    """

    kernel: Ints
    strides: Ints
    pads_begin: Ints
    pads_end: Ints
    dilations: Ints
    rounding: Rounding = "floor"

    def __post_init__(self) -> None:
        for name, least in {
            "kernel": 1,
            "strides": 1,
            "pads_begin": 0,
            "pads_end": 0,
            "dilations": 1,
        }.items():
            values = getattr(self, name)
            if len(values) != len(self.kernel) or min(values, default=least) < least:
                raise OperatorError(
                    f"{name} must be {len(self.kernel)} integers of at least {least}, found {list(values)}"
                )
        if max(self.pads_begin + self.pads_end, default=0) > MAX_PAD:
            raise OperatorError(
                f"pads_begin {list(self.pads_begin)}, pads_end {list(self.pads_end)}: at most {MAX_PAD} "
                "is supported"
            )

    @property
    def reach(self) -> Ints:
        """How many input positions one window spans in each dimension."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True))

    def output_size(self, size: Ints) -> Ints:
        """Number of output positions in each spatial dimension."""
        if len(size) != len(self.kernel):
            raise OperatorError(f"a kernel of {len(self.kernel)} dimensions cannot slide over {len(size)}")
        return tuple(self._positions(i, s) for i, s in enumerate(size))

    def taps(self, x: np.ndarray, fill: float) -> np.ndarray:
        """(N, C, *spatial) -> (N, C, *kernel, *output), a view of the padded input: for each tap, what every
        output position sees.

        fill: what stands in the padding, and past it where rounding lets the last window reach out.
        """
        size, output = x.shape[2:], self.output_size(x.shape[2:])
        canvas = [(o - 1) * s + r for o, s, r in zip(output, self.strides, self.reach, strict=True)]
        after = [max(0, c - s - p) for c, s, p in zip(canvas, size, self.pads_begin, strict=True)]
        padded = np.pad(x, [(0, 0), (0, 0), *zip(self.pads_begin, after, strict=True)], constant_values=fill)
        spatial = spatial_axes(x)
        windows = np.lib.stride_tricks.sliding_window_view(padded, self.reach, axis=spatial)
        steps = [slice(None, (o - 1) * s + 1, s) for o, s in zip(output, self.strides, strict=True)]
        windows = windows[:, :, *steps, *(slice(None, None, d) for d in self.dilations)]
        return windows.transpose(0, 1, *(axis + len(size) for axis in spatial), *spatial)

    def canvas_size(self, x: Shape) -> int:
        """Elements of an (N, C, *spatial) input with its padding, and what rounding adds to it."""
        reached = (
            (o - 1) * s + r for o, s, r in zip(self.output_size(x[2:]), self.strides, self.reach, strict=True)
        )
        padded = (begin + size for begin, size in zip(self.pads_begin, x[2:], strict=True))
        return math.prod(x[:2]) * math.prod(map(max, reached, padded))

    def taps_size(self, x: Shape) -> int:
        """Elements of `taps` of an (N, C, *spatial) input."""
        return math.prod(x[:2]) * math.prod(self.kernel) * math.prod(self.output_size(x[2:]))

    def _positions(self, i: int, size: int) -> int:
        padded, stride = size + self.pads_begin[i] + self.pads_end[i], self.strides[i]
        room = padded - self.reach[i]
        if size == 0 or room < 0:
            raise OperatorError(
                f"a window of {self.reach[i]} does not fit in {size} (spatial dimension {i}; {padded} "
                "with its padding)"
            )
        if self.rounding == "floor":
            return room // stride + 1
        last = -(-room // stride)
        if last * stride < size + self.pads_begin[i]:
            return last + 1
        if self.rounding == "ceil":
            raise OperatorError(
                f"the last window sees no input (spatial dimension {i}); use rounding 'floor' or 'ceil_torch'"
            )
        return last


def spatial_axes(x: np.ndarray) -> Ints:
    """The axes of the spatial dimensions of a (N, C, *spatial) array; in `Window.taps` of it, the axes of the
    kernel.
    """
    return tuple(range(2, x.ndim))


def spatial_shape(x: Shape) -> Shape:
    """The spatial part of a (N, C, *spatial) shape; OperatorError unless it has 1 to 3 dimensions."""
    if not 3 <= len(x) <= 5:
        raise OperatorError(f"input must be (N, C, *spatial) with 1 to 3 spatial dimensions, found {list(x)}")
    return x[2:]


def pool_shape(x: Shape, window: Window) -> Shape:
    """(N,C,*spatial) -> (N,C,*output). OperatorError when the padding is so wide that a window might see
    nothing else.
    """
    if any(
        p >= r
        for pads in (window.pads_begin, window.pads_end)
        for p, r in zip(pads, window.reach, strict=True)
    ):
        pads = f"pads_begin {list(window.pads_begin)}, pads_end {list(window.pads_end)}"
        raise OperatorError(f"{pads} must be smaller than the window {list(window.reach)}")
    return x[:2] + window.output_size(spatial_shape(x))
