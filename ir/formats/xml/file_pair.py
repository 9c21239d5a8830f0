"""Writes an .xml with a .bin beside it, in any format that has them: both files, or neither."""

from collections.abc import Callable, Mapping
from pathlib import Path

from ...errors import SaveError
from ...graph import Graph
from ...ops.constant import Constant
from ..common.atomic_files import check_target, replacing
from .layers_writer import check_element_types
from .weights import Span, Weights, write_weights

#: Makes the text of the .xml, given what the .bin holds. The path is for messages.
Document = Callable[[Graph, Mapping[str, Span], Weights, Path], bytes]


def save_pair(graph: Graph, path: Path, document: Document, least: int = 0) -> None:
    """Write the .xml and the .bin of a graph: both, or, on any failure, neither.

    document: makes the text. least: bytes of a Constant without elements. Raises SaveError, UnstorableError
    or LimitError.
    """
    check_target(path, ".xml")
    check_element_types(graph, path)
    constants = [(node.name, node.op.value) for node in graph if isinstance(node.op, Constant)]
    try:
        with replacing([path.with_suffix(".bin"), path]) as (bin_file, xml_file):
            spans, weights = write_weights((value for _, value in constants), bin_file, least)
            by_name = {name: span for (name, _), span in zip(constants, spans, strict=True)}
            xml_file.write(document(graph, by_name, weights, path))
    except OSError as error:
        raise SaveError(f"cannot be written ({error.strerror})", path) from error
