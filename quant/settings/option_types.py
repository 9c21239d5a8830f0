"""The one place where a value that a caller gives is held against the declaration of the option it is for
(option.py): its type, its words, its bounds.

Whether values make sense together, or for a model, is checked where it is known.
"""

import math
import numbers
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar, get_args, get_origin

from numpot.ir.arguments import MOST_SHOWN, shown
from numpot.ir.ops.common.operator import nearest

from ..errors import QuantizationError
from .option import declared

T = TypeVar("T")
LARGEST = 2**63 - 1  # of whole numbers: what files and NumPy can hold


def read_options(declaration: type[T], options: Mapping[str, Any]) -> T:
    """The declared options from plain values, each checked by itself. Raises QuantizationError."""
    refuse_unknown(options, declared(declaration))
    settings = declaration(**typed(declaration, options))
    check_words_and_bounds(settings)
    return settings


def refuse_unknown(options: Iterable[str], known: Iterable[str]) -> None:
    """Raises QuantizationError for a name that is none of those known."""
    names = list(known)
    for name in options:
        if name not in names:
            raise QuantizationError(
                f"parameter {name!r} is not known"
                + (nearest(name, names) or f". Known are {', '.join(names)}")
            )


def typed(declaration: type, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with plain Python values for NumPy's. Raises QuantizationError for one of another type than
    the dataclass declares.

    Fields that are dataclasses themselves are left as they are: their readers check them.
    """
    known = declared(declaration)
    return {name: read_option(known[name].hint, name, value) for name, value in options.items()}


def check_words_and_bounds(settings: object, where: str = "") -> None:
    """Hold the options of a dataclass against the words and bounds that they are declared with. Raises
    QuantizationError, which calls an option `where` and its name.
    """
    for name, one in declared(type(settings)).items():
        value = getattr(settings, name)
        if value is None and one.may_be_none:
            continue
        if one.choices and get_origin(one.kind) is not Literal:
            for entry in value:
                if entry not in one.choices:
                    raise QuantizationError(
                        f"{where}{name}: expected some of {', '.join(one.choices)}, found {shown(entry)}"
                    )
        elif one.choices:
            if value not in one.choices:
                alone = one.may_be_none and len(one.choices) == 1  # "one of" needs another
                known = ", ".join([*(["None"] if alone else []), *one.choices])
                raise QuantizationError(f"{where}{name} must be one of {known}, found {shown(value)}")
        elif one.kind in (int, float) and not one.admits(value):
            raise QuantizationError(f"{where}{name} must be {one.bounds}, found {shown(value)}")


def read_option(hint: Any, name: str, value: Any) -> Any:
    """A value as its type hint says. Raises QuantizationError, which calls it `name`. Which words a Literal
    has is not looked at.
    """
    if isinstance(hint, types.UnionType) or get_origin(hint) is typing.Union:
        choices = [h for h in get_args(hint) if h is not types.NoneType]
        return None if value is None else read_option(choices[0], name, value)
    if get_origin(hint) is Literal:
        return value if isinstance(value, str) else choose(get_args(hint), name, value)
    if hint is bool:
        return _flag(name, value)
    if hint in (int, float):
        return _number(hint, name, value)
    if get_origin(hint) in (Sequence, tuple):
        return _several(get_args(hint)[0], name, value)
    if get_origin(hint) is Mapping:
        return _mapping(get_args(hint), name, value)
    if hint is str and not isinstance(value, str):
        raise QuantizationError(f"{name} must be text, found {shown(value)}")
    return value


def choose(choices: tuple[Any, ...], name: str, value: Any) -> Any:
    """A value that must be one of a few words. Raises QuantizationError."""
    if not isinstance(value, str) or value not in choices:
        close = nearest(value, choices) if isinstance(value, str) and len(value) <= MOST_SHOWN else ""
        raise QuantizationError(f"{name} must be one of {', '.join(choices)}, found {shown(value)}{close}")
    return str(value)


def _flag(name: str, value: Any) -> bool:
    if type(value).__name__ not in ("bool", "bool_"):  # Python's or NumPy's
        raise QuantizationError(f"{name} must be True or False, found {shown(value)}")
    return bool(value)


def _number(kind: type, name: str, value: Any) -> Any:
    wanted = numbers.Integral if kind is int else numbers.Real
    what = "a whole number" if kind is int else "a number"
    if isinstance(value, bool) or not isinstance(value, wanted):
        raise QuantizationError(f"{name} must be {what}, found {shown(value)}")
    if kind is int and abs(int(value)) > LARGEST:  # type: ignore[call-overload]
        raise QuantizationError(f"{name} must be {what} of at most 63 bits, found {shown(value)}")
    try:
        plain = kind(value)
    except (OverflowError, ValueError):
        plain = math.inf
    if not math.isfinite(plain):
        raise QuantizationError(f"{name} must be a finite number, found {shown(value)}")
    return plain


def _several(hint: Any, name: str, value: Any) -> tuple[Any, ...]:
    """A list, tuple or other collection; None stands for an empty one. Text is one thing, not several
    letters.
    """
    if value is None:
        return ()
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, typing.Iterable):
        raise QuantizationError(f"{name} must be a list, found {shown(value)}")
    try:
        entries = tuple(value)
    except TypeError:  # an array without dimensions, say
        raise QuantizationError(f"{name} must be a list, found {shown(value)}") from None
    return tuple(read_option(hint, f"{name}[{i}]", entry) for i, entry in enumerate(entries))


def _mapping(hints: tuple[Any, ...], name: str, value: Any) -> dict[Any, Any]:
    if not isinstance(value, Mapping):
        raise QuantizationError(f"{name} must be a dictionary, found {shown(value)}")
    for key in value:
        if not isinstance(key, str):
            raise QuantizationError(f"{name}: keys must be text, found {shown(key)}")
    return {key: read_option(hints[1], f"{name}[{key!r}]", entry) for key, entry in value.items()}
