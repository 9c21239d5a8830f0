"""The order in which a plan runs, and the memory it runs in.

Steps that have rows follow each other in one compiled call, a *stretch*; it ends where a NumPy definition or an observer comes between.
What lives only within a stretch shares one arena, each slot beginning where nobody needs the bytes any more; what crosses its ends has
an array of its own, for the whole batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

import numpy as np

from numpot.kernels.packing import round_up
from numpot.kernels.steps import STEP

from .graph import Graph, Tensor
from .plan import Plan, Step
from .slots import ALIGNMENT

CACHED = 1 << 20  # bytes of slots that stay in a processor's second-level cache
MOST_IMAGES = 32  # that go through a stretch together
SPLIT = 2  # a stretch is split where so many times as many images fit


@dataclass
class Stretch:
    """Steps first .. stop of the program, one compiled call. chunk: images that go through it together."""

    first: int
    stop: int
    chunk: int = 1
    offsets: dict[int, int] = field(default_factory=dict)  # slot -> where it begins in the arena, in bytes of one image
    arena_bytes: int = 0  # of one image
    crossing: tuple[int, ...] = ()  # its other slots, which have arrays of their own

    @cached_property
    def local(self) -> np.ndarray:
        """The slots in the arena, s64."""
        return np.array(list(self.offsets), np.int64)

    @cached_property
    def begins(self) -> np.ndarray:
        """Where they begin, s64."""
        return np.array(list(self.offsets.values()), np.int64)


@dataclass
class Schedule:
    """items: stretches, single steps that have a definition, and tensors to show to the observer, in the order they come.

    own: slots that need an array of their own, for the whole batch, by their first tensor.
    """

    items: list[Stretch | Step | Tensor]
    program: np.ndarray  # (rows,) STEP
    own: dict[int, Tensor]
    scratch: int  # bytes a thread needs besides


def make_schedule(plan: Plan, graph: Graph, observed: set[Tensor]) -> Schedule:
    shown: dict[Tensor, list[Tensor]] = {}  # what to show when a tensor is made: itself, and those that are its memory
    for tensor in observed:
        origin = tensor
        while origin in plan.aliases:
            origin = plan.aliases[origin]
        shown.setdefault(origin, []).append(tensor)
    items: list[Stretch | Step | Tensor] = [t for p in graph.inputs for t in shown.get(p.output, [])]
    rows: list[Step] = []
    narrower = _where_images_become_small(plan)
    for i, step in enumerate(plan.steps):
        if step.define:
            items.append(step)
        else:
            rows.append(step)
            last = items[-1] if items else None
            if isinstance(last, Stretch) and i not in narrower:
                last.stop = len(rows)
            else:
                items.append(Stretch(len(rows) - 1, len(rows)))
        if [s.outputs for s in plan.steps[i + 1 : i + 2]] != [step.outputs]:  # a Concat is several steps
            items += [t for made in step.outputs for t in shown.get(made, [])]
    program = np.zeros(len(rows), STEP)
    for i, step in enumerate(rows):
        assert step.row is not None
        program[i] = step.row.record
    own = _own(plan, graph, items, rows)
    for item in items:
        if isinstance(item, Stretch):
            _place(item, rows, plan, set(own))
    return Schedule(items, program, own, max((s.scratch for s in rows), default=0))


def _where_images_become_small(plan: Plan) -> set[int]:
    """Numbers of the steps from which on, to the end, at least SPLIT times as many images go through together as before.

    There a stretch ends: behind it, many images share one reading of the weights, which are large where images are small.
    """
    chunks = [_chunk(plan, [step]) if step.row else MOST_IMAGES for step in plan.steps]
    behind = list(accumulate(reversed(chunks), min))[::-1]
    found, before = set(), behind[0] if behind else 0
    for i, chunk in enumerate(behind):
        if chunk >= SPLIT * before:
            found.add(i)
            before = chunk
    return found


def _chunk(plan: Plan, steps: Sequence[Step]) -> int:
    """How many images go through these steps together."""
    widest = max(sum(plan.slots.slots[s].image_bytes for s in set(step.slots)) for step in steps)
    return min(max(CACHED // max(widest, 1), 1), MOST_IMAGES)


def _own(plan: Plan, graph: Graph, items: list[Stretch | Step | Tensor], rows: list[Step]) -> dict[int, Tensor]:
    """The slots that somebody outside of one stretch reads or writes."""
    seen: dict[int, int] = {}  # slot -> number of the one item that uses it
    own: dict[int, Tensor] = {}
    tensors = {number: tensor for tensor, number in reversed(plan.slots.numbers.items())}
    outside = [t for p in graph.inputs for t in p.outputs] + [t for r in graph.outputs for t in r.inputs]
    for i, item in enumerate(items):
        if isinstance(item, Stretch):
            for slot in {s for step in rows[item.first : item.stop] for s in step.slots}:
                if seen.setdefault(slot, i) != i:
                    own[slot] = tensors[slot]
        else:
            outside += [item] if isinstance(item, Tensor) else [*item.inputs, *item.outputs]
    own.update({slot: tensor for tensor, (slot, _) in plan.swept.items()})
    own.update({plan.slots.numbers[t]: tensors[plan.slots.numbers[t]] for t in outside if t in plan.slots.numbers})
    return own


def _place(stretch: Stretch, rows: list[Step], plan: Plan, own: set[int]) -> None:
    """Give every slot of the stretch that is not its own array a place in the arena: the lowest that is free while it lives."""
    lives: dict[int, list[int]] = {}  # slot -> first and last step
    for i in range(stretch.first, stretch.stop):
        for slot in set(rows[i].slots) - own:
            lives.setdefault(slot, [i, i])[1] = i
    stretch.crossing = tuple(own.intersection(slot for step in rows[stretch.first : stretch.stop] for slot in step.slots))
    placed: list[tuple[int, int, int, int]] = []  # begin, end, first step, last step
    for slot, (first, last) in lives.items():
        size = round_up(plan.slots.slots[slot].image_bytes, ALIGNMENT)
        begin = 0
        for taken, end, since, until in sorted(placed):
            if since <= last and first <= until and taken < begin + size and begin < end:
                begin = end
        placed.append((begin, begin + size, first, last))
        stretch.offsets[slot] = begin
    stretch.arena_bytes = max((end for _, end, _, _ in placed), default=0)
    stretch.chunk = _chunk(plan, rows[stretch.first : stretch.stop])
