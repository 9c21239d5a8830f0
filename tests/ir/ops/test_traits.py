"""What operators claim of themselves is tried on every case of the contract (cases_*.py)."""

import numpy as np
import pytest

from numpot.ir.errors import GraphError
from numpot.ir.ops import OPERATORS, OperatorError

from .battery import Case
from .test_contract import CASES, STRUCTURE

OFFSET, SCALE = 7, np.float32(0.5)  # real = (code - OFFSET) * SCALE, exact in float32


def data_ports(case: Case) -> list[int]:
    """The inputs that carry real numbers."""
    values = type(case.op).value_ports
    return [p for p, x in enumerate(case.inputs) if x.dtype == np.float32 and p not in values]


def evaluated(case: Case, inputs: list[np.ndarray]) -> list[np.ndarray]:
    with np.errstate(all="ignore"):
        found = case.op.evaluate(*inputs)
    return [np.asarray(y) for y in (found if isinstance(found, list) else [found])]


def computes_on_codes(case: Case, rng: np.random.Generator) -> bool:
    """Whether random codes give the codes of what the real numbers give."""
    codes, real = list(case.inputs), list(case.inputs)
    for port in data_ports(case):
        codes[port] = rng.integers(0, 256, case.inputs[port].shape).astype(np.uint8)
        real[port] = (codes[port] - np.float32(OFFSET)) * SCALE
    try:
        made = evaluated(case, codes)
    except (OperatorError, TypeError, ValueError, OverflowError):
        return False
    expected = evaluated(case, real)
    return all(
        y.dtype == np.uint8 and np.array_equal((y - np.float32(OFFSET)) * SCALE, r)
        for y, r in zip(made, expected, strict=True)
    )


@pytest.mark.parametrize("name", sorted(OPERATORS.keys() - STRUCTURE))
def test_who_claims_to_compute_on_codes_does_and_who_does_not_claim_does_not(name: str) -> None:
    cases = [case for case in CASES if case.op.type == name and data_ports(case)]
    rng = np.random.default_rng(0)
    held = {case.op.passes_codes(): [] for case in cases} | {True: [], False: []}
    for case in cases:
        held[case.op.passes_codes()] += [computes_on_codes(case, rng) for _ in range(3)]
    claims = OPERATORS[name].computes_on_codes or bool(held[True])
    assert all(held[True]), f"{name} claims to compute the same on codes"
    assert held[True] or not OPERATORS[name].computes_on_codes, (
        f"{name} claims it, and no case has real numbers"
    )
    if not claims and held[False]:
        assert not all(held[False]), f"{name} computes the same on codes; say so"


def one_by_one(case: Case) -> tuple[np.ndarray, np.ndarray] | None:
    """The output of a case of several samples, and those of its samples put together; None for a case in
    which the first dimension is no batch.
    """
    ports = [p for p in range(len(case.inputs)) if not case.is_constant(p)]
    outputs = evaluated(case, case.inputs)
    axis = getattr(case.op, "axis", None)
    if (
        not ports
        or not case.inputs[ports[0]].ndim
        or (axis is not None and axis % case.inputs[ports[0]].ndim == 0)
    ):
        return None
    count = case.inputs[ports[0]].shape[0]
    carry = [
        p for p in ports if case.inputs[p].ndim == case.inputs[ports[0]].ndim and len(case.inputs[p]) == count
    ]
    if count < 2 or any(y.shape[:1] != (count,) for y in outputs):
        return None
    found = []
    for i in range(count):
        inputs = [x[i : i + 1] if p in carry else x for p, x in enumerate(case.inputs)]
        try:
            found.append(evaluated(case, inputs))
        except (OperatorError, GraphError, ValueError):
            return None
        if any(a.shape != (1, *y.shape[1:]) for a, y in zip(found[-1], outputs, strict=True)):
            return None
    return outputs[0], np.concatenate([each[0] for each in found])


KEEPERS = sorted(n for n, op in OPERATORS.items() if op.keeps_to_a_sample and n not in STRUCTURE)


@pytest.mark.parametrize("name", KEEPERS)
def test_who_claims_to_keep_to_a_sample_does(name: str) -> None:
    pairs = [pair for case in CASES if case.op.type == name and (pair := one_by_one(case)) is not None]
    assert pairs, f"{name}: no case has two samples"
    for together, alone in pairs:
        np.testing.assert_allclose(alone, together, rtol=1e-5, atol=1e-5)
