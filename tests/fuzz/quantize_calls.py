"""Calls of quantize and quantize_accuracy_aware with values of any kind: they work, or end in one sentence of
numpot's own.
"""

import dataclasses
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from numpot.ir.errors import NumpotError
from numpot.ir.graph import Graph
from numpot.quant.accuracy_aware.algorithm import quantize_accuracy_aware
from numpot.quant.accuracy_aware.parameters import SearchParameters
from numpot.quant.data.loader import DataLoader
from numpot.quant.default_quantization import quantize
from numpot.quant.metrics.classification import Accuracy
from numpot.quant.parameters import Parameters

from ..networks import Network
from ..quant.data.array_data import normal


class Odd:
    """An object whose every question is an error."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    def __bool__(self) -> bool:
        raise RuntimeError("no")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    __hash__ = None  # type: ignore[assignment]


VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        1,
        2,
        3,
        -1,
        8,
        2**31,
        2**63,
        10**5000,
        0.0,
        0.5,
        1.0,
        -1.0,
        1e-320,
        1e308,
        math.inf,
        -math.inf,
        math.nan,
    ),
    *(
        "",
        "3",
        "x",
        "mixed",
        "CPU",
        "first_layer",
        "Convolution",
        "a\nb",
        "\ud800",
        "x" * 100_000,
        b"x",
        [],
        [1],
        ["x"],
        [None],
        (),
        ("float",),
    ),
    *(
        {},
        {"bits": 4},
        {"bits": "4"},
        {"bits": [[]]},
        {1: 2},
        {"level_low": 0, "level_high": 1},
        {"accuracy@1": 0.5},
        {"accuracy@1": "x"},
    ),
    *(
        np.int64(3),
        np.float32(0.5),
        np.nan,
        np.bool_(True),
        np.arange(3),
        np.array(2),
        np.array([]),
        object(),
        Odd(),
        int,
        print,
        1j,
        range(3),
    ),
    *(
        {"preset": "quantile", "max": {"outlier_prob": math.nan}},
        {"min": {"clipping_value": math.inf}},
        [{"type": "Add"}],
        [{"type": 3}],
    ),
]
METHODS = {"default": quantize, "accuracy-aware": quantize_accuracy_aware}
OPTIONS = {
    "default": [f.name for f in dataclasses.fields(Parameters)] + ["statistics_cache", "pool", "progress"],
    "accuracy-aware": [f.name for kind in (Parameters, SearchParameters) for f in dataclasses.fields(kind)]
    + [
        "annotation_free",
        "annotation_conf_threshold",
        "arithmetic",
        "statistics_cache",
        "pool",
        "progress",
        "calibration_data",
    ],
}


class Labelled(DataLoader):
    x = normal(4, 2, 3, 3)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> Any:
        return self.x[index], index % 3


@cache
def network() -> Graph:
    net = Network(seed=0)
    return net.result(net.matmul(net.mean(net.relu(net.conv(net.input(-1, 2, 3, 3), 3))), 3))


def prepare() -> None:
    quantize(network(), Labelled())
    quantize_accuracy_aware(network(), Labelled(), Accuracy())


def trial(rng: np.random.Generator, folder: Path) -> str:
    method = ("default", "accuracy-aware")[int(rng.integers(2))]
    options = {}
    for _ in range(int(rng.integers(1, 3))):
        name = OPTIONS[method][int(rng.integers(len(OPTIONS[method])))]
        options[name] = VALUES[int(rng.integers(len(VALUES)))]
    if isinstance(options.get("statistics_cache"), str):
        options["statistics_cache"] = f"{folder}/{options['statistics_cache']}"
    arguments: list[Any] = [network(), Labelled()] + [Accuracy()] * (method == "accuracy-aware")
    if rng.random() < 0.15:
        arguments[int(rng.integers(len(arguments)))] = VALUES[int(rng.integers(len(VALUES)))]
    try:
        METHODS[method](*arguments, **options)  # type: ignore[operator]
    except NumpotError as error:
        assert "\n" not in str(error) and len(str(error)) < 2000
        return "refused"
    return "held"
