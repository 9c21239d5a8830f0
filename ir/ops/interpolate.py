"""Interpolate: resize along some axes, one axis after the other (OpenVINO Interpolate-11 without
antialiasing; ONNX Resize).

Each output position o has a coordinate c in the input; `mode` says how the elements around c make the output.
All in float32, in the vendors' order of operations: the last bit of c decides what `nearest` picks.
"""

import functools
import math
from typing import Literal, NamedTuple

import numpy as np

from ..dtypes import FLOATS, NUMBERS, DType
from .common.axes import integers, normalize_axes, normalize_axis
from .common.operator import Operator, OperatorError, Shape, operator


class Resize(NamedTuple):
    """What happens to one axis."""

    axis: int
    size: int
    output: int
    scale: np.float32


@operator("Interpolate")
class Interpolate(Operator):
    mode: Literal["nearest", "linear", "linear_onnx", "cubic"]
    shape_calculation_mode: Literal["sizes", "scales"]
    coordinate_transformation_mode: Literal[
        "half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners", "tf_half_pixel_for_nn"
    ] = "half_pixel"
    nearest_mode: Literal["round_prefer_floor", "round_prefer_ceil", "floor", "ceil", "simple"] = (
        "round_prefer_floor"
    )
    cube_coeff: float = -0.75

    accepts = NUMBERS
    value_ports = (1, 2)
    keeps_to_a_sample = True

    def passes_codes(self) -> bool:
        return self.mode == "nearest"

    def infer_shape(self, x: Shape, target: np.ndarray, axes: np.ndarray) -> Shape:
        shape = list(x)
        for resize in self.resizes(x, target, axes):
            shape[resize.axis] = resize.output
        return tuple(shape)

    def infer_dtype(self, *dtypes: DType) -> DType:
        dtype: DType = super().infer_dtype(*dtypes)
        if self.mode != "nearest" and dtype not in FLOATS:
            raise OperatorError(f"integers can only be resized with mode 'nearest', found {self.mode!r}")
        return dtype

    def evaluate(self, x: np.ndarray, target: np.ndarray, axes: np.ndarray) -> np.ndarray:
        """Any shape. target: for each of the axes its new size (integers) or its scale (floats), as
        shape_calculation_mode says.
        """
        y = x
        for resize in self.resizes(x.shape, target, axes):
            coordinates = self.coordinates(resize)
            if self.mode == "nearest":
                y = y.take(self.nearest(coordinates, resize), axis=resize.axis)
            else:
                y = weighted_sum(y, resize.axis, *self.neighbours(coordinates, resize.size))
        return y.astype(x.dtype)

    def workspace(self, inputs: list[Shape], outputs: list[Shape]) -> int:
        """Axes are resized one after the other: between two of them the tensor may be larger than before and
        after.
        """
        return 2 * math.prod(map(max, inputs[0], outputs[0]))

    def operations(self, inputs: list[Shape], outputs: list[Shape]) -> int:
        return (
            (4 if self.mode == "cubic" else 2) * len(outputs[0]) * math.prod(map(max, inputs[0], outputs[0]))
        )

    def resizes(self, x: Shape, target: np.ndarray, axes: np.ndarray) -> list[Resize]:
        """What happens to each of the axes, checked."""
        numbers = integers(axes, "axes")
        normalize_axes(numbers, len(x))  # distinct and within the rank
        if target.shape != (len(numbers),):
            what = self.shape_calculation_mode
            raise OperatorError(
                f"{what} must be one number for each of the {len(numbers)} axes, found shape "
                f"{list(target.shape)}"
            )
        return [
            self.resize(x, normalize_axis(axis, len(x)), wanted)
            for axis, wanted in zip(numbers, target, strict=True)
        ]

    def resize(self, x: Shape, axis: int, wanted: np.ndarray) -> Resize:
        size = x[axis]
        if self.shape_calculation_mode == "sizes":
            (output,) = integers(wanted, "sizes")
            scale = np.float32(output) / np.float32(max(size, 1))
        else:
            scale = np.float32(wanted)
            # so that 3 * (1/3) is 1
            output = int(np.float32(size) * scale + np.float32(1e-5)) if np.isfinite(scale) else 0
        if size < 1 or output < 1:
            raise OperatorError(f"axis {axis} of {list(x)} cannot be resized by {wanted}: no element is left")
        return Resize(axis, size, output, scale)

    def coordinates(self, resize: Resize) -> np.ndarray:
        """(output,) float32: where in the input each output position lies."""
        _, size, output, scale = resize
        o = np.arange(output, dtype=np.float32)
        if size == output or scale == 1:
            return o
        match self.coordinate_transformation_mode:
            case "asymmetric":
                return o / scale
            case "tf_half_pixel_for_nn":
                return (o + np.float32(0.5)) / scale
            case "align_corners":
                return o * (np.float32(size - 1) / np.float32(max(output - 1, 1)))
            case "pytorch_half_pixel" if output == 1:
                return o
            case _:
                return (o + np.float32(0.5)) / scale - np.float32(0.5)

    def nearest(self, c: np.ndarray, resize: Resize) -> np.ndarray:
        """(output,) indices of the element that stands for each coordinate."""
        match self.nearest_mode:
            case "round_prefer_floor":
                index = np.ceil(c - np.float32(0.5))
            case "round_prefer_ceil":
                index = np.floor(c + np.float32(0.5))
            case "floor":
                index = np.floor(c)
            case "ceil":
                index = np.ceil(c)
            case "simple":
                index = np.ceil(c) if resize.scale < 1 else np.trunc(c)
        return np.clip(index, 0, resize.size - 1).astype(np.int64)

    def neighbours(self, c: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
        """(output, taps) indices and float32 weights of the elements around each coordinate; beyond the
        border stands the border.
        """
        if self.mode != "cubic":
            c = np.clip(c, 0, size - 1)
        left = np.floor(c)
        offsets = np.arange(-1, 3) if self.mode == "cubic" else np.arange(2)
        distance = np.abs((c - left)[:, None] - offsets.astype(np.float32))
        weights = (
            cubic_kernel(distance, np.float32(self.cube_coeff)) if self.mode == "cubic" else 1 - distance
        )
        return np.clip(left[:, None].astype(np.int64) + offsets, 0, size - 1), weights


def weighted_sum(x: np.ndarray, axis: int, indices: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """x with `axis` replaced by the sum over taps of x[indices] * weights, both (output, taps); float32."""
    along = [1] * x.ndim
    along[axis] = -1
    terms = (
        x.take(i, axis=axis).astype(np.float32) * w.reshape(along)
        for i, w in zip(indices.T, weights.T, strict=True)
    )
    return functools.reduce(np.add, terms)


def cubic_kernel(t: np.ndarray, a: np.float32) -> np.ndarray:
    """Weight of an element at distance 0 <= t <= 2 (Keys 1981, with free parameter a)."""
    near = (a + 2) * t**3 - (a + 3) * t**2 + 1
    far = a * (t**3 - 5 * t**2 + 8 * t - 4)
    return np.where(t <= 1, near, far)
