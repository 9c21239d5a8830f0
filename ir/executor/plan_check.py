"""Check a plan before it runs: every step accesses only its own arrays, covers each of them, and reads only
what has been written.

Compiled code checks no index, so this is where a model is kept inside of its arrays, whatever builder made
the row. One look at each step, when the plan is made for inputs of certain shapes; a run has just these.
"""

from numpot.kernels.program.extent import Extent, extent
from numpot.kernels.program.step_kernels import Kernel

from ..errors import PlanError
from ..graph import Graph, Tensor
from .step import Plan, Step


def check_plan(plan: Plan, graph: Graph) -> None:
    """Raises PlanError, naming the step."""
    have: set[Tensor] = {*plan.constants, *(p.output for p in graph.inputs)}
    filled: dict[int, int] = {}  # slot -> bytes that have been written
    for parameter in graph.inputs:
        _fill(parameter.output, plan, filled)
    for step in plan.steps:
        if step.row is None:
            _require_made(step, plan, have, filled)
            have.update(step.outputs)
            for tensor in step.outputs:
                _fill(tensor, plan, filled)
        else:
            _check_row(step, plan, filled)


def _fill(tensor: Tensor, plan: Plan, filled: dict[int, int]) -> None:
    number = plan.slots.numbers.get(tensor)
    if number is not None:
        filled[number] = plan.slots.slots[number].bytes


def _require_made(step: Step, plan: Plan, have: set[Tensor], filled: dict[int, int]) -> None:
    """What a definition reads has been made by one, or lies in a slot that is full."""
    for tensor in step.inputs:
        number = plan.slots.numbers.get(tensor)
        if tensor not in have and (number is None or filled.get(number, 0) != plan.slots.slots[number].bytes):
            raise _fault(step, f"reads {tensor.name!r} before it is made")


def _check_row(step: Step, plan: Plan, filled: dict[int, int]) -> None:
    assert step.row is not None
    try:
        touched = extent(step.row)
    except ValueError as error:
        raise _fault(step, str(error)) from error
    record, slots = step.row.record, plan.slots.slots
    writes = [("out", touched.out)]
    reads = [("x", touched.x)]
    if touched.other:
        (writes if record["kernel"] == Kernel.CLIP_AND_MIN_MAX_SUM else reads).append(
            ("other", touched.other)
        )
    for name, size in reads + writes:
        slot = slots[record[name]]
        if size * step.images != slot.bytes:
            raise _fault(step, f"touches {size * step.images} bytes of {name}, which has {slot.bytes}")
    for name, _ in reads:
        if filled.get(int(record[name]), 0) != slots[record[name]].bytes:
            raise _fault(step, f"reads {name} before it is written")
    _count(step, touched, filled)


def _count(step: Step, touched: Extent, filled: dict[int, int]) -> None:
    """What a step has written: all of its output, or with the other parts of its layer all of it."""
    assert step.row is not None
    record = step.row.record
    if record["kernel"] == Kernel.CLIP_AND_MIN_MAX_SUM:
        filled[int(record["other"])] = touched.other * step.images
    out = int(record["out"])
    filled[out] = filled.get(out, 0) + touched.written * step.images


def _fault(step: Step, what: str) -> PlanError:
    return PlanError(
        f"layer {step.name!r}, step {step.kernel!r}: {what}. This is a fault of numpot, not of the "
        "model; Interpreter runs it"
    )
