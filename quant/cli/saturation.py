"""numpot saturation: which layers of a quantized model would clip on a CPU without VNNI."""

from .common import (
    Data,
    Debug,
    Json,
    Limit,
    Mean,
    Model,
    Std,
    Threads,
    open_model,
    print_json,
    print_table,
    reports_errors,
)
from .suggestions import Source, evaluate_command


@reports_errors
def run(
    model: Model,
    data: Data,
    limit: Limit = None,
    threads: Threads = None,
    mean: Mean = None,
    std: Std = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Count the 16-bit pair sums that saturate, layer by layer.

    CPUs without VNNI add u8 x s8 products in pairs, in 16 bits. The model runs in that arithmetic. Layers
    whose weights cannot clip for any input are distinguished from those that merely did not clip.
    """
    from numpot.ir.executor.saturation_counts import SATURATION_COLUMNS, saturation_row

    from ..data.sources import open_data
    from ..weights.measure_saturation import describe_uncounted, measure_saturation, uncounted_layers

    graph = open_model(model, mean, std)
    samples, source = open_data(data, graph), Source(data, mean, std, limit=limit)
    layers = measure_saturation(graph, samples, limit=limit, threads=threads, progress=not json)
    uncounted = uncounted_layers(graph)
    total = layers.clipped
    if json:
        rows = [
            {
                "name": layer.name,
                "pairs": layer.pairs,
                "saturated": int(layer.saturated.sum()),
                "provably_safe": layer.provably_safe,
                "clips_elsewhere": layer.clips_elsewhere,
                "channels": int((layer.saturated > 0).sum()),
                "largest_overflow": int(layer.largest_overflow.max(initial=0)),
                "weight_bits": round(float(layer.weight_bits.mean()), 2),
            }
            for layer in layers
        ]
        print_json(
            {
                "layers": rows,
                "total_saturated": total,
                "not_counted": [{"name": n, "why": why} for n, why in uncounted.items()],
            }
        )
        return
    print_table(
        "pairs of products that saturate at 16 bits",
        SATURATION_COLUMNS,
        [saturation_row(layer) for layer in layers],
    )
    print(f"{total:,} of {sum(layer.pairs for layer in layers):,} pairs saturate")
    for sentence in describe_uncounted(uncounted):
        print(sentence)
    elsewhere = [layer.name for layer in layers if layer.clips_elsewhere]
    if elsewhere:
        print(
            f"{', '.join(elsewhere)}: no pair that AVX2 forms can clip, but other processors pair other "
            "products (docs/saturation.md)"
        )
    if total:
        print(
            "To see what it costs: "
            + evaluate_command(model, graph, samples, source, reference=model, arithmetic="saturating")
        )
    if total or elsewhere:
        print("To avoid it, quantize the float model again with --saturation-fix auto")
