"""Pad: a border around a tensor (OpenVINO Pad-1)."""

from typing import Literal

import numpy as np

from .common.axes import integers
from .common.operator import Operator, OperatorError, Shape, operator


@operator("Pad")
class Pad(Operator):
    pad_mode: Literal["constant", "edge", "reflect", "symmetric"] = "constant"

    value_ports = (1, 2)
    keeps_to_a_sample = True

    def passes_codes(self) -> bool:
        return self.pad_mode != "constant"  # a constant is a real number, and no code

    def infer_shape(
        self, x: Shape, pads_begin: np.ndarray, pads_end: np.ndarray, pad_value: Shape = ()
    ) -> Shape:
        widths = pad_widths(pads_begin, pads_end, len(x))
        if pad_value:
            raise OperatorError(f"pad_value must be a scalar, found shape {list(pad_value)}")
        for dim, width in zip(x, widths, strict=True):
            if max(width) > self.widest(dim):
                raise OperatorError(
                    f"{self.pad_mode} can pad {dim} by {self.widest(dim)} at most, found {max(width)}"
                )
        return tuple(begin + dim + end for dim, (begin, end) in zip(x, widths, strict=True))

    def widest(self, dim: int) -> float:
        """The widest border the mode can make: reflect and symmetric use each element once, edge
        needs one.
        """
        if self.pad_mode == "constant" or (self.pad_mode == "edge" and dim):
            return float("inf")
        return max(dim - 1, 0) if self.pad_mode == "reflect" else dim

    def evaluate(
        self, x: np.ndarray, pads_begin: np.ndarray, pads_end: np.ndarray, pad_value: np.ndarray | None = None
    ) -> np.ndarray:
        widths = pad_widths(pads_begin, pads_end, x.ndim)
        if self.pad_mode == "constant":
            return np.pad(x, widths, constant_values=0 if pad_value is None else pad_value)
        return np.pad(x, widths, mode=self.pad_mode)


def pad_widths(pads_begin: np.ndarray, pads_end: np.ndarray, rank: int) -> list[tuple[int, int]]:
    """(begin, end) for each axis."""
    begin, end = integers(pads_begin, "pads_begin"), integers(pads_end, "pads_end")
    if len(begin) != rank or len(end) != rank or min(begin + end, default=0) < 0:
        raise OperatorError(
            f"pads must be {rank} numbers >= 0 for a tensor of rank {rank}, found {list(begin)} and "
            f"{list(end)}"
        )
    return list(zip(begin, end, strict=True))
