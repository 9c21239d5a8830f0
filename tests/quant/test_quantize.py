"""Default Quantization from end to end, on small networks."""

import numpy as np
import pytest

from numpot.ir.dtypes import F16, F32
from numpot.ir.executor.executor import Executor
from numpot.ir.formats.native.model import read_xmlbin, write_model
from numpot.ir.graph import Graph
from numpot.ir.interpreter import Interpreter
from numpot.ir.lowering.lower import integer_layers
from numpot.quant.default_quantization import QuantizationError, quantize
from numpot.quant.errors import DataError

from ..ir.sample_models import assert_same_graph
from ..networks import Network
from .data.array_data import ArrayData, normal

X = normal(20, 3, 8, 8)
PRESETS = ["performance", "mixed", "accuracy"]


def network(batch: int = -1, seed: int = 0) -> Graph:
    """A convolution, a MobileNet block, and a head."""
    net = Network(seed=seed)
    x = net.relu6(net.conv(net.input(batch, 3, 8, 8), 8, 3, stride=2, pad=1, name="stem"))
    y = net.relu6(net.conv(x, 16, name="expand"))
    y = net.relu6(net.depthwise(y, name="filter"))
    y = net.do("Add", net.conv(y, 8, name="project"), x, name="join")
    return net.result(net.matmul(net.mean(y), 5, name="head"))


def assert_close(quantized: Graph, graph: Graph, x, *, share: float = 0.1) -> None:
    """The error of quantization is small against the outputs, and not zero."""
    expected, found = Interpreter(graph).run(x)["y"], Executor(quantized).run(x)["y"]
    error = float(np.sqrt(np.mean(np.square(found - expected))) / np.sqrt(np.mean(np.square(expected))))
    assert 0 < error < share


# ---- the whole pipeline ------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", PRESETS)
def test_a_network_is_quantized_and_computes_about_the_same(preset):
    graph = network()
    quantized = quantize(graph, ArrayData(X), preset=preset)
    assert_close(quantized, graph, X)
    # weights with a zero point stay float
    assert set(integer_layers(quantized).values()) == {preset != "accuracy"}
    assert sorted(n.name for n in quantized.of_type("FakeQuantize")) == [
        "ReduceMean/fq_input_0",
        "expand/fq_input_0",
        "filter/fq_input_0",
        "head/fq_input_0",
        "join/fq_input_0",
        "project/fq_input_0",
        "stem/fq_input_0",
    ]


def test_the_graph_given_is_not_changed():
    graph = network()
    before = graph.copy()
    quantize(graph, ArrayData(X))
    assert_same_graph(graph, before)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_same_input_gives_the_same_model(preset, tmp_path):
    for name in ("one", "two"):
        write_model(quantize(network(), ArrayData(X), preset=preset), tmp_path / f"{name}.xml")
    assert (tmp_path / "one.bin").read_bytes() == (tmp_path / "two.bin").read_bytes()
    assert (tmp_path / "one.xml").read_text("utf-8").replace("one.bin", "two.bin") == (
        tmp_path / "two.xml"
    ).read_text("utf-8")


@pytest.mark.parametrize(
    "options",
    [{}, {"preset": "best", "ignored_operations": [{"type": "Convolution", "attributes": {"groups": 16}}]}],
)
def test_a_quantized_model_survives_a_file(tmp_path, options):
    quantized = quantize(network(), ArrayData(X), **options)
    write_model(quantized, tmp_path / "model.xml")
    loaded = read_xmlbin(tmp_path / "model.xml")
    assert_same_graph(loaded, quantized)
    np.testing.assert_array_equal(Executor(loaded).run(X)["y"], Executor(quantized).run(X)["y"])


def test_the_model_says_how_it_was_made():
    info = quantize(network(), ArrayData(X), preset="mixed", stat_subset_size=7, ignored_scope=["head"]).info[
        "quantization"
    ]
    assert (info["algorithm"], info["samples"]) == ("DefaultQuantization", 7)
    assert info["tool"].startswith("numpot ")
    assert (info["parameters"]["preset"], info["parameters"]["ignored_scope"]) == ("mixed", ["head"])
    assert sorted(info["integer_layers"]) == ["expand", "filter", "project", "stem"] and info[
        "float_layers"
    ] == ["head"]
    assert info["narrowed_weights"] == ["stem"]
    assert (
        set(info["corrected_biases"]) <= {"stem", "expand", "filter", "project"} and info["corrected_biases"]
    )


