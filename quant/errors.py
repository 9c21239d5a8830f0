"""What can be wrong with a quantization that is asked for."""

from numpot.ir.errors import NumpotError


class QuantizationError(NumpotError):
    """A model that cannot be quantized, or parameters that make no sense; raised before any sample is run."""


class CompareError(NumpotError):
    """Two models that cannot be compared."""
