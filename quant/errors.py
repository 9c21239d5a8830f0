"""What can be wrong with what is asked for: a quantization, its data, a comparison."""

from numpot.ir.errors import NumpotError


class QuantizationError(NumpotError):
    """The model cannot be quantized, or parameters are invalid; raised before any sample is run."""


class DataError(NumpotError):
    """Data that cannot be used: unreadable, empty, or not what the model takes."""


class CompareError(NumpotError):
    """Two models cannot be compared."""
