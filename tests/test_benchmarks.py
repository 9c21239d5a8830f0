"""The benchmarks measure what they say: the networks have the sizes of their papers, the tables the right
quotients.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("openvino")

from benchmarks import networks, report  # noqa: E402
from benchmarks.groups import GROUPS, Bar, Case, Group  # noqa: E402
from numpot.ir import read_model  # noqa: E402


@pytest.mark.parametrize(
    ("build", "millions"),
    [(networks.mobilenet_v2, 3.49), pytest.param(networks.resnet50, 25.53, marks=pytest.mark.slow)],
)
def test_networks_have_as_many_parameters_as_in_their_papers(
    tmp_path: Path, build: networks.Build, millions: float
) -> None:
    """Less two numbers a channel: batch normalization is folded into one."""
    path = build(tmp_path / "model.onnx")
    parameters = sum(np.prod(t.dims) for t in onnx.load(path).graph.initializer)
    assert parameters == pytest.approx(1e6 * millions, rel=0.002)
    (result,) = read_model(path).outputs
    assert result.inputs[0].shape == (-1, 1000)


def test_a_table_has_quotients_of_the_shortest_times(monkeypatch: pytest.MonkeyPatch) -> None:
    def cases() -> Iterator[Case]:
        yield Case("one", lambda: {"ours": list, "theirs": list, "others": list})
        yield Case("two", lambda: {"ours": list, "theirs": list, "others": list})
        yield Case("left in peace", lambda: pytest.fail("was not asked for"))

    measured = iter(
        [
            {"ours": np.array([0.003, 0.004]), "theirs": np.array([0.002]), "others": np.array([0.001])},
            {"ours": np.array([0.001]), "theirs": np.array([0.002]), "others": np.array([0.008])},
        ]
    )
    monkeypatch.setattr(report, "interleave", lambda runs, seconds: next(measured))
    table = report.table(
        Group("speeds", cases, (Bar("ours", ("theirs", "others"), 2.0, 3.0), Bar("ours", ("theirs",), 0.5))),
        1.0,
        "o",
    )
    assert table.splitlines()[1:] == [
        "## speeds",
        "",
        "|  | ours ms | theirs ms | others ms | ours / theirs or others | ours / theirs |",
        "|---|---:|---:|---:|---:|---:|",
        "| one | 3.000 | 2.000 | 1.000 | 3.00 | 1.50 |",
        "| two | 1.000 | 2.000 | 8.000 | 0.50 | 0.50 |",
        "| geometric mean |  |  |  | **1.22** (within 2.0, none above 3.0) | **0.87** (misses 0.5) |",
    ]


def test_lines_of_a_table_can_be_told_apart() -> None:
    """Nothing is compiled for it: cases do that when they are run."""
    for group in GROUPS.values():
        names = [case.name for case in group.cases()]
        assert names and len(set(names)) == len(names)


def test_a_line_about_quantizing_has_numpots_share_of_the_faster_peer_and_of_pots_memory() -> None:
    from benchmarks.quantization import Measured, line

    measured = {
        "numpot": Measured(2, 1.8, 1, 150),
        "pot": Measured(9, 9, 8, 200),
        "nncf": Measured(5, 3.6, 1.5, 100),
    }
    assert line("net", measured) == [
        *("net", "2.00 / 1.80 / 1.00", "9.00 / 9.00 / 8.00", "5.00 / 3.60 / 1.50"),
        *(
            "**0.40** (within 0.5)",
            "**0.50** (within 0.5)",
            "**0.67** (misses 0.5)",
            "150",
            "200",
            "100",
            "**0.75** (within 1.0)",
        ),
    ]


@pytest.mark.slow
def test_an_int8_run_takes_no_more_memory_than_openvinos() -> None:
    from benchmarks.memory import BAR, peak_of
    from benchmarks.models import FOLDER, int8_file, int8_graph
    from numpot.ir import save_model

    name = "MobileNetV2"
    save_model(int8_graph(name), FOLDER / f"{name}.xml")
    peak_of("numpot", FOLDER / f"{name}.xml")  # compiles what is not compiled yet
    assert peak_of("numpot", FOLDER / f"{name}.xml") <= BAR * peak_of("openvino", int8_file(name))
