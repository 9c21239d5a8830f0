"""Files that cannot be read, and what is said about them: one sentence, never another exception, whatever was
done to the file.
"""

import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from numpot.ir.errors import NumpotError
from numpot.ir.formats.onnx import OnnxError, load_onnx, read_onnx
from numpot.ir.formats.onnx.writer import to_model
from numpot.ir.graph import Graph

from ...int8_networks import network
from .cases import floats, ints
from .models import CONV, F, model, node, normals

normal = normals(1)
WEIGHTS = {"w": normal(4, 3, 3, 3), "b": normal(4)}


def refusal(blob: bytes) -> str:
    with pytest.raises(OnnxError) as info:
        load_onnx(blob)
    assert "\n" not in str(info.value)
    return str(info.value).removeprefix("the ONNX model: ")


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (node("Convv", ["x", "w"], ["y"], name="c1"), "node 'c1' (Convv): operator 'Convv' of opset 17 "
                                                      "is not known. Did you mean 'Conv'?"),
        (node("Gelu", ["x"], ["y"]), "node that makes 'y' (Gelu): operator 'Gelu' is known at opsets 20 "
                                     "to 26, not at 17"),
        (node("Relu", ["x"], ["y"], name="r", domain="com.acme"), "node 'r' (Relu): operators of domain "
                                                                  "'com.acme' are not known"),
        (node("Relu", ["z"], ["y"], name="r"), "node 'r' (Relu): tensor 'z' is read before any node "
                                               "makes it"),
        (node("Relu", ["x"], ["y"], name="r", alpha=2.0), "node 'r' (Relu): attribute 'alpha' is not "
                                                          "supported at opset 17"),
        (node("Conv", ["x", "w"], ["y"], name="c", strides=[1]), "node 'c' (Conv): strides must hold 2 "
                                                                 "numbers for 2 spatial dimensions"),
        (node("Conv", ["x", "w"], ["y"], name="c", auto_pad="SAME"), "auto_pad must be one of NOTSET, "
                                                                     "VALID, SAME_UPPER, SAME_LOWER"),
        (node("Conv", ["x"], ["y"], name="c"), "node 'c' (Conv): input 1 is missing"),
        (node("Conv", ["x", "b"], ["y"], name="c"), "node 'c' (Conv): kernel_shape must hold 2 numbers"),
        (node("Slice", ["x", "x", "x"], ["y"], name="s"), "node 's' (Slice)"),
        (node("Split", ["x"], ["y", "z"], name="s", axis=7), "node 's' (Split): its inputs and "
                                                             "attributes are not what ONNX defines"),
        (node("Cast", ["x"], ["y"], name="c", to=TensorProto.DOUBLE), "node 'c' (Cast): element type "
                                                                      "DOUBLE is not supported"),
        (node("Pow", ["w9", "x"], ["y"], name="p"), "node 'p' (Pow): a float exponent of integers must "
                                                    "be known and whole"),
        (node("Range", ["w0", "w9", "w0"], ["y"], name="r"), "node 'r' (Range): delta must not be 0"),
        (node("MaxPool", ["x"], ["v", "y"], name="p", kernel_shape=[2, 2]), "tensor 'y', output 1 of a "
                                                                            "MaxPool, is not supported"),
    ],
)  # fmt: skip
def test_a_bad_node_is_named(bad: onnx.NodeProto, sentence: str) -> None:
    constants = WEIGHTS | {"w0": np.array(0), "w9": np.array(9)}
    with pytest.raises(OnnxError) as info:
        read_onnx(model([bad], {"x": (F, (1, 3, 8, 8))}, ["y"], constants))
    assert sentence in str(info.value)


@pytest.mark.parametrize("opset", [8, 27])
def test_opsets_outside_the_range(opset: int) -> None:
    with pytest.raises(OnnxError, match=f"opset must be 9 to 26, found {opset}"):
        read_onnx(model(CONV, {"x": (F, ("N", 3, 8, 8))}, ["y"], WEIGHTS, opset))


@pytest.mark.parametrize("blob", [b"", b"not a model", b"\x08\x01", b"\xff" * 100])
def test_not_a_model(blob: bytes) -> None:
    with pytest.raises(OnnxError, match="not an ONNX model"):
        read_onnx(blob)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(OnnxError, match=r"none\.onnx: cannot be read \(No such file or directory\)"):
        read_onnx(tmp_path / "none.onnx")


def test_errors_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(model([node("Nope", ["x"], ["y"])], {"x": (F, (1,))}, ["y"]))
    with pytest.raises(OnnxError, match=r"bad\.onnx: node that makes 'y' \(Nope\)"):
        read_onnx(path)


