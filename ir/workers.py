"""Threads that share a layer by slices of its batch, and the tallies they keep of saturation."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from numpot.kernels.saturation import SaturationCount


@dataclass
class Tally:
    """Saturation in one integer layer, over all runs so far."""

    count: SaturationCount
    provably_safe: bool
    weight_bits: np.ndarray
    pairs: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, count: SaturationCount, pairs: int) -> None:
        with self.lock:
            self.pairs += pairs
            self.count.pairs[:] += count.pairs
            np.maximum(self.count.overflow, count.overflow, out=self.count.overflow)


class Workers:
    """What a step needs besides its arrays. tallies: by layer, filled only if `counting`."""

    def __init__(self, threads: int, counting: bool) -> None:
        self.threads = threads
        self.counting = counting
        self.tallies: dict[str, Tally] = {}
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def split(self, batch: int, work: Callable[[slice], None]) -> None:
        """Call work(slice) for slices that together cover range(batch), on as many threads as there are images."""
        parts = min(self.threads, batch)
        if self._pool is None or parts < 2:
            work(slice(0, batch))
            return
        edges = [batch * i // parts for i in range(parts + 1)]
        for _ in self._pool.map(work, [slice(a, b) for a, b in zip(edges, edges[1:], strict=False)]):
            pass
