"""mAP against pycocotools, COCO's own evaluation."""

import numpy as np
import pytest

from numpot.quant.errors import DataError
from numpot.quant.metrics.names import parse_metric

pytest.importorskip("faster_coco_eval", reason="needs the extra 'detection'")
RNG = np.random.default_rng(0)


def boxes(count, classes=3):
    corner, size = RNG.uniform(0, 80, (count, 2)), RNG.uniform(5, 40, (count, 2))
    return np.concatenate([corner, corner + size, RNG.integers(0, classes, (count, 1))], axis=1)


def problem(images, shift):
    """Labels [G, 5] of each image, and detections [images, 12, 6] that are near some of them; the rest is
    noise and padding.
    """
    labels = [boxes(RNG.integers(0, 6)) for _ in range(images)]
    found = np.zeros((images, 12, 6), np.float32)
    for rows, truth in zip(found, labels, strict=True):
        near = truth[RNG.random(len(truth)) < 0.8]
        near[:, :4] += RNG.normal(0, shift, (len(near), 4))
        every = np.concatenate([near, boxes(3)])
        rows[: len(every), :4], rows[: len(every), 5] = every[:, :4], every[:, 4]
        rows[: len(every), 4] = RNG.uniform(0.05, 1, len(every))
    return labels, found


def authority(labels, found):
    coco = pytest.importorskip("pycocotools.coco")
    from pycocotools.cocoeval import COCOeval

    truth = coco.COCO()
    entries = [(image, row) for image, rows in enumerate(labels, 1) for row in rows.astype(float)]
    truth.dataset = {
        "images": [{"id": i + 1} for i in range(len(labels))],
        "categories": [{"id": c} for c in range(3)],
        "annotations": [
            {
                "id": n,
                "image_id": image,
                "category_id": int(r[4]),
                "bbox": [r[0], r[1], r[2] - r[0], r[3] - r[1]],
                "iscrowd": 0,
            }
            | {"area": (r[2] - r[0]) * (r[3] - r[1])}
            for n, (image, r) in enumerate(entries, 1)
        ],
    }
    truth.createIndex()
    detections = [
        {
            "image_id": i,
            "category_id": int(r[5]),
            "bbox": [r[0], r[1], r[2] - r[0], r[3] - r[1]],
            "score": r[4],
        }
        for i, rows in enumerate(found.astype(float), 1)
        for r in rows
        if r[4] > 0
    ]
    evaluation = COCOeval(truth, truth.loadRes(detections), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation.stats[0]


@pytest.mark.parametrize("shift", [0.5, 3.0])
@pytest.mark.parametrize("batch", [1, 7])
def test_against_coco(shift, batch):
    labels, found = problem(20, shift)
    metric = parse_metric("map")
    for i in range(0, 20, batch):
        metric.update({"y": found[i : i + batch]}, labels[i : i + batch])
    expected = authority(labels, found)
    assert 0.05 < expected < 1 and metric.value == pytest.approx(expected, abs=1e-12)
    assert metric.value == pytest.approx(expected, abs=1e-12)  # asking changes nothing


def test_three_outputs_and_padded_labels_are_the_same():
    labels, found = problem(5, 1.0)
    padded = np.full((5, 8, 5), -1.0)
    for row, truth in zip(padded, labels, strict=True):
        row[: len(truth)] = truth
    one, three = parse_metric("map"), parse_metric("map")
    one.update({"y": found}, labels)
    three.update(
        {"boxes": found[..., :4], "scores": found[..., 4], "labels": found[..., 5].astype(np.int64)}, padded
    )
    assert one.value == three.value


def test_nothing_to_find():
    metric = parse_metric("map")
    assert np.isnan(metric.value)
    metric.update({"y": np.zeros((1, 4, 6), np.float32)}, [np.zeros((0, 5))])
    assert metric.value == 1
    metric.update({"y": np.zeros((1, 4, 6), np.float32)}, [np.array([[0, 0, 5, 5, 1]])])
    assert metric.value == 0


def test_refusals():
    with pytest.raises(
        DataError,
        match=r"metric map needs one output \[n, D, 6\], or boxes, scores and labels; found y \[1, 4\]",
    ):
        parse_metric("map").update({"y": np.zeros((1, 4), np.float32)}, [[]])
    with pytest.raises(
        DataError, match=r"metric map needs labels \[G, 5\] of x1, y1, x2, y2, class; found \[2, 4\]"
    ):
        parse_metric("map").check_labels({"y": np.zeros((1, 4, 6), np.float32)}, [np.zeros((2, 4))])
