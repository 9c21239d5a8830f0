"""Small models for the tests of the file format, what it means that two graphs are the same, and a look at
their files.
"""

import json
import re
from pathlib import Path

import numpy as np

from numpot.ir.dtypes import BOOL, BY_NAME, F16, F32, DType
from numpot.ir.graph import Graph
from numpot.ir.ops.add import Add
from numpot.ir.ops.clamp import Clamp
from numpot.ir.ops.parameter import Parameter
from numpot.ir.ops.relu import ReLU
from numpot.ir.ops.result import Result
from numpot.ir.ops.split import Split

INFO = {
    "preset": "mixed",
    "stat_subset_size": 300,
    "threshold": 1e-05,
    "negative_zero": -0.0,
    "symmetric": True,
    "ignored": None,
    "layers": ["conv/1", "", "ünï <&>\"' \t\n\r\u2028"],
    "nested": {"empty list": [], "empty dict": {}, "mixed": [1, 1.0, True, "1", [None]]},
}


def residual_block(dtype: DType = F32) -> Graph:
    """x -> + bias -> ReLU -> Clamp -> + x, with a batch that is chosen at run time."""
    graph = Graph("residual", INFO)
    x = graph.add(Parameter(element_type=dtype, shape=(-1, 3)), name="x")
    bias = graph.constant(np.array([1.5, -0.0, np.nan], dtype), "bias")
    shifted = graph.add(Add(), [x.output, bias], name="shift")
    relu = graph.add(ReLU(), [shifted.output], name="relu")
    clamp = graph.add(Clamp(min=0, max=6), [relu.output], name="clamp")
    added = graph.add(Add(), [clamp.output, x.output], name="add")
    graph.add(Result(), [added.output], name="y")
    return graph


def every_element_type() -> Graph:
    """A constant of every type and of every kind of shape, some with equal bytes, each an output."""
    graph = Graph("types")
    for name, dtype in BY_NAME.items():
        for shape in ((), (0,), (5,), (2, 0, 3), (1, 2, 3)):
            values = np.arange(np.prod(shape)).reshape(shape)
            value = (values % 2 == 0) if dtype == BOOL else values.astype(dtype)
            tensor = graph.constant(value, f"{name} {list(shape)}")
            graph.add(Result(), [tensor])
    return graph


def split_in_two() -> Graph:
    """A node with two outputs, read in reverse, added before the node that feeds it."""
    graph = Graph("split")
    axis = graph.constant(np.array(1), "axis")
    x = graph.add(Parameter(element_type=F16, shape=(-1, 4)), name="x")
    early = graph.add(ReLU(), [x.output], name="early")
    split = graph.add(Split(num_splits=2), [x.output, axis], name="split")
    total = graph.add(Add(), [split.outputs[1], split.outputs[0]], name="total")
    graph.set_input(early, 0, total.output)
    graph.infer()
    graph.add(Result(), [early.output], name="y")
    return graph


MODELS = {
    "residual f32": residual_block,
    "residual f16": lambda: residual_block(F16),
    "types": every_element_type,
    "split": split_in_two,
    "empty": lambda: Graph(""),
}


def assert_same_graph(found: Graph, expected: Graph) -> None:
    """Names, order, operators with their attributes and arrays, edges, types, shapes and info are equal."""
    assert found.name == expected.name
    # tells 1, 1.0 and True apart
    assert json.dumps(found.info, sort_keys=True) == json.dumps(expected.info, sort_keys=True)
    assert list(found.nodes) == list(expected.nodes)
    for node, twin in zip(found, expected, strict=True):
        assert type(node.op) is type(twin.op) and node.op == twin.op
        assert [(t.producer.name, t.index) for t in node.inputs] == [
            (t.producer.name, t.index) for t in twin.inputs
        ]
        assert [(t.dtype, t.shape) for t in node.outputs] == [(t.dtype, t.shape) for t in twin.outputs]


def contents(xml: Path) -> tuple[bytes, bytes]:
    return xml.read_bytes(), xml.with_suffix(".bin").read_bytes()


def without_checksum(text: str) -> str:
    """A .xml as a person would start to edit it."""
    return re.sub(r'(<numpot [^>]*) sha256="\w+"', r"\1", text)
