"""annotation_free: the float model's own answers as labels, so that a metric of labels serves data that has
none.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from numpot.ir.graph import Graph

from ..data.loader import DataLoader, DataView, Sample
from ..data.model_data import ModelData
from ..data.sources import batches, fixed_batch
from ..errors import DataError
from ..parallel.progress import track
from .evaluate import compiled
from .metric import Metric

UNLABELLED = -1  # what a metric of pixels does not count


class SelfLabelled(DataView):
    """Samples of another loader, of those numbers, with other labels."""

    def __init__(self, loader: DataLoader, numbers: Sequence[int], labels: Sequence[Any]) -> None:
        super().__init__(loader)
        self._numbers, self._labels = numbers, labels

    @property
    def classes(self) -> None:
        return None  # labels are the model's answers, whatever the folders are called

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: int) -> Sample:
        return self._loader[self._numbers[index]][0], self._labels[index]

    def label(self, index: int) -> Any:
        return self._labels[index]

    def where(self, index: int) -> str:
        return self._loader.where(self._numbers[index])


def self_labelled(
    data: DataLoader, model: Graph, metrics: Sequence[Metric], threshold: float, *, progress: bool = False
) -> DataLoader:
    """Where metrics count classes, a label is the class with the largest score, of the sample or of each
    pixel; samples and pixels whose largest score, as a probability, is below the threshold are left out.
    Where they measure numbers, labels are the outputs.

    Raises DataError for metrics of both kinds at once, and if no sample is left.
    """
    kinds = {metric.of_numbers for metric in metrics if metric.needs_labels}
    if len(kinds) > 1:
        raise DataError(
            "annotation_free makes labels of classes or of numbers; these metrics need both. Leave some out."
        )
    if len(model.outputs) != 1:
        raise DataError(f"annotation_free needs a model with one output; this one has {len(model.outputs)}.")
    samples, executor = ModelData(data, model), compiled(model, "exact", None)
    numbers: list[int] = []
    labels: list[Any] = []
    with track(len(samples), "labelling", quiet=not progress) as advance:
        for batch in batches(samples, model, 32):
            (outputs,) = executor.run(batch.inputs).values()
            for number, output in zip(batch.indices, outputs, strict=True):
                label = output if kinds == {True} else _classes(output, threshold)
                if label is not None:
                    numbers.append(number)
                    labels.append(label)
            advance(len(batch.indices))
    whole = len(numbers) - len(numbers) % (fixed_batch(model) or 1)
    if not whole:
        raise DataError(
            f"annotation_free: the float model is below {threshold} sure of every sample; lower "
            "annotation_conf_threshold."
        )
    return SelfLabelled(samples, numbers[:whole], labels[:whole])


def _classes(scores: np.ndarray, threshold: float) -> Any:
    """scores: (classes,) or (classes, H, W, ...) float32 -> an integer or an array of them; None if nothing
    is sure enough.
    """
    best, chances = scores.argmax(axis=0), probabilities(scores).max(axis=0)
    if best.size == 1:
        return int(best.reshape(())) if float(chances.reshape(())) >= threshold else None
    sure = np.where(chances >= threshold, best, UNLABELLED)
    return sure if (sure != UNLABELLED).any() else None


def probabilities(scores: np.ndarray) -> np.ndarray:
    """(classes, ...) float32, as they are if they are probabilities already, else by softmax."""
    if (scores >= 0).all() and np.allclose(scores.sum(axis=0), 1, atol=1e-3):
        return scores
    powers = np.exp(scores - scores.max(axis=0, keepdims=True))
    return powers / powers.sum(axis=0, keepdims=True)
