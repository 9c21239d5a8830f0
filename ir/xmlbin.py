"""numpot's own format, model.xml + model.bin: read and write. FORMAT.md explains it and lists what it promises."""

from pathlib import Path

from .atomic import check_folder, replacing
from .errors import AnyPath, FileMissingError, SaveError
from .graph import Graph
from .ops.constant import Constant
from .xml_document import MAX_XML_BYTES, parse_document
from .xml_reader import build_graph
from .xml_writer import check_element_types, write_document
from .xmlbin_weights import write_weights


def read_xmlbin(xml_path: AnyPath) -> Graph:
    """The model in `xml_path` and the .bin beside it; constants are read-only views of the mapped .bin.

    Raises the subclass of IRError that stands for the promise that is broken; runs nothing and opens nothing else.
    """
    path = Path(xml_path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_XML_BYTES + 1)  # enough to see that it is too long
    except OSError as error:
        raise FileMissingError(f"cannot be read ({error.strerror})", path) from error
    return build_graph(parse_document(data, path), path)


def write_model(graph: Graph, xml_path: AnyPath) -> None:
    """Write `xml_path` and the .bin beside it: both, or, on any failure, neither.

    Constants may be views of the very .bin that is replaced. Raises SaveError if the folder or the disk does not allow it,
    UnstorableError or LimitError for a graph that the format cannot hold.
    """
    path = Path(xml_path)
    check_savable(path)
    check_element_types(graph, path)
    constants = [(node.name, node.op.value) for node in graph if isinstance(node.op, Constant)]
    try:
        with replacing([path.with_suffix(".bin"), path]) as (bin_file, xml_file):
            spans, weights = write_weights((value for _, value in constants), bin_file)
            by_name = {name: span for (name, _), span in zip(constants, spans, strict=True)}
            xml_file.write(write_document(graph, by_name, weights, path))
    except OSError as error:
        raise SaveError(f"cannot be written ({error.strerror})", path) from error


def check_savable(xml_path: AnyPath) -> None:
    """Raises SaveError if a model cannot be saved as `xml_path`: for the start of long work."""
    path = Path(xml_path)
    if path.suffix != ".xml":
        raise SaveError(f"a model is saved as .xml (with a .bin beside it), found {path.suffix or 'no suffix'!r}", path)
    check_writable(path)


def check_writable(path: AnyPath) -> None:
    """Raises SaveError if no file can be created beside `path`."""
    path = Path(path)
    try:
        check_folder(path)
    except OSError as error:
        raise SaveError(f"cannot be written: folder {str(path.parent)!r} does not take files ({error.strerror})", path) from error
