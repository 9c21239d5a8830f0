"""Names, shapes, constants and information: what is read beside the operators."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest

from numpot.ir.errors import GraphError, OperatorInputError
from numpot.ir.formats.model_files import read_model
from numpot.ir.formats.native.model import read_xmlbin, write_model
from numpot.ir.formats.openvino import load_openvino, read_openvino
from numpot.ir.interpreter import Interpreter

from ...sample_models import assert_same_graph
from .vendor import op, run_file, save

X = np.random.default_rng(7).standard_normal((2, 6)).astype(np.float32)


def named(node: Any, name: str, *tensor_names: str) -> Any:
    node.set_friendly_name(name)
    node.output(0).set_names(set(tensor_names))
    return node


def dense(x: Any) -> Any:
    return named(
        op.relu(named(op.matmul(x, op.constant(np.eye(6, 3, dtype=np.float32)), False, False), "fc")),
        "act",
        "logits",
    )


# ---- names -------------------------------------------------------------------------------------------------


def test_layers_keep_their_names_and_outputs_have_those_of_their_tensors(tmp_path: Path) -> None:
    graph = read_openvino(save(tmp_path, dense, X))
    assert [n.name for n in graph.inputs] == ["x0"]
    assert [n.name for n in graph.outputs] == ["logits"]
    assert {"fc", "act"} <= graph.nodes.keys()


def test_a_layer_gives_way_to_the_output_of_its_name(tmp_path: Path) -> None:
    path = save(tmp_path, lambda x: named(op.relu(named(op.abs(x), "y_1")), "y", "y"), X)
    graph = read_openvino(path)
    assert [(n.name, n.type) for n in graph] == [
        ("x0", "Parameter"),
        ("y_1", "Abs"),
        ("y_2", "ReLU"),
        ("y", "Result"),
    ]


def test_an_output_without_a_tensor_name_is_called_as_its_layer(tmp_path: Path) -> None:
    path = save(tmp_path, dense, X)
    text = path.read_text("utf-8").replace(' names="logits"', "").replace(' output_names="logits"', "")
    path.write_text(text, "utf-8")
    assert [n.name for n in read_openvino(path).outputs] == ["act"]


def test_a_comma_in_a_tensor_name(tmp_path: Path) -> None:
    path = save(tmp_path, lambda x: named(op.relu(x), "act", "a,b"), X)
    assert [n.name for n in read_openvino(path).outputs] == ["a,b"]


def test_several_inputs_and_outputs_stay_in_order(tmp_path: Path) -> None:
    def build(a: Any, b: Any) -> Any:
        return op.split(op.concat([b, a], 1), op.constant(1), 2)

    path = save(tmp_path, build, X, 2 * X)
    results = Interpreter(read_openvino(path)).run({"x0": X, "x1": 2 * X})
    for ours, vendor in zip(results.values(), run_file(path, X, 2 * X), strict=True):
        np.testing.assert_array_equal(ours, vendor)


# ---- shapes ------------------------------------------------------------------------------------------------


def test_a_dynamic_batch_is_read_as_one(tmp_path: Path) -> None:
    path = save(tmp_path, dense, named(op.parameter(ov.PartialShape([-1, 6]), np.float32), "x"))
    graph = load_openvino(path)
    assert graph.inputs[0].output.shape == (-1, 6)
    np.testing.assert_allclose(Interpreter(graph).run(X)["logits"], run_file(path, X)[0], rtol=1e-6)


def test_a_range_of_batch_sizes_is_any_batch(tmp_path: Path) -> None:
    path = save(
        tmp_path, dense, named(op.parameter(ov.PartialShape([ov.Dimension(1, 8), 6]), np.float32), "x")
    )
    assert read_openvino(path).inputs[0].output.shape == (-1, 6)


def test_a_static_batch_can_be_opened(tmp_path: Path) -> None:
    path = save(tmp_path, dense, X[:1])
    graph = read_model(path, input_shapes={"x0": (-1, 6)})
    np.testing.assert_array_equal(
        Interpreter(graph).run(X)["logits"], np.concatenate([run_file(path, row[None])[0] for row in X])
    )


def test_other_open_dimensions_must_be_given(tmp_path: Path) -> None:
    path = save(tmp_path, op.relu, named(op.parameter(ov.PartialShape([-1, -1]), np.float32), "x"))
    with pytest.raises(
        OperatorInputError,
        match=r"layer 'x' \(Parameter\): its shape must be fixed, all but the batch; found \[\?,\?\]",
    ):
        read_openvino(path)
    assert read_openvino(path, input_shapes={"x": (-1, 6)}).inputs[0].output.shape == (-1, 6)


def test_a_shape_for_an_input_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        GraphError, match=r"there is no input 'x' to give a shape to; inputs are x0\. Did you mean 'x0'\?"
    ):
        read_openvino(save(tmp_path, dense, X), input_shapes={"x": (-1, 6)})


def test_a_shape_of_another_rank(tmp_path: Path) -> None:
    with pytest.raises(
        OperatorInputError,
        match=r"the given shape \[-1, 2, 3\] must have 2 dimensions, as the file's, \[2,6\]",
    ):
        read_openvino(save(tmp_path, dense, X), input_shapes={"x0": (-1, 2, 3)})


def test_a_model_that_works_for_one_batch_only_says_so(tmp_path: Path) -> None:
    path = save(tmp_path, lambda x: op.reshape(x, op.constant(np.array([2, 6])), False), X)
    with pytest.raises(
        OperatorInputError, match=r"cannot be reshaped to \[2, 6\]\. The model may be made for the file's own"
    ):
        read_openvino(path, input_shapes={"x0": (-1, 6)})


# ---- constants ---------------------------------------------------------------------------------------------


def test_weights_compressed_to_f16_stay_so(tmp_path: Path) -> None:
    graph = load_openvino(save(tmp_path, dense, X, compressed=True))
    (layer,) = graph.of_type("MatMul")
    assert layer.inputs[1].producer.type == "Convert"
    assert layer.inputs[1].producer.inputs[0].dtype == np.float16


def test_constants_at_odd_addresses_are_copied_and_the_others_not(tmp_path: Path) -> None:
    def build(x: Any) -> Any:
        # two bytes, then numbers of four
        first = op.convert(op.constant(np.array([[1], [2]], np.int8)), "f32")
        return op.add(op.multiply(x, first), op.constant(np.arange(6, dtype=np.float32)))

    path = save(tmp_path, build, X)
    graph = read_openvino(path)
    arrays = {n.output.dtype: n.output.constant for n in graph.of_type("Constant")}
    assert all(a is not None and a.flags.aligned for a in arrays.values())
    assert not arrays[np.dtype(np.int8)].flags.writeable  # type: ignore[union-attr]  # a view of the mapped file
    np.testing.assert_allclose(
        next(iter(Interpreter(graph).run(X).values())), run_file(path, X)[0], rtol=1e-6
    )


def test_constants_that_layers_share_are_one(tmp_path: Path) -> None:
    def build(x: Any) -> Any:
        shared = op.constant(np.arange(6, dtype=np.float32))
        return op.multiply(op.add(x, shared), shared)

    (constant,) = read_openvino(save(tmp_path, build, X)).of_type("Constant")
    assert len(constant.output.consumers) == 2


# ---- versions, information, other formats ------------------------------------------------------------------


def test_version_10_is_read_like_version_11(tmp_path: Path) -> None:
    """Its input ports have no type, and some of its writers spell false 0 or False."""
    path = save(tmp_path, dense, X)
    expected = read_openvino(path)
    text = path.read_text("utf-8").replace('version="11"', 'version="10"', 1)
    text = re.sub(
        r"<input>.*?</input>", lambda m: m[0].replace(' precision="FP32"', ""), text, flags=re.DOTALL
    )
    path.write_text(
        text.replace('transpose_a="false"', 'transpose_a="0"').replace(
            'transpose_b="false"', 'transpose_b="False"'
        ),
        "utf-8",
    )
    found = read_openvino(path)
    assert found.info.pop("openvino")["version"] == "10"  # type: ignore[index]
    expected.info.pop("openvino")
    assert_same_graph(found, expected)


def test_runtime_information_is_kept_as_text(tmp_path: Path) -> None:
    path = save(tmp_path, dense, X)
    model = ov.Core().read_model(path)
    model.set_rt_info("performance", ["nncf", "quantization", "preset"])
    ov.save_model(model, tmp_path / "informed.xml")
    info: Any = read_openvino(tmp_path / "informed.xml").info["openvino"]
    assert info["version"] == "11"
    assert info["rt_info"]["nncf"] == {"quantization": {"preset": "performance"}}


def test_what_is_read_can_be_saved_in_our_format(tmp_path: Path) -> None:
    graph = read_openvino(save(tmp_path, dense, X, compressed=True))
    write_model(graph, tmp_path / "ours.xml")
    assert_same_graph(read_xmlbin(tmp_path / "ours.xml"), graph)
