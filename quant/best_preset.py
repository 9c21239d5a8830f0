"""Preset `best`: what was measured to help beyond POT, together (docs/differences.md has the numbers)."""

from dataclasses import replace

from .parameters import Parameters
from .settings.range_options import RangeEnd, RangeEstimation

#: The largest value of all samples: with channels equalized and means corrected, clipping costs more than it
#: gains.
_WIDEST = RangeEstimation(max=RangeEnd(aggregator="max"))


def with_best(settings: Parameters) -> Parameters:
    """The parameters that preset `best` stands for; a range estimator that the user gives is kept. Other
    presets stay as they are.
    """
    if settings.preset != "best":
        return settings
    activations = settings.activations
    if settings.estimation(is_weight=False) == RangeEstimation():
        activations = replace(activations, range_estimator=_WIDEST)
    return replace(
        settings, activations=activations, equalize_channels=True, use_fast_bias=False, strict_pot=False
    )
