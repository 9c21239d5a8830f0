"""What all commands share: how errors end, how results are printed, and the options that mean the same
everywhere.
"""

import functools
import json
import logging
import math
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec

import typer

from numpot.ir.errors import NumpotError
from numpot.ir.lowering import arithmetics
from numpot.kernels.errors import ProcessorError

from .exit_status import BAD_INPUT

if TYPE_CHECKING:
    from numpot.ir import Graph

    from ..data.loader import DataLoader

P = ParamSpec("P")
BROKEN_PIPE = 141  # what a shell reports of a program that wrote to one who no longer reads
MAX_THREADS = 1024  # more than any machine has cores; a typing error should not start a million
WIDE = 240  # columns of a table that goes into a file or a pipe

MODEL_HELP = "a model: numpot .xml, OpenVINO IR or ONNX"
DATA_HELP = ".npz file, folder of IDX files, folder of images, or module:Class of a DataLoader"
Model = Annotated[str, typer.Argument(metavar="MODEL", help=MODEL_HELP)]
Data = Annotated[
    str,
    typer.Option("--data", metavar="D", help=DATA_HELP),
]
Arithmetic = Annotated[
    arithmetics.Arithmetic,
    typer.Option(
        "--arithmetic", help="exact integers, integers as on a CPU without VNNI, or FakeQuantize in float"
    ),
]
Mean = Annotated[
    str | None,
    typer.Option("--mean", metavar="M[,M...]", help="mean of pixels/255, one number or one per channel"),
]
Std = Annotated[
    str | None,
    typer.Option(
        "--std", metavar="S[,S...]", help="standard deviation of pixels/255, one number or one per channel"
    ),
]
To = Annotated[
    str | None,
    typer.Option("--to", metavar="FORMAT", help="numpot, openvino or onnx; by default chosen by the suffix"),
]
Classes = Annotated[
    str | None,
    typer.Option(
        "--classes",
        metavar="FILE",
        help="file of class names for a folder of pictures, one per line; the first is label 0",
    ),
]
Limit = Annotated[
    int | None, typer.Option("--limit", min=1, metavar="N", help="use the first N samples only")
]
Threads = Annotated[
    int | None,
    typer.Option("--threads", min=1, max=MAX_THREADS, metavar="T", help="threads; by default one per core"),
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", metavar="N", help="distribute the work over N processes; results are the same"),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler", metavar="ADDRESS", help="distribute the work over a Dask cluster: tcp://host:8786"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="print one JSON object on stdout and nothing else")]
Debug = Annotated[bool, typer.Option("--debug", help="show the traceback of an error")]


def reports_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Bad input ends in one sentence on stderr and status 2; --debug shows the traceback.

    Status 1 is left to what docs/faq.md says: neither code of the user's that ends Python nor Typer's own
    'Aborted!' may give it.
    """

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            with log_on_stderr(), warnings_on_stderr():
                command(*args, **kwargs)
        except (NumpotError, ProcessorError) as error:
            if kwargs.get("debug"):
                traceback.print_exc()
            else:
                print(f"numpot: {error}", file=sys.stderr)
            raise typer.Exit(BAD_INPUT) from None
        except SystemExit as end:
            print(
                "numpot: code that the command called, such as a DataLoader or a metric, ended Python "
                f"({end.code!r})",
                file=sys.stderr,
            )
            raise typer.Exit(BAD_INPUT) from None
        except (EOFError, typer.Abort) as error:
            raise RuntimeError(f"unexpected {type(error).__name__}: {error}") from error
        except MemoryError:
            print(
                "numpot: there is not enough memory; numpot --memory SIZE checks this before the run",
                file=sys.stderr,
            )
            raise typer.Exit(BAD_INPUT) from None
        except OSError as error:
            if error.filename is not None:  # not of what is printed
                raise
            raise typer.Exit(output_lost(error)) from None

    return wrapped


def output_lost(error: OSError) -> int:
    """The exit status when stdout cannot be written, after one line that says so; whoever closed a pipe does
    not want one.
    """
    with suppress(OSError):
        # so that nothing more is tried when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return BROKEN_PIPE
    print(f"numpot: stdout: cannot be written ({error.strerror})", file=sys.stderr)
    return BAD_INPUT


@contextmanager
def log_on_stderr() -> Iterator[None]:
    """What the library has to say while it works, such as why the first run takes longer; never on stdout."""
    log, handler = logging.getLogger("numpot"), logging.StreamHandler()
    handler.setFormatter(logging.Formatter("numpot: %(message)s"))
    level = log.level
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


@contextmanager
def warnings_on_stderr() -> Iterator[None]:
    """What the library warns of, as a line like an error's; warnings of others look as Python shows them."""
    with warnings.catch_warnings():
        shown = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
            if category.__module__.startswith("numpot."):
                print(f"numpot: warning: {message}", file=sys.stderr)
            else:
                shown(message, category, *place, **more)

        warnings.showwarning = show
        yield


