"""OpenVINO IR in and out: `read_openvino` gives the model as its files have it, `load_openvino` the same
model simplified, and `write_openvino` writes version 11.

The format is XML and raw bytes, so nothing of OpenVINO is needed. It makes the promises of our own format as
far as its files let it (they hold no checksum): loading runs nothing and opens the .xml and the .bin beside
it, document types and entities are refused, spans are checked before anything is allocated, and every failure
is an IRError that names file, line and layer.

`operator_table.py` is the table of the operators that are the same on both sides. For the others, one small
function reads one operator, over the opsets it names, and one in `substitutes.py` says what is written for
it; `reader.py` walks the file, `writer.py` the graph.
"""

from .reader import load_openvino, read_openvino
from .writer import write_openvino

__all__ = ["load_openvino", "read_openvino", "write_openvino"]
