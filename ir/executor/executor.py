"""Run a graph by a plan of kernels: the same results as the interpreter, but fast.

Integers are equal to the interpreter's bit for bit; float32 layers to within rounding, because sums are taken
in another order.
"""

import os
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..errors import AnyPath
from ..formats.model_files import as_graph
from ..graph import Graph, Tensor
from ..inputs import bind_inputs, ports
from ..interpreter import Inputs, Observer
from ..lowering.lower import Arithmetic, for_arithmetic
from ..run.options import check_arithmetic, check_flag, check_observer, check_threads, tensors
from ..run.specialization import Shapes
from ..shape_inference import fix_batch
from .compiled import Compiled, Model
from .saturation_counts import LayerSaturation, Tallies
from .step import Step
from .workers import Workers

MOST_SHAPES = 8  # for which a graph stays compiled


class Executor:
    """Run a graph on compiled kernels. It is compiled when it first runs on inputs of given shapes, and again
    for other shapes. `plan` lists its steps.

    arithmetic: as for Interpreter. threads: the largest number of threads; by default one per core that the
    process may use. observe: tensors of `graph` that the observer gets. sweep: tensors of which only extremes
    and sums are needed, if they `can_be_swept`; read `swept` afterwards. count_saturation: count, in
    every integer layer, the pairs of products that clip (or would clip, in exact arithmetic); read
    `saturation` afterwards.

    A run reuses the memory of the last one, so runs of several threads wait for each other; give each thread
    an Executor of its own. It can be pickled; it is stored as its graph and arguments.
    """

    def __init__(
        self,
        graph: Graph | AnyPath,
        *,
        arithmetic: Arithmetic = "exact",
        threads: int | None = None,
        observe: Iterable[Tensor] = (),
        sweep: Iterable[Tensor] = (),
        count_saturation: bool = False,
    ) -> None:
        graph = for_arithmetic(as_graph(graph), check_arithmetic(arithmetic))
        check_threads(threads)
        self._prepare(
            graph,
            threads,
            tensors("observe", observe),
            tensors("sweep", sweep),
            check_flag("count_saturation", count_saturation),
        )

    def _prepare(
        self,
        graph: Graph,
        threads: int | None,
        observe: set[Tensor],
        sweep: set[Tensor],
        count_saturation: bool,
    ) -> None:
        self.graph = graph
        tallies = Tallies() if count_saturation else None
        self._arguments = threads, count_saturation
        self._model = Model(graph, observe, sweep, threads or available_cores(), tallies)
        self._workers = Workers(self._model.threads, tallies)
        self._ports = ports(graph)
        self._compiled: OrderedDict[Shapes, Compiled] = OrderedDict()  # the last one used is the last
        self._swept: dict[Tensor, np.ndarray] = {}

    def __getstate__(self) -> dict[str, Any]:
        observe, sweep = (
            [(t.producer.name, t.index) for t in tensors]
            for tensors in (self._model.observed, self._model.swept)
        )
        return {"graph": self.graph, "observe": observe, "sweep": sweep, "arguments": self._arguments}

    def __setstate__(self, state: dict[str, Any]) -> None:
        graph, (threads, count_saturation) = state["graph"], state["arguments"]
        observe, sweep = (
            {graph.nodes[name].outputs[index] for name, index in state[key]} for key in ("observe", "sweep")
        )
        self._prepare(graph, threads, observe, sweep, count_saturation)

    @property
    def plan(self) -> list[Step]:
        """The plan of the last run; before the first run, the plan for one image."""
        return self.compiled.plan.steps

    @property
    def compiled(self) -> Compiled:
        """The graph compiled for the shapes of the last run; before the first one, for one image."""
        if self._compiled:
            return next(reversed(self._compiled.values()))
        return self._for(tuple(fix_batch(port.shape, 1) for port in self._ports))

    @property
    def saturation(self) -> list[LayerSaturation]:
        """Return the counts of each integer layer, in their order; empty without `count_saturation`."""
        return self._model.tallies.layers if self._model.tallies else []

    def run(self, inputs: Inputs, *, observer: Observer | None = None) -> dict[str, np.ndarray]:
        """Run the graph and return its outputs by name, as `Interpreter.run` does; the observer gets the
        observed tensors as they are computed.

        Raises GraphError for inputs that are missing, do not fit, or have shapes or contents that a layer
        cannot take.
        """
        check_observer(observer)
        arrays = list(bind_inputs(self._ports, inputs).values())
        with self._workers.turn:
            compiled = self._for(tuple(array.shape for array in arrays))
            outputs, self._swept = compiled.run(arrays, self._workers, observer)
            if self._model.tallies:
                self._model.tallies.ran(compiled.plan.steps)
        return outputs

    def _for(self, shapes: Shapes) -> Compiled:
        """The graph compiled for inputs of these shapes, kept for the next run."""
        if shapes not in self._compiled:
            self._compiled[shapes] = Compiled(self._model, shapes)
            if len(self._compiled) > MOST_SHAPES:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(shapes)
        return self._compiled[shapes]

    @property
    def sweeps(self) -> Iterable[Tensor]:
        """The tensors that are swept, in the order they were made in the last run."""
        return self._swept

    def swept(self, tensor: Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(N,C) f32 least, (N,C) f32 largest, (N,C) f64 sum of the channels of each image of the last run;
        see kernels/statistics/min_max_sum.py.
        """
        found = self._swept[tensor]
        sums = np.ascontiguousarray(found[:, 2:]).reshape(len(found), -1).view(np.float64)
        return found[:, 0], found[:, 1], sums


def available_cores() -> int:
    """Cores that this process may use; a container or taskset may leave it fewer than the machine has, and
    then threads are in the way.
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
