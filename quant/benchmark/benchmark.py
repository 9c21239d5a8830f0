"""Measure how fast numpot and other runtimes run a model, in one process and in turns.

A machine is never quiet: clocks change and other work comes and goes. So runtimes take turns of a few
hundredths of a second, and what is compared are the shortest times of each, which others can only lengthen.
"""

import math
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from numpot.ir import memory
from numpot.ir.dtypes import FLOATS, U8
from numpot.ir.errors import counted
from numpot.ir.graph import Graph, Node
from numpot.ir.lowering.lower import INTEGER_LAYERS, Arithmetic

from ..data.loader import DataLoader
from ..data.model_data import ModelData
from ..parallel.progress import track
from ..vendors.registry import VENDORS
from ..vendors.vendor import Inference
from .peers import BenchmarkError, Model, file_for, numpot_run

TURN = 0.03  # seconds that a runtime works before the next one's turn
LEAST_ROUNDS = 3
# of the largest output; int8 runtimes round halves and residual sums in their own ways
TOLERANCE = {"float": 1e-3, "int8": 0.1}


@dataclass(frozen=True)
class Timing:
    """One runtime on one batch size and number of threads. times: seconds of each call, (calls,) f64.

    difference: from numpot's outputs, the largest one divided by the largest output. speed_ratio: numpot's
    speed divided by this runtime's, from the shortest times; above 1 numpot is the faster one.
    """

    runtime: str
    batch: int
    threads: int
    times: np.ndarray
    difference: float
    speed_ratio: float


def benchmark(
    model: Model,
    peers: Sequence[str] = (),
    *,
    batches: Sequence[int] = (1,),
    threads: Sequence[int] = (1,),
    data: DataLoader | None = None,
    arithmetic: Arithmetic = "exact",
    seconds: float = 20.0,
    progress: bool = False,
) -> list[Timing]:
    """Time numpot and its peers for every batch size and number of threads, numpot first.

    data: its first samples are the inputs; without it they are random. seconds: for all measurements
    together, compilation not counted. Raises BenchmarkError for a batch size that the model does not take,
    DataError for data that does not fit it, and OnnxError if a peer needs it as ONNX and that cannot be
    written.
    """
    timings: list[Timing] = []
    settings = list(product(batches, threads))
    inputs = {batch: sample_inputs(model.graph, batch, data) for batch in batches}
    with TemporaryDirectory() as folder, track(len(settings), "measuring", quiet=not progress) as advance:
        files = {peer: file_for(peer, model, Path(folder)) for peer in peers}
        for batch, count in settings:
            runs = {"numpot": numpot_run(model.graph, inputs[batch], count, arithmetic)}
            runs |= {peer: VENDORS[peer].open(file, inputs[batch], count) for peer, file in files.items()}
            timings += _compare(runs, batch, count, seconds / len(settings))
            advance(1)
    return timings


def _compare(runs: Mapping[str, Inference], batch: int, threads: int, seconds: float) -> Iterator[Timing]:
    outputs = {name: [np.array(output) for output in run()] for name, run in runs.items()}
    times = interleave(runs, seconds)
    for name, measured in times.items():
        difference = largest_difference(outputs[name], outputs["numpot"])
        yield Timing(name, batch, threads, measured, difference, measured.min() / times["numpot"].min())


def interleave(runs: Mapping[str, Inference], seconds: float) -> dict[str, np.ndarray]:
    """Seconds of each call by runtime, (calls,) f64 each; runtimes take turns until the time is used up."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    end, rounds = perf_counter() + seconds, 0
    while rounds < LEAST_ROUNDS or perf_counter() < end:
        for name, run in runs.items():
            times[name] += _one_turn(run)
        rounds += 1
    return {name: np.array(measured) for name, measured in times.items()}


def _one_turn(run: Inference) -> list[float]:
    """The calls of one turn; without the first one, if there are more, because it finds the caches full of
    other people's data.
    """
    times: list[float] = []
    begin = perf_counter()
    end = begin + TURN
    while not times or begin < end:
        run()
        now = perf_counter()
        times.append(now - begin)
        begin = now
    return times[1:] or times


def largest_difference(outputs: Sequence[np.ndarray], reference: Sequence[np.ndarray]) -> float:
    """max |a - b| / max |b| of the worst output; infinite where shapes differ or only one side is finite."""
    if len(outputs) != len(reference) or any(
        a.shape != b.shape for a, b in zip(outputs, reference, strict=True)
    ):
        return float("inf")
    worst = 0.0
    for a, b in zip(outputs, reference, strict=True):
        with np.errstate(invalid="ignore"):
            difference = np.abs(a.astype(np.float64) - b.astype(np.float64)).max(initial=0)
        largest = np.abs(b.astype(np.float64)).max(initial=0)
        worst = max(
            worst,
            difference / largest
            if largest and np.isfinite(largest + difference)
            else np.inf
            if difference
            else 0.0,
        )
    return float(worst)


def warnings_of(timings: Sequence[Timing], graph: Graph) -> list[str]:
    """One sentence for each peer whose outputs are not close to numpot's."""
    tolerance = TOLERANCE["int8" if graph.of_type("FakeQuantize", *INTEGER_LAYERS) else "float"]
    worst: dict[str, float] = {}
    for timing in timings:
        worst[timing.runtime] = max(worst.get(timing.runtime, 0), timing.difference)
    return [
        f"{name} computes something else: its outputs differ from numpot's by {difference:.2g} of the "
        "largest one"
        for name, difference in worst.items()
        if not difference <= tolerance
    ]


# ---- what is run, and where --------------------------------------------------------------------------------


def sample_inputs(graph: Graph, batch: int, data: DataLoader | None = None) -> dict[str, np.ndarray]:
    """One batch of inputs by name: the first samples of the data, over and over if there are fewer, or random
    numbers.
    """
    for parameter in graph.inputs:
        shape = parameter.output.shape
        if shape and shape[0] not in (-1, batch):
            raise BenchmarkError(
                f"input {parameter.name!r} has a fixed batch of {shape[0]}, found --batch {batch}"
            )
    elements = batch * sum(math.prod(p.output.shape[1:]) for p in graph.inputs)
    memory.take(8 * elements, f"a batch of {counted(batch, 'random sample' if data is None else 'sample')}")
    if data is None:
        rng = np.random.default_rng(0)
        return {parameter.name: _random(rng, parameter, batch) for parameter in graph.inputs}
    samples = ModelData(data, graph)
    chosen = [samples[i % len(samples)][0] for i in range(batch)]
    return {name: np.stack([sample[name] for sample in chosen]) for name in chosen[0]}


def _random(rng: np.random.Generator, parameter: Node, batch: int) -> np.ndarray:
    """Standard normal numbers, pixels 0..255 for u8; the other integers are mostly indices or flags, so 0 or
    1.
    """
    tensor = parameter.output
    shape = tuple(batch if d == -1 else d for d in tensor.shape)
    if tensor.dtype in FLOATS:
        return rng.standard_normal(shape).astype(tensor.dtype)
    return rng.integers(0, 256 if tensor.dtype == U8 else 2, shape).astype(tensor.dtype)


def environment(peers: Sequence[str]) -> dict[str, str]:
    """What a reader needs to judge the numbers: processor, instructions used, versions."""
    from numpot.kernels.codegen.isa import ISA

    packages = {name: version(name) for name in ("numpot", "numpy", "numba", *peers)}
    return {"cpu": cpu_name(), "instructions": ISA.name, "python": platform.python_version(), **packages}


def cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else platform.processor() or platform.machine()
