"""What a user waits for: kernels are compiled the first time on a machine, with a word about why, and never
again.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from numpot.quant import demo

#: The command line, in a process that says at its end how many functions were compiled in it.
COUNTING = """
import atexit, sys
from numba.core import event
class Compiled(event.Listener):
    count = 0
    def on_start(self, what):
        self.count += what.data["name"].startswith("native_lowering")
    def on_end(self, what):
        pass
compiled = Compiled()
event.register("numba:run_pass", compiled)
atexit.register(lambda: print(f"compiled {compiled.count} functions", file=sys.stderr))
from numpot.quant.cli import main
main()
"""
FEW = 200  # functions: the kernels that one model needs, and what they call


def evaluate(cache: Path, *options: str) -> tuple[int, subprocess.CompletedProcess[str]]:
    """How many functions a `numpot evaluate` on a few pictures compiled, and what it printed; compiled
    kernels are kept in `cache`.
    """
    command = [
        sys.executable,
        "-c",
        COUNTING,
        "evaluate",
        str(demo.MODEL),
        "--data",
        str(demo.TEST),
        "--limit",
        "40",
        *options,
    ]
    done = subprocess.run(
        command, env={**os.environ, "NUMBA_CACHE_DIR": str(cache)}, capture_output=True, text=True, check=True
    )
    *said, last = done.stderr.splitlines()
    done.stderr = "\n".join(said)
    return int(last.split()[1]), done


@pytest.mark.slow
def test_compilation_is_announced_once_and_never_on_stdout(tmp_path: Path) -> None:
    compiled, cold = evaluate(tmp_path, "--json")
    assert 0 < compiled < FEW
    assert (
        cold.stderr.count("compiling kernels for this processor, once") == 1 and str(tmp_path) in cold.stderr
    )
    assert json.loads(cold.stdout)["samples"] == 40
    compiled, warm = evaluate(tmp_path, "--json")
    assert compiled == 0 and warm.stderr == ""
    assert json.loads(warm.stdout)["value"] == json.loads(cold.stdout)["value"]
