"""A graph compiled for inputs of certain shapes: its plan, the order in which it runs, and one run of it."""

from collections.abc import Iterable

import numpy as np

from ..errors import GraphError
from ..graph import Graph, Tensor
from ..interpreter import Observer
from ..run.specialization import Shapes, same_tensors, specialize
from .plan import fold_constants, make_plan
from .saturation_counts import Tallies
from .schedule import Stretch, make_schedule
from .step import Step
from .steps.tensor_slots import from_memory, to_memory
from .workers import Linked, Workers

Arrays = dict[str, np.ndarray]


class Model:
    """What all shapes have in common: the graph, and what somebody wants of its tensors.

    observed: tensors that an observer sees; swept: those of which extremes and sums are taken. constants:
    what depends on no input.
    """

    def __init__(
        self,
        graph: Graph,
        observed: Iterable[Tensor],
        swept: Iterable[Tensor],
        threads: int,
        tallies: Tallies | None,
    ) -> None:
        self.graph = graph
        self.observed, self.swept = set(observed), frozenset(swept)
        self.threads, self.tallies = threads, tallies
        for tensor in self.observed | self.swept:
            if graph.nodes.get(tensor.producer.name) is not tensor.producer:
                raise GraphError(
                    f"{tensor.name!r} cannot be observed: it is no tensor of the graph that runs. A "
                    "quantized model runs lowered "
                    "to integers; observe it with arithmetic='simulated', or lower it first"
                )
        self.constants = fold_constants(graph.topological_order(), self.observed | self.swept)


class Compiled:
    """A model for inputs of certain shapes. Raises GraphError for shapes that a layer cannot take. `plan`
    says what it does.
    """

    def __init__(self, model: Model, shapes: Shapes) -> None:
        graph = specialize(model.graph, shapes)
        here = same_tensors(model.graph, graph)
        observed, swept = {here[t] for t in model.observed}, frozenset(here[t] for t in model.swept)
        constants = _known_values(graph, observed | swept) | {
            here[t]: value for t, value in model.constants.items()
        }
        tallies = model.tallies
        self.plan = make_plan(graph, constants, observed | swept, model.threads, tallies is not None, swept)
        if tallies is not None:
            tallies.add_layers(self.plan.steps)
        self.schedule = make_schedule(self.plan, graph, observed)
        self._program = Linked(self.plan, self.schedule)
        self._inputs = [p.output for p in graph.inputs]
        self._results = [(result.name, result.inputs[0]) for result in graph.outputs]
        self._theirs = {mine: theirs for theirs, mine in here.items()}
        self._shapes = {t: t.shape for node in graph for t in node.outputs}

    def run(
        self, arrays: list[np.ndarray], workers: Workers, observer: Observer | None
    ) -> tuple[Arrays, dict[Tensor, np.ndarray]]:
        """arrays: of the inputs, in their order and of these shapes. Returns the outputs by name, and what
        was found of swept tensors: (N,4,C) f32, as kernels/statistics/min_max_sum.py leaves it.
        """
        values = dict(zip(self._inputs, arrays, strict=True))
        memory = self._memory(values)
        for item in self.schedule.items:
            if isinstance(item, Stretch):
                workers.run(self._program, item, memory)
            elif isinstance(item, Step):
                self._define(item, values, memory)
            elif observer is not None:
                observer(self._theirs[item], self._value(item, values, memory))
        swept = {
            self._theirs[t]: memory[slot][:, row : row + 4] for t, (slot, row) in self.plan.swept.items()
        }
        return self._outputs(values, memory), swept

    def _memory(self, values: dict[Tensor, np.ndarray]) -> dict[int, np.ndarray]:
        """The arrays of the slots that have one of their own: inputs as they came, and room for what will
        cross between items.
        """
        memory = {}
        for number, tensor in self.schedule.own.items():
            if tensor is not None and tensor.producer.type == "Parameter":
                memory[number] = np.ascontiguousarray(values[tensor])
            else:
                slot = self.plan.slots.slots[number]
                memory[number] = np.empty(slot.shape, slot.dtype)
        return memory

    def _define(self, step: Step, values: dict[Tensor, np.ndarray], memory: dict[int, np.ndarray]) -> None:
        """A step by its NumPy definition."""
        assert step.define is not None
        outputs = step.define(*(self._value(t, values, memory) for t in step.inputs))
        for tensor, array in zip(step.outputs, outputs, strict=True):
            if array.shape != self._shapes[tensor] or array.dtype != tensor.dtype:
                expected, found = (
                    f"{dtype} {list(shape)}"
                    for dtype, shape in ((tensor.dtype, self._shapes[tensor]), (array.dtype, array.shape))
                )
                raise GraphError(f"layer {step.name!r}: made {found}, where {expected} was inferred")
            values[tensor] = array
            if tensor in self.plan.slots.numbers:
                memory[self.plan.slots.numbers[tensor]] = to_memory(array)

    def _value(
        self, tensor: Tensor, values: dict[Tensor, np.ndarray], memory: dict[int, np.ndarray]
    ) -> np.ndarray:
        """A tensor that was made, as the graph sees it."""
        if tensor in values:
            return values[tensor]
        if tensor in self.plan.constants:
            return self.plan.constants[tensor]
        return from_memory(memory[self.plan.slots.numbers[tensor]], self._shapes[tensor])

    def _outputs(self, values: dict[Tensor, np.ndarray], memory: dict[int, np.ndarray]) -> Arrays:
        """Return the outputs by name, each an array of its own: arrays that kernels wrote in this run as they
        are, all others copied.
        """
        outputs: Arrays = {}
        given: set[int | None] = set()
        for name, tensor in self._results:
            turned = self.plan.results.get(tensor)
            slot = self.plan.slots.numbers.get(tensor) if turned is None else turned
            value = self._value(tensor, values, memory) if turned is None else memory[turned]
            first = None if slot is None else self.schedule.own.get(slot)
            is_new = first is not None and first not in values and slot not in given
            outputs[name] = value if is_new and value.flags.c_contiguous else np.array(value, order="C")
            given.add(slot)
        return outputs


def _known_values(graph: Graph, keep: set[Tensor]) -> dict[Tensor, np.ndarray]:
    """What follows from the shapes alone, and nobody wants to see made."""
    tensors = (
        t for node in graph if node.type not in ("Parameter", "Constant", "Result") for t in node.outputs
    )
    return {t: t.known[0].value for t in tensors if t.known[0].value is not None and t not in keep}
