"""What makes a class an operator, and the table of all of them.

An operator is a frozen dataclass: its fields are its attributes, its ports are the parameters of `evaluate`,
and it has two rules,

    infer_shape(self, *shapes)    tuples of ints in, one tuple out (or a list of tuples, for several outputs)
    evaluate(self, *arrays)       ndarrays in, one ndarray out (or a list)

Nothing else is declared anywhere: readers, writers, the interpreter and the contract tests find the class
through `OPERATORS`. A port named in `value_ports` (the target of a Reshape, say) reaches `infer_shape` as an
int array instead of a shape, because the output's shape depends on what it holds; it must then be known
before the model runs. Traits, which are class attributes too, say what others may rely on.
"""

import dataclasses
import difflib
import functools
import inspect
import math
import re
import types
import typing
from collections.abc import Callable
from operator import index
from typing import Any, ClassVar, TypeVar

import numpy as np

from ...dtypes import BY_NAME, NAMES, DType

Shape = tuple[int, ...]
Ints = tuple[int, ...]
C = TypeVar("C", bound="Operator")
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
OPERATORS: dict[str, type["Operator"]] = {}

# What int() and float() take beyond this (1_000, full-width digits, blanks, a leading +) is not a number in a
# file.
INTEGER = re.compile(r"-?[0-9]{1,19}")
FLOAT = re.compile(r"-?([0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?|inf)|nan", re.IGNORECASE)


class OperatorError(ValueError):
    """An operator cannot be applied so; whoever catches it knows the layer's name and adds it."""


class NoSuchAttributeError(OperatorError):
    """An operator has no attribute of that name."""


class Operator:
    """Base of all operators: one input and one output, same shape, same type, unless a subclass says
    otherwise.

    (`**_` only tells type checkers that a subclass may name its own parameters.)
    """

    type: ClassVar[str]
    value_ports: ClassVar[tuple[int, ...]] = ()
    accepts: ClassVar[tuple[DType, ...]] = tuple(NAMES)  # element types the data may have

    # Traits: declared beside the definition by whoever has them, and tried on every operator by
    # tests/ir/ops/test_traits.py.

    #: f(scale * codes + offset) = scale * f(codes) + offset, if one scale > 0 and one offset serve all data.
    computes_on_codes: ClassVar[bool] = False
    #: If the first dimension is the batch, before and after, no sample of the output depends on another's
    #: input, unless the attribute `axis` is that dimension.
    keeps_to_a_sample: ClassVar[bool] = False

    def passes_codes(self) -> bool:
        """Whether it computes the same on codes, with the attributes that it has."""
        return self.computes_on_codes

    def infer_shape(self, *shapes: Any, **_: Any) -> Any:
        return shapes[0]

    def infer_dtype(self, *dtypes: Any, **_: Any) -> Any:
        """Element type of the outputs (a list where they differ): by default that of the inputs, which must
        agree.
        """
        data = [d for port, d in enumerate(dtypes) if port not in self.value_ports]
        if len(set(data)) > 1:
            raise OperatorError(
                "inputs must have one element type, found " + ", ".join(NAMES[d] for d in data)
            )
        if data[0] not in self.accepts:
            raise OperatorError(
                f"inputs must be {' or '.join(NAMES[d] for d in self.accepts)}, found {NAMES[data[0]]}"
            )
        return data[0]

    def evaluate(self, *arrays: Any, **_: Any) -> Any:
        raise OperatorError(f"{self.type} has no value of its own")

    # What an evaluation costs, for those who must know before they begin (evaluation.py).

    def workspace(self, inputs: list[Shape], outputs: list[Shape]) -> int:
        """Elements that `evaluate` holds at once besides its inputs and outputs, about."""
        return sum(map(math.prod, outputs))

    def operations(self, inputs: list[Shape], outputs: list[Shape]) -> int:
        """Elements that `evaluate` reads, writes, or multiplies and adds, about."""
        return sum(map(math.prod, inputs + outputs))


@typing.dataclass_transform(frozen_default=True, kw_only_default=True)
def operator(name: str) -> Callable[[type[C]], type[C]]:
    """Register the class under the name it has in files."""

    def register(cls: type[C]) -> type[C]:
        cls = dataclasses.dataclass(frozen=True, kw_only=True)(cls)
        cls.type = name
        OPERATORS[name] = cls
        return cls

    return register


def _cached(function: F) -> F:
    """functools.cache with the type of the function, because type checkers doubt that a class can
    be hashed.
    """
    return typing.cast(F, functools.cache(function))


