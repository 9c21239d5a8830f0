"""Operators that mean here what they mean in OpenVINO: the table says how they are read."""

from ....ops import OPERATORS
from ..node import Made, OpenVinoNode, reads
from ..operator_table import SAME


def same(node: OpenVinoNode) -> Made:
    for name, allowed in SAME[node.layer.type].fixed.items():
        node.require(name, *allowed)
    return node.add_all(node.read(OPERATORS[node.layer.type]), *node.inputs)


for _name, _form in SAME.items():
    reads(_name, since=_form.since, until=_form.until)(same)
