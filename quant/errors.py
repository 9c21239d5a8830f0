"""The errors of quantization and comparison."""

from numpot.ir.errors import NumpotError


class QuantizationError(NumpotError):
    """The model cannot be quantized, or parameters are invalid; raised before any sample is run."""


class CompareError(NumpotError):
    """Two models cannot be compared."""
