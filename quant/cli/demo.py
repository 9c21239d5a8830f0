"""numpot demo: the main job on a model and pictures that come with the package."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .common import Debug, Json, print_json, print_table, reports_errors
from .suggestions import command, path

if TYPE_CHECKING:
    import numpy as np

    from numpot.ir import Graph

    from ..data.loader import DataLoader

BATCH = 32
LATENCY_SECONDS = 0.5  # for each latency measured; the minimum of all calls in that time is shown


@reports_errors
def run(
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="DIR", help="folder for the models and data")
    ] = "numpot-demo",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Quantize a classifier that comes with the package, and compare it with the float model.

    Uses an FP32 Fashion-MNIST classifier and pictures from the package, so it needs no files and no network.
    Shows accuracy, agreement, size, latency, and the result of the int8 model on a CPU without VNNI.
    """
    from numpot.ir import save_model
    from numpot.quant import quantize
    from numpot.quant.demo import load

    folder = Path(output)
    _make_folder(folder)
    if not json:
        print("Fashion-MNIST, MobileNetV2-style classifier: FP32 -> int8 with 300 unlabelled pictures")
    fp32, calibration, test = load()
    int8 = quantize(fp32, calibration, progress=not json)
    _leave_files(folder)
    save_model(int8, folder / "int8.xml")

    results = [
        _measure("FP32", fp32, "exact", test, folder / "fp32.bin", json),
        _measure("int8", int8, "exact", test, folder / "int8.bin", json),
        _measure("int8, no VNNI", int8, "saturating", test, folder / "int8.bin", json),
    ]
    if json:
        print_json({"output": str(folder / "int8.xml"), "models": [r.as_json(results[0]) for r in results]})
        return
    _print(results)
    print(f"Saved: {folder / 'int8.xml'} (with fp32.xml and the data beside it)")
    print(
        "Next:  "
        + command("saturation", path(str(folder / "int8.xml")), "--data", path(str(folder / "test.npz")))
    )


@dataclass
class _Result:
    name: str
    predictions: "np.ndarray"
    labels: "np.ndarray"
    weight_bytes: int
    # by batch size; empty where only the arithmetic differs, not the speed of this machine
    latency_ms: dict[int, float]
    saturated: int
    pairs: int

    @property
    def top1(self) -> float:
        return float((self.predictions == self.labels).mean())

    def agreement(self, reference: "_Result") -> float:
        return float((self.predictions == reference.predictions).mean())

    def as_json(self, reference: "_Result") -> dict[str, object]:
        return {
            "name": self.name,
            "top1": self.top1,
            "agreement": self.agreement(reference),
            "weight_bytes": self.weight_bytes,
            "latency_ms": {str(batch): ms for batch, ms in self.latency_ms.items()},
            "saturated_pairs": self.saturated,
            "pairs": self.pairs,
        }


def _measure(
    name: str, graph: "Graph", arithmetic: str, test: "DataLoader", weights: Path, quiet: bool
) -> _Result:
    import numpy as np

    from numpot.ir import Executor

    from ..data.sources import batches
    from ..parallel.progress import track

    saturating = arithmetic == "saturating"
    executor = Executor(graph, arithmetic=arithmetic, count_saturation=saturating)  # type: ignore[arg-type]
    predictions, labels = [], []
    with track(len(test), f"running {name}", quiet=quiet) as advance:
        for batch in batches(test, graph, BATCH):
            (logits,) = executor.run(batch.inputs).values()
            predictions.append(logits.argmax(axis=1))
            labels.append(np.asarray(batch.labels))
            advance(len(batch.indices))
    return _Result(
        name=name,
        predictions=np.concatenate(predictions),
        labels=np.concatenate(labels),
        weight_bytes=weights.stat().st_size,
        latency_ms={} if saturating else {n: _latency_ms(graph, test, n) for n in (1, BATCH)},
        saturated=int(sum(layer.saturated.sum() for layer in executor.saturation)),
        pairs=sum(layer.pairs for layer in executor.saturation),
    )


def _latency_ms(graph: "Graph", test: "DataLoader", batch_size: int) -> float:
    """Milliseconds of the fastest call on one thread."""
    from numpot.ir import Executor

    from ..data.sources import batches

    executor = Executor(graph, threads=1)
    inputs = next(iter(batches(test, graph, batch_size))).inputs
    best, end = float("inf"), time.perf_counter() + LATENCY_SECONDS
    while time.perf_counter() < end:
        start = time.perf_counter()
        executor.run(inputs)
        best = min(best, time.perf_counter() - start)
    return best * 1e3


def _print(results: list[_Result]) -> None:
    reference = results[0]

    def latency(result: _Result, batch: int) -> str:
        return f"{result.latency_ms[batch]:.2f} ms" if result.latency_ms else ""

    rows: list[tuple[str, list[str]]] = [
        ("top-1 accuracy", [f"{r.top1:.2%}" for r in results]),
        ("same answer as FP32", ["", *(f"{r.agreement(reference):.2%}" for r in results[1:])]),
        ("weights on disk", [f"{r.weight_bytes / 1000:.0f} kB" for r in results]),
        ("latency, batch 1", [latency(r, 1) for r in results]),
        (f"latency, batch {BATCH}", [latency(r, BATCH) for r in results]),
        ("saturated u8 x s8 pairs", ["", "0", f"{results[2].saturated:,}"]),
        ("  of all pairs", ["", "", f"{results[2].saturated / results[2].pairs:.4%}"]),
    ]
    title = f"{len(reference.labels):,} test pictures, latency on one thread"
    print_table(title, ["", *(r.name for r in results)], [[label, *cells] for label, cells in rows])
    print(
        "'no VNNI' is the arithmetic of CPUs that add products in pairs, in 16 bits, computed here bit for "
        "bit."
    )


def _make_folder(folder: Path) -> None:
    from numpot.ir.errors import NumpotError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NumpotError(
            f"{folder}: this folder cannot be created ({error.strerror}); give another one with --output"
        ) from None


def _leave_files(folder: Path) -> None:
    """The float model and the data, to try the other commands on."""
    import shutil

    from numpot.quant import demo

    for source, name in (
        (demo.MODEL, "fp32.xml"),
        (demo.MODEL.with_suffix(".bin"), "fp32.bin"),
        (demo.CALIBRATION, "calibration.npz"),
        (demo.TEST, "test.npz"),
    ):
        shutil.copyfile(source, folder / name)
