"""Every option, by its declaration: Python, the command line and configuration files take and refuse the
same, and the page of the docs is current.
"""

import inspect
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import ValidationError

from numpot.quant import finetune, quantize, quantize_accuracy_aware
from numpot.quant.cli import app
from numpot.quant.errors import QuantizationError
from numpot.quant.pot.config_parameters import AccuracyAware
from numpot.quant.settings.accuracy_aware_options import MeasuringOptions, SearchOptions
from numpot.quant.settings.finetune_options import FinetuneOptions
from numpot.quant.settings.option import Declared, declared
from numpot.quant.settings.option_types import read_options
from numpot.quant.settings.options_page import page
from numpot.quant.settings.quantize_options import QuantizeOptions
from numpot.quant.settings.range_options import QuantizerParameters, RangeEnd, RangeEstimation

DOCS = Path(__file__).parents[3] / "docs"
FUNCTIONS: dict[Any, tuple[type, ...]] = {
    quantize: (QuantizeOptions,),
    quantize_accuracy_aware: (QuantizeOptions, SearchOptions, MeasuringOptions),
    finetune: (FinetuneOptions,),
}
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
DECLARATIONS = (QuantizeOptions, SearchOptions, MeasuringOptions, FinetuneOptions)
NESTED = (QuantizerParameters, RangeEstimation, RangeEnd)


def every(*kinds: type, declarations: tuple[type, ...] = DECLARATIONS) -> list[Any]:
    """The options whose values are of these kinds, of any kind if none is given."""
    return [
        pytest.param(declaration, one, id=f"{declaration.__name__}.{name}")
        for declaration in declarations
        for name, one in declared(declaration).items()
        if not kinds or one.kind in kinds
    ]


def test_the_page_is_current() -> None:
    assert (DOCS / "options.md").read_text("utf-8") == page(), (
        "run python -m numpot.quant.settings.options_page > docs/options.md"
    )


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_functions_show_their_options(function: Any) -> None:
    parameters = inspect.signature(function).parameters
    for declaration in FUNCTIONS[function]:
        for name, one in declared(declaration).items():
            assert parameters[name].kind is inspect.Parameter.KEYWORD_ONLY
            assert parameters[name].default == (None if one.is_group else one.default)
            assert f"\n- {name}: {one.option.help[:40]}" in function.__doc__


@pytest.mark.parametrize(
    ("call", "near"),
    [
        (lambda: quantize("net.xml", "data.npz", presett="mixed"), "preset"),
        (lambda: quantize_accuracy_aware("net.xml", "data.npz", "f1", max_dorp=0.1), "max_drop"),
        (lambda: finetune("net.xml", "data.npz", epoch=3), "epochs"),
    ],
)
def test_an_option_that_there_is_not(call: Any, near: str) -> None:
    with pytest.raises(QuantizationError, match=f"is not known. Did you mean '{near}'"):
        call()


@pytest.mark.parametrize(("declaration", "one"), every(declarations=(*DECLARATIONS, *NESTED)))
def test_every_option_has_a_line_of_help_and_a_default_that_passes(declaration: type, one: Declared) -> None:
    assert one.option.help and "\n" not in one.option.help and not one.option.help.endswith(".")
    if not one.is_group:
        value = getattr(read_options(declaration, {one.name: one.default}), one.name)
        assert value == one.default and type(value) is type(one.default)


def beyond(one: Declared) -> Iterator[tuple[Any, Any]]:
    """For each bound a value that just keeps to it, and one that just does not."""
    step, o = (1, one.option) if one.kind is int else (1e-9, one.option)
    if o.least is not None:
        yield o.least, o.least - step
    if o.above is not None:
        yield o.above + step, o.above
    if o.most is not None:
        yield o.most, o.most + step
    if o.below is not None:
        yield o.below - step, o.below


@pytest.mark.parametrize(
    ("declaration", "one"), every(int, float, declarations=(*DECLARATIONS, QuantizerParameters, RangeEnd))
)
def test_bounds_are_kept_in_python_and_in_files(declaration: type, one: Declared) -> None:
    for inside, outside in beyond(one):
        read_options(declaration, {one.name: inside})
        with pytest.raises(QuantizationError, match=f"^{one.name} must be .*{one.bounds}, found "):
            read_options(declaration, {one.name: outside})
        if one.option.key is not None and declaration in (QuantizeOptions, SearchOptions, MeasuringOptions):
            AccuracyAware(**{one.option.key: inside})
            with pytest.raises(ValidationError):
                AccuracyAware(**{one.option.key: outside})
    with pytest.raises(QuantizationError, match=f"^{one.name} must be a finite number|whole number"):
        read_options(declaration, {one.name: math.nan})


@pytest.mark.parametrize(("declaration", "one"), every())
def test_words_are_kept_to_in_python_on_the_command_line_and_in_files(
    declaration: type, one: Declared
) -> None:
    several = isinstance(one.default, tuple)
    for word in one.choices:
        read_options(declaration, {one.name: (word,) if several else word})
    if one.choices:
        with pytest.raises(QuantizationError, match=f"^{one.name}.*{', '.join(one.choices)}, found "):
            read_options(declaration, {one.name: ("no such word",) if several else "no such word"})
        if one.option.key is not None:
            with pytest.raises(ValidationError):
                AccuracyAware(**{one.option.key: ["no such word"] if several else "no such word"})


@pytest.mark.parametrize(("declaration", "one"), every())
def test_flags_are_flags_of_the_command(declaration: type, one: Declared) -> None:
    if one.option.flag is None:
        return
    command = COMMANDS["finetune" if declaration is FinetuneOptions else "quantize"]
    (flag,) = [p for p in command.params if p.name == one.option.parameter]
    yes, _, no = one.option.flag.partition("/")
    assert yes in flag.opts and (not no or no in flag.secondary_opts) and flag.help == one.option.help
    if not (one.is_group or isinstance(one.default, tuple) or one.default is None):
        assert flag.default == one.default


def test_names_are_told_apart() -> None:
    """Names, flags and keys: quantize_accuracy_aware takes those of three declarations."""
    options = [
        one for d in (QuantizeOptions, SearchOptions, MeasuringOptions) for one in declared(d).values()
    ]
    for names in (
        [one.name for one in options],
        [one.option.parameter for one in options if one.option.flag],
        [one.option.key for one in options if one.option.key],
    ):
        assert len(set(names)) == len(names)


def test_what_a_file_leaves_out_is_what_a_call_leaves_out() -> None:
    samples = 1000
    left_out = AccuracyAware()
    options = left_out.options(samples) | left_out.search_options(samples) | left_out.measuring_options()
    for declaration in (QuantizeOptions, SearchOptions, MeasuringOptions):
        for name, one in declared(declaration).items():
            if name in options and name != "stat_subset_size":  # a file without it means all samples
                expected = list(one.default) if isinstance(one.default, tuple) else one.default
                assert json.loads(json.dumps(options[name])) == expected, name
