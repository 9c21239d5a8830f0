"""numpot's own format, model.xml + model.bin: read and write. FORMAT.md explains it and lists what it
promises.
"""

from pathlib import Path

from ...errors import AnyPath
from ...graph import Graph
from ..xml.document import parse_document, read_document
from ..xml.file_pair import save_pair
from ..xml.layers_writer import write_document
from .reader import build_graph


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
