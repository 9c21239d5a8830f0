"""EngineEvaluator: POT's engine and metric, as the accuracy-aware search measures with them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from numpot.ir.graph import Graph
from numpot.ir.ops.common.operator import nearest

from ..accuracy_aware.evaluators.evaluator import Evaluator, Scores
from ..accuracy_aware.evaluators.metric_identity import class_identity, identity
from ..data.plugins import failing_as
from ..errors import DataError
from .engine import Engine


class EngineEvaluator(Evaluator):
    """metrics: names of those to look at, None for all that the engine's metric has. Raises DataError for an
    engine without one.
    """

    def __init__(self, engine: Engine, metrics: Sequence[str] | None) -> None:
        self._engine = engine
        if engine.metric is None:
            raise DataError(
                "AccuracyAwareQuantization needs a metric; give the engine one: IEEngine(config, "
                "data_loader, metric)"
            )
        attributes = engine.metric.get_attributes()
        for name in metrics or ():
            if name not in attributes:
                raise DataError(
                    f"metrics: the engine has no metric {name!r}"
                    + (nearest(name, attributes) or f"; it has {', '.join(attributes)}")
                )
        self._names = list(metrics or attributes)
        self.higher_better = {
            name: attributes[name].get("direction", "higher-better") == "higher-better"
            for name in self._names
        }
        with failing_as(f"metric {type(engine.metric).__name__} failed"):
            engine.metric.reset()
        self.identity = "\n".join([identity(engine.metric), class_identity(type(engine)), *self._names])

    def __len__(self) -> int:
        return len(self._engine.data_loader)

    def measure(self, graph: Graph, indices: Sequence[int] | None = None) -> Scores:
        self._engine.set_model(graph)
        numbers = range(len(self)) if indices is None else indices
        with failing_as(f"metric {type(self._engine.metric).__name__} failed"):
            (each, averages), _ = self._engine.predict(sampler=numbers, metric_per_sample=True)
        values = {name: self._number(name, value) for name, value in averages.items() if name in self._names}
        place = {index: row for row, index in enumerate(numbers)}
        per_sample = {name: np.zeros(len(numbers)) for name in self._names}
        for result in each:
            if result["metric_name"] in per_sample:
                per_sample[result["metric_name"]][place[result["sample_id"]]] = float(result["result"])
        return Scores(values, per_sample)

    def _number(self, name: str, value: Any) -> float:
        array = np.ravel(np.asarray(value, np.float64))
        if array.size != 1:
            raise DataError(f"metric {name}: expected one number as avg_value, found {array.size}")
        return float(array[0])
