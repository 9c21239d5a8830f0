"""Where FakeQuantize operators go: every pattern by itself, and placements in small networks."""

import numpy as np
import pytest

from numpot.ir.graph import Graph
from numpot.quant.placement import fused_patterns as patterns
from numpot.quant.placement.ignored_scope import Ignored
from numpot.quant.placement.placement import find_quantizers
from numpot.quant.placement.quantizer import Quantizer
from numpot.quant.ranges.schemes import activation_scheme
from numpot.quant.settings.range_options import QuantizerParameters

from ...networks import Network
from .pattern_graphs import build, expansions

LINES = patterns.ALWAYS + patterns.CPU + patterns.NOT_SPR + patterns.FUSED_INTO_LAYER


def activations(graph: Graph, *options) -> dict[str, tuple[str, list[str]]]:
    """Quantizer -> (type of what makes the tensor, types of those that will read its codes)."""
    found = [q for q in find_quantizers(graph, *options) if not q.is_weight]
    return {q.name: (q.tensor.producer.type, sorted(use.node.type for use in q.uses)) for q in found}


def quantizer(graph: Graph, name: str) -> Quantizer:
    return {q.name: q for q in find_quantizers(graph)}[name]


# ---- patterns ----------------------------------------------------------------------------------------------


@pytest.fixture
def alone(monkeypatch):
    """Makes one line the only pattern there is."""

    def only(line):
        fused = line in patterns.FUSED_INTO_LAYER
        monkeypatch.setattr(patterns, "ALWAYS", [] if fused else [line])
        monkeypatch.setattr(patterns, "CPU", [])
        monkeypatch.setattr(patterns, "NOT_SPR", [])
        monkeypatch.setattr(patterns, "FUSED_INTO_LAYER", [line] if fused else [])

    return only


@pytest.mark.parametrize("line", LINES)
def test_a_pattern_skips_what_it_names_and_spares_its_ends(line, alone):
    alone(line)
    for steps in expansions(line):
        net, nodes = build(steps)
        inner = {node for (step, _), node in zip(steps, nodes, strict=True) if not step.stays}
        assert inner and patterns.skipped_nodes(net.graph) == inner


@pytest.mark.parametrize("line", LINES)
def test_a_pattern_needs_its_last_operator(line, alone):
    alone(line)
    for steps in expansions(line):
        if len(steps) > 1:
            assert not patterns.skipped_nodes(build(steps[:-1])[0].graph)


@pytest.mark.parametrize("line", [line for line in LINES if "*" in line])
def test_a_constant_operand_must_be_constant(line, alone):
    """An arithmetic operator of two tensors is not the affine step that a pattern means."""
    alone(line)
    for steps in expansions(line):
        net, nodes = build(steps)
        starred = [
            n
            for (step, _), n in zip(steps, nodes, strict=True)
            if step.constant and n.type in ("Add", "Multiply")
        ]
        for node in starred:
            port = [t.constant is not None for t in node.inputs].index(True)
            net.graph.set_input(node, port, net.input(*node.output.shape, name=f"{node.name} is fed"))
        if starred:
            assert not patterns.skipped_nodes(net.graph)


@pytest.mark.parametrize("line", patterns.FUSED_INTO_LAYER)
def test_nothing_is_fused_into_a_layer_past_a_second_reader(line, alone):
    alone(line)
    for steps in expansions(line):
        for position in range(len(steps) - 1):
            net, nodes = build(steps)
            net.do("Tanh", nodes[position].output)
            assert not patterns.skipped_nodes(net.graph)


def test_what_leads_to_a_top_k_is_skipped_up_to_the_layer():
    net = Network()
    y = net.conv(net.input(-1, 4, 5, 5), 4, name="layer")
    y = net.do("Multiply", y, net.input(-1, 4, 5, 5, name="scores"))
    net.do("TopK", y, np.array(2), axis=1, mode="max", sort="value")
    assert sorted(n.type for n in patterns.skipped_nodes(net.graph)) == [
        "Add",
        "Multiply",
        "Parameter",
        "TopK",
    ]


# ---- chains ------------------------------------------------------------------------------------------------


def test_a_chain_of_convolutions():
    net = Network()
    y = net.relu(net.conv(net.input(-1, 3, 8, 8), 4, name="a"))
    graph = net.result(net.conv(y, 4, name="b"))
    assert activations(graph) == {
        "a/fq_input_0": ("Parameter", ["Convolution"]),
        "b/fq_input_0": ("ReLU", ["Convolution"]),
    }
    weights = [q for q in find_quantizers(graph) if q.is_weight]
    assert [(q.name, q.per_channel) for q in weights] == [("a/fq_weights_1", True), ("b/fq_weights_1", True)]


