"""Fine-tuning from end to end: what it changes and what not, what it promises, what it refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numpot.ir import save_model
from numpot.ir.graph import Graph
from numpot.ir.lowering.lower import lower
from numpot.ir.ops import OPERATORS
from numpot.ir.ops.result import Result
from numpot.kernels.saturation import provably_safe
from numpot.quant import Accuracy, finetune, quantize
from numpot.quant.data.loader import DataLoader
from numpot.quant.errors import DataError, QuantizationError
from numpot.quant.finetuning.trained import dequantization
from numpot.quant.metrics.reference import Agreement, Sqnr
from tests.networks import Network
from tests.quant.data.array_data import ArrayData, normal

CLASSES = 4


class Labelled(DataLoader):
    """Samples with the classes that a model gives them."""

    def __init__(self, x: np.ndarray, labels: Any) -> None:
        self._x, self._labels = x, labels

    def __len__(self) -> int:
        return len(self._x)

    def __getitem__(self, index: int) -> Any:
        return self._x[index], self._labels[index]


def small_network(*, softmax: bool = False, batch: int = -1) -> Graph:
    """Dense, depthwise and strided convolutions, a residual sum, and a matrix product."""
    net = Network(seed=3)
    x = net.input(batch, 2, 8, 8)
    stem = net.relu6(net.conv(x, 6, 3, pad=1, name="stem"))
    deep = net.conv(net.relu6(net.depthwise(stem, name="depthwise")), 6, name="pointwise")
    y = net.relu(net.conv(net.do("Add", stem, deep), 10, 3, stride=2, name="strided"))
    y = net.matmul(net.mean(y), CLASSES, name="head")
    return net.result(net.do("SoftMax", y, axis=1) if softmax else y)


FLOAT = small_network()
X = normal(48, 2, 8, 8, seed=1)
DATA = ArrayData(X)


def quantized(**options: Any) -> Graph:
    return quantize(FLOAT, DATA, **options)


def tuned(int8: Graph, **options: Any) -> Graph:
    return finetune(int8, DATA, FLOAT, **{"epochs": 2, "batch_size": 16, "learning_rate": 0.02} | options)


def codes(graph: Graph) -> dict[str, np.ndarray]:
    found = {n.name: dequantization(n.inputs[1]) for n in graph.of_type("Convolution", "MatMul")}
    return {name: how.codes for name, how in found.items() if how is not None}


def proofs(graph: Graph) -> np.ndarray:
    """Of every output channel of every integer layer, whether no input can make it saturate."""
    layers = lower(graph, "saturating").of_type("ConvolutionInteger", "MatMulInteger")
    weights = [layer.inputs[1].constant for layer in layers]
    return np.concatenate([provably_safe(w.reshape((*w.shape, 1, 1)[:4])) for w in weights if w is not None])


def losses(graph: Graph) -> list[float]:
    return [epoch["loss"] for epoch in graph.info["finetuning"]["history"]]  # type: ignore[index]


# ---- what changes ------------------------------------------------------------------------------------------


def test_only_codes_and_biases_change() -> None:
    int8 = quantized()
    before = int8.copy()
    after = tuned(int8)
    assert list(after.nodes) == list(int8.nodes)
    changed = set()
    for old, new, given in zip(int8, after, before, strict=True):
        assert old.op == given.op  # the graph given is as it was
        assert (new.name, new.type) == (old.name, old.type)
        assert [t.name for t in new.inputs] == [t.name for t in old.inputs]
        assert [(t.dtype, t.shape) for t in new.outputs] == [(t.dtype, t.shape) for t in old.outputs]
        if new.op != old.op:
            changed.add(new.name)
    readers = {use.node.type for name in changed for use in after.nodes[name].output.consumers}
    assert readers == {"Convert", "Add"}
    assert len(changed) == 2 * len(codes(int8)) == 10  # every layer's codes and bias
    assert before.info == int8.info and {**after.info, "finetuning": None} == {
        **int8.info,
        "finetuning": None,
    }


def test_layers_left_in_float_are_trained_too() -> None:
    int8 = quantized(ignored_scope=["strided"])
    after = tuned(int8)
    old, new = (graph.nodes["strided"].inputs[1].constant for graph in (int8, after))
    assert old is not None and new is not None and new.dtype == np.float32
    assert (new != old).mean() > 0.5  # all but those of dead channels


def test_weights_with_a_zero_point() -> None:
    int8 = quantized(preset="accuracy")
    assert dequantization(int8.nodes["stem"].inputs[1]).zero_point is not None  # type: ignore[union-attr]
    assert losses(tuned(int8, epochs=6))[-1] < losses(tuned(int8, epochs=1))[0]


def test_it_learns() -> None:
    """Of three-bit weights much can be won back, from the float model's answers, from labels and from
    numbers.
    """
    int8 = quantized(weights={"bits": 3})
    found = tuned(int8, epochs=12, learning_rate=0.006, validation=DATA, metric=Sqnr()).info["finetuning"]
    assert found["after"] > found["before"] + 6  # type: ignore[index]
    by_labels = losses(
        finetune(int8, Labelled(X, np.arange(len(X)) % CLASSES), epochs=20, learning_rate=0.02)
    )
    assert by_labels[-1] < 0.8 * by_labels[0]
    by_numbers = losses(tuned(int8, loss="mse", epochs=12, learning_rate=0.006))
    assert by_numbers[-1] < 0.2 * by_numbers[0]


# ---- what stays true ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fix", "bits"), [("all", 8), ("auto-strict", 8), ("first_layer", 8), ("no", 4)])
def test_codes_stay_within_those_the_layer_had_and_safe_channels_safe(fix: Any, bits: int) -> None:
    int8 = quantized(saturation_fix=fix, weights={"bits": bits} if bits < 8 else {})
    after = tuned(int8, learning_rate=0.3, epochs=3)  # as rough as can be
    for name, old in codes(int8).items():
        new = codes(after)[name]
        assert new.dtype == np.int8 and (new != old).any()
        assert old.min() <= new.min() and new.max() <= old.max()
    if fix == "all":
        assert all(c.min() >= -63 and c.max() <= 64 for c in codes(after).values())
    were_safe, are_safe = proofs(int8), proofs(after)
    assert were_safe.any() and are_safe[were_safe].all()
    if fix in ("all", "auto-strict"):
        assert are_safe.all()


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    int8 = quantized()
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        save_model(tuned(int8, seed=seed), tmp_path / f"{name}.xml")
    a, b, c = ((tmp_path / f"{name}.bin").read_bytes() for name in "abc")
    assert a == b != c
    assert (tmp_path / "a.xml").read_bytes().replace(b"a.bin", b"b.bin") == (tmp_path / "b.xml").read_bytes()


def test_never_worse_on_validation_data() -> None:
    int8 = quantized()
    spoilt = tuned(int8, learning_rate=0.5, validation=DATA, metric=Sqnr())
    made = spoilt.info["finetuning"]
    assert made["best_epoch"] == 0 and made["after"] == made["before"]  # type: ignore[index]
    assert all(old.op == new.op for old, new in zip(int8, spoilt, strict=True))
    assert len(made["history"]) == 2 and all(e["sqnr"] < made["before"] for e in made["history"])  # type: ignore[index]


def test_the_best_epoch_is_kept() -> None:
    answers = np.arange(len(X)) % CLASSES
    data = Labelled(X, answers)
    found = finetune(quantized(), data, epochs=10, learning_rate=0.02, validation=data, metric=Accuracy())
    made: Any = found.info["finetuning"]
    values = [made["before"], *(e["accuracy@1"] for e in made["history"])]
    assert made["after"] == max(values) and made["best_epoch"] == values.index(max(values)) > 0


def test_softmax_at_the_end_is_the_losses_own() -> None:
    """A model that ends with SoftMax learns the same from a teacher that does, as both do without."""
    with_softmax = small_network(softmax=True)
    int8 = quantize(with_softmax, DATA)
    found = finetune(int8, DATA, with_softmax, epochs=2, batch_size=16, learning_rate=0.02)
    assert found.nodes["y"].inputs[0].producer.type == "SoftMax"
    for name, expected in codes(tuned(quantized())).items():
        np.testing.assert_array_equal(codes(found)[name], expected)


def test_a_model_with_a_fixed_batch() -> None:
    """One of 1 is trained with larger batches, to the same codes; of any other the batch is the model's own,
    and stays so.
    """
    for batch, as_free in ((1, 16), (8, 8)):
        fixed = small_network(batch=batch)
        found = finetune(quantize(fixed, DATA), DATA, fixed, epochs=2, batch_size=16, learning_rate=0.02)
        assert found.inputs[0].output.shape == (batch, 2, 8, 8)
        for name, expected in codes(tuned(quantized(), batch_size=as_free)).items():
            np.testing.assert_array_equal(codes(found)[name], expected)


def test_an_output_that_nothing_trained_has_a_part_in() -> None:
    """Its loss teaches nothing, and its operators need no rule."""
    fp32 = small_network()
    fp32.add(Result(), [fp32.add(OPERATORS["Floor"](), [fp32.inputs[0].output]).output], "floor")
    int8 = quantize(fp32, DATA)
    found = finetune(int8, DATA, fp32, epochs=1, learning_rate=0.02)
    assert any((old != codes(found)[name]).any() for name, old in codes(int8).items())


# ---- what is refused ---------------------------------------------------------------------------------------


def with_operator(type: str, *inputs: np.ndarray, softmax: int | None = None) -> Graph:
    """A quantized layer before an operator, and perhaps SoftMax at the end."""
    net = Network(int8=True)
    y = net.do(type, net.matmul(net.quantize(net.input(-1, 5, 3), 0.0, 1.0), 4), *inputs, name="odd")
    return net.result(net.matmul(y, CLASSES) if softmax is None else net.do("SoftMax", y, axis=softmax))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"int8": FLOAT}, "is not quantized: it has no FakeQuantize"),
        ({"int8": with_operator("Floor")}, "layer 'odd' (Floor) has no gradient rule"),
        (
            {"int8": with_operator("Transpose", np.array([0, 2, 1]), softmax=2)},
            "wants classes along axis 1, and those of output 'y' lie elsewhere",
        ),
        ({"loss": "l1"}, "loss must be one of cross_entropy, distillation, mse, found 'l1'"),
        ({"loss": "cross_entropy"}, "compares with labels, not with a teacher"),
        ({"teacher": None, "loss": "distillation"}, "learns from a teacher"),
        ({"teacher": with_operator("ReLU")}, "the teacher must have"),
        ({"epochs": 0}, "epochs must be at least 1, found 0"),
        ({"seed": -1}, "seed must be at least 0, found -1"),
        ({"learning_rate": -1.0}, "learning_rate must be above 0, found -1.0"),
        ({"learning_rate": float("nan")}, "learning_rate must be a finite number, found nan"),
        ({"metric": Agreement()}, "validation data and a metric go together"),
        ({"learning_rate": 1e38}, "use a smaller learning rate than 1e+38"),
    ],
)
def test_refusals(change: dict[str, Any], message: str) -> None:
    teacher = small_network()
    teacher.rename(teacher.nodes["y"], "z")
    arguments: dict[str, Any] = {"int8": quantized(), "data": DATA, "teacher": FLOAT, "epochs": 1} | change
    if arguments["int8"].inputs[0].output.shape == (-1, 5, 3):
        arguments |= {"data": ArrayData(normal(8, 5, 3)), "teacher": arguments["int8"]}
    if "must have" in message:
        arguments["teacher"] = teacher
    with pytest.raises(QuantizationError) as error:
        finetune(**arguments)
    assert message in str(error.value)


def test_labels_that_are_not_there() -> None:
    with pytest.raises(DataError, match="loss cross_entropy needs labels, and ArrayData gives none"):
        finetune(quantized(), DATA)
    for wrong in (CLASSES, -1, 0.5, [1, 2]):
        with pytest.raises(
            DataError,
            match="Labelled: sample 2: loss cross_entropy needs labels that are classes from 0 to 3, "
            "1 of them",
        ):
            finetune(quantized(), Labelled(X[:3], [0, 3, wrong]))
    with pytest.raises(
        DataError, match="sample 1: loss mse needs labels that are numbers of shape .4., found 3"
    ):
        finetune(quantized(), Labelled(X[:2], [np.zeros(4), 3]), loss="mse")
    with pytest.raises(DataError, match="metric accuracy@1 needs labels"):
        tuned(quantized(), validation=DATA, metric=Accuracy())
