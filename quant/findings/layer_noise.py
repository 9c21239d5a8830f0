"""Find layers whose outputs are mostly noise after quantization, on a few of the calibration samples.

Both models run in float, with every FakeQuantize in place, so nothing is compiled that calibration has not
compiled: integers differ from this by rounding, which does not matter at 3 dB. What that costs is in
docs/calibration.md.
"""

import logging
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from numpot.ir.errors import MemoryLimitError, counted
from numpot.ir.graph import Graph, Tensor

from ..data.loader import DataLoader
from ..data.sources import batches, fixed_batch
from ..layers.free_batch import with_free_batch
from ..statistics.collection import OBSERVED_BYTES, Samples, bytes_of_one, in_flight

if TYPE_CHECKING:
    from ..compare.points import Point

LOST_DB: Final = 3.0  # noise of half the signal's power: what comes out says little of what went in
MOST_SAMPLES: Final = 8

log = logging.getLogger("numpot")


def noisy_layers(int8: Graph, prepared: Graph, samples: Samples) -> list[dict[str, Any]]:
    """{"name", "sqnr_db"} of every layer below LOST_DB, in the order of computation.

    prepared: the float model whose channels are scaled as those of `int8` are. A layer's output is compared
    behind its bias and activation, each model on its own inputs; one that is zero on all samples has no
    signal, and is not judged.
    """
    from ..compare.points import points_in_common  # numba: imported where it is used

    points = [p for p in points_in_common(int8, prepared) if not p.is_output]
    groups = list(_groups(points, prepared))
    count = max(MOST_SAMPLES // max(len(groups), 1), 1)
    noise: dict[str, float] = {}
    for group in groups:
        try:
            noise |= _measured(int8, prepared, group, samples.loader, count, samples.batch_size)
        except MemoryLimitError as error:  # calibration needed less memory, and its result matters more
            log.warning("the noise of %s is not measured: %s", counted(len(group), "layer"), error)
    return [
        {"name": p.layer, "sqnr_db": round(noise[p.layer], 2)}
        for p in points
        if noise.get(p.layer, math.inf) < LOST_DB
    ]


def _groups(points: Sequence["Point"], prepared: Graph) -> Iterator[list["Point"]]:
    """Points whose tensors, of one sample and both models, may be held at once."""
    group: list[Point] = []
    held = 0
    for point in points:
        size = 2 * bytes_of_one([prepared.nodes[point.reference].output])
        if group and held + size > OBSERVED_BYTES:
            yield group
            group, held = [], 0
        group.append(point)
        held += size
    if group:
        yield group


def _measured(
    int8: Graph, prepared: Graph, points: Sequence["Point"], loader: DataLoader, count: int, batch_size: int
) -> dict[str, float]:
    """SQNR in dB by name of layer, of `count` samples; of those layers that have a signal."""
    quantized, plain = (
        _Observed(int8, [p.tensor for p in points]),
        _Observed(prepared, [p.reference for p in points]),
    )
    fixed = fixed_batch(plain.graph) or fixed_batch(quantized.graph)
    size = fixed or in_flight(batch_size, [prepared.nodes[p.reference].output for p in points] * 2)
    limit = min(-(-count // fixed) * fixed if fixed else count, len(loader))
    signal, noise = np.zeros(len(points)), np.zeros(len(points))
    for batch in batches(loader, quantized.graph, size, limit=limit):
        expected, made = plain.run(batch.inputs), quantized.run(batch.inputs)
        for i, point in enumerate(points):
            reference = expected[point.reference]
            signal[i] += _energy(reference)
            noise[i] += _energy(made[point.tensor] - reference)
    return {
        p.layer: _decibels(s, n) for p, s, n in zip(points, signal, noise, strict=True) if 0 < s < math.inf
    }


class _Observed:
    """A model with a free batch, if it may have one, of which some nodes' outputs are looked at, and no
    others computed.
    """

    def __init__(self, graph: Graph, nodes: Sequence[str]) -> None:
        from numpot.ir.executor.executor import Executor

        self.graph = with_free_batch(graph)
        twin = self.graph.copy()
        for result in list(twin.outputs):
            twin.remove(result)
        self._names = {twin.nodes[name].output: name for name in nodes}
        self._executor = Executor(twin, arithmetic="simulated", observe=self._names)

    def run(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        seen: dict[str, np.ndarray] = {}

        def look(tensor: Tensor, array: np.ndarray) -> None:
            seen[self._names[tensor]] = array.copy()  # the next layer may use its memory

        self._executor.run(inputs, observer=look)
        return seen


def _energy(x: np.ndarray) -> float:
    return float(np.square(x, dtype=np.float64).sum())


def _decibels(signal: float, noise: float) -> float:
    """-inf for noise that is not finite beside a signal that is."""
    if not noise < math.inf:
        return -math.inf
    return 10 * math.log10(signal / noise) if noise else math.inf
