"""python -m tests.fuzz KIND [SECONDS [SEED]], or KIND --trial SEED NUMBER: see README.md."""

import sys

from .campaign import KINDS, run, trial

kind, *numbers = sys.argv[1:] or [""]
if kind not in KINDS:
    sys.exit(f"expected one of {', '.join(KINDS)}, found {kind!r}")
if numbers[:1] == ["--trial"]:
    print(trial(kind, int(numbers[1]), int(numbers[2])))
else:
    outcome = run(kind, float(numbers[0]) if numbers else 60, int(numbers[1]) if numbers[1:] else 0)
    print(f"{kind}: {outcome}")
    sys.exit(bool(outcome.broken))
