"""BiasCorrection: correct layer by layer, each on the outputs of the corrected layers before it (eq. C10 in
docs/calibration.md).

    b := b + mean(y) - mean(y_q)                                 (C10)

y is the layer's output with its bias b in the float model, y_q the same in a model whose weights are all
rounded and whose earlier biases are already corrected. So what rounding does to the mean is followed through
the network, where FastBiasCorrection looks at one layer at a time. The model is run once in all: from each
layer to the next, on tensors kept in between.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from numpot.ir.graph import Graph, Node, Tensor

from ..layers.subgraph import ancestors, cut
from ..layers.weighted_layers import bias_add, biased_output, channel_axis, replace_constant
from ..parallel.progress import track
from .fast_bias_correction import relative_change

Inputs = Mapping[str, np.ndarray]
State = dict[Tensor, np.ndarray]  # of one sample: the tensors that layers further down will read


def correct_in_order(
    model: Graph,
    rounded: Graph,
    means: Mapping[str, np.ndarray],
    inputs: Sequence[Inputs],
    threshold: float | None,
    *,
    progress: bool = False,
) -> list[str]:
    """Correct the biases of `model`, in place; returns the names of the layers whose bias was replaced.

    rounded: the same layers by name, with the weights that they will see; every shape known
    (`subgraph.with_batch`). means: (C,) by layer, what the mean of each channel of its output should be.
    inputs: samples, as `rounded` takes them. threshold: POT leaves a layer alone if an element of its bias
    would change by this factor of itself or more, or is zero; None corrects all. Source: POT 2023.3,
    BiasCorrection.
    """
    layers = [node for node in rounded.topological_order() if node.name in means]
    # what has to be run, and has not been
    waiting = ancestors([biased_output(layer).producer for layer in layers])
    states: list[State] = [{p.output: sample[p.name] for p in rounded.inputs} for sample in inputs]
    waiting.difference_update(rounded.inputs)
    corrected = []
    with track(len(layers), "correcting biases", quiet=not progress) as advance:
        for layer in layers:
            end = biased_output(layer)
            _advance(rounded, states, end, waiting)
            axes = tuple(a for a in range(len(end.shape)) if a != channel_axis(layer) % len(end.shape))
            found = np.mean([state[end].mean(axes, dtype=np.float64) for state in states], axis=0)
            if _shift_bias(model, model.nodes[layer.name], means[layer.name] - found, threshold):
                corrected.append(layer.name)
                shift = (
                    (means[layer.name] - found)
                    .astype(np.float32)
                    .reshape([-1 if a not in axes else 1 for a in range(len(end.shape))])
                )
                for state in states:
                    state[end] = state[end] + shift
            for state in states:
                for tensor in [t for t in state if not any(use.node in waiting for use in t.consumers)]:
                    del state[tensor]
            advance(1)
    return corrected


def _advance(graph: Graph, states: list[State], end: Tensor, waiting: set[Node]) -> None:
    """Run every sample up to `end`: the nodes still waiting that it depends on. The states take in what
    others will read.
    """
    from numpot.ir.executor.executor import Executor  # numba: imported where it is used

    segment = ancestors([end.producer]) & waiting
    waiting -= segment
    starts = [t for t in states[0] if any(use.node in segment for use in t.consumers)]
    made = [t for node in segment for t in node.outputs if t.constant is None]
    ends = [t for t in made if t is end or any(use.node in waiting for use in t.consumers)]
    part = cut(graph, starts, ends)
    executor = Executor(part, arithmetic="simulated")
    for state in states:
        outputs = executor.run({t.name: state[t] for t in starts})
        state.update(zip(ends, (outputs[result.name] for result in part.outputs), strict=True))


def _shift_bias(model: Graph, layer: Node, shift: np.ndarray, threshold: float | None) -> bool:
    """b := b + shift, unless that is too much. shift: (C,) float64."""
    add = bias_add(layer)
    assert add is not None and add.inputs[1].constant is not None
    old = add.inputs[1].constant
    if threshold is not None and relative_change(shift.reshape(old.shape), old) >= threshold:
        return False
    replace_constant(model, add, 1, (old + shift.reshape(old.shape)).astype(np.float32))
    return True
