"""Interpolate: every coordinate mode with every mode, growing and shrinking, by sizes and by scales."""

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
import openvino.opset15 as ov

from numpot.ir.ops.common.operator import attribute_types
from numpot.ir.ops.interpolate import Interpolate

from .battery import Case, OnnxNode

rng = np.random.default_rng(14)
CHOICES = {name: get_args(hint) for name, hint in attribute_types(Interpolate).items()}


def resize(
    x: np.ndarray,
    target: Sequence[float],
    mode: Any,
    coordinates: Any = "half_pixel",
    nearest: Any = "round_prefer_floor",
    axes: tuple[int, ...] = (2, 3),
    cube_coeff: float = -0.75,
) -> Case:
    by_sizes = all(isinstance(t, int) for t in target)
    calculation: Any = "sizes" if by_sizes else "scales"

    def vendor(x: Any, target: Any, axes: Any) -> Any:
        return ov.interpolate(
            x,
            target,
            mode,
            calculation,
            coordinate_transformation_mode=coordinates,
            nearest_mode=nearest,
            cube_coeff=cube_coeff,
            axes=axes,
        )

    op = Interpolate(
        mode=mode,
        shape_calculation_mode=calculation,
        coordinate_transformation_mode=coordinates,
        nearest_mode=nearest,
        cube_coeff=cube_coeff,
    )
    inputs = [x, np.array(target, np.int64 if by_sizes else np.float32), np.array(axes, np.int64)]
    label = f"{x.shape}{x.dtype}{tuple(target)}{mode}-{coordinates}-{nearest}".replace(" ", "")
    return Case(op, inputs, vendor, atol=1e-5, label=label)


def image(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    return (
        rng.standard_normal(shape).astype(dtype)
        if np.dtype(dtype).kind == "f"
        else rng.integers(0, 256, shape).astype(dtype)
    )


GROWING: list[tuple[float, float]] = [(10, 12), (2.0, 1.5)]  # of a 5 x 6 image, by sizes and by scales
SHRINKING: list[tuple[float, float]] = [(3, 4), (0.6, 1.0), (7, 1)]  # the last one grows, too


def targets(turn: int) -> list[tuple[float, float]]:
    """One of each kind, by turns, so that every choice meets sizes and scales."""
    return [GROWING[turn % 2], SHRINKING[turn % 3]]


CASES = (
    [
        resize(image(1, 2, 5, 6), target, "nearest", coordinates, nearest)
        for i, coordinates in enumerate(CHOICES["coordinate_transformation_mode"])
        for j, nearest in enumerate(CHOICES["nearest_mode"])
        for target in targets(i + j)
    ]
    + [
        resize(image(1, 2, 5, 6), target, mode, coordinates)
        for i, mode in enumerate(("linear", "linear_onnx", "cubic"))
        for j, coordinates in enumerate(CHOICES["coordinate_transformation_mode"])
        for target in targets(i + j)
    ]
    + [
        resize(image(1, 2, 5, 6), (8, 9), "cubic", cube_coeff=-0.5),
        resize(image(1, 2, 5, 6, dtype=np.uint8), (10, 12), "nearest", "asymmetric", "floor"),
        resize(image(1, 2, 3, 4, 5), (5, 4, 9), "nearest", axes=(2, 3, 4)),
        resize(image(1, 2, 3, 4, 5), (5, 4, 9), "linear_onnx", axes=(2, 3, 4)),
        resize(image(2, 4, 3, 5), (7, 8), "linear", axes=(3, 2)),
        # products that miss an integer by one rounding
        resize(image(1, 1, 3, 21), (1 / 3, 1 / 7), "nearest", "asymmetric", "floor"),
        resize(image(1, 1, 57, 23), (1.1052631, 1.2173913), "nearest"),
        Case(  # ONNX: the same resize by another vendor; the empty input is its unused region of interest
            Interpolate(
                mode="linear_onnx",
                shape_calculation_mode="sizes",
                coordinate_transformation_mode="pytorch_half_pixel",
            ),
            [image(1, 2, 5, 6), np.array([1, 2, 1, 9], np.int64), np.arange(4)],
            OnnxNode(
                "Resize",
                {"mode": "linear", "coordinate_transformation_mode": "pytorch_half_pixel"},
                order=[0, None, None, 1],
            ),
        ),
    ]
)
