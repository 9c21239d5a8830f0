"""Run a stretch of a program on threads: each takes a slice of the images or, if there are few images, all
share every step.
"""

import os
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import NamedTuple

import numpy as np

from numpot.kernels.codegen.pointers import address_of
from numpot.kernels.codegen.work_sharing import LINE, WorkQueue
from numpot.kernels.layout.weight_packing import aligned
from numpot.kernels.program.program import link, run_program
from numpot.kernels.program.step_kernels import Worker, frame_of
from numpot.kernels.reference import Array
from numpot.kernels.saturation import SaturationCount

from .one_at_a_time import Turn
from .saturation_counts import Tallies
from .schedule import Schedule, Stretch
from .step import Plan


class Framed(NamedTuple):
    """A Worker, and the numbers by which compiled code knows it."""

    worker: Worker
    frame: Array


class Linked:
    """The program of a schedule, with the addresses of its kernels; it keeps all that compiled code reads
    alive.
    """

    def __init__(self, plan: Plan, schedule: Schedule) -> None:
        self.constants = plan.steps  # whose rows hold the arrays
        self.rows = schedule.program
        self.slots = len(plan.slots.slots)
        self.scratch = schedule.scratch
        self.loners: dict[int, Framed] = {}  # each thread when it shares nothing

    @cached_property
    def _linked(self) -> Array:
        """The rows with kernels that are compiled now if they never were."""
        linked = self.rows.copy()
        link(linked)
        return linked

    @cached_property
    def address(self) -> int:
        return address_of(self._linked)


class Job(NamedTuple):
    """What a thread is to do in a stretch: images begin .. end, `chunk` of them at a time. places: where
    tensors are.

    It holds what it looks at: a late thread still does when others have finished the stretch, and the
    Executor may be gone.
    """

    program: Linked
    stretch: Stretch
    places: Array
    begin: int
    end: int
    chunk: int
    by: Framed

    def do(self) -> None:
        first, stop = self.stretch.first, self.stretch.stop
        run_program(
            self.program.address,
            first,
            stop,
            self.places,
            self.begin,
            self.end,
            self.chunk,
            address_of(self.by.frame),
        )


class Workers:
    """The threads of one Executor, and the memory that each keeps from run to run, whatever the shapes."""

    def __init__(self, threads: int, tallies: Tallies | None) -> None:
        self._threads, self._tallies = threads, tallies
        self._memories = [aligned(0, np.uint8) for _ in range(threads)]
        self._arenas = [aligned(0, np.uint8)] * threads
        self.start()
        _of_this_process.add(self)

    def start(self) -> None:
        """Give this process threads and a turn of its own: a child that was forked has none of its parent's
        threads, and one of these may have had the turn.
        """
        self.turn = Turn()
        self._pool = ThreadPoolExecutor(self._threads - 1) if self._threads > 1 else None

    def run(self, program: Linked, stretch: Stretch, memory: dict[int, Array]) -> None:
        """memory: by slot, the arrays of those that have one of their own."""
        images = stretch.images
        if not images:
            return
        if self._pool is None or images >= 2 * self._threads:
            edges = [images * i // self._threads for i in range(self._threads + 1)]
            pairs = enumerate(zip(edges, edges[1:], strict=False))
            self._run([self._alone(program, stretch, memory, thread, *ends) for thread, ends in pairs])
        else:
            self._run(self._sharing(program, stretch, memory), late_ones_matter=self._tallies is not None)

    def _run(self, jobs: list[Job], *, late_ones_matter: bool = True) -> None:
        """A thread that shares steps and comes late finds nothing to do, and need not be waited for."""
        futures = [self._pool.submit(job.do) for job in jobs[1:]] if self._pool else []
        jobs[0].do()
        if late_ones_matter:
            for future in futures:
                future.result()
        if self._tallies:
            for job in jobs:
                self._tallies.add(job.by.worker.tally)

    def _alone(
        self, program: Linked, stretch: Stretch, memory: dict[int, Array], thread: int, begin: int, end: int
    ) -> Job:
        """A thread that takes the images begin .. end through all steps, with an arena and counters of its
        own.
        """
        chunk = min(stretch.chunk, end - begin)
        if thread not in program.loners:
            program.loners[thread] = self._framed(program, thread, _counters(program), 1)
        by = program.loners[thread]
        if self._tallies:
            by.worker.tally.pairs[:], by.worker.tally.overflow[:] = 0, 0
        return Job(
            program, stretch, self._places(program, stretch, memory, thread, chunk), begin, end, chunk, by
        )

    def _sharing(self, program: Linked, stretch: Stretch, memory: dict[int, Array]) -> list[Job]:
        """Threads that do every step together. The counters are new: a thread still on its way from the last
        run finds no unit left.
        """
        images = stretch.images
        places, counters = self._places(program, stretch, memory, 0, images), _counters(program)
        framed = [self._framed(program, thread, counters, self._threads) for thread in range(self._threads)]
        return [Job(program, stretch, places, 0, images, images, by) for by in framed]

    def _framed(self, program: Linked, thread: int, counters: Array, threads: int) -> Framed:
        if self._memories[thread].size < program.scratch:
            self._memories[thread] = aligned(program.scratch, np.uint8)
        tensors = np.zeros(program.slots, np.int64)
        tally = SaturationCount.zeros(self._tallies.channels if self._tallies else 0)
        worker = Worker(tensors, self._memories[thread], WorkQueue(counters, 0), threads, tally)
        return Framed(worker, frame_of(worker))

    def _places(
        self, program: Linked, stretch: Stretch, memory: dict[int, Array], thread: int, chunk: int
    ) -> Array:
        """(2,slots) s64: where the slots are, and the way from one image to the next
        (kernels/program/program.py).
        """
        if self._arenas[thread].size < stretch.arena_bytes * chunk:
            self._arenas[thread] = aligned(stretch.arena_bytes * chunk, np.uint8)
        places = np.zeros((2, program.slots), np.int64)
        places[0, stretch.local] = address_of(self._arenas[thread]) + stretch.begins * chunk
        for slot, image_bytes in stretch.crossing.items():
            places[:, slot] = address_of(memory[slot]), image_bytes
        return places


def _counters(program: Linked) -> Array:
    return np.zeros((len(program.rows), LINE), np.int64)


_of_this_process: "weakref.WeakSet[Workers]" = weakref.WeakSet()


def _start_again() -> None:
    for workers in _of_this_process:
        workers.start()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_again)
