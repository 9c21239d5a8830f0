"""ONNX in and out: `read_onnx` gives the model as its file has it, `load_onnx` the same model simplified;
`write_onnx` writes one.

One small function reads one ONNX operator, over the opsets it names, and one writes one of ours; both stand
in the file of their family in operators/. Nothing outside this package imports the package `onnx`, which is
an extra.

    reader, node_reader, onnx_node     a file; one node of it; what the reader of an operator is given
    functions                          a model's own operators, put in the place of their calls
    tensors, external_data             arrays in the file, and in files beside it
    quantized_tensors                  QuantizeLinear and DequantizeLinear, in and out
    writer, model, node_writer         a file; the model in it; what the writer of an operator is given
    errors                             OnnxError
"""

from ...errors import MissingExtraError

try:
    import onnx as _onnx  # noqa: F401
except ModuleNotFoundError as error:
    raise MissingExtraError("onnx", "onnx", "reading or writing an ONNX model") from error

from .errors import OnnxError
from .reader import load_onnx, read_onnx
from .writer import write_onnx

__all__ = ["OnnxError", "load_onnx", "read_onnx", "write_onnx"]
