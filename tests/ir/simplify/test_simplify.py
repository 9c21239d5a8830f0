"""What simplify folds, what it leaves alone, and that the model computes the same either way."""

from collections.abc import Callable

import numpy as np
import pytest

from numpot.ir.dtypes import F16, F32, I8
from numpot.ir.graph import Graph, Tensor
from numpot.ir.interpreter import Interpreter
from numpot.ir.ops.common.operator import find
from numpot.ir.ops.parameter import Parameter
from numpot.ir.ops.result import Result
from numpot.ir.simplify.passes import simplify

RNG = np.random.default_rng(3)
PLAIN = {"strides": (1, 1), "pads_begin": (0, 0), "pads_end": (0, 0), "dilations": (1, 1)}
TRANSPOSED = PLAIN | {"output_padding": (0, 0)}


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


class Builder:
    """A graph with input x, and a short way to add to it: arrays become Constants, the name is the operator's
    unless given.
    """

    def __init__(self, *shape: int) -> None:
        self.graph = Graph("test")
        self.x = self.graph.add(Parameter(element_type=F32, shape=shape), name="x").output

    def __call__(
        self,
        operator: str,
        *inputs: Tensor | np.ndarray | float,
        name: str | None = None,
        **attributes: object,
    ) -> Tensor:
        tensors = [t if isinstance(t, Tensor) else self.constant(t) for t in inputs]
        return self.graph.add(
            find(operator)(**attributes), tensors, name or self.graph.unique_name(operator.lower())
        ).output

    def constant(self, value: np.ndarray | float) -> Tensor:
        return self.graph.constant(value if isinstance(value, np.ndarray) else np.array(value, F32))

    def simplified(self, y: Tensor, tolerance: float = 1e-5) -> list[str]:
        """Give the graph its output and simplify it; it must compute what it did. Returns the types of what
        is left.
        """
        self.graph.add(Result(), [y], name="y")
        shape = tuple(3 if d == -1 else d for d in self.x.shape)
        x = normal(*shape)
        before = Interpreter(self.graph, arithmetic="simulated").run(x)["y"]
        self.done = simplify(self.graph)
        after = Interpreter(self.graph, arithmetic="simulated").run(x)["y"]
        np.testing.assert_allclose(after, before, rtol=0, atol=tolerance * np.abs(before).max())
        assert simplify(self.graph) == []
        return [
            n.type
            for n in self.graph.topological_order()
            if n.type not in ("Parameter", "Constant", "Result")
        ]


def batch_norm(b: Builder, x: Tensor) -> Tensor:
    channels = x.shape[1]
    statistics = (
        normal(channels),
        normal(channels),
        normal(channels),
        np.abs(normal(channels)) + np.float32(0.5),
    )
    return b("BatchNormInference", x, *statistics, name="bn", epsilon=1e-3)


# ---- batch norm and its kind -------------------------------------------------------------------------------

LAYERS: dict[str, Callable[[Builder], Tensor]] = {
    "Convolution": lambda b: b("Convolution", b.x, normal(6, 4, 3, 3), name="layer", **PLAIN),
    "grouped": lambda b: b("Convolution", b.x, normal(6, 2, 3, 3), name="layer", groups=2, **PLAIN),
    "depthwise": lambda b: b("Convolution", b.x, normal(8, 1, 3, 3), name="layer", groups=4, **PLAIN),
    "ConvolutionBackpropData": lambda b: b(
        "ConvolutionBackpropData", b.x, normal(4, 6, 3, 3), name="layer", output_padding=(0, 0), **PLAIN
    ),
    "grouped transposed": lambda b: b(
        "ConvolutionBackpropData", b.x, normal(4, 3, 2, 2), name="layer", groups=2, **TRANSPOSED
    ),
    "MatMul": lambda b: b("MatMul", b("Flatten", b.x), normal(144, 5), name="layer"),
    "MatMul transposed": lambda b: b(
        "MatMul", b("Flatten", b.x), normal(5, 144), name="layer", transpose_b=True
    ),
}


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("biased", [False, True])
def test_batch_norm_goes_into_the_layer(layer: str, biased: bool) -> None:
    b = Builder(-1, 4, 6, 6)
    y = LAYERS[layer](b)
    if biased:
        y = b("Add", y, normal(1, y.shape[1], *(1,) * (len(y.shape) - 2)), name="bias")
    kind = y.producer.inputs[0].producer.type if biased else y.producer.type
    assert [t for t in b.simplified(batch_norm(b, y)) if t != "Flatten"] == [kind, "Add"]
    assert b.graph.nodes["layer/WithoutBiases"].type == kind
    assert b.graph.nodes["layer"].type == "Add"


