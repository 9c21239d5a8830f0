"""The samples of a run: read in batches, through the model, into collectors.

Nothing is kept of a sample but what it adds to the statistics; these may be kept on disk while they grow (statistics_cache.py).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from numpot.ir.graph import Graph, Tensor

from .data import DataLoader, Subset, batches, fixed_batch
from .free_batch import with_free_batch
from .progress import track
from .statistics import Collector, collect
from .statistics_cache import StatisticsCache


@dataclass(frozen=True)
class Samples:
    """What to calibrate with, and how. batch_size: samples in flight; results do not depend on it. cache: None to keep nothing on disk."""

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
        collect(free, self._inputs(free, seen, description), twins, first=seen, after_batch=saved.save_if_due if saved else None)
        if saved:
            saved.save()

    def _inputs(self, model: Graph, first: int, description: str) -> Iterator[Mapping[str, np.ndarray]]:
        rest = Subset(self.loader, range(first, len(self)))
        with track(len(rest), description, quiet=not self.progress) as advance:
            for batch in batches(rest, model, self.batch_size):
                yield batch.inputs
                advance(len(batch.indices))


def _without_results(model: Graph) -> Graph:
    """A copy that computes nothing but what is observed."""
    twin = model.copy()
    for result in list(twin.outputs):
        twin.remove(result)
    return twin
