"""Functions of two or three tensors that broadcast against each other."""

import numpy as np
import openvino.opset15 as ov

from numpot.ir.ops.add import Add
from numpot.ir.ops.divide import Divide
from numpot.ir.ops.equal import Equal
from numpot.ir.ops.floor_mod import FloorMod
from numpot.ir.ops.greater import Greater
from numpot.ir.ops.greater_equal import GreaterEqual
from numpot.ir.ops.less import Less
from numpot.ir.ops.less_equal import LessEqual
from numpot.ir.ops.logical_and import LogicalAnd
from numpot.ir.ops.logical_not import LogicalNot
from numpot.ir.ops.logical_or import LogicalOr
from numpot.ir.ops.logical_xor import LogicalXor
from numpot.ir.ops.maximum import Maximum
from numpot.ir.ops.minimum import Minimum
from numpot.ir.ops.mod import Mod
from numpot.ir.ops.multiply import Multiply
from numpot.ir.ops.not_equal import NotEqual
from numpot.ir.ops.power import Power
from numpot.ir.ops.select import Select
from numpot.ir.ops.subtract import Subtract

from .battery import Case, OnnxNode

rng = np.random.default_rng(2)
SHAPES = [
    ((2, 3, 4), (2, 3, 4)),
    ((2, 3, 4), (3, 1)),
    ((4,), (2, 3, 1)),
    ((), (2, 3)),
    ((), ()),
    ((2, 0, 3), (1, 3)),
    ((2, 3, 2, 2), (1, 3, 1, 1)),
]

# operator, OpenVINO's, ONNX's
ARITHMETIC = [
    (Add(), ov.add, "Add"),
    (Subtract(), ov.subtract, "Sub"),
    (Multiply(), ov.multiply, "Mul"),
    (Minimum(), ov.minimum, "Min"),
    (Maximum(), ov.maximum, "Max"),
]
COMPARISONS = [
    (Equal(), ov.equal, "Equal"),
    (NotEqual(), ov.not_equal, None),
    (Less(), ov.less, "Less"),
    (LessEqual(), ov.less_equal, "LessOrEqual"),
    (Greater(), ov.greater, "Greater"),
    (GreaterEqual(), ov.greater_equal, "GreaterOrEqual"),
]
LOGIC = [
    (LogicalAnd(), ov.logical_and, "And"),
    (LogicalOr(), ov.logical_or, "Or"),
    (LogicalXor(), ov.logical_xor, "Xor"),
]


def floats(shape: tuple[int, ...]) -> np.ndarray:
    return np.asarray(3 * rng.standard_normal(shape), np.float32)


def digits(shape: tuple[int, ...]) -> np.ndarray:
    """Small integers, so that some are equal; none is zero, so that they can divide."""
    return np.asarray(rng.integers(1, 5, shape) * rng.choice([-1, 1], shape), np.int32)


def flags(shape: tuple[int, ...]) -> np.ndarray:
    return np.asarray(rng.integers(0, 2, shape), np.bool_)


POSITIVE, BOTH_SIGNS = np.abs(floats((3, 4))) + np.float32(0.1), floats((3, 4))
ONES, NAN = np.float32([1, 1, 1]), np.float32([1, np.nan, 2])
SEVENS, TWOS = np.array([7, -7, 7, -7], np.int32), np.array([2, 2, -2, -2], np.int32)

CASES = [
    *(
        Case(op, [floats(a), floats(b)], openvino)
        for op, openvino, _ in [*ARITHMETIC, (Divide(), ov.divide, "")]
        for a, b in SHAPES
    ),
    *(Case(op, [digits((2, 3)), digits((3,))], openvino, label="i32") for op, openvino, _ in ARITHMETIC),
    *(
        Case(op, [digits((2, 3)).astype(np.int64)] * 2, OnnxNode(onnx), label="i64-onnx")
        for op, _, onnx in ARITHMETIC
    ),
    *(Case(op, [floats((2, 3)), floats((3,))], OnnxNode(onnx), label="onnx") for op, _, onnx in ARITHMETIC),
    *(
        Case(
            op,
            [floats((2, 3)).astype(np.float16), floats((3,)).astype(np.float16)],
            openvino,
            rtol=2e-3,
            atol=1e-3,
            label="f16",
        )
        for op, openvino, _ in ARITHMETIC
    ),
    *(Case(op, [digits(a), digits(b)], openvino) for op, openvino, _ in COMPARISONS for a, b in SHAPES),
    *(Case(op, [floats((9,)), floats((9,))], openvino, label="f32") for op, openvino, _ in COMPARISONS),
    *(
        Case(op, [digits((9,)), digits((9,))], OnnxNode(onnx), label="onnx")
        for op, _, onnx in COMPARISONS
        if onnx
    ),
    # OpenVINO says 1 >= NaN
    *(Case(op, [ONES, NAN], OnnxNode(onnx), label="nan") for op, _, onnx in COMPARISONS if onnx),
    *(Case(op, [flags(a), flags(b)], openvino) for op, openvino, _ in LOGIC for a, b in SHAPES),
    *(Case(op, [flags((9,)), flags((9,))], OnnxNode(onnx), label="onnx") for op, _, onnx in LOGIC),
    Case(LogicalNot(), [flags((2, 3))], ov.logical_not),
    # integers round down in OpenVINO's definition (its constant folding; its CPU plugin does otherwise) and
    # toward zero in ONNX
    Case(Divide(), [SEVENS, TWOS], ov.divide, constant_inputs=(0, 1), label="down"),
    Case(Divide(m_pythondiv=False), [SEVENS, TWOS], OnnxNode("Div"), label="toward zero"),
    Case(Divide(m_pythondiv=False), [digits((3, 4)), digits((4,))], ov.divide, label="i32"),
    Case(Mod(), [SEVENS, TWOS], ov.mod, label="i32"),
    Case(Mod(), [BOTH_SIGNS, POSITIVE], OnnxNode("Mod", {"fmod": 1}), label="f32"),
    Case(FloorMod(), [SEVENS, TWOS], ov.floor_mod, label="i32"),
    Case(FloorMod(), [BOTH_SIGNS, POSITIVE], ov.floor_mod, label="f32"),
    Case(Power(), [POSITIVE, BOTH_SIGNS], ov.power),
    Case(Power(), [BOTH_SIGNS, np.float32(2)], ov.power, constant_inputs=(1,), label="square"),
    Case(Power(), [BOTH_SIGNS, np.float32([2, 3, -1, 0.5])], OnnxNode("Pow"), label="onnx"),
    *(
        Case(
            Power(),
            [np.array([[1, -1, 7, -5]], d), np.array([[3], [2], [0], [-3], [-2]], d)],
            OnnxNode("Pow"),
            label=str(d),
        )
        for d in (np.dtype(np.int32), np.dtype(np.int64))
    ),
    *(
        Case(Select(), [flags(c), floats(a), floats(b)], ov.select)
        for c, (a, b) in zip([(2, 3, 4), (2, 1, 4), (3, 4)], SHAPES[:3], strict=True)
    ),
    Case(Select(), [flags((2, 3)), digits((2, 3)), digits((3,))], OnnxNode("Where"), label="onnx i32"),
    Case(Select(), [flags(()), floats((2, 3)), floats(())], OnnxNode("Where"), label="onnx"),
]
