"""A statistics file with a wrong value in it and a digest that fits: quantize refuses it, or works with it,
without a traceback.
"""

import hashlib
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import msgpack
import numpy as np

from numpot.ir.errors import NumpotError
from numpot.ir.graph import Graph
from numpot.quant.default_quantization import quantize
from numpot.quant.statistics.cache import FILE_NAME

from ..networks import Network
from ..quant.data.array_data import ArrayData, normal

DATA = ArrayData(normal(4, 3, 4, 4))
HOSTILE: list[Any] = [
    *(
        float("inf"),
        float("nan"),
        -1,
        0,
        2**63,
        1e300,
        "",
        "x",
        b"",
        b"\0" * 8,
        None,
        True,
        [],
        [1],
        [-1],
        {},
        {"dtype": "float64"},
    ),
    [2**40, 2**40],
]


@cache
def network() -> Graph:
    net = Network(seed=0)
    x = net.relu6(net.conv(net.input(-1, 3, 4, 4), 4, 3, pad=1))
    return net.result(net.matmul(net.mean(net.relu(net.depthwise(x))), 3))


def quantized(folder: Path, options: dict[str, Any]) -> None:
    quantize(network(), DATA, statistics_cache=folder, **options)


@cache
def statistics(number: int) -> tuple[dict[str, Any], bytes]:
    import tempfile

    options: dict[str, Any] = [
        {},
        {"range_estimator": "quantile"},
        {"preset": "mixed", "range_estimator": "mse"},
    ][number]
    with tempfile.TemporaryDirectory() as folder:
        quantized(Path(folder), options)
        return options, (Path(folder) / FILE_NAME).read_bytes()[:-32]


def prepare() -> None:
    for number in range(3):
        statistics(number)


def trial(rng: np.random.Generator, folder: Path) -> str:
    options, body = statistics(int(rng.integers(3)))
    state = msgpack.unpackb(body)
    for _ in range(int(rng.integers(1, 3))):
        spoil(state["passes"], rng)
    packed = msgpack.packb(state)
    (folder / FILE_NAME).write_bytes(packed + hashlib.sha256(packed).digest())
    if rng.random() < 0.2:
        (folder / ".numpot-left.tmp").mkdir()
    try:
        quantized(folder, options)
    except NumpotError:
        return "refused"
    return "held"


def spoil(state: Any, rng: np.random.Generator) -> None:
    """Put a hostile value in the place of one, anywhere in nested dictionaries and lists."""
    while True:
        keys = list(state) if isinstance(state, dict) else range(len(state))
        if not keys:
            return
        key = keys[int(rng.integers(len(keys)))]
        if isinstance(state[key], dict | list) and state[key] and rng.random() < 0.8:
            state = state[key]
        elif isinstance(state[key], bytes) and state[key] and rng.random() < 0.5:
            data = bytearray(state[key])
            at = int(rng.integers(len(data) - 7)) // 8 * 8 if len(data) > 7 else 0
            data[at : at + 8] = rng.choice([np.inf, np.nan, -1.0, 1e308]).tobytes()[: len(data) - at]
            state[key] = bytes(data)
            return
        else:
            state[key] = deepcopy(HOSTILE[int(rng.integers(len(HOSTILE)))])
            return
