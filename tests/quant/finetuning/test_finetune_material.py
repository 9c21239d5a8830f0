"""What docs/finetuning.md says is won back, on models that POT itself has quantized; python -m
benchmarks.finetuning shows all of it.
"""

import pytest

from numpot.quant import finetune, quantize
from tests.quant.data.array_data import ArrayData
from tests.quant.material import load_data, load_model, needs_material, top_1


@needs_material
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "bits", "before", "after"),
    [
        ("digits_cnn", 8, 94.7, 96.0),
        ("digits_cnn", 3, 85.0, 95.0),
        ("fmnist_resnet", 3, 77.0, 90.7),
        ("fmnist_mobilenet", 4, 89.2, 91.0),
        ("fmnist_mobilenet_hard", 8, 88.6, 90.4),
    ],
)
def test_unlabelled_calibration_images_win_most_of_it_back(
    name: str, bits: int, before: float, after: float
) -> None:
    """before, after: at most and at least so many percent of all test images."""
    fp32, data = load_model(name), ArrayData(load_data(name).calibration)
    int8 = quantize(fp32, data, weights={"bits": bits} if bits < 8 else {})
    assert top_1(int8, name) <= before
    assert (
        top_1(finetune(int8, data, fp32, epochs=20, learning_rate=1e-3 if bits == 8 else 3e-3), name) >= after
    )
