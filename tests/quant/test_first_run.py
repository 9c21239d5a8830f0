"""How long a user waits: the first time on a machine, with a word about why, and every time after."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from numpot.quant import demo

COLD, WARM = 90, 2  # seconds of processor time, which other work on the machine does not lengthen much


def evaluate(cache: Path, *options: str) -> tuple[float, subprocess.CompletedProcess[str]]:
    """Seconds of processor time of a `numpot evaluate` on a few pictures, and what it printed; compiled kernels are kept in `cache`."""
    command = [sys.executable, "-m", "numpot.quant.cli", "evaluate", str(demo.MODEL), "--data", str(demo.TEST), "--limit", "40", *options]
    before = os.times()
    done = subprocess.run(command, env={**os.environ, "NUMBA_CACHE_DIR": str(cache)}, capture_output=True, text=True, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system, done


@pytest.mark.slow
def test_compilation_is_announced_once_and_never_on_stdout(tmp_path: Path) -> None:
    seconds, cold = evaluate(tmp_path, "--json")
    assert seconds < COLD
    assert cold.stderr.count("compiling kernels for this processor, once") == 1 and str(tmp_path) in cold.stderr
    assert json.loads(cold.stdout)["samples"] == 40
    runs = [evaluate(tmp_path, "--json") for _ in range(3)]
    assert all(json.loads(run.stdout)["value"] == json.loads(cold.stdout)["value"] and run.stderr == "" for _, run in runs)
    assert min(seconds for seconds, _ in runs) < WARM
