"""What a file may say, and what the reader says about a file that it cannot take."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from numpot.ir.formats.onnx import OnnxError, read_onnx
from numpot.ir.graph import Graph

from .cases import floats, ints
from .models import CONV, F, check, model, node, normals, run

normal = normals(2)
WEIGHTS = {"w": normal(4, 3, 3, 3), "b": normal(4)}


def read(
    *nodes: onnx.NodeProto,
    shape: tuple[int | str, ...] = ("N", 3, 8, 8),
    opset: int = 17,
    **constants: np.ndarray,
) -> Graph:
    """A model of these nodes from x to the last node's output."""
    return read_onnx(model(nodes, {"x": (F, shape)}, [nodes[-1].output[0]], constants, opset))


# ---- names -------------------------------------------------------------------------------------------------


def test_layers_have_the_names_model_optimizer_gives_them() -> None:
    graph = read(*CONV, **WEIGHTS)
    assert {n.name: n.type for n in graph} == {
        "x": "Parameter",
        "w": "Constant",
        "conv/WithoutBiases": "Convolution",
        "b": "Constant",
        "conv": "Add",
        "y": "Result",
    }
    assert graph.nodes["b"].output.shape == (1, 4, 1, 1)


def test_nodes_without_a_name_get_their_outputs_and_clashes_a_number() -> None:
    graph = read(
        node("Relu", ["x"], ["hidden"]),
        node("Add", ["hidden", "c"], ["other"], name="hidden"),
        node("Mul", ["other", "hidden"], ["y"], name="y"),
        c=floats(1),
    )
    assert {n.name: n.type for n in graph} == {
        "x": "Parameter",
        "hidden_1": "ReLU",  # `hidden` belongs to the node that is called so
        "c": "Constant",
        "hidden": "Add",
        "y_1": "Multiply",  # `y` is the name of the output
        "y": "Result",
    }


def test_an_input_with_an_initializer_is_a_constant() -> None:
    blob = model(
        [node("Add", ["x", "c"], ["y"])], {"x": (F, (2, 3)), "c": (F, (3,))}, ["y"], {"c": floats(1, 2, 3)}
    )
    assert [p.name for p in read_onnx(blob).inputs] == ["x"]


def test_several_outputs_and_an_input_that_is_an_output() -> None:
    nodes = [node("Split", ["x"], ["a", "b"], name="cut", axis=1), node("Identity", ["a"], ["same"])]
    blob = model(nodes, {"x": (F, (2, 4))}, ["b", "same", "x"], opset=13)
    graph = read_onnx(blob)
    x = normal(2, 4)
    results = run(graph, {"x": x})
    assert list(results) == ["b", "same", "x_1"]
    np.testing.assert_array_equal(results["b"], x[:, 2:])
    np.testing.assert_array_equal(results["x_1"], x)


def test_local_functions_are_inlined() -> None:
    body = helper.make_function(
        "mine", "Twice", ["a"], ["b"], [node("Add", ["a", "a"], ["b"])], [helper.make_opsetid("", 17)]
    )
    graph = helper.make_graph(
        [helper.make_node("Twice", ["x"], ["y"], domain="mine")],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)]
    blob = helper.make_model(graph, functions=[body], opset_imports=opsets, ir_version=9).SerializeToString()
    np.testing.assert_array_equal(run(read_onnx(blob), {"x": floats(1, 2)})["y"], floats(2, 4))


# ---- shapes ------------------------------------------------------------------------------------------------


def test_a_symbol_in_front_is_the_batch() -> None:
    assert read(*CONV, **WEIGHTS).outputs[0].output.shape == (-1, 4, 6, 6)


def test_sizes_computed_from_the_batch() -> None:
    """Upsampling to sizes put together from the input's shape, as exporters write it."""
    nodes = [
        node("Shape", ["x"], ["shape"]),
        node("Slice", ["shape", "zero", "two"], ["head"]),
        node("Concat", ["head", "size"], ["sizes"], axis=0),
        node("Resize", ["x", "", "", "sizes"], ["y"], mode="nearest"),
    ]
    constants = {"zero": ints(0), "two": ints(2), "size": ints(16, 24)}
    graph = check(model(nodes, {"x": (F, ("N", 3, 8, 8))}, ["y"], constants, 13), {"x": normal(2, 3, 8, 8)})
    assert graph.outputs[0].output.shape == (-1, 3, 16, 24)
    assert not graph.of_type("ShapeOf", "Concat", "Slice")


