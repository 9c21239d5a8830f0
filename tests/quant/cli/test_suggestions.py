"""Every command that numpot suggests can be pasted into a shell and runs, whatever the files are called."""

import ast
import json
import re
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image

from numpot.ir import Graph, save_model
from numpot.quant import quantize
from numpot.quant.cli import app

from ...networks import Network
from ..data.array_data import ArrayData, normal
from .command_line import invoke

ROOT = Path(__file__).parents[3]
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
SUGGESTED = re.compile(
    r"(?:^Next: +|^To see what it costs: |To compare their answers alone: )(numpot .*)$", re.MULTILINE
)
ODD = ["plain", "it's a dou\"ble", "$HOME `id`;a&b|c", "-hyphen st*r?[x]", "naïve 日本 back\\slash"]


def network(classes: int = 3, outputs: int = 1, seed: int = 0) -> Graph:
    net = Network(seed=seed)
    y = net.mean(net.relu(net.conv(net.input(-1, 1, 4, 4), 4, 3)))
    for i in range(outputs):
        net.result(net.matmul(y, classes), f"y{i}")
    return net.graph


class Ones(Network):
    """Weights of one size and sign, so that every pair of products is as large as can be."""

    def _normal(self, *shape: int) -> np.ndarray:
        return np.ones(shape, np.float32)


def run_suggestions(text: str, expected: int = 1) -> list[str]:
    """Those in what was printed. A shell takes each for the words it was made of, and each ends with status
    0.
    """
    lines = SUGGESTED.findall(text)
    assert len(lines) == expected, text
    for line in lines:
        words = shlex.split(line)[1:]
        seen = subprocess.run(
            ["sh", "-c", f'numpot() {{ printf "%s\\n" "$@"; }}; {line}'], capture_output=True, check=True
        )
        assert seen.stdout.decode().splitlines() == words and not seen.stderr
        outcome = invoke(*words)
        assert outcome.exit_code == 0, f"{line}\n{outcome.output}"
    return lines


