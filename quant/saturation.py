"""Which layers would saturate on a CPU without VNNI: counted on data, and proven from the weights (docs/arithmetic.md)."""

from numpot.ir.graph import Graph
from numpot.ir.lowering import INTEGER_LAYERS
from numpot.ir.saturation import LayerSaturation

from .data import DataLoader, ModelData, batches
from .default import QuantizationError
from .progress import Progress, silent


def measure_saturation(
    graph: Graph, data: DataLoader, *, batch_size: int = 32, limit: int | None = None, threads: int | None = None, progress: Progress = silent
) -> list[LayerSaturation]:
    """Run a quantized model as a CPU without VNNI would, and count the pairs of u8 x s8 products that clip, layer by layer.

    Labels are not needed. Raises QuantizationError for a model that has no integer layer.
    """
    from numpot.ir.executor import Executor  # numba: imported where it is used

    data = ModelData(data, graph)
    executor = Executor(graph, arithmetic="saturating", threads=threads, count_saturation=True)
    if not executor.graph.of_type(*INTEGER_LAYERS):
        raise QuantizationError(f"model {graph.name!r} has no integer layer, so nothing can saturate; quantize it first")
    total = -(-min(limit or len(data), len(data)) // batch_size)
    for batch in progress(batches(data, graph, batch_size, limit=limit), "counting saturation", total):
        executor.run(batch.inputs)
    return executor.saturation