def test_folded_weights_are_the_exact_ones_rounded_once_or_twice() -> None:
    b = Builder(1, 4, 6, 6)
    w, gamma, beta, mean, variance = (
        normal(6, 4, 3, 3),
        normal(6),
        normal(6),
        normal(6),
        np.abs(normal(6)) + np.float32(0.1),
    )
    y = b("Convolution", b.x, w, name="conv", **PLAIN)
    b.simplified(b("BatchNormInference", y, gamma, beta, mean, variance, epsilon=1e-5))
    scale = gamma.astype(np.float64) / np.sqrt(variance.astype(np.float64) + 1e-5)
    weights, bias = (
        b.graph.nodes["conv/WithoutBiases"].inputs[1].constant,
        b.graph.nodes["conv"].inputs[1].constant,
    )
    np.testing.assert_allclose(weights, w * scale[:, None, None, None], rtol=2**-23)
    np.testing.assert_allclose(bias.ravel(), beta - mean * scale, rtol=2**-23)


def test_a_chain_of_factors_and_terms_becomes_one_bias() -> None:
    b = Builder(2, 4, 6, 6)
    y = b("Add", LAYERS["Convolution"](b), normal(1, 6, 1, 1))
    y = b("Divide", b("Subtract", y, 0.5), normal(6, 1, 1) + 3)
    assert b.simplified(b("Add", b("Multiply", np.float32(2).reshape(1), y), normal(1, 6, 1, 1))) == [
        "Convolution",
        "Add",
    ]


def test_a_factor_alone_needs_no_bias() -> None:
    b = Builder(2, 4, 6, 6)
    assert b.simplified(b("Multiply", LAYERS["Convolution"](b), 3.0)) == ["Convolution"]
    assert "layer" in b.graph.nodes


@pytest.mark.parametrize("layer", ["Convolution", "grouped", "ConvolutionBackpropData", "grouped transposed"])
def test_a_factor_before_the_layer(layer: str) -> None:
    b = Builder(2, 4, 6, 6)
    b.x = b("Multiply", b.x, normal(1, 4, 1, 1))
    y = LAYERS[layer](b)
    b.x = b.graph.nodes["x"].output
    assert b.simplified(y) == [b.graph.nodes["layer"].type]


def test_weights_that_two_layers_share_are_copied() -> None:
    b = Builder(2, 4, 6, 6)
    w = b.graph.constant(normal(4, 4, 1, 1), "w")
    first = b("Convolution", b.x, w, name="first", **PLAIN)
    second = b("Convolution", batch_norm(b, first), w, name="second", **PLAIN)
    assert b.simplified(second) == ["Convolution", "Add", "Convolution"]


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(
            lambda b, y: b("Add", b("Multiply", y, normal(1, 6, 1, 1)), y), id="somebody reads between"
        ),
        pytest.param(lambda b, y: b("Multiply", y, normal(1, 1, 4, 4)), id="not per channel"),
        pytest.param(lambda b, y: b("Multiply", y, normal(2, 1, 1, 1)), id="per sample"),
        pytest.param(lambda b, y: b("Subtract", normal(1, 6, 1, 1), y), id="subtracted from"),
        pytest.param(lambda b, y: b("Divide", normal(1, 6, 1, 1), b("Exp", y)), id="divided by"),
        pytest.param(lambda b, y: b("Add", y, normal(1, 1, 6, 1, 1)), id="more dimensions"),
    ],
)
def test_what_cannot_go_into_the_layer_stays(after: Callable[[Builder, Tensor], Tensor]) -> None:
    b = Builder(2, 4, 6, 6)
    y = after(b, LAYERS["Convolution"](b))
    count = len(b.graph)
    b.simplified(y)
    assert len(b.graph) == count + 1  # the Result


