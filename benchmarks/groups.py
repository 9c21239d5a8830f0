"""What is compared with what: one group is one table of the report, one case one line of it."""

import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from numpot.ir.executor.executor import Executor
from numpot.ir.graph import Graph
from numpot.kernels.codegen.isa import ISA
from numpot.quant.benchmark.benchmark import sample_inputs
from numpot.quant.benchmark.peers import numpot_run
from numpot.quant.vendors.onnxruntime import open_onnxruntime
from numpot.quant.vendors.openvino import open_openvino
from numpot.quant.vendors.vendor import Inference

from .models import BATCH_OF_LAYER, LAYERS, NETWORKS, float_file, float_graph, int8_file, int8_graph

BATCHES = (1, 32)


class Bar(NamedTuple):
    """subject's time is to be at most `mean` times that of the fastest of the peers, by the geometric mean of
    a group, and in no line more than `most` times."""

    subject: str
    peers: tuple[str, ...]
    mean: float
    most: float = float("inf")


class Case(NamedTuple):
    name: str
    runs: Callable[[], dict[str, Inference]]  # compiles them


@dataclass(frozen=True)
class Group:
    title: str
    cases: Callable[[], Iterator[Case]]
    bars: tuple[Bar, ...]
    environment: dict[str, str] = field(default_factory=dict)  # what must be set before numpot is imported


def everybody(graph: Graph, file: Path, batch: int, threads: int) -> dict[str, Inference]:
    inputs = sample_inputs(graph, batch)
    return {
        "numpot": numpot_run(graph, inputs, threads),
        "openvino": open_openvino(file, inputs, threads),
        "onnxruntime": open_onnxruntime(file, inputs, threads),
    }


def layers() -> Iterator[Case]:
    def runs(name: str) -> dict[str, Inference]:
        return everybody(int8_graph(name), int8_file(name), BATCH_OF_LAYER.get(name, 1), 1)

    for name in LAYERS:
        yield Case(name, partial(runs, name))


def networks(graph: Callable[[str], Graph], file: Callable[[str], Path], threads: int) -> Iterator[Case]:
    def runs(name: str, batch: int) -> dict[str, Inference]:
        return everybody(graph(name), file(name), batch, threads)

    for name, batch in product(NETWORKS, BATCHES):
        yield Case(f"{name}, batch {batch}", partial(runs, name, batch))


def arithmetics() -> Iterator[Case]:
    def runs(name: str) -> dict[str, Inference]:
        graph = int8_graph(name, "no")
        inputs = sample_inputs(graph, 1)

        def run(**options: Any) -> Inference:
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

    def runs(name: str) -> dict[str, Inference]:
        graphs = {"7 bits": int8_graph(name, "all"), "8 bits": int8_graph(name, "no")}
        return {bits: numpot_run(graph, sample_inputs(graph, 1), 1) for bits, graph in graphs.items()}

    for name in NETWORKS:
        yield Case(name, partial(runs, name))


PEERS = ("openvino", "onnxruntime")
GROUPS = {
    "layers": Group("int8, six layers of a kind, one thread", layers, (Bar("numpot", PEERS, 1.0),)),
    "int8": Group(
        "int8 networks, one thread",
        partial(networks, int8_graph, int8_file, 1),
        (Bar("numpot", PEERS, 1.0, 1.3),),
    ),
    "int8-2": Group(
        "int8 networks, two threads",
        partial(networks, int8_graph, int8_file, 2),
        (Bar("numpot", PEERS, 1.1),),
    ),
    "float": Group(
        "float32 networks, one thread",
        partial(networks, float_graph, float_file, 1),
        (Bar("numpot", PEERS, 1.3),),
    ),
    "arithmetic": Group(
        "saturating and counting against exact, one image, one thread",
        arithmetics,
        (Bar("saturating", ("exact",), 1.3, 2.0), Bar("counting", ("exact",), 2.5)),
        {"NUMPOT_ISA": "avx512vnni"}
        if ISA.has_amx
        else {},  # what both are made of; AMX only makes exact sums
    ),
}
if platform.machine().lower() in ("x86_64", "amd64"):
    # The processor is named as well, because LLVM would otherwise find newer instructions for some of what
    # AVX2 needs two for.
    old = {"NUMPOT_ISA": "avx2", "NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma"}
    GROUPS["avx2"] = Group("weights proven safe, on AVX2", proven, (Bar("7 bits", ("8 bits",), 0.75),), old)