def mean_output(graph: Graph) -> np.ndarray:
    executor = Executor(graph)
    return np.concatenate([executor.run(X[i : i + 4])["y"] for i in range(0, len(X), 4)]).mean(0)


@pytest.mark.parametrize("batch", [-1, 4])
@pytest.mark.parametrize("use_fast_bias", [True, False])
@pytest.mark.parametrize("strict_pot", [True, False])
def test_every_way_to_correct_biases(batch, use_fast_bias, strict_pot):
    """Rounded to 4 bits, the mean output is off; each way brings it nearer, and the corrected layers are
    named.
    """
    graph, weights = network(batch), {"bits": 4}
    options = {"weights": weights, "saturation_fix": "no", "equalize_channels": False}
    expected = mean_output(graph)
    plain = quantize(graph, ArrayData(X), correct_biases=False, **options)
    corrected = quantize(graph, ArrayData(X), use_fast_bias=use_fast_bias, strict_pot=strict_pot, **options)
    before, after = (np.abs(mean_output(g) - expected).sum() for g in (plain, corrected))
    assert after < before
    names = set(corrected.info["quantization"]["corrected_biases"])
    assert names == {"stem", "expand", "filter", "project", "head"} or (strict_pot and names)


def test_layers_left_in_float_can_be_corrected_too():
    graph = network()
    options = {"ignored_scope": ["head"], "strict_pot": False}
    for apply_for_all_nodes in (False, True):
        made = quantize(graph, ArrayData(X), apply_for_all_nodes=apply_for_all_nodes, **options)
        assert ("head" in made.info["quantization"]["corrected_biases"]) == apply_for_all_nodes


def test_the_threshold_of_a_correction_can_be_changed():
    counts = [
        len(quantize(network(), ArrayData(X), threshold=threshold).info["quantization"]["corrected_biases"])
        for threshold in (1e-6, None, 1e6)
    ]
    assert counts[0] == 0 < counts[1] < counts[2]


def test_bias_correction_can_be_left_out():
    graph = network()
    plain = quantize(graph, ArrayData(X), correct_biases=False)
    assert plain.info["quantization"]["corrected_biases"] == []
    biases = {n.name: n.inputs[1].constant for n in graph.of_type("Add") if n.inputs[1].constant is not None}
    assert biases
    for name, bias in biases.items():
        np.testing.assert_array_equal(plain.nodes[name].inputs[1].constant, bias)


# ---- samples -----------------------------------------------------------------------------------------------


def bounds(graph: Graph) -> dict[str, list[np.ndarray]]:
    return {n.name: [t.constant for t in n.inputs[1:3]] for n in graph.of_type("FakeQuantize")}


def test_ranges_are_those_of_the_samples():
    """performance: the mean over samples of the largest absolute value, and 128 codes below zero where
    something is negative.
    """
    low, high = bounds(quantize(network(), ArrayData(X)))["stem/fq_input_0"]
    m = np.abs(X).max((1, 2, 3)).mean()
    np.testing.assert_allclose([low, high], [-m * 128 / 127, m], rtol=1e-6)
    low, high = bounds(quantize(network(), ArrayData(X), preset="mixed"))["stem/fq_input_0"]
    assert low <= X.min((1, 2, 3)).mean() * (1 - 1e-6) and high >= X.max((1, 2, 3)).mean() * (1 - 1e-6)


def test_only_the_first_samples_are_used_or_a_choice_that_the_seed_decides():
    data = ArrayData(np.concatenate([X, 100 * X]))
    small = bounds(quantize(network(), data, stat_subset_size=20))
    for name, ends in bounds(quantize(network(), ArrayData(X))).items():
        np.testing.assert_array_equal(ends, small[name])
    one, same, other = (
        bounds(quantize(network(), data, stat_subset_size=5, shuffle_data=True, seed=seed))["stem/fq_input_0"]
        for seed in (1, 1, 2)
    )
    assert one == same != other


def test_a_model_of_batch_1_gets_the_ranges_of_its_dynamic_twin():
    fixed, free = (quantize(network(batch), ArrayData(X)) for batch in (1, -1))
    for name, ends in bounds(fixed).items():
        np.testing.assert_array_equal(ends, bounds(free)[name])
    assert fixed.inputs[0].output.shape == (1, 3, 8, 8)


