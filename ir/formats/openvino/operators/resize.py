"""Interpolate: three versions, which differ in their inputs, the first also in its attributes."""

from dataclasses import dataclass
from typing import Literal

from ....errors import AttributeValueError
from ....graph import Tensor
from ....ops.common.operator import Ints, OperatorError
from ....ops.interpolate import Interpolate
from ..node import OpenVinoNode, reads


@dataclass(frozen=True, kw_only=True)
class FirstAttributes:
    axes: Ints
    mode: Literal["nearest", "linear", "cubic"]
    align_corners: bool = True


@reads("Interpolate", until=3)
def interpolate_with_axes_as_attribute(node: OpenVinoNode) -> Tensor:
    """Inputs: data, sizes. OpenVINO's plugins take it for version 4 with these attributes."""
    x, sizes = node.take(2)
    _refuse_smoothing_and_padding(node)
    attributes = node.read(FirstAttributes)
    op = Interpolate(
        mode="linear_onnx" if attributes.mode == "linear" and len(attributes.axes) == 2 else attributes.mode,
        shape_calculation_mode="sizes",
        coordinate_transformation_mode="align_corners" if attributes.align_corners else "asymmetric",
        nearest_mode="simple",
    )
    return node.add(op, x, sizes, node.constant(attributes.axes, "axes"))


@reads("Interpolate", since=4, until=10)
def interpolate_with_sizes_and_scales(node: OpenVinoNode) -> Tensor:
    """Inputs: data, sizes, scales, axes. Only one of sizes and scales counts."""
    op = _operator(node)
    return _interpolate(
        node, op, *node.inputs[1 if op.shape_calculation_mode == "sizes" else 2 :][:1], *node.inputs[3:]
    )


@reads("Interpolate", since=11)
def interpolate(node: OpenVinoNode) -> Tensor:
    """Inputs: data, sizes or scales, axes."""
    return _interpolate(node, _operator(node), *node.inputs[1:])


def _operator(node: OpenVinoNode) -> Interpolate:
    _refuse_smoothing_and_padding(node)
    return node.read(Interpolate)


def _refuse_smoothing_and_padding(node: OpenVinoNode) -> None:
    """Interpolate has neither, here."""
    node.require("antialias", "false", "0")
    for name in ("pads_begin", "pads_end"):
        found = node.attributes.pop(name, "")
        if found.strip("0, "):
            raise node.layer.error(
                AttributeValueError,
                f"attribute {name!r} must be all 0, found {found!r}. Put a Pad before the layer",
            )


def _interpolate(
    node: OpenVinoNode, op: Interpolate, target: Tensor | None = None, axes: Tensor | None = None
) -> Tensor:
    """All axes if they are not listed."""
    x = node.inputs[0]
    if target is None:
        raise OperatorError(f"the input that holds the {op.shape_calculation_mode} is missing")
    return node.add(op, x, target, node.constant(range(len(x.shape)), "axes") if axes is None else axes)
