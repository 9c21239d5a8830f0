"""Functions of one tensor, element by element."""

import numpy as np
import openvino.opset15 as ov

from numpot.ir.ops.abs import Abs
from numpot.ir.ops.ceiling import Ceiling
from numpot.ir.ops.clamp import Clamp
from numpot.ir.ops.elu import Elu
from numpot.ir.ops.erf import Erf
from numpot.ir.ops.exp import Exp
from numpot.ir.ops.floor import Floor
from numpot.ir.ops.gelu import Gelu
from numpot.ir.ops.hard_sigmoid import HardSigmoid
from numpot.ir.ops.hsigmoid import HSigmoid
from numpot.ir.ops.hswish import HSwish
from numpot.ir.ops.leaky_relu import LeakyReLU
from numpot.ir.ops.log import Log
from numpot.ir.ops.log_softmax import LogSoftmax
from numpot.ir.ops.mish import Mish
from numpot.ir.ops.negative import Negative
from numpot.ir.ops.prelu import PReLU
from numpot.ir.ops.relu import ReLU
from numpot.ir.ops.round import Round
from numpot.ir.ops.sigmoid import Sigmoid
from numpot.ir.ops.sign import Sign
from numpot.ir.ops.softmax import SoftMax
from numpot.ir.ops.softplus import SoftPlus
from numpot.ir.ops.sqrt import Sqrt
from numpot.ir.ops.swish import Swish
from numpot.ir.ops.tanh import Tanh

from .battery import Case, OnnxNode

rng = np.random.default_rng(1)
X = (4 * rng.standard_normal((2, 3, 4, 5))).astype(np.float32)
HALF = X.astype(np.float16)
POSITIVE = np.abs(X) + np.float32(0.1)
EDGES = np.array([0.0, -0.0, 0.5, 1.5, -2.5, 1e-30, -1e-30, 20.0, -20.0, 87.0, -87.0, 3e4, -3e4], np.float32)
NAN = np.array([np.nan, 1.0, -1.0], np.float32)
INTEGERS = np.array([[-7, 0], [3, 9]], np.int32)
SLOPES = np.array([0.25, -0.5, 2.0], np.float32)
ALPHA, BETA = np.float32(0.2), np.float32(0.5)

# operator, OpenVINO's, ONNX's
SMOOTH = [
    (Elu(alpha=0.5), lambda x: ov.elu(x, 0.5), OnnxNode("Elu", {"alpha": 0.5})),
    (Erf(), ov.erf, OnnxNode("Erf")),
    (Gelu(), lambda x: ov.gelu(x, "erf"), OnnxNode("Gelu")),
    (
        Gelu(approximation_mode="tanh"),
        lambda x: ov.gelu(x, "tanh"),
        OnnxNode("Gelu", {"approximate": "tanh"}),
    ),
    (HSigmoid(), ov.hsigmoid, OnnxNode("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5})),
    (HSwish(), ov.hswish, OnnxNode("HardSwish")),
    (Mish(), ov.mish, OnnxNode("Mish")),
    (Sigmoid(), ov.sigmoid, OnnxNode("Sigmoid")),
    (SoftPlus(), ov.softplus, OnnxNode("Softplus")),
    (Tanh(), ov.tanh, OnnxNode("Tanh")),
]
EXACT = [
    (Abs(), ov.abs, OnnxNode("Abs")),
    (Sign(), ov.sign, OnnxNode("Sign")),
    (Ceiling(), ov.ceiling, OnnxNode("Ceil")),
    (Clamp(min=-1.0, max=6.0), lambda x: ov.clamp(x, -1.0, 6.0), None),
    (Floor(), ov.floor, OnnxNode("Floor")),
    (LeakyReLU(alpha=0.1), lambda x: ov.prelu(x, np.float32(0.1)), OnnxNode("LeakyRelu", {"alpha": 0.1})),
    (Negative(), ov.negative, OnnxNode("Neg")),
    (ReLU(), ov.relu, OnnxNode("Relu")),
    (Round(), lambda x: ov.round(x, "half_to_even"), OnnxNode("Round")),
]

CASES = [
    *(Case(op, [x], openvino) for op, openvino, _ in SMOOTH + EXACT for x in (X, X[0, 0, 0, 0], X[:0])),
    *(Case(op, [EDGES], openvino, atol=3e-6, label="edges") for op, openvino, _ in SMOOTH + EXACT),
    *(Case(op, [HALF], openvino, rtol=2e-3, atol=2e-3, label="f16") for op, openvino, _ in SMOOTH + EXACT),
    *(
        Case(op, [x], onnx, label=f"onnx-{x.size}")
        for op, _, onnx in SMOOTH + EXACT
        if onnx
        for x in (EDGES, NAN)
    ),
    *(
        Case(op, [INTEGERS], vendor, label="i32")
        for op, vendor in ((Abs(), ov.abs), (Negative(), ov.negative), (Floor(), ov.floor))
    ),
    Case(Clamp(min=0.0, max=float("inf")), [EDGES], OnnxNode("Relu"), label="open"),
    Case(LeakyReLU(), [X], OnnxNode("LeakyRelu"), label="default slope"),
    Case(Exp(), [X], ov.exp),
    Case(Exp(), [X], OnnxNode("Exp"), label="onnx"),
    Case(Log(), [POSITIVE], ov.log),
    Case(Log(), [X], OnnxNode("Log"), label="onnx of negatives"),
    Case(Sqrt(), [POSITIVE], ov.sqrt),
    Case(Sqrt(), [X], OnnxNode("Sqrt"), label="onnx of negatives"),
    Case(HardSigmoid(), [X, ALPHA, BETA], ov.hard_sigmoid, constant_inputs=(1, 2)),
    Case(HardSigmoid(), [EDGES, ALPHA, BETA], ov.hard_sigmoid, constant_inputs=(1, 2)),
    Case(Swish(), [X], ov.swish),
    Case(Swish(), [EDGES, BETA], ov.swish, constant_inputs=(1,)),
    # a vector of slopes is one for each channel
    Case(PReLU(), [X, SLOPES], ov.prelu),
    Case(PReLU(), [X, SLOPES], ov.prelu, constant_inputs=(1,), label="constant slopes"),
    Case(PReLU(), [X, SLOPES[:1]], ov.prelu),
    Case(PReLU(), [X, SLOPES.reshape(3, 1, 1)], OnnxNode("PRelu")),
    Case(PReLU(), [X[:, :, 0, 0], SLOPES], ov.prelu),
    Case(PReLU(), [X[0, :, 0, 0], SLOPES], OnnxNode("PRelu")),
    *(
        Case(SoftMax(axis=axis), [x], lambda x, axis=axis: ov.softmax(x, axis))
        for axis in (1, -1, 0, 2)
        for x in (X, 30 * X)
    ),
    *(
        Case(LogSoftmax(axis=axis), [x], lambda x, axis=axis: ov.log_softmax(x, axis))
        for axis in (1, -1, 0)
        for x in (X, 30 * X)
    ),
    Case(
        SoftMax(axis=0),
        [np.array([88.0, 1e4, 3e38], np.float32)],
        OnnxNode("Softmax", {"axis": 0}),
        label="overflow",
    ),
    Case(SoftMax(axis=1), [HALF], lambda x: ov.softmax(x, 1), rtol=2e-3, atol=1e-4, label="f16"),
    Case(LogSoftmax(axis=1), [HALF], lambda x: ov.log_softmax(x, 1), rtol=2e-3, atol=5e-3, label="f16"),
]
