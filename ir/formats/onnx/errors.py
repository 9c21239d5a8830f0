"""The one error of this package."""

from ...errors import NumpotError


class OnnxError(NumpotError):
    """An ONNX model that cannot be read; the message names the file and, where there is one, the node."""
