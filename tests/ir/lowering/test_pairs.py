"""Layers whose pairs of products are not neighbouring channels of a tap: their operators, their kernels,
their counts, their proofs.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numpot.ir.executor.executor import Executor
from numpot.ir.graph import Graph, Node
from numpot.ir.interpreter import Interpreter
from numpot.ir.lowering.lower import lower
from numpot.ir.ops.common.operator import OperatorError
from numpot.ir.ops.convolution import Convolution
from numpot.ir.ops.convolution_integer import ConvolutionInteger
from numpot.kernels import reference
from numpot.kernels.saturation import PAIR_RULES, chosen_pairs, pairing, pairings

from ...networks import Network

SATURATING = list(PAIR_RULES)
NAMES = st.sampled_from(SATURATING)


def of_groups(
    groups: int, depth: int, outputs: int, kernel: tuple[int, int], stride: int, pad: int, low: float = -1
) -> Graph:
    net = Network(int8=True)
    x = net.quantize(net.input(-1, groups * depth, 6, 7), low, 3)
    pads = {"pads_begin": (pad, 0), "pads_end": (0, pad)}
    op = Convolution(strides=(stride, 1), dilations=(1, 2), **pads, groups=groups)
    return net.result(net.op(op, x, net._weights(groups * outputs, depth, *kernel), name="layer"))


def product(K: int) -> Graph:
    net = Network(int8=True)
    return net.result(net.matmul(net.quantize(net.input(-1, K), -1, 3), 9, bias=False, name="layer"))


def samples(graph: Graph, seed: int) -> np.ndarray:
    return (
        np.random.default_rng(seed).uniform(-2, 4, (2, *graph.inputs[0].output.shape[1:])).astype(np.float32)
    )


def integer_layer(graph: Graph) -> tuple[Node, ConvolutionInteger]:
    (node,) = graph.of_type("ConvolutionInteger", "MatMulInteger")
    return node, node.op  # type: ignore[return-value]


def check(graph: Graph, arithmetic: str, seed: int) -> None:
    """The executor gives the definition's floats, and counts the definition's pairs."""
    x = samples(graph, seed)
    seen: dict[str, np.ndarray] = {}
    lowered = lower(graph, arithmetic)  # type: ignore[arg-type]
    node, op = integer_layer(lowered)
    codes = node.inputs[0]
    interpreter = Interpreter(lowered, arithmetic="simulated")
    expected = interpreter.run(
        x, observer=lambda t, y: seen.update({t.name: y.copy()}) if t is codes else None
    )["y"]
    for threads in (1, 2):
        executor = Executor(graph, arithmetic=arithmetic, threads=threads, count_saturation=True)  # type: ignore[arg-type]
        np.testing.assert_array_equal(executor.run(x)["y"], expected)
        assert "numpy" not in [step.kernel for step in executor.plan]
    (layer,) = executor.saturation
    w, zero = node.inputs[1].constant, int(node.inputs[2].constant.item())  # type: ignore[union-attr]
    assert w is not None
    if node.type == "MatMulInteger":
        counts = reference.saturated_pairs(seen[codes.name], w.T, op.block)
    else:
        where = {
            n: getattr(op, n) for n in ("strides", "pads_begin", "pads_end", "dilations", "groups", "block")
        }
        counts = reference.convolution_saturated_pairs(seen[codes.name], w, zero, **where)
    np.testing.assert_array_equal(layer.saturated, counts)
    assert layer.pairs >= counts.sum()


GROUPS = st.tuples(
    st.integers(1, 4), st.integers(1, 9), st.integers(1, 5), st.tuples(st.integers(1, 3), st.integers(1, 3))
)


@given(
    GROUPS.filter(lambda p: p[1] > 1 or (p[0] > 1 and p[2] > 1)),
    st.integers(1, 2),
    st.integers(0, 2),
    NAMES,
    st.integers(0, 99),
)
@settings(max_examples=30)
def test_convolutions(
    shape: tuple[int, int, int, tuple[int, int]], stride: int, pad: int, arithmetic: str, seed: int
) -> None:
    check(of_groups(*shape, stride, pad), arithmetic, seed)


@given(st.integers(250, 520), NAMES, st.integers(0, 99))
@settings(max_examples=20)
def test_long_matrix_products(K: int, arithmetic: str, seed: int) -> None:
    check(product(K), arithmetic, seed)


def test_a_group_of_so_many_products_that_it_is_summed_in_halves() -> None:
    graph = of_groups(2, 30, 2, (3, 3), 1, 1)  # 270 products
    assert integer_layer(lower(graph, "saturating"))[1].block == 135
    check(graph, "saturating", 0)


@pytest.mark.parametrize(
    ("graph", "arithmetic", "columns", "block"),
    [
        (of_groups(1, 3, 4, (3, 3), 1, 0), "saturating", False, 0),
        (of_groups(1, 3, 4, (3, 3), 1, 0), "saturating-onnxruntime", True, 0),
        (of_groups(2, 3, 4, (3, 3), 1, 0), "saturating", True, 0),
        (of_groups(2, 3, 4, (3, 3), 1, 0), "exact", False, 0),
        (of_groups(2, 3, 4, (3, 3), 1, 0), "saturating-avx512", True, 0),
        (of_groups(2, 3, 4, (3, 3), 1, 0, low=0), "saturating-avx512", False, 0),
        (product(301), "saturating-avx512", False, 0),
        # an even number of channels: the same neighbours
        (of_groups(2, 4, 4, (3, 3), 1, 0), "saturating", False, 0),
        (of_groups(4, 1, 1, (3, 3), 1, 0), "saturating", False, 0),  # depthwise
        (of_groups(4, 1, 2, (3, 3), 1, 0), "saturating", True, 0),
        (product(256), "saturating", False, 0),
        (product(301), "saturating", False, 151),
        (product(304), "saturating", False, 0),  # halves of 152
        (product(301), "saturating-onnxruntime", False, 0),
        (product(514), "saturating", False, 0),
    ],
)
def test_which_layers_are_rewritten(graph: Graph, arithmetic: str, columns: bool, block: int) -> None:
    lowered = lower(graph, arithmetic)  # type: ignore[arg-type]
    assert bool(lowered.of_type("Im2Col")) == columns and integer_layer(lowered)[1].block == block


@pytest.mark.parametrize("arithmetic", SATURATING)
@pytest.mark.parametrize(
    ("shape", "groups", "is_matrix"),
    [((4, 3, 3, 2), 1, False), ((6, 3, 2, 2), 2, False), ((3, 301), 1, True), ((4, 1, 3, 3), 2, False)],
)
def test_a_pairing_is_what_the_definition_adds(
    arithmetic: str, shape: tuple[int, ...], groups: int, is_matrix: bool
) -> None:
    """The pair sums of weights for codes that are all 1 are those that the lowered layer forms."""
    graph = (
        product(shape[1]) if is_matrix else of_groups(groups, shape[1], shape[0] // groups, shape[2:], 1, 0)
    )  # type: ignore[arg-type]
    node, op = integer_layer(lower(graph, arithmetic))  # type: ignore[arg-type]
    stored = lower(graph, "exact").of_type("ConvolutionInteger", "MatMulInteger")[0].inputs[1].constant
    rows = node.inputs[1].constant
    assert stored is not None and rows is not None
    taps = rows.reshape(*rows.shape[:2], -1).transpose(2, 1, 0)  # (taps,K,O)
    ones = np.ones((1, rows.shape[1]), np.uint8)
    expected = np.concatenate(
        [np.concatenate(list(reference.pair_sums(ones, tap, op.block))) for tap in taps]
    ).T
    found = (
        chosen_pairs(
            stored,
            pairing(PAIR_RULES[arithmetic], stored.shape, groups=groups, zero_point=64, is_matrix=is_matrix),
        )
        .astype(np.int32)
        .sum(axis=2)
    )
    np.testing.assert_array_equal(found, expected)


@given(GROUPS, st.booleans())
def test_every_pairing_has_every_weight_once(
    shape: tuple[int, int, int, tuple[int, int]], is_matrix: bool
) -> None:
    groups, depth, outputs, kernel = shape
    weights = (outputs, depth) if is_matrix else (groups * outputs, depth, *kernel)
    for way in pairings(weights, groups=1 if is_matrix else groups, is_matrix=is_matrix):
        numbers = np.sort(way.ravel())
        K = int(np.prod(weights[1:]))
        np.testing.assert_array_equal(numbers[numbers < K], np.arange(K))


def test_a_block_belongs_to_a_product_of_one_position() -> None:
    op = ConvolutionInteger(strides=(1, 1), pads_begin=(0, 0), pads_end=(0, 0), dilations=(1, 1), block=3)
    with pytest.raises(OperatorError, match=r"block must be 0 for a kernel of \[3, 3\], found 3"):
        op.infer_shape((1, 8, 5, 5), (4, 8, 3, 3), ())
