"""A metric over the pieces of a data set: what was seen of each piece, to be put together in order, the same
for any number of workers.
"""

import copy
from typing import Any, Final

from .metric import Metric, Outputs

PIECE: Final = 128  # samples


class Part:
    """What a metric sees of one piece. A metric that merges goes along; for any other one, the outputs and
    labels are kept instead.
    """

    def __init__(self, metric: Metric) -> None:
        self._metric = copy.deepcopy(metric) if merges(metric) else None
        if self._metric is not None:
            self._metric.reset()
        self._seen: list[tuple[Outputs, Any]] = []

    def update(self, outputs: Outputs, labels: Any) -> None:
        if self._metric is not None:
            self._metric.update(outputs, labels)
        else:
            self._seen.append((outputs, labels))

    def add_to(self, metric: Metric) -> None:
        """As if the metric had seen it, after what it has seen before."""
        if self._metric is not None:
            metric.merge(self._metric)  # type: ignore[attr-defined]
        for outputs, labels in self._seen:
            metric.update(outputs, labels)


def merges(metric: Metric) -> bool:
    """Whether it has a `merge` that knows of its `update` and `reset`: a subclass that redefines these must
    redefine that, too.
    """

    def home(method: str) -> int:
        """How far up it is defined."""
        return next(
            (i for i, cls in enumerate(type(metric).__mro__) if method in vars(cls)),
            len(type(metric).__mro__),
        )

    return hasattr(metric, "merge") and home("merge") <= min(home("update"), home("reset"))