def test_batch_norm_with_no_layer_before_it_is_a_factor_and_a_term() -> None:
    b = Builder(2, 4, 6, 6)
    assert b.simplified(batch_norm(b, b("ReLU", b.x))) == ["ReLU", "Multiply", "Add"]
    assert b.graph.nodes["bn"].type == "Add"


# ---- padding -----------------------------------------------------------------------------------------------


def test_padding_with_zeros_goes_into_the_convolution() -> None:
    b = Builder(2, 4, 6, 6)
    padded = b("Pad", b.x, ints(0, 0, 0, 1), ints(0, 0, 2, 1), 0.0)
    attributes = {"strides": (2, 2), "pads_begin": (1, 0), "pads_end": (0, 0), "dilations": (1, 1)}
    assert b.simplified(b("Convolution", padded, normal(6, 4, 3, 3), name="conv", **attributes)) == [
        "Convolution"
    ]
    op = b.graph.nodes["conv"].op
    assert (op.pads_begin, op.pads_end) == ((1, 1), (2, 1))


@pytest.mark.parametrize(
    ("begin", "value", "mode"),
    [((0, 0, 1, 1), 0.5, "constant"), ((0, 1, 1, 1), 0.0, "constant"), ((0, 0, 1, 1), 0.0, "edge")],
)
def test_other_padding_stays(begin: tuple[int, ...], value: float, mode: str) -> None:
    b = Builder(2, 4, 6, 6)
    padded = b("Pad", b.x, ints(*begin), ints(0, 0, 0, 0), value, pad_mode=mode)
    assert b.simplified(b("Convolution", padded, normal(6, padded.shape[1], 3, 3), **PLAIN)) == [
        "Pad",
        "Convolution",
    ]


# ---- constants and no-ops ----------------------------------------------------------------------------------


def test_what_depends_on_no_input_is_computed() -> None:
    b = Builder(-1, 4)
    table = b("Transpose", b("Exp", normal(3, 4)), ints(1, 0), name="table")
    assert b.simplified(b("MatMul", b.x, table)) == ["MatMul"]
    assert b.graph.nodes["table"].type == "Constant"


def test_shape_arithmetic_that_the_batch_decides() -> None:
    b = Builder(-1, 4, 2, 2)
    batch = b("Gather", b("ShapeOf", b.x), ints(0), ints(0))
    y = b("Reshape", b.x, b("Concat", batch, ints(-1), axis=0), name="flat")
    assert b.simplified(y) == ["Reshape"]
    assert b.graph.nodes["flat"].inputs[1].constant.tolist() == [-1, 16]


def test_constants_that_would_only_grow_are_left_to_be_computed() -> None:
    b = Builder(1, 1)
    assert b.simplified(b("Add", b.x, b("Tile", normal(1, 1), ints(2048, 1024)))) == ["Tile", "Add"]


def test_stored_weights_stay_as_they_are_stored() -> None:
    b = Builder(2, 6)
    half = b("Convert", normal(6, 5).astype(F16), destination_type=F32)
    codes = b(
        "Multiply", b("Convert", RNG.integers(-9, 9, (5, 5)).astype(I8), destination_type=F32), normal(5, 1)
    )
    bounds = [np.array(v, F32) for v in (-1, 1, -1, 1)]
    fake = b("FakeQuantize", normal(5, 3), *bounds, levels=255)
    y = b("Add", b("MatMul", b("MatMul", b("MatMul", b.x, half), codes), fake), normal(3))
    assert sorted(b.simplified(y)) == [
        "Add",
        "Convert",
        "Convert",
        "FakeQuantize",
        "MatMul",
        "MatMul",
        "MatMul",
        "Multiply",
    ]
    assert b.done == []


def test_layers_that_do_nothing_go() -> None:
    b = Builder(-1, 4, 3)
    y = b("Convert", b("ReLU", b.x), destination_type=F32)
    y = b("Reshape", b("Transpose", y, ints(0, 1, 2)), ints(-1, 4, 3))
    y = b("Concat", b("Pad", b("Tile", y, ints(1, 1, 1)), ints(0, 0, 0), ints(0, 0, 0)), axis=1)
    assert b.simplified(y) == ["ReLU"]


