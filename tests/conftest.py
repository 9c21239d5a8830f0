"""What must be the same in every run and on every machine.

Hypothesis draws the same examples, so that a green suite stays green; HYPOTHESIS_PROFILE=explore draws new ones. OpenVINO does not use
AMX where a CPU has it, because its AMX kernels compute other floats (docs/differences.md); it reads the variable when it is imported.
"""

import os

from hypothesis import settings

os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_FP16")  # the largest set without AMX; it includes both kinds of VNNI

settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
