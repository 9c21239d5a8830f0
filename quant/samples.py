"""The samples of a run: read in batches, through the model, into collectors.

Nothing is kept of a sample but what it adds to the statistics; these may be kept on disk while they grow (statistics_cache.py).
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from numpot.ir.graph import Graph, Tensor

from .data import DataLoader, Subset, batches, fixed_batch
from .free_batch import with_free_batch
from .progress import track
from .statistics import Collector, collect
from .statistics_cache import StatisticsCache

OBSERVED_BYTES = 2**27  # of observed tensors at once; EfficientNet-Lite0 then runs 2 pictures at once: 0.5 of the memory of 8, equal time


@dataclass(frozen=True)
class Samples:
    """What to calibrate with, and how. batch_size: samples in flight, at most; results do not depend on it.
    cache: None to keep nothing on disk."""

    loader: DataLoader
    batch_size: int
    progress: bool
    cache: StatisticsCache | None

    def __len__(self) -> int:
        return len(self.loader)

    def run(self, model: Graph, wanted: Mapping[Tensor, list[Collector]], description: str) -> None:
        """Fill the collectors; those that the cache has filled already cost nothing.

        All wanted tensors are observed, filled or not, so that the model runs as it would have run at once.
        """
        saved = self.cache.restore(model, wanted) if self.cache and wanted else None
        seen = min((c.count for collectors in wanted.values() for c in collectors), default=len(self))
        if seen == len(self):
            return
        seen -= seen % (fixed_batch(model) or 1)
        free = _without_results(with_free_batch(model))
        twins = {free.nodes[tensor.producer.name].outputs[tensor.index]: collectors for tensor, collectors in wanted.items()}
        collect(
            free,
            self._inputs(free, seen, _in_flight(self.batch_size, twins), description),
            twins,
            first=seen,
            after_batch=saved.save_if_due if saved else None,
        )
        if saved:
            saved.save()

    def _inputs(self, model: Graph, first: int, batch_size: int, description: str) -> Iterator[Mapping[str, np.ndarray]]:
        rest = Subset(self.loader, range(first, len(self)))
        with track(len(rest), description, quiet=not self.progress) as advance:
            for batch in batches(rest, model, batch_size):
                yield batch.inputs
                advance(len(batch.indices))


def _in_flight(batch_size: int, observed: Iterable[Tensor]) -> int:
    """Fewer samples at once where what is observed of one is large: many cost memory then, and save no time."""
    of_one = sum(math.prod(abs(d) for d in t.shape) * t.dtype.itemsize for t in observed)
    return min(batch_size, max(OBSERVED_BYTES // max(of_one, 1), 1))


def _without_results(model: Graph) -> Graph:
    """A copy that computes nothing but what is observed."""
    twin = model.copy()
    for result in list(twin.outputs):
        twin.remove(result)
    return twin
