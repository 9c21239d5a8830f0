"""Range: what a FakeQuantize says about its codes, with the constants that a runtime derives from it, each
rounded to float32 as there.
"""

from dataclasses import dataclass, replace

import numpy as np

from ..graph import Node, Tensor
from ..ops.fake_quantize import FakeQuantize

#: Operators that compute the same on codes, and yet stay between a Dequantize and a Quantize, which gives
#: the same numbers: those with several data inputs or outputs, of which the lowering handles Concat only ...
_SEVERAL = {"Minimum", "Maximum", "Select", "Split", "VariadicSplit"}
#: ... and those that have not been compared with the vendor on codes.
_NOT_COMPARED = {"Broadcast", "Pad", "ReduceMin", "SpaceToDepth"}
NOT_LOWERED = frozenset(_SEVERAL | _NOT_COMPARED)


def works_on_codes(node: Node) -> bool:
    """Whether the lowering lets it give the codes of what it would give for the real numbers: of Concat, if
    all inputs have the same range.
    """
    return node.op.passes_codes() and node.type not in NOT_LOWERED


#: Who reads codes: convolutions unsigned ones, the others signed ones too.
UNSIGNED_READERS = frozenset({"Convolution"})
SIGNED_READERS = frozenset({"MatMul", "ConvolutionBackpropData", "Add", "Multiply", "AvgPool", "ReduceMean"})

LAST_CODE = np.float32(255)
ASYMMETRY = np.float32(0.002)  # relative; a range nearer to low = -high * 128 / 127 than this is symmetric


@dataclass(frozen=True)
class Range:
    """low, high: float32 reals of the first and the last code; one number, or one for each channel.

    signed: a runtime stores the codes as int8, with real zero at 0. Here they are u8 all the same, 128
    larger, but they round as signed. stored: codes are what a runtime stores; otherwise it makes numbers of
    them as soon as they are rounded.
    """

    low: np.ndarray
    high: np.ndarray
    signed: bool = False
    stored: bool = True

    @property
    def multiplier(self) -> np.ndarray:
        """Codes per unit."""
        return np.asarray(LAST_CODE / (self.high - self.low))

    @property
    def shift(self) -> np.ndarray:
        """The unsigned code of real zero, with its fraction."""
        return np.asarray((-self.low * LAST_CODE) / (self.high - self.low)) + np.float32(0)  # never -0

    @property
    def scale(self) -> np.ndarray:
        """Units per code."""
        return np.asarray((self.high - self.low) / LAST_CODE)

    @property
    def symmetric(self) -> bool:
        """low = -high * 128 / 127, or nearly."""
        if not ((self.low < 0) & (self.high > 0)).all():
            return False
        ratio, expected = self.low / self.high, np.float32(-128 / 127)
        return bool((np.abs((ratio - expected) / np.minimum(ratio, expected)) <= ASYMMETRY).all())

    @property
    def first_code(self) -> np.float32:
        return np.float32(-128 if self.signed else 0)

    @property
    def zero_point(self) -> np.ndarray:
        """What is subtracted from a code: nothing from signed ones."""
        return np.zeros_like(self.low) if self.signed else self.shift

    def in_units_of(self, scale: np.ndarray) -> "Range":
        return replace(self, low=np.asarray(self.low / scale), high=np.asarray(self.high / scale))


def range_of(fake_quantize: Node) -> Range | None:
    """The range of a FakeQuantize that u8 codes can carry; None for other numbers of levels, moved ranges,
    and constants.
    """
    assert isinstance(fake_quantize.op, FakeQuantize)
    x, *ends = fake_quantize.inputs
    values = [np.asarray(t.constant, np.float32) for t in ends if t.constant is not None]
    if x.constant is not None or fake_quantize.op.levels != 256 or len(values) != len(ends):
        return None
    low, high, out_low, out_high = values
    if not (np.array_equal(low, out_low) and np.array_equal(high, out_high)) or not _is_per_tensor_or_channel(
        low, len(x.shape)
    ):
        return None
    bounds = Range(low.reshape(()), high.reshape(())) if low.size == 1 else Range(low, high)
    readers = _readers_of_codes(fake_quantize)
    return replace(
        bounds, signed=bounds.symmetric and not readers & UNSIGNED_READERS and bool(readers & SIGNED_READERS)
    )


def _readers_of_codes(node: Node) -> set[str]:
    """Types of those who read this result, directly or behind operators that work on codes."""
    types: set[str] = set()
    for reader in {use.node for use in node.output.consumers}:
        types |= _readers_of_codes(reader) if works_on_codes(reader) else {reader.type}
    return types


def _is_per_tensor_or_channel(bound: np.ndarray, rank: int) -> bool:
    return bound.size == 1 or (bound.ndim == rank and rank > 1 and bound.size == bound.shape[1])


def source_of_codes(codes: Tensor) -> Node:
    """The operator that made these codes, above those that only move or compare them."""
    node = codes.producer
    while works_on_codes(node):
        node = node.inputs[0].producer
    return node
