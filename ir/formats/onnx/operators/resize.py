"""Resize and its forerunner Upsample."""

import math
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from .... import memory
from ....dtypes import F32
from ....graph import Tensor
from ....ops.add import Add
from ....ops.common.operator import nearest
from ....ops.interpolate import Interpolate
from ....ops.matmul import MatMul
from ..errors import OnnxError
from ..node_writer import Emitter, writes
from ..onnx_node import OnnxNode, reads
from .resize_matrix import CROP, Axis, Manner, resize_matrix

Choose = Callable[..., float]

MODES = {"nearest": "nearest", "linear": "linear_onnx", "cubic": "cubic"}
COORDINATES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn")
BY_MATRIX = ("half_pixel_symmetric", CROP)
WHOLE = (0.0, 1.0)
MAX_ROWS = 2**16  # of a matrix that resizes, which is made row by row
NEAREST = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


@reads("Upsample", until=9)
@reads("Resize", since=10, until=10)
def resize_from_corner(node: OnnxNode) -> Tensor:
    """The first Resize has one coordinate system, output / scale, and no sizes."""
    mode = node.choice("mode", "nearest", {"nearest": "nearest", "linear": "linear_onnx"})
    op = Interpolate(
        mode=mode,
        shape_calculation_mode="scales",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="simple",
    )
    return _by_scales(node, op, node.known(1), range(len(node.input(0).shape)))


@reads("Resize", since=11)
def resize(node: OnnxNode) -> Tensor:
    """Read Resize, which has scales (input 2) or sizes (input 3)."""
    mode, name = (
        node.attribute("mode", "nearest"),
        node.attribute("coordinate_transformation_mode", "half_pixel"),
    )
    antialias, exclude_outside = (bool(node.attribute(flag, 0)) for flag in ("antialias", "exclude_outside"))
    coefficient, border = node.attribute("cubic_coeff_a", -0.75), node.attribute("extrapolation_value", 0.0)
    policy = node.choice(
        "keep_aspect_ratio_policy", "stretch", {"stretch": None, "not_larger": min, "not_smaller": max}
    )
    nearest_mode = node.choice("nearest_mode", "round_prefer_floor", {n: n for n in NEAREST})
    rank = len(node.input(0).shape)
    axes = [a % rank for a in node.attribute("axes", range(rank))]
    by_scales = node.has(2) and node.known(2).size > 0
    if mode in ("linear", "cubic") and (antialias or exclude_outside or name in BY_MATRIX):
        manner = Manner(
            mode,
            _one_of("coordinate_transformation_mode", name, COORDINATES + BY_MATRIX),
            coefficient,
            antialias,
            exclude_outside,
        )
        return _by_matrices(node, _lengths(node, axes, by_scales, policy), manner, border)
    op = Interpolate(
        mode=MODES[_one_of("mode", mode, MODES)],  # type: ignore[arg-type]
        shape_calculation_mode="scales" if by_scales else "sizes",
        coordinate_transformation_mode=_one_of("coordinate_transformation_mode", name, COORDINATES),  # type: ignore[arg-type]
        nearest_mode=nearest_mode,
        cube_coeff=coefficient,
    )
    if by_scales:
        return _by_scales(node, op, node.known(2), axes)
    return _by_sizes(node, op, axes) if policy is None else _in_proportion(node, op, axes, policy)


def _one_of(name: str, found: str, known: Collection[str]) -> str:
    if found not in known:
        raise OnnxError(f"{name} must be one of {', '.join(known)}, found {found!r}" + nearest(found, known))
    return found


def _by_scales(node: OnnxNode, op: Interpolate, scales: np.ndarray, axes: list[int] | range) -> Tensor:
    chosen = [(axis, scale) for axis, scale in zip(axes, scales, strict=True) if scale != 1]
    return _interpolate(node, op, [scale for _, scale in chosen], [axis for axis, _ in chosen], F32)


def _in_proportion(node: OnnxNode, op: Interpolate, axes: list[int], choose: Choose) -> Tensor:
    lengths = _lengths(node, axes, by_scales=False, choose=choose)
    return _interpolate(node, op, [a.output for a in lengths.values()], list(lengths), np.dtype(np.int64))


def _lengths(node: OnnxNode, axes: list[int], by_scales: bool, choose: Choose | None) -> dict[int, Axis]:
    """The axes that change. choose: sizes are bounds, and one scale for all axes, the smallest or largest of
    theirs, is taken.
    """
    shape = node.input(0).shape
    if by_scales:
        scales = [float(s) for s in node.known(2)]
        lengths = {
            a: Axis(shape[a], int(np.floor(s * shape[a])), s, r)
            for a, s, r in zip(axes, scales, _regions(node, axes), strict=True)
        }
    else:
        sizes = [float(s) for s in node.known(3)]
        if choose is not None:
            scale = choose(s / shape[a] for s, a in zip(sizes, axes, strict=True))
            sizes = [np.floor(scale * shape[a] + 0.5) for a in axes]
        lengths = {
            a: Axis(shape[a], int(s), s / shape[a], r)
            for a, s, r in zip(axes, sizes, _regions(node, axes), strict=True)
        }
    changed = {a: axis for a, axis in lengths.items() if axis.output != axis.size or axis.region != WHOLE}
    if any(axis.size < 1 for axis in changed.values()):
        raise OnnxError(f"this way to resize needs known dimensions that are not empty, found {list(shape)}")
    return changed


def _regions(node: OnnxNode, axes: list[int]) -> list[tuple[float, float]]:
    """Input 1: all beginnings, then all ends. It is there for CROP, and means nothing without it."""
    if not node.has(1) or node.known(1).size != 2 * len(axes):
        return [WHOLE] * len(axes)
    low, high = np.reshape(node.known(1), (2, len(axes))).tolist()
    return list(zip(low, high, strict=True))


