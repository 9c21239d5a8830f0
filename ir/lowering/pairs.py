"""Which products are neighbours, and clip together: what a runtime's kernels pair, written as operators.

    a matrix product summed in halves  ->  MatMulInteger(block)              pairs do not cross the middle
    a convolution run as a product     ->  1x1 ConvolutionInteger(Im2Col(q)) pairs run on from tap to tap
    any other layer                    ->  as it is                          pairs are two channels of one tap

Exact sums do not care who is whose neighbour, so this is done for saturating arithmetics alone, and only
where it changes a pair. kernels/saturation.py shows the equations, and its `PAIR_RULES` say which layers
these are.
"""

from dataclasses import replace

import numpy as np

from numpot.kernels.saturation import PairRule

from ..graph import Graph, Node
from ..ops.convolution_integer import ConvolutionInteger
from ..ops.im2col import Im2Col
from ..ops.matmul_integer import MatMulInteger


def pair_products(graph: Graph, layer: Node, rule: PairRule) -> None:
    """Rewrite a saturating integer layer with constant weights so that its pairs are those of the rule."""
    weights = layer.inputs[1].constant
    if weights is None:
        return
    if isinstance(layer.op, MatMulInteger):
        K = weights.shape[1 if layer.op.transpose_b else 0]
        graph.replace_op(layer, replace(layer.op, block=rule.block(K)))
        return
    zero_point = layer.inputs[2].constant
    if zero_point is None or zero_point.size != 1 or not isinstance(layer.op, ConvolutionInteger):
        return
    if rule.runs_on(weights.shape, layer.op.groups, int(zero_point.item())):
        _as_matrix_product(graph, layer, layer.op, weights, rule)


def _as_matrix_product(
    graph: Graph, layer: Node, op: ConvolutionInteger, weights: np.ndarray, rule: PairRule
) -> None:
    codes, _, border = layer.inputs
    columns = Im2Col(
        kernel=weights.shape[2:],
        strides=op.strides,
        pads_begin=op.pads_begin,
        pads_end=op.pads_end,
        dilations=op.dilations,
        groups=op.groups,
    )
    # (O,kh*kw*G,1,1), a row as Im2Col has it
    rows = np.ascontiguousarray(weights.transpose(0, 2, 3, 1)).reshape(len(weights), -1, 1, 1)
    graph.set_input(
        layer, 0, graph.add(columns, [codes, border], graph.unique_name(f"{layer.name}/im2col")).output
    )
    graph.set_input(layer, 1, graph.constant(rows, graph.unique_name(f"{layer.name}/rows")))
    pointwise = replace(
        op,
        strides=(1, 1),
        pads_begin=(0, 0),
        pads_end=(0, 0),
        dilations=(1, 1),
        block=rule.block(rows.shape[1]),
    )
    graph.replace_op(layer, pointwise)
