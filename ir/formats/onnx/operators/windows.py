"""What convolutions and pools share: the attributes of their windows."""

from typing import Any

from ....graph import Tensor
from ....ops.common.operator import Ints
from ...common.auto_pad import AutoPad, WindowAttributes
from ..errors import OnnxError
from ..onnx_node import OnnxNode

AUTO_PADS: dict[str, AutoPad] = {
    "NOTSET": "explicit",
    "VALID": "valid",
    "SAME_UPPER": "same_upper",
    "SAME_LOWER": "same_lower",
}


def window_attributes(node: OnnxNode, x: Tensor, kernel: Ints | None = None) -> WindowAttributes:
    """Read the attributes of a window that slides over x. kernel: that of the weights, where there are
    weights.
    """
    rank = len(spatial_size(x))
    found: dict[str, Any] = {
        "kernel_shape": node.attribute("kernel_shape", kernel),
        "strides": node.attribute("strides", (1,) * rank),
        "dilations": node.attribute("dilations", (1,) * rank),
        "pads": node.attribute("pads", (0,) * 2 * rank),
    }
    for name, values in found.items():
        expected = 2 * rank if name == "pads" else rank
        if values is None or len(values) != expected:
            raise OnnxError(
                f"{name} must hold {expected} numbers for {rank} spatial dimensions, found {values}"
            )
    if kernel not in (None, found["kernel_shape"]):
        raise OnnxError(
            f"kernel_shape must be that of the weights, {list(kernel or ())}, found "
            f"{list(found['kernel_shape'])}"
        )
    auto_pad = node.choice("auto_pad", "NOTSET", AUTO_PADS)
    pads = found["pads"] if auto_pad == "explicit" else (0,) * 2 * rank
    return WindowAttributes(
        found["kernel_shape"], found["strides"], found["dilations"], pads[:rank], pads[rank:], auto_pad
    )


def spatial_size(x: Tensor) -> Ints:
    """The dimensions behind (N, C)."""
    if len(x.shape) < 3:
        raise OnnxError(f"input must be (N, C, *spatial), found {list(x.shape)}")
    return x.shape[2:]
