"""What the battery cannot say: the older versions of operators, padding that follows from sizes, groups,
weights stored small.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from openvino import Model, opset1, opset2, opset3, opset4, opset5, opset7, opset8, opset11, opset12, opset14
from openvino.utils.node_factory import NodeFactory

from numpot.ir.formats.openvino import load_openvino, read_openvino
from numpot.ir.formats.openvino.node import READERS
from numpot.ir.formats.openvino.operator_table import FIRST_OPSET, LAST_OPSET

from ...ops.battery import assert_same, build_openvino
from .samples import CODES, F32, IMAGES, const, grouped, normal, unpacked
from .test_operators import READABLE
from .vendor import op, run_file, run_graph, save

Build = Callable[..., Any]

ROW = normal(4)
W, GROUPED = normal(6, 4, 3, 3), normal(2, 3, 2, 4, 3)  # (O,I,kh,kw), (G,O/G,I/G,kh,kw)
TRANSPOSED, GROUPED_TRANSPOSED = normal(4, 3, 3, 3), normal(2, 2, 3, 4, 3)  # (I,O,kh,kw), (G,I/G,O/G,kh,kw)
STATISTICS = [const(np.abs(normal(4)) + F32(0.5)) for _ in range(4)]


def padded(pad: str) -> dict[str, Build]:
    """Windows whose padding has a name."""
    borders = ([1, 2], [2, 1])
    return {
        f"Convolution-{pad}": lambda x: opset1.convolution(x, const(W), [2, 2], *borders, [1, 1], pad),
        f"GroupConvolution-{pad}": lambda x: opset1.group_convolution(
            x, const(GROUPED), [2, 1], *borders, [1, 2], pad
        ),
        f"ConvolutionBackpropData-{pad}": lambda x: opset1.convolution_backprop_data(
            x, const(TRANSPOSED), [2, 2], pads_begin=[1, 0], pads_end=[0, 1], dilations=[1, 1], auto_pad=pad
        ),
        f"MaxPool-1-{pad}": lambda x: opset1.max_pool(x, [2, 3], [1, 1], [1, 0], [3, 2], auto_pad=pad),
        f"MaxPool-8-{pad}": lambda x: opset1.relu(
            opset8.max_pool(x, [2, 3], [1, 2], [1, 1], [1, 0], [3, 2], auto_pad=pad).output(0)
        ),
        f"AvgPool-1-{pad}": lambda x: opset1.avg_pool(x, [2, 3], [1, 1], [1, 0], [3, 2], True, auto_pad=pad),
        f"AvgPool-1-counting-{pad}": lambda x: opset1.avg_pool(
            x, [2, 3], [1, 1], [1, 0], [3, 2], False, auto_pad=pad
        ),
    }


def sized(pad: str, size: list[int]) -> dict[str, Build]:
    """Transposed convolutions that are told their output's size."""
    sides = {"pads_begin": [1, 0], "pads_end": [0, 1], "dilations": [1, 1], "auto_pad": pad}
    return {
        f"ConvolutionBackpropData-{pad}-{size}": lambda x: opset1.convolution_backprop_data(
            x, const(TRANSPOSED), [2, 2], const(size), **sides
        ),
        f"GroupConvolutionBackpropData-{pad}-{size}": lambda x: opset1.group_convolution_backprop_data(
            x, const(GROUPED_TRANSPOSED), [2, 2], const(size), **sides
        ),
    }


def interpolate(mode: str, by: str) -> dict[str, Build]:
    """Version 4 has both, sizes and scales; version 11 has one, here for all axes."""

    def version_4(x: Any) -> Any:
        inputs = [x, const([5, 7]), const([0.6, 0.7], F32), const([2, 3])]
        return NodeFactory("opset4").create(
            "Interpolate", [n.output(0) for n in inputs], {"mode": mode, "shape_calculation_mode": by}
        )

    target = const([2, 4, 5, 7]) if by == "sizes" else const([1, 1, 0.6, 0.7], F32)
    return {
        f"Interpolate-4-{mode}-{by}": version_4,
        f"Interpolate-11-{mode}-{by}": lambda x: opset11.interpolate(x, target, mode, by),
    }


def interpolate_1(mode: str, align_corners: bool, size: list[int]) -> dict[str, Build]:
    def version_1(x: Any) -> Any:
        attributes = {
            "axes": [2, 3],
            "mode": mode,
            "align_corners": align_corners,
            "antialias": False,
            "pads_begin": [0],
            "pads_end": [0],
        }
        return NodeFactory("opset1").create("Interpolate", [x.output(0), const(size).output(0)], attributes)

    return {f"Interpolate-1-{mode}-{align_corners}-{size}": version_1}