@pytest.mark.parametrize(
    ("shape", "given", "sentence"),
    [
        (
            ("N", 3, "H", 8),
            {},
            "input 'x' must have a fixed shape, all but its batch; found [N, 3, H, 8]. Give one, as in "
            "--input-shape",
        ),
        (
            ("N", 3, 8, 8),
            {"x": (1, 3, 9, 8)},
            "input 'x' has shape [N, 3, 8, 8]; the given shape [1, 3, 9, 8] does not fit it",
        ),
        (("N", 3, 8, 8), {"y": (1,)}, "there is no input 'y' to give a shape to"),
        (("N", 3, 8, 8), {"x": (1, 3, -1, 8)}, "[1, 3, -1, 8] does not fit it"),
        (("N", 3, "H", 8), {"x": (1, 3, -1, 8)}, "only the first dimension, the batch, may be -1"),
    ],
)
def test_shapes_that_are_open_or_do_not_fit(
    shape: tuple[int | str, ...], given: dict[str, tuple[int, ...]], sentence: str
) -> None:
    with pytest.raises(OnnxError) as info:
        read_onnx(model(CONV, {"x": (F, shape)}, ["y"], WEIGHTS), input_shapes=given)
    assert sentence in str(info.value)


def test_a_given_shape_closes_an_open_one() -> None:
    blob = model(CONV, {"x": (F, ("N", 3, "H", "W"))}, ["y"], WEIGHTS)
    assert read_onnx(blob, input_shapes={"x": (-1, 3, 9, 5)}).outputs[0].output.shape == (-1, 4, 7, 3)


def test_a_model_for_one_batch_size_says_how_to_read_it() -> None:
    blob = model(
        [node("Reshape", ["x", "shape"], ["y"])], {"x": (F, ("N", 3, 8, 8))}, ["y"], {"shape": ints(1, 192)}
    )
    with pytest.raises(OnnxError, match="--input-shape x=1,3,8,8"):
        read_onnx(blob)
    assert read_onnx(blob, input_shapes={"x": (1, 3, 8, 8)}).outputs[0].output.shape == (1, 192)


# ---- constants ---------------------------------------------------------------------------------------------


def test_a_sparse_constant_is_made_dense() -> None:
    for indices in (ints(1, 5), ints(0, 1, 1, 2).reshape(2, 2)):
        sparse = helper.make_sparse_tensor(
            numpy_helper.from_array(floats(2, 3), "v"), numpy_helper.from_array(indices, "i"), [2, 3]
        )
        graph = read(
            node("Constant", [], ["c"], sparse_value=sparse), node("Add", ["x", "c"], ["y"]), shape=(2, 3)
        )
        np.testing.assert_array_equal(run(graph, {"x": np.zeros((2, 3), F)})["y"], [[0, 2, 0], [0, 0, 3]])


def test_float16_stays_float16() -> None:
    half = np.dtype(np.float16)
    constants = {name: w.astype(half) for name, w in WEIGHTS.items()}
    graph = check(
        model(CONV, {"x": (half, (1, 3, 8, 8))}, ["y"], constants), {"x": normal(1, 3, 8, 8).astype(half)}
    )
    assert graph.nodes["w"].output.dtype == half


# ---- branches and sequences --------------------------------------------------------------------------------


def branch(type: str, output: str, **initializers: np.ndarray) -> onnx.GraphProto:
    """A branch that reads x of the graph around it."""
    inner = helper.make_node(type, ["x", *initializers], [output], name="inner")
    return helper.make_graph(
        [inner],
        type,
        [],
        [onnx.ValueInfoProto(name=output)],
        [numpy_helper.from_array(a, n) for n, a in initializers.items()],
    )


