"""Every public function, every argument, every obviously wrong kind of thing: it works, or ends in one
sentence of numpot's own.

The functions are those that the packages and the pages of the guide export; whoever exports another one finds
it here, and says in CALLS how it is called.
"""

import inspect
import itertools
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import numpot.ir
import numpot.quant
import numpot.quant.compare
import numpot.quant.data
from numpot.ir import Executor, Graph, Interpreter, read_model, save_model
from numpot.ir.errors import NumpotError
from numpot.quant import Accuracy, DataLoader, evaluate, finetune, quantize, quantize_accuracy_aware
from numpot.quant.compare import compare_models, compare_with_vendor
from numpot.quant.data.model_data import ModelData
from numpot.quant.data.preprocessing import Preprocessing
from numpot.quant.data.sources import batches, open_data, subset
from numpot.quant.metrics.names import parse_metric
from numpot.quant.weights.measure_saturation import measure_saturation

from ..networks import Network
from .data.array_data import normal

ROOT = Path(__file__).parent.parent.parent
#: Exported, and nothing that is called with arguments: errors, what results are made of, and what is there to
#: be inherited from.
NOT_CALLED = {
    "CompareError",
    "StructureError",
    "DataError",
    "Comparison",
    "LayerComparison",
    "Batch",
    "Subset",
    "open_pool",  # tests/quant/parallel/test_dask_pool.py
    "DataLoader",
    "Metric",
}
WRONG = {
    "None": None,
    "int": 3,
    "negative": -1,
    "float": 0.5,
    "nan": float("nan"),
    "str": "nothing",
    "bytes": b"x",
    "Path": Path("nothing"),
    "class": dict,
    "object": object(),
    "list": [],
    "list of objects": [object()],
    "dict": {},
    "dict by number": {1: 2},
    "function": len,
    "array": np.zeros(3),
    "Graph": Graph("empty"),
    "Graph class": Graph,
    "DataLoader class": DataLoader,
    "Accuracy class": Accuracy,
    "bool": True,
}


class Labelled(DataLoader):
    x = normal(4, 2, 3, 3)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> Any:
        return self.x[index], index % 3


@cache
def network() -> Graph:
    net = Network(seed=0)
    return net.result(net.matmul(net.mean(net.relu(net.conv(net.input(-1, 2, 3, 3), 3))), 3))


@cache
def quantized() -> Graph:
    return quantize(network(), Labelled())


