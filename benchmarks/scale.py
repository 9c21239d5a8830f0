"""What workers gain: the same work alone and shared among local processes, by turns, as a table in Markdown
(docs/scale.md).

    python -m benchmarks.scale                             two workers, five turns: some minutes
    python -m benchmarks.scale --workers 4 --turns 3

The network is MobileNetV2 with random weights on 224 x 224 pictures. A time is the shortest of all turns; a
speed-up is the time of this process alone on one thread, divided by the time of all workers, which have one
thread each. The last column is the same quotient of processor time, of this process and of the process that
used most: what a machine without other work would reach. Results are compared bit for bit.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from time import perf_counter, process_time
from typing import Any

import numpy as np

from numpot.ir.graph import Graph
from numpot.quant.accuracy_aware.evaluators.evaluator import MetricEvaluator
from numpot.quant.accuracy_aware.layer_groups import find_groups, variant
from numpot.quant.data.fingerprints import model_digest
from numpot.quant.data.loader import DataLoader
from numpot.quant.default_quantization import open_samples, quantize, run_stages
from numpot.quant.metrics.classification import Accuracy
from numpot.quant.metrics.evaluate import evaluate
from numpot.quant.parallel.dask_pool import DaskPool, open_pool
from numpot.quant.parallel.pool import Alone, Pool
from numpot.quant.parameters import read_parameters

from .models import float_graph
from .tables import markdown

# samples; samples for each group, and groups; samples
EVALUATED, RANKED, GROUPS, CALIBRATED = (2048, 64, 24, 192)
BAR = 0.8  # of the number of workers
Work = Callable[[Pool], Any]  # gives what must be the same whoever works


class Pictures(DataLoader):
    """Noise, another for every number, and a label."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._noise = np.random.default_rng(0).standard_normal((3, 224, 224)).astype(np.float32)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return np.roll(self._noise, index, axis=2), index % 1000


def works(graph: Graph) -> Iterator[tuple[str, Work]]:
    settings = read_parameters(stat_subset_size=8)
    with open_samples(graph, Pictures(8), settings, None, False) as samples:
        assembly = run_stages(graph, samples, settings)
        int8 = assembly.build()
    variants = [variant([group]) for group in find_groups(assembly.quantizers)[:GROUPS]]

    def rank(pool: Pool) -> list[Any]:
        evaluator = MetricEvaluator(Accuracy(), Pictures(RANKED), graph, pool=pool)
        return [scores.values for scores in evaluator.measure_variants(assembly, variants, range(RANKED))]

    yield (
        f"evaluation, {EVALUATED} pictures",
        lambda pool: evaluate(int8, Pictures(EVALUATED), Accuracy(), threads=1, pool=pool).value,
    )
    yield f"ranking, {GROUPS} groups on {RANKED} pictures", rank
    yield (
        f"calibration, {CALIBRATED} pictures",
        lambda pool: model_digest(
            quantize(graph, Pictures(CALIBRATED), stat_subset_size=CALIBRATED, preset="mixed", pool=pool)
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    rows = [["", "alone, s", f"{options.workers} workers, s", "speed-up", "by processor time"]]
    with open_pool(workers=options.workers) as pool:
        assert isinstance(pool, DaskPool)
        for name, work in works(float_graph("MobileNetV2")):
            print(name, file=sys.stderr)
            (alone, busy_alone), (shared, busy) = by_turns(work, Alone(threads=1), pool, options.turns)
            rows.append(
                [
                    name,
                    f"{alone:.2f}",
                    f"{shared:.2f}",
                    f"**{alone / shared:.2f}**",
                    f"{busy_alone / busy:.2f}",
                ]
            )
    print(
        markdown(
            f"{options.workers} workers of one thread against one thread; to reach: "
            f"{BAR * options.workers:.1f}",
            rows,
        )
    )


def by_turns(work: Work, alone: Alone, workers: DaskPool, turns: int) -> list[tuple[float, float]]:
    """The shortest time, and processor time of the busiest process, with each pool. The first turn, in which
    kernels are compiled and models travel, does not count."""
    times: list[list[tuple[float, float]]] = [[], []]
    results = []
    for turn in range(turns + 1):
        for pool, taken in zip((alone, workers), times, strict=True):
            busy, start = processor_times(workers), perf_counter()
            results.append(work(pool))
            seconds = perf_counter() - start
            if turn:
                used = [after - before for before, after in zip(busy, processor_times(workers), strict=True)]
                taken.append((seconds, max(used)))
    assert all(result == results[0] for result in results), "results differ"
    return [(min(seconds for seconds, _ in taken), min(busy for _, busy in taken)) for taken in times]


def processor_times(pool: DaskPool) -> list[float]:
    return [process_time(), *pool.run_everywhere(process_time)]


if __name__ == "__main__":
    main()
