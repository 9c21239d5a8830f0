"""OpenVINO IR in and out: `read_openvino` gives the model as its files have it, `load_openvino` the same
model simplified, and `write_openvino` writes version 11.

The format is XML and raw bytes, so nothing of OpenVINO is needed. It makes the promises of our own format as
far as its files let it (they hold no checksum): loading runs nothing and opens the .xml and the .bin beside
it, document types and entities are refused, spans are checked before anything is allocated, and every failure
is an IRError that names file, line and layer.

    reader, writer                  walk the file, and the graph
    operator_table                  the operators that are the same on both sides
    operators/                      one small function reads one of the others, over the opsets it names
    substitutes                     what is written for an operator that OpenVINO does not have
    layer, node, layer_names, info  a <layer>; what the reader of an operator is given; names; <rt_info>
    group_weights                   weights of grouped convolutions, stored small
"""

from .reader import load_openvino, read_openvino
from .writer import write_openvino

__all__ = ["load_openvino", "read_openvino", "write_openvino"]
