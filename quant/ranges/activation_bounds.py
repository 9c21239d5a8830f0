"""The stage of ranges: from filled statistics to the bounds of every FakeQuantize on an activation."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ..placement.quantizer import Quantizer
from .activation_ranges import ActivationRange


class ActivationBounds(NamedTuple):
    """low, high: () or (C,), float32. estimator: the preset that found them, or which one `auto` chose."""

    low: np.ndarray
    high: np.ndarray
    estimator: str


def activation_bounds(ranges: Mapping[Quantizer, ActivationRange]) -> dict[str, ActivationBounds]:
    """Bounds by name of the quantizer; members of a group share the widest among them. ranges: of all
    activations, their statistics filled.
    """
    bounds = {q: found.bounds() for q, found in ranges.items()}
    return {
        q.name: ActivationBounds(
            np.min([bounds[member][0] for member in q.group], axis=0),
            np.max([bounds[member][1] for member in q.group], axis=0),
            found.estimator,
        )
        for q, found in ranges.items()
    }
