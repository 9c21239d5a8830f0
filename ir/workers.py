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

from .plan import Plan
from .saturation import Tallies
from .schedule import Schedule, Stretch


class Job(NamedTuple):
    """What a thread is to do in a stretch: images begin .. end, `chunk` of them at a time. places: where tensors are."""

    stretch: Stretch
    places: np.ndarray
    begin: int
    end: int
    chunk: int
    worker: Worker


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
                self._tallies.add(job.worker.tally)

    def _work(self, job: Job) -> None:
        """A method, because a late thread still looks at the program and its constants, which live as long as this object."""
        frame, program, stretch = frame_of(job.worker), self._program, job.stretch
        run_program(program.ctypes.data, stretch.first, stretch.stop, job.places, *job[2:5], frame.ctypes.data)

    def _alone(self, stretch: Stretch, memory: dict[int, np.ndarray], thread: int, begin: int, end: int) -> Job:
        """A thread that takes the images begin .. end through all steps, with an arena and counters of its own."""
        chunk = min(stretch.chunk, end - begin)
        worker = self._worker(thread, _counters(self._program), 1)
        return Job(stretch, self._places(stretch, memory, thread, chunk), begin, end, chunk, worker)

    def _sharing(self, stretch: Stretch, memory: dict[int, np.ndarray], images: int) -> list[Job]:
        """Threads that do every step together. The counters are new: a thread still on its way from the last run finds no unit left."""
        places, counters = self._places(stretch, memory, 0, images), _counters(self._program)
        return [Job(stretch, places, 0, images, images, self._worker(i, counters, self._threads)) for i in range(self._threads)]

    def _worker(self, thread: int, counters: np.ndarray, threads: int) -> Worker:
        tensors = np.zeros(len(self._slot_bytes), np.int64)
        count = SaturationCount.zeros(len(self._tallies.total.pairs) if self._tallies else 0)
        return Worker(tensors, self._memories[thread], Share(counters, 0), threads, count)

    def _places(self, stretch: Stretch, memory: dict[int, np.ndarray], thread: int, chunk: int) -> np.ndarray:
        """(2,slots) s64: where the slots are, and the way from one image to the next (kernels/program.py)."""
        if self._arenas[thread].size < stretch.arena_bytes * chunk:
            self._arenas[thread] = aligned(stretch.arena_bytes * chunk, np.uint8)
        places = np.zeros((2, len(self._slot_bytes)), np.int64)
        places[0, stretch.local] = self._arenas[thread].ctypes.data + stretch.begins * chunk
        for slot in stretch.crossing:
            places[:, slot] = memory[slot].__array_interface__["data"][0], self._slot_bytes[slot]
        return places


def _counters(program: np.ndarray) -> np.ndarray:
    return np.zeros((len(program), LINE), np.int64)
