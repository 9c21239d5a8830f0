"""load_model, save_model, compress_model_weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpot.ir import read_model
from numpot.ir import save_model as save_graph
from numpot.ir.graph import Graph

from ..errors import QuantizationError


def load_model(model_config: Mapping[str, Any], target_device: str = "ANY") -> Graph:
    """model_config: {"model_name", "model", "weights"}. "model" is a file that numpot reads; "weights" is
    found beside an .xml by itself.

    target_device: as in POT, where models for some devices are read differently; not here.
    """
    if "cascade" in model_config:
        raise QuantizationError("model: a cascade of models is not supported; quantize each model by itself")
    if not model_config.get("model"):
        raise QuantizationError(
            'model: expected {"model_name": NAME, "model": FILE, "weights": FILE}, found no "model"'
        )
    graph = read_model(Path(model_config["model"]))
    graph.name = model_config.get("model_name") or graph.name
    return graph


def save_model(
    model: Graph, save_path: str, model_name: str | None = None, for_stat_collection: bool = False
) -> list[dict[str, str]]:
    """Write SAVE_PATH/MODEL_NAME.xml and .bin; returns their paths, in a list as POT does.
    for_stat_collection changes nothing here.
    """
    folder = Path(save_path)
    folder.mkdir(parents=True, exist_ok=True)
    xml = folder / f"{model_name or model.name}.xml"
    save_graph(model, xml)
    return [{"model": str(xml), "weights": str(xml.with_suffix(".bin"))}]


def compress_model_weights(model: Graph) -> None:
    """Do nothing: POT quantizes weights in float and stores them as int8 when this is called; here they are
    int8 from the start.
    """
