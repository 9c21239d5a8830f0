"""Angles and hyperbolic functions, element by element."""

import numpy as np
import openvino.opset15 as ov

from numpot.ir.ops.acos import Acos
from numpot.ir.ops.acosh import Acosh
from numpot.ir.ops.asin import Asin
from numpot.ir.ops.asinh import Asinh
from numpot.ir.ops.atan import Atan
from numpot.ir.ops.atanh import Atanh
from numpot.ir.ops.cos import Cos
from numpot.ir.ops.cosh import Cosh
from numpot.ir.ops.sin import Sin
from numpot.ir.ops.sinh import Sinh
from numpot.ir.ops.tan import Tan

from .battery import Case, OnnxNode

rng = np.random.default_rng(7)
X = (4 * rng.standard_normal((2, 3, 4, 5))).astype(np.float32)
INSIDE = rng.uniform(-0.999, 0.999, (2, 3, 4)).astype(np.float32)
ABOVE = (1 + np.abs(X)).astype(np.float32)
EDGES = np.array([0.0, -0.0, 0.5, -1.0, 1.0, 1e-30, -1e-30, np.inf, -np.inf, np.nan], np.float32)

# operator, OpenVINO's, where it is compared
FUNCTIONS = [
    (Acos(), ov.acos, INSIDE),
    (Asin(), ov.asin, INSIDE),
    (Atan(), ov.atan, X),
    (Acosh(), ov.acosh, ABOVE),
    (Asinh(), ov.asinh, X),
    (Atanh(), ov.atanh, INSIDE),
    (Cos(), ov.cos, X),
    (Sin(), ov.sin, X),
    (Tan(), ov.tan, INSIDE),
    (Cosh(), ov.cosh, X / 2),
    (Sinh(), ov.sinh, X / 2),
]
CASES = [
    *(
        Case(op, [x], vendor, atol=2e-6)
        for op, vendor, values in FUNCTIONS
        for x in (values, values[0, 0, 0], values[:0])
    ),
    *(Case(op, [EDGES], OnnxNode(op.type), atol=2e-6, label="onnx-edges") for op, _, _ in FUNCTIONS),
    *(
        Case(op, [x.astype(np.float16)], vendor, rtol=3e-3, atol=2e-3, label="f16")
        for op, vendor, x in FUNCTIONS
    ),
]
