"""The decorator: machine code is kept where it can be, and nothing here costs an import of numba."""

import ctypes
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from numba import types

import numpot.kernels
from numpot.kernels.codegen import jit
from numpot.kernels.codegen.pointers import array
from numpot.kernels.program import program  # noqa: F401 - the latter brings all kernels
from numpot.kernels.program.step_kernels import KERNELS, Kernel, step_kernel

SOURCES = Path(numpot.kernels.__file__).parent


def run(code: str, **environment: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


def test_definitions_and_proofs_do_not_import_numba() -> None:
    code = (
        "import sys, numpot.kernels, numpot.kernels.reference, numpot.kernels.saturation; "
        "print('numba' in sys.modules)"
    )
    assert run(code) == "False"


def test_without_a_folder_to_write_there_is_one_warning_and_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jit, "candidates", lambda: [Path(__file__) / "below-a-file"])
    jit.cache_folder.cache_clear()
    try:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            kernels = [jit.kernel(lambda x: x + 1), jit.kernel(lambda x: x + 2)]
        assert [k(np.int64(1)) for k in kernels] == [2, 3]
    finally:
        jit.cache_folder.cache_clear()
    assert len(seen) == 1
    assert "NUMBA_CACHE_DIR" in str(seen[0].message)


def test_other_peoples_cache_folder_is_left_alone() -> None:
    before = jit.config.CACHE_DIR
    jit.kernel(lambda x: x)
    assert before == jit.config.CACHE_DIR


def add_one(address: int) -> None:
    x = array(address, (1,), np.int64)
    x[0] += 1


def test_machine_code_alone_is_kept_of_what_is_called_by_its_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(jit, "candidates", lambda: [tmp_path])
    jit.cache_folder.cache_clear()
    x = np.zeros(1, np.int64)
    try:
        compiled, found = (jit.Entry(add_one, types.none(types.int64)) for _ in range(2))
        assert not list(tmp_path.rglob("*.nbc"))  # nothing is compiled before it is needed
        for entry in (compiled, found):
            ctypes.CFUNCTYPE(None, ctypes.c_int64)(entry.address)(x.ctypes.data)
    finally:
        jit.cache_folder.cache_clear()
    assert x == 2 and found.was_found and not compiled.was_found
    code = str(found._compiled._library._get_module_for_linking())
    assert "add_one" in code and " add " not in code


def test_every_kind_of_step_has_its_kernel() -> None:
    assert set(KERNELS) == set(Kernel)


def test_an_edit_in_any_folder_of_the_kernels_has_another_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Numba itself looks only at the file of the function it has compiled."""
    copy = tmp_path / "copied"
    shutil.copytree(SOURCES, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(jit, "KERNELS", copy)
    monkeypatch.setattr(jit, "candidates", lambda: [tmp_path / "cache"])
    folders = sorted({file.parent for file in copy.rglob("*.py")})
    names = []
    try:
        for edited in (None, *folders):
            if edited:
                file = sorted(edited.glob("*.py"))[-1]
                file.write_text(file.read_text() + "# an edit\n")
            jit.cache_folder.cache_clear()
            names.append(jit.cache_folder())
    finally:
        jit.cache_folder.cache_clear()
    assert len(folders) > 6 and len(set(names)) == 1 + len(folders)


TABLE = """
import ctypes
import numpy as np
from numpot.kernels.codegen.jit import kernel
from numpot.kernels.codegen.pointers import array
from numpot.kernels.program.step_kernels import KERNELS, Kernel, step_kernels

@kernel
def one(x):
    return x + 1

@kernel
def two(x):
    return x + 2

KERNELS.clear()  # names of kinds are borrowed

rows = (one, np.int64), (two, np.int64), (None, np.int64), (one, np.uint8)

@step_kernels(dict(zip((Kernel.ADD, Kernel.CLIP, Kernel.HARD, Kernel.COPY), rows)))
def make(more, dtype):
    def run(row, images, frame, call):
        x = array(row, (8,), dtype)
        x[0] = more(255) if more is not None else 7
    return run