def test_dead_layers_go_and_are_named() -> None:
    b = Builder(2, 4)
    b("Exp", b.x, name="dead")
    assert b.simplified(b("ReLU", b.x)) == ["ReLU"]
    assert b.done == ["'dead' removed: no output needs it"]


# ---- patterns ----------------------------------------------------------------------------------------------


def relu6_of_plus_3(b: Builder, x: Tensor) -> Tensor:
    return b("Clamp", b("Add", x, 3.0), min=0.0, max=6.0)


def normalized(b: Builder, x: Tensor, square: Callable[[Builder, Tensor], Tensor]) -> Tensor:
    centered = b("Subtract", x, b("ReduceMean", x, ints(-1), keep_dims=True))
    variance = b("ReduceMean", square(b, centered), ints(-1), keep_dims=True)
    return b("Divide", centered, b("Sqrt", b("Add", variance, 1e-5)))


PATTERNS: list[tuple[str, Callable[[Builder, Tensor], Tensor]]] = [
    ("Swish", lambda b, x: b("Multiply", x, b("Sigmoid", x))),
    ("Swish", lambda b, x: b("Multiply", b("Sigmoid", x), x)),
    ("Mish", lambda b, x: b("Multiply", x, b("Tanh", b("SoftPlus", x)))),
    ("HSwish", lambda b, x: b("Divide", b("Multiply", x, relu6_of_plus_3(b, x)), 6.0)),
    ("HSwish", lambda b, x: b("Multiply", x, b("Multiply", relu6_of_plus_3(b, x), 1 / 6))),
    ("HSwish", lambda b, x: b("Multiply", x, b("HardSigmoid", x, 1 / 6, 0.5))),
    ("HSigmoid", lambda b, x: b("Divide", relu6_of_plus_3(b, x), 6.0)),
    (
        "Gelu",
        lambda b, x: b("Multiply", b("Multiply", x, 0.5), b("Add", b("Erf", b("Divide", x, 2**0.5)), 1.0)),
    ),
    (
        "Gelu",
        lambda b, x: b(
            "Multiply", 0.5, b("Multiply", x, b("Add", 1.0, b("Erf", b("Multiply", x, 0.5**0.5))))
        ),
    ),
    ("MVN", lambda b, x: normalized(b, x, lambda b, d: b("Power", d, 2.0))),
    ("MVN", lambda b, x: normalized(b, x, lambda b, d: b("Multiply", d, d))),
]


@pytest.mark.parametrize(
    ("operator", "write_out"), PATTERNS, ids=[f"{name}-{i}" for i, (name, _) in enumerate(PATTERNS)]
)
def test_a_function_written_out_is_recognised(
    operator: str, write_out: Callable[[Builder, Tensor], Tensor]
) -> None:
    b = Builder(-1, 4, 8)
    y = write_out(b, b("Exp", b.x))
    assert b.simplified(y) == ["Exp", operator]
    assert y.producer.name in b.graph.nodes


@pytest.mark.parametrize(
    "write_out",
    [
        lambda b, x: b("Multiply", x, b("Sigmoid", b("Multiply", x, 2.0))),
        lambda b, x: b("Multiply", x, b("HardSigmoid", x, 0.2, 0.5)),
        lambda b, x: b("Multiply", x, b("Clamp", b("Add", x, 3.0), min=0.0, max=6.0)),
        lambda b, x: b("Multiply", x, b("Add", b("Erf", b("Divide", x, 2**0.5)), 1.0)),
        lambda b, x: b("Divide", b("Sigmoid", x), x),
    ],
    ids=["sigmoid of another", "other slope", "no sixth", "no half", "divided"],
)
def test_what_only_looks_like_a_pattern_stays(write_out: Callable[[Builder, Tensor], Tensor]) -> None:
    b = Builder(-1, 4, 8)
    y = write_out(b, b("Exp", b.x))
    count = len(b.graph)
    b.simplified(y)
    assert len(b.graph) == count + 1