def _by_matrices(node: OnnxNode, lengths: dict[int, Axis], manner: Manner, border: float) -> Tensor:
    """Along rows and columns, which are the last two axes. border: what CROP has outside."""
    x, rank = node.input(0), len(node.input(0).shape)
    if not set(lengths) <= {rank - 2, rank - 1}:
        raise OnnxError(
            f"this way to resize is supported along the last two axes only, found {sorted(lengths)}"
        )
    if (longest := max(length.output for length in lengths.values())) > MAX_ROWS:
        raise OnnxError(f"this way to resize makes at most {MAX_ROWS} rows or columns, found {longest}")
    elements = sum(length.output * length.size for length in lengths.values()) + math.prod(
        length.output for length in lengths.values()
    )
    memory.take(3 * 8 * elements, "the matrices of this way to resize")
    inside = np.ones((1, 1))
    for i, (axis, length) in enumerate(sorted(lengths.items()), 1):
        matrix = resize_matrix(length, manner)
        inside = inside * matrix.any(axis=1).reshape((-1, 1) if axis == rank - 2 else (1, -1))
        suffix = "" if i == len(lengths) and (inside.all() or not border) else f"axis_{axis}"
        if axis == rank - 2:
            x = node.add(MatMul(), node.constant(matrix, f"weights_{axis}", x.dtype), x, suffix=suffix)
        else:
            x = node.add(
                MatMul(transpose_b=True), x, node.constant(matrix, f"weights_{axis}", x.dtype), suffix=suffix
            )
    if inside.all() or not border:
        return x
    return node.add(Add(), x, node.constant(border * (1 - inside), "border", x.dtype))


def _by_sizes(node: OnnxNode, op: Interpolate, axes: list[int]) -> Tensor:
    """The batch is part of the sizes; that it stays as it is must be seen at every batch size shape inference
    tries.
    """
    x, sizes = node.input(0), node.input(3)
    if any(known.value is None for known in sizes.known):
        raise OnnxError("sizes must be a constant, or computed from shapes")
    probes = [
        (k.shape, s.value.tolist()) for k, s in zip(x.known, sizes.known, strict=True) if s.value is not None
    ]
    chosen = [
        (i, axis) for i, axis in enumerate(axes) if any(size[i] != shape[axis] for shape, size in probes)
    ]
    targets = [[size[i] for i, _ in chosen] for _, size in probes]
    if any(t != targets[0] for t in targets):
        raise OnnxError("sizes may not depend on the batch size, except that of the batch itself")
    return _interpolate(node, op, targets[0], [axis for _, axis in chosen], np.dtype(np.int64))


def _interpolate(
    node: OnnxNode, op: Interpolate, target: list[float], axes: list[int], dtype: np.dtype
) -> Tensor:
    """Only the axes that change; none left, nothing to do."""
    if not axes:
        return node.input(0)
    return node.add(
        op,
        node.input(0),
        node.constant(target, op.shape_calculation_mode, dtype),
        node.constant(axes, "axes"),
    )


# ---- the other way -----------------------------------------------------------------------------------------


@writes("Interpolate")
def write_interpolate(node: Emitter) -> None:
    op, target, axes = node.op, node.known(1), node.integers(2)
    x_shape, y_shape = node.node.inputs[0].shape, node.node.output.shape
    sizes, made = [x_shape[a] for a in axes], [y_shape[a] for a in axes]
    by_scales = op.shape_calculation_mode == "scales"
    if by_scales:
        scales = [
            _reaching(s, size, output)
            for s, size, output in zip(target.astype(F32), sizes, made, strict=True)
        ]
    else:
        scales = [np.float32(output / max(size, 1)) for size, output in zip(sizes, made, strict=True)]
        by_scales = all(
            int(size * float(s)) == output > 0 for size, s, output in zip(sizes, scales, made, strict=True)
        )
    # one for every axis: where there are only some, onnxruntime loses count as it moves the channels
    if by_scales:
        of_all = np.ones(len(x_shape), np.float32)
        of_all[axes] = scales
        shape: tuple[str, ...] = (node.constant(of_all, "scales", F32),)
        some_axes: dict[str, Any] = {}
    else:
        shape, some_axes = ("", node.constant(target, "sizes", np.int64)), {"axes": axes}
    node.emit(
        "Resize",
        node.input(0),
        "",
        *shape,
        **some_axes,
        mode="linear" if op.mode.startswith("linear") else op.mode,
        coordinate_transformation_mode=op.coordinate_transformation_mode,
        nearest_mode=op.nearest_mode
        if op.nearest_mode != "simple"
        else _simple([y_shape[a] < x_shape[a] for a in axes]),
        cubic_coeff_a=op.cube_coeff,
    )


def _reaching(scale: np.float32, size: int, output: int) -> np.float32:
    """The scale, or a unit in the last place more: where 57 * 1.1052631 is 63 here and in OpenVINO, ONNX
    rounds it down to 62.
    """
    return (
        np.nextafter(scale, np.float32(np.inf)) if size > 0 and np.float32(size) * scale < output else scale
    )


def _simple(shrinks: list[bool]) -> str:
    """nearest_mode 'simple' rounds up where the image shrinks and down where it grows."""
    if any(shrinks) and not all(shrinks):
        raise OnnxError(
            "nearest_mode 'simple' does not exist in ONNX for an image that shrinks along one axis and "
            "grows along another"
        )
    return "ceil" if any(shrinks) else "floor"
