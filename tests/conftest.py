"""What must be the same in every run and on every machine.

Hypothesis draws the same examples, so that a green suite stays green; HYPOTHESIS_PROFILE=explore draws new
ones. OpenVINO does not use AMX where a CPU has it, because its AMX kernels compute other floats
(docs/differences.md); it reads the variable when it is imported. BLAS works with one thread, because the
tests already run side by side, one worker on each core.
"""

import os

import pytest
from hypothesis import settings

# before NumPy is imported; processes that tests start inherit it
os.environ.setdefault("OMP_NUM_THREADS", "1")
# the largest set without AMX; it includes both kinds of VNNI
os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_FP16")

settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

# each one imports the runtimes and collects all tests, which more workers do not make shorter
MOST_WORKERS = 8


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """A worker for each core; none where single files are named, whose tests take less time than workers need
    to start.
    """
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None  # xdist reads it
    if any(argument.partition("::")[0].endswith(".py") for argument in config.args):
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_WORKERS)
