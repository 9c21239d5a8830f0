"""No model reaches outside of its arrays: random graphs of every operator in memory that ends where nobody
may touch, in child processes.

A fault is found by hand with `python -m tests.ir.memory.child SEED SEED+1 JOURNAL`, and by the thousand with
larger numbers.
"""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from numpot.ir.ops import OPERATORS
from numpot.kernels.codegen.isa import available

from .graphs import MAKERS, case

ROOT = Path(__file__).parents[3]
SETS = [name for name in available() if name != "amx"]  # AMX is its own test
FEW, MANY = 100, 20_000
MOST_DEATHS = 5  # of children, until it is clear that something is wrong
STRUCTURE = {"Parameter", "Constant", "Result"}

needs_mprotect = pytest.mark.skipif(os.name != "posix", reason="guards pages by mprotect")


class Found(NamedTuple):
    """ends: how graphs ended, and how many. faults: what the child said; deaths: seeds of graphs that killed
    it.
    """

    ends: Counter[str]
    faults: list[str]
    deaths: list[int]


def run_graphs(first: int, stop: int, instructions: str, folder: Path) -> Found:
    """Seeds first .. stop on one instruction set; behind a graph that kills its child the next
    one goes on.
    """
    found, journal = Found(Counter(), [], []), folder / f"{instructions}-{first}"
    while first < stop and len(found.deaths) < MOST_DEATHS:
        command = [sys.executable, "-m", "tests.ir.memory.child", str(first), str(stop), str(journal)]
        environment = os.environ | {"NUMPOT_ISA": instructions}
        child = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        lines = child.stdout.splitlines()
        found.faults.extend(line for line in lines if line.startswith("fault"))
        if child.returncode == 0:
            found.ends.update(json.loads(lines[-1]))
            return found
        assert child.returncode < 0, child.stderr
        first = int(journal.read_text())
        found.deaths.append(first)
        first += 1
    return found


def assert_nothing_found(graphs: int, folder: Path) -> None:
    """So many graphs, shared among the instruction sets; as many processes at once as there are cores."""
    pieces = 4
    edges = [graphs * i // (pieces * len(SETS)) for i in range(pieces * len(SETS) + 1)]
    jobs = [
        (*ends, SETS[i % len(SETS)], folder) for i, ends in enumerate(zip(edges, edges[1:], strict=False))
    ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(lambda job: run_graphs(*job), jobs))
    ends = sum((f.ends for f in found), Counter())
    assert [f.faults + f.deaths for f in found] == [[] for _ in found]
    assert ends["ran"] + ends["refused"] == graphs and ends["ran"] > 0.9 * graphs


def test_every_operator_has_a_maker_and_is_made() -> None:
    assert MAKERS.keys() == OPERATORS.keys() - STRUCTURE
    made = Counter(node.type for seed in range(600) for node in case(seed).graph)
    assert made.keys() >= MAKERS.keys()


@needs_mprotect
@pytest.mark.parametrize("beyond", [0, 1])
def test_one_byte_too_far_is_the_end(beyond: int) -> None:
    """Whoever reads a guarded array, and whoever reads the byte behind it."""
    code = f"""
import ctypes
import numpy as np
from tests.ir.memory.guarded import guarded
for _ in range(32):
    x = guarded(100, np.uint8)
    ctypes.string_at(x.ctypes.data, 100 + {beyond})
"""
    child = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True)
    assert child.returncode == (-signal.SIGSEGV if beyond else 0)


@needs_mprotect
def test_some_random_graphs(tmp_path: Path) -> None:
    found = run_graphs(0, FEW, SETS[0], tmp_path)
    assert (found.faults, found.deaths) == ([], [])
    assert found.ends["ran"] + found.ends["refused"] == FEW and found.ends["ran"] > 0.9 * FEW


@needs_mprotect
@pytest.mark.slow
def test_many_random_graphs_on_every_instruction_set(tmp_path: Path) -> None:
    assert_nothing_found(MANY, tmp_path)
