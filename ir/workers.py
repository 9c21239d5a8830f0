"""Threads that run a stretch of a program: a slice of the batch each, or, where the batch is small, every step together."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from numpot.kernels.program import Worker, run_program
from numpot.kernels.saturation import SaturationCount
from numpot.kernels.share import LINE

from .plan import Plan
from .saturation import Tallies
from .schedule import Schedule, Stretch, arena


class Workers:
    """The threads of one Executor, and the memory that each keeps from run to run."""

    def __init__(self, threads: int, plan: Plan, schedule: Schedule, tallies: Tallies | None) -> None:
        self._program, self._tallies = schedule.program, tallies
        self._slot_bytes = np.array([slot.image_bytes for slot in plan.slots.slots], np.int64)
        self._pool = ThreadPoolExecutor(threads - 1) if threads > 1 else None
        self._memories = [arena(schedule.scratch) for _ in range(threads)]
        self._arenas: list[np.ndarray] = [np.empty(0, np.uint8)] * threads
        if tallies:
            for i, step in enumerate(s for s in plan.steps if s.row):
                assert step.row is not None
                self._program[i] = step.row.record

    def run(self, stretch: Stretch, memory: dict[int, np.ndarray], images: int) -> None:
        """memory: by slot, the arrays of those that have one of their own."""
        threads = len(self._memories)
        if not images:
            return
        if self._pool is None or images >= 2 * threads:
            edges = [images * i // threads for i in range(threads + 1)]
            self._together([self._job(stretch, memory, i, edges[i], edges[i + 1]) for i in range(threads)])
            return
        counters = np.zeros((len(self._program), LINE), np.int64)  # new ones: a thread still on its way from the last run finds no unit
        self._together([self._job(stretch, memory, i, 0, images, counters) for i in range(threads)], wait=self._tallies is not None)

    def _job(self, stretch, memory, i, begin, end, shared=None):  # type: ignore[no-untyped-def]
        chunk = min(stretch.chunk, end - begin) if shared is None else end
        owner = 0 if shared is not None else i
        size = stretch.arena_bytes * chunk
        if self._arenas[owner].size < size:
            self._arenas[owner] = arena(size)
        places = np.zeros((2, len(self._slot_bytes)), np.int64)
        base = self._arenas[owner].ctypes.data
        for slot, offset in stretch.offsets.items():
            places[0, slot] = base + offset * chunk
        for slot, array in memory.items():
            places[0, slot] = array.__array_interface__["data"][0]
            places[1, slot] = self._slot_bytes[slot]
        counters = np.zeros((len(self._program), LINE), np.int64) if shared is None else shared
        worker = Worker(np.zeros(len(self._slot_bytes), np.int64), self._memories[i], counters, 1 if shared is None else len(self._memories))
        count = SaturationCount.zeros(len(self._tallies.total.pairs)) if self._tallies else None
        return (self._program, stretch.first, stretch.stop, places, begin, end, chunk, worker, count)

    def _together(self, jobs, wait=True):  # type: ignore[no-untyped-def]
        jobs = [job for job in jobs if job[4] < job[5]]
        futures = [self._pool.submit(run_program, *job) for job in jobs[1:]] if self._pool else []
        run_program(*jobs[0])
        if wait:
            for future in futures:
                future.result()
        if self._tallies:
            for job in jobs:
                self._tallies.add(job[-1])