OF_IMAGES: dict[str, Build] = {
    "LRN-channels": lambda x: opset1.lrn(x, const([1]), 0.5, 0.75, 2.0, 3),
    "LRN-wider-than-channels": lambda x: opset1.lrn(x, const([1]), 0.5, 0.75, 2.0, 5),
    "LRN-spatial": lambda x: opset1.lrn(x, const([2, 3]), 0.5, 0.75, 2.0, 3),
    "BatchNormInference-1": lambda x: opset1.batch_norm_inference(x, *STATISTICS, 1e-2),
    "BatchNormInference-5": lambda x: opset5.batch_norm_inference(x, *STATISTICS, 1e-2),
    **{
        f"MVN-1-{a}-{v}": (lambda x, a=a, v=v: opset2.mvn(x, a, v, 0.1))
        for a in (True, False)
        for v in (True, False)
    },
    **{
        f"AvgPool-14-{rounding}-{exclude}-{pads}": (
            lambda x, r=rounding, e=exclude, p=pads: opset14.avg_pool(x, [2, 3], [p, p], [p, 0], [3, 2], e, r)
        )
        for rounding in ("ceil", "ceil_torch")
        for exclude in (True, False)
        for pads in (0, 1)
    },
    "GatherElements-6": lambda x: opset14.gather_elements(x, const(np.full((2, 4, 9, 3), 7)), 3),
    "GatherND-5": lambda x: opset5.gather_nd(x, const([[0, 1], [1, 0]])),
    "ScatterElementsUpdate-3": lambda x: opset3.scatter_elements_update(
        x, const([[[[0, 2]]]]), const([[[[0.5, 2.0]]]], F32), const(3)
    ),
    "ScatterNDUpdate-4": lambda x: opset4.scatter_nd_update(
        x, const([[1, 1, 2]]), const(np.full((1, 10), 3, F32))
    ),
    "TopK-1": lambda x: opset1.topk(x, const(2), 1, "max", "value"),
    "TopK-3": lambda x: opset3.topk(x, const(2), -1, "min", "index"),
    "Gather-1": lambda x: opset1.gather(x, const([1, 0]), const(1)),
    "Gather-7": lambda x: opset7.gather(x, const([[1, 0], [2, 0]]), const(1), 1),
    "SoftMax-1": lambda x: opset1.softmax(x, 2),
    "Pad-1": lambda x: opset1.pad(x, const([0, 0, 1, 1]), const([0, 1, 1, 1]), "symmetric"),
    **{
        f"Pad-12-{mode}": (
            lambda x, mode=mode: opset12.pad(x, const([0, 1, -1, 1]), const([0, -2, 2, -3]), mode)
        )
        for mode in ("constant", "edge", "reflect")
    },
    "ShapeOf-1": opset1.shape_of,
    "Gelu-2": opset2.gelu,
    "Squeeze-1": lambda x: opset1.squeeze(opset1.unsqueeze(x, const([0])), const([0])),
    **{k: v for pad in ("explicit", "valid", "same_upper", "same_lower") for k, v in padded(pad).items()},
    **{
        k: v
        for pad in ("explicit", "valid", "same_upper", "same_lower")
        for size in ([18, 20], [17, 18])
        for k, v in sized(pad, size).items()
    },
    **{
        k: v
        for mode in ("nearest", "linear", "cubic")
        for align_corners in (True, False)
        for size in ([5, 7], [18, 27])
        for k, v in interpolate_1(mode, align_corners, size).items()
    },
    **{
        k: v
        for mode in ("nearest", "linear_onnx", "cubic")
        for by in ("sizes", "scales")
        for k, v in interpolate(mode, by).items()
    },
}
OF_A_ROW: dict[str, Build] = {
    "Broadcast-1": lambda x: opset1.broadcast(x, const([2, 4])),
    "Broadcast-1-explicit": lambda x: opset1.broadcast(x, const([2, 4, 3]), const([1]), "EXPLICIT"),
    "Broadcast-3-explicit": lambda x: opset3.broadcast(x, const([4, 2, 3]), const([0]), "EXPLICIT"),
    "Broadcast-3-bidirectional": lambda x: opset3.broadcast(x, const([2, 1]), broadcast_spec="BIDIRECTIONAL"),
    "Clamp-infinite": lambda x: opset1.clamp(x, -np.inf, 1e-7),
}


@pytest.mark.parametrize(
    ("x", "build"),
    [(IMAGES, b) for b in OF_IMAGES.values()] + [(ROW, b) for b in OF_A_ROW.values()],
    ids=[*OF_IMAGES, *OF_A_ROW],
)
def test_versions(x: np.ndarray, build: Build, tmp_path: Path) -> None:
    assert_reads_alike(save(tmp_path, build, x), x)


def assert_reads_alike(path: Path, x: np.ndarray) -> None:
    expected = run_file(path, x)
    largest = max(float(np.abs(y).max()) for y in expected)
    for graph in (read_openvino(path), load_openvino(path)):
        assert_same(run_graph(graph, {"x0": x}), expected, rtol=1e-5, atol=1e-5 * max(largest, 1))


def versions_of_openvino() -> set[tuple[str, str]]:
    """(type, the opset that brought the version) of every version in its opsets 1 to 15 of the operators that
    are read.
    """
    found = set()
    for n in range(FIRST_OPSET, LAST_OPSET + 1):
        factory = NodeFactory(f"opset{n}")
        for name in READERS:
            try:
                info = factory.create(name).get_type_info()
            except Exception:  # nanobind's, for a set that lacks the operator, or names it as its class
                continue
            found.add((info.name, info.version_id))
    return found


