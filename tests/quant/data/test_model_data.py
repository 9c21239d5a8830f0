"""Samples as a model takes them: names, layout, types, pixels."""

import numpy as np
import openvino as ov
import pytest
from openvino import opset13

from numpot.ir.dtypes import F16, F32, I64, U8
from numpot.ir.graph import Graph
from numpot.ir.ops.parameter import Parameter
from numpot.quant.data.loader import DataLoader
from numpot.quant.data.model_data import ModelData
from numpot.quant.data.preprocessing import Preprocessing
from numpot.quant.errors import DataError

RGB = Preprocessing(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
GRAY = Preprocessing(mean=(0.286,), std=(0.353,))


def model(*shape, dtype=F32, name="x", info=None):
    graph = Graph("model", info)
    graph.add(Parameter(element_type=dtype, shape=shape), name=name)
    return graph


class One(DataLoader):
    def __init__(self, data, label=None):
        self.sample = (data, label)

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.sample


def fitted(data, graph, preprocessing=None):
    return ModelData(One(data), graph, preprocessing)[0][0]["x"]


def refusal(data, graph, preprocessing=None):
    with pytest.raises(DataError) as error:
        ModelData(One(data), graph, preprocessing)
    return str(error.value)


# ---- pixels ------------------------------------------------------------------------------------------------


def test_pixels_become_what_openvino_makes_of_them():
    """u8 HWC -> f32 CHW by OpenVINO's own preprocessing steps, in units of pixel instead of pixel / 255."""
    pixels = np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8)
    x = opset13.parameter([1, 3, 6, 5], np.float32)
    steps = ov.preprocess.PrePostProcessor(
        ov.Model([opset13.result(opset13.relu(opset13.add(x, np.float32(100))))], [x])
    )
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input().model().set_layout(ov.Layout("NCHW"))
    scaled = steps.input().preprocess().convert_element_type(ov.Type.f32)
    scaled.mean([255 * m for m in RGB.mean]).scale([255 * s for s in RGB.std])
    compiled = ov.Core().compile_model(
        steps.build(), "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    )
    expected = compiled(pixels[None])[0][0] - 100  # 100 keeps relu from cutting: a model needs one layer
    got = fitted(pixels, model(-1, 3, 6, 5), RGB)
    assert got.dtype == np.float32 and got.shape == (3, 6, 5)
    np.testing.assert_allclose(got, expected, atol=2e-5)


def test_each_step_is_rounded_to_float32_as_in_training():
    codes = np.arange(256, dtype=np.uint8).reshape(16, 16)
    mean, std = np.float32(0.286), np.float32(0.353)
    expected = (codes.astype(np.float32) / np.float32(255) - mean) / std
    np.testing.assert_array_equal(fitted(codes, model(-1, 1, 16, 16), GRAY), expected[None])


@pytest.mark.parametrize("shape", [(4, 5), (1, 4, 5), (4, 5, 1), (1, 4, 5, 1), (1, 1, 4, 5)])
def test_gray_pixels_of_any_layout(shape):
    pixels = np.arange(20, dtype=np.uint8).reshape(shape)
    expected = GRAY(np.arange(20, dtype=np.uint8).reshape(1, 4, 5))
    np.testing.assert_array_equal(fitted(pixels, model(-1, 1, 4, 5), GRAY), expected)


def test_the_models_own_preprocessing_and_its_replacement():
    pixels, info = np.full((4, 5), 51, np.uint8), {"preprocessing": {"mean": [0.2], "std": [0.5]}}
    graph = model(-1, 1, 4, 5, info=info)
    np.testing.assert_allclose(fitted(pixels, graph), 0, atol=1e-7)
    np.testing.assert_allclose(fitted(pixels, graph, Preprocessing(mean=(0.0,), std=(2.0,))), 0.1, rtol=1e-6)
    assert Preprocessing.recorded(graph).record() == info["preprocessing"]


def test_pixels_for_a_model_that_takes_pixels_stay_pixels():
    pixels = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    got = fitted(pixels, model(1, 3, 4, 5, dtype=U8))
    np.testing.assert_array_equal(got, pixels.transpose(2, 0, 1), strict=True)


def test_pixels_without_preprocessing():
    assert refusal(np.zeros((4, 5), np.uint8), model(-1, 1, 4, 5)) == (
        "One: sample 0 of input 'x' holds uint8 pixels, and the model does not say how they become floats. "
        "Give --mean and --std of (pixel / 255 - mean) / std, or float32 data."
    )


def test_preprocessing_for_another_number_of_channels():
    message = refusal(np.zeros((4, 5), np.uint8), model(-1, 1, 4, 5), RGB)
    assert message == "preprocessing: mean has 3 values, one per channel, but one sample has shape [1, 4, 5]."


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ((), (1.0,), "preprocessing: mean must be one finite number or one per channel, found []."),
        (
            (0.0,),
            (float("nan"),),
            "preprocessing: std must be one finite number or one per channel, found [nan].",
        ),
        ((0.0,), (1.0, 0.0), "preprocessing: std must be positive, found [1.0, 0.0]."),
    ],
)
def test_preprocessing_without_meaning(mean, std, message):
    with pytest.raises(DataError) as error:
        Preprocessing(mean, std)
    assert str(error.value) == message


