"""ONNX in: `read_onnx` gives the model as its file has it, `load_onnx` the same model simplified.

One small function reads one ONNX operator, over the opsets it names; `reader.py` walks the file. Nothing outside this package imports
the package `onnx`, which is an extra.
"""

from ..errors import MissingExtraError

try:
    import onnx as _onnx  # noqa: F401
except ModuleNotFoundError as error:
    raise MissingExtraError("onnx", "onnx", "reading an ONNX model") from error

from .errors import OnnxError
from .reader import load_onnx, read_onnx

__all__ = ["OnnxError", "load_onnx", "read_onnx"]
