"""Engine: runs a model over a loader's samples, for a metric, for statistics, or both."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from numpot.ir.graph import Graph, Tensor

from ..data.model_data import ModelData
from ..errors import DataError, QuantizationError
from ..parallel.progress import track
from .loaders import DataLoader, Metric, PotSamples, unpack

Function = Callable[[np.ndarray], Any]
Layout = Mapping[str | tuple[str, int], Mapping[str, Function]]
Statistics = dict[str | tuple[str, int], dict[str, list[Any]]]


class Engine(ABC):
    """The environment of a pipeline: samples, a metric, and a way to run a model."""

    def __init__(
        self, config: Any = None, data_loader: DataLoader | None = None, metric: Metric | None = None
    ) -> None:
        self.config = dict(config or {})
        self._data_loader = data_loader
        self._metric = metric

    @property
    def data_loader(self) -> DataLoader:
        """The samples. Raises DataError for an engine that was given none."""
        if self._data_loader is None:
            raise DataError("the engine has no data_loader; give it one: IEEngine(config, data_loader=...)")
        return self._data_loader

    @property
    def metric(self) -> Metric | None:
        """What `predict` measures; None for statistics alone."""
        return self._metric

    @abstractmethod
    def set_model(self, model: Graph) -> None:
        """Choose the model that `predict` runs."""

    @abstractmethod
    def predict(
        self,
        stats_layout: Layout | None = None,
        sampler: Iterable[int] | None = None,
        stat_aliases: Any = None,
        metric_per_sample: bool = False,
        print_progress: bool = False,
    ) -> tuple[Any, Statistics]:
        """Run the model over the samples; return (metrics, statistics), as IEEngine does."""


class IEEngine(Engine):
    """Runs models with numpot's kernels. Of `config`, nothing is needed; POT's keys for devices and parallel
    requests are ignored.
    """

    _model: Graph | None = None

    def set_model(self, model: Graph) -> None:
        self._model = model

    def postprocess_output(self, outputs: list[np.ndarray], metadata: Any) -> Any:
        """Override this to change what the metric gets of the model's outputs, which come in the model's
        order.
        """
        return outputs

    def predict(
        self,
        stats_layout: Layout | None = None,
        sampler: Iterable[int] | None = None,
        stat_aliases: Any = None,
        metric_per_sample: bool = False,
        print_progress: bool = False,
    ) -> tuple[Any, Statistics]:
        """Run the samples (those that `sampler` numbers, or all), one at a time.

        stats_layout: {layer, or (layer, output port): {name: function of its output}}. Returns (metrics,
        statistics): metrics are {name: value over all}, or with metric_per_sample the pair ([{sample_id,
        metric_name, result}], {name: value}); statistics are {layer: {name: [a value for each sample]}}.
        Without annotations no metric is taken. stat_aliases: as in POT, not needed here.
        """
        from numpot.ir.executor.executor import Executor  # numba: imported where it is used

        if self._model is None:
            raise QuantizationError("the engine has no model; call set_model first")
        loader = self.data_loader
        samples = ModelData(PotSamples(loader), self._model)
        watched = {key: _tensor(self._model, key) for key in stats_layout or {}}
        executor = Executor(self._model, observe=watched.values(), arithmetic="exact")
        per_sample: list[dict[str, Any]] = []
        statistics: Statistics = {
            key: {name: [] for name in functions} for key, functions in (stats_layout or {}).items()
        }
        if self._metric is not None:
            self._metric.reset()
        numbers = list(range(len(loader)) if sampler is None else sampler)
        with track(len(numbers), "running samples", quiet=not print_progress) as advance:
            for index in numbers:
                seen: dict[Tensor, np.ndarray] = {}
                inputs = {name: array[None] for name, array in samples[index][0].items()}
                outputs = executor.run(inputs, observer=seen.__setitem__)
                for key, functions in (stats_layout or {}).items():
                    for name, function in functions.items():
                        statistics[key][name].append(function(seen[watched[key]]))
                per_sample += self._measure(index, list(outputs.values()))
                advance(1)
        averages = dict(self._metric.avg_value) if self._metric is not None else {}
        return ((per_sample, averages) if metric_per_sample else averages), statistics

    def _measure(self, index: int, outputs: list[np.ndarray]) -> list[dict[str, Any]]:
        """Update the metric with one sample; returns what it says of this sample."""
        _, annotation, metadata = unpack(self.data_loader, index)
        if self._metric is None or annotation is None:
            return []
        self._metric.update(self.postprocess_output(outputs, metadata), [annotation])
        try:
            values = self._metric.value
        except NotImplementedError:
            return []
        return [
            {"sample_id": index, "metric_name": name, "result": np.ravel(v)[0]} for name, v in values.items()
        ]


def _tensor(model: Graph, key: str | tuple[str, int]) -> Tensor:
    name, port = key if isinstance(key, tuple) else (key, 0)
    if name not in model.nodes:
        raise QuantizationError(f"stats_layout: model {model.name!r} has no layer {name!r}")
    return model.nodes[name].outputs[port]
