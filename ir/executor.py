"""Runs a graph by its plan of kernels: the same results as the interpreter, as fast as the machine allows.

Integers are equal to the interpreter's bit for bit; float32 layers to within rounding, because sums are taken in another order.
"""

import os
from collections.abc import Iterable

import numpy as np

from .graph import Graph, Tensor
from .inputs import bind_inputs
from .interpreter import Inputs, Observer
from .lowering import Arithmetic, for_arithmetic
from .plan import Step, make_plan
from .saturation import LayerSaturation
from .workers import Workers


class Executor:
    """A graph, compiled. `plan` lists its steps.

    arithmetic: as for Interpreter. threads: at most so many work on a batch together; by default one per core. observe: tensors of `graph`
    that an observer wants to see. count_saturation: count, in every integer layer, the pairs of products that clip (or would clip, in
    exact arithmetic); read `saturation` afterwards.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        arithmetic: Arithmetic = "exact",
        threads: int | None = None,
        observe: Iterable[Tensor] = (),
        count_saturation: bool = False,
    ) -> None:
        self.graph = for_arithmetic(graph, arithmetic)
        self._observed = set(observe)
        self._plan = make_plan(self.graph, self._observed)
        self._workers = Workers(threads or os.cpu_count() or 1, count_saturation)

    @property
    def plan(self) -> list[Step]:
        return self._plan.steps

    @property
    def saturation(self) -> list[LayerSaturation]:
        """Per integer layer, in the order they run; empty unless `count_saturation` was asked for."""
        return [
            LayerSaturation(name, tally.pairs, tally.count.pairs, tally.count.overflow, tally.provably_safe, tally.weight_bits)
            for name, tally in self._workers.tallies.items()
        ]

    @np.errstate(all="ignore")
    def run(self, inputs: Inputs, *, observer: Observer | None = None) -> dict[str, np.ndarray]:
        """Outputs by name, as `Interpreter.run`; the observer sees the observed tensors as they are made."""
        values = {**self._plan.constants, **bind_inputs(self.graph, inputs)}
        if observer is not None:
            for parameter in self.graph.inputs:
                if parameter.output in self._observed:
                    observer(parameter.output, values[parameter.output])
        for step in self._plan.steps:
            outputs = step.run(*(values[t] for t in step.inputs), workers=self._workers)
            for tensor, value in zip(step.outputs, outputs, strict=True):
                values[tensor] = value
                if observer is not None and tensor in self._observed:
                    observer(tensor, value)
            for tensor in step.last_uses:
                del values[tensor]
        return {result.name: np.asarray(values[result.inputs[0]], order="C") for result in self.graph.outputs}
