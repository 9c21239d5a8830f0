"""What fine-tuning wins back, and what it costs: top-1 of quantized models before and after, on every
reference model with labels.

    python -m benchmarks.finetuning                    tables of docs/finetuning.md: half an hour on one core
    python -m benchmarks.finetuning --only digits      some models

Top-1 in percent on all test images, which training never sees; how many percent of the codes have changed;
seconds of training. What is learned is the float model's answers: on the 300 calibration images, 20 times
over, or on 6000 training images (of digits, all 1297), twice; with --labels, their labels. On a machine that
is shared OPENBLAS_NUM_THREADS=1 is faster.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from numpot.ir.graph import Graph
from numpot.quant import finetune, quantize
from numpot.quant.data.idx import read_idx
from numpot.quant.data.loader import DataLoader
from tests.quant.data.array_data import ArrayData
from tests.quant.material import MATERIAL, NAMES, load_data, load_model, normalized, top_1

from .tables import markdown

CALIBRATION = 300  # images
#: How weights are quantized: arguments of `quantize`. And the learning rate: the fewer codes, the further it
#: is from one to the next.
SCHEMES: Mapping[str, tuple[dict[str, Any], float]] = {
    "int8": ({}, 1e-3),
    "4-bit weights": ({"weights": {"bits": 4}}, 3e-3),
    "3-bit weights": ({"weights": {"bits": 3}}, 1e-2),
    "2-bit weights": ({"weights": {"bits": 2}}, 2e-2),
}


class Run(NamedTuple):
    """How many images, and how often they are seen."""

    images: int
    epochs: int


RUNS = (Run(300, 20), Run(6000, 2))


class Training(DataLoader):
    """Samples with labels."""

    def __init__(self, x: np.ndarray, labels: np.ndarray) -> None:
        self._x, self._labels = x, labels

    def __len__(self) -> int:
        return len(self._x)

    def __getitem__(self, index: int) -> Any:
        return self._x[index], self._labels[index]


def training_data(name: str, images: int, folder: Path) -> DataLoader | None:
    """The first training images and their labels, at most so many; None if they are not here."""
    if name.startswith("digits"):
        arrays = np.load(MATERIAL / "digits_data.npz")
        return Training(arrays["x_train"][:images], arrays["y_train"][:images])
    if not folder.is_dir():
        return None
    x, y = (
        read_idx(folder / f"train-{what}-ubyte.gz", rank)[:images]
        for what, rank in (("images-idx3", 3), ("labels-idx1", 1))
    )
    return Training(normalized(x), y)


def tuned(
    int8: Graph, teacher: Graph | None, name: str, run: Run, rate: float, folder: Path
) -> tuple[str, str, str]:
    """Top-1 afterwards, percent of the codes that are other ones, and seconds; dashes where the images are
    not here.
    """
    unlabelled = teacher is not None and run.images == CALIBRATION
    data = ArrayData(load_data(name).calibration) if unlabelled else training_data(name, run.images, folder)
    if data is None:
        return "-", "-", "-"
    start = time.perf_counter()
    found = finetune(int8, data, teacher, epochs=run.epochs, learning_rate=rate)
    seconds = time.perf_counter() - start
    return f"{top_1(found, name):.2f}", f"{100 * changed_codes(int8, found):.1f}", f"{seconds:.0f}"


def changed_codes(before: Graph, after: Graph) -> float:
    """Which share of all int8 weights."""
    codes = [n for n in before.of_type("Constant") if n.output.dtype == np.int8]
    pairs = [(n.output.constant, after.nodes[n.name].output.constant) for n in codes]
    return sum(int(np.sum(a != b)) for a, b in pairs) / sum(a.size for a, _ in pairs if a is not None)


def table(names: Sequence[str], schemes: Sequence[str], folder: Path, labels: bool) -> str:
    source = "labels" if labels else "teacher"
    lines = [
        [
            "model",
            "weights",
            "FP32",
            "before",
            *(cell for run in RUNS for cell in (f"{source}, {run.images} images", "codes %", "s")),
        ]
    ]
    for name in names:
        fp32, calibration = load_model(name), ArrayData(load_data(name).calibration)
        whole = f"{top_1(fp32, name):.2f}"
        for scheme in schemes:
            options, rate = SCHEMES[scheme]
            int8 = quantize(fp32, calibration, **options)
            found = [
                cell
                for run in RUNS
                for cell in tuned(int8, None if labels else fp32, name, run, rate, folder)
            ]
            lines.append([name, scheme, whole, f"{top_1(int8, name):.2f}", *found])
            print(*lines[-1], file=sys.stderr, flush=True)
    return markdown("fine-tuning", lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="models whose name contains this")
    parser.add_argument(
        "--weights", default="", help="weights whose name contains this: int8, 4-bit, 3-bit, 2-bit"
    )
    parser.add_argument(
        "--idx",
        type=Path,
        default=Path("/usr/share/datasets/fashion-mnist"),
        help="folder of Fashion-MNIST's IDX files",
    )
    parser.add_argument("--labels", action="store_true", help="learn from labels instead of the float model")
    given = parser.parse_args()
    schemes = [scheme for scheme in SCHEMES if given.weights in scheme]
    print(table([name for name in NAMES if given.only in name], schemes, given.idx, given.labels))


if __name__ == "__main__":
    main()
