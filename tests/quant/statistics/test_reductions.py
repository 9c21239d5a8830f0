"""Of images that were only swept, a reduction is the one of the whole images, or is refused."""

import itertools
import math

import numpy as np
import pytest

from numpot.kernels.statistics.min_max_sum import min_max_sum
from numpot.quant.statistics.histogram import Histogram
from numpot.quant.statistics.reductions import REDUCTIONS, Observed, Swept, needs_only_a_sweep

CHANNELS_LAST = np.random.default_rng(0).standard_normal((5, 4, 6, 3)).astype(np.float32)
IMAGES = CHANNELS_LAST.transpose(0, 3, 1, 2)
AXES = (None, 0, 1, 2, 3, -1, -3)


def swept() -> Swept:
    images, height, width, channels = CHANNELS_LAST.shape
    positions = height * width
    return Swept(*min_max_sum(CHANNELS_LAST.reshape(images, positions, channels)), positions)


@pytest.mark.parametrize("others_before", [False, True])
@pytest.mark.parametrize(("reduction", "axis"), list(itertools.product(REDUCTIONS, AXES)))
def test_a_sweep_gives_what_it_says_and_refuses_all_else(reduction, axis, others_before):
    found = swept()
    if others_before:  # what was asked for before changes nothing
        for other in ("abs_max", "mean"):
            found.reduce(other, 1)
    for q in (0.0, 0.1, 0.9) if "quantile" in reduction else (0.0,):
        if needs_only_a_sweep(reduction, axis):
            expected = Observed(IMAGES).reduce(reduction, axis, q)
            np.testing.assert_array_equal(found.reduce(reduction, axis, q), expected, strict=True)
        else:
            with pytest.raises(NotImplementedError, match=rf"of axis {axis}\. Observe the tensor"):
                found.reduce(reduction, axis, q)


def test_some_reductions_need_only_a_sweep_and_some_do_not():
    given = [needs_only_a_sweep(r, a) for r, a in itertools.product(REDUCTIONS, AXES)]
    assert 0 < sum(given) < len(given)


def test_a_histogram_refuses_what_was_only_swept():
    with pytest.raises(NotImplementedError, match="the samples themselves were not seen"):
        Histogram(1).update(swept())
    assert len(swept()) == len(CHANNELS_LAST) and math.prod(swept().reduce("min", 1).shape) == 15
