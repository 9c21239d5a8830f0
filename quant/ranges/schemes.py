"""Which bits, mode and granularity a quantizer gets: the device's table, what the user asks for, and the
preset (docs/calibration.md).

Every layer has a list of schemes, from the fastest to the most accurate. A quantizer that several layers read
gets what their lists have in common; the preset then takes the first or the last. Source: POT 2023.3.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..defaults import Preset
from ..layers.device_operators import QUANTIZABLE, is_depthwise
from ..placement.quantizer import Quantizer
from ..settings.range_options import Granularity, Mode, QuantizerParameters

OTHER_DEVICES: Final = ("NPU", "GNA", "GNA3", "GNA3.5")  # POT knows them, numpot does not
SATURATING_DEVICES: Final = ("ANY", "CPU")  # those for which saturation_fix is meant


@dataclass(frozen=True)
class Scheme:
    """How one tensor is quantized. level_low, level_high: the first and the last code; None for those that
    `bits` and `mode` give.
    """

    bits: int
    mode: Mode
    granularity: Granularity
    is_weight: bool = False
    level_low: int | None = None
    level_high: int | None = None

    @property
    def symmetric(self) -> bool:
        return self.mode == "symmetric"

    @property
    def per_channel(self) -> bool:
        return self.granularity == "perchannel"

    @property
    def levels(self) -> int:
        """|level_high| + |level_low| + 1. Symmetric weights do without the lowest code, so that both sides
        have as many.
        """
        half = 2 ** (self.bits - 1)
        low = -half + (self.symmetric and self.is_weight) if self.level_low is None else self.level_low
        high = half - 1 if self.level_high is None else self.level_high
        return abs(high) + abs(low) + 1

    @property
    def signed(self) -> bool:
        """Whether codes below zero are asked for, even if no value is negative."""
        return self.level_low is not None and self.level_high is not None and self.level_low < 0


ANY_CHANNEL: Final = (Scheme(8, "symmetric", "pertensor"), Scheme(8, "asymmetric", "pertensor"))
EACH_CHANNEL: Final = (Scheme(8, "symmetric", "perchannel"), Scheme(8, "asymmetric", "perchannel"))
WEIGHTS: Final = (
    Scheme(8, "symmetric", "perchannel", True, -127, 127),
    Scheme(8, "asymmetric", "perchannel", True),
)


def weight_scheme(preset: Preset, wanted: QuantizerParameters) -> Scheme:
    """Preset accuracy takes asymmetric weights, the others symmetric ones."""
    schemes = _asked_for(WEIGHTS, wanted)
    return schemes[-1] if preset == "accuracy" else schemes[0]


def activation_scheme(quantizer: Quantizer, preset: Preset, wanted: QuantizerParameters) -> Scheme:
    """Presets performance and best take symmetric activations, the others asymmetric ones, where the model
    leaves a choice.
    """
    layers = [layer for layer in quantizer.layers if layer.type in QUANTIZABLE]
    lists = [_asked_for(EACH_CHANNEL if is_depthwise(layer) else ANY_CHANNEL, wanted) for layer in layers]
    schemes = _common(lists or [_asked_for(ANY_CHANNEL, wanted)])
    if len(quantizer.group) > 1:  # codes that stand side by side in one tensor
        schemes = _unique(replace(s, granularity="pertensor") for s in schemes)
    if quantizer.symmetric:
        schemes = [s for s in schemes if s.symmetric] or schemes
    return schemes[0] if preset in ("performance", "best") else schemes[-1]


def _asked_for(schemes: Sequence[Scheme], wanted: QuantizerParameters) -> list[Scheme]:
    """Those of the device's schemes that are as the user wants; if there are none, the device's schemes
    changed to what the user wants.
    """
    fields = wanted.scheme_fields
    fitting = [s for s in schemes if all(getattr(s, name) == value for name, value in fields.items())]
    return fitting or _unique(_changed(s, fields) for s in schemes)


def _changed(scheme: Scheme, fields: dict[str, int | str]) -> Scheme:
    """Other bits or modes have other levels, unless they are given too."""
    return replace(scheme, **{"level_low": None, "level_high": None, **fields})  # type: ignore[arg-type]


def _common(lists: Sequence[Sequence[Scheme]]) -> list[Scheme]:
    """What all lists hold; if nothing, what they hold when each scheme also stands for its weaker
    variants.
    """
    return _intersection(lists) or _intersection([_with_weaker(schemes) for schemes in lists])


def _intersection(lists: Sequence[Sequence[Scheme]]) -> list[Scheme]:
    return [s for s in lists[0] if all(s in others for others in lists[1:])]


def _with_weaker(schemes: Sequence[Scheme]) -> list[Scheme]:
    """Per channel can be had as per tensor. Symmetric before asymmetric, as everywhere."""
    return _unique([*schemes, *(replace(s, granularity="pertensor") for s in schemes)])


def _unique(schemes: Iterable[Scheme]) -> list[Scheme]:
    return list(dict.fromkeys(schemes))
