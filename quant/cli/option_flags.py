"""Options of the command line that follow from the declarations in settings/ (settings/option.py)."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar, get_origin

import typer

from numpot.ir.errors import NumpotError

from ..settings.option import SAME, Declared, allows_none, declared
from .common import read_settings

F = TypeVar("F", bound=Callable[..., Any])


def takes_flags(*declarations: type, after: str, panel: str | None = None) -> Callable[[F], F]:
    """Decorate a command that ends in `**options`: it takes the flags of the declarations. after: the
    parameter behind which help lists them. panel: the heading that help may put above them.
    """
    flags = [parameter(one, panel) for declaration in declarations for one in with_flag(declaration)]

    def decorate(command: F) -> F:
        parameters = []
        for own in inspect.signature(command).parameters.values():
            if own.kind is not own.VAR_KEYWORD:
                parameters.append(own.replace(kind=own.KEYWORD_ONLY))
            parameters += flags if own.name == after else []
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = command.__annotations__ | {p.name: p.annotation for p in flags}
        return command

    return decorate


def with_flag(declaration: type) -> list[Declared]:
    """The options that the command line has."""
    return [one for one in declared(declaration).values() if one.option.flag is not None]


def given_options(declaration: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """What a command line gave -> options by name, as the Python functions take them; what is left to its
    default there is left out. values: by parameter of the command. Raises NumpotError.
    """
    read = {one.name: _read(one, values[one.option.parameter]) for one in with_flag(declaration)}
    return {name: value for name, value in read.items() if value is not None}


def parameter(one: Declared, panel: str | None = None) -> inspect.Parameter:
    """The parameter of a command that gives an option."""
    option, hint = one.option, _type(one)
    bounds = (option.least, option.most)
    if option.above is not None or option.below is not None:
        bounds = (None, None)  # a flag cannot leave out its bound: the Python function checks
    flag = typer.Option(
        option.flag,
        help=option.help,
        metavar=option.metavar,
        min=bounds[0],
        max=bounds[1],
        rich_help_panel=panel,
    )
    default = None if allows_none(hint) else one.default
    return inspect.Parameter(
        option.parameter,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[hint, flag],
    )


def _type(one: Declared) -> Any:
    """The type on the command line: what holds several things is given one by one."""
    if one.option.cli_type is not SAME:
        return one.option.cli_type
    return list[str] | None if one.is_group or _holds_several(one) else one.hint


def _holds_several(one: Declared) -> bool:
    return get_origin(one.kind) in (Sequence, tuple, Mapping)


def _read(one: Declared, value: Any) -> Any:
    """The value of an option, from that of its flag."""
    flag = str(one.option.flag)
    if not isinstance(value, list | tuple):
        return value
    if not value:
        return None
    if one.is_group:
        return read_settings(flag, value)
    return read_values(flag, value) if get_origin(one.kind) is Mapping else value


def read_values(option: str, entries: Sequence[str]) -> dict[str, float]:
    """["accuracy@1=0.92"] -> values by name. Raises NumpotError."""
    values = {}
    for entry in entries:
        name, _, text = entry.rpartition("=")
        try:
            values[name] = float(text)
        except ValueError:
            raise NumpotError(f"{option} must look like accuracy@1=0.92, found {entry!r}") from None
    return values
