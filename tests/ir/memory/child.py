"""Runs random graphs in guarded memory, interpreter against executor: python -m tests.ir.memory.child FIRST
STOP JOURNAL

Before each graph its seed is written to the journal, so that whoever finds this process dead knows why.
Prints a line for each fault.
"""

import json
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from numpot.ir.errors import NumpotError, PlanError
from numpot.ir.executor.executor import Executor
from numpot.ir.graph import Graph
from numpot.ir.interpreter import Interpreter
from numpot.ir.lowering.lower import Arithmetic, for_arithmetic

from .graphs import Case, case
from .guarded import guarded_copy, install

T = TypeVar("T")


def main() -> None:
    first, stop, journal = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    install()
    ends: Counter[str] = Counter()
    with journal.open("w") as file:
        for seed in range(first, stop):
            file.seek(0)
            file.write(f"{seed:12}")
            file.flush()
            ends[run(seed)] += 1
    print(json.dumps(ends))


def run(seed: int) -> str:
    """How a graph ended: `ran`, `refused` by both, or `fault`."""
    try:
        made = case(seed)
        return compare(seed, made)
    except Exception:
        print(f"fault {seed}: {traceback.format_exc(limit=-4)}".replace("\n", "\n    "), flush=True)
        return "fault"


def compare(seed: int, made: Case) -> str:
    """Raises AssertionError where the executor is not the interpreter."""
    arithmetic: Arithmetic = ("exact", "saturating", "simulated")[seed % 3]
    graph = attempt(lambda: for_arithmetic(made.graph, arithmetic))
    if isinstance(graph, str):
        return "refused"
    observe = (
        [t for node in graph if node.type not in ("Constant", "Result") for t in node.outputs]
        if seed % 5 == 0
        else []
    )
    options: dict[str, Any] = {
        "threads": 1 + (seed % 4 == 1),
        "observe": observe,
        "count_saturation": seed % 7 == 0,
    }
    runners = [attempt(lambda: Interpreter(graph, arithmetic="simulated"))]  # of what is lowered already
    runners.append(attempt(lambda: Executor(graph, arithmetic="simulated", **options)))
    ends = set()
    for feed in made.feeds:
        guarded = {name: guarded_copy(x) for name, x in feed.items()}
        expected, found = (result_of(*pair) for pair in zip(runners, (feed, guarded), strict=True))
        if isinstance(expected, str) or isinstance(found, str):
            # by a layer that leads nowhere, and was not run?
            if isinstance(expected, str) and not isinstance(found, str):
                expected = attempt(lambda: Interpreter(pruned(graph), arithmetic="simulated").run(guarded))  # noqa: B023
            assert type(expected) is type(found), f"refused by one only: {expected!r:.300}, {found!r:.300}"
            ends.add("refused")
            continue
        for name, exact in made.exact.items():
            overflows = bool(graph.of_type("ReduceProd"))
            same(name, expected[name], found[name], exact and arithmetic != "simulated", overflows)
        ends.add("ran")
    return "ran" if "ran" in ends else "refused"


def pruned(graph: Graph) -> Graph:
    twin = graph.copy()
    twin.prune()
    return twin


def result_of(
    runner: Interpreter | Executor | str, feed: dict[str, np.ndarray]
) -> dict[str, np.ndarray] | str:
    return runner if isinstance(runner, str) else attempt(lambda: runner.run(feed))


def attempt(do: Callable[[], T]) -> T | str:
    """What is done, or the sentence that refuses it; any other exception is a fault, and so is a plan that is
    refused.
    """
    try:
        return do()
    except PlanError:
        raise
    except NumpotError as error:
        return str(error)


def same(name: str, a: np.ndarray, b: np.ndarray, exact: bool, overflows: bool) -> None:
    """overflows: a product of many numbers may, in one order of its factors and not in another; then only
    what is finite is compared.
    """
    assert (a.dtype, a.shape) == (b.dtype, b.shape), (
        f"{name}: expected {a.dtype} {a.shape}, found {b.dtype} {b.shape}"
    )
    if exact or a.dtype.kind != "f":
        np.testing.assert_array_equal(b, a, err_msg=name)
    else:
        if overflows:
            both = np.isfinite(a) & np.isfinite(b)
            a, b = a[both], b[both]
        finite = a[np.isfinite(a)]
        np.testing.assert_allclose(
            b, a, rtol=1e-3, atol=1e-4 * float(np.abs(finite).max(initial=1.0)), err_msg=name
        )


if __name__ == "__main__":
    main()
