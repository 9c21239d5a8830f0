"""The options inside `weights`, `activations` and `range_estimator`: nested dictionaries with POT's keys."""

from dataclasses import dataclass
from typing import Any, Final, Literal

from .option import option

#: What is taken of one sample.
Reduction = Literal["min", "max", "abs_max", "mean", "quantile", "abs_quantile"]
#: How the values of many samples become one.
Aggregator = Literal[
    "min", "max", "mean", "batch_mean", "median", "mean_no_outliers", "median_no_outliers", "hl_estimator"
]
Mode = Literal["symmetric", "asymmetric"]
Granularity = Literal["perchannel", "pertensor"]
RangePreset = Literal["default", "quantile", "percentile", "mse", "layer_noise", "auto"]
BITS: Final = range(2, 9)


def _of_pot(default: Any, key: str, help: str, **more: Any) -> Any:
    """An option that POT has under the same key, and whose default in a configuration is to be left out."""
    return option(default, help, pot=key, file_default=None, **more)


@dataclass(frozen=True)
class RangeEnd:
    """One end of a range; None stands for the default."""

    type: Reduction | None = _of_pot(None, "type", "what is taken of a sample")
    aggregator: Aggregator | None = _of_pot(None, "aggregator", "how the values of samples are combined")
    outlier_prob: float | None = _of_pot(
        None, "outlier_prob", "share of values that a quantile leaves out", least=0, below=0.5
    )
    clipping_value: float | None = _of_pot(
        None, "clipping_value", "the final bound goes no further", unit="the tensor's own"
    )


@dataclass(frozen=True)
class RangeEstimation:
    """How a range is estimated: a preset, and what differs from it."""

    preset: RangePreset = _of_pot("default", "preset", "a row of the table of presets in calibration.md")
    min: RangeEnd = _of_pot(RangeEnd(), "min", "the lower end, where it differs from the preset")
    max: RangeEnd = _of_pot(RangeEnd(), "max", "the upper end, likewise")


@dataclass(frozen=True)
class QuantizerParameters:
    """What `weights` or `activations` ask for; None leaves it to the device's table and the preset."""

    bits: int | None = _of_pot(None, "bits", "width of a code", unit="bits", least=BITS[0], most=BITS[-1])
    mode: Mode | None = _of_pot(None, "mode", "whether real zero lies in the middle of the codes")
    granularity: Granularity | None = _of_pot(
        None, "granularity", "a range per channel, or one for the tensor"
    )
    level_low: int | None = _of_pot(None, "level_low", "the first code", unit="code")
    level_high: int | None = _of_pot(None, "level_high", "the last code", unit="code")
    range_estimator: RangeEstimation | None = _of_pot(
        None, "range_estimator", "replaces the global range_estimator"
    )

    @property
    def scheme_fields(self) -> dict[str, Any]:
        """What is given of the scheme."""
        fields = {
            name: getattr(self, name) for name in ("bits", "mode", "granularity", "level_low", "level_high")
        }
        return {name: value for name, value in fields.items() if value is not None}