def test_inputs_of_a_concat_get_one_range():
    net = Network()
    x = net.input(-1, 3, 8, 8)
    wide = net.conv(x, 4, name="wide")
    # one is larger, the other negative
    both = net.do("Concat", net.relu(net.do("Multiply", wide, wide)), net.conv(x, 4), axis=1)
    found = bounds(quantize(net.result(net.conv(both, 4, name="last")), ArrayData(X)))
    (low, high), other = found["Concat/fq_input_0"], found["Concat/fq_input_1"]
    assert [low, high] == other and low < 0 and high > -2 * low


# ---- models of other kinds ---------------------------------------------------------------------------------


def test_two_inputs():
    net = Network()
    a = net.relu(net.conv(net.input(-1, 3, 8, 8, name="a"), 4, name="left"))
    b = net.relu(net.conv(net.input(-1, 3, 8, 8, name="b"), 4, name="right"))
    graph = net.result(net.matmul(net.mean(net.do("Add", a, b)), 3))
    data = {"a": X, "b": 2 * X[::-1]}
    quantized = quantize(graph, ArrayData(data))
    assert quantized.info["quantization"]["narrowed_weights"] == ["left", "right"]
    assert_close(quantized, graph, data)


@pytest.mark.parametrize("transposed", [True, False])
def test_matrix_products_only(transposed):
    """Weights (K,N) are stored as (N,K), so that each output channel has its scale."""
    net = Network()
    rows = normal(20, 40)
    y = net.relu(net.matmul(net.input(-1, 40), 8, name="a"))
    layer = y.producer.inputs[0].producer.inputs[0].producer
    weights = layer.inputs[1].constant
    assert weights is not None
    if not transposed:
        net.graph.set_input(layer, 1, net.graph.constant(np.ascontiguousarray(weights.T)))
        net.graph.replace_op(layer, type(layer.op)())
    graph = net.result(net.matmul(y, 4, name="b"))
    quantized = quantize(graph, ArrayData(rows))
    assert integer_layers(quantized) == {"a": True, "b": True}
    assert quantized.nodes["a/fq_weights_1"].inputs[1].shape == (8, 1)
    # so few features have very different maxima: their mean cuts off a lot
    assert_close(quantized, graph, rows, share=0.4)


def test_half_precision_constants():
    """As exporters shrink files: float16 Constant -> Convert. Same result as from the float32 constants they
    stand for.
    """
    graph, plain = network(), network()
    for node in list(graph.of_type("Convolution", "MatMul", "Add")):
        value = node.inputs[1].constant
        if value is None:
            continue
        half = graph.constant(value.astype(np.float16))
        assert half.dtype == F16
        graph.set_input(node, 1, _convert(graph, half))
        plain.set_input(
            plain.nodes[node.name], 1, plain.constant(value.astype(np.float16).astype(np.float32))
        )
    from_half, from_single = (quantize(g, ArrayData(X)) for g in (graph, plain))
    assert set(integer_layers(from_half).values()) == {True}
    np.testing.assert_array_equal(Executor(from_half).run(X)["y"], Executor(from_single).run(X)["y"])


def _convert(graph: Graph, tensor):
    net = Network()
    net.graph = graph
    return net.do("Convert", tensor, destination_type=F32)


def test_transposed_convolutions_keep_their_input_and_weights_in_codes():
    net = Network()
    x = net.relu(net.conv(net.input(-1, 3, 8, 8), 4, name="stem"))
    window = {
        "strides": (2, 2),
        "pads_begin": (0, 0),
        "pads_end": (0, 0),
        "dilations": (1, 1),
        "output_padding": (0, 0),
    }
    y = net.do("ConvolutionBackpropData", x, normal(4, 5, 2, 2), name="up", **window)
    graph = net.result(y)
    quantized = quantize(graph, ArrayData(X))
    assert quantized.nodes["up/fq_weights_1"].inputs[1].shape == (1, 5, 1, 1)
    assert_close(quantized, graph, X)


def test_weights_that_two_layers_share():
    net = Network()
    y = net.relu(net.matmul(net.input(-1, 40), 40, name="a"))
    z = net.relu(net.matmul(y, 40, name="b"))
    net.graph.set_input(net.graph.nodes["b"], 1, net.graph.nodes["a"].inputs[1])
    graph, rows = net.result(z), normal(20, 40)
    quantized = quantize(graph, ArrayData(rows))
    assert integer_layers(quantized) == {"a": True, "b": True}
    assert_close(quantized, graph, rows, share=0.2)


# ---- what is refused ---------------------------------------------------------------------------------------


def refusal(error=QuantizationError, graph=None, data=None, **options) -> str:
    with pytest.raises(error) as caught:
        quantize(graph or network(), data or ArrayData(X), **options)
    return str(caught.value)


