"""finetune: epochs of small steps over the samples, of which the best is kept (docs/finetuning.md).

Every step: a batch forwards, the loss, its gradient back to what is trained, and one step of Adam. Where
rounding is concerned the network is the simulated one, FakeQuantize in float32; validation runs the integers
themselves.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np

from numpot.ir.errors import AnyPath
from numpot.ir.formats.model_files import as_graph
from numpot.ir.graph import Graph, Tensor

from ..data.classes import record_classes
from ..data.loader import DataLoader
from ..data.model_data import ModelData
from ..data.sources import Batch, Subset, batches, fixed_batch
from ..errors import QuantizationError
from ..layers.free_batch import with_free_batch
from ..metrics.evaluate import check_needs, compiled, evaluate
from ..metrics.metric import Metric
from ..metrics.names import as_metric
from ..parallel.progress import track
from ..settings.arguments import as_loader
from ..settings.finetune_options import FinetuneOptions, LossName
from ..settings.option_types import read_option, read_options
from ..settings.signature import takes_options
from . import losses
from .adam import Adam, cosine
from .checks import check
from .forward_backward import Network, Values
from .trained import Trained, TrainedCodes, find_biases, find_weights, with_trained
from .units import bias_unit, weight_unit

Targets = Callable[[Batch], Mapping[str, np.ndarray]]


@takes_options(FinetuneOptions)
def finetune(
    int8: Graph | AnyPath,
    data: DataLoader | AnyPath,
    teacher: Graph | AnyPath | None = None,
    *,
    validation: DataLoader | AnyPath | None = None,
    metric: Metric | str | None = None,
    progress: bool = False,
    **options: Any,
) -> Graph:
    """Train the weight codes and biases of a quantized model; operators, scales, zero points and ranges stay
    the same, and so does its speed.

    teacher: the float model, whose answers are learned; then data needs no labels. validation, metric: after
    every epoch the model is measured, and the best one is returned, the one given included; without them, the
    last one is. progress: show a bar on stderr. The graph given is not changed. options: declared in
    settings/finetune_options.py. The same seed and data give the same model on one machine.

    Returns a graph whose `info["finetuning"]` says how it was made. Raises QuantizationError for a model that
    cannot be trained or parameters that make no sense, DataError for data that does not fit; both before any
    training.
    """
    wanted = read_options(FinetuneOptions, options)
    read_option(bool, "progress", progress)
    int8 = as_graph(int8)
    data = as_loader(data, int8)
    teacher = None if teacher is None else as_graph(teacher, "the teacher")
    validation = None if validation is None else as_loader(validation, int8, "validation")
    metric = None if metric is None else as_metric(metric)
    samples = ModelData(data, int8)
    chosen = wanted.loss or ("cross_entropy" if teacher is None else "distillation")
    check(int8, samples, teacher, chosen)
    if (validation is None) != (metric is None):
        raise QuantizationError(
            "validation data and a metric go together: the metric says which epoch is the best one"
        )
    student = with_free_batch(int8 if chosen == "mse" else with_scores(int8))
    training = Training(student, samples, _targets(student, teacher, chosen), chosen, wanted)
    best = _Best(int8, teacher, validation, metric)
    history = []
    with track(wanted.epochs * len(samples), "fine-tuning", quiet=not progress) as advance:
        for epoch in range(1, wanted.epochs + 1):
            mean_loss = training.epoch(advance)
            history.append(
                {"epoch": epoch, "loss": mean_loss, **best.offer(epoch, with_trained(int8, training.trained))}
            )
    tuned = best.model
    tuned.info["finetuning"] = {
        "tool": f"numpot {version('numpot')}",
        **asdict(wanted),
        "loss": chosen,
        "samples": len(samples),
        "trained": training.counts,
        **best.record,
        "history": history,
    }
    classes = samples.classes
    record_classes(tuned, classes if classes and (classes.is_given or teacher is None) else None)
    return tuned


class Training:
    """A network, what of it is trained, and where its training stands."""

    def __init__(
        self,
        graph: Graph,
        samples: ModelData,
        targets: Targets,
        loss: LossName,
        options: FinetuneOptions,
    ) -> None:
        weights, biases = find_weights(graph), find_biases(graph)
        self.trained: list[Trained] = [one for one, _ in (*weights, *biases)]
        self._network = Network(graph, [one.tensor for one in self.trained])
        self._outputs = {result.name: result.inputs[0] for result in graph.outputs}
        self._graph, self._samples, self._targets, self._loss = graph, samples, targets, getattr(losses, loss)
        self._options = options
        self._biases = len(biases)
        self._adam = [Adam() for _ in self.trained]
        self._order = np.random.default_rng(options.seed)
        size = fixed_batch(graph) or options.batch_size
        self._step, self._steps = 0, options.epochs * -(-len(samples) // size)
        first = next(batches(samples, graph, options.batch_size))
        values = self._network.forward(first.inputs, self._values)
        units = [
            weight_unit(one.master.shape, values[layer.inputs[0]], values[layer.output], layer)
            for one, layer in weights
        ]
        self._units = [*units, *(bias_unit(values[sums], bias.master) for bias, sums in biases)]

    @property
    def counts(self) -> dict[str, int]:
        """How many tensors of each kind are trained."""
        codes = sum(isinstance(one, TrainedCodes) for one in self.trained)
        return {
            "int8_weights": codes,
            "float_weights": len(self.trained) - codes - self._biases,
            "biases": self._biases,
        }

    @property
    def _values(self) -> Values:
        return {one.tensor: one.value for one in self.trained}

    def epoch(self, advance: Callable[[int], None]) -> float:
        """One pass over the samples in a new order; returns the mean loss."""
        order = self._order.permutation(len(self._samples))
        total = 0.0
        for batch in batches(Subset(self._samples, order.tolist()), self._graph, self._options.batch_size):
            total += self._train(batch) * len(batch.indices)
            advance(len(batch.indices))
        return total / len(self._samples)

    @np.errstate(over="ignore", invalid="ignore")  # the loss is looked at
    def _train(self, batch: Batch) -> float:
        """One step; returns the loss before it."""
        values = self._network.forward(batch.inputs, self._values)
        total, at_outputs = 0.0, dict[Tensor, np.ndarray]()
        for name, target in self._targets(batch).items():
            value, gradient = self._loss(values[self._outputs[name]], target)
            total += value
            at_outputs[self._outputs[name]] = gradient
        if not np.isfinite(total):
            raise QuantizationError(
                f"the loss became {total} at step {self._step + 1}; use a smaller learning rate than "
                f"{self._options.learning_rate}"
            )
        gradients = self._network.backward(values, at_outputs)
        rate = self._options.learning_rate * cosine(self._step, self._steps)
        for one, unit, adam in zip(self.trained, self._units, self._adam, strict=True):
            if one.tensor in gradients:
                one.move(rate * unit * adam.direction(unit * gradients[one.tensor]))
        self._step += 1
        return total


class _Best:
    """The best model so far, by a metric on validation data; without these the latest."""

    def __init__(
        self, start: Graph, teacher: Graph | None, validation: DataLoader | None, metric: Metric | None
    ) -> None:
        self.model = start.copy()
        self._teacher, self._metric = teacher, metric
        self._data = None if validation is None else ModelData(validation, start)
        self.record: dict[str, object] = {}
        if metric is not None and self._data is not None:
            check_needs(metric, self._data, teacher)
            self._value = self._measured(start)
            self.record = {
                "metric": metric.name,
                "before": self._value,
                "after": self._value,
                "best_epoch": 0,
            }

    def offer(self, epoch: int, model: Graph) -> dict[str, float]:
        """Keep the model if it is better than all before it; returns what was measured."""
        if self._metric is None:
            self.model = model
            return {}
        value = self._measured(model)
        if (value > self._value) if self._metric.higher_better else (value < self._value):
            self.model, self._value = model, value
            self.record.update(after=value, best_epoch=epoch)
        return {self._metric.name: value}

    def _measured(self, model: Graph) -> float:
        assert self._data is not None and self._metric is not None
        return evaluate(model, self._data, self._metric, reference=self._teacher).value


# ---- what is learned ---------------------------------------------------------------------------------------


def with_scores(graph: Graph) -> Graph:
    """A copy that gives the scores of the classes, where the graph gives their SoftMax: the losses take
    softmax themselves.
    """
    twin = graph.copy()
    for result in twin.outputs:
        last = result.inputs[0].producer
        if last.type == "SoftMax":
            twin.set_input(result, 0, last.inputs[0])
    return twin


def _targets(student: Graph, teacher: Graph | None, loss: LossName) -> Targets:
    """What the outputs shall be, by their names."""
    if teacher is not None:
        model = compiled(with_free_batch(teacher if loss == "mse" else with_scores(teacher)), "exact", None)
        return lambda batch: model.run(batch.inputs)
    name = student.outputs[0].name
    return lambda batch: {name: np.asarray(batch.labels)}
