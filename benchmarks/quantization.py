"""Quantizing one float model with numpot, POT 2023.3 and NNCF: seconds and megabytes of whole processes, as
tables in Markdown.

    python -m benchmarks.quantization --make ENVS
    python -m benchmarks.quantization --make ENVS --only resnet --rounds 5 --samples 3000
    python -m benchmarks.quantization --pot PYTHON --nncf PYTHON

--make first makes the environments ENVS/pot and ENVS/nncf where they are missing; --pot and --nncf name the
interpreters of environments that are there already.

POT needs an environment of its own, because it cannot live with a NumPy or SciPy of today. Every process is
left one core, reads the same .xml and the same samples, and writes an int8 .xml; tools take turns, and of
each the shortest times count. Other work on the machine lengthens CPU times less than others. numpot's
kernels are compiled when it is first used on a machine; one run that is not measured sees to that.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import NamedTuple

import numpy as np

from tests.quant.material import MATERIAL

from .tables import markdown

#: What to install for a tool: the versions that POT was made for.
PACKAGES = {"pot": ("openvino-dev[onnx]==2023.3.0", "numpy<1.27", "scipy<1.11"), "nncf": ("nncf", "openvino")}
SCRIPTS = Path(__file__).with_name("quantizers")
MODELS = ("fmnist_mobilenet", "fmnist_resnet", "digits_cnn", "efficientnet_lite0")
#: Without PYTHONDONTWRITEBYTECODE: what pip installs comes with byte code, and a checkout gets its own in the
#: run that is not measured.
NOT_PASSED_ON = ("OPENBLAS_CORETYPE", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
# of the faster peer; of POT; of numpot's own with a tenth of the samples
TIME_BAR, MEMORY_BAR, FLAT_BAR = (0.5, 1.0, 1.05)


class Measured(NamedTuple):
    """One process. wall, cpu: from its start to its end, call: of the quantization alone, seconds. peak:
    megabytes.
    """

    wall: float
    cpu: float
    call: float
    peak: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--make", type=Path, metavar="FOLDER", help="for environments of POT and NNCF")
    parser.add_argument("--pot", metavar="PYTHON", help="an interpreter that has POT 2023.3")
    parser.add_argument("--nncf", metavar="PYTHON", help="an interpreter that has NNCF")
    parser.add_argument("--samples", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="models whose name contains this")
    options = parser.parse_args()
    if not MATERIAL.is_dir():
        parser.error(
            "the models are the project's reference material, which is not beside the checkout: no "
            f"folder {MATERIAL.name}"
        )
    pythons = {"numpot": sys.executable}
    for tool in PACKAGES:
        if given := getattr(options, tool) or (options.make and str(environment(options.make, tool))):
            pythons[tool] = given
    names = [name for name in MODELS if options.only in name]
    with TemporaryDirectory() as folder:
        measured = {
            name: compare(name, pythons, options.samples, options.rounds, Path(folder)) for name in names
        }
        print(table(measured, options.samples), flush=True)
        tenfold = {
            name: run("numpot", sys.executable, name, 10 * options.samples, Path(folder)) for name in names
        }
    print(growth_table({name: (m["numpot"], tenfold[name]) for name, m in measured.items()}, options.samples))


def environment(folder: Path, tool: str) -> Path:
    """The interpreter of an environment with the tool in it, made if it is missing."""
    python = folder / tool / "bin" / "python"
    if not python.exists():
        print(f"installing {', '.join(PACKAGES[tool])}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(folder / tool)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PACKAGES[tool]], check=True)
    return python


def compare(
    name: str, pythons: Mapping[str, str], samples: int, rounds: int, folder: Path
) -> dict[str, Measured]:
    """The shortest times and the largest peak of each tool."""
    write_samples(name, folder)
    run("numpot", pythons["numpot"], name, 10, folder)
    runs: dict[str, list[Measured]] = {tool: [] for tool in pythons}
    for i in range(rounds):
        for tool, python in pythons.items():
            print(f"{name}: {tool}, {i + 1} of {rounds}", file=sys.stderr)
            runs[tool].append(run(tool, python, name, samples, folder))
    return {
        tool: Measured(*(min(m[i] for m in ms) for i in range(3)), max(m.peak for m in ms))
        for tool, ms in runs.items()
    }


def run(tool: str, python: str, name: str, samples: int, folder: Path) -> Measured:
    model, output = MATERIAL / name / f"{name}.xml", folder / f"{tool}.xml"
    command = [
        python,
        str(SCRIPTS / f"by_{tool}.py"),
        str(model),
        str(folder / f"{name}.npz"),
        str(samples),
        str(output),
    ]
    cleaned = {key: value for key, value in os.environ.items() if key not in NOT_PASSED_ON}
    begin, cpu = perf_counter(), cpu_of_children()
    done = subprocess.run(command, env=cleaned, capture_output=True, text=True, preexec_fn=one_core())
    wall, cpu = perf_counter() - begin, cpu_of_children() - cpu
    if done.returncode:
        raise SystemExit(f"{tool} failed on {name}:\n{done.stderr}")
    call, peak = done.stdout.splitlines()[-1].split()
    return Measured(wall, cpu, float(call), float(peak))


def cpu_of_children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def one_core() -> partial[None] | None:
    """What leaves a child process one core, so that all tools use one thread whatever they would choose."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    return partial(os.sched_setaffinity, 0, {max(os.sched_getaffinity(0))})


