"""What `weights`, `activations` and `range_estimator` can be told: nested dictionaries with POT's keys, read
into dataclasses.

A wrong key or value ends in one sentence that says where it is, what was expected, and the nearest known
name.
"""

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar, get_args

from numpot.ir.arguments import shown
from numpot.ir.ops.common.operator import nearest

from ..errors import QuantizationError
from ..settings.option_types import choose, read_option
from ..statistics.aggregates import Aggregator
from ..statistics.reductions import Reduction

Mode = Literal["symmetric", "asymmetric"]
Granularity = Literal["perchannel", "pertensor"]
RangePreset = Literal["default", "quantile", "percentile", "mse", "layer_noise", "auto"]
RANGE_PRESETS: Final = get_args(RangePreset)
SEARCHED: Final = (
    "percentile",
    "mse",
    "layer_noise",
    "auto",
)  # beyond POT: the range is found as a whole, not end by end
BITS: Final = range(2, 9)
LEAST_LEVELS: Final = 3  # zero, and one on either side: symmetric bounds need that (bounds.py)
T = TypeVar("T")


@dataclass(frozen=True)
class RangeEnd:
    """One end of a range; None stands for the default. type: what is taken of a sample. aggregator: how
    samples are combined.

    outlier_prob: share of values that a quantile leaves out. clipping_value: the final bound goes no further.
    """

    type: Reduction | None = None
    aggregator: Aggregator | None = None
    outlier_prob: float | None = None
    clipping_value: float | None = None


@dataclass(frozen=True)
class RangeEstimation:
    """How a range is estimated. preset: a row of the table in docs/calibration.md; min, max: what differs
    from it.
    """

    preset: RangePreset = "default"
    min: RangeEnd = field(default_factory=RangeEnd)
    max: RangeEnd = field(default_factory=RangeEnd)


@dataclass(frozen=True)
class QuantizerParameters:
    """What `weights` or `activations` ask for; None leaves it to the device's table and the preset."""

    bits: int | None = None
    mode: Mode | None = None
    granularity: Granularity | None = None
    level_low: int | None = None
    level_high: int | None = None
    range_estimator: RangeEstimation | None = None

    @property
    def scheme_fields(self) -> dict[str, Any]:
        """What is given of the scheme."""
        fields = {
            name: getattr(self, name) for name in ("bits", "mode", "granularity", "level_low", "level_high")
        }
        return {name: value for name, value in fields.items() if value is not None}


def read_quantizer(where: str, given: Mapping[str, Any] | None) -> QuantizerParameters:
    """`weights` or `activations`. Raises QuantizationError."""
    found = _read(QuantizerParameters, where, {} if given is None else given)
    if found.bits is not None and found.bits not in BITS:
        raise QuantizationError(f"{where}.bits must be {BITS[0]} to {BITS[-1]}, found {found.bits}")
    _check_levels(where, found)
    if found.range_estimator is not None:
        _check_estimation(f"{where}.range_estimator", found.range_estimator)
    return found


def read_estimation(where: str, given: str | Mapping[str, Any] | None) -> RangeEstimation:
    """`range_estimator`: a preset, or a dictionary. Raises QuantizationError."""
    found = _read(RangeEstimation, where, {} if given is None else given)
    _check_estimation(where, found)
    return found


def given(parameters: Any) -> dict[str, Any]:
    """Parameters as the dictionary that gives them: what is left to defaults is left out."""
    entries = {f.name: getattr(parameters, f.name) for f in dataclasses.fields(parameters)}
    plain = {
        name: given(value) if dataclasses.is_dataclass(value) else value for name, value in entries.items()
    }
    return {name: value for name, value in plain.items() if value is not None and value != {}}


# ---- reading and checking ----------------------------------------------------------------------------------


def _read(kind: type[T], where: str, value: Any) -> T:
    """A dataclass from a dictionary (or, for a RangeEstimation, from its preset alone)."""
    if kind is RangeEstimation and isinstance(value, str):
        value = {"preset": value}
    if isinstance(value, kind):
        return value
    if not isinstance(value, Mapping):
        raise QuantizationError(f"{where} must be a dictionary, found {shown(value)}")
    hints = typing.get_type_hints(kind)
    for key in value:
        if not isinstance(key, str) or key not in hints:
            known = ", ".join(hints)
            close = nearest(key, hints) if isinstance(key, str) else ""
            raise QuantizationError(f"{where}: {shown(key)} is not known" + (close or f". Known are {known}"))
    return kind(
        **{
            key: _value(hints[key], f"{where}.{key}", entry)
            for key, entry in value.items()
            if entry is not None
        }
    )


def _value(hint: Any, where: str, value: Any) -> Any:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        (hint,) = (h for h in get_args(hint) if h is not types.NoneType)
    if typing.get_origin(hint) is Literal:
        return choose(get_args(hint), where, value)
    if dataclasses.is_dataclass(hint):
        return _read(hint, where, value)  # type: ignore[arg-type]
    return read_option(hint, where, value)


def _check_levels(where: str, found: QuantizerParameters) -> None:
    """Levels must be codes of the bits that are given, and zero among them."""
    bits = found.bits or BITS[-1]
    lowest, highest = -(2 ** (bits - 1)), 2**bits - 1
    if found.level_low is not None and not lowest <= found.level_low <= 0:
        raise QuantizationError(
            f"{where}.level_low must be {lowest} to 0 for {bits} bits, found {found.level_low}"
        )
    if found.level_high is not None and not 1 <= found.level_high <= highest:
        raise QuantizationError(
            f"{where}.level_high must be 1 to {highest} for {bits} bits, found {found.level_high}"
        )
    low = -lowest if found.level_low is None else -found.level_low
    high = 2 ** (bits - 1) - 1 if found.level_high is None else found.level_high
    if low + high + 1 < LEAST_LEVELS:
        raise QuantizationError(
            f"{where}: level_low {-low} to level_high {high} are {low + high + 1} levels; expected "
            f"{LEAST_LEVELS}"
        )
    if low + high + 1 > 2**bits:
        raise QuantizationError(
            f"{where}: level_low {-low} to level_high {high} are {low + high + 1} levels; {bits} bits "
            f"have {2**bits}"
        )


def _check_estimation(where: str, found: RangeEstimation) -> None:
    for name, end in (("min", found.min), ("max", found.max)):
        if end.outlier_prob is not None and not 0 <= end.outlier_prob < 0.5:
            raise QuantizationError(
                f"{where}.{name}.outlier_prob must be from 0 to below 0.5, found {end.outlier_prob:g}"
            )
        if found.preset in SEARCHED:
            for key in ("type", "aggregator"):
                if getattr(end, key) is not None:
                    raise QuantizationError(
                        f"{where}.{name}.{key} does not go with preset {found.preset!r}, which finds "
                        "the range itself"
                    )