def test_a_reversal_of_channels_is_jumped_over():
    net = Network()
    parts = net.do(
        "Split", net.relu(net.conv(net.input(-1, 3, 8, 8), 3, name="a")), np.array(1), num_splits=3
    ).producer.outputs
    graph = net.result(net.conv(net.do("Concat", *reversed(parts), axis=1, name="reversed"), 4, name="b"))
    (name,) = activations(graph).keys() - {"a/fq_input_0"}
    assert activations(graph)[name] == ("ReLU", ["Split"])


def test_only_depthwise_layers_decide_the_granularity_of_what_an_output_shares():
    """Results read no codes: a pool that ends in one does not make the range of its depthwise reader one for
    all channels.
    """
    net = Network()
    pooled = net.max_pool(net.relu(net.conv(net.input(-1, 3, 8, 8), 4, name="a")))
    net.do("Result", pooled, name="side")
    graph = net.result(net.depthwise(pooled, name="b"))
    (q,) = (q for q in find_quantizers(graph) if q.tensor.producer.type == "ReLU")
    assert q.per_channel and activation_scheme(q, "performance", QuantizerParameters()).per_channel


def test_nothing_is_quantized_at_the_end():
    net = Network()
    assert list(activations(net.result(net.relu(net.conv(net.input(-1, 3, 8, 8), 4, name="a"))))) == [
        "a/fq_input_0"
    ]


def test_a_tensor_that_two_operators_read_is_quantized_once_under_the_first_name():
    net = Network()
    x = net.relu(net.conv(net.input(-1, 4, 8, 8), 4, name="first"))
    graph = net.result(net.do("Add", net.conv(x, 4, name="second"), x, name="join"))
    assert activations(graph)["join/fq_input_1"] == ("ReLU", ["Add", "Convolution"])
    assert activations(graph).keys() == {"first/fq_input_0", "join/fq_input_0", "join/fq_input_1"}


def test_product_of_two_activations():
    net = Network()
    a, b = net.input(-1, 4, 5, name="a"), net.input(-1, 5, 6, name="b")
    graph = net.result(net.do("MatMul", a, b, name="product"))
    assert activations(graph).keys() == {"product/fq_input_0", "product/fq_input_1"}


def test_constants_of_arithmetic_are_weights():
    net = Network()
    graph = net.result(
        net.do("Multiply", net.relu(net.input(-1, 4)), np.ones((1, 4), np.float32), name="scale")
    )
    assert [(q.name, q.is_weight) for q in find_quantizers(graph)] == [
        ("scale/fq_input_0", False),
        ("scale/fq_weights_1", True),
    ]


def test_shapes_and_integers_are_not_quantized():
    net = Network()
    x = net.input(-1, 4, 2)
    net.do(
        "Result",
        net.do("Add", net.do("Gather", net.do("ShapeOf", x), np.array(0), np.array(0)), np.array(1)),
        name="count",
    )
    number = net.do(
        "Convert",
        net.do("Gather", net.do("ShapeOf", x), np.array(1), np.array(0)),
        destination_type=np.dtype(np.float32),
    )
    graph = net.result(net.do("Divide", net.relu(x), number, name="mean"))
    assert activations(graph).keys() == {"mean/fq_input_0"}


# ---- rising ------------------------------------------------------------------------------------------------


def test_a_quantizer_rises_past_operators_that_work_on_codes():
    net = Network()
    y = net.max_pool(net.relu(net.conv(net.input(-1, 3, 8, 8), 4, name="a")))
    y = net.do("Reshape", y, np.array([-1, 64]), special_zero=False)
    graph = net.result(net.matmul(y, 5))
    assert activations(graph)["MaxPool/fq_input_0"] == ("ReLU", ["MaxPool"])
    assert activations(graph).keys() == {"MaxPool/fq_input_0", "a/fq_input_0"}


@pytest.mark.parametrize("guarded", [False, True])
def test_a_reader_that_wants_reals_holds_a_quantizer_back(guarded):
    """Above the pool the Tanh, too, would see quantized numbers; a second convolution brings a quantizer of
    its own.
    """
    net = Network()
    y = net.max_pool(net.relu(net.conv(net.input(-1, 3, 8, 8), 4, name="a")))
    other = net.conv(y, 4, name="c") if guarded else net.do("Tanh", y)
    net.do("Result", other, name="other")
    places = activations(net.result(net.conv(y, 4, name="b")))
    assert list(places) == (
        ["MaxPool/fq_input_0", "a/fq_input_0"] if guarded else ["a/fq_input_0", "b/fq_input_0"]
    )


def test_a_result_holds_nothing_back():
    net = Network()
    y = net.max_pool(net.relu(net.conv(net.input(-1, 3, 8, 8), 4, name="a")))
    net.do("Result", y, name="features")
    assert "MaxPool/fq_input_0" in activations(net.result(net.conv(y, 4, name="b")))


