"""Statistics of the aligned model, though it is not known yet while the samples go by (docs/calibration.md).

Aligning changes one tensor of each pair, channel by channel and by x -> (x - a) / s with s > 0, so what a
sweep would have found of a sample follows from what it finds now (aligned_sweeps.py). Whatever needs more
than that, or more samples than may be kept, takes a pass of its own.
"""

from numpot.ir.graph import Graph, Tensor

from ..defaults import SAMPLE_BUDGET
from ..statistics.collection import Samples, Wanted
from ..statistics.collector import Collector
from .aligned_sweeps import SampleSweeps
from .channel_alignment import Pair, align


def align_and_collect(model: Graph, pairs: list[Pair], samples: Samples, wanted: Wanted) -> None:
    """Align the pairs in place, and fill `wanted` with statistics of the aligned model."""
    quantiles: dict[Tensor, list[Collector]] = {pair.between: [pair.low, pair.high] for pair in pairs}
    if not _sweeps_suffice(pairs, wanted) or len(samples) > SAMPLE_BUDGET:
        samples.run(model, quantiles, "aligning channels")
        for pair in pairs:
            align(model, pair)
        samples.run(model, wanted, "calibrating")
        return
    kept = {pair.between: SampleSweeps() for pair in pairs}
    unchanged = {tensor: collectors for tensor, collectors in wanted.items() if tensor not in kept}
    samples.run(
        model, {**unchanged, **{tensor: [*quantiles[tensor], kept[tensor]] for tensor in kept}}, "calibrating"
    )
    for pair in pairs:
        seen = kept[pair.between].aligned(align(model, pair))
        for collector in wanted.get(pair.between, []):
            collector.update(seen)


def _sweeps_suffice(pairs: list[Pair], wanted: Wanted) -> bool:
    """Whether a sweep of what lies between the layers gives all that is wanted of tensors that change. A
    producer without its bias changes too, but nothing is known of it."""
    bare = [pair.producer.output for pair in pairs if pair.producer.output is not pair.between]
    between = [collector for pair in pairs for collector in wanted.get(pair.between, [])]
    return not any(tensor in wanted for tensor in bare) and all(
        collector.needs_only_a_sweep for collector in between
    )
