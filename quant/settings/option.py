"""Declares an option: a field of a dataclass, whose metadata holds all that is ever said of it.

    stat_subset_size: int = option(300, "samples to calibrate with", least=1, flag="--subset-size",
                                   metavar="N", pot="stat_subset_size", file_default=None)

Name, type, choices (a Literal) and default are the field's own. Everything that speaks of the option derives
from the declaration:

    option_types.py           checks of values that Python callers give
    signature.py              the signature and docstring of the function that takes it
    cli/option_flags.py       the command line
    pot/config_keys.py        configuration files and their JSON schema
    options_page.py           the tables of docs/options.md

This module imports nothing that is slow to import, and neither may the modules that declare options, because
`numpot --help` reads them.
"""

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, get_args, get_origin

#: Stands for "the same as in Python".
SAME: Final[Any] = object()


@dataclasses.dataclass(frozen=True)
class Option:
    """What a field's own name, type and default do not say.

    help: one line. details: what docstrings and docs/options.md say beside it. unit: of its number. least,
    above, most, below: bounds; `above` and `below` are themselves excluded. flag: on the command line, None
    if it has none; `--yes/--no` for a bool that is True by default. metavar: how help names its value.
    cli_type: its type there, if not the field's.

    pot: the key of POT's that it has in a configuration; own_key: numpot's own. file_default: what a
    configuration that leaves it out means, if not the field's default. file_type: its type there, if not the
    field's. spellings: other words that a configuration may use -> what they stand for.
    """

    help: str
    details: str = ""
    unit: str = ""
    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None
    flag: str | None = None
    metavar: str | None = None
    cli_type: Any = SAME
    pot: str | None = None
    own_key: str | None = None
    file_default: Any = SAME
    file_type: Any = SAME
    spellings: Mapping[str, str | None] = dataclasses.field(default_factory=dict)

    @property
    def key(self) -> str | None:
        """In a configuration file; None if it cannot be set there."""
        return self.pot or self.own_key

    @property
    def parameter(self) -> str:
        """Its name among the parameters of a command: that of its flag."""
        assert self.flag is not None
        return self.flag.partition("/")[0].removeprefix("--").replace("-", "_")


@dataclasses.dataclass(frozen=True)
class Declared:
    """An option with what its field says: name, type hint, default."""

    name: str
    hint: Any
    default: Any
    option: Option

    @property
    def kinds(self) -> tuple[Any, ...]:
        """The alternatives of its type, without None."""
        return alternatives(self.hint)

    @property
    def kind(self) -> Any:
        """The first of them."""
        return self.kinds[0]

    @property
    def may_be_none(self) -> bool:
        return allows_none(self.hint)

    @property
    def choices(self) -> tuple[str, ...]:
        """The words that it may be, or that its entries may be; empty if it is no word."""
        return words(self.hint)

    @property
    def bounds(self) -> str:
        """`at least 1`, `above 0 and at most 1`, `2 to 8`; empty for a number without bounds."""
        o = self.option
        low, high = (o.least if o.above is None else o.above), (o.most if o.below is None else o.below)
        if high is None and low is None:
            return ""
        if high is None:
            number = "a number of " if self.kind is float else ""
            return f"above {low}" if o.above is not None else f"{number}at least {low}"
        upper = f"at most {high}" if o.below is None else f"below {high}"
        if low is None:
            return upper
        if o.above is not None:
            return f"above {low} and {upper}"
        span = f"{low} to {high}" if o.below is None else f"{low} to {upper}"
        return span if self.kind is int else f"from {span}"

    def admits(self, number: float) -> bool:
        """Whether a number lies within the bounds."""
        o = self.option
        return (
            (o.least is None or number >= o.least)
            and (o.above is None or number > o.above)
            and (o.most is None or number <= o.most)
            and (o.below is None or number < o.below)
        )

    @property
    def is_group(self) -> bool:
        """Whether it is a dictionary with options of its own, such as `weights`."""
        return dataclasses.is_dataclass(self.kind)


def option(default: Any, help: str, **more: Any) -> Any:
    """A dataclass field that is an option; `more` are the fields of Option."""
    return dataclasses.field(default=default, metadata={"option": Option(help, **more)})


def declared(declaration: type) -> dict[str, Declared]:
    """The options of a dataclass by name, in the order of its fields."""
    hints = typing.get_type_hints(declaration)
    return {
        field.name: Declared(field.name, hints[field.name], field.default, field.metadata["option"])
        for field in dataclasses.fields(declaration)
        if "option" in field.metadata
    }


def alternatives(hint: Any) -> tuple[Any, ...]:
    """The types of a hint such as `int | None`, without None."""
    if isinstance(hint, types.UnionType) or get_origin(hint) is typing.Union:
        return tuple(kind for part in get_args(hint) for kind in alternatives(part))
    return () if hint is types.NoneType else (hint,)


def words(hint: Any) -> tuple[str, ...]:
    """The words of the Literals of a hint, or of a sequence's entries."""
    kinds = alternatives(hint)
    if get_origin(kinds[0]) in (tuple, Sequence):
        kinds = alternatives(get_args(kinds[0])[0])
    return literals(kinds)


def literals(kinds: Sequence[Any]) -> tuple[str, ...]:
    """The words of those types that are Literals."""
    return tuple(word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind))


def allows_none(hint: Any) -> bool:
    """Whether None is one of its types."""
    return types.NoneType in get_args(hint) or hint is types.NoneType
