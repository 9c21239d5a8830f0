"""FakeQuantize: the straight-through estimator (Bengio, Leonard, Courville 2013; docs/finetuning.md).

    dx = dy  where low <= x <= high,   0  elsewhere                                          (T7)

dy is the gradient of the loss at the output, dx that at the input x; low and high are the bounds of the
range. Rounding is a staircase, whose derivative is zero almost everywhere, and would stop all learning; so
the slope is taken of the line that the staircase follows.
"""

import numpy as np

from numpot.ir.ops.common.quantization import quantization_multiplier
from numpot.ir.ops.fake_quantize import FakeQuantize

from .registry import Call, Gradients, forward, gradient


@forward("FakeQuantize")
def rounded(
    op: FakeQuantize,
    x: np.ndarray,
    input_low: np.ndarray,
    input_high: np.ndarray,
    output_low: np.ndarray,
    output_high: np.ndarray,
) -> np.ndarray:
    """As the operator, step by step to the same bits, but in one array: there are many of them in
    a network.
    """
    multiplier, shift = quantization_multiplier(input_low, input_high, op.levels)
    y = x * multiplier
    y += shift
    np.rint(y, out=y)
    np.clip(y, 0, op.levels - 1, out=y)
    y *= (output_high - output_low) / np.float32(op.levels - 1)
    y += output_low
    return y


@gradient("FakeQuantize")
def fake_quantize(call: Call, dy: np.ndarray) -> Gradients:
    """Return the gradient of x alone: the range is not trained. The slope is 1 unless the output's range
    differs from the input's.
    """
    x, low, high, output_low, output_high = call.inputs
    inside = (x >= low) & (x <= high)
    if np.array_equal(low, output_low) and np.array_equal(high, output_high):
        return [dy * inside]
    width = high - low
    slope = np.divide(output_high - output_low, width, out=np.zeros_like(width), where=width > 0)
    return [dy * inside * slope]
