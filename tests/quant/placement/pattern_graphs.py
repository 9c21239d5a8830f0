"""For a line of quant/placement/fused_patterns.py, the smallest graph that it describes, made from the line
itself.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from numpot.ir.dtypes import F32
from numpot.ir.graph import Node, Tensor
from numpot.quant.placement.fused_patterns import _Step, parse

from ...networks import Network

CHANNELS, SIDE = 4, 5
CONSTANT = np.full((1, CHANNELS, 1, 1), 0.5, np.float32)
WINDOW: dict[str, Any] = {"strides": (1, 1), "pads_begin": (0, 0), "pads_end": (0, 0), "dilations": (1, 1)}

#: What an operator needs besides the data it reads: attributes, and constant inputs.
NEEDS: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "Convolution": (WINDOW, [np.ones((CHANNELS, CHANNELS, 1, 1), np.float32)]),
    "ConvolutionBackpropData": (
        {**WINDOW, "output_padding": (0, 0)},
        [np.ones((CHANNELS, CHANNELS, 1, 1), np.float32)],
    ),
    "MatMul": ({}, [np.ones((SIDE, SIDE), np.float32)]),
    "Clamp": ({"min": 0.0, "max": 6.0}, []),
    "Convert": ({"destination_type": F32}, []),
    "PReLU": ({}, [CONSTANT]),
    "MVN": ({"normalize_variance": True, "eps": 1e-6, "eps_mode": "inside_sqrt"}, [np.array([2, 3])]),
    "NormalizeL2": ({"eps": 1e-6, "eps_mode": "add"}, [np.array([1])]),
    "ReduceMean": ({"keep_dims": True}, [np.array([2])]),
    "ReduceSum": ({"keep_dims": True}, [np.array([2])]),
    "Reshape": ({"special_zero": False}, [np.array([-1, CHANNELS, SIDE, SIDE])]),
    "Transpose": ({}, [np.array([0, 1, 3, 2])]),
    "Unsqueeze": ({}, [np.array([4])]),
    "Squeeze": ({}, [np.array([4])]),
    "Gather": ({}, [np.arange(CHANNELS), np.array(1)]),
    "Split": ({"num_splits": 2}, [np.array(1)]),
}
BINARY = frozenset(
    "Add Multiply Subtract Divide Power Maximum Minimum Less LessEqual Greater GreaterEqual Equal "
    "NotEqual FloorMod".split()
)
# need a second layer of comparisons to be fed
ON_BOOLEANS = frozenset("LogicalOr LogicalXor LogicalAnd LogicalNot".split())


def expansions(line: str) -> Iterator[list[tuple[_Step, str]]]:
    """The line with each choice of types made, all combinations."""
    steps = parse(line)
    for types in product(
        *(sorted(step.types - ON_BOOLEANS if len(step.types) > 2 else step.types) for step in steps)
    ):
        yield list(zip(steps, types, strict=True))


def build(steps: list[tuple[_Step, str]]) -> tuple[Network, list[Node]]:
    """The graph, and the node of each step. What a step reads besides the chain are inputs of the model, and
    constants.
    """
    net = Network()
    first = steps[0][1]
    x = net.input(-1, CHANNELS, SIDE, SIDE, *((1,) if first == "Squeeze" else ()), name="x")
    nodes: list[Node] = []
    labels: dict[str, Tensor] = {}
    for step, type_ in steps:
        if type_ == "Parameter":
            nodes.append(x.producer)
        elif step.downwards:
            nodes.append(_make(net, step, type_, nodes[-1].outputs if nodes else [x], labels))
        else:
            above = _make(
                net, step, type_, [net.input(-1, CHANNELS, SIDE, SIDE, name=f"x{len(nodes)}")], labels
            )
            net.graph.set_input(nodes[-1], 1 if nodes[-1].type == "MatMul" else 0, above.output)
            nodes.append(above)
        if step.label:
            labels[step.label] = nodes[-1].outputs[0]
    return net, nodes


def _make(net: Network, step: _Step, type_: str, reads: list[Tensor], labels: dict[str, Tensor]) -> Node:
    attributes, constants = NEEDS.get(type_, ({}, []))
    data = list(reads[:1])
    if type_ == "Concat":
        attributes = {"axis": 1 if len(reads) > 1 else 0}
        data = list(reads) + (
            [net.graph.constant(np.zeros((2, *reads[0].shape[1:]), np.float32))] if step.constant else []
        )
    if step.also_reads:
        data.append(labels[step.also_reads])
    elif type_ in BINARY and not step.constant:
        data.append(net.input(*reads[0].shape, name=f"other{len(net.graph)}"))
    elif type_ in BINARY:
        constants = [np.float32(0.5)]
    return net.do(type_, *data, *constants, **attributes).producer