X = {"x": Labelled.x}
#: Name of a function -> itself, and what makes arguments with which it works.
CALLS: dict[str, tuple[Callable[..., Any], Callable[[], dict[str, Any]]]] = {
    "read_model": (read_model, lambda: {"path": "model.xml"}),
    "save_model": (save_model, lambda: {"graph": network(), "path": "out.xml"}),
    "Graph": (Graph, lambda: {"name": "model"}),
    "Interpreter": (Interpreter, lambda: {"graph": network()}),
    "Executor": (Executor, lambda: {"graph": network()}),
    "Interpreter.run": (Interpreter.run, lambda: {"self": Interpreter(network()), "inputs": X}),
    "Executor.run": (Executor.run, lambda: {"self": Executor(network()), "inputs": X}),
    "quantize": (quantize, lambda: {"graph": network(), "data": Labelled()}),
    "quantize_accuracy_aware": (
        quantize_accuracy_aware,
        lambda: {"graph": network(), "data": Labelled(), "metric": Accuracy()},
    ),
    "evaluate": (evaluate, lambda: {"graph": network(), "data": Labelled(), "metric": Accuracy()}),
    "finetune": (finetune, lambda: {"int8": quantized(), "data": Labelled(), "epochs": 1}),
    "Accuracy": (Accuracy, lambda: {}),
    "parse_metric": (parse_metric, lambda: {"text": "accuracy@1"}),
    "measure_saturation": (measure_saturation, lambda: {"graph": quantized(), "data": Labelled()}),
    "compare_models": (
        compare_models,
        lambda: {"model": quantized(), "reference": network(), "data": Labelled()},
    ),
    "compare_with_vendor": (
        compare_with_vendor,
        lambda: {"graph": quantized(), "vendor": "onnxruntime", "data": Labelled(), "limit": 1},
    ),
    "open_data": (open_data, lambda: {"spec": "data.npz", "graph": network()}),
    "ModelData": (ModelData, lambda: {"loader": Labelled(), "graph": network()}),
    "Preprocessing": (Preprocessing, lambda: {"mean": (0.5,), "std": (0.25,)}),
    "subset": (subset, lambda: {"loader": Labelled(), "size": 2}),
    "batches": (batches, lambda: {"loader": Labelled(), "graph": network(), "batch_size": 2}),
}
TRIALS = [
    (name, argument, kind)
    for name, (function, _) in CALLS.items()
    for argument, kind in itertools.product(
        (
            p
            for p, d in inspect.signature(function).parameters.items()
            if p != "self" and d.kind not in (d.VAR_KEYWORD, d.VAR_POSITIONAL)
        ),
        WRONG,
    )
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with a model and samples."""
    monkeypatch.chdir(tmp_path)
    save_model(network(), "model.xml")
    save_model(quantized(), "int8.xml")
    np.savez("data.npz", x=Labelled.x, y=np.arange(4) % 3)
    return tmp_path


def test_everything_that_is_exported_is_tried() -> None:
    exported = {
        *numpot.ir.__all__,
        *numpot.quant.__all__,
        *numpot.quant.compare.__all__,
        *numpot.quant.data.__all__,
    }
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for names in re.findall(
            r"^from numpot\.quant\.(?:data|metrics) import (.*)", page.read_text("utf-8"), re.MULTILINE
        ):
            exported |= {name.strip() for name in names.split(",")}
    assert exported - NOT_CALLED <= CALLS.keys()


@pytest.mark.parametrize("name", CALLS)
def test_the_arguments_given_here_work(name: str, folder: Path) -> None:
    if name == "compare_with_vendor":
        pytest.importorskip("onnxruntime")
    function, arguments = CALLS[name]
    function(**arguments())


def refuses_or_works(name: str, argument: str, kind: str) -> None:
    function, arguments = CALLS[name]
    try:
        function(**{**arguments(), argument: WRONG[kind]})
    except NumpotError as error:
        text = str(error)
        assert "\n" not in text and len(text) < 1100 and "object has no attribute" not in text, text


@pytest.mark.parametrize("name", CALLS)
def test_wrong_kinds_of_things(name: str, folder: Path) -> None:
    """One test for each function, since what a process has compiled it need not compile again."""
    failed = []
    for _, argument, kind in (trial for trial in TRIALS if trial[0] == name):
        if (
            name == "compare_with_vendor"
            and argument in ("progress", "limit")
            and kind in ("None", "bool", "int")
        ):
            continue  # it works and takes a second
        if argument == "observer" and callable(WRONG[kind]):
            continue  # a function of the caller's own fails in its own way
        try:
            refuses_or_works(name, argument, kind)
        except Exception as error:
            failed.append(f"{argument} = {kind}: {type(error).__name__}: {str(error)[:150]}")
    assert not failed, "\n".join(failed)


# ---- what is obvious ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [str, Path], ids=["str", "Path"])
def test_paths_are_opened_and_names_of_metrics_parsed(path: type, folder: Path) -> None:
    model, int8, data = path("model.xml"), path("int8.xml"), path("data.npz")
    expected = evaluate(network(), open_data("data.npz", network()), Accuracy())
    assert evaluate(model, data, "accuracy@1").value == expected.value
    assert evaluate(int8, data, "sqnr", reference=model).value > 10
    assert set(quantize(model, data).nodes) == set(quantized().nodes)
    assert quantize_accuracy_aware(
        model, data, ["accuracy@1", "f1"], calibration_data=data, max_drop=1.0
    ).report.reached
    assert finetune(int8, data, model, epochs=1, validation=data, metric="accuracy@1").info["finetuning"]
    assert measure_saturation(int8, data)
    assert compare_models(int8, model, data).samples == 4
    assert np.array_equal(Executor(model).run(Labelled.x)["y"], Executor(network()).run(Labelled.x)["y"])
    assert Interpreter(model).run(Labelled.x)["y"].shape == (4, 3)
    assert len(list(batches(Labelled(), model, 2))) == 2 and len(open_data(data, model)) == 4
    save_model(model, path("copy.xml"))
    assert (folder / "copy.bin").read_bytes() == (folder / "model.bin").read_bytes()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: quantize(network(), "calibration.npz"), r"calibration.npz: no such file or folder"),
        (lambda: quantize(network(), Labelled), r"the data must be a DataLoader, found the class "
                                                r"Labelled itself; make an object"),
        (lambda: evaluate(network(), Labelled(), Accuracy), r"the metric must be a Metric, found the "
                                                            r"class Accuracy itself; make"),
        (lambda: evaluate(network(), Labelled(), "acuracy@1"), r"metric 'acuracy@1' is not known. Did "
                                                               r"you mean 'accuracy@1'"),
        (lambda: evaluate(Graph, Labelled(), "f1"), r"the model must be a Graph, .* or the path .* "
                                                    r"found the class Graph"),
        (lambda: evaluate("missing.xml", Labelled(), "f1"), r"missing.xml: cannot be read \(No such "
                                                            r"file or directory\)"),
        (lambda: evaluate(network(), Labelled(), "f1", arithmetic="exakt"), r"arithmetic must be one of "
                                                                            r"exact, .* Did you "
                                                                            r"mean 'exact'"),
        (lambda: evaluate(network(), Labelled(), "f1", limit=0), r"limit must be at least 1, found 0"),
        (lambda: evaluate(network(), Labelled(), "f1", pool=3), r"pool must be a Pool, as "
                                                                r"distributed.open_pool makes it, found 3"),
        (lambda: Executor(network(), threads=0), r"threads must be a whole number from 1 to 1024, or None"),
        (lambda: quantize(Labelled(), network()), r"the model must be a Graph, .* found <.*Labelled object"),
    ],
)  # fmt: skip
def test_the_sentence_says_what_to_do(call: Callable[[], object], message: str) -> None:
    with pytest.raises(NumpotError, match=message):
        call()
