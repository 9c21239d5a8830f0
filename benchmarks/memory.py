"""Peak memory that one int8 inference adds to a process, each runtime in one of its own that has imported
what it needs.

python -m benchmarks.memory numpot model.xml        prints megabytes
"""

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np

IMAGE = (1, 3, 224, 224)
BAR = 1.0  # of OpenVINO's


def peak_of(runtime: str, model: Path) -> float:
    """Megabytes of resident memory that a process needs, at most, to read a model and run one image on one
    thread.
    """
    command = [sys.executable, "-m", "benchmarks.memory", runtime, str(model)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def run_here(runtime: str, model: Path) -> float:
    from numpot.quant.benchmark.peers import numpot_run
    from numpot.quant.vendors.openvino import open_openvino

    inputs = {"x": np.zeros(IMAGE, np.float32)}
    if runtime == "numpot":
        from numpot.ir import read_model  # noqa: F401  (imported before memory is measured)
        from numpot.ir.executor import executor  # noqa: F401  (imported before memory is measured)

        before = peak_rss_mb()
        run = numpot_run(read_model(model), inputs, 1)
    else:
        import openvino

        openvino.Core()
        before = peak_rss_mb()
        run = open_openvino(model, inputs, 1)
    run()
    return peak_rss_mb() - before


def peak_rss_mb() -> float:
    """Of this process since its program began. (getrusage would, on Linux, count what its parent held when it
    forked.)
    """
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def memory_table() -> str:
    from numpot.ir import save_model

    from .models import FOLDER, NETWORKS, int8_file, int8_graph
    from .tables import markdown

    rows = [["", "numpot MB", "openvino MB", "numpot / openvino"]]
    for name in [name for name in ("efficientnet_lite0", "MobileNetV2") if name in NETWORKS]:
        save_model(int8_graph(name), FOLDER / f"{name}.xml")
        ours, theirs = peak_of("numpot", FOLDER / f"{name}.xml"), peak_of("openvino", int8_file(name))
        rows.append([name, f"{ours:.0f}", f"{theirs:.0f}", f"**{ours / theirs:.2f}** (to stay below {BAR})"])
    return markdown("peak memory that one int8 image adds to the process", rows)


if __name__ == "__main__":
    print(run_here(sys.argv[1], Path(sys.argv[2])))
