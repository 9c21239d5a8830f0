"""The tables of docs/options.md, made from the declarations.

    python -m numpot.quant.settings.options_page > docs/options.md

prints the page; a test says when it has to be printed anew.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, get_origin

from .accuracy_aware_options import MeasuringOptions, SearchOptions
from .finetune_options import FinetuneOptions
from .option import Declared, declared
from .quantize_options import QuantizeOptions
from .range_options import QuantizerParameters, RangeEnd, RangeEstimation

_HEAD: Final = """# Options

Every option of `quantize`, `quantize_accuracy_aware` and `finetune`: what it is called in Python, on the
command line and in a configuration file, where keys are POT's unless the table says otherwise. An empty cell
means that there is none. This page is made from the declarations in `quant/settings/`;
[extending.md](extending.md#an-option) shows how to add one.

`quantize` and `quantize_accuracy_aware` also take `statistics_cache`, `progress` and `pool`, which change no
result.
"""
_SECTIONS: Final[Sequence[tuple[str, str, tuple[type, ...]]]] = (
    ("quantize", "[calibration.md](calibration.md) has the equations.", (QuantizeOptions,)),
    (
        "Inside weights and activations",
        "On the command line as `--weights bits=4`; an empty default is the preset's choice.",
        (QuantizerParameters,),
    ),
    (
        "Inside range_estimator",
        "In Python the preset alone may be given. The names of the presets are explained in "
        "[calibration.md](calibration.md).",
        (RangeEstimation,),
    ),
    ("Inside min and max of range_estimator", "", (RangeEnd,)),
    (
        "quantize_accuracy_aware",
        "All of the above, and these ([accuracy-aware.md](accuracy-aware.md)). On the command line they need "
        "`--method accuracy-aware`.",
        (SearchOptions, MeasuringOptions),
    ),
    ("finetune", "POT has none of these ([finetuning.md](finetuning.md)).", (FinetuneOptions,)),
)
_COLUMNS: Final = ("option", "values", "default", "unit", "command line", "key in a file", "meaning")


def page() -> str:
    """docs/options.md."""
    parts = [_HEAD.strip()]
    for title, text, declarations in _SECTIONS:
        parts += [f"## {title}", *([text] if text else []), table(*declarations)]
    return "\n\n".join(parts) + "\n"


def table(*declarations: type) -> str:
    """A row for each option."""
    rows = [row(one) for declaration in declarations for one in declared(declaration).values()]
    used = [i for i, _ in enumerate(_COLUMNS) if i == 0 or any(cells[i] for cells in rows)]
    lines = [_COLUMNS, ["---"] * len(_COLUMNS), *rows]
    return "\n".join("| " + " | ".join(cells[i] for i in used) + " |" for cells in lines)


def row(one: Declared) -> list[str]:
    """Its cells, in the order of the columns."""
    option = one.option
    flag = "" if option.flag is None else " ".join(f"`{name}`" for name in option.flag.split("/"))
    key = "" if option.key is None else f"`{option.key}`" + ("" if option.pot else ", numpot's own")
    meaning = option.help + (f". {option.details}" if option.details else "")
    return [f"`{one.name}`", _values(one), _default(one), option.unit, flag, key, meaning]


def _values(one: Declared) -> str:
    several = "some of " if one.choices and get_origin(one.kind) is tuple else ""
    if one.choices:
        return several + ", ".join(f"`{word}`" for word in one.choices)
    if one.is_group:
        return "a dictionary"
    names = {bool: "true, false", int: "a whole number", float: "a number"}
    plain = names.get(one.kind)
    if plain is None:
        return "a dictionary" if get_origin(one.kind) is Mapping else "a list"
    bounds = one.bounds.removeprefix("a number of ")
    return f"{plain}, {bounds}" if bounds else plain


def _default(one: Declared) -> str:
    default: Any = one.default
    if default is None or one.is_group:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    return ", ".join(f"`{each}`" for each in (default if isinstance(default, tuple) else (default,)))


if __name__ == "__main__":
    print(page(), end="")
