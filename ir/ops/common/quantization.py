"""The affine map between real numbers and codes, shared by the operators that cross it and by the lowering to
integers.

    multiplier = (levels - 1) / (high - low)
    shift      = -low * multiplier
    code       = clip(rint(x * multiplier + shift), 0, levels - 1)

Every step rounds to float32, and rint takes halves to even. Written so, codes of a float tensor equal those
of OpenVINO 2026.4 on the CPU bit for bit, ties included (tests/ir/ops/test_quantization.py). Behind an
integer layer other steps round (ir/lowering/requantize.py).
"""

import numpy as np

from .broadcasting import broadcast_shapes
from .operator import OperatorError, Shape

WHOLE = 1e-3  # how near to an integer a shift is one


def quantization_multiplier(low: np.ndarray, high: np.ndarray, levels: int) -> tuple[np.ndarray, np.ndarray]:
    """(multiplier, shift), float32, of the map that gives `low` code 0 and `high` code levels-1.

    low, high: floats that broadcast against each other. A range of one point has multiplier and shift 0:
    everything is code 0. Raises OperatorError where low > high.
    """
    low, high = np.asarray(low, np.float32), np.asarray(high, np.float32)
    width = np.asarray(high - low)
    if (width < 0).any():
        raise OperatorError("a quantization range needs low <= high, found low above high")
    multiplier = np.divide(np.float32(levels - 1), width, out=np.zeros_like(width), where=width > 0)
    return multiplier, np.asarray(-low * multiplier)


def snap_shift(shift: np.ndarray) -> np.ndarray:
    """The shift with every value within 1e-3 of an integer replaced by it: where that changes nothing else,
    real zero is a code.
    """
    nearest = np.rint(shift)
    return np.where(np.abs(shift - nearest) < WHOLE, nearest, shift)


def quantize(x: np.ndarray, multiplier: np.ndarray, shift: np.ndarray, levels: int) -> np.ndarray:
    """Codes 0 .. levels-1 of x, still as float32."""
    return np.clip(np.rint(x.astype(np.float32) * multiplier + shift), 0, levels - 1)


def check_levels(levels: int, most: int) -> None:
    if not 2 <= levels <= most:
        raise OperatorError(f"levels must be from 2 to {most}, found {levels}")


def check_parameters(x: Shape, *parameters: Shape) -> Shape:
    """The shape of x, if the parameters (per tensor, per channel, ...) broadcast onto it."""
    if broadcast_shapes(x, *parameters) != x:
        raise OperatorError(
            f"parameters of shapes {', '.join(str(list(p)) for p in parameters)} must broadcast onto "
            f"the input's {list(x)}"
        )
    return x
