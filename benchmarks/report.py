"""numpot and its peers by turns, as tables of ratios in Markdown.

    python -m benchmarks.report                          everything, some minutes
    python -m benchmarks.report layers int8 --seconds 1  some groups, so many seconds a line
    python -m benchmarks.report int8 --only fmnist       some lines

A ratio is a quotient of the shortest times, numpot's by that of the faster peer: below 1, numpot is faster.
The last line of a table has geometric means and, in brackets, what they must not exceed.
"""

import argparse
import gc
import os
import subprocess
import sys
from collections.abc import Sequence

import numpy as np

from numpot.quant.benchmark.benchmark import environment, interleave
from numpot.quant.vendors.registry import VENDORS

from .groups import GROUPS, Bar, Group
from .memory import memory_table
from .tables import markdown

Times = dict[str, float]  # the shortest, in seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "groups", nargs="*", metavar="GROUP", help=f"{', '.join([*GROUPS, 'memory'])}; by default all"
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="for each line")
    parser.add_argument("--only", default="", help="lines whose name contains this")
    options = parser.parse_args()
    unknown = set(options.groups) - {*GROUPS, "memory"}
    if unknown:
        parser.error(f"no group {', '.join(unknown)}; there are {', '.join([*GROUPS, 'memory'])}")
    print(", ".join(f"{name} {value}" for name, value in environment([*VENDORS]).items()))
    for name in options.groups or [*GROUPS, "memory"]:
        if name == "memory":
            print(memory_table())
        elif all(os.environ.get(key) == value for key, value in GROUPS[name].environment.items()):
            print(table(GROUPS[name], options.seconds, options.only))
        else:
            command = [
                sys.executable,
                "-m",
                "benchmarks.report",
                name,
                "--seconds",
                str(options.seconds),
                "--only",
                options.only,
            ]
            subprocess.run(command, env=os.environ | GROUPS[name].environment, check=True)
        sys.stdout.flush()


def table(group: Group, seconds: float, only: str) -> str:
    measured: dict[str, Times] = {}
    for case in group.cases():
        if only in case.name:
            print(f"{group.title}: {case.name}", file=sys.stderr)
            measured[case.name] = {
                name: times.min() for name, times in interleave(case.runs(), seconds).items()
            }
            gc.collect()
    runtimes = list(next(iter(measured.values()), {}))
    header = [
        "",
        *(f"{name} ms" for name in runtimes),
        *(f"{bar.subject} / {' or '.join(bar.peers)}" for bar in group.bars),
    ]
    lines = [
        [
            name,
            *(f"{1000 * times[runtime]:.3f}" for runtime in runtimes),
            *(f"{ratio(times, bar):.2f}" for bar in group.bars),
        ]
        for name, times in measured.items()
    ]
    means = [mean_cell([ratio(times, bar) for times in measured.values()], bar) for bar in group.bars]
    return markdown(group.title, [header, *lines, ["geometric mean", *("" for _ in runtimes), *means]])


def ratio(times: Times, bar: Bar) -> float:
    return times[bar.subject] / min(times[peer] for peer in bar.peers)


def mean_cell(ratios: Sequence[float], bar: Bar) -> str:
    mean, worst = (np.exp(np.mean(np.log(ratios))), max(ratios)) if ratios else (np.nan, np.nan)
    met = mean <= bar.mean and worst <= bar.most
    limit = f"{bar.mean}" if bar.most == np.inf else f"{bar.mean}, none above {bar.most}"
    return f"**{mean:.2f}** ({'within' if met else 'misses'} {limit})"


if __name__ == "__main__":
    main()
