"""StridedSlice: x[begin:end:strides], with masks for what NumPy writes as `:`, None, a plain index and `...`
(OpenVINO StridedSlice-1).
"""

from types import EllipsisType

import numpy as np

from .common.axes import blank, integers
from .common.operator import Ints, Operator, OperatorError, Shape, operator

Index = slice | int | EllipsisType | None


@operator("StridedSlice")
class StridedSlice(Operator):
    # each mask has a 0 or 1 for each entry of `begin`, 0 where it is too short. Here: 1 ignores begin[i]
    begin_mask: Ints = ()
    end_mask: Ints = ()  # 1 ignores end[i]
    new_axis_mask: Ints = ()  # 1 inserts an axis of length 1
    shrink_axis_mask: Ints = ()  # 1 takes the element at begin[i] and drops the axis
    ellipsis_mask: Ints = ()  # 1 stands for all axes that have no entry

    value_ports = (1, 2, 3)
    computes_on_codes = True

    def infer_shape(
        self, x: Shape, begin: np.ndarray, end: np.ndarray, strides: np.ndarray | None = None
    ) -> Shape:
        return self.evaluate(blank(x), begin, end, strides).shape

    def evaluate(
        self, x: np.ndarray, begin: np.ndarray, end: np.ndarray, strides: np.ndarray | None = None
    ) -> np.ndarray:
        starts, stops = integers(begin, "begin"), integers(end, "end")
        steps = (1,) * len(starts) if strides is None else integers(strides, "strides")
        if not len(starts) == len(stops) == len(steps):
            raise OperatorError(
                f"begin, end and strides must have one length, found {len(starts)}, {len(stops)} and "
                f"{len(steps)}"
            )
        return x[tuple(self.entry(*entry) for entry in enumerate(zip(starts, stops, steps, strict=True)))]

    def entry(self, i: int, bounds: Ints) -> Index:
        """Entry i as NumPy writes it between brackets."""
        start, stop, step = bounds
        if marked(self.ellipsis_mask, i):
            return ...
        if marked(self.new_axis_mask, i):
            return None
        if marked(self.shrink_axis_mask, i):
            return 0 if marked(self.begin_mask, i) else start
        return slice(
            None if marked(self.begin_mask, i) else start, None if marked(self.end_mask, i) else stop, step
        )


def marked(mask: Ints, i: int) -> bool:
    return i < len(mask) and mask[i] == 1
