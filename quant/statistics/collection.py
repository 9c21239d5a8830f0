"""Run the model over the samples, in batches, and feed its tensors to the collectors.

Nothing is kept of a sample but what it adds to the statistics; these may be kept on disk while they grow
(cache.py).
"""

import copy
import functools
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from numpot.ir.graph import Graph, Tensor

from ..data.input_ranges import InputRange
from ..data.loader import DataLoader
from ..data.sources import Batch, Subset, batches, fixed_batch
from ..layers.free_batch import with_free_batch
from ..parallel.pool import Alone, Pool, pieces
from ..parallel.progress import Advance, track
from .cache import StatisticsCache
from .statistic import Collector, collect, executor_for, must_be_seen

PIECE: Final = 16  # samples that a worker takes at once
# of tensors that are handed out, at once; more would take memory and save no time
OBSERVED_BYTES: Final = 2**27
Wanted = Mapping[Tensor, list[Collector]]
Piece = tuple[range, list[list[bool]]]


@dataclass(frozen=True)
class Samples:
    """What to calibrate with, and how. batch_size: samples in flight, at most; results do not depend on it,
    nor on who runs the model.

    cache: None to keep nothing on disk. inputs: the range of each input, where all samples have been read
    once.
    """

    loader: DataLoader
    batch_size: int
    progress: bool
    cache: StatisticsCache | None
    pool: Pool
    inputs: Mapping[str, InputRange] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.loader)

    def run(self, model: Graph, wanted: Wanted, description: str) -> None:
        """Fill the collectors, which are new; those that the cache has filled already cost nothing.

        All wanted tensors are observed, filled or not, so that the model runs as it would have run at once.
        """
        alone = isinstance(self.pool, Alone)
        empty = [] if alone else copy.deepcopy(list(wanted.values()))
        saved = self.cache.restore(model, wanted) if self.cache and wanted else None
        seen = min((c.count for collectors in wanted.values() for c in collectors), default=len(self))
        if seen == len(self):
            return
        model, wanted = _to_run(model, wanted)
        after, batch_size = (
            saved.save_if_due if saved else _nothing,
            in_flight(self.batch_size, [t for t in wanted if must_be_seen(t, wanted)]),
        )
        with track(len(self) - seen, description, quiet=not self.progress) as advance:
            if alone:
                seen -= seen % (fixed_batch(model) or 1)
                rest = Subset(self.loader, range(seen, len(self)))
                inputs = _advancing(batches(rest, model, batch_size), advance)
                collect(model, inputs, wanted, first=seen, after_batch=after)
            else:
                for done in self._share(model, wanted, empty, batch_size):
                    advance(done)
                    after()
        if saved:
            saved.save()

    def _share(
        self, model: Graph, wanted: Wanted, empty: list[list[Collector]], batch_size: int
    ) -> Iterator[int]:
        """Have workers collect, and merge; yields the number of samples of each piece. empty: such collectors
        as new ones.
        """
        places = [(tensor.producer.name, tensor.index) for tensor in wanted]
        work = functools.partial(_Collecting, places, batch_size)
        cut = _pieces(wanted, len(self), fixed_batch(model) or batch_size)
        for (piece, _), found in zip(cut, self.pool.map(work, (model, empty, self.loader), cut), strict=True):
            for mine, theirs in zip(wanted.values(), found, strict=True):
                for collector, other in zip(mine, theirs, strict=True):
                    collector.merge(other)
            yield len(piece)


class _Collecting:
    """Collects of one piece of the samples after the other. places: of the tensors, as (name of the node,
    which of its outputs).
    """

    def __init__(
        self,
        places: Sequence[tuple[str, int]],
        batch_size: int,
        model: Graph,
        empty: list[list[Collector]],
        loader: DataLoader,
    ) -> None:
        self._model, self._empty, self._loader, self._batch_size = model, empty, loader, batch_size
        self._tensors = [model.nodes[name].outputs[index] for name, index in places]
        self._executor = executor_for(model, dict(zip(self._tensors, empty, strict=True)), threads=1)

    def __call__(self, piece: Piece) -> list[list[Collector]]:
        numbers, is_new = piece
        found = copy.deepcopy(self._empty)
        taking = [
            [c for c, new in zip(*pair, strict=True) if new] for pair in zip(found, is_new, strict=True)
        ]
        inputs = (
            batch.inputs for batch in batches(Subset(self._loader, numbers), self._model, self._batch_size)
        )
        collect(
            self._model,
            inputs,
            dict(zip(self._tensors, taking, strict=True)),
            first=numbers.start,
            executor=self._executor,
        )
        return found


def _pieces(wanted: Wanted, count: int, batch: int) -> list[Piece]:
    """Samples, and for each collector of each tensor whether they are new to it. A piece ends where a
    collector begins that saw more.
    """
    seen = sorted({c.count for collectors in wanted.values() for c in collectors} | {count})
    cut = [piece for first, end in itertools.pairwise(seen) for piece in pieces(first, end, PIECE, batch)]
    return [
        (piece, [[c.count <= piece.start for c in collectors] for collectors in wanted.values()])
        for piece in cut
    ]


def _advancing(source: Iterable[Batch], advance: Advance) -> Iterator[Mapping[str, np.ndarray]]:
    for batch in source:
        yield batch.inputs
        advance(len(batch.indices))


def _nothing() -> None:
    pass


def _to_run(model: Graph, wanted: Wanted) -> tuple[Graph, Wanted]:
    """A copy that computes nothing but what is observed, with a free batch if it may have one; and its
    tensors.
    """
    twin = with_free_batch(model).copy()
    for result in list(twin.outputs):
        twin.remove(result)
    return twin, {
        twin.nodes[t.producer.name].outputs[t.index]: collectors for t, collectors in wanted.items()
    }


def in_flight(batch_size: int, observed: Iterable[Tensor]) -> int:
    """Fewer samples at once where what is observed of one is large: many cost memory then, and
    save no time.
    """
    return min(batch_size, max(OBSERVED_BYTES // max(bytes_of_one(observed), 1), 1))


def bytes_of_one(tensors: Iterable[Tensor]) -> int:
    """What tensors take of one sample."""
    return sum(math.prod(abs(d) for d in t.shape) * t.dtype.itemsize for t in tensors)
