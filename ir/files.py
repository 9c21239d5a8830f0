"""Models on disk, in whatever format: what a file holds decides, not how it is called."""

import re
from pathlib import Path

from .errors import AnyPath, FileMissingError, UnknownFormatError
from .graph import Graph

ACCEPTED = "numpot's .xml (with its .bin) and ONNX are read"

ONNX_SUFFIX = ".onnx"  # of a file to write; one that is read says itself what it is
HEAD = 64 * 1024  # bytes to look at; whoever writes longer comments before the root element is told so by the reader
PROLOG = rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml\s[^>]*\?>\s*)?(?:<!--.*?-->\s*)*"
ROOT_ELEMENT = re.compile(PROLOG + rb"<([A-Za-z_][\w.:-]*)", re.DOTALL)
DOCTYPE = re.compile(PROLOG + rb"<!DOCTYPE\s+numpot\b", re.DOTALL)
ONNX_START = re.compile(rb"\x08[\x01-\x40]")  # protobuf's tag for field 1, ir_version, and its small value


def read_model(path: AnyPath, *, input_shapes: dict[str, tuple[int, ...]] | None = None) -> Graph:
    """Read a model in any known format; one from another format than numpot's comes simplified.

    input_shapes: input name -> shape, for ONNX files that leave more than the batch open. Raises IRError (FileMissingError,
    UnknownFormatError, or what the reader of numpot's format finds) or OnnxError.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise FileMissingError(f"cannot be read ({error.strerror}). {ACCEPTED}", path) from error
    if looks_like_xmlbin(head):
        from .xmlbin import read_xmlbin

        return read_xmlbin(path)
    if ONNX_START.match(head):
        from .onnx import load_onnx

        return load_onnx(path, input_shapes=input_shapes)
    if root_element(head) == "net":
        raise UnknownFormatError(f"reading OpenVINO IR is not supported yet; convert the model to ONNX. {ACCEPTED}", path)
    raise UnknownFormatError(f"not a model that numpot knows. {ACCEPTED}", path)


def save_model(graph: Graph, path: AnyPath) -> None:
    """Write a model as .xml and .bin, both or neither, or as ONNX if `path` ends in .onnx.

    Raises SaveError, UnstorableError or LimitError; OnnxError for ONNX.
    """
    if Path(path).suffix == ONNX_SUFFIX:
        from .onnx import write_onnx

        write_onnx(graph, path)
    else:
        from .xmlbin import write_model

        write_model(graph, path)


def check_savable(path: AnyPath) -> None:
    """Raises SaveError if a model cannot be saved as `path`: for the start of long work."""
    from . import xmlbin

    if Path(path).suffix == ONNX_SUFFIX:
        from . import onnx  # noqa: F401  (an extra, which may be missing)

        xmlbin.check_writable(path)
    else:
        xmlbin.check_savable(path)


def looks_like_xmlbin(head: bytes) -> bool:
    """Whether a file that starts so is meant to be numpot's; a document type is left to the reader, who refuses it by name."""
    return root_element(head) == "numpot" or DOCTYPE.match(head) is not None


def root_element(head: bytes) -> str | None:
    found = ROOT_ELEMENT.match(head)
    return found[1].decode() if found else None
