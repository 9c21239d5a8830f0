"""Histograms: NumPy's counts, whatever the order and the split."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from numpot.quant.statistics.collector import pack, unpack
from numpot.quant.statistics.histogram import Histogram

VALUES = st.floats(-(2.0**20), 2.0**20, width=32) | st.sampled_from([0.0, 1.0, -1.0, 2.0**-130, 6.0])
X = np.random.default_rng(0).standard_normal((12, 4, 5, 3)).astype(np.float32)


def fed(axis: int | None, *parts: np.ndarray) -> Histogram:
    histogram = Histogram(axis)
    for part in parts:
        histogram.update(part)
    return histogram


def assert_same(a: Histogram, b: Histogram) -> None:
    assert a.state() == b.state()


def test_counts_are_numpys():
    # the last channel is dead
    x = np.maximum(X, -0.5) * np.array([1, 10, 0.01, 0], np.float32)[:, None, None]
    histogram = fed(1, x[:5], x[5:])
    for c in range(4):
        values = x[:, c].ravel()
        edges = np.arange(-histogram.half, histogram.half + 1) * histogram.width[c]
        expected = np.histogram(values[values != 0], edges)[0] if c < 3 else np.zeros(2 * histogram.half)
        np.testing.assert_array_equal(histogram.counts[c], expected)
        assert histogram.zeros[c] == np.sum(values == 0)
        if c < 3:
            assert histogram.half / 2 <= np.abs(values).max() / histogram.width[c] <= histogram.half
    np.testing.assert_allclose(histogram.power, np.mean(np.square(x), axis=(0, 2, 3)), rtol=0.01)


@given(arrays(np.float32, (6, 2, 3), elements=VALUES), st.sampled_from([None, 1, 2]), st.data())
def test_neither_order_nor_split_changes_a_histogram(x, axis, data):
    order = data.draw(st.permutations(range(6)))
    cut = data.draw(st.integers(0, 6))
    merged = fed(axis, x[order[:cut]])
    merged.merge(fed(axis, x[order[cut:]]))
    assert_same(merged, fed(axis, x))
    assert_same(fed(axis, *(x[[i]] for i in order)), fed(axis, x))
    restored = Histogram(axis)
    restored.restore(fed(axis, x[order[:cut]]).state())
    restored.update(x[order[cut:]])
    assert_same(restored, fed(axis, x))


def test_images_may_lie_channels_last():
    channels_last = np.ascontiguousarray(X.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    for axis in (None, 1):
        assert_same(fed(axis, channels_last), fed(axis, X))


@pytest.mark.parametrize("name", ["counts", "exponent", "zeros"])
@pytest.mark.parametrize(
    "spoil", [lambda a: a[:0], lambda a: a[0], lambda a: a - 2**20], ids=["none", "scalar", "negative"]
)
def test_a_state_that_cannot_be_is_refused(name, spoil):
    """As a statistics file with a digest that fits may hold it."""
    made = Histogram(1)
    made.update(np.ones((2, 3, 4), np.float32))
    state = made.state()
    Histogram(1).restore(state)
    with pytest.raises(ValueError):
        Histogram(1).restore({**state, name: pack(np.asarray(spoil(unpack(state[name], np.int64))))})
