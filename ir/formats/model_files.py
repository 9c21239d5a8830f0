"""Models on disk, in whatever format: what a file holds decides, not how it is called."""

import importlib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from .. import memory
from ..arguments import as_path, shown
from ..errors import AnyPath, FileMissingError, GraphError, MemoryLimitError, SaveError, UnknownFormatError
from ..graph import Graph
from ..ops.common.operator import nearest
from .common.atomic_files import check_suffix, check_target
from .common.regular_file import open_regular

ACCEPTED = "numpot's .xml and OpenVINO IR (each with its .bin) and ONNX are read"

# bytes to look at; whoever writes longer comments before the root element is told so by the reader
HEAD = 64 * 1024
# Nothing that was matched is given up again (`++`, `(?>...)`), so that the time is linear in the length of
# what is looked at.
PROLOG = rb"(?:\xef\xbb\xbf)?+\s*+(?:<\?xml\s[^>]*\?>\s*+)?+(?:<!--(?>.*?-->)\s*+)*+"
ROOT_ELEMENT = re.compile(PROLOG + rb"<(?:!DOCTYPE\s+)?([A-Za-z_][\w.:-]*)", re.DOTALL)
ONNX_START = re.compile(rb"\x08[\x01-\x40]")  # protobuf's tag for field 1, ir_version, and its small value


Format = Literal["numpot", "openvino", "onnx"]
ROOTS: dict[str | None, Format] = {"numpot": "numpot", "net": "openvino"}  # root element -> format


class Writer(NamedTuple):
    """Where the function is that writes a format, imported when it is needed; and how its files
    are called.
    """

    module: str
    function: str
    suffix: str


WRITERS = {
    "numpot": Writer(".native.model", "write_model", ".xml"),
    "openvino": Writer(".openvino", "write_openvino", ".xml"),
    "onnx": Writer(".onnx", "write_onnx", ".onnx"),
}


def read_model(path: AnyPath, *, input_shapes: dict[str, tuple[int, ...]] | None = None) -> Graph:
    """Read a model in any supported format; models in other formats than numpot's are simplified.

    input_shapes: input name -> shape, -1 in front for a batch of any size; needed for files that leave more
    than the batch open. Raises IRError (FileMissingError, UnknownFormatError, or what the readers of XML
    find), OnnxError, GraphError for a shape of an input that is not there, or MemoryLimitError for what would
    not fit into the memory budget (memory.py).
    """
    path = as_path(path)
    _check_shapes(input_shapes)
    try:
        with memory.account():
            return _read(Path(path), input_shapes)
    except MemoryLimitError as error:
        raise MemoryLimitError(f"{path}: {error}") from error


def _check_shapes(input_shapes: object) -> None:
    """Raises GraphError for what is no dictionary of shapes."""
    if input_shapes is None:
        return
    if not isinstance(input_shapes, Mapping):
        raise GraphError(
            f"input_shapes must be a dictionary, name of an input -> its shape, found {shown(input_shapes)}"
        )
    for name, shape in input_shapes.items():
        if not isinstance(shape, list | tuple) or not all(
            isinstance(d, int | np.integer) and not isinstance(d, bool) for d in shape
        ):
            raise GraphError(
                f"input_shapes: input {name!r} needs a shape such as (-1, 3, 224, 224), found {shown(shape)}"
            )


def _read(path: Path, input_shapes: dict[str, tuple[int, ...]] | None) -> Graph:
    format = detect_format(path)
    if format == "numpot":
        from ..inputs import reshape_inputs
        from .native.model import read_xmlbin

        graph = read_xmlbin(path)
        reshape_inputs(graph, input_shapes or {})
        return graph
    if format == "openvino":
        from .openvino import load_openvino

        return load_openvino(path, input_shapes=input_shapes)
    from .onnx import load_onnx

    return load_onnx(path, input_shapes=input_shapes)


def detect_format(path: Path) -> Format:
    """The format of a model file, by what it begins with. Raises FileMissingError, UnknownFormatError."""
    try:
        with open_regular(path) as file:
            head = file.read(HEAD)
    except OSError as error:
        raise FileMissingError(f"cannot be read ({error.strerror}). {ACCEPTED}", path) from error
    root = root_element(head)
    if root in ROOTS:
        return ROOTS[root]
    if ONNX_START.match(head):
        return "onnx"
    raise UnknownFormatError(f"not a model that numpot knows. {ACCEPTED}", path)


def save_model(graph: Graph | AnyPath, path: AnyPath, format: str | None = None) -> None:
    """Write a model completely or not at all. format: one of WRITERS; by default the path decides.

    Raises UnknownFormatError, SaveError, UnstorableError for a graph that the format cannot hold, or
    LimitError.
    """
    graph, path = as_graph(graph), as_path(path)
    writer = find_writer(path, format)
    write: Callable[[Graph, AnyPath], None] = getattr(
        importlib.import_module(writer.module, __package__), writer.function
    )
    write(graph, path)


def check_savable(path: AnyPath, format: str | None = None, *, read: Iterable[AnyPath | None] = ()) -> None:
    """Raises UnknownFormatError, SaveError or MissingExtraError if a model cannot be saved so: for the start
    of long work.

    read: files that the same work reads, and that saving must not replace; what is None, or no file, is
    passed over.
    """
    path, writer = Path(path), find_writer(path, format)
    check_suffix(path, writer.suffix)
    for written in _files_of(path):
        for source in (file for name in read if name is not None for file in _files_of(Path(name))):
            if written.is_file() and source.is_file() and written.samefile(source):
                raise SaveError(
                    f"would replace {str(source)!r}, which is read. Choose another name for the output", path
                )
    importlib.import_module(writer.module, __package__)
    check_target(path, writer.suffix)


def _files_of(path: Path) -> list[Path]:
    """A model's .xml and the .bin beside it; any other file by itself."""
    return [path, path.with_suffix(".bin")] if path.suffix == ".xml" else [path]


def find_writer(path: AnyPath, format: str | None) -> Writer:
    """The writer of a format, or else the first whose suffix the path has; numpot's if none has it."""
    if format is not None and not isinstance(format, str):
        raise UnknownFormatError(f"format must be one of {', '.join(WRITERS)}, found {shown(format)}", path)
    if format is None:
        format = next(
            (name for name, writer in WRITERS.items() if writer.suffix == Path(path).suffix), "numpot"
        )
    if format not in WRITERS:
        known = ", ".join(WRITERS)
        raise UnknownFormatError(
            f"format must be one of {known}, found {format!r}" + nearest(format, WRITERS), path
        )
    return WRITERS[format]


def root_element(head: bytes) -> str | None:
    """The name of the root element of a file that starts so; a document type names it, too, and is left to
    the readers to refuse.
    """
    found = ROOT_ELEMENT.match(head)
    return found[1].decode() if found else None


def as_graph(model: Graph | AnyPath, name: str = "the model") -> Graph:
    """A Graph as it is; a path is opened. Raises GraphError for anything else, IRError or OnnxError for a
    file that cannot be read.
    """
    if isinstance(model, Graph):
        return model
    if isinstance(model, str | os.PathLike):
        return read_model(model)
    raise GraphError(
        f"{name} must be a Graph, as read_model gives it, or the path of a model file, found {shown(model)}"
    )
