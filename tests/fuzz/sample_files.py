"""Samples in damaged files, .npz, IDX, pictures or labels: they are read, or refused in one sentence."""

import gzip
import io
import os
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from numpot.ir.errors import NumpotError
from numpot.ir.graph import Graph
from numpot.quant.data.sources import batches, open_data

from ..networks import Network
from .campaign import damaged

WORDS = (
    b"(9999999999,",
    b"(-1, -3)",
    b"'<f4'",
    b"'|O'",
    b"'V0'",
    b"{",
    b"((((",
    b"\x00\x00\x08\x03",
    b"\xff\xff\xff\xff",
    b"1" * 40,
)


@cache
def network() -> Graph:
    net = Network(seed=0)
    return net.result(net.matmul(net.mean(net.conv(net.input(-1, 1, 4, 4), 4)), 3))


@cache
def files(kind: str) -> dict[str, bytes]:
    """Sound data: file name -> bytes."""
    x, y, buffer = (
        np.arange(96, dtype=np.uint8).reshape(6, 4, 4),
        np.arange(6, dtype=np.uint8) % 3,
        io.BytesIO(),
    )
    if kind in ("stored", "packed"):
        save = np.savez if kind == "stored" else np.savez_compressed
        save(buffer, x=x[:, None].astype(np.float32), y=y.astype(np.int64))
        return {"data.npz": buffer.getvalue()}
    if kind == "idx":
        images = bytes((0, 0, 8, 3)) + np.array(x.shape, ">u4").tobytes() + x.tobytes()
        return {
            "t-images-idx3-ubyte.gz": gzip.compress(images),
            "t-labels-idx1-ubyte": bytes((0, 0, 8, 1, 0, 0, 0, 6)) + y.tobytes(),
        }
    Image.fromarray(x[0]).save(buffer, "PNG")
    labels = b"a.png 1\nb.png 2\n"
    return {"a.png": buffer.getvalue(), "b.png": buffer.getvalue(), "labels.txt": labels}


def trial(rng: np.random.Generator, folder: Path) -> str:
    kind = ("stored", "packed", "idx", "pictures")[int(rng.integers(4))]
    contents = files(kind)
    spoiled = sorted(contents)[int(rng.integers(len(contents)))]
    for name, content in contents.items():
        (folder / name).write_bytes(damaged(content, rng, WORDS) if name == spoiled else content)
    if rng.random() < 0.05:
        (folder / spoiled).unlink()
        os.mkfifo(folder / spoiled)
    try:
        data = open_data(str(folder / "data.npz" if kind in ("stored", "packed") else folder), network())
        for _ in batches(data, network(), 4):
            pass
    except NumpotError as error:
        assert "\n" not in str(error) and len(str(error)) < 2000
        return "refused"
    return "held"