def test_a_shape_that_is_asked_for_holds_nothing_back():
    net = Network()
    y = net.max_pool(net.relu(net.conv(net.input(-1, 3, 8, 8), 4, name="a")))
    net.do("Result", net.do("ShapeOf", y), name="shape")
    assert "MaxPool/fq_input_0" in activations(net.result(net.conv(y, 4, name="b")))


def test_preprocessing_behind_an_input_stays_float():
    net = Network()
    x = net.do("Multiply", net.input(-1, 3, 8, 8), np.full((1, 3, 1, 1), 2, np.float32), name="scale")
    x = net.do("Add", x, np.full((1, 3, 1, 1), -1, np.float32), name="shift")
    assert list(activations(net.result(net.conv(x, 4, name="a")))) == ["a/fq_input_0"]


# ---- concatenation -----------------------------------------------------------------------------------------


def two_branches(consumer: str) -> Graph:
    net = Network()
    x = net.input(-1, 3, 8, 8)
    y = net.do("Concat", net.relu(net.conv(x, 4, name="a")), net.relu(net.conv(x, 4, name="b")), axis=1)
    if consumer == "both":
        net.do("Result", net.depthwise(y, name="d"), name="other")
    return net.result(net.depthwise(y, name="c") if consumer == "depthwise" else net.conv(y, 4, name="c"))


def test_inputs_of_a_concat_before_a_layer_share_one_range():
    graph = two_branches("convolution")
    left, right = quantizer(graph, "Concat/fq_input_0"), quantizer(graph, "Concat/fq_input_1")
    assert [q.name for q in left.group] == [q.name for q in right.group] == [left.name, right.name]
    assert not left.per_channel
    assert [q.name for q in quantizer(graph, "a/fq_input_0").group] == ["a/fq_input_0"]


def test_inputs_of_a_concat_before_a_depthwise_layer_need_not():
    graph = two_branches("depthwise")
    assert (
        len(quantizer(graph, "Concat/fq_input_0").group) == 1
        and quantizer(graph, "Concat/fq_input_0").per_channel
    )


def test_groups_that_touch_become_one():
    """a and b meet in one Concat, b and c in another: b's range is everybody's."""
    net = Network()
    x = net.input(-1, 3, 8, 8)
    a, b, c = (net.relu(net.conv(x, 4, name=name)) for name in "abc")
    left = net.conv(net.do("Concat", a, b, axis=1), 4, name="left")
    net.do("Result", left, name="other")
    graph = net.result(net.conv(net.do("Concat", b, c, axis=1), 4, name="right"))
    groups = {frozenset(q.name for q in m.group) for m in find_quantizers(graph) if "Concat" in m.name}
    assert len(groups) == 1 and len(*groups) == 3


# ---- granularity, exclusions -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("readers", "per_channel"),
    [(["depthwise"], True), (["depthwise"] * 2, True), (["depthwise", "conv"], False)],
)
def test_a_range_per_channel_where_only_depthwise_convolutions_read(readers, per_channel):
    net = Network()
    x = net.relu(net.conv(net.input(-1, 3, 8, 8), 4, name="a"))
    for i, reader in enumerate(readers):
        y = net.depthwise(x, name=f"r{i}") if reader == "depthwise" else net.conv(x, 4, name=f"r{i}")
        net.do("Result", y, name=f"y{i}")
    assert quantizer(net.graph, "r0/fq_input_0").per_channel == per_channel


def excluded() -> Graph:
    net = Network()
    y = net.max_pool(net.relu(net.conv(net.input(-1, 3, 8, 8), 4, name="a")))
    y = net.relu(net.conv(y, 4, name="b"))
    return net.result(net.matmul(net.mean(y), 5, name="c"))


def test_layers_and_types_can_be_excluded():
    graph = excluded()
    pool, mean = graph.of_type("MaxPool")[0].name, graph.of_type("ReduceMean")[0].name
    everything = {"a/fq_input_0", f"{pool}/fq_input_0", f"{mean}/fq_input_0", "c/fq_input_0"}
    assert activations(graph).keys() == everything
    assert activations(graph, Ignored(names=["b"])).keys() == everything - {f"{pool}/fq_input_0"}
    assert activations(graph, Ignored(types=["Convolution"])).keys() == {f"{mean}/fq_input_0", "c/fq_input_0"}
    assert not any(q.name.startswith("b/") for q in find_quantizers(graph, Ignored(names=["b"])))


def test_excluding_what_passes_data_through_excludes_its_reader():
    graph = excluded()
    names = {q.name for q in find_quantizers(graph, Ignored(names=["MaxPool"]))}
    assert "b/fq_weights_1" not in names and "a/fq_weights_1" in names


def test_the_graph_is_not_touched():
    graph = excluded()
    before = list(graph.nodes)
    find_quantizers(graph)
    assert list(graph.nodes) == before
