"""Random convolutions and pools against OpenVINO, and what a window refuses."""

import dataclasses
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given, settings

from numpot.ir.errors import GraphError
from numpot.ir.ops import OperatorError
from numpot.ir.ops.avg_pool import AvgPool
from numpot.ir.ops.common.windows import MAX_PAD, Window
from numpot.ir.ops.max_pool import MaxPool

from ...ops.battery import Case, assert_same, build_graph, run_interpreter, run_vendor
from ...ops.cases_windows import avg_pool, convolution, max_pool, transposed

few = settings(max_examples=30, deadline=None)


@st.composite
def windows(draw: Any, pad_below_reach: bool = False) -> tuple[tuple[int, ...], dict[str, tuple[int, ...]]]:
    """(spatial size, window) where at least one position fits."""
    rank = draw(st.integers(1, 3))

    def ints(least: int, most: int) -> tuple[int, ...]:
        return tuple(draw(st.lists(st.integers(least, most), min_size=rank, max_size=rank)))

    kernel, strides, dilations = ints(1, 3), ints(1, 3), ints(1, 2)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    begin, end = ints(0, 2), ints(0, 2)
    if pad_below_reach:
        begin, end = (tuple(min(p, r - 1) for p, r in zip(pads, reach, strict=True)) for pads in (begin, end))
    size = tuple(
        max(1, r - b - e) + draw(st.integers(0, 5)) for r, b, e in zip(reach, begin, end, strict=True)
    )
    return size, {"kernel": kernel, "strides": strides, "begin": begin, "end": end, "dilations": dilations}


def array(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def agrees(case: Case) -> None:
    assert_same(run_interpreter(case), run_vendor(case), case.rtol, case.atol)


@few
@given(windows(), st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(0, 99))
def test_convolution(window: Any, groups: int, inputs: int, outputs: int, seed: int) -> None:
    size, w = window
    x, weights = (
        array(seed, 2, groups * inputs, *size),
        array(seed + 1, groups * outputs, inputs, *w["kernel"]),
    )
    agrees(convolution(x, weights, w["strides"], w["begin"], w["end"], w["dilations"], groups))


@few
@given(windows(), st.integers(1, 2), st.integers(1, 3), st.integers(1, 2), st.integers(0, 99))
def test_transposed_convolution(window: Any, groups: int, inputs: int, outputs: int, seed: int) -> None:
    size, w = window
    x, weights = (
        array(seed, 1, groups * inputs, *size),
        array(seed + 1, groups * inputs, outputs, *w["kernel"]),
    )
    padding = tuple(seed % s for s in w["strides"])
    case = transposed(x, weights, w["strides"], w["begin"], w["end"], w["dilations"], padding, groups)
    try:
        build_graph(case)
    except GraphError as error:
        assert "leave nothing" in str(error)  # the pads took everything
        return
    agrees(case)


@few
@given(windows(pad_below_reach=True), st.sampled_from(["floor", "ceil_torch"]), st.integers(0, 99))
def test_max_pool(window: Any, rounding: str, seed: int) -> None:
    size, w = window
    case = max_pool(
        array(seed, 1, 2, *size), w["kernel"], w["strides"], w["begin"], w["end"], w["dilations"], rounding
    )
    # a dilated window that sees only padding has no largest element
    assume(np.isfinite(case.op.evaluate(*case.inputs)).all())
    agrees(case)


@few
@given(
    windows(pad_below_reach=True), st.booleans(), st.sampled_from(["floor", "ceil_torch"]), st.integers(0, 99)
)
def test_avg_pool(window: Any, exclude_pad: bool, rounding: str, seed: int) -> None:
    size, w = window
    begin, end = (
        tuple(min(p, k - 1) for p, k in zip(w[side], w["kernel"], strict=True)) for side in ("begin", "end")
    )
    agrees(
        avg_pool(
            array(seed, 1, 2, *(s + 2 for s in size)),
            w["kernel"],
            w["strides"],
            begin,
            end,
            exclude_pad,
            rounding,
        )
    )


# ---- what a window refuses ---------------------------------------------------------------------------------

PLAIN = Window((3, 3), (1, 1), (0, 0), (0, 0), (1, 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kernel": (3, 0)}, "kernel must be 2 integers of at least 1, found"),
        ({"strides": (0, 1)}, "strides must be 2 integers of at least 1, found"),
        ({"strides": (1,)}, "strides must be 2 integers"),
        ({"pads_begin": (0, -1)}, "pads_begin must be 2 integers of at least 0"),
        ({"dilations": (1, 1, 1)}, "dilations must be 2 integers"),
        ({"pads_end": (0, MAX_PAD + 1)}, "at most 4096 is supported"),
    ],
)
def test_malformed_windows_are_refused(change: dict[str, tuple[int, ...]], message: str) -> None:
    with pytest.raises(OperatorError, match=message):
        dataclasses.replace(PLAIN, **change)


@pytest.mark.parametrize(
    ("window", "size", "message"),
    [
        (PLAIN, (3, 2), "a window of 3 does not fit in 2"),
        (PLAIN, (3, 3, 3), "a kernel of 2 dimensions cannot slide over 3"),
        (dataclasses.replace(PLAIN, pads_begin=(3, 3)), (0, 3), "does not fit in 0"),
        (Window((1,), (4,), (0,), (0,), (1,), "ceil"), (6,), "the last window sees no input"),
        (dataclasses.replace(PLAIN, dilations=(2**40, 1)), (9, 9), "does not fit"),
    ],
)
def test_windows_that_do_not_fit_are_refused(window: Window, size: tuple[int, ...], message: str) -> None:
    with pytest.raises(OperatorError, match=message):
        window.output_size(size)


def test_pads_as_wide_as_the_window_are_refused_by_pools() -> None:
    """A window that sees only padding has no largest element and no mean."""
    for pads in ({"pads_begin": (2, 0), "pads_end": (0, 0)}, {"pads_begin": (0, 0), "pads_end": (0, 2)}):
        for op in (
            MaxPool(kernel=(2, 2), strides=(1, 1), dilations=(1, 1), **pads),
            AvgPool(kernel=(2, 2), strides=(1, 1), exclude_pad=True, **pads),
        ):
            with pytest.raises(OperatorError, match="must be smaller than the window"):
                op.infer_shape((1, 1, 5, 5))


def test_taps_are_a_view() -> None:
    """With stride 2, tap 2 of one position is tap 0 of the next: the same memory, not a copy."""
    taps = dataclasses.replace(PLAIN, strides=(2, 2)).taps(array(0, 1, 2, 9, 9), 0)
    assert taps.shape == (1, 2, 3, 3, 4, 4)
    assert np.shares_memory(taps[:, :, 2, 0, :-1], taps[:, :, 0, 0, 1:])
