"""numpot benchmark: how fast a model runs, beside the vendors' runtimes."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .common import (
    MAX_THREADS,
    Arithmetic,
    Debug,
    Json,
    print_json,
    print_table,
    read_numbers,
    reports_errors,
)

if TYPE_CHECKING:
    from ..benchmark.benchmark import Timing

MAX_BATCH = 2**20
PERCENTILES = {"median": 50, "p90": 90, "p99": 99}


@reports_errors
def run(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="a model; runtimes that cannot read its format get it as ONNX"),
    ],
    batch: Annotated[str, typer.Option("--batch", metavar="B[,B...]", help="batch sizes")] = "1",
    threads: Annotated[str, typer.Option("--threads", metavar="T[,T...]", help="numbers of threads")] = "1",
    against: Annotated[
        str | None,
        typer.Option(
            "--against", metavar="R[,R...]", help="openvino, onnxruntime; by default those that are installed"
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="D",
            help="samples as for evaluate, the first of which are the inputs; by default random numbers",
        ),
    ] = None,
    arithmetic: Arithmetic = "exact",
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.1, metavar="S", help="total time of all measurements")
    ] = 20.0,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Measure latency and throughput, in turns with OpenVINO and onnxruntime.

    The runtimes take turns in one process; speeds are compared by the shortest time of each. Layers that are
    not int8 run in float32 in all runtimes.
    """
    from ..benchmark.benchmark import benchmark, environment, warnings_of
    from ..benchmark.peers import choose_peers, open_for_benchmark
    from ..data.sources import open_data

    batches, counts = (
        read_numbers("--batch", batch, MAX_BATCH),
        read_numbers("--threads", threads, MAX_THREADS),
    )
    opened = open_for_benchmark(model, batches)
    peers = choose_peers(opened, against.split(",") if against else None)
    samples = open_data(data, opened.graph) if data else None
    timings = benchmark(
        opened,
        peers,
        batches=batches,
        threads=counts,
        data=samples,
        arithmetic=arithmetic,
        seconds=seconds,
        progress=not json,
    )
    place, warnings = environment(peers), warnings_of(timings, opened.graph)
    if json:
        results = [_record(t) for t in timings]
        print_json(
            {
                "model": model,
                "arithmetic": arithmetic,
                "environment": place,
                "results": results,
                "warnings": warnings,
            }
        )
        return
    _print(model, timings)
    print(", ".join(f"{name} {value}" for name, value in place.items()))
    for warning in warnings:
        print(f"warning: {warning}")


def _record(timing: "Timing") -> dict[str, Any]:
    return {
        "runtime": timing.runtime,
        "batch": timing.batch,
        "threads": timing.threads,
        "calls": len(timing.times),
        **{f"{name}_ms": round(value, 6) for name, value in _milliseconds(timing).items()},
        "samples_per_second": round(_throughput(timing), 3),
        "speed_ratio": round(timing.speed_ratio, 4),
        "difference": timing.difference,
    }


def _print(model: str, timings: "list[Timing]") -> None:
    rows = [
        [
            t.runtime,
            t.batch,
            t.threads,
            *(f"{ms:.3f}" for ms in _milliseconds(t).values()),
            f"{_throughput(t):,.0f}",
            "" if t.runtime == "numpot" else f"{t.speed_ratio:.2f}x",
            "" if t.runtime == "numpot" else f"{t.difference:.1g}",
        ]
        for t in timings
    ]
    columns = [
        "runtime",
        "batch",
        "threads",
        "min ms",
        *(f"{name} ms" for name in PERCENTILES),
        "samples/s",
        "numpot's speed",
        "difference",
    ]
    print_table(f"{model}: one call", columns, rows)


def _milliseconds(timing: "Timing") -> dict[str, float]:
    import numpy as np

    ms = 1000 * timing.times
    return {"min": float(ms.min()), **{name: float(np.percentile(ms, q)) for name, q in PERCENTILES.items()}}


def _throughput(timing: "Timing") -> float:
    """Samples a second, by the median call."""
    return 1000 * timing.batch / _milliseconds(timing)["median"]