@_cached
def ports(cls: type[Operator]) -> tuple[int, int]:
    """(least, most) number of inputs of an operator class, read off `evaluate`; most is 2**16 for an operator
    that takes any number.
    """
    parameters = list(inspect.signature(cls.evaluate).parameters.values())[1:]
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return sum(p.kind is not p.VAR_POSITIONAL for p in parameters) or 1, 2**16
    return sum(p.default is p.empty for p in parameters), len(parameters)


@_cached
def attribute_types(cls: type) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {f.name: hints[f.name] for f in dataclasses.fields(cls)}


def find(name: str) -> type[Operator]:
    """The operator class registered under a name."""
    if name not in OPERATORS:
        raise OperatorError(f"operator {name!r} is not known" + nearest(name, OPERATORS))
    return OPERATORS[name]


def nearest(word: str, known: typing.Iterable[str]) -> str:
    """'. Did you mean ...?' when something known is close, else nothing."""
    by_lower = {k.lower(): k for k in known}
    match = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return f". Did you mean {by_lower[match[0]]!r}?" if match else ""


# ---- attributes as text, for files -------------------------------------------------------------------------


def to_text(op: Any) -> dict[str, str]:
    """Attributes of an operator (or of any dataclass of such fields) as canonical text; a value that is its
    default is left out.
    """
    hints = attribute_types(type(op))
    text = {}
    for field in dataclasses.fields(op):
        value = write_value(hints[field.name], getattr(op, field.name))
        # Texts are compared, not values: -0.0 == 0.0, yet a file must tell them apart.
        if field.default is dataclasses.MISSING or value != write_value(hints[field.name], field.default):
            text[field.name] = value
    return text


def from_text(cls: type[T], text: typing.Mapping[str, str]) -> T:
    """The inverse of to_text. Raises OperatorError for an attribute that is unknown, missing or malformed."""
    hints = attribute_types(cls)
    for name in text:
        if name not in hints:
            raise NoSuchAttributeError(f"attribute {name!r} is not known" + nearest(name, hints))
    values = {name: _read(name, hints[name], raw) for name, raw in text.items()}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        if field.default is dataclasses.MISSING and field.name not in values:
            raise OperatorError(f"attribute {field.name!r} is missing")
    return cls(**values)


def write_value(hint: Any, value: Any) -> str:
    """A value of the hinted type as text. Raises ValueError, TypeError or KeyError if it is not one that a
    file can hold.
    """
    if value is None:  # only ever a default, and defaults are not written
        return ""
    if hint is bool:
        return "true" if value else "false"
    if hint is np.dtype:
        return NAMES[value]
    if hint is float:
        return repr(float(value))
    if hint == Ints:
        return ",".join(str(_in_64_bits(index(v))) for v in value)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return write_value(typing.get_args(hint)[0], value)
    return str(_in_64_bits(index(value))) if hint is int else str(value)


def _read(name: str, hint: Any, raw: str) -> Any:
    try:
        return parse_value(hint, raw)
    except (ValueError, KeyError):
        message = f"attribute {name!r} must be {_describe(hint)}, found {raw!r}"
        raise OperatorError(message + nearest(raw, _choices(hint))) from None


def parse_value(hint: Any, raw: str) -> Any:
    """The inverse of write_value. Raises ValueError or KeyError for text that does not spell a value of the
    hinted type.
    """
    if hint is bool:
        return {"true": True, "false": False}[raw]
    if hint is np.dtype:
        return BY_NAME[raw]
    if hint is int:
        return _int64(raw)
    if hint is float and not FLOAT.fullmatch(raw):
        raise ValueError(raw)
    if hint == Ints:
        return tuple(_int64(part) for part in raw.split(",")) if raw else ()
    if typing.get_origin(hint) is typing.Literal:
        return {str(choice): choice for choice in typing.get_args(hint)}[raw]
    if typing.get_origin(hint) in (typing.Union, types.UnionType):  # "int | None": absent means None
        return parse_value(typing.get_args(hint)[0], raw)
    return hint(raw)


def _int64(raw: str) -> int:
    if not INTEGER.fullmatch(raw):
        raise ValueError(raw)
    return _in_64_bits(int(raw))


def _in_64_bits(value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise ValueError(f"{value} does not fit in 64 bits")
    return value


def _choices(hint: Any) -> list[str]:
    """The words that stand for the values of a hint, if these are few."""
    if typing.get_origin(hint) is typing.Literal:
        return [str(choice) for choice in typing.get_args(hint)]
    return list(BY_NAME) if hint is np.dtype else []


def _describe(hint: Any) -> str:
    if choices := _choices(hint):
        return "one of " + ", ".join(choices)
    return {
        bool: "true or false",
        int: "an integer",
        float: "a number",
        Ints: "integers separated by commas",
    }.get(hint, str(hint))
