"""Real classifiers that POT 2023.3 has quantized: the logits of every image have the bits of OpenVINO's, in
both arithmetics.
"""

import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numpot.ir.executor.executor import Executor
from numpot.ir.formats.model_files import read_model

pytest.importorskip("openvino")

from ...quant.material import MATERIAL, load_data, needs_material  # noqa: E402
from ..ops.battery import CORE, OPENVINO_CONFIG  # noqa: E402
from ..vendors import as_on_avx2, openvinos  # noqa: E402

QUICK = [
    ("digits_cnn", "performance"),
    ("digits_mlp", "mixed"),
    ("fmnist_resnet", "performance"),
    ("fmnist_mobilenet", "mixed"),
]
FASHION = ("fmnist_resnet", "fmnist_mobilenet", "fmnist_mobilenet_hard")
ALL = [
    (name, preset) for name in ("digits_cnn", "digits_mlp", *FASHION) for preset in ("performance", "mixed")
]
PHOTOGRAPHS = [("efficientnet_lite0", "performance")]
BATCH = 20

pytestmark = needs_material
needs_x86 = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="the instruction that saturates is x86 only"
)


def images(name: str, count: int) -> np.ndarray:
    if name != "efficientnet_lite0":
        return load_data(name).test[:count]
    pixels = np.load(MATERIAL / name / "images_u8.npz")["u8"][:count]
    return ((pixels.astype(np.float32) - 127) / 128).transpose(0, 3, 1, 2).copy()


def path_of(name: str, preset: str) -> Path:
    return MATERIAL / name / "pot" / f"{name}_default_{preset}.xml"


def in_batches(run: Any, x: np.ndarray) -> np.ndarray:
    return np.concatenate([run(x[i : i + BATCH]) for i in range(0, len(x), BATCH)])


def vendor_logits(name: str, preset: str, count: int) -> np.ndarray:
    x = images(name, count)
    model = CORE.read_model(path_of(name, preset))
    model.reshape([BATCH, *x.shape[1:]])
    compiled = CORE.compile_model(model, "CPU", OPENVINO_CONFIG)
    return in_batches(lambda batch: np.array(compiled(batch)[0]), x)


def saturating_logits(models: list[tuple[str, str]], count: int, folder: Path) -> dict[str, np.ndarray]:
    """Of a second process, where the vendor is told, before it is imported, that this CPU has no byte dot
    product.
    """
    path = folder / "logits.npz"
    names = [f"{name} {preset}" for name, preset in models]
    command = [sys.executable, "-m", "tests.ir.lowering.test_vendor_models", str(count), str(path), *names]
    subprocess.run(command, env=as_on_avx2(), cwd=Path(__file__).parents[3], check=True, timeout=1200)
    return dict(np.load(path))


def assert_same_logits(name: str, preset: str, count: int, arithmetic: Any, expected: np.ndarray) -> None:
    x = images(name, count)
    graph = read_model(path_of(name, preset), input_shapes={"x": (-1, *x.shape[1:])})
    executor = Executor(graph, arithmetic=arithmetic)
    found = in_batches(lambda batch: executor.run(batch)["logits"], x)
    different = ~(found == expected).all(axis=1)
    assert not different.any(), f"{name} {preset}: logits of {different.sum()} of {len(x)} images differ"


def check(models: list[tuple[str, str]], count: int, folder: Path) -> None:
    arithmetic = openvinos()
    for name, preset in models:
        assert_same_logits(name, preset, count, arithmetic, vendor_logits(name, preset, count))
    if arithmetic != "saturating":
        saturating = saturating_logits(models, count, folder)
        for name, preset in models:
            assert_same_logits(name, preset, count, "saturating", saturating[f"{name} {preset}"])


@needs_x86
def test_logits_of_a_few_images(tmp_path: Path) -> None:
    check(QUICK, BATCH, tmp_path)


@pytest.mark.slow
@needs_x86
@pytest.mark.parametrize(("name", "preset"), ALL)
def test_logits_of_many_images(name: str, preset: str, tmp_path: Path) -> None:
    check([(name, preset)], 500 if name.startswith("digits") else 1000, tmp_path)


@pytest.mark.slow
@needs_x86
def test_logits_of_photographs(tmp_path: Path) -> None:
    check(PHOTOGRAPHS, 40, tmp_path)


if __name__ == "__main__":
    count, path, *names = sys.argv[1:]
    np.savez(path, **{n: vendor_logits(*n.split(), int(count)) for n in names})  # type: ignore[call-arg]
