"""Which layers would saturate on a CPU without VNNI: counted on data, and proven from the weights (docs/arithmetic.md)."""

from numpot.ir.arguments import as_graph
from numpot.ir.errors import AnyPath
from numpot.ir.graph import Graph
from numpot.ir.lowering import INTEGER_LAYERS
from numpot.ir.saturation import LayerSaturation

from .arguments import as_loader, check_options
from .data import DataLoader, ModelData, batches, subset
from .errors import QuantizationError
from .progress import track


def measure_saturation(
    graph: Graph | AnyPath,
    data: DataLoader | AnyPath,
    *,
    batch_size: int = 32,
    limit: int | None = None,
    threads: int | None = None,
    progress: bool = False,
) -> list[LayerSaturation]:
    """Run a quantized model as a CPU without VNNI would, and count the pairs of u8 x s8 products that clip, layer by layer.

    Labels are not needed. Raises QuantizationError for a model that has no integer layer.
    """
    from numpot.ir.executor import Executor  # numba: imported where it is used

    check_options(measure_saturation, batch_size=batch_size, limit=limit, threads=threads, progress=progress)
    graph = as_graph(graph)
    data = as_loader(data, graph)
    data = ModelData(data if limit is None else subset(data, limit), graph)
    executor = Executor(graph, arithmetic="saturating", threads=threads, count_saturation=True)
    if not executor.graph.of_type(*INTEGER_LAYERS):
        raise QuantizationError(f"model {graph.name!r} has no integer layer, so nothing can saturate; quantize it first")
    with track(len(data), "counting saturation", quiet=not progress) as advance:
        for batch in batches(data, graph, batch_size):
            executor.run(batch.inputs)
            advance(len(batch.indices))
    return executor.saturation
