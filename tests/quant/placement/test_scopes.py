"""What an ignored scope changed is said, and one that changes nothing is refused: whatever kind of scope,
whatever layer it means.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from numpot.ir.graph import Graph, Node
from numpot.quant import pot
from numpot.quant.accuracy_aware.algorithm import quantize_accuracy_aware
from numpot.quant.default_quantization import quantize
from numpot.quant.errors import QuantizationError
from numpot.quant.findings.findings import remarks
from numpot.quant.metrics.reference import Agreement
from numpot.quant.sentences import counted, listed

from ...networks import Network
from ..cli.command_line import invoke
from ..cli.test_cli import folder
from ..data.array_data import ArrayData, normal

__all__ = ["folder"]  # a fixture

X = ArrayData(normal(8, 3, 8, 8))


def network() -> Graph:
    """Layers that are quantized, operators that only pass codes on, and some that are never quantized."""
    net = Network()
    x = net.relu6(net.conv(net.input(-1, 3, 8, 8), 8, 3, pad=1, name="stem"))
    y = net.relu(net.depthwise(x, name="filter"))
    y = net.do("Add", net.conv(y, 8, name="project"), x, name="join")
    y = net.do("Sigmoid", net.conv(net.max_pool(y), 8, name="last"), name="gate")
    return net.result(net.matmul(net.mean(y), 5, name="head"))


GRAPH = network()


def fed_with_codes(model: Graph) -> set[str]:
    """Names of operators that compute on what a FakeQuantize rounded."""

    def is_rounded(node: Node) -> bool:
        return node.type == "FakeQuantize" or (node.type == "MaxPool" and is_rounded(node.inputs[0].producer))

    return {
        n.name
        for n in model
        if n.type not in ("Result", "MaxPool") and n.inputs and is_rounded(n.inputs[0].producer)
    }


WITHOUT_SCOPES = fed_with_codes(quantize(GRAPH, X))


def every_scope() -> Iterator[dict[str, Any]]:
    """Each layer by its name, each type, each operation that a layer is."""
    for node in GRAPH:
        yield {"ignored_scope": [node.name]}
    for kind in sorted({n.type for n in GRAPH}):
        yield {"ignored_types": [kind]}
        yield {"ignored_operations": [{"type": kind}]}
    yield {"ignored_operations": [{"type": "Convolution", "attributes": {"groups": 8}}]}


@pytest.mark.parametrize("scope", list(every_scope()), ids=str)
def test_a_scope_says_what_it_changed_or_is_refused(scope):
    """Held against the quantized models themselves: which operators read rounded numbers in one and not in
    the other.
    """
    (option, (entry,)) = next(iter(scope.items()))
    try:
        made = quantize(GRAPH, X, **scope)
    except QuantizationError as error:
        text = repr(entry)
        assert str(error).startswith(
            f"{option}: {text} changes nothing in model {GRAPH.name!r}, because the layers that it "
            "names would stay in float"
        )
        assert "name what is quantized: " in str(error)
        changed: set[str] = set()
    else:
        (record,) = made.info["quantization"]["scopes"]
        changed = set(record["layers"])
        assert (record["option"], record["entry"]) == (
            option,
            entry if isinstance(entry, str) else repr(entry),
        ) and changed
        assert changed == WITHOUT_SCOPES - fed_with_codes(made)
    assert changed == by_hand(option, entry)


def by_hand(option: str, entry: Any) -> set[str]:
    """What should be left in float: the name of a bias stands for its layer, a pooling for what reads it."""
    quantized = {"stem", "filter", "project", "join", "last", "ReduceMean", "head"}
    if option == "ignored_scope":
        meant = {GRAPH.nodes[entry]}
        meant |= {n.inputs[0].producer for n in meant if n.type == "Add" and n.inputs[1].constant is not None}
    elif option == "ignored_types":
        meant = set(GRAPH.of_type(entry))
    else:
        meant = {n for n in GRAPH.of_type(entry["type"]) if "attributes" not in entry or n.name == "filter"}
    return quantized & {n.name for n in meant} | {
        use.node.name for n in meant if n.type == "MaxPool" for use in n.output.consumers
    }


def test_many_entries_that_change_nothing_are_one_sentence():
    for names, more in (
        (["gate"], ""),
        (["gate", "y"], ", and so does 1 other entry"),
        (["gate", "y", "x", "stem"], ", and so do 2 other entries"),
    ):
        with pytest.raises(QuantizationError, match="changes nothing") as caught:
            quantize(GRAPH, X, ignored_scope=names)
        assert f"in model {GRAPH.name!r}{more}, because" in str(caught.value)


def test_scopes_that_mean_the_same_layer_are_not_refused():
    """Each of them alone changes something."""
    made = quantize(GRAPH, X, ignored_scope=["stem", "last"], ignored_types=["Convolution"]).info[
        "quantization"
    ]
    assert [s["layers"] for s in made["scopes"]] == [
        ["stem"],
        ["last"],
        ["stem", "filter", "project", "last"],
    ]
    assert [s for s in remarks(made) if "float" in s] == [
        "ignored_scope leaves 2 layers in float: stem, last",
        "ignored_types 'Convolution' leaves 4 layers in float: stem, filter, project, last",
    ]


def test_what_the_kind_of_model_leaves_in_float_needs_no_scope():
    with pytest.raises(QuantizationError, match="ignored_types: 'Add' changes nothing"):
        quantize(GRAPH, X, model_type="transformer", ignored_types=["Add"])


def test_the_accuracy_aware_search_says_it_too():
    free: dict[str, Any] = {"annotation_free": True, "annotation_conf_threshold": 0.0}
    made = quantize_accuracy_aware(GRAPH, X, Agreement(), max_drop=1.0, ignored_scope=["last"], **free).model
    assert made.info["quantization"]["scopes"] == [
        {"option": "ignored_scope", "entry": "last", "layers": ["last"]}
    ]
    with pytest.raises(QuantizationError, match="changes nothing"):
        quantize_accuracy_aware(GRAPH, X, Agreement(), ignored_scope=["gate"], **free)


def test_scripts_and_files_written_for_pot_are_refused_too():
    engine = pot.IEEngine({}, [(x, None) for x in normal(4, 3, 8, 8)])
    for scope in ({"scope": ["gate"]}, {"operations": [{"type": "Sigmoid"}]}):
        pipeline = pot.create_pipeline(
            [{"name": "DefaultQuantization", "params": {"ignored": scope}}], engine
        )
        with pytest.raises(QuantizationError, match="changes nothing"):
            pipeline.run(GRAPH)


@pytest.mark.parametrize("how", ["options", "config", "accuracy-aware"])
def test_the_command_says_it(folder, how):
    arguments: tuple[str, ...] = ("model.xml", "--data", "data.npz", "-o", "int8.xml", "--ignore", "conv")
    if how == "accuracy-aware":
        arguments += ("--method", "accuracy-aware", "--max-drop", "1")
    if how == "config":
        params = {"ignored": {"scope": ["conv"]}}
        config = {
            "model": {"model_name": "small", "model": "model.xml"},
            "engine": {"type": "simplified", "data_source": "bare.npz"},
            "compression": {"algorithms": [{"name": "DefaultQuantization", "params": params}]},
        }
        Path("config.json").write_text(json.dumps(config))
        arguments = ("-c", "config.json", "-o", "int8.xml")
    outcome = invoke("quantize", *arguments)
    assert outcome.exit_code == 0 and "ignored_scope leaves 1 layer in float: conv\n" in outcome.stdout
    report = json.loads(invoke("quantize", *arguments, "--json").stdout)
    assert report["scopes"] == [{"option": "ignored_scope", "entry": "conv", "layers": ["conv"]}]


@pytest.mark.parametrize(
    "arguments", [("--ignore", "relu"), ("--ignore-type", "ReLU"), ("--ignore", "conv", "--ignore", "logits")]
)
def test_the_command_refuses_what_changes_nothing(folder, arguments):
    outcome = invoke("quantize", "model.xml", "--data", "bare.npz", "-o", "int8.xml", *arguments)
    assert outcome.exit_code == 2 and "changes nothing" in outcome.stderr and not Path("int8.xml").exists()
    assert len(outcome.stderr.splitlines()) == 1 and "name what is quantized: conv, head" in outcome.stderr


def test_what_only_passes_codes_on_stands_for_the_layer_that_reads_them(folder):
    outcome = invoke("quantize", "model.xml", "--data", "bare.npz", "-o", "int8.xml", "--ignore", "flat")
    assert "ignored_scope leaves 1 layer in float: head\n" in outcome.stdout


def test_numbers_and_lists_in_sentences():
    assert [counted(n, "layer") for n in (0, 1, 2)] == ["0 layers", "1 layer", "2 layers"]
    names = [str(i) for i in range(20)]
    assert listed(["a\nb", "c" * 1000]) == r"'a\nb', '" + "c" * 79 + "..."
    assert listed(names[:6]) == "0, 1, 2, 3, 4, 5" and listed(names) == "0, 1, 2, 3, 4 and 15 more"