def write_samples(name: str, folder: Path) -> None:
    """samples.py says what the file holds: as few and as small numbers as there are, because memory is
    measured.
    """
    if name.startswith("digits"):
        x, scale, shift = np.load(MATERIAL / "digits_data.npz")["x_train"][:300], 1.0, 0.0
    elif name.startswith("fmnist"):
        x, scale, shift = (
            np.load(MATERIAL / "fmnist_cal300_test10k.npz")["x_cal"][:, None],
            1 / (255 * 0.3530),
            -0.2860 / 0.3530,
        )
    else:
        x, scale, shift = (
            np.load(MATERIAL / name / "images_u8.npz")["u8"].transpose(0, 3, 1, 2),
            1 / 128,
            -127 / 128,
        )
    np.savez(
        folder / f"{name}.npz", x=np.ascontiguousarray(x), scale=np.float32(scale), shift=np.float32(shift)
    )


# ---- tables ------------------------------------------------------------------------------------------------


def table(measured: Mapping[str, Mapping[str, Measured]], samples: int) -> str:
    tools = list(next(iter(measured.values()), {}))
    header = [
        "",
        *(f"{tool} process / CPU / call s" for tool in tools),
        "process",
        "CPU",
        "call",
        *(f"{tool} MB" for tool in tools),
        "memory / pot",
    ]
    return markdown(
        f"quantizing with {samples} samples, one core",
        [header, *(line(name, m) for name, m in measured.items())],
    )


def line(name: str, measured: Mapping[str, Measured]) -> list[str]:
    """Ratios are numpot's by the faster peer's, memory by POT's."""
    ours, peers = measured["numpot"], [m for tool, m in measured.items() if tool != "numpot"]
    times = [
        verdict(getattr(ours, what) / min(getattr(m, what) for m in peers), TIME_BAR) if peers else ""
        for what in ("wall", "cpu", "call")
    ]
    memory = verdict(ours.peak / measured["pot"].peak, MEMORY_BAR) if "pot" in measured else ""
    seconds = [f"{m.wall:.2f} / {m.cpu:.2f} / {m.call:.2f}" for m in measured.values()]
    return [name, *seconds, *times, *(f"{m.peak:.0f}" for m in measured.values()), memory]


def growth_table(measured: Mapping[str, tuple[Measured, Measured]], samples: int) -> str:
    header = ["", f"{samples} samples MB", f"{10 * samples} samples MB", "growth"]
    lines = [
        [name, f"{a.peak:.0f}", f"{b.peak:.0f}", verdict(b.peak / a.peak, FLAT_BAR)]
        for name, (a, b) in measured.items()
    ]
    return markdown("numpot's peak memory with ten times the samples", [header, *lines])


def verdict(ratio: float, bar: float) -> str:
    return f"**{ratio:.2f}** ({'within' if ratio <= bar else 'misses'} {bar})"


if __name__ == "__main__":
    main()