@pytest.mark.parametrize(
    "record", [{"mean": [0.1]}, {"mean": 0.1, "std": [1.0]}, {"mean": ["?"], "std": [1.0]}, "imagenet"]
)
def test_a_record_of_preprocessing_that_is_damaged(record):
    message = refusal(np.zeros((4, 5), np.uint8), model(-1, 1, 4, 5, info={"preprocessing": record}))
    assert (
        message
        == f"model 'model': preprocessing must be lists of numbers 'mean' and 'std', found {record!r}."
    )


# ---- floats and integers -----------------------------------------------------------------------------------


def test_float64_is_rounded_and_a_leading_one_dropped():
    data = np.random.default_rng(0).normal(size=(1, 3, 4))
    np.testing.assert_array_equal(fitted(data, model(-1, 3, 4)), data[0].astype(np.float32), strict=True)
    assert fitted(data, model(-1, 3, 4, dtype=F16)).dtype == np.float16


def test_fitting_data_is_not_copied():
    data = np.zeros((3, 4), np.float32)
    assert fitted(data, model(-1, 3, 4)) is data


def test_integers_may_widen_but_not_narrow():
    got = fitted(np.arange(4, dtype=np.int32), model(-1, 4, dtype=I64))
    np.testing.assert_array_equal(got, np.arange(4), strict=True)
    message = refusal(np.zeros(4, np.float32), model(-1, 4, dtype=I64))
    assert message == "One: sample 0 of input 'x' must be i64, as the model has, found float32."


@pytest.mark.parametrize("dtype", [np.int64, np.float16, ">f4", "U3"])
def test_other_types_for_a_float_input(dtype):
    message = refusal(np.zeros(4, dtype), model(-1, 4))
    assert (
        message
        == f"One: sample 0 of input 'x' must be float32 or float64, or uint8 pixels, found {np.dtype(dtype)}."
    )


def test_floats_are_never_transposed():
    message = refusal(np.zeros((4, 5, 3), np.float32), model(-1, 3, 4, 5))
    assert (
        message == "One: sample 0 of input 'x' must have shape [3, 4, 5], as the model has, found [4, 5, 3]."
    )


@pytest.mark.parametrize(
    ("value", "found"), [(np.nan, "NaN"), (np.inf, "Inf"), (-np.inf, "Inf"), (1e300, "Inf")]
)
def test_values_that_are_not_finite(value, found):
    message = refusal(np.array([0, value, 0]), model(-1, 3))
    assert (
        message
        == f"One: sample 0 of input 'x' holds {found}. Calibration needs finite values; drop the sample "
        "or repair it."
    )


def test_what_is_no_array():
    assert (
        refusal([1.0, 2.0], model(-1, 2)) == "One: sample 0 of input 'x' must be a NumPy array, found list."
    )


# ---- several inputs, and the sample itself -----------------------------------------------------------------


def two_inputs():
    graph = model(-1, 3, name="a")
    graph.add(Parameter(element_type=F32, shape=(-1, 2)), name="b")
    return graph


def test_several_inputs_by_name():
    a, b = np.zeros(3, np.float32), np.ones(2, np.float32)
    sample, label = ModelData(One({"b": b, "a": a}, label="cat"), two_inputs())[0]
    assert list(sample) == ["a", "b"] and sample["a"] is a and sample["b"] is b and label == "cat"


def test_several_inputs_need_names():
    assert refusal(np.zeros(3, np.float32), two_inputs()) == (
        "One: sample 0 is one array, but the model has inputs 'a', 'b'; give a dict of arrays by these names."
    )
    assert refusal({"a": np.zeros(3, np.float32), "c": np.zeros(2, np.float32)}, two_inputs()) == (
        "One: sample 0 has arrays 'a', 'c'; expected one for each input of the model: 'a', 'b'."
    )


@pytest.mark.parametrize(
    "sample", [np.zeros(3, np.float32), (np.zeros(3, np.float32),), [np.zeros(3, np.float32), 1]]
)
def test_a_sample_that_is_no_pair(sample):
    loader = One(None)
    loader.sample = sample
    with pytest.raises(DataError) as error:
        ModelData(loader, model(-1, 3))
    assert (
        str(error.value)
        == f"One: sample 0 must be a pair (data, label), found {type(sample).__name__}; the label may "
        "be None."
    )


def test_no_samples():
    class Empty(One):
        def __len__(self):
            return 0

    with pytest.raises(DataError, match="^Empty: expected at least one sample, found none.$"):
        ModelData(Empty(None), model(-1, 3))
