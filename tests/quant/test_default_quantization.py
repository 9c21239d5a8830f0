"""`run_stages` reads as the eight stages that the module's docstring lists."""

import ast
import inspect
import re
from pathlib import Path

import numpot.quant
from numpot.quant import default_quantization

FOLDER = Path(numpot.quant.__path__[0])
SOURCE = inspect.getsource(default_quantization)


def listed_files() -> dict[int, str]:
    """Number of the stage -> the last file that the docstring names for it."""
    files: dict[int, str] = {}
    stage = 0
    for line in (default_quantization.__doc__ or "").splitlines():
        if found := re.match(r"(\d)\. ", line):
            stage = int(found[1])
        if stage not in files and (named := re.search(r"\S+\.py$", line)):
            files[stage] = named[0]
    return files


def stage_calls() -> dict[int, str]:
    """Number behind a line of `run_stages` -> the function or class that the line calls first."""
    (function,) = (
        node
        for node in ast.parse(SOURCE).body
        if isinstance(node, ast.FunctionDef) and node.name == "run_stages"
    )
    numbers = {
        i: int(n[1]) for i, line in enumerate(SOURCE.splitlines(), 1) if (n := re.search(r"  # (\d)$", line))
    }
    calls: dict[int, str] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign | ast.Expr) and node.lineno in numbers:
            assert isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name)
            assert numbers[node.lineno] not in calls
            calls[numbers[node.lineno]] = node.value.func.id
    return calls


def test_each_stage_is_one_line_that_calls_what_its_file_defines():
    files, calls = listed_files(), stage_calls()
    assert list(files) == list(range(1, 9)) and sorted(calls) == list(files)
    for stage, file in files.items():
        tree = ast.parse((FOLDER / file).read_text("utf-8"))
        defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        assert calls[stage] in defined, f"stage {stage}: {file} does not define {calls[stage]}"
        assert getattr(default_quantization, calls[stage]).__module__.endswith(
            file.removesuffix(".py").replace("/", ".")
        )


def test_stages_are_of_different_packages():
    folders = [file.split("/")[0] for file in listed_files().values()]
    assert len(set(folders)) == 8