def print_json(result: dict[str, Any]) -> None:
    """Print an object that is JSON; it has no NaN and no infinity, so these are the texts "NaN", "Infinity"
    and "-Infinity".
    """
    print(json.dumps(_finite(result), indent=2, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    return [_finite(entry) for entry in value] if isinstance(value, list | tuple) else value


def print_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, numbers_from: int = 1
) -> None:
    """A table on stdout; columns from `numbers_from` on are right-aligned, and only the first may wrap."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDE
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for i, column in enumerate(columns):
        table.add_column(
            column, justify="right" if i >= numbers_from else "left", no_wrap=i > 0, overflow="fold"
        )
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    console.print(table)


def print_classes(samples: "DataLoader") -> None:
    """Which label each folder stands for, where pictures lie in folders."""
    if samples.classes is not None:
        print(samples.classes.sentence)


def record_preprocessing(graph: "Graph", mean: str | None, std: str | None) -> None:
    """Note --mean and --std in the model, which then says itself how pixels become its input."""
    from ..data.preprocessing import Preprocessing

    if mean is None and std is None:
        return
    if mean is None or std is None:
        raise NumpotError("--mean and --std go together: pixels become (x/255 - mean) / std")
    graph.info["preprocessing"] = Preprocessing(_numbers("--mean", mean), _numbers("--std", std)).record()


def open_model(path: str, mean: str | None, std: str | None) -> "Graph":
    """Read a model and note its preprocessing."""
    from numpot.ir import read_model

    graph = read_model(path)
    record_preprocessing(graph, mean, std)
    return graph


def read_settings(option: str, entries: Sequence[str]) -> dict[str, Any]:
    """["bits=4", "range_estimator.max.type=quantile"] -> nested dictionaries. A value is JSON, or
    else text.
    """
    settings: dict[str, Any] = {}
    for entry in entries:
        key, separator, text = entry.partition("=")
        *path, last = key.split(".")
        target = settings
        for part in path:
            target = target.setdefault(part, {})
            if not isinstance(target, dict):
                raise NumpotError(f"{option} {entry!r}: {part!r} has a value already")
        if not separator or not last or last in target:
            problem = f"{key!r} is given twice" if last in target else "found no value"
            raise NumpotError(
                f"{option} must look like bits=4 or range_estimator.max.type=quantile; in {entry!r} {problem}"
            )
        try:
            target[last] = json.loads(text)
        except (
            ValueError,
            RecursionError,
        ):  # not JSON, or brackets inside brackets, or a number of too many digits
            target[last] = text
    return settings


def read_numbers(option: str, text: str, most: int) -> list[int]:
    """ "1,8,32" -> [1, 8, 32]. Raises NumpotError for what is not whole numbers from 1 to `most`."""
    numbers = [int(part) if re.fullmatch(r"[0-9]{1,18}", part) else 0 for part in text.split(",")]
    if not all(1 <= number <= most for number in numbers):
        raise NumpotError(
            f"{option} must be a number from 1 to {most}, or several separated by commas, found {text!r}"
        )
    return numbers


def _numbers(option: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise NumpotError(
            f"{option} must be a number or numbers separated by commas, found {text!r}"
        ) from None
