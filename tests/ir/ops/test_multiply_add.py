"""fused_multiply_add against rational arithmetic: the float32 nearest to the exact value, ties to even,
whatever the operands.
"""

from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from numpot.ir.ops.multiply_add import fused_multiply_add

F32 = np.float32
finite = st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-(2.0**40), max_value=2.0**40)


def nearest_float32(value: Fraction) -> Any:
    """By definition: of the float32 numbers around the value the nearest one, of two equally near ones the
    even one.
    """
    near = F32(float(value))
    candidates = [np.nextafter(near, F32(-np.inf)), near, np.nextafter(near, F32(np.inf))]
    return min(candidates, key=lambda c: (abs(Fraction(float(c)) - value), int(c.view(np.int32)) & 1))


def fused(x: float, a: float, b: float) -> Any:
    return fused_multiply_add(*(np.asarray([v], F32) for v in (x, a, b)))[0]


# half a unit of b's last place, but for 2**-47: float64 rounds the sum to a tie of float32, and rounding that
# goes the wrong way
BESIDE_A_TIE = (1 + 2.0**-23, (1 - 2.0**-23) / 2, 2.0**23 + 1)


@given(finite, finite, finite)
@example(*BESIDE_A_TIE)
@example(-BESIDE_A_TIE[0], BESIDE_A_TIE[1], -BESIDE_A_TIE[2])
def test_one_rounding(x: float, a: float, b: float) -> None:
    exact = Fraction(x) * Fraction(a) + Fraction(b)
    assert fused(x, a, b) == nearest_float32(exact)


@given(st.integers(0, 2**23 - 1), st.integers(1, 2**10), st.booleans(), st.booleans())
def test_one_rounding_beside_ties(mantissa: int, step: int, above: bool, negative: bool) -> None:
    """The product is half of b's last bit, and a little more or less than float64 can see in the sum."""
    b = float(F32(2**23 + mantissa))
    x, a = 1 + step * 2.0**-23, (1 - step * 2.0**-23) / 2  # (1 + e)(1 - e) / 2 = 1/2 - e**2 / 2
    x, a = (x, a) if not above else (1 + step * 2.0**-23, (1 - (step - 1) * 2.0**-23) / 2)
    sign = -1 if negative else 1
    assert fused(sign * x, a, sign * b) == nearest_float32(sign * (Fraction(x) * Fraction(a) + Fraction(b)))


def test_rounding_twice_would_be_seen() -> None:
    x, a, b = (F32(v) for v in BESIDE_A_TIE)
    assert (
        fused(*BESIDE_A_TIE) == 2**23 + 1 and F32(np.float64(x) * np.float64(a) + np.float64(b)) == 2**23 + 2
    )


def test_no_number_stays_none() -> None:
    x = np.array([np.nan, np.inf, -np.inf, np.inf, 3], F32)
    with np.errstate(invalid="ignore"):
        y = fused_multiply_add(x, np.array([1, 1, 1, 0, np.inf], F32), np.array([0, 0, 0, 0, -np.inf], F32))
    np.testing.assert_array_equal(y, np.array([np.nan, np.inf, -np.inf, np.nan, np.nan], F32))
