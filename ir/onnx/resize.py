"""Resize and its forerunner Upsample."""

from collections.abc import Callable

import numpy as np

from ..dtypes import F32
from ..graph import Tensor
from ..ops.interpolate import Interpolate
from .emitter import Emitter, writes
from .errors import OnnxError
from .node import OnnxNode, reads

MODES = {"nearest": "nearest", "linear": "linear_onnx", "cubic": "cubic"}
COORDINATES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn")
NEAREST = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


@reads("Upsample", until=9)
@reads("Resize", since=10, until=10)
def resize_from_corner(node: OnnxNode) -> Tensor:
    """The first Resize has one coordinate system, output / scale, and no sizes."""
    mode = node.choice("mode", "nearest", {"nearest": "nearest", "linear": "linear_onnx"})
    op = Interpolate(mode=mode, shape_calculation_mode="scales", coordinate_transformation_mode="asymmetric", nearest_mode="simple")
    return _by_scales(node, op, node.known(1), range(len(node.input(0).shape)))


@reads("Resize", since=11, ignored=("extrapolation_value",))
def resize(node: OnnxNode) -> Tensor:
    """By scales (input 2) or sizes (input 3). extrapolation_value belongs to tf_crop_and_resize, which is not supported."""
    if node.attribute("antialias", 0) or node.attribute("exclude_outside", 0):
        raise OnnxError("antialias and exclude_outside are not supported; export with both 0")
    policy = node.choice("keep_aspect_ratio_policy", "stretch", {"stretch": None, "not_larger": min, "not_smaller": max})
    by_scales = node.has(2) and node.known(2).size > 0
    op = Interpolate(
        mode=node.choice("mode", "nearest", MODES),
        shape_calculation_mode="scales" if by_scales else "sizes",
        coordinate_transformation_mode=node.choice("coordinate_transformation_mode", "half_pixel", {c: c for c in COORDINATES}),
        nearest_mode=node.choice("nearest_mode", "round_prefer_floor", {n: n for n in NEAREST}),
        cube_coeff=node.attribute("cubic_coeff_a", -0.75),
    )
    rank = len(node.input(0).shape)
    axes = [a % rank for a in node.attribute("axes", range(rank))]
    if by_scales:
        return _by_scales(node, op, node.known(2), axes)
    return _by_sizes(node, op, axes) if policy is None else _in_proportion(node, op, axes, policy)


def _by_scales(node: OnnxNode, op: Interpolate, scales: np.ndarray, axes: list[int] | range) -> Tensor:
    chosen = [(axis, scale) for axis, scale in zip(axes, scales, strict=True) if scale != 1]
    return _interpolate(node, op, [scale for _, scale in chosen], [axis for axis, _ in chosen], F32)


def _in_proportion(node: OnnxNode, op: Interpolate, axes: list[int], choose: Callable[..., float]) -> Tensor:
    """The sizes are bounds: one scale for all axes, the smallest or largest that they ask for; sizes are rounded, halves up."""
    sizes, shape = node.integers(3), node.input(0).shape
    if any(shape[axis] < 1 for axis in axes):
        raise OnnxError(f"keep_aspect_ratio_policy needs known dimensions that are not empty, found {list(shape)}")
    scale = choose(size / shape[axis] for size, axis in zip(sizes, axes, strict=True))
    targets = {axis: int(np.floor(scale * shape[axis] + 0.5)) for axis in axes}
    changed = [axis for axis in axes if targets[axis] != shape[axis]]
    return _interpolate(node, op, [targets[axis] for axis in changed], changed, np.dtype(np.int64))


def _by_sizes(node: OnnxNode, op: Interpolate, axes: list[int]) -> Tensor:
    """The batch is part of the sizes; that it stays as it is must be seen at every batch size shape inference tries."""
    x, sizes = node.input(0), node.input(3)
    if any(known.value is None for known in sizes.known):
        raise OnnxError("sizes must be a constant, or computed from shapes")
    probes = [(k.shape, s.value.tolist()) for k, s in zip(x.known, sizes.known, strict=True) if s.value is not None]
    chosen = [(i, axis) for i, axis in enumerate(axes) if any(size[i] != shape[axis] for shape, size in probes)]
    targets = [[size[i] for i, _ in chosen] for _, size in probes]
    if any(t != targets[0] for t in targets):
        raise OnnxError("sizes may not depend on the batch size, except that of the batch itself")
    return _interpolate(node, op, targets[0], [axis for _, axis in chosen], np.dtype(np.int64))


def _interpolate(node: OnnxNode, op: Interpolate, target: list[float], axes: list[int], dtype: np.dtype) -> Tensor:
    """Only the axes that change; none left, nothing to do."""
    if not axes:
        return node.input(0)
    return node.add(op, node.input(0), node.constant(target, op.shape_calculation_mode, dtype), node.constant(axes, "axes"))


# ---- the other way ---------------------------------------------------------------------------------------------------------------


@writes("Interpolate")
def write_interpolate(node: Emitter) -> None:
    op, target, axes = node.op, node.known(1), node.integers(2)
    x_shape, y_shape = node.node.inputs[0].shape, node.node.output.shape
    by_scales = op.shape_calculation_mode == "scales"
    if by_scales:
        target = np.array([_reaching(s, x_shape[a], y_shape[a]) for s, a in zip(target.astype(F32), axes, strict=True)])
    values = node.constant(target, op.shape_calculation_mode, F32 if by_scales else np.int64)
    node.emit(
        "Resize",
        node.input(0),
        "",
        *((values,) if by_scales else ("", values)),
        axes=axes,
        mode="linear" if op.mode.startswith("linear") else op.mode,
        coordinate_transformation_mode=op.coordinate_transformation_mode,
        nearest_mode=op.nearest_mode if op.nearest_mode != "simple" else _simple([y_shape[a] < x_shape[a] for a in axes]),
        cubic_coeff_a=op.cube_coeff,
    )


def _reaching(scale: np.float32, size: int, output: int) -> np.float32:
    """The scale, or a unit in the last place more: where 57 * 1.1052631 is 63 here and in OpenVINO, ONNX rounds it down to 62."""
    return np.nextafter(scale, np.float32(np.inf)) if size > 0 and np.float32(size) * scale < output else scale


def _simple(shrinks: list[bool]) -> str:
    """nearest_mode 'simple' rounds up where the image shrinks and down where it grows."""
    if any(shrinks) and not all(shrinks):
        raise OnnxError("nearest_mode 'simple' does not exist in ONNX for an image that shrinks along one axis and grows along another")
    return "ceil" if any(shrinks) else "floor"