@pytest.mark.parametrize("dims", [[2, -3], [2**40, 2**40], [5]])
def test_tensors_that_do_not_hold_what_they_promise(dims: list[int]) -> None:
    tensor = numpy_helper.from_array(floats(1, 2, 3, 4), "c")
    del tensor.dims[:]
    tensor.dims.extend(dims)
    proto = onnx.ModelProto.FromString(model([node("Add", ["x", "c"], ["y"])], {"x": (F, (4,))}, ["y"]))
    proto.graph.initializer.append(tensor)
    with pytest.raises(OnnxError, match="tensor 'c'"):
        read_onnx(proto.SerializeToString())


def test_a_missing_onnx_package_names_the_extra() -> None:
    code = "import sys; sys.modules['onnx'] = None; import numpot.ir.formats.onnx"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "MissingExtraError: reading or writing an ONNX model needs the package 'onnx'" in result.stderr
    assert "pip install 'numpot[onnx]'" in result.stderr


# ---- graphs that are none ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nodes", "sentence"),
    [
        (
            [node("Add", ["b", "x"], ["a"]), node("Relu", ["a"], ["b"])],
            "node that makes 'a' (Add): tensor 'b' is read before any node makes it",
        ),
        (
            [node("Add", ["y", "x"], ["y"])],
            "node that makes 'y' (Add): tensor 'y' is read before any node makes it",
        ),
        (
            [node("Relu", ["x"], ["y"]), node("Neg", ["x"], ["y"], name="n")],
            "node 'n' (Neg): tensor 'y' is there already",
        ),
        ([node("Relu", ["x"], ["x"])], "node that makes 'x' (Relu): tensor 'x' is there already"),
        ([node("Relu", ["x"], ["w"])], "node that makes 'w' (Relu): tensor 'w' is there already"),
    ],
)
def test_every_tensor_is_made_once_and_before_it_is_read(nodes: list[onnx.NodeProto], sentence: str) -> None:
    assert refusal(model(nodes, {"x": (F, (1, 3))}, [nodes[-1].output[0]], {"w": floats(1)})).startswith(
        sentence
    )


def test_initializers_of_one_name() -> None:
    proto = onnx.ModelProto.FromString(model(CONV, {"x": (F, (1, 3, 8, 8))}, ["y"], WEIGHTS))
    proto.graph.initializer.append(numpy_helper.from_array(floats(1), "w"))
    assert (
        refusal(proto.SerializeToString())
        == "there are 2 initializers called 'w'; every tensor must have a name of its own"
    )


def of_functions(*bodies: onnx.FunctionProto) -> bytes:
    """A model that calls the last."""
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in "xy"]
    graph = helper.make_graph(
        [helper.make_node(bodies[-1].name, ["x"], ["y"], domain="mine")], "g", ends[:1], ends[1:]
    )
    return helper.make_model(graph, functions=bodies, opset_imports=opsets, ir_version=9).SerializeToString()


def twice(name: str, called: str, domain: str = "mine") -> onnx.FunctionProto:
    calls = [
        helper.make_node(called, ["a"], ["t"], domain=domain),
        helper.make_node(called, ["t"], ["b"], domain=domain),
    ]
    return helper.make_function(
        "mine", name, ["a"], ["b"], calls, [helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)]
    )


def test_a_function_that_calls_itself() -> None:
    assert refusal(of_functions(twice("F", "F"))) == "function 'F' calls itself; a model's functions must end"


def test_functions_that_grow_without_end() -> None:
    """Forty of them, each calling the one before it twice."""
    bodies = [twice("F0", "Relu", ""), *(twice(f"F{i}", f"F{i - 1}") for i in range(1, 40))]
    assert "its functions grow into 1,099,511,627,776 nodes" in refusal(of_functions(*bodies))


@pytest.mark.parametrize("depth", [101, 400, 3000])
def test_functions_that_call_one_another_too_deep(depth: int) -> None:
    def calls(name: str, called: str, domain: str = "mine") -> onnx.FunctionProto:
        node = helper.make_node(called, ["a"], ["b"], domain=domain)
        return helper.make_function(
            "mine", name, ["a"], ["b"], [node], [helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)]
        )

    bodies = [calls("F0", "Relu", ""), *(calls(f"F{i}", f"F{i - 1}") for i in range(1, depth))]
    assert (
        refusal(of_functions(*bodies))
        == f"its functions call one another {depth} deep; at most 100 are allowed"
    )
    assert load_onnx(of_functions(*bodies[:100])).of_type("ReLU")


