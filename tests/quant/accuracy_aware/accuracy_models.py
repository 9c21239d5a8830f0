"""A small classifier that loses accuracy with weights of 3 bits, and its samples: what tests of the
accuracy-aware search run on.
"""

from numpot.ir.formats.native.model import write_model
from numpot.ir.ops.add import Add
from numpot.quant.accuracy_aware.algorithm import quantize_accuracy_aware
from numpot.quant.data.loader import DataLoader
from numpot.quant.metrics.classification import Accuracy

from ...networks import Network
from ..data.array_data import normal

X = normal(60, 3, 8, 8)


class Labelled(DataLoader):
    def __init__(self, data, labels):
        self._data, self._labels = data, labels

    def __len__(self):
        return len(self._data)

    def __getitem__(self, index):
        return self._data[index], int(self._labels[index])


def network():
    net = Network(seed=3)
    x = net.relu6(net.conv(net.input(-1, 3, 8, 8), 8, 3, stride=2, pad=1, name="stem"))
    y = net.relu6(net.depthwise(net.conv(net.conv(x, 6, name="squeeze"), 16, name="expand"), name="filter"))
    return net.result(net.matmul(net.mean(y), 5, name="head"))


def scores(graph):
    from numpot.ir.executor.executor import Executor

    (found,) = Executor(graph).run({"x": X}).values()
    return found


def centred(graph):
    """The same with a bias that gives every class a like share of the samples, and the labels that it gets
    all right.
    """
    head = graph.outputs[0].inputs[0]
    bias = graph.add(
        Add(), [head, graph.constant(-scores(graph).mean(axis=0, keepdims=True), "head/mean")], "head/bias"
    )
    graph.redirect(head, bias.output, but=[bias])
    return graph, scores(graph).argmax(axis=1)


GRAPH, LABELS = centred(network())
DATA = Labelled(X, LABELS)
FEW_BITS = {"weights": {"bits": 3}}  # loses enough that there is something to give back


def run(drop=0.0, metric=None, data=DATA, **options):
    return quantize_accuracy_aware(
        GRAPH, data, metric or Accuracy(), max_drop=drop, **{**FEW_BITS, **options}
    )


def bytes_of(graph, folder):
    write_model(graph, folder / "model.xml")
    return (folder / "model.xml").read_bytes(), (folder / "model.bin").read_bytes()
