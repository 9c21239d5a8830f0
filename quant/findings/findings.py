"""What somebody should know of a quantized model when it is made: noted in the model itself, and told in
plain sentences.

scopes          what each ignored scope left in float                  scopes.py
inputs          the range that each input saw                          input_ranges.py
zeroed_layers   layers whose weights all became zero
noisy_layers    layers whose output is mostly noise                    layer_noise.py
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from numpot.ir.graph import Graph

from ..assembly import Assembly
from ..data.input_ranges import shown_range
from ..placement.scopes import shown_scope
from ..sentences import counted, listed
from ..statistics.collection import Samples
from .layer_noise import LOST_DB, noisy_layers

NOTED: Final = ("scopes", "inputs", "zeroed_layers", "noisy_layers")

log = logging.getLogger("numpot")


def note(model: Graph, assembly: Assembly, samples: Samples) -> None:
    """Write what was found into `info["quantization"]` of the finished model, and log a warning for every
    layer that was lost.

    assembly: of which the model is one variant. A few samples are run through both.
    """
    settings, prepared = assembly.settings, assembly.prepared
    made = model.info["quantization"]
    assert isinstance(made, dict)
    made["scopes"] = [scope.record() for scope in settings.scopes(prepared)]
    made["inputs"] = {name: found.record() for name, found in samples.inputs.items()}
    made["zeroed_layers"] = _zeroed_layers(model, assembly)
    made["noisy_layers"] = noisy_layers(model, prepared, samples)
    for sentence in warnings(made):
        log.warning("%s", sentence)


def _zeroed_layers(model: Graph, assembly: Assembly) -> list[str]:
    """Names of layers whose weights are all zero in the int8 model, and were not in the float one."""
    return [
        use.node.name
        for q in assembly.quantizers
        if q.name in model.nodes and q.name in assembly.weights and assembly.weights[q.name].is_zero
        for use in q.uses
        if q.tensor.constant is not None and q.tensor.constant.any()
    ]


def remarks(made: Mapping[str, Any]) -> list[str]:
    """What `note` found that is no cause for worry. made: `info["quantization"]`."""
    return [*_of_inputs(made["inputs"]), *_of_scopes(made["scopes"])]


def warnings(made: Mapping[str, Any]) -> list[str]:
    """What `note` found that is."""
    sentences = []
    if zeroed := made["zeroed_layers"]:
        sentences.append(
            f"{counted(len(zeroed), 'layer')} lost all weights, which are too small for the range they "
            "were given and became zero: "
            f"{listed(zeroed)}. Leave out clipping_value and range estimators of weights, or the layer "
            "(--ignore)"
        )
    if noisy := made["noisy_layers"]:
        names = listed([f"{layer['name']} ({layer['sqnr_db']:.1f} dB)" for layer in noisy])
        sentences.append(
            f"{counted(len(noisy), 'layer')} {'is' if len(noisy) == 1 else 'are'} mostly noise after "
            "quantization, with an SQNR "
            f"below {LOST_DB:g} dB on calibration samples: {names}. numpot compare says which of them "
            "adds the noise, and --ignore leaves "
            "it in float"
        )
    return sentences


def _of_inputs(inputs: Mapping[str, Mapping[str, float]]) -> list[str]:
    return [
        f"input {name!r}: the model sees {shown_range(found['min'], found['max'])}"
        for name, found in inputs.items()
    ]


def _of_scopes(scopes: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence for all names together, and one for each type and operation."""
    named: dict[str, dict[str, None]] = {}
    for scope in scopes:
        option = scope["option"]
        title = option if option == "ignored_scope" else shown_scope(option, scope["entry"])
        named.setdefault(title, {}).update(dict.fromkeys(scope["layers"]))
    return [
        f"{title} leaves {counted(len(layers), 'layer')} in float: {listed(list(layers))}"
        for title, layers in named.items()
    ]
