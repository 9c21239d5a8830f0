"""numpot's own format, model.xml + model.bin: read and write. FORMAT.md explains it and lists what it
promises.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from ...errors import AnyPath, SaveError
from ...graph import Graph
from ...ops.constant import Constant
from ..common.atomic_files import replacing
from ..model_files import check_savable
from ..xml.document import parse_document, read_document
from ..xml.layers_writer import check_element_types, write_document
from ..xml.weights import Span, Weights, write_weights
from .reader import build_graph

Document = Callable[
    [Graph, Mapping[str, Span], Weights, Path], bytes
]  # the text, given what the .bin holds; the path is for messages


def read_xmlbin(xml_path: AnyPath) -> Graph:
    """The model in `xml_path` and the .bin beside it; constants are read-only views of the mapped .bin.

    Raises the subclass of IRError that stands for the promise that is broken; runs nothing and opens nothing
    else.
    """
    path = Path(xml_path)
    return build_graph(parse_document(read_document(path), path), path)


def write_model(graph: Graph, xml_path: AnyPath) -> None:
    """Write `xml_path` and the .bin beside it: both, or, on any failure, neither.

    Constants may be views of the very .bin that is replaced. Raises SaveError if the folder or the disk does
    not allow it, UnstorableError or LimitError for a graph that the format cannot hold.
    """
    save_pair(graph, Path(xml_path), write_document)


def save_pair(graph: Graph, path: Path, document: Document, least: int = 0) -> None:
    """As write_model, in any format of an .xml with a .bin. document: makes the text. least: bytes of a
    Constant without elements.
    """
    check_savable(path, "numpot")  # any format of an .xml with a .bin
    check_element_types(graph, path)
    constants = [(node.name, node.op.value) for node in graph if isinstance(node.op, Constant)]
    try:
        with replacing([path.with_suffix(".bin"), path]) as (bin_file, xml_file):
            spans, weights = write_weights((value for _, value in constants), bin_file, least)
            by_name = {name: span for (name, _), span in zip(constants, spans, strict=True)}
            xml_file.write(document(graph, by_name, weights, path))
    except OSError as error:
        raise SaveError(f"cannot be written ({error.strerror})", path) from error
