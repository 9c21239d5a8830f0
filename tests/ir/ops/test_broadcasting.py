"""Any shapes that NumPy broadcasts, all elementwise operators: one OpenVINO model for each draw."""

import numpy as np
import openvino as ov
from hypothesis import given, settings
from hypothesis.extra.numpy import BroadcastableShapes, mutually_broadcastable_shapes

from numpot.ir.ops import OPERATORS
from numpot.ir.ops.common.broadcasting import Elementwise, broadcast_shapes

from .battery import CORE, OPENVINO_CONFIG, assert_same
from .cases_arithmetic import ARITHMETIC, COMPARISONS, LOGIC

PAIRS = mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=4)
FLOAT_PAIRS = [(op, function) for op, function, _ in ARITHMETIC + COMPARISONS]
FLAG_PAIRS = [(op, function) for op, function, _ in LOGIC]


@settings(max_examples=40, deadline=None)
@given(shapes=PAIRS)
def test_all_operators_broadcast_like_the_vendor(shapes: BroadcastableShapes) -> None:
    rng = np.random.default_rng(0)
    numbers = [np.asarray(rng.integers(-2, 3, s), np.float32) for s in shapes.input_shapes]
    flags = [x > 0 for x in map(np.asarray, numbers)]
    inputs = [np.asarray(x) for x in numbers + flags]
    parameters = [ov.opset15.parameter(list(x.shape), x.dtype) for x in inputs]
    nodes = [f(*parameters[:2]) for _, f in FLOAT_PAIRS] + [f(*parameters[2:]) for _, f in FLAG_PAIRS]
    compiled = CORE.compile_model(ov.Model(nodes, parameters), "CPU", OPENVINO_CONFIG)
    expected = compiled(inputs)
    ours = [op.evaluate(*inputs[:2]) for op, _ in FLOAT_PAIRS] + [
        op.evaluate(*inputs[2:]) for op, _ in FLAG_PAIRS
    ]
    assert_same(ours, [expected[i] for i in range(len(nodes))], rtol=0, atol=0)
    assert broadcast_shapes(*shapes.input_shapes) == shapes.result_shape == ours[0].shape


def test_every_elementwise_operator_of_two_tensors_is_tried() -> None:
    tried = {op.type for op, _ in FLOAT_PAIRS + FLAG_PAIRS}
    # division by zero, and three inputs: in the cases
    needs_care = {"Divide", "FloorMod", "Mod", "Power", "Select"}
    assert {name for name, cls in OPERATORS.items() if issubclass(cls, Elementwise)} == tried | needs_care
