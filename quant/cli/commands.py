"""All commands, gathered from one file each. Nothing heavy is imported before a command runs."""

import io
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from . import benchmark, check, compare, config, convert, demo, evaluate, finetune, inspect, probe, saturation
from .common import output_lost
from .exit_status import BAD_INPUT
from .quantize import command as quantize
from .usage import Command, Group

app = typer.Typer(
    name="numpot",
    cls=Group,
    help="Post-training quantization that you can read: converts FP32 models to int8; integer results are "
    "bit-identical on every machine.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    demo,
    convert,
    quantize,
    finetune,
    evaluate,
    compare,
    probe,
    saturation,
    benchmark,
    check,
    inspect,
):
    app.command(
        name=command.__name__.removesuffix(".command").rpartition(".")[2],
        cls=Command,
        no_args_is_help=command not in (demo, probe),
    )(command.run)
app.add_typer(config.app, name="config")
FAULT = 70  # exit status of what is a fault of numpot's own: a traceback, and EX_SOFTWARE of sysexits.h


def _print_version(asked: bool) -> None:
    if asked:
        from ..version import __version__

        print(f"numpot {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="print the version and stop"),
    ] = False,
    memory: Annotated[
        str | None,
        typer.Option(
            "--memory",
            metavar="SIZE",
            help="memory limit for reading and running a model, e.g. 4GiB; by default half of the machine's",
        ),
    ] = None,
) -> None:
    """Post-training quantization that you can read: converts FP32 models to int8; integer results are
    bit-identical on every machine.
    """
    from numpot.ir import memory as budget
    from numpot.ir.errors import NumpotError

    try:
        if memory is not None:
            os.environ[budget.VARIABLE] = str(budget.parse_size(memory, "--memory"))  # for workers, too
        budget.limit()
    except NumpotError as error:
        print(f"numpot: {error}", file=sys.stderr)
        raise typer.Exit(BAD_INPUT) from None


def run() -> int:
    """Run the command that the command line names, and return its exit status; all that it printed is
    written.
    """
    for name in ("stdout", "stderr"):  # None where it was closed before the start
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - it stays open as long as the process
    # a terminal or file that cannot show a character gets \\u2192 and the like
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = _run()
    except Exception:
        traceback.print_exc()
        status = FAULT
    try:
        sys.stdout.flush()
    except OSError as error:
        status = output_lost(error)
    return status


def _run() -> int:
    try:
        app()
    except OSError as error:
        if error.filename is not None:  # not of what is printed
            raise
        return output_lost(error)
    except SystemExit as end:
        reason = end.__context__
        if isinstance(reason, BrokenPipeError):  # Typer printed help to one who no longer reads
            return output_lost(reason)
        # it came before the command began
        if reason is not None and isinstance(reason.__cause__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        return end.code if isinstance(end.code, int) else 0 if end.code is None else BAD_INPUT
    return 0
