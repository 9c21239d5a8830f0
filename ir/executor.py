"""Runs a graph by its plan of kernels: the same results as the interpreter, as fast as the machine allows.

Integers are equal to the interpreter's bit for bit; float32 layers to within rounding, because sums are taken in another order.
"""

import os
from collections.abc import Iterable
from functools import cached_property

import numpy as np

from .graph import Graph, Tensor
from .inputs import bind_inputs, ports
from .interpreter import Inputs, Observer
from .lowering import Arithmetic, for_arithmetic
from .ops.registry import Shape
from .plan import Step, make_plan
from .saturation import LayerSaturation, Tallies
from .schedule import Schedule, Stretch, make_schedule
from .slots import from_memory, to_memory
from .workers import Workers


class Executor:
    """A graph, compiled. `plan` lists its steps.

    arithmetic: as for Interpreter. threads: at most so many work together; by default one per core that the process may use. observe:
    tensors of `graph` that an observer wants to see. sweep: tensors of which only extremes and sums are wanted, if they
    `can_be_swept`; read `swept` afterwards. count_saturation: count, in every integer layer, the pairs of products that clip (or
    would clip, in exact arithmetic); read `saturation` afterwards. An Executor is for one caller at a time: its memory is used again by
    the next run.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        arithmetic: Arithmetic = "exact",
        threads: int | None = None,
        observe: Iterable[Tensor] = (),
        sweep: Iterable[Tensor] = (),
        count_saturation: bool = False,
    ) -> None:
        self.graph = for_arithmetic(graph, arithmetic)
        observed, to_sweep = set(observe), frozenset(sweep)
        threads = threads or available_cores()
        self._plan = make_plan(self.graph, observed | to_sweep, threads, count_saturation, to_sweep)
        tallies = Tallies(self._plan.steps) if count_saturation else None
        self._observed = observed
        self._workers = Workers(threads, self._plan, self._of_one, tallies)
        self._ports = ports(self.graph)
        self._results = [(result.name, result.inputs[0]) for result in self.graph.outputs]
        self._tallies = tallies
        self._shapes: dict[Tensor, Shape] = {}
        self._swept: dict[Tensor, np.ndarray] = {}

    @cached_property
    def _of_one(self) -> Schedule:
        return make_schedule(self._plan, self.graph, self._observed)

    @cached_property
    def _of_many(self) -> Schedule:
        """For runs of more than one image."""
        return make_schedule(self._plan, self.graph, self._observed, many=True)

    @property
    def plan(self) -> list[Step]:
        return self._plan.steps

    @property
    def saturation(self) -> list[LayerSaturation]:
        """Per integer layer, in the order they run; empty unless `count_saturation` was asked for."""
        return self._tallies.layers if self._tallies else []

    def run(self, inputs: Inputs, *, observer: Observer | None = None) -> dict[str, np.ndarray]:
        """Outputs by name, as `Interpreter.run`; the observer sees the observed tensors as they are made."""
        values = bind_inputs(self._ports, inputs)
        images = self._images(values)
        schedule = self._of_many if images > 1 else self._of_one
        memory = self._memory(schedule, values, images)
        for item in schedule.items:
            if isinstance(item, Stretch):
                self._workers.run(item, memory, images)
            elif isinstance(item, Step):
                self._define(item, values, memory)
            elif observer is not None:
                observer(item, self._value(item, values, memory))
        self._swept = {t: memory[slot][:, row : row + 4] for t, (slot, row) in self._plan.swept.items()}
        if self._tallies:
            self._tallies.ran(images)
        return self._outputs(schedule, values, memory)

    def _outputs(self, schedule: Schedule, values: dict[Tensor, np.ndarray], memory: dict[int, np.ndarray]) -> dict[str, np.ndarray]:
        """By name, each an array of its own: what kernels have written in this run as it is, everything else copied."""
        outputs: dict[str, np.ndarray] = {}
        given: set[int | None] = set()
        for name, tensor in self._results:
            turned = self._plan.results.get(tensor)
            slot = self._plan.slots.numbers.get(tensor) if turned is None else turned
            value = self._value(tensor, values, memory) if turned is None else memory[turned]
            first = None if slot is None else schedule.own.get(slot)
            is_new = first is not None and first not in values and slot not in given
            outputs[name] = value if is_new and value.flags.c_contiguous else np.array(value, order="C")
            given.add(slot)
        return outputs

    @property
    def sweeps(self) -> Iterable[Tensor]:
        """The tensors that are swept, in the order they are made."""
        return self._plan.swept

    def swept(self, tensor: Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(N,C) f32 least, (N,C) f32 largest, (N,C) f64 sum of the channels of each image of the last run; see kernels/sweep.py."""
        found = self._swept[tensor]
        sums = np.ascontiguousarray(found[:, 2:]).reshape(len(found), -1).view(np.float64)
        return found[:, 0], found[:, 1], sums

    @np.errstate(all="ignore")
    def _define(self, step: Step, values: dict[Tensor, np.ndarray], memory: dict[int, np.ndarray]) -> None:
        """A step by its NumPy definition."""
        assert step.define is not None
        outputs = step.define(*(self._value(t, values, memory) for t in step.inputs))
        for tensor, array in zip(step.outputs, outputs, strict=True):
            values[tensor] = array
            if tensor in self._plan.slots.numbers:
                memory[self._plan.slots.numbers[tensor]] = to_memory(array)

    def _images(self, values: dict[Tensor, np.ndarray]) -> int:
        """The batch size of this run."""
        for port in self._ports:
            if port.shape and port.shape[0] == -1:
                return len(values[port.tensor])
        return self._plan.slots.batch

    def _memory(self, schedule: Schedule, values: dict[Tensor, np.ndarray], images: int) -> dict[int, np.ndarray]:
        """The arrays of the slots that have one of their own: inputs as they came, and room for what will cross between items."""
        memory = {}
        for number, tensor in schedule.own.items():
            if tensor is not None and tensor.producer.type == "Parameter":
                memory[number] = np.ascontiguousarray(values[tensor])
            else:
                slot = self._plan.slots.slots[number]
                memory[number] = np.empty((images, *slot.shape), slot.dtype)
        return memory

    def _value(self, tensor: Tensor, values: dict[Tensor, np.ndarray], memory: dict[int, np.ndarray]) -> np.ndarray:
        """A tensor that was made, as the graph sees it."""
        if tensor in values:
            return values[tensor]
        if tensor in self._plan.constants:
            return self._plan.constants[tensor]
        if tensor not in self._shapes:
            self._shapes[tensor] = tensor.shape
        return from_memory(memory[self._plan.slots.numbers[tensor]], self._shapes[tensor])


def available_cores() -> int:
    """Cores that this process may use; a container or taskset may leave it fewer than the machine has, and then threads are in the way."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
