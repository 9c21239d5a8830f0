"""Runs a graph node by node with the operators' NumPy definitions: slow, short, and the truth that the
executor is held against.
"""

from collections.abc import Callable, Mapping

import numpy as np

from .errors import AnyPath
from .evaluation import evaluate
from .formats.model_files import as_graph
from .graph import Graph, Tensor
from .inputs import bind_inputs, ports
from .lowering.lower import Arithmetic, for_arithmetic
from .run.options import check_arithmetic, check_observer
from .run.specialization import Shapes, specialize

Observer = Callable[[Tensor, np.ndarray], None]
Inputs = Mapping[str, np.ndarray] | np.ndarray


class Interpreter:
    """Run a graph node by node by the NumPy definitions of its operators.

    arithmetic: how a quantized model is computed. `exact` and `saturating` run its integers
    (docs/arithmetic.md), `simulated` computes its FakeQuantize operators in float32. A float model is the
    same in all three. `graph` is what runs: the model itself, or the integer graph it was lowered to.
    """

    def __init__(self, graph: Graph | AnyPath, *, arithmetic: Arithmetic = "exact") -> None:
        self._prepare(for_arithmetic(as_graph(graph), check_arithmetic(arithmetic)))

    def _prepare(self, graph: Graph) -> None:
        self.graph = graph
        self.order = self.graph.topological_order()
        self._ports = ports(self.graph)
        self._fitting: Shapes | None = None

    def __getstate__(self) -> dict[str, Graph]:
        return {"graph": self.graph}

    def __setstate__(self, state: dict[str, Graph]) -> None:
        self._prepare(state["graph"])

    def run(self, inputs: Inputs, *, observer: Observer | None = None) -> dict[str, np.ndarray]:
        """Run the graph and return its outputs by name. inputs: arrays by the names of the model's inputs, or
        the one array of a model with one input.

        The observer, if given, sees every tensor as it is made. Raises GraphError for inputs that are missing
        or do not fit, and for shapes or contents that a layer cannot take.
        """
        check_observer(observer)
        values: dict[Tensor, np.ndarray] = bind_inputs(self._ports, inputs)
        shapes = tuple(array.shape for array in values.values())
        if shapes != self._fitting:
            specialize(self.graph, shapes)
            self._fitting = shapes
        readers = {t: len(t.consumers) for n in self.order for t in n.outputs}
        results: dict[str, np.ndarray] = {}
        for node in self.order:
            if node.type != "Parameter":
                values.update(
                    zip(node.outputs, evaluate(node, [values[t] for t in node.inputs]), strict=True)
                )
            if observer is not None:
                for tensor in node.outputs:
                    observer(tensor, values[tensor])
            if node.type == "Result":
                results[node.name] = values[node.output]
            for tensor in node.inputs:  # free what nobody reads any more
                readers[tensor] -= 1
                if not readers[tensor]:
                    values.pop(tensor, None)
        return results
