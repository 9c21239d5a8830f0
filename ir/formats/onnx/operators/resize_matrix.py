"""Resizing along one axis as a matrix, for the ways to resize that Interpolate does not know: every output is
a weighted mean of inputs.

Which input an output lies on is its coordinate c; the input at t counts with a weight that depends on (t -
c). Where an image shrinks, antialiasing makes the window as many times wider, so that no input is skipped.
"""

from typing import Literal, NamedTuple

import numpy as np

Mode = Literal["linear", "cubic"]
CROP = "tf_crop_and_resize"


class Axis(NamedTuple):
    """size, output: lengths before and after. scale: as the file says, of which output is the whole part.
    region: of CROP, 0 to 1.
    """

    size: int
    output: int
    scale: float
    region: tuple[float, float] = (0.0, 1.0)


class Manner(NamedTuple):
    """Attributes of ONNX's Resize."""

    mode: Mode
    coordinates: str
    cubic_coeff_a: float
    antialias: bool
    exclude_outside: bool


def resize_matrix(axis: Axis, manner: Manner) -> np.ndarray:
    """(output, size) float64; zeros in the rows whose coordinate lies outside, which only CROP has."""
    matrix = np.zeros((axis.output, axis.size))
    shrink = min(axis.scale, 1.0) if manner.antialias else 1.0
    reach = (1 if manner.mode == "linear" else 2) / shrink
    for i, c in enumerate(coordinates(axis, manner.coordinates)):
        if manner.coordinates == CROP and not 0 <= c <= axis.size - 1:
            continue
        t = np.arange(np.ceil(c - reach), np.floor(c + reach) + 1)
        w = _weights((t - c) * shrink, manner)
        if manner.exclude_outside:
            w[(t < 0) | (t >= axis.size)] = 0
        # past the border stands what is at the border
        np.add.at(matrix[i], np.clip(t, 0, axis.size - 1).astype(int), w / w.sum())
    return matrix


def coordinates(axis: Axis, name: str) -> np.ndarray:
    """(output,) where on the input each output lies."""
    x, last = np.arange(axis.output), axis.size - 1
    exact = axis.scale * axis.size  # the length before it was cut to a whole number
    if name == CROP:
        low, high = axis.region
        return low * last + (
            x * (high - low) * last / (exact - 1) if exact != 1 else 0 * x + (high - low) * last / 2
        )
    if name == "align_corners":
        return x * last / (exact - 1) if exact != 1 else 0.0 * x
    if name == "asymmetric":
        return x / axis.scale
    if name == "pytorch_half_pixel" and axis.output == 1:
        return np.zeros(1)
    half_pixel = (x + 0.5) / axis.scale - 0.5
    return (
        half_pixel + axis.size / 2 * (1 - axis.output / exact)
        if name == "half_pixel_symmetric"
        else half_pixel
    )


def _weights(distance: np.ndarray, manner: Manner) -> np.ndarray:
    d, a = np.abs(distance), manner.cubic_coeff_a
    if manner.mode == "linear":
        return np.maximum(0, 1 - d)
    near, far = ((a + 2) * d - (a + 3)) * d * d + 1, ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0))
