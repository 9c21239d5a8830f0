"""A script written for POT, with its import line changed; and what it may get wrong."""

import numpy as np
import pytest

from numpot.ir import read_model, save_model
from numpot.ir.executor.executor import Executor
from numpot.ir.graph import Graph
from numpot.quant import pot
from numpot.quant.default_quantization import quantize
from numpot.quant.errors import DataError, QuantizationError

from ...ir.sample_models import assert_same_graph
from ...networks import Network
from ..data.array_data import ArrayData, normal

X = normal(20, 3, 8, 8)
LABELS = np.arange(20) % 5

SCRIPT = """
class Loader(DataLoader):
    def __init__(self, config):
        super().__init__(config)
        self.images = np.load(config["data_source"])

    def __len__(self):
        return len(self.images["x"])

    def __getitem__(self, index):
        return self.images["x"][index : index + 1], int(self.images["y"][index])


class Accuracy(Metric):
    def __init__(self):
        super().__init__()
        self._name = "accuracy"
        self._matches = []

    @property
    def value(self):
        return {self._name: [self._matches[-1]]}

    @property
    def avg_value(self):
        return {self._name: np.ravel(self._matches).mean()}

    def update(self, output, target):
        self._matches.append([float(np.argmax(o) == t) for o, t in zip(output[0], target)])

    def reset(self):
        self._matches = []

    def get_attributes(self):
        return {self._name: {"direction": "higher-better", "type": "accuracy"}}


model_config = {"model_name": "net", "model": "net.xml", "weights": "net.bin"}
engine_config = {"device": "CPU", "stat_requests_number": 2, "eval_requests_number": 2}
params = {"target_device": "ANY", "preset": "performance", "stat_subset_size": 300}
algorithms = [{"name": "DefaultQuantization", "params": params}]

data_loader = Loader({"data_source": "data.npz"})
model = load_model(model_config)
engine = IEEngine(config=engine_config, data_loader=data_loader, metric=Accuracy())
pipeline = create_pipeline(algorithms, engine)
before = pipeline.evaluate(model)
compressed_model = pipeline.run(model)
compress_model_weights(compressed_model)
paths = save_model(compressed_model, "optimized", model_name="net_int8")
after = pipeline.evaluate(compressed_model)
"""
IMPORTS = """
import numpy as np
from {} import (DataLoader, IEEngine, Metric, compress_model_weights, create_pipeline, load_model, save_model)
"""


def network() -> Graph:
    net = Network(seed=1)
    y = net.relu(net.conv(net.conv(net.input(-1, 3, 8, 8), 6, 3, pad=1, name="a"), 6, name="b"))
    return net.result(net.matmul(net.mean(y), 5, name="head"))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_model(network(), "net.xml")
    np.savez("data.npz", x=X, y=LABELS)
    return tmp_path


def test_a_pot_script_changes_only_its_import_line(here):
    names: dict = {}
    exec(IMPORTS.format("numpot.quant.pot") + SCRIPT, names)
    assert names["paths"] == [{"model": "optimized/net_int8.xml", "weights": "optimized/net_int8.bin"}]
    made, expected = read_model("optimized/net_int8.xml"), quantize(network(), ArrayData(X))
    np.testing.assert_array_equal(Executor(made).run(X)["y"], Executor(expected).run(X)["y"])
    for graph, found in ((network(), names["before"]), (made, names["after"])):
        assert found == {"accuracy": np.mean(Executor(graph).run(X)["y"].argmax(1) == LABELS)}
    assert len(names["model"].of_type("FakeQuantize")) == 0  # the model given is not changed


# ---- pieces ------------------------------------------------------------------------------------------------


class Loader(pot.DataLoader):
    """Gives items as they are."""

    def __init__(self, items) -> None:
        super().__init__({})
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


class Sum(pot.Metric):
    def __init__(self) -> None:
        self.total = self.last = 0.0
        super().__init__()

    @property
    def value(self):
        return {"sum": [self.last]}

    @property
    def avg_value(self):
        return {"sum": self.total}

    def update(self, output, target):
        self.last = float(np.sum(output[0])) + target[0]
        self.total += self.last

    def reset(self):
        self.total = 0.0

    def get_attributes(self):
        return {"sum": {"direction": "higher-better", "type": "sum"}}


def engine(items=None, metric=None, kind=pot.IEEngine) -> pot.IEEngine:
    return kind({}, Loader([(x, 0) for x in X] if items is None else items), metric)


def predicted(items, kind=pot.IEEngine, **options):
    runner = engine(items, Sum(), kind)
    runner.set_model(network())
    return runner.predict(**options)


Y = Executor(network()).run(X)["y"]


@pytest.mark.parametrize(
    "item",
    [
        lambda i: (X[i], 3),
        lambda i: (X[i : i + 1], 3),
        lambda i: ({"x": X[i]}, 3),
        lambda i: (X[i], 3, {"meta": i}),
        lambda i: ((i, 3), X[i]),
        lambda i: ((i, 3), X[i], {"meta": i}),
    ],
)
def test_samples_in_every_order_that_pot_takes(item):
    (samples, averages), _ = predicted([item(i) for i in range(4)], metric_per_sample=True)
    expected = [pytest.approx(float(Y[i].sum()) + 3, rel=1e-5) for i in range(4)]
    assert [s["result"] for s in samples] == expected
    assert [(s["sample_id"], s["metric_name"]) for s in samples] == [(i, "sum") for i in range(4)]
    assert averages == {"sum": pytest.approx(sum(s["result"] for s in samples))}


