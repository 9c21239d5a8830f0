"""Random int8 layers of every kind against the vendor: every float of every result has the same bits, in both
arithmetics.

A processor without VNNI has one of them; there the second process would repeat the first.
"""

import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numpot.ir.formats.model_files import save_model
from numpot.ir.interpreter import Interpreter

pytest.importorskip("openvino")

from ..formats.openvino.vendor import run_file  # noqa: E402
from ..int8_layers import KINDS, inputs_of, layers  # noqa: E402
from ..vendors import as_on_avx2, openvinos  # noqa: E402

FEW, MANY = 6, 100
needs_x86 = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="the instruction that saturates is x86 only"
)
needs_both = pytest.mark.skipif(
    openvinos() == "saturating", reason="OpenVINO saturates by itself on this processor, and is tested so"
)
each_kind = pytest.mark.parametrize("kind", KINDS)
Results = dict[str, np.ndarray]


def vendor(kinds: list[str], count: int, folder: Path) -> Results:
    """What OpenVINO makes of `count` layers of each kind, all in one model."""
    graph = layers(kinds, count)
    path = folder / "layers.xml"
    save_model(graph, path, format="openvino")
    results = run_file(path, *inputs_of(graph).values())
    return dict(zip((r.name for r in graph.outputs), results, strict=True))


def saturating_vendor(kinds: list[str], count: int, folder: Path) -> Results:
    """The same in a second process, where the vendor is told, before it is imported, that this CPU has no
    byte dot product.
    """
    path = folder / "outputs.npz"
    command = [sys.executable, "-m", "tests.ir.lowering.test_vendor_layers", str(count), str(path), *kinds]
    subprocess.run(command, env=as_on_avx2(), cwd=Path(__file__).parents[3], check=True, timeout=600)
    return dict(np.load(path))


def ours(kinds: list[str], count: int, arithmetic: Any) -> Results:
    graph = layers(kinds, count)
    return Interpreter(graph, arithmetic=arithmetic).run(inputs_of(graph))


def assert_same(found: Results, expected: Results) -> None:
    assert expected and found.keys() == expected.keys()
    different = [name for name, y in expected.items() if not np.array_equal(found[name], y)]
    assert not different, f"{len(different)} of {len(expected)} differ: {', '.join(different[:20])}"


def test_a_few_layers_of_every_kind(tmp_path: Path) -> None:
    assert_same(ours(list(KINDS), FEW, openvinos()), vendor(list(KINDS), FEW, tmp_path))


@needs_x86
@needs_both
def test_a_few_saturated_layers_of_every_kind(tmp_path: Path) -> None:
    assert_same(ours(list(KINDS), FEW, "saturating"), saturating_vendor(list(KINDS), FEW, tmp_path))


def test_most_layers_tell_the_arithmetics_apart() -> None:
    """Or the tests here would show nothing."""
    exact, saturating = (ours(list(KINDS), 3, arithmetic) for arithmetic in ("exact", "saturating"))
    assert np.mean([np.array_equal(exact[name], y) for name, y in saturating.items()]) < 0.8


@pytest.mark.slow
@each_kind
def test_many_layers(kind: str, tmp_path: Path) -> None:
    assert_same(ours([kind], MANY, openvinos()), vendor([kind], MANY, tmp_path))


@pytest.mark.slow
@needs_x86
@needs_both
@each_kind
def test_many_saturated_layers(kind: str, tmp_path: Path) -> None:
    assert_same(ours([kind], MANY, "saturating"), saturating_vendor([kind], MANY, tmp_path))


if __name__ == "__main__":
    count, path, *kinds = sys.argv[1:]
    np.savez(path, **vendor(kinds, int(count), Path(path).parent))  # type: ignore[arg-type]
