"""The comparisons of groups.py under pytest-benchmark, which keeps histories and compares commits: python -m
pytest benchmarks

Ratios against peers come from `python -m benchmarks.report`, where they take turns.
"""

import functools
import os
from typing import Any

import pytest

from numpot.quant.vendors.vendor import Inference

from .groups import GROUPS, Case

PARAMETERS = [
    pytest.param(group, case, runtime, id=f"{name}: {case.name}: {runtime}")
    for name, group in GROUPS.items()
    for case in group.cases()
    for runtime in dict.fromkeys(runtime for bar in group.bars for runtime in (bar.subject, *bar.peers))
]


@functools.lru_cache(maxsize=1)
def compiled(case: Case) -> dict[str, Inference]:
    return case.runs()


@pytest.mark.parametrize(("group", "case", "runtime"), PARAMETERS)
def test_speed(benchmark: Any, group: Any, case: Case, runtime: str) -> None:
    if any(os.environ.get(name) != value for name, value in group.environment.items()):
        pytest.skip(f"needs {' '.join(f'{name}={value}' for name, value in group.environment.items())}")
    benchmark.group = f"{group.title}: {case.name}"
    benchmark.pedantic(compiled(case)[runtime], rounds=10, warmup_rounds=1)
