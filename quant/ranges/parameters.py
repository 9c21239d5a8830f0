"""What `weights`, `activations` and `range_estimator` can be told: nested dictionaries with POT's keys, read
into dataclasses.

A wrong key or value ends in one sentence that says where it is, what was expected, and the nearest known
name.
"""

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeVar, get_args

from numpot.ir.arguments import shown
from numpot.ir.ops.common.operator import nearest

from ..errors import QuantizationError
from ..settings.option import alternatives
from ..settings.option_types import check_words_and_bounds, choose, read_option
from ..settings.range_options import BITS, QuantizerParameters, RangeEstimation

# beyond POT: the range is found as a whole, not end by end
SEARCHED: Final = ("percentile", "mse", "layer_noise", "auto")
LEAST_LEVELS: Final = 3  # zero, and one on either side: symmetric bounds need that (bounds.py)
T = TypeVar("T")


def read_quantizer(where: str, given: Mapping[str, Any] | None) -> QuantizerParameters:
    """`weights` or `activations`. Raises QuantizationError."""
    found = _read(QuantizerParameters, where, {} if given is None else given)
    check_words_and_bounds(found, f"{where}.")
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
    (hint,) = alternatives(hint)
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
        check_words_and_bounds(end, f"{where}.{name}.")
        if found.preset in SEARCHED:
            for key in ("type", "aggregator"):
                if getattr(end, key) is not None:
                    raise QuantizationError(
                        f"{where}.{name}.{key} does not go with preset {found.preset!r}, which finds "
                        "the range itself"
                    )
