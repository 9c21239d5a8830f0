"""Simplify: what Model Optimizer does to a float model before anyone quantizes it.

    constants   sub-graphs that depend on no input become Constants, shape arithmetic too
    no-ops      layers that return their input go
    patterns    x * Sigmoid(x), written out by an exporter, becomes Swish; so do its relatives
    layers      padding, batch norm, constant factors and terms go into the layer beside them
    dead        what no output needs goes

Every pass keeps what the model computes, up to float32 rounding, and leaves a quantized model's FakeQuantize
and integer weights alone.
"""

from ..graph import Graph
from .constants import fix_reshape_patterns, fold_constants, remove_no_ops
from .fold_into_layers import (
    decompose_batch_norm,
    fold_following_arithmetic,
    fold_padding,
    fold_preceding_factor,
)
from .patterns import recognize_patterns

PASSES = (
    fold_constants,
    fix_reshape_patterns,
    remove_no_ops,
    recognize_patterns,
    decompose_batch_norm,
    fold_padding,
    fold_following_arithmetic,
    fold_preceding_factor,
)


def simplify(graph: Graph) -> list[str]:
    """Simplify a graph in place; returns what was done, a sentence each, in order."""
    done = [f"{name!r} removed: no output needs it" for name in graph.prune()]
    for simplification in PASSES:
        done += simplification(graph)
        graph.prune()  # a dead reader of a tensor would keep the next pass from touching it
    return done