@pytest.fixture(params=ODD)
def odd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A name that a shell could misunderstand; the current directory is empty."""
    monkeypatch.chdir(tmp_path)
    return request.param


def given(*arguments: object) -> list[object]:
    """Positional names that begin with a hyphen, as a user has to give them."""
    return [f"./{a}" if str(a).startswith("-hyphen") else a for a in arguments]


@pytest.mark.parametrize("labelled", [True, False])
def test_after_quantize(odd: str, labelled: bool) -> None:
    save_model(network(), f"{odd}.xml")
    np.savez(f"{odd}.npz", x=normal(8, 1, 4, 4), **({"y": np.arange(8) % 3} if labelled else {}))
    outcome = invoke(*given("quantize", f"{odd}.xml", "--data", f"{odd}.npz", "-o", f"{odd} int8.xml"))
    assert outcome.exit_code == 0, outcome.output
    (line,) = run_suggestions(outcome.stdout)
    assert ("--metric accuracy@1" in line) == labelled == ("--reference" not in line)


@pytest.mark.parametrize("with_classes", [True, False])
def test_after_quantize_with_pictures(odd: str, with_classes: bool) -> None:
    """Mean, standard deviation and classes are needed again."""
    save_model(network(), "model.xml")
    for label in range(3):
        Path(odd, f"c{label}").mkdir(parents=True)
        Image.fromarray(np.full((4, 4), 100 * label, np.uint8)).save(Path(odd, f"c{label}", "0.png"))
    Path(f"{odd}.txt").write_text("c2\nc1\nc0\n")
    more = ["--classes", f"{odd}.txt"] if with_classes else []
    save_to = ["-o", "out.onnx"] if odd == "plain" else ["-o", "out.xml"]
    outcome = invoke(
        *given("quantize", "model.xml", "--data", odd, *save_to, "--mean", "-0.5", "--std", "0.25", *more)
    )
    assert outcome.exit_code == 0, outcome.output
    (line,) = run_suggestions(outcome.stdout)
    assert "--mean -0.5 --std 0.25" in line and ("--classes" in line) == with_classes


@pytest.mark.parametrize("outputs", [1, 2])
def test_after_quantize_of_what_is_no_classifier(
    outputs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_model(network(outputs=outputs), "model.xml")
    np.savez("d.npz", x=normal(8, 1, 4, 4), y=normal(8, 3))
    (line,) = run_suggestions(invoke("quantize", "model.xml", "--data", "d.npz", "-o", "int8.xml").stdout)
    assert ("agreement" if outputs == 1 else "sqnr") in line


def test_after_quantize_with_a_configuration(odd: str) -> None:
    save_model(network(), f"{odd}.xml")
    np.savez(f"{odd}.npz", x=normal(8, 1, 4, 4))
    config = {
        "model": {"model_name": "m", "model": f"{odd}.xml"},
        "engine": {"type": "simplified", "data_source": f"{odd}.npz"},
        "compression": {
            "algorithms": [
                {"name": "DefaultQuantization", "params": {"preset": "performance", "stat_subset_size": 8}}
            ]
        },
    }
    Path("c.json").write_text(json.dumps(config), "utf-8")
    outcome = invoke("quantize", "-c", "c.json", *given("-o", f"{odd} int8.xml"))
    assert outcome.exit_code == 0, outcome.output
    run_suggestions(outcome.stdout)


@pytest.mark.parametrize("labelled", [True, False])
def test_after_saturation(odd: str, labelled: bool) -> None:
    x = np.full((6, 4, 4, 4), 0.9, np.float32) + np.float32(0.01) * normal(6, 4, 4, 4)
    net = Ones()
    graph = net.result(net.matmul(net.mean(net.conv(net.input(-1, 4, 4, 4), 4, 3)), 3))
    save_model(quantize(graph, ArrayData(x), saturation_fix="no"), f"{odd}.xml")
    np.savez(f"{odd}.npz", x=x, **({"y": np.zeros(len(x), np.int64)} if labelled else {}))
    outcome = invoke(*given("saturation", f"{odd}.xml", "--data", f"{odd}.npz", "--limit", 4))
    assert outcome.exit_code == 0, outcome.output
    (line,) = run_suggestions(outcome.stdout)
    assert "--arithmetic saturating" in line and "--limit 4" in line


def test_after_compare_of_models_without_relation(odd: str) -> None:
    save_model(network(), f"{odd}.xml")
    net = Network(seed=5)
    save_model(
        net.result(net.matmul(net.do("Flatten", net.input(-1, 1, 4, 4), axis=1), 3), "y0"), f"{odd} other.xml"
    )
    np.savez(f"{odd}.npz", x=normal(8, 1, 4, 4))
    outcome = invoke(*given("compare", f"{odd}.xml", "--with", f"{odd} other.xml", "--data", f"{odd}.npz"))
    assert outcome.exit_code == 2 and "differ in structure" in outcome.stderr
    run_suggestions(outcome.stderr)


def test_nothing_is_suggested_that_could_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_model(network(), "a.xml")
    save_model(network(classes=5), "b.xml")
    np.savez("d.npz", x=normal(8, 1, 4, 4))
    outcome = invoke("compare", "a.xml", "--with", "b.xml", "--data", "d.npz")
    assert (
        outcome.exit_code == 2
        and "output 'y0' has shape [-1, 3] in the model, [-1, 5] in the reference" in outcome.stderr
    )
    run_suggestions(outcome.stderr, 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["it's a demo", "-hyphen"])
def test_after_the_demo(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = invoke("demo", "-o", name)
    assert outcome.exit_code == 0, outcome.output
    (line,) = run_suggestions(outcome.stdout)
    assert line.startswith("numpot saturation")


def test_commands_are_suggested_by_one_function_only() -> None:
    """Nowhere else is a command put together with names of files in it, where quotes would be forgotten."""
    found = []
    for file in [*ROOT.glob("quant/**/*.py"), *ROOT.glob("ir/**/*.py")]:
        source = file.read_text("utf-8")
        for node in ast.walk(ast.parse(source)) if "numpot " in source else ():
            if isinstance(node, ast.JoinedStr):
                text = "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
                if re.search(rf"numpot ({'|'.join(COMMANDS)}) .*{{}}", text):
                    found.append(f"{file.name}:{node.lineno}: {text}")
    assert not found
