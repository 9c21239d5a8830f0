"""A graph of ours as an OpenVINO model, operator by operator, so that the vendor runs the very network that
we run.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from numpot.ir.graph import Graph, Node

from .ops.battery import OPENVINO_CONFIG

ov: Any = __import__("pytest").importorskip("openvino")
op: Any = ov.opset15


def run_openvino(graph: Graph, x: np.ndarray) -> np.ndarray:
    """The first output, computed in float32 and by int8 kernels where the vendor finds them applicable, one
    image at a time.

    One by one, because the vendor is then asked for what it documents: a static batch.
    """
    (parameter,) = graph.inputs
    model = to_openvino(graph)
    model.reshape({parameter.name: [1, *x.shape[1:]]})
    compiled = ov.Core().compile_model(model, "CPU", OPENVINO_CONFIG)
    return np.concatenate([np.array(compiled(image[None])[0]) for image in x])


def to_openvino(graph: Graph) -> Any:
    nodes: dict[str, Any] = {}
    for node in graph.topological_order():
        made = CONVERT[node.type](node, *(nodes[t.producer.name] for t in node.inputs))
        made.set_friendly_name(node.name)
        nodes[node.name] = (
            made.output(0) if node.outputs and node.type not in ("Parameter", "Result") else made
        )
    return ov.Model([nodes[n.name] for n in graph.outputs], [nodes[n.name] for n in graph.inputs], graph.name)


def _parameter(node: Node) -> Any:
    shape = ov.PartialShape([ov.Dimension() if d == -1 else ov.Dimension(d) for d in node.output.shape])
    made = op.parameter(shape, node.output.dtype.type)
    made.output(0).set_names({node.name})
    return made


def _convolution(node: Node, x: Any, w: Any) -> Any:
    o: Any = node.op
    window = (list(o.strides), list(o.pads_begin), list(o.pads_end), list(o.dilations))
    if o.groups == 1:
        return op.convolution(x, w, *window)
    return op.group_convolution(x, _grouped(node), *window)


def _grouped(node: Node) -> Any:
    """The int8 weights of a grouped convolution as (groups, O/groups, I/groups, kh, kw), from the Constant
    on.
    """
    multiply = node.inputs[1].producer
    codes, scale = multiply.inputs[0].producer.inputs[0].constant, multiply.inputs[1].constant
    assert codes is not None and scale is not None
    groups: int = node.op.groups  # type: ignore[attr-defined]
    split = [v.reshape(groups, len(v) // groups, *v.shape[1:]) for v in (codes, scale)]
    return op.multiply(op.convert(op.constant(split[0]), np.float32), op.constant(split[1]))


CONVERT: dict[str, Callable[..., Any]] = {
    "Parameter": _parameter,
    "Result": lambda n, x: op.result(x),
    "Constant": lambda n: op.constant(n.op.value),
    "Convert": lambda n, x: op.convert(x, n.op.destination_type.type),
    "Convolution": _convolution,
    "ConvolutionBackpropData": lambda n, x, w: op.convolution_backprop_data(
        x,
        w,
        list(n.op.strides),
        pads_begin=list(n.op.pads_begin),
        pads_end=list(n.op.pads_end),
        dilations=list(n.op.dilations),
    ),
    "MatMul": lambda n, a, b: op.matmul(a, b, n.op.transpose_a, n.op.transpose_b),
    "FakeQuantize": lambda n, *x: op.fake_quantize(*x, n.op.levels),
    "Add": lambda n, a, b: op.add(a, b),
    "Multiply": lambda n, a, b: op.multiply(a, b),
    "ReLU": lambda n, x: op.relu(x),
    "Clamp": lambda n, x: op.clamp(x, n.op.min, n.op.max),
    "MaxPool": lambda n, x: op.max_pool(
        x,
        list(n.op.strides),
        list(n.op.dilations),
        list(n.op.pads_begin),
        list(n.op.pads_end),
        list(n.op.kernel),
    ),
    "Concat": lambda n, *x: op.concat(list(x), n.op.axis),
    "ReduceMean": lambda n, x, axes: op.reduce_mean(x, axes, n.op.keep_dims),
    "Reshape": lambda n, x, shape: op.reshape(x, shape, True),
    "Flatten": lambda n, x: op.reshape(x, op.constant(np.array([0, -1])), True),
}
