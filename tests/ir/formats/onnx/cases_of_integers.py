"""Calls of the operators that make, take and compute with codes."""

import numpy as np

from .cases import RNG, Call, X, call, floats


def codes(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    limits = np.iinfo(dtype)
    return RNG.integers(limits.min, limits.max, shape, endpoint=True).astype(dtype)


def weights(*shape: int) -> np.ndarray:
    return codes(*shape, dtype=np.int8)


U8, I8 = np.uint8, np.int8
SCALE, SCALES = np.float32(0.031), np.linspace(0.01, 0.06, 6).astype(np.float32)
ZEROS = np.array([0, 128, 3, 200, 7, 255], U8)
HALVES = floats(-2.5, -1.5, -0.5, 0, 0.5, 1.5, 2.5, 300, -300)

QUANTIZATION = [
    *(call("QuantizeLinear", X, constants=(SCALE, zero)) for zero in (U8(0), U8(77), I8(-3))),
    *(call("QuantizeLinear", HALVES, constants=(np.float32(1), zero)) for zero in (U8(127), U8(128), I8(0))),
    call("QuantizeLinear", X, constants=(SCALE,)),
    call("QuantizeLinear", X, constants=(SCALES, ZEROS), axis=1, since=13),
    call("QuantizeLinear", X, constants=(floats(1, 2, 3, 4, 5), np.zeros(5, I8)), axis=-2, since=13),
    *(
        call("DequantizeLinear", x, constants=(SCALE, z))
        for x, z in ((codes(3, 4), U8(9)), (codes(3, 4, dtype=I8), I8(-5)))
    ),
    call("DequantizeLinear", codes(3, 4), constants=(SCALE,)),
    call("DequantizeLinear", codes(2, 6, 3), constants=(SCALES, ZEROS), axis=1, since=13),
    call("DequantizeLinear", np.array([-70000, 5], np.int32), constants=(SCALE,)),
    call("DynamicQuantizeLinear", X, outputs=3),
    call("DynamicQuantizeLinear", np.abs(X) + 1, outputs=3),
]

SMALL_SCALE = np.float32(0.002)
INTEGER_LAYERS = [
    call(
        "ConvInteger",
        codes(2, 6, 5, 4),
        constants=(weights(4, 6, 3, 3), U8(130)),
        pads=[1, 0, 2, 1],
        strides=[2, 1],
    ),
    call(
        "ConvInteger",
        codes(2, 6, 5, 4),
        constants=(codes(6, 2, 2, 2) // 2, U8(3), U8(60)),
        group=3,
        dilations=[2, 1],
    ),
    call("ConvInteger", codes(2, 6, 5, 4), weights(4, 6, 3, 3)),
    call("ConvInteger", codes(2, 6, 5, 4), constants=(codes(4, 6, 3, 3),)),
    call("MatMulInteger", codes(3, 8), constants=(weights(8, 5), U8(9))),
    call("MatMulInteger", codes(2, 3, 8), constants=(weights(8, 5),)),
    call("MatMulInteger", codes(2, 3, 8), constants=(codes(8, 5), U8(0), U8(100))),
    call("MatMulInteger", codes(3, 8, dtype=I8), constants=(codes(8, 5) // 2, I8(-7), U8(50))),
    call("MatMulInteger", codes(3, 8), codes(8, 5, dtype=I8), constants=(U8(9),)),
    call(
        "QLinearConv",
        codes(2, 6, 5, 4),
        constants=(
            *(SCALE, U8(120)),
            *(weights(4, 6, 3, 3), np.float32([0.001, 0.002, 0.003, 0.004]), np.zeros(4, I8)),
            *(np.float32(0.05), U8(100), np.array([1000, -2000, 0, 99], np.int32)),
        ),
        pads=[1, 1, 1, 1],
    ),
    call(
        "QLinearConv",
        codes(2, 6, 5, 4),
        constants=(SCALE, U8(0), codes(6, 1, 2, 2) // 2, SMALL_SCALE, U8(64), np.float32(0.03), U8(128)),
        group=6,
    ),
    call(
        "QLinearMatMul",
        codes(3, 8),
        constants=(SCALE, U8(120), weights(8, 5), SMALL_SCALE, I8(0), np.float32(0.03), U8(77)),
    ),
    call(
        "QLinearMatMul",
        codes(2, 3, 8),
        constants=(SCALE, U8(0), codes(8, 5), SMALL_SCALE, U8(128), np.float32(0.03), U8(128)),
    ),
]
INTEGERS: list[Call] = [*QUANTIZATION, *INTEGER_LAYERS]
