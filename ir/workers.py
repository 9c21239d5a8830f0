"""Threads that run a stretch of a program: a slice of the batch each, or, where the batch is small, every step together."""

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import NamedTuple

import numpy as np

from numpot.kernels.kinds import Worker, frame_of
from numpot.kernels.packing import aligned
from numpot.kernels.program import link, run_program
from numpot.kernels.saturation import SaturationCount
from numpot.kernels.share import LINE, Share
from numpot.kernels.steps import address_of

from .plan import Plan
from .saturation import Tallies
from .schedule import Schedule, Stretch


class Framed(NamedTuple):
    """A Worker, and the numbers by which compiled code knows it."""

    worker: Worker
    frame: np.ndarray


class Job(NamedTuple):
    """What a thread is to do in a stretch: images begin .. end, `chunk` of them at a time. places: where tensors are."""

    stretch: Stretch
    places: np.ndarray
    begin: int
    end: int
    chunk: int
    by: Framed


class Workers:
    """The threads of one Executor, and the memory that each keeps from run to run."""

    def __init__(self, threads: int, plan: Plan, schedule: Schedule, tallies: Tallies | None) -> None:
        self._plan, self._rows, self._tallies = plan, schedule.program, tallies
        self._slot_bytes = np.array([slot.image_bytes for slot in plan.slots.slots], np.int64)
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads - 1) if threads > 1 else None
        self._memories = [aligned(schedule.scratch, np.uint8) for _ in range(threads)]
        self._arenas = [aligned(0, np.uint8)] * threads

    @cached_property
    def _program(self) -> np.ndarray:
        """The rows with the addresses of their kernels, which are compiled now if they never were."""
        program = self._rows.copy()
        link(program)
        return program

    @cached_property
    def _address(self) -> int:
        return address_of(self._program)

    @cached_property
    def _loners(self) -> list[Framed]:
        """Each thread when it shares nothing."""
        return [self._framed(thread, self._counters(), 1) for thread in range(self._threads)]

    def run(self, stretch: Stretch, memory: dict[int, np.ndarray], images: int) -> None:
        """memory: by slot, the arrays of those that have one of their own."""
        if not images:
            return
        if self._pool is None or images >= 2 * self._threads:
            edges = [images * i // self._threads for i in range(self._threads + 1)]
            self._run([self._alone(stretch, memory, i, *ends) for i, ends in enumerate(zip(edges, edges[1:], strict=False))])
        else:
            self._run(self._sharing(stretch, memory, images), late_ones_matter=self._tallies is not None)

    def _run(self, jobs: list[Job], *, late_ones_matter: bool = True) -> None:
        """A thread that shares steps and comes late finds nothing to do, and need not be waited for."""
        futures = [self._pool.submit(self._work, job) for job in jobs[1:]] if self._pool else []
        self._work(jobs[0])
        if late_ones_matter:
            for future in futures:
                future.result()
        if self._tallies:
            for job in jobs:
                self._tallies.add(job.by.worker.tally)

    def _work(self, job: Job) -> None:
        """A method, because a late thread still looks at the program and its constants, which live as long as this object."""
        stretch = job.stretch
        run_program(self._address, stretch.first, stretch.stop, *job[1:5], address_of(job.by.frame))

    def _alone(self, stretch: Stretch, memory: dict[int, np.ndarray], thread: int, begin: int, end: int) -> Job:
        """A thread that takes the images begin .. end through all steps, with an arena and counters of its own."""
        chunk = min(stretch.chunk, end - begin)
        by = self._loners[thread]
        if self._tallies:
            by.worker.tally.pairs[:], by.worker.tally.overflow[:] = 0, 0
        return Job(stretch, self._places(stretch, memory, thread, chunk), begin, end, chunk, by)

    def _sharing(self, stretch: Stretch, memory: dict[int, np.ndarray], images: int) -> list[Job]:
        """Threads that do every step together. The counters are new: a thread still on its way from the last run finds no unit left."""
        places, counters = self._places(stretch, memory, 0, images), self._counters()
        return [Job(stretch, places, 0, images, images, self._framed(i, counters, self._threads)) for i in range(self._threads)]

    def _framed(self, thread: int, counters: np.ndarray, threads: int) -> Framed:
        tensors = np.zeros(len(self._slot_bytes), np.int64)
        tally = SaturationCount.zeros(len(self._tallies.total.pairs) if self._tallies else 0)
        worker = Worker(tensors, self._memories[thread], Share(counters, 0), threads, tally)
        return Framed(worker, frame_of(worker))

    def _counters(self) -> np.ndarray:
        return np.zeros((len(self._rows), LINE), np.int64)

    def _places(self, stretch: Stretch, memory: dict[int, np.ndarray], thread: int, chunk: int) -> np.ndarray:
        """(2,slots) s64: where the slots are, and the way from one image to the next (kernels/program.py)."""
        if self._arenas[thread].size < stretch.arena_bytes * chunk:
            self._arenas[thread] = aligned(stretch.arena_bytes * chunk, np.uint8)
        places = np.zeros((2, len(self._slot_bytes)), np.int64)
        places[0, stretch.local] = address_of(self._arenas[thread]) + stretch.begins * chunk
        for slot in stretch.crossing:
            places[:, slot] = address_of(memory[slot]), self._slot_bytes[slot]
        return places