def test_every_version_of_an_operator_that_is_read_is_tried() -> None:
    """By the battery's cases (test_operators.py) or here."""
    models = [build_openvino(case, case.vendor) for case in READABLE]  # type: ignore[arg-type]
    for x, builds in ((IMAGES, OF_IMAGES), (ROW, OF_A_ROW)):
        for build in builds.values():
            parameter = op.parameter(list(x.shape), x.dtype)
            models.append(Model(build(parameter).outputs(), [parameter], "model"))
    tried = {(n.get_type_info().name, n.get_type_info().version_id) for m in models for n in m.get_ops()}
    wanted = versions_of_openvino()
    assert wanted <= tried, sorted(wanted - tried)
    assert len(wanted) > len(READERS)


def test_a_file_of_version_10(tmp_path: Path) -> None:
    """As older tools wrote it: normalizations in their first versions; no types of inputs, no names of
    tensors. OpenVINO still runs it.
    """

    def build(x: Any) -> Any:
        x = opset1.lrn(opset1.batch_norm_inference(x, *STATISTICS, 1e-2), const([1]), 0.5, 0.75, 2.0, 3)
        x = opset1.normalize_l2(opset2.mvn(x, False, True, 0.1), const([1]), 1e-3, "add")
        return grouped(x, unpacked(CODES, (2, 3, 1, 1, 1)))

    path = save(tmp_path, build, IMAGES)
    text = path.read_text("utf-8").replace('version="11"', 'version="10"', 1)
    text = re.sub(
        r"<input>.*?</input>", lambda m: re.sub(' precision="[^"]*"', "", m[0]), text, flags=re.DOTALL
    )
    path.write_text(re.sub(r' (output_)?names="[^"]*"', "", text), "utf-8")
    assert_reads_alike(path, IMAGES)


# ---- weights stored small ----------------------------------------------------------------------------------

SCALES = [(2, 3, 1, 1, 1), (2, 1, 1, 1, 1), (1, 1, 1, 1, 1), ()]


@pytest.mark.parametrize("scale", SCALES, ids=str)
def test_scales_of_grouped_weights_lose_the_group_axis(scale: tuple[int, ...], tmp_path: Path) -> None:
    path = save(tmp_path, lambda x: grouped(x, unpacked(CODES, scale)), IMAGES)
    assert_reads_alike(path, IMAGES)
    (layer,) = load_openvino(path).of_type("Convolution")
    multiply = layer.inputs[1].producer
    codes = multiply.inputs[0].producer.inputs[0].constant
    assert multiply.type == "Multiply"
    np.testing.assert_array_equal(codes, CODES.reshape(6, 2, 3, 3))


@pytest.mark.parametrize("scale", SCALES, ids=str)
def test_unsigned_weights_with_a_zero_point(scale: tuple[int, ...], tmp_path: Path) -> None:
    codes = CODES.view(np.uint8)
    path = save(tmp_path, lambda x: grouped(x, unpacked(codes, scale, 120)), IMAGES)
    assert_reads_alike(path, IMAGES)
    assert not load_openvino(path).of_type("Reshape")


def test_fake_quantized_weights(tmp_path: Path) -> None:
    ends = [const(np.full((2, 3, 1, 1, 1), v, F32)) for v in (-1, 1, -1, 1)]
    path = save(
        tmp_path, lambda x: grouped(x, opset1.fake_quantize(const(normal(2, 3, 2, 3, 3)), *ends, 255)), IMAGES
    )
    assert_reads_alike(path, IMAGES)
    assert not load_openvino(path).of_type("Reshape")


def test_weights_that_are_reshaped_in_the_file_as_pot_does(tmp_path: Path) -> None:
    def build(x: Any) -> Any:
        flat = unpacked(CODES.reshape(6, 2, 3, 3), (6, 1, 1, 1))
        return grouped(x, opset1.reshape(flat, const([2, 3, 2, 3, 3]), False))

    path = save(tmp_path, build, IMAGES)
    assert_reads_alike(path, IMAGES)
    assert not load_openvino(path).of_type("Reshape")


def test_weights_that_two_layers_share(tmp_path: Path) -> None:
    def build(x: Any) -> Any:
        weights = unpacked(CODES, (2, 3, 1, 1, 1))
        return opset1.add(grouped(x, weights), grouped(opset1.relu(x), weights))

    path = save(tmp_path, build, IMAGES)
    assert_reads_alike(path, IMAGES)
    a, b = load_openvino(path).of_type("Convolution")
    assert a.inputs[1] is b.inputs[1]


def test_weights_that_are_computed_from_an_input(tmp_path: Path) -> None:
    path = save(tmp_path, lambda x, w: grouped(x, w), IMAGES, GROUPED)
    expected = run_file(path, IMAGES, GROUPED)
    assert_same(run_graph(load_openvino(path), {"x0": IMAGES, "x1": GROUPED}), expected, rtol=1e-5, atol=1e-5)