def test_a_sum_of_many_is_read_in_a_time_that_grows_as_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted: how often it is asked whether a name is taken."""

    class Asked(dict):
        count = 0

        def __contains__(self, key: object) -> bool:
            Asked.count += 1
            return super().__contains__(key)

    made = Graph.__init__

    def init(graph: Graph, *arguments: object) -> None:
        made(graph, *arguments)  # type: ignore[arg-type]
        graph.nodes = Asked()

    monkeypatch.setattr(Graph, "__init__", init)
    asked = []
    for number in (100, 200):
        Asked.count = 0
        read_onnx(model([node("Sum", ["x"] * number, ["y"])], {"x": (F, (1, 3))}, ["y"]))
        asked.append(Asked.count)
    assert asked[1] < 2.5 * asked[0]


def test_outputs_of_one_name() -> None:
    bad = node("Split", ["x"], ["y", "y"], name="s", axis=1, num_outputs=2)
    sentence = refusal(model([bad], {"x": (F, (1, 4))}, ["y"], opset=18))
    assert (
        sentence == "node 's' (Split): tensor 'y' is there already; every tensor must have a name of its own"
    )


@pytest.mark.parametrize("operator", ["ConstantOfShape", "Expand", "Tile"])
def test_what_grows_beyond_memory_is_not_computed(operator: str) -> None:
    """A few bytes that stand for 2^40 numbers: read, or refused, at once."""
    inputs = {"ConstantOfShape": ["s"], "Expand": ["one", "s"], "Tile": ["one", "s"]}[operator]
    nodes = [node(operator, inputs, ["large"]), node("Add", ["x", "large"], ["y"])]
    constants = {"s": ints(2**20, 2**20), "one": np.ones((1, 1), F)}
    constants = {name: array for name, array in constants.items() if name in inputs}
    graph = load_onnx(model(nodes, {"x": (F, (1, 1))}, ["y"], constants))
    assert graph.outputs[0].output.shape == (2**20, 2**20)


def test_branches_too_deep_for_the_parser() -> None:
    def nested(depth: int) -> bytes:
        """Field by field, because the package does not write so deep a model either."""
        inner = helper.make_graph(
            [node("Relu", ["x"], ["y"])], "g", [], [onnx.ValueInfoProto(name="y")]
        ).SerializeToString()
        for _ in range(depth):
            attribute = b"\x0a\x0bthen_branch\xa0\x01\x05\x32" + length(inner) + inner
            call = b"\x0a\x01c\x12\x01y\x22\x02If\x2a" + length(attribute) + attribute
            inner = b"\x0a" + length(call) + call + b"\x62\x03\x0a\x01y"
        return b"\x08\x08\x42\x02\x10\x11\x3a" + length(inner) + inner

    def length(blob: bytes) -> bytes:
        n, groups = len(blob), []
        while n > 127:
            groups.append(n % 128 + 128)
            n //= 128
        return bytes([*groups, n])

    assert "node" in refusal(nested(1))  # a model, but one that has no input c
    assert "not an ONNX model, or a damaged one" in refusal(nested(200))


# ---- damage ------------------------------------------------------------------------------------------------


def branches() -> bytes:
    relu, neg = (
        helper.make_graph([node(t, ["x"], [t], name="inner")], t, [], [onnx.ValueInfoProto(name=t)])
        for t in ("Relu", "Neg")
    )
    choice = node("If", ["c"], ["y"], name="choice", then_branch=relu, else_branch=neg)
    return model([choice], {"x": (F, (1, 3))}, ["y"], {"c": np.array(True)})


def recurrent() -> bytes:
    weights = {"w": normal(1, 4, 1), "r": normal(1, 4, 1)}
    return model(
        [node("LSTM", ["x", "w", "r"], ["y"], hidden_size=1, direction="forward")],
        {"x": (F, ("T", 2, 1))},
        ["y"],
        weights,
    )


FILES = {
    "convolution": lambda: model(
        CONV, {"x": (F, ("N", 3, 8, 8))}, ["y"], {"w": normal(1, 3, 1, 1), "b": normal(1)}
    ),
    "quantized": lambda: to_model(network("chain", "misaligned")).SerializeToString(),
    "branches": branches,
    "recurrent": recurrent,
}


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_an_error_or_a_model(name: str) -> None:
    """A file cut anywhere, and one changed byte anywhere: never another exception, never two lines."""
    blob = FILES[name]()
    step = max(1, len(blob) // 200)
    damaged = [blob[:i] for i in range(0, len(blob), step)]
    damaged += [
        blob[:i] + bytes([blob[i] ^ flip]) + blob[i + 1 :]
        for flip, i in product((0xFF, 0x01), range(0, len(blob), step))
    ]
    refused = 0
    for variant in damaged:
        try:
            load_onnx(variant)
        except NumpotError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > len(damaged) // 4
