"""Calibration samples that every tool reads in the same way, in whatever environment it lives: NumPy only,
nothing of numpot.
"""

import sys
from pathlib import Path

import numpy as np


class Samples:
    """(1,C,H,W) f32 by number: x * scale + shift of what an .npz file holds as `x` (K,C,H,W), over and over
    if more are asked for.

    They are made while they are looked at, so that what grows with their number is the tool's.
    """

    def __init__(self, file: str, count: int) -> None:
        arrays = np.load(file)
        self._x, self._scale, self._shift = arrays["x"], arrays["scale"], arrays["shift"]
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> np.ndarray:
        if index >= self._count:
            raise IndexError(index)
        i = index % len(self._x)
        return self._x[i : i + 1].astype(np.float32) * self._scale + self._shift


def peak_rss_mb() -> float:
    """Of this process since its program began. (getrusage would, on Linux, count what its parent held when it
    forked.)
    """
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) / 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)
