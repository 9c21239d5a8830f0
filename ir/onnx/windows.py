"""What convolutions and pools share: strides, dilations, and pads made explicit."""

from typing import Any, NamedTuple

from ..graph import Tensor
from .errors import OnnxError
from .node import OnnxNode

Ints = tuple[int, ...]
AUTO_PADS = ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")


class WindowAttributes(NamedTuple):
    """One number for each spatial dimension."""

    kernel: Ints
    strides: Ints
    dilations: Ints
    pads_begin: Ints
    pads_end: Ints
    auto_pad: str  # SAME_UPPER or SAME_LOWER where the pads are still to be found from the input's size

    @property
    def reach(self) -> Ints:
        """How many positions one window spans."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True))

    def explicit(self, size: Ints) -> dict[str, Ints]:
        """Strides and pads for an input of this spatial size, as the operators call them."""
        begin, end = self.pads_begin, self.pads_end
        if self.auto_pad.startswith("SAME"):
            begin, end = split_padding(self.same_padding(size), self.auto_pad)
        return {"strides": self.strides, "pads_begin": begin, "pads_end": end}

    def same_padding(self, size: Ints) -> Ints:
        """How much padding makes as many outputs as the input has strides, rounded up."""
        if -1 in size:
            raise OnnxError(f"auto_pad {self.auto_pad} needs a fixed spatial size, found {list(size)}")
        outputs = [-(-n // s) for n, s in zip(size, self.strides, strict=True)]
        return tuple(max(0, (o - 1) * s + r - n) for o, s, r, n in zip(outputs, self.strides, self.reach, size, strict=True))


def split_padding(total: Ints, auto_pad: str) -> tuple[Ints, Ints]:
    """(begin, end): halves; the odd one out goes to the end for SAME_UPPER, to the beginning otherwise."""
    less, more = tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)
    return (less, more) if auto_pad == "SAME_UPPER" else (more, less)


def window_attributes(node: OnnxNode, x: Tensor, kernel: Ints | None = None) -> WindowAttributes:
    """Read the attributes of a window that slides over x. kernel: that of the weights, where there are weights."""
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
            raise OnnxError(f"{name} must hold {expected} numbers for {rank} spatial dimensions, found {values}")
    if kernel not in (None, found["kernel_shape"]):
        raise OnnxError(f"kernel_shape must be that of the weights, {list(kernel or ())}, found {list(found['kernel_shape'])}")
    auto_pad = node.choice("auto_pad", "NOTSET", {name: name for name in AUTO_PADS})
    pads = found["pads"] if auto_pad == "NOTSET" else (0,) * 2 * rank
    return WindowAttributes(found["kernel_shape"], found["strides"], found["dilations"], pads[:rank], pads[rank:], auto_pad)


def spatial_size(x: Tensor) -> Ints:
    """The dimensions behind (N, C)."""
    if len(x.shape) < 3:
        raise OnnxError(f"input must be (N, C, *spatial), found {list(x.shape)}")
    return x.shape[2:]
