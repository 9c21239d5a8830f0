"""OpenVINO IR in: `read_openvino` gives the model as its files have it, `load_openvino` the same model simplified.

The format is XML and raw bytes, so nothing of OpenVINO is needed. It makes the promises of our own format as far as its files let it
(they hold no checksum): loading runs nothing and opens the .xml and the .bin beside it, document types and entities are refused, spans
are checked before anything is allocated, and every failure is an IRError that names file, line and layer.

One small function reads one operator, over the opsets it names; `reader.py` walks the file.
"""

from .reader import load_openvino, read_openvino

__all__ = ["load_openvino", "read_openvino"]
