"""Configuration files that are damaged, or that hold the wrong things: they are read, or refused in one
sentence.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from numpot.ir.errors import NumpotError
from numpot.quant.pot.config import read_config

from .campaign import damaged

SOUND: dict[str, Any] = {
    "model": {"model_name": "m", "model": "m.xml", "weights": "m.bin"},
    "engine": {"type": "simplified", "data_source": "data", "mean": [0.5], "std": [0.5]},
    "compression": {
        "target_device": "CPU",
        "algorithms": [
            {
                "name": "DefaultQuantization",
                "params": {
                    "preset": "mixed",
                    "stat_subset_size": 300,
                    "weights": {
                        "bits": 8,
                        "range_estimator": {"max": {"type": "quantile", "outlier_prob": 0.01}},
                    },
                    "ignored": {"scope": ["a"], "operations": [{"type": "Add", "attributes": {"x": 1}}]},
                },
            }
        ],
    },
}
WORDS = (
    b"[" * 3000,
    b"1" * 5000,
    b"1e999",
    b"NaN",
    b"null",
    b"true",
    b'"',
    b"{}",
    b"//",
    b"/*",
    b"\\u0000",
    b"\xff",
    b'"\\ud800"',
    b"-0",
)


def trial(rng: np.random.Generator, folder: Path) -> str:
    value = json.loads(json.dumps(SOUND))
    for _ in range(int(rng.integers(3))):
        replace_somewhere(value, rng)
    text = json.dumps(value).encode()
    path = folder / "c.json"
    path.write_bytes(damaged(text, rng, WORDS) if rng.random() < 0.7 else text)
    try:
        config = read_config(path)
        json.dumps(config.resolved())
        _ = config.params
    except NumpotError as error:
        assert "\n" not in str(error) and len(str(error)) < 2000
        return "refused"
    return "held"


def replace_somewhere(value: Any, rng: np.random.Generator) -> None:
    others: list[Any] = [
        None,
        True,
        -1,
        0,
        2**70,
        1.5,
        "",
        "x" * 5000,
        [],
        [1],
        {},
        {"a": 1},
        [[[]]],
        "DefaultQuantization",
    ]
    while isinstance(value, dict | list) and value:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = keys[int(rng.integers(len(keys)))]
        if isinstance(value[key], dict | list) and rng.random() < 0.7:
            value = value[key]
            continue
        value[key] = others[int(rng.integers(len(others)))]
        return
