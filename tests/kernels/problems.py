"""Random arithmetic for the comparator: shapes from hypothesis, contents from a seed, drawn so that pairs
clip and halves occur.
"""

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from numpot.kernels import reference
from numpot.kernels.codegen.isa import ISA
from numpot.kernels.layout.window import Window
from numpot.kernels.tiles.epilogue import Epilogue, make_epilogue

_checks = {"deadline": None, "suppress_health_check": list(HealthCheck)}
few = settings(max_examples=int(os.environ.get("NUMPOT_EXAMPLES", "60")), **_checks)
many = settings(max_examples=10_000, **_checks)

needs_amx = pytest.mark.skipif(not ISA.has_amx, reason=f"the kernels here are {ISA.name}, without AMX")

seeds = st.integers(0, 2**32 - 1)


def codes(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """u8 activations; half the time only 0 and 255, which press pairs hardest."""
    if rng.random() < 0.5:
        return rng.choice(np.array([0, 255], np.uint8), shape)
    return rng.integers(0, 256, shape, np.uint8)


def weights(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """s8 weights; half the time of one large size and mostly one sign, so that many pairs clip."""
    if rng.random() < 0.5:
        return np.where(rng.random(shape) < 0.8, 127, -128).astype(np.int8)
    return rng.integers(-128, 128, shape, np.int8, endpoint=False)


def epilogue(rng: np.random.Generator, channels: int) -> Epilogue:
    """Constants that spread accumulators over the codes; half the time powers of two, so that codes fall on
    exact halves.
    """
    low, high = [(-np.inf, np.inf), (0.0, np.inf), (0.0, 6.0), (-1.0, 1.0)][rng.integers(4)]
    offset = 128.0 * rng.integers(2)
    if rng.random() < 0.5:
        scale, bias = 2.0 ** rng.integers(-14, -6, channels), rng.integers(-8, 8, channels) / 4
        return make_epilogue(
            channels, scale, bias, low, high, 2.0 ** rng.integers(0, 6), 1.0, 128.0 * rng.integers(2), offset
        )
    scale, bias, shift = (
        rng.uniform(1e-5, 1e-2, channels),
        rng.normal(size=channels),
        rng.uniform(0, 255, channels) - offset,
    )
    multiplier, one = rng.uniform(1, 200, channels), np.ones(channels)
    factors = (multiplier, one) if rng.random() < 0.5 else (one, multiplier)
    return make_epilogue(channels, scale, bias, low, high, *factors, shift, offset)


@dataclass
class GemmProblem:
    seed: int
    size: tuple[int, int, int]  # M, N, K
    zero_point: int
    arithmetic: reference.Arithmetic
    a: np.ndarray = field(init=False, repr=False)
    b: np.ndarray = field(init=False, repr=False)
    epilogue: Epilogue = field(init=False, repr=False)
    block: int = field(init=False)  # half the time, no pair crosses the end of so many products

    def __post_init__(self) -> None:
        rng, (M, N, K) = np.random.default_rng(self.seed), self.size
        self.a, self.b, self.epilogue = codes(rng, (M, K)), weights(rng, (K, N)), epilogue(rng, N)
        self.block = int(rng.integers(1, K)) if K > 1 and rng.random() < 0.5 else 0


@dataclass
class ConvolutionProblem:
    seed: int
    window: Window
    batch: int
    size: tuple[int, int]
    groups: int
    depth: int
    columns: int
    zero_point: int
    arithmetic: reference.Arithmetic
    x: np.ndarray = field(init=False, repr=False)  # NCHW
    w: np.ndarray = field(init=False, repr=False)  # OIHW
    epilogue: Epilogue = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rng, channels = np.random.default_rng(self.seed), self.groups * self.columns
        self.x = codes(rng, (self.batch, self.groups * self.depth, *self.size))
        self.w = weights(rng, (channels, self.depth, *self.window.kernel))
        self.epilogue = epilogue(rng, channels)

    @property
    def keywords(self) -> dict[str, Any]:
        """What the reference takes besides arrays and arithmetic."""
        w = self.window
        return {
            "strides": w.strides,
            "pads_begin": w.pads_begin,
            "pads_end": w.pads_end,
            "dilations": w.dilations,
            "groups": self.groups,
        }

    def empty_output(self, dtype: type) -> np.ndarray:
        """NHWC, full of rubbish, so that an element nobody writes is noticed."""
        return np.full(
            (self.batch, *self.window.output_size(*self.size), self.groups * self.columns), 77, dtype
        )


arithmetics = st.sampled_from(["exact", "saturating"])
gemm_problems = st.builds(
    GemmProblem, seeds, st.tuples(*[st.integers(0, 40)] * 3), st.integers(0, 255), arithmetics
)


@st.composite
def windows(draw: st.DrawFn) -> tuple[Window, tuple[int, int]]:
    """A window, strides often larger than the kernel, and an image it fits in at least once."""

    def pair(least: int, most: int) -> tuple[int, int]:
        return draw(st.tuples(st.integers(least, most), st.integers(least, most)))

    window = Window(pair(1, 3), pair(1, 4), pair(1, 3), pair(0, 3), pair(0, 3))
    size = pair(1, 7)
    while min(window.output_size(*size)) < 1:
        size = size[0] + 1, size[1] + 1
    return window, size


@st.composite
def convolution_problems(draw: st.DrawFn, *, depthwise: bool = False) -> ConvolutionProblem:
    window, size = draw(windows())
    groups = draw(st.integers(1, 40 if depthwise else 3))
    depth, columns = (1, 1) if depthwise else draw(st.tuples(st.integers(1, 6), st.integers(1, 9)))
    return ConvolutionProblem(
        draw(seeds),
        window,
        draw(st.integers(0, 3)),
        size,
        groups,
        depth,
        columns,
        draw(st.integers(0, 255)),
        draw(arithmetics),
    )


def nhwc(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def nchw(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))
