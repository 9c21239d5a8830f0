"""Mean average precision of detections, as COCO defines it; the counting is done by the library
faster-coco-eval.
"""

import math
from typing import Any, Final

import numpy as np

from numpot.ir.errors import MissingExtraError

from ..errors import DataError
from .metric import Metric, Outputs

EVERYTHING: Final = (0.0, 1e10)  # squares of pixels: COCO's area range `all`


class MeanAveragePrecision(Metric):
    """Mean over classes and over the overlaps 0.5, 0.55 ... 0.95 of the average precision, with 100
    detections an image at most.

    The model has one output [n, D, 6]: x1, y1, x2, y2, score, class; or three, called boxes [n, D, 4], scores
    [n, D] and labels [n, D]. A score of 0 or a class below 0 marks a row without a detection. A label is an
    array [G, 5]: x1, y1, x2, y2, class, in the same units; rows with a class below 0 are not counted, so that
    all labels can have one shape.
    """

    name = "map"

    def __init__(self) -> None:
        _library()
        self.reset()

    def reset(self) -> None:
        self._images = 0
        self._truth: list[dict[str, Any]] = []
        self._found: list[dict[str, Any]] = []

    def update(self, outputs: Outputs, labels: Any) -> None:
        for rows, truth in zip(_detections(self.name, outputs), labels, strict=True):
            self._images += 1
            for box in _labelled(self.name, truth):
                more = {
                    "id": len(self._truth) + 1,
                    "area": float(box[2] - box[0]) * float(box[3] - box[1]),
                    "iscrowd": 0,
                }
                self._truth.append(
                    {
                        "image_id": self._images,
                        "category_id": int(box[4]),
                        "bbox": _corner_and_size(box),
                        **more,
                    }
                )
            for row in rows[(rows[:, 4] > 0) & (rows[:, 5] >= 0)]:
                entry = {
                    "image_id": self._images,
                    "category_id": int(row[5]),
                    "bbox": _corner_and_size(row),
                    "score": float(row[4]),
                }
                self._found.append(entry)

    def check_labels(self, outputs: Outputs, labels: Any) -> None:
        for truth in labels:
            _labelled(self.name, truth)

    @property
    def value(self) -> float:
        """0 where there are labels and nothing is found, 1 where there is neither."""
        if not self._images:
            return math.nan
        if not self._truth or not self._found:
            return float(not self._truth and not self._found)
        classes = sorted({entry["category_id"] for entry in (*self._truth, *self._found)})
        COCO, COCOeval_faster = _library()
        dataset = {
            "images": [{"id": number + 1} for number in range(self._images)],
            "categories": [{"id": c} for c in classes],
            "annotations": self._truth,
        }
        truth = COCO(dataset, use_deepcopy=True)
        evaluation = COCOeval_faster(
            truth, truth.loadRes([dict(entry) for entry in self._found]), "bbox", print_function=_silent
        )
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [list(EVERYTHING)], ["all"]
        evaluation.params.maxDets = [100]
        evaluation.evaluate()
        evaluation.accumulate()
        # (overlaps, recalls, classes, 1, 1), -1 for a class without labels
        precision = evaluation.eval["precision"]
        return float(precision[precision > -1].mean())


def _library() -> tuple[Any, Any]:
    try:
        from faster_coco_eval import COCO, COCOeval_faster
    except ImportError as error:
        raise MissingExtraError("faster-coco-eval", "detection", "metric map") from error
    return COCO, COCOeval_faster


def _silent(*text: object) -> None:
    """Where the library would print."""


def _detections(metric: str, outputs: Outputs) -> np.ndarray:
    """(n, D, 6) float64."""
    if outputs.keys() == {"boxes", "scores", "labels"}:
        parts = [outputs["boxes"], outputs["scores"][..., None], outputs["labels"][..., None]]
        rows = np.concatenate([part.astype(np.float64) for part in parts], axis=2)
    else:
        rows = next(iter(outputs.values())).astype(np.float64)
    if rows.ndim != 3 or rows.shape[2] != 6 or len(outputs) not in (1, 3):
        found = ", ".join(f"{name} {list(array.shape)}" for name, array in outputs.items())
        raise DataError(
            f"metric {metric} needs one output [n, D, 6], or boxes, scores and labels; found {found}."
        )
    return rows


def _labelled(metric: str, label: Any) -> np.ndarray:
    """The boxes of one image, (G, 5) float64."""
    boxes = np.asarray(label, np.float64)
    if boxes.size == 0:
        return np.zeros((0, 5))
    if boxes.ndim != 2 or boxes.shape[1] != 5:
        raise DataError(
            f"metric {metric} needs labels [G, 5] of x1, y1, x2, y2, class; found {list(boxes.shape)}."
        )
    return boxes[boxes[:, 4] >= 0]


def _corner_and_size(row: np.ndarray) -> list[float]:
    """x1, y1, x2, y2 -> x, y, width, height."""
    x1, y1, x2, y2 = (float(v) for v in row[:4])
    return [x1, y1, x2 - x1, y2 - y1]
