"""docs/extending.md is true: its code blocks, applied to a copy of the package, do what the page says."""

import ast
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "extending.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (.*)\n((?:.*\n(?!## ))*.*)", PAGE, re.MULTILINE))


class Copy:
    """A copy of the package to which the blocks of a section are applied, and which Python runs."""

    def __init__(self, folder: Path, section: str) -> None:
        self.folder = folder
        for name in ("ir", "kernels", "quant"):
            shutil.copytree(
                ROOT / name, folder / "numpot" / name, ignore=shutil.ignore_patterns("__pycache__", "demo")
            )
        for block in re.findall(r"^```python\n(.*?)^```", SECTIONS[section], re.MULTILINE | re.DOTALL):
            place, _, code = block.partition("\n")
            file = place.removeprefix("# ")
            apply(folder / "numpot" / file if "/" in file else folder / file, code)

    def run(self, code: str) -> str:
        """What the code prints."""
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            env={**os.environ, "PYTHONPATH": str(self.folder), "COLUMNS": "200"},
            cwd=self.folder,
            capture_output=True,
            encoding="utf-8",
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def numpot(self, *words: str) -> tuple[int, str]:
        """Status and output of a command."""
        done = subprocess.run(
            [sys.executable, "-m", "numpot.quant.cli", *words],
            env={**os.environ, "PYTHONPATH": str(self.folder), "COLUMNS": "200"},
            cwd=self.folder,
            capture_output=True,
            encoding="utf-8",
        )
        return done.returncode, done.stdout + done.stderr


def apply(path: Path, code: str) -> None:
    """Replace the function or class of that name, or add the code at the end; a file that is not there is
    new.
    """
    if not path.exists():
        path.write_text(code, "utf-8")
        return
    text = path.read_text("utf-8")
    (statement, *_) = ast.parse(textwrap.dedent(code)).body
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == getattr(statement, "name", None):
            lines = text.splitlines(keepends=True)
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            text = "".join([*lines[: first - 1], code, *lines[node.end_lineno :]])
            path.write_text(text, "utf-8")
            return
    path.write_text(text.rstrip("\n") + "\n" + code, "utf-8")


@pytest.fixture(scope="module")
def option(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("option"), "An option")


def test_an_option_is_checked_shown_recorded_and_used(option: Copy) -> None:
    shown = option.run(
        f"""
        import inspect
        import numpot.quant.parameters as parameters
        from numpot.quant import quantize, quantize_accuracy_aware
        from numpot.quant.errors import QuantizationError
        from numpot.quant.settings.option_types import read_options

        assert str(parameters.__file__).startswith({str(option.folder)!r}), parameters.__file__
        for function in (quantize, quantize_accuracy_aware):
            assert inspect.signature(function).parameters["median_budget"].default == 512
            assert "median_budget: distinct values" in function.__doc__
        settings = parameters.read_parameters(median_budget=64)
        print(settings.budget, settings.record()["median_budget"])
        for wrong in (1, "many"):
            try:
                read_options(parameters.Parameters, {{"median_budget": wrong}})
            except QuantizationError as error:
                print(error)
        """
    )
    assert shown.splitlines() == [
        "64 64",
        "median_budget must be at least 2, found 1",
        "median_budget must be a whole number, found 'many'",
    ]


def test_an_option_is_on_the_command_line(option: Copy) -> None:
    status, text = option.numpot("quantize", "--help")
    (line,) = re.findall(r"--median-budget N .*", text)
    assert status == 0 and "distinct values that a median remembers" in line
    assert re.search(r"\[default:\s+512; x>=2\]", text)
    status, text = option.numpot(
        "quantize", "net.xml", "--data", "d.npz", "-o", "o.xml", "--median-budget", "1"
    )
    assert status == 2 and "needs --median-budget to be a whole number, at least 2, found '1'" in text


def test_an_option_is_in_files_their_schema_and_the_docs(option: Copy) -> None:
    shown = option.run(
        """
        from numpot.quant.errors import QuantizationError
        from numpot.quant.pot.config import Config, read_params
        from numpot.quant.settings.options_page import page

        for name in ("Algorithm", "AccuracyAware"):
            print(Config.model_json_schema()["$defs"][name]["properties"]["median_budget"])
        print(read_params({"median_budget": 64}, "c.json").options(10)["median_budget"])
        try:
            read_params({"median_budget": 1}, "c.json")
        except QuantizationError as error:
            print(error)
        print(*[line for line in page().splitlines() if "median_budget" in line])
        """
    )
    *schemas, value, refusal, row = shown.splitlines()
    assert [ast.literal_eval(schema) for schema in schemas] == 2 * [
        {"default": 512, "minimum": 2, "title": "Median Budget", "type": "integer"}
    ]
    assert value == "64"
    assert refusal == "c.json: median_budget: input should be greater than or equal to 2, found 1"
    assert row.startswith(
        "| `median_budget` | a whole number, at least 2 | `512` | values | `--median-budget`"
    )


def test_a_metric_is_found_by_its_name(tmp_path: Path) -> None:
    copy = Copy(tmp_path, "A metric")
    shown = copy.run(
        """
        import numpy as np
        from numpot.ir import Graph, save_model
        from numpot.ir.dtypes import F32
        from numpot.ir.ops.abs import Abs
        from numpot.ir.ops.parameter import Parameter
        from numpot.ir.ops.result import Result
        from numpot.quant import evaluate

        graph = Graph("net")
        x = graph.add(Parameter(shape=(-1, 2), element_type=F32), [], "x")
        graph.add(Result(), [graph.add(Abs(), [x.output], "abs").output], "y")
        save_model(graph, "net.xml")
        np.savez("data.npz", x=np.float32([[2, 1], [2, 1], [1, 2], [1, 2], [2, 1]]), y=[0, 0, 1, 0, 0])
        found = evaluate("net.xml", "data.npz", "my_metrics:WorstClass")
        print(found.metric, found.value)
        """
    )
    assert shown == "worst class 0.75\n"
    status, text = copy.numpot(
        "evaluate", "net.xml", "--data", "data.npz", "--metric", "my_metrics:WorstClass"
    )
    assert status == 0 and "worst class 0.7500 on 5 samples" in text, text


def test_an_operator_runs_and_is_written_and_read(tmp_path: Path) -> None:
    shown = Copy(tmp_path, "An operator").run(
        """
        import numpy as np
        from numpot.ir import Executor, Graph, Interpreter, read_model, save_model
        from numpot.ir.dtypes import F32, I32
        from numpot.ir.errors import GraphError
        from numpot.ir.ops import OPERATORS
        from numpot.ir.ops.parameter import Parameter
        from numpot.ir.ops.result import Result

        def model(element_type):
            graph = Graph("net")
            x = graph.add(Parameter(shape=(-1, 3), element_type=element_type), [], "x")
            y = graph.add(OPERATORS["SoftSign"](), [x.output], "soft")
            graph.add(Result(), [y.output], "y")
            return graph

        save_model(model(F32), "net.xml")
        x = np.array([[-1.0, 0.0, 3.0]], np.float32)
        for run in (Interpreter, Executor):
            print(run(read_model("net.xml")).run({"x": x})["y"].tolist())
        try:
            model(I32)
        except GraphError as error:
            print(error)
        """
    )
    interpreted, executed, refusal = shown.splitlines()
    assert interpreted == executed == "[[-0.5, 0.0, 0.75]]"
    assert "layer 'soft' (SoftSign)" in refusal
