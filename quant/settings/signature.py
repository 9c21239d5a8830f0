"""The signature and the docstring of a function that takes declared options as keyword arguments.

Editors complete from it, `help` shows it, and nobody writes it: it follows from the declarations (option.py).
"""

import inspect
import textwrap
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from .option import SAME, Declared, declared

F = TypeVar("F", bound=Callable[..., Any])
_WIDTH = 106  # of the lines of a docstring, its indentation aside


def takes_options(*declarations: type) -> Callable[[F], F]:
    """Decorate a function that ends in `**options`: the options of the declarations stand in their place, and
    one line of each at the end of the docstring.
    """
    options = [one for declaration in declarations for one in declared(declaration).values()]

    def decorate(function: F) -> F:
        own = inspect.signature(function)
        parameters = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
        function.__signature__ = own.replace(  # type: ignore[attr-defined]
            parameters=[*parameters, *(_parameter(one) for one in options)]
        )
        function.__doc__ = "\n\n".join(
            [inspect.cleandoc(function.__doc__ or ""), "Options:", "\n".join(map(_entry, options))]
        )
        return function

    return decorate


def _parameter(one: Declared) -> inspect.Parameter:
    """An option that is a dictionary may be given as one, or left out."""
    default, hint = one.default, one.hint
    if one.is_group:
        default, hint = None, Mapping[str, Any] | one.kind | None
        hint = hint if one.option.cli_type is SAME else str | hint  # one word stands for the dictionary
    return inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)


def _entry(one: Declared) -> str:
    words = f" ({', '.join(one.choices)})" if one.choices else ""
    return textwrap.fill(
        f"- {one.name}: {one.option.help}{words}" + (f". {one.option.details}" if one.option.details else ""),
        _WIDTH,
        subsequent_indent="  ",
        break_on_hyphens=False,
    )
