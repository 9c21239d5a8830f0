"""Finds a metric by its name, or by the name of a class of the user's."""

import re

from numpot.ir.arguments import shown
from numpot.ir.ops.common.operator import nearest

from ..data.plugins import create
from ..errors import DataError, QuantizationError
from .classification import Accuracy
from .confusion import F1, MeanIoU, Precision, Recall
from .detection import MeanAveragePrecision
from .metric import Metric, metric_name
from .reference import Agreement, Cosine, Sqnr
from .regression import Mae, Rmse


def parse_metric(text: str) -> Metric:
    """Return a metric by its name (accuracy@K, those below), or by module:Class for a Metric of the user's
    own. Raises DataError.
    """
    if not isinstance(text, str):
        raise DataError(f"a metric's name must be text, such as 'accuracy@1', found {shown(text)}.")
    if match := re.fullmatch(r"accuracy@([0-9]{1,9})", text):
        return Accuracy(int(match[1]))
    known: list[type[Metric]] = [
        Agreement,
        Sqnr,
        F1,
        Precision,
        Recall,
        MeanIoU,
        MeanAveragePrecision,
        Rmse,
        Mae,
        Cosine,
    ]
    by_name = {cls.name: cls for cls in known}
    if text in by_name:
        return by_name[text]()
    if ":" not in text:
        suggestion = nearest(text, ["accuracy@1", *by_name])
        raise DataError(
            f"metric {text!r} is not known"
            + (suggestion or f". Known are accuracy@K, {', '.join(by_name)} and module:Class.")
        )
    metric = create(text)
    if not isinstance(metric, Metric):
        raise DataError(
            f"metric {text}: expected a subclass of numpot.quant.Metric, found {type(metric).__name__}."
        )
    metric_name(metric)
    return metric


def as_metric(metric: Metric | str, name: str = "the metric") -> Metric:
    """A Metric as it is, if it has a name; text is parsed. Raises QuantizationError, DataError."""
    if isinstance(metric, str):
        return parse_metric(metric)
    if isinstance(metric, Metric):
        metric_name(metric)
        return metric
    if isinstance(metric, type) and issubclass(metric, Metric):
        raise QuantizationError(
            f"{name} must be a Metric, found {shown(metric)}; make an object of it: {metric.__name__}()"
        )
    raise QuantizationError(
        f"{name} must be a Metric or the name of one, such as 'accuracy@1', found {shown(metric)}"
    )
