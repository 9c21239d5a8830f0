"""Compute the cost of each group of layers in float, in the unit that the user chose, so that accuracy is
bought where it costs least speed.

multiply-adds   integer products that become float ones; the same on any machine
bytes           what the weights take more
time            seconds that the executor takes more for one batch of samples, measured here and now
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from numpot.ir.graph import Graph

from ..assembly import Assembly
from ..settings.accuracy_aware_options import Cost
from .evaluators.evaluator import Scores
from .evaluators.journal import Journal
from .layer_groups import Group, multiply_adds, variant

if TYPE_CHECKING:
    from numpot.ir.executor.executor import Executor

ROUNDS: Final = 7  # runs of each model; the shortest counts, for others can only lengthen one


def priced(
    groups: Sequence[Group],
    cost: Cost,
    assembly: Assembly,
    inputs: Mapping[str, np.ndarray],
    journal: Journal,
) -> list[Group]:
    """The groups with their costs. inputs: a batch to run, for `time`, which a run that was killed takes from
    the journal again.
    """
    nodes = assembly.prepared.nodes
    if cost == "multiply-adds":
        return [replace(g, cost=float(sum(multiply_adds(nodes[name]) for name in g.layers))) for g in groups]
    if cost == "bytes":
        growth = {
            q.name: 3 * q.tensor.constant.size
            for q in assembly.quantizers
            if q.is_weight and q.tensor.constant is not None
        }
        return [replace(g, cost=float(sum(growth.get(name, 0) for name in g.quantizers))) for g in groups]
    known = journal["cost: time"]
    if known is None:
        known = Scores(_seconds(groups, assembly, inputs), {})
        journal.add("cost: time", known)
    return [replace(g, cost=known.values[g.name]) for g in groups]


def _seconds(
    groups: Sequence[Group], assembly: Assembly, inputs: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """Return by how many seconds the int8 model runs longer without each group."""
    int8 = assembly.build()
    times = {g.name: run_seconds([int8, assembly.build(variant([g]))], inputs) for g in groups}
    return {name: max(mixed - quantized, 0.0) for name, (quantized, mixed) in times.items()}


def run_seconds(models: Sequence[Graph], inputs: Mapping[str, np.ndarray]) -> list[float]:
    """Return the seconds of one run of each model. The models run in turns, so that all have the same
    conditions.
    """
    from numpot.ir.executor.executor import Executor  # numba: imported where it is used

    executors = [Executor(model) for model in models]
    times = np.array([[_timed(executor, inputs) for executor in executors] for _ in range(ROUNDS + 1)])
    return times[1:].min(axis=0).tolist()  # the first round compiles


def _timed(executor: "Executor", inputs: Mapping[str, np.ndarray]) -> float:
    start = time.perf_counter()
    executor.run(dict(inputs))
    return time.perf_counter() - start
