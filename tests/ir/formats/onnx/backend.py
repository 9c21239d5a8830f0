"""The ONNX project's own tests of its operators, read and run: models of one node (or of a function's body)
and what they must give.
"""

import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from numpot.ir.formats.onnx import OnnxError, read_onnx
from numpot.ir.formats.onnx.onnx_node import FIRST_OPSET, LAST_OPSET, READERS
from numpot.ir.formats.onnx.tensors import ELEMENT_TYPES
from numpot.ir.simplify.passes import simplify

from .models import run

PASSED = "passed"
OUTCOMES: dict[str, str] = {}  # by the names of cases that have been run
# masks, statistics and indices are not supported
ONLY_FIRST_OUTPUT = {"Dropout", "LayerNormalization", "MaxPool"}

#: What is refused, by the end of the message. Everything else must be read, and give what ONNX expects.
REFUSED = {
    "export the model for inference": "training mode",
    "peepholes (input P) and input_forget are not supported": "LSTM",
    "scales of blocks are not supported": "QuantizeLinear and DequantizeLinear",
}

#: Here onnxruntime, OpenVINO and this project agree with each other, and not with ONNX's reference.
DIFFERENT = {
    "test_resize_downsample_scales_linear_align_corners": "the reference aligns the corner of a "
    "fractional output size",
    "test_resize_downsample_scales_cubic_align_corners": "the same",
}


@cache
def cases() -> list[Any]:
    """The cases whose operators are read and whose types exist here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.loader import load_model_tests

        return [c for c in load_model_tests(kind="node") if is_claimed(c.model)]


def is_claimed(model: onnx.ModelProto) -> bool:
    types = [v.type.tensor_type.elem_type for v in (*model.graph.input, *model.graph.output)]
    nodes = list(all_nodes(model.graph))
    casts = [a.i for n in nodes for a in n.attribute if a.name == "to"]
    return {n.op_type for n in nodes} <= READERS.keys() and set(types + casts) <= ELEMENT_TYPES.keys()


def all_nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Those of branches, too."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from all_nodes(attribute.g)


def outcome(case: Any) -> str:
    """PASSED, or why the model is refused; AssertionError for a wrong result."""
    if case.name not in OUTCOMES:
        OUTCOMES[case.name] = run_case(case)
    return OUTCOMES[case.name]


def run_case(case: Any) -> str:
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    for opset in model.opset_import:  # of an operator that did not change since, or until then
        if opset.domain == "":
            opset.version = min(max(opset.version, FIRST_OPSET), LAST_OPSET)
    if {n.op_type for n in model.graph.node} & ONLY_FIRST_OUTPUT:
        del model.graph.output[1:]
    for inputs, outputs in case.data_sets:
        arrays, expected = (
            [numpy_helper.to_array(a) if isinstance(a, onnx.TensorProto) else np.asarray(a) for a in d]
            for d in (inputs, outputs)
        )
        feeds = {i.name: a for i, a in zip(model.graph.input, arrays, strict=True)}
        try:
            graph = read_with_fewest_constants(model, feeds)
        except OnnxError as error:
            return str(error)
        simplify(graph)
        results = run(graph, feeds)
        for name, want in zip([o.name for o in model.graph.output], expected, strict=False):
            assert results[name].dtype == want.dtype, case.name
            np.testing.assert_allclose(results[name], want, case.rtol, case.atol, err_msg=case.name)
    return PASSED


def read_with_fewest_constants(model: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> Any:
    """Axes, shapes and the like must be constants here: if all as inputs is refused, all but the first, then
    all are.
    """
    names = list(feeds)
    for first_constant in (len(names), 1, 0):
        attempt = onnx.ModelProto()
        attempt.CopyFrom(model)
        attempt.graph.initializer.extend(numpy_helper.from_array(feeds[n], n) for n in names[first_constant:])
        try:
            return read_onnx(attempt.SerializeToString())
        except OnnxError as error:
            refused = error
    raise refused
