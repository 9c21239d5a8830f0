"""Choose the order in which a plan runs, and the memory that it uses.

Steps that have rows follow each other in one compiled call, a *stretch*; it ends where a NumPy definition or
an observer comes between, and where the first axis becomes another, because the images of a stretch go
through its steps in slices. What lives only within a stretch shares one arena, each slot beginning where
nobody needs the bytes any more; what crosses its ends has an array of its own, for all images.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from numpot.kernels.layout.weight_packing import round_up
from numpot.kernels.program.step import STEP

from ..graph import Graph, Tensor
from .step import Plan, Step
from .steps.tensor_slots import ALIGNMENT

CACHED = 1 << 20  # bytes of slots that stay in a processor's second-level cache, weights beside them
MOST_IMAGES = 1024  # that go through a stretch together
ENOUGH = 32  # images that share the reading of weights; more are not worth another stretch


@dataclass
class Stretch:
    """Steps first .. stop of the program, one compiled call. images: of all its steps; chunk: that go through
    it together.
    """

    first: int
    stop: int
    images: int
    chunk: int = 1
    # slot -> where it begins in the arena, in bytes of one image
    offsets: dict[int, int] = field(default_factory=dict)
    arena_bytes: int = 0  # of one image
    # its other slots, which have arrays of their own -> bytes of one image
    crossing: dict[int, int] = field(default_factory=dict)

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
    """items: stretches, single steps that have a definition, and tensors to show to the observer, in the
    order they come.

    own: slots that need an array of their own, for the whole batch, and the first tensor of each; an image
    that was turned has none.
    """

    items: list[Stretch | Step | Tensor]
    program: np.ndarray  # (rows,) STEP
    own: dict[int, Tensor | None]
    scratch: int  # bytes a thread needs besides


def make_schedule(plan: Plan, graph: Graph, observed: set[Tensor]) -> Schedule:
    """Stretches also end where from there on more images can go together."""
    # what to show when a tensor is made: itself, and those that are its memory
    shown: dict[Tensor, list[Tensor]] = {}
    for tensor in observed:
        origin = tensor
        while origin in plan.aliases:
            origin = plan.aliases[origin]
        shown.setdefault(origin, []).append(tensor)
    items: list[Stretch | Step | Tensor] = [t for p in graph.inputs for t in shown.get(p.output, [])]
    rows: list[Step] = []
    ends = _ends([step for step in plan.steps if step.row], plan)
    for i, step in enumerate(plan.steps):
        if step.define:
            items.append(step)
        else:
            rows.append(step)
            last = items[-1] if items else None
            if isinstance(last, Stretch) and len(rows) - 1 not in ends and last.images == step.images:
                last.stop = len(rows)
            else:
                items.append(Stretch(len(rows) - 1, len(rows), step.images))
        # a Concat and a transposed convolution are several steps
        if [s.outputs for s in plan.steps[i + 1 : i + 2]] != [step.outputs]:
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


def _ends(rows: list[Step], plan: Plan) -> set[int]:
    """Where stretches end because from there on to the last row twice as many images, or more, can go
    together.
    """
    chunks = [min(_images_together(step, plan), ENOUGH, max(step.images, 1)) for step in rows]
    ends, chunk = set(), min(chunks, default=1)
    for i in range(len(rows)):
        rest = min(chunks[i:])
        if rest >= 2 * chunk:
            ends.add(i)
            chunk = rest
    return ends


def _images_together(step: Step, plan: Plan) -> int:
    """So many that what the step reads and writes stays in the cache, or takes as long to bring there as its
    weights.

    A step without weights may do with less of it: it has little to lose, and those around it many weights to
    share.
    """
    assert step.row is not None
    weights = sum(array.nbytes for array in step.row.constants.values())
    image = sum(plan.slots.slots[slot].bytes for slot in set(step.slots)) // max(step.images, 1)
    return min(max(max(CACHED if weights else 4 * CACHED, weights) // max(image, 1), 1), MOST_IMAGES)


def _own(
    plan: Plan, graph: Graph, items: list[Stretch | Step | Tensor], rows: list[Step]
) -> dict[int, Tensor | None]:
    """The slots that somebody outside of one stretch reads or writes."""
    seen: dict[int, int] = {}  # slot -> number of the one item that uses it
    own: dict[int, Tensor | None] = {}
    tensors = {number: tensor for tensor, number in reversed(plan.slots.numbers.items())}
    own.update({number: tensor for tensor, number in plan.results.items()})
    outside = [t for p in graph.inputs for t in p.outputs]
    outside += [t for r in graph.outputs for t in r.inputs if t not in plan.results]
    for i, item in enumerate(items):
        if isinstance(item, Stretch):
            for slot in {s for step in rows[item.first : item.stop] for s in step.slots}:
                if seen.setdefault(slot, i) != i:
                    own[slot] = tensors.get(slot)
        else:
            outside += [item] if isinstance(item, Tensor) else [*item.inputs, *item.outputs]
    own.update({slot: tensor for tensor, (slot, _) in plan.swept.items()})
    own.update(
        {plan.slots.numbers[t]: tensors[plan.slots.numbers[t]] for t in outside if t in plan.slots.numbers}
    )
    return own


def _place(stretch: Stretch, rows: list[Step], plan: Plan, own: set[int]) -> None:
    """Give every slot of the stretch that is not its own array a place in the arena: the lowest that is free
    while it lives.
    """
    lives: dict[int, list[int]] = {}  # slot -> first and last step
    for i in range(stretch.first, stretch.stop):
        for slot in set(rows[i].slots) - own:
            lives.setdefault(slot, [i, i])[1] = i
    images, slots = max(stretch.images, 1), plan.slots.slots
    crossing = own.intersection(slot for step in rows[stretch.first : stretch.stop] for slot in step.slots)
    stretch.crossing = {slot: slots[slot].bytes // images for slot in crossing}
    placed: list[tuple[int, int, int, int]] = []  # begin, end, first step, last step
    for slot, (first, last) in lives.items():
        size = round_up(slots[slot].bytes // images, ALIGNMENT)
        begin = 0
        for taken, end, since, until in sorted(placed):
            if since <= last and first <= until and taken < begin + size and begin < end:
                begin = end
        placed.append((begin, begin + size, first, last))
        stretch.offsets[slot] = begin
    stretch.arena_bytes = max((end for _, end, _, _ in placed), default=0)
    stretch.chunk = min(_images_together(step, plan) for step in rows[stretch.first : stretch.stop])
