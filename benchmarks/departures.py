"""What each departure from POT is worth: `performance` with one of them, and `best` with one more or one
less, on every reference model.

    python -m benchmarks.departures                  ten minutes: the tables of docs/differences.md
    python -m benchmarks.departures --only digits    some models

Top-1 in percent on all test images, which counts, and signal to noise of the outputs in dB, against float:
this alone for efficientnet_lite0, which has no labels here.
"""

import argparse
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from numpot.quant import quantize
from numpot.quant.metrics.reference import Sqnr
from tests.quant.data.array_data import ArrayData
from tests.quant.material import MATERIAL, NAMES, Data, load_data, load_model, logits

from .tables import markdown

Options = Mapping[str, Any]  # arguments of quantize


def activations(estimator: Any) -> Options:
    return {"activations": {"range_estimator": estimator}}


#: What numpot can do and POT cannot, each a parameter of its own.
DEPARTURES: dict[str, Options] = {
    "`percentile`": activations("percentile"),
    "`mse`": activations("mse"),
    "`layer_noise`": activations("layer_noise"),
    "`auto`": activations("auto"),
    "`mse` for weights": {"weights": {"range_estimator": "mse"}},
    "`strict_pot=False`": {"strict_pot": False},
    "`equalize_channels=True`": {"equalize_channels": True},
    "`saturation_fix=auto`": {"saturation_fix": "auto"},
}
#: Options of POT that preset `best` uses as well.
POTS: dict[str, Options] = {
    "`use_fast_bias=False`": {"use_fast_bias": False},
    "largest value of all samples": activations({"max": {"aggregator": "max"}}),
}
#: What preset `best` stands for.
BEST = (
    "`strict_pot=False`",
    "`equalize_channels=True`",
    "`use_fast_bias=False`",
    "largest value of all samples",
)
WITHOUT_LABELS = "efficientnet_lite0"
MODELS = [*NAMES, WITHOUT_LABELS]


def combined(*names: str) -> Options:
    """Several changes together; of two estimators the later one counts."""
    options: dict[str, Any] = {}
    for name in names:
        options |= (DEPARTURES | POTS)[name]
    return options


def with_one(changes: Mapping[str, Options]) -> dict[str, Options]:
    return {"`performance`": {}} | {f"+ {name}": options for name, options in changes.items()}


def best_and_neighbours() -> dict[str, Options]:
    less = {f"- {name}": combined(*(other for other in BEST if other != name)) for name in BEST}
    more = {f"+ {name}": combined(*BEST, name) for name in DEPARTURES if name not in BEST}
    return {"`best`": combined(*BEST)} | less | more


class Score(NamedTuple):
    top_1: float | None  # percent of all test images; None without labels
    sqnr: float  # dB, signal to noise of the outputs, against float

    @property
    def counts(self) -> float:
        """What decides."""
        return self.sqnr if self.top_1 is None else self.top_1

    def __str__(self) -> str:
        return f"{self.sqnr:.2f} dB" if self.top_1 is None else f"{self.top_1:.2f}, {self.sqnr:.1f} dB"


def score(name: str, options: Options) -> Score:
    """Of the model quantized so."""
    data = pictures() if name == WITHOUT_LABELS else load_data(name)
    found = logits(quantize(load_model(name), ArrayData(data.calibration), **options), data.test)
    top_1 = 100 * float(np.mean(found.argmax(1) == data.labels)) if len(data.labels) else None
    metric = Sqnr()
    metric.update({"logits": found}, {"logits": float_logits(name, data)})
    return Score(top_1, metric.value)


_float_logits: dict[str, np.ndarray] = {}


def float_logits(name: str, data: Data) -> np.ndarray:
    if name not in _float_logits:
        _float_logits[name] = logits(load_model(name), data.test)
    return _float_logits[name]


def pictures() -> Data:
    """20 photographs to calibrate efficientnet_lite0 with, and 20 others."""
    u8 = np.load(MATERIAL / WITHOUT_LABELS / "images_u8.npz")["u8"]
    x = ((u8.astype(np.float32) - np.float32(127)) / np.float32(128)).transpose(0, 3, 1, 2)
    return Data(x[::2], x[1::2], np.zeros(0))


def better_on_every(scores: Mapping[str, Score], baseline: Mapping[str, Score]) -> bool:
    """What a departure must be to be on by default."""
    return all(scores[name].counts > baseline[name].counts for name in baseline)


def table(title: str, rows: Mapping[str, Options], names: list[str]) -> str:
    """The first row is what the others are compared with; their mean change is of top-1."""
    lines = [["", *names, "better on", "mean change"]]
    baseline: dict[str, Score] = {}
    for row, options in rows.items():
        print(f"{title}: {row}", file=sys.stderr)
        scores = {name: score(name, options) for name in names}
        baseline = baseline or scores
        better = sum(scores[name].counts > baseline[name].counts for name in names)
        changes = [
            found - before
            for (found, _), (before, _) in zip(scores.values(), baseline.values(), strict=True)
            if found and before
        ]
        mean = f"{np.mean(changes):+.2f}" if changes else ""
        lines.append(
            [
                row,
                *map(str, scores.values()),
                *((f"{better} of {len(names)}", mean) if row != next(iter(rows)) else ("", "")),
            ]
        )
    return markdown(title, lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="models whose name contains this")
    only = parser.parse_args().only
    names = [name for name in MODELS if only in name]
    print(table("performance, and one change", with_one(DEPARTURES | POTS), names), flush=True)
    print(table("best, and one change", best_and_neighbours(), names))


if __name__ == "__main__":
    main()
