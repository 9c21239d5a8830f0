"""A model file of any format, damaged or with another word in it: it is read, or refused in one sentence, in
little time and memory.
"""

from functools import cache
from pathlib import Path

import numpy as np

from numpot.ir.errors import NumpotError
from numpot.ir.formats.model_files import read_model, save_model
from numpot.ir.graph import Graph
from numpot.ir.memory import budget

from ..ir.int8_networks import network
from ..networks import Network
from .campaign import damaged

WORDS = [
    *(
        b"4096",
        b"-1",
        b"0",
        b"9223372036854775807",
        b"1e308",
        b"nan",
        b"",
        b"<!---->",
        b"<!DOCTYPE x>",
        b"<?a?>",
        b"&lt;",
        b'"',
        b"\xff",
    ),
    *(
        b"Broadcast",
        b"Tile",
        b"Pad",
        b"Interpolate",
        b"Concat",
        b"Reshape",
        b"MaxPool",
        b"ConstantOfShape",
        b"Expand",
        b"Resize",
        b"If",
    ),
    *(
        b"0,0,0,0",
        b"4096,4096",
        b"99999999,1",
        b"f16",
        b"i64",
        b"boolean",
        b"\x7f\xff\xff\xff",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    ),
]
BUDGET = 2**28


@cache
def files(format: str) -> list[dict[str, bytes]]:
    """Small models as they are saved: file name -> bytes."""
    import tempfile

    saved = []
    for graph in (
        network("depthwise", "symmetric"),
        network("residual_around_max_pool", "unsigned"),
        _of_floats(),
    ):
        with tempfile.TemporaryDirectory() as folder:
            save_model(graph, Path(folder) / f"m{'.onnx' if format == 'onnx' else '.xml'}", format)
            saved.append({path.name: path.read_bytes() for path in Path(folder).iterdir()})
    return saved


def _of_floats() -> Graph:
    net = Network(seed=1)
    x = net.relu(net.conv(net.input(-1, 3, 6, 6), 4, 3, pad=1))
    x = net.do("Pad", x, np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]), np.float32(0))
    x = net.do("Concat", x, net.do("Tile", x, np.array([1, 1, 1, 1])), axis=1)
    return net.result(net.do("SoftMax", net.matmul(net.mean(x), 5), axis=1))


def trial(rng: np.random.Generator, folder: Path) -> str:
    format = ("numpot", "openvino", "onnx")[int(rng.integers(3))]
    models = files(format)
    contents = dict(models[int(rng.integers(len(models)))])
    names = sorted(contents)
    name = names[int(rng.integers(len(names)))]
    data = damaged(contents[name], rng, tuple(WORDS))
    contents[name] = _without_checksums(data) if format == "numpot" and name.endswith(".xml") else data
    for file, content in contents.items():
        (folder / file).write_bytes(content)
    path = next(folder / file for file in names if not file.endswith(".bin"))
    try:
        with budget(BUDGET):
            read_model(path)
    except NumpotError as error:
        assert "\n" not in str(error) and len(str(error)) < 2000
        return "refused"
    return "held"


def _without_checksums(text: bytes) -> bytes:
    """The document as somebody writes it who can compute checksums: what is behind them is tried, too."""
    head, found, rest = text.partition(b" sha256=")
    return head + rest[rest.find(b'"', 1) + 1 :] if found and rest[:1] == b'"' else text
