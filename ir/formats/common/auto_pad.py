"""What convolutions and pools say of their windows in other formats, where padding may follow from the
input's size.
"""

from typing import Literal, NamedTuple

from ...ops.common.operator import Ints, OperatorError

AutoPad = Literal["explicit", "valid", "same_upper", "same_lower"]


class WindowAttributes(NamedTuple):
    """One number for each spatial dimension."""

    kernel: Ints
    strides: Ints
    dilations: Ints
    pads_begin: Ints  # zeros unless auto_pad is "explicit"
    pads_end: Ints
    auto_pad: AutoPad

    @property
    def is_same(self) -> bool:
        """Whether the pads are still to be found from the input's size."""
        return self.auto_pad.startswith("same")

    @property
    def reach(self) -> Ints:
        """How many positions one window spans."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True))

    def explicit(self, size: Ints) -> dict[str, Ints]:
        """Strides and pads for an input of this spatial size, as the operators call them."""
        begin, end = (
            split_padding(self.same_padding(size), self.auto_pad)
            if self.is_same
            else (self.pads_begin, self.pads_end)
        )
        return {"strides": self.strides, "pads_begin": begin, "pads_end": end}

    def same_padding(self, size: Ints) -> Ints:
        """How much padding makes as many outputs as the input has strides, rounded up; negative where windows
        reach less far.

        Raises OperatorError for a size that is open.
        """
        if -1 in size:
            raise OperatorError(f"auto_pad {self.auto_pad} needs a fixed spatial size, found {list(size)}")
        outputs = [-(-n // s) for n, s in zip(size, self.strides, strict=True)]
        return tuple(
            (o - 1) * s + r - n for o, s, r, n in zip(outputs, self.strides, self.reach, size, strict=True)
        )


def split_padding(total: Ints, auto_pad: AutoPad) -> tuple[Ints, Ints]:
    """(begin, end): halves; the odd one out goes to the end for same_upper, to the beginning otherwise. Of a
    negative total, none.
    """
    less, more = tuple(max(0, t) // 2 for t in total), tuple(max(0, t + 1) // 2 for t in total)
    return (less, more) if auto_pad == "same_upper" else (more, less)


def surplus(window: WindowAttributes, size: Ints, output: Ints, output_padding: Ints) -> Ints:
    """Return by how much the full result of a transposed convolution exceeds an output of this spatial size;
    negative if it is smaller.

    Raises OperatorError for an input whose spatial size is open.
    """
    if -1 in size:
        raise OperatorError(f"output_shape and auto_pad need a fixed spatial size, found {list(size)}")
    parts = zip(size, window.strides, window.reach, output_padding, output, strict=True)
    return tuple((n - 1) * s + r + p - o for n, s, r, p, o in parts)


def crop(surplus: Ints, begin: Ints, output_padding: Ints) -> tuple[Ints, Ints, Ints]:
    """(pads_begin, pads_end, output_padding): `begin` is taken off, and at the end what is left of the
    surplus, or else is missing.
    """
    rest = [t - b for t, b in zip(surplus, begin, strict=True)]
    end = tuple(max(0, r) for r in rest)
    return begin, end, tuple(p + max(0, -r) for p, r in zip(output_padding, rest, strict=True))
