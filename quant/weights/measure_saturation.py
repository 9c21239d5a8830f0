"""Find the layers that would saturate on a CPU without VNNI: counted on data, and proven from the weights
(docs/arithmetic.md).
"""

from collections.abc import Mapping, Sequence
from typing import Final

from numpot.ir.errors import AnyPath
from numpot.ir.executor.saturation_counts import SaturationResult
from numpot.ir.formats.model_files import as_graph
from numpot.ir.graph import Graph
from numpot.ir.lowering.left_in_float import ZERO_POINT, layers_left_in_float
from numpot.ir.lowering.lower import INTEGER_LAYERS, for_arithmetic

from ..data.loader import DataLoader
from ..data.model_data import ModelData
from ..data.sources import batches, subset
from ..errors import QuantizationError
from ..parallel.progress import track
from ..settings.arguments import as_loader, check_options
from ..statistics.collection import Samples

MOST_NAMED: Final = 3  # layers in a sentence
ON_INTEGERS_THERE: Final = (
    "onnxruntime computes such a layer on integers, and on a CPU without VNNI it can lose much there"
)


def measure_saturation(
    graph: Graph | AnyPath,
    data: DataLoader | AnyPath,
    *,
    batch_size: int = 32,
    limit: int | None = None,
    threads: int | None = None,
    progress: bool = False,
) -> SaturationResult:
    """Run a quantized model as a CPU without VNNI would, and count the pairs of u8 x s8 products that clip,
    layer by layer. Returns them as a list of LayerSaturation.

    Labels are not needed. Layers that stay in float are not counted: `uncounted_layers` says which, and why.
    Raises QuantizationError for a model that has no integer layer.
    """
    from numpot.ir.executor.executor import Executor  # numba: imported where it is used

    check_options(measure_saturation, batch_size=batch_size, limit=limit, threads=threads, progress=progress)
    graph = as_graph(graph)
    data = as_loader(data, graph)
    data = ModelData(data if limit is None else subset(data, limit), graph)
    executor = Executor(graph, arithmetic="saturating", threads=threads, count_saturation=True)
    if not executor.graph.of_type(*INTEGER_LAYERS):
        raise QuantizationError(_nothing_to_count(graph))
    with track(len(data), "counting saturation", quiet=not progress) as advance:
        for batch in batches(data, graph, batch_size):
            executor.run(batch.inputs)
            advance(len(batch.indices))
    return SaturationResult(executor.saturation)


def clipping_layers(int8: Graph, samples: Samples) -> set[str]:
    """Names of the layers that clip on the calibration samples, on a CPU without VNNI, or that could and are
    not counted.
    """
    layers = measure_saturation(int8, samples.loader, progress=samples.progress)
    return {layer.name for layer in layers if layer.saturated.any() or layer.clips_elsewhere}


def uncounted_layers(graph: Graph) -> dict[str, str]:
    """Name -> why, for the layers with codes as input or weights that stay in float here, so that nothing is
    counted in them.

    A runtime may compute them on integers all the same, and saturate: onnxruntime does where weights have a
    zero point.
    """
    return layers_left_in_float(for_arithmetic(graph, "saturating"))


def describe_uncounted(layers: Mapping[str, str]) -> list[str]:
    """A sentence for each reason, with the first layers that it keeps in float."""
    by_reason: dict[str, list[str]] = {}
    for name, why in layers.items():
        by_reason.setdefault(why, []).append(name)
    return [
        f"not counted: {_listed(names)} in float here ({why})"
        + (f"; {ON_INTEGERS_THERE}" if why == ZERO_POINT else "")
        for why, names in by_reason.items()
    ]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:MOST_NAMED])
    more = len(names) - MOST_NAMED
    return shown + (f" and {more} more" if more > 0 else "")


def _nothing_to_count(graph: Graph) -> str:
    problem = f"model {graph.name!r} has no integer layer"
    uncounted = describe_uncounted(uncounted_layers(graph))
    if uncounted:
        return f"{problem}, so nothing can be counted; {'; '.join(uncounted)}"
    return f"{problem}, so nothing can saturate; quantize it first"
