"""Wrong command lines, every kind for every command: one sentence on stderr, nothing on stdout, status 2.
Status 1 has one meaning.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import typer
from typer.core import TyperGroup

from numpot.quant import cli
from numpot.quant.cli import app
from numpot.quant.cli.quantize import accuracy_aware as accuracy

from .command_line import invoke

Words = tuple[str, ...]


def tree(command: Any, path: Words = ()) -> Iterator[tuple[Words, Any]]:
    """Every command and group, by the words that call it."""
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from tree(inner, (*path, name))


ALL = dict(tree(typer.main.get_command(app)))
GROUPS = {path: command for path, command in ALL.items() if isinstance(command, TyperGroup)}
COMMANDS = {path: command for path, command in ALL.items() if path not in GROUPS}


def options(command: Any) -> Iterator[Any]:
    return (
        p
        for p in command.params
        if p.param_type_name == "option" and p.name not in ("install_completion", "show_completion")
    )


def needed(path: Words) -> list[str]:
    """The least that a command takes: its arguments, and options that it needs."""
    words = list(path)
    for p in ALL[path].params:
        if p.required:
            words += [max(p.opts, key=len), "x"] if p.param_type_name == "option" else ["x"]
    return words


def refusal(*words: str) -> str:
    outcome = invoke(*words)
    assert outcome.exit_code == 2 and outcome.stdout == "", outcome.output
    assert (
        outcome.stderr.startswith("numpot: ")
        and outcome.stderr.count("\n") == 1
        and "Error" not in outcome.stderr
    ), outcome.stderr
    return outcome.stderr.removeprefix("numpot: ").rstrip("\n")


def said(path: Words, what: str) -> str:
    return f"{' '.join(path)} {what}".lstrip()


def ids(paths: Any) -> list[str]:
    return [" ".join(path) or "numpot" for path in paths]


every = pytest.mark.parametrize("path", ALL, ids=ids(ALL))
each_command = pytest.mark.parametrize("path", COMMANDS, ids=ids(COMMANDS))
each_group = pytest.mark.parametrize("path", GROUPS, ids=ids(GROUPS))


def test_the_registry_is_whole() -> None:
    assert (
        len(COMMANDS) > 10
        and ("config", "schema") in COMMANDS
        and sum(1 for c in ALL.values() for _ in options(c)) > 60
    )


@every
def test_an_unknown_option(path: Words) -> None:
    assert refusal(*needed(path), "--zzz") == said(path, "has no option '--zzz'")
    for p in options(ALL[path]):
        for name in p.opts:
            if name.startswith("--") and len(name) > 6:
                assert f"has no option '{name}e'. Did you mean '--" in refusal(*needed(path), f"{name}e")


@every
def test_an_option_without_its_value(path: Words) -> None:
    for p in options(ALL[path]):
        for name in () if p.is_flag else p.opts:
            assert refusal(*needed(path), name).startswith(said(path, f"needs a value after {name} ("))


@every
def test_a_value_of_an_option_that_takes_none(path: Words) -> None:
    for p in options(ALL[path]):
        for name in p.opts if p.is_flag else ():
            if name.startswith("--") and name != "--help":
                assert refusal(*needed(path), f"{name}=3") == said(
                    path, f"takes no value after {name}, found '3'"
                )


def literal(hint: Any) -> list[str]:
    """The choices in an annotation."""
    return (
        [hint] if isinstance(hint, str) else [choice for part in get_args(hint) for choice in literal(part)]
    )


def wrong_values(hint: Any) -> list[str]:
    """Texts that a parameter of an annotation cannot be, some with the word that should have been meant."""
    kind = str(hint)
    if "Literal" in kind:
        return ["zzz", "", f"{literal(hint)[0]}x"]
    if "int" in kind.split("'")[0] or hint is int:
        return ["x", "", "1.5", "1e30", "\u0665\n", "9" * 5000]
    return ["x", "", "1,5", "\n"] if "float" in kind else []


@each_command
def test_a_value_of_the_wrong_kind(path: Words) -> None:
    command, hints = ALL[path], get_type_hints(ALL[path].callback)
    for p in options(command):
        if p.is_flag:
            continue
        for value in wrong_values(hints[p.name]):
            if (name := max(p.opts, key=len)) and value.isdecimal() and len(value) > 1000:
                assert "found '9999" in refusal(*needed(path), f"{name}={value}")
                continue
            sentence = refusal(*needed(path), name, value)
            assert sentence == refusal(*needed(path), f"{name}={value}")
            assert (
                sentence.startswith(said(path, f"needs {name} to be ")) and f", found {value!r}" in sentence
            ), sentence
            choices = literal(hints[p.name])
            assert all(choice in sentence for choice in choices)
            assert "number" in sentence or choices
            if choices and value == f"{choices[0]}x":
                assert sentence.endswith(f"Did you mean {choices[0]!r}?")


@each_command
def test_a_number_beyond_its_bounds(path: Words) -> None:
    hints = get_type_hints(ALL[path].callback, include_extras=True)
    for p in options(ALL[path]):
        bounds = next(
            (
                m
                for m in getattr(hints.get(p.name), "__metadata__", ())
                if getattr(m, "min", None) is not None
            ),
            None,
        )
        for value in (
            () if bounds is None else (bounds.min - 1, *(() if bounds.max is None else (bounds.max + 1,)))
        ):
            sentence = refusal(*needed(path), f"{p.opts[0]}={value}")
            assert f"at least {bounds.min}" in sentence or f"from {bounds.min} to {bounds.max}" in sentence
            assert sentence.endswith(f"found '{value}'")


@each_command
def test_what_a_command_needs_and_what_is_too_much(path: Words) -> None:
    whole = needed(path)
    for p in ALL[path].params:
        if p.required:
            label = max(p.opts, key=len) if p.param_type_name == "option" else p.metavar
            words = [w for w in whole if w != label] if p.param_type_name == "option" else whole[:]
            words.remove("x")
            if words != list(path):  # alone, a command shows its help
                assert f"{' '.join(path)} needs " in refusal(*words)
                if p.param_type_name == "option":
                    assert f"{path[0]} needs {label} (" in refusal(*words)
    arguments = [p for p in ALL[path].params if p.param_type_name == "argument"]
    if any(p.nargs == -1 for p in arguments):
        return  # it takes as many as there are
    extra = refusal(
        *path, *["x"] * len(arguments), "y\n", *whole[len(path) + sum(p.required for p in arguments) :]
    )
    assert extra.startswith(said(path, "takes ")) and extra.endswith("found 'y\\n'")


@each_group
def test_an_unknown_command(path: Words) -> None:
    group = GROUPS[path]
    for name in group.commands:
        assert refusal(*path, f"{name}x") == said(path, f"has no command '{name}x'. Did you mean '{name}'?")
    assert refusal(*path, "zzz") == said(path, f"has no command 'zzz'; it has {', '.join(group.commands)}")


def test_options_around_a_command() -> None:
    assert refusal("--memory", "1GiB").startswith("needs a command: demo, ")
    assert refusal("--json", "check", "m.xml") == "has no option '--json'; check has: numpot check --json"
    assert refusal("--memory=12 apples", "check", "m.xml").startswith("--memory")


@every
def test_no_word_at_all_shows_what_there_is(path: Words) -> None:
    if path not in (("demo",), ("probe",), ("config", "schema")):  # which need none
        outcome = invoke(*path)
        assert outcome.exit_code == 2 and outcome.stderr.startswith("Usage: ") and outcome.stdout == ""
    for help in ("-h", "--help"):
        assert invoke(*path, help).stdout.startswith("Usage: ")


# ---- status 1 ----------------------------------------------------------------------------------------------


def test_only_a_missed_target_has_status_1() -> None:
    """Nobody else ends a command with a number of its own; what is not a name here would be one."""
    allowed = {"BAD_INPUT", "INTERRUPTED", "NOT_REACHED", "output_lost"}
    found = set()
    for path in Path(cli.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "typer.Exit":
                status = node.args[0]
                found.add(ast.unparse(status.func if isinstance(status, ast.Call) else status))
    assert found == allowed and accuracy.NOT_REACHED == 1


@pytest.mark.parametrize("end", ["sys.exit(1)", "raise EOFError", "raise KeyboardInterrupt"])
def test_however_code_of_the_users_ends(
    end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, demo_model: Path
) -> None:
    (tmp_path / "ending.py").write_text(
        f"import sys\nclass Data:\n    def __len__(self):\n        {end}\n    __getitem__ = None\n"
    )
    command = [sys.executable, "-m", "numpot.quant.cli", "evaluate", str(demo_model), "--data", "ending:Data"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    expected = {"sys.exit(1)": (2, 1), "raise KeyboardInterrupt": (130, 1)}.get(end)
    if expected:
        assert (done.returncode, done.stderr.count("\n")) == expected, done.stderr
    assert done.returncode in (2, 70, 130) and done.stdout == ""


@pytest.fixture
def demo_model() -> Path:
    from numpot.quant import demo

    return Path(demo.__file__).with_name("mobilenet.xml")


def run(words: list[str], **streams: Any) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "numpot.quant.cli", *words], stderr=subprocess.PIPE, text=True, **streams
    )
    return done.returncode, done.stderr


def closed_pipe() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("words", [["--help"], ["config", "schema"]], ids=" ".join)
def test_help_that_cannot_be_written(words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        assert run(words, stdout=full) == (2, "numpot: stdout: cannot be written (No space left on device)\n")
    writer = closed_pipe()
    assert run(words, stdout=writer) == (141, "")
    os.close(writer)


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
def test_streams_that_are_closed_from_the_start() -> None:
    close: Callable[[], None] = lambda: os.close(1)  # noqa: E731
    assert run(["--help"], preexec_fn=close) == (0, "")
    assert run(["chek"], preexec_fn=close) == (2, "numpot: has no command 'chek'. Did you mean 'check'?\n")


@pytest.mark.parametrize(("variable", "value"), [("NUMPOT_ISA", "avx9"), ("NUMBA_CPU_FEATURES", "avx2")])
def test_instructions_that_no_processor_has(variable: str, value: str, demo_model: Path) -> None:
    data = str(demo_model.with_name("test.npz"))
    status, said = run(["evaluate", str(demo_model), "--data", data], env={**os.environ, variable: value})
    assert status == 2 and said.count("\n") == 1 and said.startswith(f"numpot: {variable}: expected "), said