def test_a_quantized_model_is_refused():
    quantized = quantize(network(), ArrayData(X))
    first = quantized.of_type("FakeQuantize")[0].name
    assert (
        refusal(graph=quantized)
        == f"model 'network' is already quantized: it holds FakeQuantize {first!r}. Give the float model"
    )


def test_weights_that_are_not_numbers_are_named():
    graph = network()
    weights = graph.nodes["expand"].inputs[1]
    broken = np.array(weights.constant)
    broken[0, 0] = np.nan
    graph.set_input(graph.nodes["expand"], 1, graph.constant(broken, "expand/weights"))
    assert (
        refusal(graph=graph)
        == "constant 'expand/weights' of model 'network' holds NaN or infinity; repair the model first"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "fast"}, "preset must be one of performance, mixed, accuracy, best, found 'fast'"),
        (
            {"saturation_fix": "yes"},
            "saturation_fix must be one of first_layer, all, no, auto, auto-strict, found 'yes'",
        ),
        (
            {"preset": "accuracy", "saturation_fix": "auto"},
            "saturation_fix 'auto' is for symmetric weights, and preset 'accuracy' makes asymmetric ones; "
            "they run in float and cannot saturate. Use 'no'",
        ),
        ({"target_device": "TPU"}, "target_device must be one of ANY, CPU, CPU_SPR, GPU, found 'TPU'"),
        (
            {"target_device": "GNA3"},
            "target_device 'GNA3' is none that numpot quantizes for; choose one of ANY, CPU, CPU_SPR, GPU",
        ),
        ({"stat_subset_size": 0}, "stat_subset_size must be at least 1, found 0"),
        ({"model_type": "Transformer"}, "model_type must be one of None, transformer, found 'Transformer'"),
        ({"threshold": -1.0}, "threshold must be above 0, found -1.0"),
        (
            {"ignored_operations": [{"type": "Add", "attribute": {}}]},
            "ignored_operations: expected {\"type\": T, \"attributes\": {...}}, found {'type': 'Add', "
            "'attribute': {}}",
        ),
        (
            {"ignored_operations": [{"type": "Convolution", "attributes": {"strides": [5, 5]}}]},
            "ignored_operations: model 'network' has no layer that is {'type': 'Convolution', "
            "'attributes': {'strides': [5, 5]}}",
        ),
        ({"stat_batch_size": 0}, "stat_batch_size must be at least 1, found 0"),
        (
            {"weights": {"granularity": "pertensor"}, "saturation_fix": "auto"},
            "saturation_fix 'auto' is for weights with a range per channel. Use 'all'",
        ),
        (
            {"ignored_scope": ["haed"]},
            "ignored_scope: model 'network' has no layer 'haed'. Did you mean 'head'?",
        ),
        ({"ignored_types": ["Conv"]}, "ignored_types: model 'network' has no layer of type 'Conv'"),
        (
            {"ignored_types": ["Convolution", "MatMul", "ReduceMean", "Add"]},
            "model 'network' has nothing to quantize: no operator that runs on integers is left in scope",
        ),
    ],
)
def test_parameters_that_make_no_sense_are_refused(options, message):
    assert refusal(**options) == message


def test_a_broken_sample_is_found_before_any_is_run(monkeypatch):
    monkeypatch.setattr(Executor, "run", lambda *_, **__: pytest.fail("a sample was run"))
    x = X.copy()
    x[13, 0, 0, 0] = np.nan
    message = refusal(DataError, data=ArrayData(x))
    assert (
        message == "ArrayData: sample 13 of input 'x' holds NaN. Calibration needs finite values; drop the "
        "sample or repair it."
    )


def test_a_layer_may_be_ignored_by_its_name_in_the_onnx_file():
    """That name went to the Add of its bias."""
    net = Network()
    y = net.relu(net.conv(net.input(-1, 4, 8, 8), 8, 3, name="stem/WithoutBiases", bias=False))
    graph = net.graph
    add = net.do("Add", y.producer.inputs[0], np.ones((1, 8, 1, 1), np.float32), name="stem")
    graph.set_input(y.producer, 0, add)
    graph = net.result(net.matmul(net.mean(y), 3, name="head"))
    data = ArrayData(np.random.default_rng(0).standard_normal((8, 4, 8, 8)).astype(np.float32))
    for name in ("stem", "stem/WithoutBiases"):
        assert integer_layers(quantize(graph, data, ignored_scope=[name])) == {
            "stem/WithoutBiases": False,
            "head": True,
        }
