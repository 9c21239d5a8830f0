"""What is wrong with a command line, in one sentence: the option or argument, what it must be, and what was
found.

Typer would print three lines, in words that change from one version to the next. The classes here are those
of all commands and groups.
"""

import sys
import typing
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from .exit_status import BAD_INPUT, INTERRUPTED

# of Typer's own copy of Click, or of Click, as its version has it
UsageError: Any = typer.BadParameter.__base__


class Command(TyperCommand):
    """A command whose options and arguments are refused in one sentence."""

    allow_extra_args = True  # Typer leaves them to parse_args below

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given = list(args)
        try:
            more = super().parse_args(ctx, args)
        except UsageError as error:
            refuse(ctx, given, error)
        if more and not ctx.resilient_parsing:
            arguments = [_label(p) for p in ctx.command.get_params(ctx) if p.param_type_name == "argument"]
            _fail(
                ctx,
                f"takes {' '.join(arguments) + ' and nothing more' if arguments else 'no argument'}, "
                f"found {more[0]!r}",
            )
        return more


class Group(TyperGroup):
    """Likewise; and a command that it does not have is refused so, too."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except UsageError as error:
            refuse(ctx, given, error)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] not in self.commands and not ctx.resilient_parsing:
            near = _nearest(args[0], self.commands)
            _fail(ctx, f"has no command {args[0]!r}" + (near or f"; it has {', '.join(self.commands)}"))
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except UsageError as error:  # others are refused by then
            if type(error).__name__ == "NoArgsIsHelpError":
                raise
            _fail(ctx, f"needs a command: {', '.join(self.commands)}")
        except KeyboardInterrupt:  # or Typer would end without a word
            print("numpot: interrupted; nothing was written", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None


def refuse(ctx: Any, given: Sequence[str], error: Any) -> NoReturn:
    """Say what is wrong with the words that a command was given, and end with status 2. Without any word it
    shows its help instead.
    """
    match type(error).__name__:
        case "NoArgsIsHelpError":
            raise error
        case "NoSuchOption":
            _fail(ctx, f"has no option {error.option_name!r}{_hint(ctx, given, error.option_name)}")
        case "MissingParameter":
            _fail(ctx, f"needs {_label(error.param)}{_meaning(error.param)}")
        case "BadOptionUsage":
            _fail(ctx, _usage(ctx, given, error.option_name))
        case "BadParameter":
            expected, choices = _expected(ctx, error.param)
            found = _found(error.param, given)
            near = _nearest(found, choices) if found is not None else ""
            _fail(
                ctx,
                f"needs {_label(error.param)} to be {expected}"
                + (f", found {found!r}{near}" if found is not None else ""),
            )
    _fail(ctx, error.format_message())


def _fail(ctx: Any, problem: str) -> NoReturn:
    from numpot.ir.errors import one_line

    print(f"numpot: {one_line(f'{_name(ctx)} {problem}'.lstrip())}", file=sys.stderr)
    raise typer.Exit(BAD_INPUT)


def _name(ctx: Any) -> str:
    """evaluate, or config schema; nothing for numpot itself, whose name stands before every sentence."""
    names = []
    while ctx.parent is not None:
        names.append(ctx.info_name)
        ctx = ctx.parent
    return " ".join(reversed(names))


def _options(ctx: Any) -> list[Any]:
    return [p for p in ctx.command.get_params(ctx) if p.param_type_name == "option"]


def _label(param: Any) -> str:
    """--data, or MODEL."""
    if param.param_type_name == "argument":
        return str(param.metavar or param.name.upper()).strip("{}[]")
    return str(max(param.opts, key=len))


def _hint(ctx: Any, given: Sequence[str], name: str) -> str:
    """The nearest option; or, of an option that stands before its command, where it belongs."""
    command = next((word for word in given if word in getattr(ctx.command, "commands", {})), None)
    if command is not None and name in _names(ctx.command.commands[command].params):
        return f"; {command} has: numpot {command} {name}"
    return _nearest(name, [known for known in _names(_options(ctx)) if known.startswith("--")])


def _names(params: Iterable[Any]) -> list[str]:
    return [name for p in params for name in (*p.opts, *p.secondary_opts)]


def _meaning(param: Any) -> str:
    return f" ({param.help})" if getattr(param, "help", None) else ""


def _usage(ctx: Any, given: Sequence[str], name: str) -> str:
    """Describe an option that has no value, or has one that it does not take."""
    param = next((p for p in _options(ctx) if name in _names([p])), None)
    if param is None or not param.is_flag:
        return f"needs a value after {name}" + (_meaning(param) if param is not None else "")
    value = next(word.partition("=")[2] for word in given if word.startswith(f"{name}="))
    return f"takes no value after {name}, found {value!r}"


def _expected(ctx: Any, param: Any) -> tuple[str, Sequence[str]]:
    """What a value must be, by the annotation of the command's parameter, and the choices if it is one of
    some.
    """
    hint = typing.get_type_hints(ctx.command.callback, include_extras=True)[param.name]
    kinds = _kinds(hint)
    bounds = next((m for m in getattr(hint, "__metadata__", ()) if hasattr(m, "min")), None)
    choices = [
        str(c) for kind in kinds if typing.get_origin(kind) is typing.Literal for c in typing.get_args(kind)
    ]
    if choices:
        return f"one of {', '.join(choices)}" if len(choices) > 1 else choices[0], choices
    number = "a whole number" if int in kinds else "a number"
    low, high = (getattr(bounds, end, None) for end in ("min", "max"))
    match (low is not None, high is not None):
        case (True, True):
            return f"{number} from {low} to {high}", ()
        case (True, False):
            return f"{number}, at least {low}", ()
        case (False, True):
            return f"{number}, at most {high}", ()
    return number, ()


def _kinds(hint: Any) -> list[Any]:
    """The types in Annotated[int | None, ...], without None."""
    if hasattr(hint, "__metadata__"):
        hint = hint.__origin__
    if typing.get_origin(hint) is typing.Literal:
        return [hint]
    return [kind for part in typing.get_args(hint) for kind in _kinds(part) if part is not type(None)] or [
        hint
    ]


def _found(param: Any, given: Sequence[str]) -> str | None:
    """The value that an option was given on the command line: the last one, as it counts."""
    values = []
    for i, word in enumerate(given):
        name, equals, value = word.partition("=")
        if name in _names([param]) and (equals or i + 1 < len(given)):
            values.append(value if equals else given[i + 1])
    return values[-1] if values else None


def _nearest(word: str, known: Iterable[str]) -> str:
    from numpot.ir.ops.common.operator import nearest

    return nearest(word, known)
