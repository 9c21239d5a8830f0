"""Build graphs in which every layer reads the reference's values, so that each can be judged by itself, and
graphs with less quantization.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from numpot.ir.executor.executor import Executor
from numpot.ir.graph import Graph, Tensor
from numpot.ir.lowering.lower import Arithmetic
from numpot.ir.ops.fake_quantize import FakeQuantize
from numpot.ir.ops.parameter import Parameter
from numpot.ir.ops.result import Result

from ..vendors.vendor import Arrays
from .points import grid_of

# how many widths of its range a FakeQuantize that does not clip has on either side; levels stay below 2**16
WIDER = 64


def with_results(graph: Graph, nodes: Iterable[str]) -> tuple[Graph, dict[str, str]]:
    """A copy that also gives the outputs of these nodes, and node -> name of its Result; a node that is a
    Result is its own.
    """
    twin, results = graph.copy(), {}
    for name in nodes:
        node = twin.nodes[name]
        results[name] = (
            name
            if node.type == "Result"
            else twin.add(Result(), [node.output], twin.unique_name(f"{name}/seen")).name
        )
    return twin, results


class Forced:
    """A graph cut at some tensors: what is computed there is given out, and what the caller says goes on.

    tensors: name -> the tensor of `graph`. observe: tensors an observer wants to see, as for Executor.
    """

    def __init__(
        self, graph: Graph, tensors: Mapping[str, str], arithmetic: Arithmetic, observe: Iterable[str] = ()
    ) -> None:
        cut = graph.copy()
        self._inputs: dict[str, str] = {}
        self._outputs: dict[str, str] = {}
        for name, node in tensors.items():
            made = cut.nodes[node].output
            given = cut.add(
                Parameter(element_type=made.dtype, shape=made.shape), name=cut.unique_name(f"{node}/given")
            )
            cut.redirect(made, given.output)
            self._inputs[name] = given.name
            self._outputs[name] = cut.add(Result(), [made], cut.unique_name(f"{node}/made")).name
        self._observed: dict[Tensor, str] = {cut.nodes[node].output: node for node in observe}
        self._executor = Executor(cut, arithmetic=arithmetic, observe=self._observed)

    def run(self, inputs: Mapping[str, np.ndarray], given: Mapping[str, np.ndarray]) -> tuple[Arrays, Arrays]:
        """What is made at each cut, and the model's own outputs, by name; and what was observed, by node."""
        seen: Arrays = {}

        def look(tensor: Tensor, array: np.ndarray) -> None:
            seen[self._observed[tensor]] = array.copy()

        feeds = {**inputs, **{parameter: given[name] for name, parameter in self._inputs.items()}}
        results = self._executor.run(feeds, observer=look)
        made = {name: results.pop(result) for name, result in self._outputs.items()}
        return results | made, seen


def without_fake_quantize(graph: Graph) -> Graph:
    """A copy whose activations are float: every FakeQuantize of data is taken out, the weights stay what they
    are.
    """
    twin = graph.copy()
    for node in twin.of_type("FakeQuantize"):
        if grid_of(node) is not None and node.inputs[0].constant is None:
            twin.redirect(node.output, node.inputs[0])
            twin.remove(node)
    twin.prune()
    return twin


def without_clipping(graph: Graph) -> Graph:
    """A copy whose FakeQuantize operators round as before and hardly clip: the same steps, over a range that
    is much wider.
    """
    twin = graph.copy()
    for node in twin.of_type("FakeQuantize"):
        grid = grid_of(node)
        if grid is None or node.inputs[0].constant is not None:
            continue
        width = grid.high.astype(np.float64) - grid.low
        ends = [(grid.low - WIDER * width).astype(np.float32), (grid.high + WIDER * width).astype(np.float32)]
        tensors = [twin.constant(v, twin.unique_name(f"{node.name}/wide")) for v in ends]
        for port, tensor in enumerate(tensors * 2, start=1):
            twin.set_input(node, port, tensor)
        twin.replace_op(node, FakeQuantize(levels=255 * (2 * WIDER + 1) + 1))
    return twin
