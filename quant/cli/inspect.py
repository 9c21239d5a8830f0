"""numpot inspect: the layers of a model, and how a quantized one was made."""

from collections import Counter
from typing import Annotated

import typer

from .common import Debug, Json, Model, print_json, print_table, reports_errors


@reports_errors
def run(
    model: Model,
    plan: Annotated[bool, typer.Option("--plan", help="the steps that the executor runs, instead of the layers")] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show a model's layers, and how it was made."""
    from numpot.ir import read_model
    from numpot.ir.dtypes import NAMES

    graph = read_model(model)
    if plan:
        from numpot.ir.executor import Executor

        steps = [{"name": s.name, "kernel": s.kernel, "fused": list(s.fused)} for s in Executor(graph).plan]
        if json:
            print_json({"model": graph.name, "plan": steps})
        else:
            print_table(
                f"plan of {graph.name}",
                ["step", "kernel", "fused"],
                [[s["name"], s["kernel"], ", ".join(s["fused"])] for s in steps],
                numbers_from=3,
            )
        return
    layers = [
        {
            "name": n.name,
            "type": n.type,
            "output": [f"{NAMES[t.dtype]}{list(t.shape)}" for t in n.outputs],
            "parameters": sum(t.constant.size for t in n.inputs if t.constant is not None),
        }
        for n in graph.topological_order()
        if n.type != "Constant"
    ]
    types = Counter(n.type for n in graph)
    if json:
        print_json({"name": graph.name, "info": graph.info, "types": dict(types), "layers": layers})
        return
    rows = [[layer["name"], layer["type"], " ".join(layer["output"]), f"{layer['parameters']:,}"] for layer in layers]
    print_table(f"{graph.name}: {len(layers)} layers", ["layer", "type", "output", "constants"], rows, numbers_from=3)
    print("types: " + ", ".join(f"{count} {name}" for name, count in types.most_common()))
    _print_info(graph.info)


def _print_info(info: dict[str, object], indent: str = "") -> None:
    for key, value in info.items():
        if isinstance(value, dict):
            print(f"{indent}{key}:")
            _print_info(value, indent + "  ")
        else:
            print(f"{indent}{key}: {len(value)} layers" if isinstance(value, list) and len(value) > 8 else f"{indent}{key}: {value}")
