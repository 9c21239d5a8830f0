"""Slice: start, stop and step along some axes, as in x[1:9:2] (OpenVINO Slice-8)."""

import numpy as np

from .common.axes import blank, integers, normalize_axes, normalize_axis
from .common.operator import Operator, OperatorError, Shape, operator


@operator("Slice")
class Slice(Operator):
    value_ports = (1, 2, 3, 4)
    computes_on_codes = True

    def infer_shape(
        self, x: Shape, start: np.ndarray, stop: np.ndarray, step: np.ndarray, axes: np.ndarray | None = None
    ) -> Shape:
        return self.evaluate(blank(x), start, stop, step, axes).shape

    def evaluate(
        self,
        x: np.ndarray,
        start: np.ndarray,
        stop: np.ndarray,
        step: np.ndarray,
        axes: np.ndarray | None = None,
    ) -> np.ndarray:
        bounds = [integers(start, "start"), integers(stop, "stop"), integers(step, "step")]
        along = tuple(range(len(bounds[0]))) if axes is None else integers(axes, "axes")
        normalize_axes(along, x.ndim)
        if any(len(b) != len(along) for b in bounds):
            found = [list(b) for b in bounds]
            raise OperatorError(
                f"start, stop and step must have one value for each of the {len(along)} axes, found {found}"
            )
        if 0 in bounds[2]:
            raise OperatorError(f"step must not be zero, found {list(bounds[2])}")
        index = [slice(None)] * x.ndim
        for axis, *bound in zip(along, *bounds, strict=True):
            index[normalize_axis(axis, x.ndim)] = slice(*bound)
        return x[tuple(index)]
