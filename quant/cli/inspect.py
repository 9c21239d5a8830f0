"""numpot inspect: the layers of a model, and how a quantized one was made."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from numpot.ir.errors import counted

from .common import Debug, Json, Model, print_json, print_table, reports_errors

if TYPE_CHECKING:
    from numpot.ir import Graph

LONG_LIST = 8  # entries of an info list that are still worth printing


@reports_errors
def run(
    model: Model,
    plan: Annotated[
        bool, typer.Option("--plan", help="the steps that the executor runs, instead of the layers")
    ] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show the layers of a model, and how it was quantized."""
    from numpot.ir import read_model

    graph = read_model(model)
    if plan:
        _show_plan(graph, json)
    else:
        _show_layers(graph, json)


def _show_plan(graph: "Graph", json: bool) -> None:
    from numpot.ir import Executor

    steps = Executor(graph).plan
    if json:
        print_json(
            {
                "model": graph.name,
                "plan": [{"name": s.name, "kernel": s.kernel, "fused": s.fused} for s in steps],
            }
        )
        return
    rows = [[s.name, s.kernel, " ".join(_last_part(name, s.name) for name in s.fused)] for s in steps]
    print_table(
        f"plan of {graph.name}: {counted(len(steps), 'step')}",
        ["step", "kernel", "fused"],
        rows,
        numbers_from=3,
    )


def _last_part(name: str, layer: str) -> str:
    """A fused operator without the path it shares with its layer."""
    return name.removeprefix(layer.removesuffix("integer")).rpartition("/")[2] or name


def _show_layers(graph: "Graph", json: bool) -> None:
    from numpot.ir.dtypes import NAMES

    layers: list[dict[str, Any]] = [
        {
            "name": n.name,
            "type": n.type,
            "outputs": [f"{NAMES[t.dtype]}{list(t.shape)}" for t in n.outputs],
            "constants": sum(t.constant.size for t in n.inputs if t.constant is not None),
        }
        for n in graph.topological_order()
        if n.type != "Constant"
    ]
    types = Counter(n.type for n in graph)
    if json:
        print_json({"name": graph.name, "info": graph.info, "types": dict(types), "layers": layers})
        return
    rows = [
        [layer["name"], layer["type"], " ".join(layer["outputs"]), f"{layer['constants']:,}"]
        for layer in layers
    ]
    print_table(
        f"{graph.name}: {counted(len(layers), 'layer')}",
        ["layer", "type", "output", "constants"],
        rows,
        numbers_from=3,
    )
    print("types: " + ", ".join(f"{count} {name}" for name, count in types.most_common()))
    _print_info(graph.info)


def _print_info(info: dict[str, object], indent: str = "") -> None:
    for key, value in info.items():
        if isinstance(value, dict):
            print(f"{indent}{key}:")
            _print_info(value, indent + "  ")
        else:
            is_long = isinstance(value, list) and len(value) > LONG_LIST
            print(f"{indent}{key}: {len(value)} names" if is_long else f"{indent}{key}: {value}")  # type: ignore[arg-type]
