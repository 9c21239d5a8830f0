"""One batch through a network, and the loss's gradient back to what is trained: reverse accumulation
(docs/finetuning.md).

    dx = (dy/dx)' dy                                                                         (T1)

dx and dy are the derivatives of the loss by an operator's input x and output y. Forwards, every operator runs
by its own definition, in float32, and all tensors are kept. Backwards, in the opposite order, the rule of
each operator (gradients/) turns the gradients of its outputs into those of its inputs; what arrives at a
tensor from several readers is added up.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from numpot.ir.dtypes import FLOATS
from numpot.ir.graph import Graph, Node, Tensor
from numpot.ir.inputs import bind_inputs, ports

from ..errors import QuantizationError
from .gradients import FORWARDS, RULES, Call

Values = dict[Tensor, np.ndarray]


class Network:
    """A graph to be trained. trained: the tensors that whoever trains it gives values for; nothing above them
    is run.

    Raises QuantizationError for an operator between them and the outputs that has no gradient rule.
    """

    def __init__(self, graph: Graph, trained: Iterable[Tensor]) -> None:
        self._trained = set(trained)
        self._ports = ports(graph)
        needed = _needed(graph, self._trained)
        self._steps: list[Node] = []
        self._constants: Values = {}
        self._depend = set(self._trained)  # the tensors that change when what is trained does
        for node in graph.topological_order():
            if node not in needed or node.type in ("Parameter", "Result"):
                continue
            if all(t in self._constants for t in node.inputs):
                self._constants.update(_run(node, self._constants))
                continue
            self._steps.append(node)
            # a shape, an index or a comparison does not change by a little
            floats = [t for t in node.outputs if t.dtype in FLOATS]
            if floats and not self._depend.isdisjoint(node.inputs):
                self._depend.update(floats)
                if node.type not in RULES:
                    raise QuantizationError(
                        f"layer {node.name!r} ({node.type}) has no gradient rule, so nothing before it "
                        "can be fine-tuned; "
                        f"a rule is one function in quant/finetuning/gradients"
                    )

    @np.errstate(all="ignore")
    def forward(self, inputs: Mapping[str, np.ndarray], trained: Mapping[Tensor, np.ndarray]) -> Values:
        """Every tensor of one batch. inputs: by the names of the model's inputs. trained: the values of what
        is trained.
        """
        values: Values = {**self._constants, **trained, **bind_inputs(self._ports, inputs)}
        for node in self._steps:
            values.update(_run(node, values))
        return values

    @np.errstate(all="ignore")
    def backward(self, values: Values, gradients: Mapping[Tensor, np.ndarray]) -> Values:
        """The loss's gradient at what is trained. values: of `forward`. gradients: the loss's own, at some
        tensors.
        """
        found = dict(gradients)
        for node in reversed(self._steps):
            at_outputs = [found.pop(t, None) if t not in self._trained else None for t in node.outputs]
            if all(g is None for g in at_outputs) or self._depend.isdisjoint(node.inputs):
                continue
            outputs = [values[t] for t in node.outputs]
            call = Call(
                node.op, [values[t] for t in node.inputs], outputs, [t in self._depend for t in node.inputs]
            )
            dense = [np.zeros_like(y) if g is None else g for g, y in zip(at_outputs, outputs, strict=True)]
            # a rule may give fewer
            for tensor, g in zip(node.inputs, RULES[node.type](call, *dense), strict=False):
                if g is not None and tensor in self._depend:
                    found[tensor] = found[tensor] + g if tensor in found else g
        return {t: found[t] for t in self._trained if t in found}


def _needed(graph: Graph, trained: set[Tensor]) -> set[Node]:
    """The nodes that the outputs are computed from, without those above what is trained."""
    needed: set[Node] = set()
    todo: list[Node] = list(graph.outputs)
    while todo:
        node = todo.pop()
        if node not in needed:
            needed.add(node)
            todo += [t.producer for t in node.inputs if t not in trained]
    return needed


def _run(node: Node, values: Mapping[Tensor, np.ndarray]) -> Values:
    inputs = [values[t] for t in node.inputs]
    if node.type in FORWARDS:
        return {node.output: FORWARDS[node.type](node.op, *inputs)}
    outputs = node.op.evaluate(*inputs)
    return dict(
        zip(node.outputs, map(np.asarray, outputs if isinstance(outputs, list) else [outputs]), strict=True)
    )
