"""Every gradient rule against central differences in float64."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numpot.ir.ops import OPERATORS
from numpot.quant.finetuning.gradients import FORWARDS, RULES, Call, unbroadcast

from .differences import assert_gradients, outputs_of


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def op(type: str, **attributes: Any) -> Any:
    return OPERATORS[type](**attributes)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


X, ROW, POSITIVE = 2 * draw(2, 3, 4), draw(3, 1, seed=1), np.abs(draw(2, 3, 4, seed=2)) + 0.1
IMAGE = draw(2, 3, 5, 4)
FREE_PADS = {"pads_begin": (1, 0), "pads_end": (0, 1)}

#: operator, inputs, ports of the inputs that have a gradient
CASES: list[tuple[Any, list[np.ndarray], tuple[int, ...]]] = [
    *[(op(name), [X, ROW], (0, 1)) for name in ("Add", "Subtract", "Multiply", "Maximum", "Minimum")],
    *[(op(name), [ROW, X], (0, 1)) for name in ("Add", "Multiply")],
    (op("Divide"), [X, POSITIVE], (0, 1)),
    (op("Divide"), [ROW, POSITIVE], (0, 1)),
    (op("Power"), [POSITIVE, ROW], (0, 1)),
    (op("Power"), [X, np.array(2.0)], (0,)),
    (op("Select"), [X > 0, X, ROW], (1, 2)),
    *[
        (op(name), [X], (0,))
        for name in (
            "Negative",
            "Abs",
            "Exp",
            "Erf",
            "ReLU",
            "Sigmoid",
            "Tanh",
            "HSigmoid",
            "HSwish",
            "SoftPlus",
            "Mish",
        )
    ],
    *[(op(name), [POSITIVE], (0,)) for name in ("Sqrt", "Log")],
    (op("Clamp", min=-0.5, max=1.5), [X], (0,)),
    (op("LeakyReLU", alpha=0.2), [X], (0,)),
    (op("PReLU"), [X, draw(3, seed=3)], (0, 1)),
    (op("PReLU"), [X, draw(2, 1, 4, seed=3)], (0, 1)),
    (op("Elu", alpha=0.7), [X], (0,)),
    (op("Swish"), [X], (0,)),
    (op("Swish"), [X, np.array(1.7)], (0, 1)),
    (op("HardSigmoid"), [X, np.array(0.2), np.array(0.5)], (0,)),
    (op("Gelu"), [X], (0,)),
    (op("Gelu", approximation_mode="tanh"), [X], (0,)),
    *[(op(name, axis=axis), [X], (0,)) for name in ("SoftMax", "LogSoftmax") for axis in (1, -1)],
    *[
        (op(name, keep_dims=keep), [X, ints(0, -1)], (0,))
        for name in ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin")
        for keep in (0, 1)
    ],
    (op("ReduceMean"), [X, ints()], (0,)),
    (op("Reshape"), [X, ints(4, -1)], (0,)),
    (op("Flatten"), [X], (0,)),
    (op("Squeeze"), [draw(2, 1, 3), ints(1)], (0,)),
    (op("Unsqueeze"), [X, ints(0, -1)], (0,)),
    (op("Transpose"), [X, ints(2, 0, 1)], (0,)),
    (op("Transpose"), [X, ints()], (0,)),
    (op("Concat", axis=-2), [X, draw(2, 1, 4), draw(2, 2, 4)], (0, 1, 2)),
    (op("Split", num_splits=2), [X, np.array(-1)], (0,)),
    (op("VariadicSplit"), [X, ints(2), ints(1, -1)], (0,)),
    (op("StridedSlice", begin_mask=(1, 0)), [X, ints(0, 2), ints(1, 0), ints(1, -1)], (0,)),
    (op("Slice"), [X, ints(3), ints(0), ints(-2), ints(2)], (0,)),
    (op("Gather"), [X, ints(2, 0, 2), np.array(1)], (0,)),
    (op("Tile"), [X, ints(2, 1, 3)], (0,)),
    (op("Broadcast"), [ROW, ints(2, 3, 4)], (0,)),
    (op("DepthToSpace", mode="blocks_first", block_size=2), [draw(1, 8, 2, 3)], (0,)),
    (op("SpaceToDepth", mode="depth_first", block_size=2), [draw(1, 2, 4, 2)], (0,)),
    *[
        (op("Pad", pad_mode=mode), [X, ints(0, 1, 2), ints(1, 0, 1)], (0,))
        for mode in ("constant", "edge", "symmetric")
    ],
    (op("Pad", pad_mode="reflect"), [X, ints(0, 1, 2), ints(1, 0, 1)], (0,)),
    (op("Pad"), [X, ints(0, 1, 2), ints(1, 0, 1), np.array(2.5)], (0,)),
    *[
        (
            op("AvgPool", kernel=(2, 2), strides=(2, 1), exclude_pad=e, rounding_type="ceil", **FREE_PADS),
            [IMAGE],
            (0,),
        )
        for e in (True, False)
    ],
    (op("MaxPool", kernel=(3, 2), strides=(2, 1), dilations=(1, 2), **FREE_PADS), [IMAGE], (0,)),
    (
        op("BatchNormInference", epsilon=1e-3),
        [X, *(draw(3, seed=s) for s in (1, 2, 3)), np.abs(draw(3, seed=4))],
        (0,),
    ),
    (op("MatMul"), [draw(2, 3, 4), draw(4, 5)], (0, 1)),
    (op("MatMul", transpose_a=True, transpose_b=True), [draw(4, 3), draw(2, 5, 4)], (0, 1)),
    (op("MatMul", transpose_a=True), [draw(4), draw(2, 4, 3)], (0, 1)),
    (op("MatMul", transpose_b=True), [draw(3, 4), draw(4)], (0, 1)),
    (op("MatMul"), [draw(4), draw(4, seed=1)], (0, 1)),
]


@pytest.mark.parametrize(("operator", "inputs", "ports"), CASES, ids=lambda v: getattr(v, "type", ""))
def test_rule(operator: Any, inputs: list[np.ndarray], ports: tuple[int, ...]) -> None:
    assert_gradients(operator, inputs, ports)


COARSE = [
    *[
        (op("MVN", normalize_variance=n, eps=0.1, eps_mode=m), [X, ints(1, 2)])
        for n in (True, False)
        for m in ("inside_sqrt", "outside_sqrt")
    ],
    *[
        (op("NormalizeL2", eps=0.5, eps_mode=mode), [X * scale, ints(1)])
        for mode in ("add", "max")
        for scale in (1, 0.05)
    ],
    *[
        (op("Interpolate", mode=mode, shape_calculation_mode="sizes"), [IMAGE[:1], ints(7, 3), ints(2, 3)])
        for mode in ("nearest", "linear", "linear_onnx", "cubic")
    ],
]


@pytest.mark.parametrize(("operator", "inputs"), COARSE, ids=lambda v: getattr(v, "type", ""))
def test_rule_of_an_operator_that_computes_in_float32(operator: Any, inputs: list[np.ndarray]) -> None:
    x, *others = inputs
    assert_gradients(operator, [x.astype(np.float32), *others], step=2**-7, tolerance=2e-3)


@st.composite
def convolutions(draw_from: st.DrawFn, transposed: bool) -> tuple[Any, list[np.ndarray]]:
    """Any strides, pads, dilations and groups, in one or two dimensions; depthwise ones among them."""
    rank = draw_from(st.integers(1, 2))

    def numbers(least: int, most: int) -> tuple[int, ...]:
        return tuple(draw_from(st.integers(least, most)) for _ in range(rank))

    groups, inside, outside = draw_from(
        st.sampled_from([(1, 1, 1), (1, 2, 3), (2, 2, 1), (3, 1, 1), (2, 1, 2)])
    )
    kernel, strides, dilations = numbers(1, 3), numbers(1, 3), numbers(1, 2)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    size = tuple(draw_from(st.integers(max(r, 3), max(r, 3) + 1)) for r in reach)
    images = draw_from(st.integers(1, 2))
    window = {
        "strides": strides,
        "pads_begin": numbers(0, 1),
        "pads_end": numbers(0, 1),
        "dilations": dilations,
        "groups": groups,
    }
    if transposed:
        padding = tuple(draw_from(st.integers(0, s - 1)) for s in strides)
        weights = draw(groups * inside, outside, *kernel)
        return op("ConvolutionBackpropData", output_padding=padding, **window), [
            draw(images, groups * inside, *size),
            weights,
        ]
    return op("Convolution", **window), [
        draw(images, groups * inside, *size),
        draw(groups * outside, inside, *kernel),
    ]


@settings(max_examples=40)
@given(convolutions(transposed=False))
def test_convolution(problem: tuple[Any, list[np.ndarray]]) -> None:
    assert_gradients(*problem, (0, 1))


@settings(max_examples=30)
@given(convolutions(transposed=True))
def test_transposed_convolution(problem: tuple[Any, list[np.ndarray]]) -> None:
    assert_gradients(*problem, (0, 1))


@settings(max_examples=40)
@given(st.one_of(convolutions(transposed=False), convolutions(transposed=True)))
def test_what_training_computes_is_the_operator(problem: tuple[Any, list[np.ndarray]]) -> None:
    """Small integers, so that the order of a sum does not matter."""
    operator, inputs = problem
    whole = [np.rint(4 * x).astype(np.float32) for x in inputs]
    (found,) = outputs_of(operator, whole)
    np.testing.assert_array_equal(found, operator.evaluate(*whole))
    assert found.dtype == np.float32


def test_what_training_computes_otherwise_is_the_operator() -> None:
    """The other forwards of its own; FakeQuantize to the last bit, for any floats."""
    x = draw(3, 4, 6, 5).astype(np.float32)
    ends = [e.astype(np.float32) for e in (-np.ones((1, 4, 1, 1)), 1.3 * np.ones((1, 4, 1, 1)))]
    pool = op("AvgPool", kernel=(2, 2), strides=(1, 1), exclude_pad=True, **FREE_PADS)
    for operator, inputs in (
        (op("FakeQuantize", levels=256), [x, *ends, *ends]),
        (op("FakeQuantize", levels=16), [x, np.float32(0), np.float32(0.7), np.float32(0), np.float32(1.4)]),
        (pool, [np.rint(4 * x)]),
        (op("MatMul", transpose_b=True), [np.rint(4 * x), np.rint(4 * draw(7, 5)).astype(np.float32)]),
    ):
        found = FORWARDS[operator.type](operator, *map(np.asarray, inputs))
        np.testing.assert_array_equal(found, operator.evaluate(*map(np.asarray, inputs)))


def test_straight_through_where_inside_and_zero_where_clipped() -> None:
    x = np.array([-2.0, -1.0, -0.3, 0.0, 0.4, 1.0, 1.1], np.float32)
    low, high = np.float32(-1), np.float32(1)
    fake = op("FakeQuantize", levels=16)
    for output_high, slope in ((1, 1.0), (3, 2.0)):
        ends = [np.asarray(v, np.float32) for v in (low, high, low, output_high)]
        call = Call(fake, [x, *ends], outputs_of(fake, [x, *ends]), [True, False, False, False, False])
        (found,) = RULES["FakeQuantize"](call, np.full_like(x, 5))
        np.testing.assert_array_equal(found, np.array([0, 5, 5, 5, 5, 5, 0]) * slope)


def test_the_line_behind_the_staircase_has_this_slope() -> None:
    """Averaged over many steps of the staircase, the difference is what the straight-through
    estimator says.
    """
    fake, ends = op("FakeQuantize", levels=256), [np.asarray(v, np.float32) for v in (-1, 1, -1, 1)]
    a, b = (fake.evaluate(np.float32(v).reshape(1), *ends)[0] for v in (-0.5, 0.5))
    assert abs((b - a) - 1) < 1 / 100


@pytest.mark.parametrize("shape", [(), (1,), (3, 1), (1, 3, 1), (2, 1, 4), (4,)])
def test_unbroadcast_is_the_transpose_of_broadcasting(shape: tuple[int, ...]) -> None:
    g, x = draw(2, 3, 4), draw(*shape)
    assert np.isclose((unbroadcast(g, shape) * x).sum(), (g * np.broadcast_to(x, g.shape)).sum())
    assert unbroadcast(g, shape).shape == shape


def test_every_rule_is_tested() -> None:
    tested = {operator.type for operator, *_ in [*CASES, *COARSE]}
    assert set(RULES) - tested == {"Convolution", "ConvolutionBackpropData", "FakeQuantize"}
