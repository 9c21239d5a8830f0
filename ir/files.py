"""Models on disk, in whatever format: what a file holds decides, not how it is called."""

import re
from pathlib import Path

from .errors import AnyPath, FileMissingError, UnknownFormatError
from .graph import Graph

ACCEPTED = "numpot's .xml and OpenVINO IR (each with its .bin) and ONNX are read"

HEAD = 64 * 1024  # bytes to look at; whoever writes longer comments before the root element is told so by the reader
PROLOG = rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml\s[^>]*\?>\s*)?(?:<!--.*?-->\s*)*"
ROOT_ELEMENT = re.compile(PROLOG + rb"<(?:!DOCTYPE\s+)?([A-Za-z_][\w.:-]*)", re.DOTALL)
ONNX_START = re.compile(rb"\x08[\x01-\x40]")  # protobuf's tag for field 1, ir_version, and its small value


def read_model(path: AnyPath, *, input_shapes: dict[str, tuple[int, ...]] | None = None) -> Graph:
    """Read a model in any known format; one from another format than numpot's comes simplified.

    input_shapes: input name -> shape, -1 in front for a batch of any size; for ONNX files that leave more than the batch open, and to
    open the batch of an OpenVINO IR. Raises IRError (FileMissingError, UnknownFormatError, or what the readers of XML find), OnnxError,
    or GraphError for a shape of an input that is not there.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise FileMissingError(f"cannot be read ({error.strerror}). {ACCEPTED}", path) from error
    root = root_element(head)
    if root == "numpot":
        from .xmlbin import read_xmlbin

        return read_xmlbin(path)
    if root == "net":
        from .openvino import load_openvino

        return load_openvino(path, input_shapes=input_shapes)
    if ONNX_START.match(head):
        from .onnx import load_onnx

        return load_onnx(path, input_shapes=input_shapes)
    raise UnknownFormatError(f"not a model that numpot knows. {ACCEPTED}", path)


def save_model(graph: Graph, path: AnyPath) -> None:
    """Write a model as .xml and .bin, both or neither. Raises SaveError, UnstorableError or LimitError."""
    from .xmlbin import write_model

    write_model(graph, path)


def root_element(head: bytes) -> str | None:
    """The name of the root element of a file that starts so; a document type names it, too, and is left to the readers to refuse."""
    found = ROOT_ELEMENT.match(head)
    return found[1].decode() if found else None
