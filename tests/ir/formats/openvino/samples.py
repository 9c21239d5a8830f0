"""Images, and the weights of a grouped convolution as OpenVINO keeps them, stored small."""

from typing import Any

import numpy as np
from openvino import opset1, opset15

rng = np.random.default_rng(3)
F32 = np.float32


def normal(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(F32)


def const(value: Any, dtype: Any = None) -> Any:
    return opset15.constant(np.array(value, dtype))


IMAGES = normal(2, 4, 9, 10)
CODES = rng.integers(-128, 128, (2, 3, 2, 3, 3)).astype(np.int8)  # (G,O/G,I/G,kh,kw)


def grouped(x: Any, weights: Any) -> Any:
    return opset1.group_convolution(x, weights, [1, 1], [0, 0], [0, 0], [1, 1])


def unpacked(codes: np.ndarray, scale: tuple[int, ...], zero_point: int | None = None) -> Any:
    """Convert, Subtract and Multiply, as OpenVINO's own compression writes them."""
    w = opset1.convert(const(codes), "f32")
    if zero_point is not None:
        w = opset1.subtract(w, opset1.convert(const(np.full(scale, zero_point, codes.dtype)), "f32"))
    return opset1.multiply(w, const(np.abs(normal(*scale)) + F32(0.1)))