def results(names):
    found = []
    for name in names.split():
        x, entry = np.zeros(8, np.int64), KERNELS[Kernel[name]]
        ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 4)(entry.address)(x.ctypes.data, 0, 0, 0)
        found.append((int(x[0]), entry.was_found))
    return found
"""


def test_kernels_of_one_table_never_take_each_others_machine_code(tmp_path: Path) -> None:
    """They share code and line, and differ in a function or a type only. Processes that compile one each give
    it the same number; a third one has all of them at once, in either order.
    """
    (tmp_path / "table.py").write_text(TABLE)
    ours = {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    values = {"ADD": 256, "CLIP": 257, "HARD": 7, "COPY": 0}
    for name, value in values.items():
        assert run(f"import table; print(table.results({name!r}))", **ours) == str([(value, False)])
    for names in ("ADD CLIP HARD COPY", "COPY HARD CLIP ADD"):
        expected = [(values[name], True) for name in names.split()]
        assert run(f"import table; print(table.results({names!r}))", **ours) == str(expected)


def test_a_kind_has_one_kernel() -> None:
    with pytest.raises(ValueError, match="expected one kernel of ADD, found another"):
        step_kernel(Kernel.ADD)(lambda row, images, frame, call: None)


ALL = """
from numpot.kernels.codegen.isa import ISA
from numpot.kernels.program import program
from numpot.kernels.program.step_kernels import KERNELS
here = [entry for kind, entry in KERNELS.items() if ISA.has_amx or not kind.name.startswith("AMX")]
addresses = {entry.address for entry in here}
print(len(addresses) == len(here) > 30, all(entry.was_found for entry in here))
"""


@pytest.mark.slow
def test_the_second_process_finds_every_kernel_of_the_tables() -> None:
    assert run(ALL).startswith("True")
    assert run(ALL) == "True True"


CALL_IN_FILE = """
import importlib.util
spec = importlib.util.spec_from_file_location({name!r}, {file!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(module.{call})
"""


def test_code_that_is_kept_serves_a_module_by_any_name(tmp_path: Path) -> None:
    """Numba imports the module that the code was compiled in by its name there, which is not one that every
    process has.
    """
    file = tmp_path / "doubled.py"
    file.write_text("from numpot.kernels.codegen.jit import kernel\n@kernel\ndef double(x): return 2 * x\n")
    for name in ("first", "second"):
        assert (
            run(
                CALL_IN_FILE.format(name=name, file=str(file), call="double(3)"),
                NUMBA_CACHE_DIR=str(tmp_path),
            )
            == "6"
        )


def test_a_process_that_finds_some_kernels_compiles_others(tmp_path: Path) -> None:
    """Both have a generator in common, which numba could not call if it had kept it."""
    file, part = (
        tmp_path / "counted.py",
        "@kernel\ndef {}(s, units):\n    n = 0\n    for unit in claimed(s, units): n += {}\n    return n\n",
    )
    imports = (
        "from numpot.kernels.codegen.jit import kernel\nfrom numpot.kernels.codegen.work_sharing "
        "import alone, claimed\n"
    )
    file.write_text(imports + part.format("count", "1") + part.format("total", "unit"))
    for call, expected in (("count(module.alone(), 5)", "5"), ("total(module.alone(), 5)", "10")):
        assert (
            run(CALL_IN_FILE.format(name="counted", file=str(file), call=call), NUMBA_CACHE_DIR=str(tmp_path))
            == expected
        )


KEPT = """
from numba import types
from numpot.kernels.codegen.jit import Entry, kernel

@kernel
def double(x):
    return 2 * x

def nothing(x):
    pass

entry = Entry(nothing, types.none(types.int64))

def found():
    right = double(3) == 6 and entry.address != 0
    return right and (sum(double.stats.cache_hits.values()), entry.was_found)
"""


def test_code_that_is_kept_for_a_processor_is_not_run_on_another(tmp_path: Path) -> None:
    """The same instruction set, and so the same folder; but LLVM may have used whatever else the processor
    has.
    """
    (tmp_path / "kept.py").write_text(KEPT)
    ours = {"PYTHONPATH": str(tmp_path), "NUMPOT_ISA": "portable", "NUMBA_CACHE_DIR": str(tmp_path)}
    other = {**ours, "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    call = "import kept; print(kept.found())"
    assert run(call, **ours) == "(0, False)"
    assert run(call, **other) == "(0, False)"
    assert run(call, **ours) == run(call, **other) == "(1, True)"
    assert len(list(tmp_path.glob("numpot-*"))) == 1


CALL = """
import numpy as np
from copied import direct
from copied.layers import depthwise
from copied.layout import window
from copied.tiles import epilogue
out = np.zeros((1, 1, 1, 1), np.uint8)
w = depthwise.pack_depthwise(np.ones((1, 1, 1, 1), np.int8))
x = np.full((1, 1, 1, 1), 7, np.uint8)
one = epilogue.make_epilogue(1, 1.0)
direct.depthwise(x, w, 0, out, window=window.Window((1, 1)), epilogue=one)
compiled = [value for value in vars(depthwise).values() if hasattr(value, "stats")]
print(out.item(), "found" if any(kernel.stats.cache_hits for kernel in compiled) else "compiled")
"""


def make_read_only(package: Path) -> None:
    """As in a site-packages of the system. The superuser writes there all the same, so a file stands where
    the cache would be.
    """
    (package / "__pycache__").write_text("")
    for path in [*package.rglob("*"), package]:
        path.chmod(0o555 if path.is_dir() else 0o444)


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["HOME", "XDG_CACHE_HOME"])
def test_installed_read_only_the_users_folder_is_taken(tmp_path: Path, variable: str) -> None:
    package, home = tmp_path / "copied", tmp_path / "home"
    shutil.copytree(SOURCES, package, ignore=shutil.ignore_patterns("__pycache__"))
    make_read_only(package)
    environment = {
        "PYTHONPATH": str(tmp_path),
        "NUMBA_CACHE_DIR": "",
        "XDG_CACHE_HOME": "",
        variable: str(home),
    }
    for origin in ("compiled", "found"):
        outcome = subprocess.run(
            [sys.executable, "-c", CALL], env={**os.environ, **environment}, capture_output=True, text=True
        )
        assert outcome.stdout == f"7 {origin}\n" and outcome.stderr == ""
    (folder,) = (home / ".cache" if variable == "HOME" else home).iterdir()
    assert folder.name.startswith("numpot-") and list(folder.rglob("*.nbc"))


@pytest.mark.slow
def test_where_nothing_can_be_written_one_warning_is_given(tmp_path: Path) -> None:
    package = tmp_path / "copied"
    shutil.copytree(SOURCES, package, ignore=shutil.ignore_patterns("__pycache__"))
    make_read_only(package)
    environment = {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": "", "XDG_CACHE_HOME": os.devnull}
    outcome = subprocess.run(
        [sys.executable, "-c", CALL], env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert outcome.stdout == "7 compiled\n"
    assert (
        outcome.stderr.count("no folder to keep compiled kernels in") == 1
        and outcome.stderr.count("Warning") == 1
    )


@pytest.mark.slow
def test_the_second_process_compiles_nothing_and_an_edit_elsewhere_is_noticed(tmp_path: Path) -> None:
    """The compiled caller lives in layers/depthwise.py, the edit is in tiles/epilogue_codegen.py: numba alone
    would go on running the old code.
    """
    copy = tmp_path / "copied"
    shutil.copytree(SOURCES, copy, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    assert run(CALL, **environment) == "7 compiled"
    assert run(CALL, **environment) == "7 found"
    file = copy / "tiles" / "epilogue_codegen.py"
    file.write_text(file.read_text().replace("fadd(y, c.bias)", "fadd(y, c.scale)"))
    assert run(CALL, **environment) == "8 compiled"


def test_kept_machine_code_runs_without_preparing_to_compile() -> None:
    code = (
        "import sys, numpy, numpot.kernels.statistics.min_max_sum as s; s.min_max_sum(numpy.zeros((1, 1, "
        "1), 'f4')); "
    )
    code += "print('numba.np.arraymath' in sys.modules)"
    run(code)  # now there is machine code
    assert run(code) == "False"
