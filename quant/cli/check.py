"""numpot check: is this file a sound model, and what is worth knowing about it?"""

from typing import TYPE_CHECKING

from numpot.ir.errors import counted

from .common import Debug, Json, Model, print_json, reports_errors

if TYPE_CHECKING:
    from numpot.ir.graph import Node


@reports_errors
def run(model: Model, json: Json = False, debug: Debug = False) -> None:
    """Verify that a model file is valid in every respect that its format guarantees.

    Prints what is wrong, in one sentence with file and line, or that the file is sound.
    """
    import numpy as np

    from numpot.ir import read_model

    graph = read_model(model)
    constants = {n.name: n.output.constant for n in graph.of_type("Constant")}
    warnings = [
        f"constant {name!r} holds NaN or infinity"
        for name, value in constants.items()
        if value is not None and value.dtype.kind == "f" and not np.isfinite(value).all()
    ]
    warnings += [
        f"layer {n.name!r} ({n.type}) has an output that no layer reads"
        for n in graph
        if n.type not in ("Result", "Parameter") and _is_unread(n)
    ]
    result = {
        "model": model,
        "layers": len(graph) - len(constants),
        "parameters": sum(v.size for v in constants.values() if v is not None),
        "warnings": warnings,
    }
    if json:
        print_json(result)
        return
    numbers = f"{result['parameters']:,} number{'' if result['parameters'] == 1 else 's'}"
    print(f"{model}: sound, {counted(len(graph) - len(constants), 'layer')}, {numbers} in constants")
    for warning in warnings:
        print(f"warning: {warning}")


def _is_unread(node: "Node") -> bool:
    return not any(t.consumers for t in node.outputs)