@pytest.mark.parametrize("taken", [True, False])
def test_a_branch_takes_the_place_of_an_if_whose_condition_is_known(taken: bool) -> None:
    branches = {"then_branch": branch("Add", "sum", c=floats(1)), "else_branch": branch("Relu", "rest")}
    choice = node("If", ["condition"], ["y"], name="choice", **branches)
    graph = check(
        model([choice], {"x": (F, ("N", 3))}, ["y"], {"condition": np.array(taken)}), {"x": normal(2, 3)}
    )
    assert graph.nodes["inner"].type == ("Add" if taken else "ReLU") and not graph.of_type("If")


def test_a_condition_from_shapes_is_known() -> None:
    nodes = [
        node("Shape", ["x"], ["shape"]),
        node("Gather", ["shape", "one"], ["width"]),
        node("Equal", ["width", "three"], ["condition"]),
        node("If", ["condition"], ["y"], then_branch=branch("Neg", "a"), else_branch=branch("Relu", "b")),
    ]
    graph = check(
        model(nodes, {"x": (F, ("N", 3))}, ["y"], {"one": ints(1), "three": ints(3)}), {"x": normal(2, 3)}
    )
    assert [n.type for n in graph if n.type not in ("Constant", "Parameter", "Result")] == ["Negative"]


def test_names_of_a_branch_end_with_it() -> None:
    """Two branches may use the same names for other things."""
    nodes = [
        node(
            "If",
            ["condition"],
            [f"y{i}"],
            then_branch=branch("Add", "sum", c=floats(i)),
            else_branch=branch("Relu", "rest"),
        )
        for i in (1, 2)
    ]
    blob = model(
        [*nodes, node("Sub", ["y2", "y1"], ["y"])], {"x": (F, ("N", 3))}, ["y"], {"condition": np.array(True)}
    )
    np.testing.assert_array_equal(
        run(check(blob, {"x": normal(2, 3)}), {"x": np.zeros((2, 3), F)})["y"], np.ones((2, 3), F)
    )


def test_a_condition_from_data_is_refused() -> None:
    flag = node(
        "If", ["flag"], ["y"], name="choice", then_branch=branch("Neg", "a"), else_branch=branch("Relu", "b")
    )
    with pytest.raises(
        OnnxError, match=r"node 'choice' \(If\): the condition must be a constant, or computed from shapes"
    ):
        read_onnx(model([flag], {"x": (F, ("N", 3)), "flag": (np.dtype(bool), ())}, ["y"]))


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_a_sequence_of_any_length_and_a_batch_of_any_size(kind: str) -> None:
    """The one dimension that may be open: the length, in front, or (the other way round) the batch."""
    gates, outputs = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind], ["y", "h"]
    weights = {"w": normal(1, gates * 4, 3), "r": normal(1, gates * 4, 4)}
    layer = node(kind, ["x", "w", "r"], outputs, hidden_size=4)
    check(model([layer], {"x": (F, ("T", 2, 3))}, outputs, weights), {"x": normal(6, 2, 3)})
    turned = [
        node("Transpose", ["x"], ["turned"], perm=[1, 0, 2]),
        node(kind, ["turned", "w", "r"], outputs, hidden_size=4),
    ]
    check(model(turned, {"x": (F, ("N", 5, 3))}, outputs, weights), {"x": normal(3, 5, 3)})


@pytest.mark.parametrize(
    ("message", "attributes"),
    [
        ("activations must be of sigmoid, tanh, relu, found Elu", {"activations": ["Elu"]}),
        (
            "activations must be 1 names, the same in both directions, found Tanh, Relu",
            {"activations": ["Tanh", "Relu"]},
        ),
        ("hidden_size must be that of the recurrence weights, 4", {"hidden_size": 5}),
        (
            "direction must be one of forward, reverse, bidirectional, found 'backward'",
            {"direction": "backward"},
        ),
        ("attribute 'hidden' is not supported at opset 17. Did you mean 'hidden_size'?", {"hidden": 4}),
    ],
)
def test_a_recurrent_layer_that_cannot_be_read_is_named(message: str, attributes: dict[str, object]) -> None:
    layer = node("RNN", ["x", "w", "r"], ["y"], name="layer", **attributes)
    with pytest.raises(OnnxError) as refused:
        read_onnx(model([layer], {"x": (F, (5, 2, 3))}, ["y"], {"w": normal(1, 4, 3), "r": normal(1, 4, 4)}))
    assert f"node 'layer' (RNN): {message}" in str(refused.value)
