"""What is compared with what: one group is one table of the report, one case one line of it."""

import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from numpot.ir.executor import Executor
from numpot.ir.graph import Graph
from numpot.quant.benchmarking import sample_inputs
from numpot.quant.runtimes import Run, numpot_run, onnxruntime_run, openvino_run

from .models import BATCH_OF_LAYER, LAYERS, NETWORKS, float_file, float_graph, int8_file, int8_graph

BATCHES, THREADS = (1, 32), (1, 2)


class Bar(NamedTuple):
    """subject's speed is to be at least `least` times that of the peer, by the geometric mean of a group; None: only looked at."""

    subject: str
    peer: str
    least: float | None


class Case(NamedTuple):
    name: str
    runs: Callable[[], dict[str, Run]]  # compiles them


@dataclass(frozen=True)
class Group:
    title: str
    cases: Callable[[], Iterator[Case]]
    bars: tuple[Bar, ...]
    environment: dict[str, str] = field(default_factory=dict)  # what must be set before numpot is imported


def everybody(graph: Graph, file: Path, batch: int, threads: int) -> dict[str, Run]:
    inputs = sample_inputs(graph, batch)
    return {
        "numpot": numpot_run(graph, inputs, threads),
        "openvino": openvino_run(file, inputs, threads),
        "onnxruntime": onnxruntime_run(file, inputs, threads),
    }


def layers() -> Iterator[Case]:
    def runs(name: str) -> dict[str, Run]:
        return everybody(int8_graph(name), int8_file(name), BATCH_OF_LAYER.get(name, 1), 1)

    for name in LAYERS:
        yield Case(name, partial(runs, name))


def networks(graph: Callable[[str], Graph], file: Callable[[str], Path]) -> Iterator[Case]:
    def runs(name: str, batch: int, threads: int) -> dict[str, Run]:
        return everybody(graph(name), file(name), batch, threads)

    for name, batch, threads in product(NETWORKS, BATCHES, THREADS):
        yield Case(f"{name}, batch {batch}, threads {threads}", partial(runs, name, batch, threads))


def arithmetics() -> Iterator[Case]:
    def runs(name: str) -> dict[str, Run]:
        graph = int8_graph(name, "no")
        inputs = sample_inputs(graph, 1)

        def run(**options: Any) -> Run:
            executor = Executor(graph, threads=1, **options)
            return lambda: list(executor.run(inputs).values())

        return {
            "exact": run(),
            "saturating": run(arithmetic="saturating"),
            "counting": run(arithmetic="saturating", count_saturation=True),
        }

    for name in NETWORKS:
        yield Case(name, partial(runs, name))


def proven() -> Iterator[Case]:
    """The same network with weights of 7 bits, whose pairs of products cannot clip, and of 8 bits."""

    def runs(name: str) -> dict[str, Run]:
        graphs = {"7 bits": int8_graph(name, "all"), "8 bits": int8_graph(name, "no")}
        return {bits: numpot_run(graph, sample_inputs(graph, 1), 1) for bits, graph in graphs.items()}

    for name in NETWORKS:
        yield Case(name, partial(runs, name))


AGAINST_PEERS = (Bar("numpot", "openvino", 0.85), Bar("numpot", "onnxruntime", 0.9))
LOOKED_AT = tuple(bar._replace(least=None) for bar in AGAINST_PEERS)
GROUPS = {
    "layers": Group("int8, six layers of a kind, one thread", layers, AGAINST_PEERS),
    "int8": Group("int8 networks", partial(networks, int8_graph, int8_file), AGAINST_PEERS),
    "float": Group("float32 networks", partial(networks, float_graph, float_file), LOOKED_AT),
    "arithmetic": Group(
        "saturating and counting against exact, one image, one thread",
        arithmetics,
        (Bar("saturating", "exact", 0.45), Bar("counting", "exact", None)),
    ),
}
if platform.machine().lower() in ("x86_64", "amd64"):
    # The processor is named as well, because LLVM would otherwise find newer instructions for some of what AVX2 needs two for.
    old = {"NUMPOT_ISA": "avx2", "NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": ""}
    GROUPS["avx2"] = Group("weights proven safe, on AVX2", proven, (Bar("7 bits", "8 bits", None),), old)