def test_a_sampler_chooses_samples():
    metrics, _ = predicted([(x, 0) for x in X], sampler=[3, 5])
    assert metrics == {"sum": pytest.approx(float(Y[3].sum() + Y[5].sum()), rel=1e-5)}


def test_samples_without_annotation_are_not_measured():
    metrics, _ = predicted([(x, None) for x in X])
    assert metrics == {"sum": 0.0}


def test_statistics_by_layer_and_port():
    layout = {"a": {"largest": np.max}, ("b", 0): {"mean": lambda y: float(y.mean()), "shape": np.shape}}
    _, statistics = predicted([(x, 0) for x in X[:3]], stats_layout=layout)
    a = network().nodes["a"]
    expected = [a.op.evaluate(x[None], a.inputs[1].constant).max() for x in X[:3]]
    np.testing.assert_allclose(statistics["a"]["largest"], expected, rtol=1e-5)
    assert statistics["b", 0]["shape"] == [(1, 6, 8, 8)] * 3


def test_outputs_can_be_postprocessed():
    class Doubling(pot.IEEngine):
        def postprocess_output(self, outputs, metadata):
            return [metadata["factor"] * output for output in outputs]

    metrics, _ = predicted([(X[0], 0, {"factor": 2})], Doubling)
    assert metrics == {"sum": pytest.approx(2 * float(Y[0].sum()), rel=1e-5)}


# ---- algorithms --------------------------------------------------------------------------------------------


def run(*algorithms) -> Graph:
    return pot.create_pipeline(algorithms, engine()).run(network())


def test_stages_one_by_one_are_default_quantization():
    names = ("ActivationChannelAlignment", "MinMaxQuantization", "FastBiasCorrection")
    staged = run(*({"name": name, "params": {"target_device": "CPU"}} for name in names))
    whole = run({"name": "DefaultQuantization", "params": {"target_device": "CPU"}})
    assert_same_graph(staged, whole)


def test_a_stage_left_out_is_not_run():
    staged = run({"name": "MinMaxQuantization"}, {"name": "BiasCorrection", "params": {"threshold": 500.0}})
    expected = quantize(
        network(),
        ArrayData(X),
        align_channels=False,
        use_fast_bias=False,
        threshold=500.0,
        stat_subset_size=len(X),
    )
    assert_same_graph(staged, expected)
    bare = run({"name": "QuantizationAlgorithms.MinMaxQuantization"})
    assert bare.info["quantization"]["corrected_biases"] == []


def test_a_model_that_is_ignored_comes_back_as_it_was():
    assert_same_graph(
        run({"name": "DefaultQuantization", "params": {"ignored": {"skip_model": True}}}), network()
    )


def test_the_model_before_bias_correction_can_be_kept(here):
    params = {"dump_intermediate_model": True, "exec_log_dir": "log"}
    graph = network()
    pot.create_pipeline([{"name": "DefaultQuantization", "params": params}], engine()).run(graph)
    halfway = read_model(f"log/optimized/{graph.name}.xml")
    assert halfway.of_type("FakeQuantize") and halfway.info["quantization"]["corrected_biases"] == []


@pytest.mark.parametrize(
    ("algorithms", "message"),
    [
        ([], "algorithms: expected at least one of DefaultQuantization, "),
        (
            [{"name": "DefaultQuantisation"}],
            r"algorithms\[0\]: 'DefaultQuantisation' is not known. Did you mean 'DefaultQuantization'\?",
        ),
        ([{"name": "FastBiasCorrection"}], "FastBiasCorrection need MinMaxQuantization"),
        (
            [{"name": "MinMaxQuantization"}, {"name": "FastBiasCorrection"}, {"name": "BiasCorrection"}],
            "expected DefaultQuantization alone",
        ),
        (
            [{"name": "DefaultQuantization", "params": {"presets": "mixed"}}],
            r"\[0\].params: presets is not known. Did you mean 'preset'\?",
        ),
    ],
)
def test_algorithms_that_make_no_sense(algorithms, message):
    with pytest.raises(QuantizationError, match=message):
        run(*algorithms)


def test_what_is_missing_is_said():
    with pytest.raises(DataError, match="has no data_loader"):
        pot.create_pipeline([{"name": "DefaultQuantization"}], pot.IEEngine({})).run(network())
    with pytest.raises(DataError, match="expected at least one sample, found none"):
        pot.create_pipeline([{"name": "DefaultQuantization"}], engine([])).run(network())
    with pytest.raises(DataError, match=r"sample 0 must be \(data, annotation\) or .*, found ndarray"):
        pot.create_pipeline([{"name": "DefaultQuantization"}], engine([X[0]])).run(network())
    with pytest.raises(QuantizationError, match="call set_model first"):
        engine().predict()
    with pytest.raises(QuantizationError, match="has no layer 'c'"):
        predicted([(X[0], 0)], stats_layout={"c": {"max": np.max}})
    with pytest.raises(QuantizationError, match="cascade"):
        pot.load_model({"model_name": "two", "cascade": []})
    with pytest.raises(QuantizationError, match='found no "model"'):
        pot.load_model({"model_name": "net"})
