"""Command lines with values of any kind: status 0, or 2 and a sentence; with --json one JSON object or
nothing on stdout.
"""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from typer.testing import CliRunner

from numpot.ir.formats.model_files import save_model
from numpot.quant.cli import app

from .quantize_calls import Labelled, network, prepare

COMMANDS = {
    "check": ["MODEL"],
    "inspect": ["MODEL"],
    "convert": ["MODEL", "OUT"],
    "quantize": ["MODEL", "--data", "DATA", "-o", "OUT"],
    "evaluate": ["MODEL", "--data", "DATA"],
    "saturation": ["MODEL", "--data", "DATA"],
}
OPTIONS = {
    "check": [],
    "inspect": ["--plan"],
    "convert": ["--to", "--input-shape", "--mean", "--std"],
    "quantize": [
        *(
            "--preset",
            "--model-type",
            "--target-device",
            "--subset-size",
            "--saturation-fix",
            "--ignore",
            "--ignore-type",
            "--weights",
        ),
        *(
            "--activations",
            "--range-estimator",
            "--batch-size",
            "--statistics-cache",
            "--seed",
            "--mean",
            "--std",
            "--config",
            "--to",
        ),
        *("--max-drop", "--metric", "--baseline", "--workers", "--scheduler"),
    ],
    "evaluate": [
        "--metric",
        "--reference",
        "--arithmetic",
        "--limit",
        "--threads",
        "--mean",
        "--std",
        "--scheduler",
    ],
    "saturation": ["--limit", "--threads", "--mean", "--std"],
}
VALUES = [
    *(
        "",
        "0",
        "1",
        "-1",
        "3",
        "1e30",
        "nan",
        "inf",
        "0.5",
        "0.5,0.5",
        "x",
        "١",
        "1_0",
        "9" * 5000,
        "9" * 25,
        "mixed",
        "accuracy@" + "9" * 5000,
    ),
    *(
        "accuracy@2",
        "f1",
        "sqnr",
        "agreement",
        "bits=" + "[" * 5000,
        "bits=4",
        "level_low=0",
        "level_high=1",
        "a.b=1",
        "=",
        "bits=" + "9" * 5000,
    ),
    *(
        "x=1,2,3,3",
        "x=" + "9" * 30,
        "a\nb",
        "\udcff",
        "m" * 5000,
        "DATA",
        "MODEL",
        "PIPE",
        "FOLDER",
        "no:such",
        "json:JSONDecoder",
        "openvino",
    ),
    *(
        "tcp://127.0.0.1:1",
        "nonsense",
        "/dev/null",
        "/dev/full",
        "exact",
        "saturating",
        "quantile",
        "auto",
        "accuracy@1=nan",
    ),
]
WRONG = ["--no-such", "--limt", "-z", "extra", "--data", "-", "--json=1"]
ACCEPTED = {0, 2}
__all__ = ["prepare", "trial"]


@cache
def sound() -> dict[str, bytes]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        save_model(network(), Path(folder) / "m.xml")
        np.savez(Path(folder) / "d.npz", x=Labelled.x, y=np.arange(4) % 3)
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def trial(rng: np.random.Generator, folder: Path) -> str:
    for name, content in sound().items():
        (folder / name).write_bytes(content)
    os.mkfifo(folder / "pipe.xml")
    places = {
        "MODEL": folder / "m.xml",
        "DATA": folder / "d.npz",
        "OUT": folder / "out.xml",
        "PIPE": folder / "pipe.xml",
        "FOLDER": folder,
    }

    def drawn() -> str:
        value = VALUES[int(rng.integers(len(VALUES)))]
        return str(places.get(value, value))

    command = list(COMMANDS)[int(rng.integers(len(COMMANDS)))]
    arguments = [str(places.get(word, word)) for word in COMMANDS[command]]
    if rng.random() < 0.2:
        arguments[int(rng.integers(len(arguments)))] = drawn()
    for _ in range(int(rng.integers(3))):
        if OPTIONS[command]:
            arguments += [OPTIONS[command][int(rng.integers(len(OPTIONS[command])))], drawn()]
    if rng.random() < 0.2:  # an option or argument that there is not, or half of one
        arguments.insert(int(rng.integers(len(arguments) + 1)), rng.choice(WRONG))
    wants_json = rng.random() < 0.5
    before = Path.cwd()
    os.chdir(folder)
    try:
        result: Any = CliRunner().invoke(app, [command, *arguments, *(["--json"] if wants_json else [])])
    finally:
        os.chdir(before)
    assert result.exception is None or isinstance(result.exception, SystemExit), (
        f"{command} {arguments}: {result.exception!r}"[:500]
    )
    assert result.exit_code in ACCEPTED, f"{command} {arguments}: status {result.exit_code}"[:500]
    if wants_json and result.stdout:
        json.loads(result.stdout, parse_constant=lambda word: (_ for _ in ()).throw(AssertionError(word)))
    if result.exit_code == 2:
        said = result.stderr.strip()
        assert said.startswith("numpot: ") and "\n" not in said, f"{command} {arguments}: {said}"[:800]
        return "refused"
    return "held"
