"""The two walks of docs/reading-order.md, found by tracing: which files stand on the way from `quantize` to a
bound of a FakeQuantize, and from `evaluate` to the register tile.

    python -m tests.walks        prints both, as they are now

A walk has moments, each the call of a named function. A file is on the walk if one of its functions is on the
call stack at one of the moments. Compiled code has no Python stack, so the calls between kernels are looked
up in the functions themselves.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any

from numba.core.dispatcher import Dispatcher
from numba.extending import _Intrinsic

ROOT = Path(__file__).parent.parent
NAMES = ("numpot.ir", "numpot.kernels", "numpot.quant")

#: On the way of a statistic: it is ordered, a batch is reduced for it and added to it, it is read, its bounds
#: are computed, and they become constants of a FakeQuantize.
OF_A_STATISTIC = (
    "Statistic.__init__",
    "Observation.reduce",
    "Extreme.add",
    "Extreme.value",
    "symmetric_range",
    "insert_fake_quantize",
)
#: On the way of an array: a sample is fitted to the model, samples are stacked, the batch is bound to the
#: model's input, and its address is handed to compiled code.
OF_AN_ARRAY = ("ModelData._fit", "_batch", "bind_inputs", "Job.do")


def walk_of_a_statistic() -> list[str]:
    """Files in the order they are reached, of the demo's model and a few samples."""
    from numpot.quant import quantize
    from numpot.quant.data import subset
    from numpot.quant.demo import load

    model, calibration, _ = load()
    with _stacks_of(OF_A_STATISTIC) as seen:
        quantize(model, subset(calibration, 4), correct_biases=False, align_channels=False)
    return _files(_complete(OF_A_STATISTIC, seen))


def walk_of_an_array() -> list[str]:
    """Files in the order they are reached, of the demo's model in int8, down to the tile of a convolution."""
    from numpot.kernels.layout.strips import take
    from numpot.kernels.program import step_kernels
    from numpot.kernels.program.program import run_program
    from numpot.kernels.tiles.dense_tile import tiles
    from numpot.quant import Accuracy, evaluate, quantize
    from numpot.quant.data import subset
    from numpot.quant.demo import load

    model, calibration, test = load()
    int8 = quantize(model, subset(calibration, 4))
    with _stacks_of(OF_AN_ARRAY) as seen:
        evaluate(int8, subset(test, 4), Accuracy(), threads=1)
    in_python = _complete(OF_AN_ARRAY, seen)
    step = step_kernels.KERNELS[step_kernels.Kernel.CONVOLUTION_UU]
    chains = [calls_between(step.function, goal) for goal in (take, tiles)]
    assert all(chains), "no call leads from the kernel of a convolution to its strips and its tile"
    compiled = [[_module_of(function) for function in chain] for chain in chains]
    return _files([*in_python, [_module_of(run_program)], *compiled])


# ---- Python's own calls ------------------------------------------------------------------------------------


@contextmanager
def _stacks_of(moments: Iterable[str]) -> Iterator[dict[str, list[str]]]:
    """Function -> the modules of numpot on the stack when it was first called, outermost first."""
    wanted, seen = set(moments), dict[str, list[str]]()

    def look(frame: FrameType, event: str, _: Any) -> None:
        name = frame.f_code.co_qualname
        if event == "call" and name in wanted and name not in seen and _is_ours(frame):
            seen[name] = [str(f.f_globals["__name__"]) for f in reversed(_stack(frame)) if _is_ours(f)]

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield seen
    finally:
        sys.setprofile(before)


def _stack(frame: FrameType | None) -> list[FrameType]:
    frames = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).startswith(NAMES)


def _complete(moments: Iterable[str], seen: dict[str, list[str]]) -> list[list[str]]:
    missing = [moment for moment in moments if moment not in seen]
    assert not missing, f"never called: {', '.join(missing)}; tests/walks.py names the moments of a walk"
    return [seen[moment] for moment in moments]


# ---- calls between kernels ---------------------------------------------------------------------------------


def calls_between(start: Callable[..., Any], goal: Any) -> list[Any]:
    """The shortest chain of calls from one kernel to another, both included; empty if there is none."""
    chains: list[list[Any]] = [[start]]
    seen: list[Any] = [start]
    while chains:
        chain = chains.pop(0)
        if chain[-1] is goal:
            return chain
        for callee in _called_by(chain[-1]):
            if not any(callee is known for known in seen):
                seen.append(callee)
                chains.append([*chain, callee])
    return []


def _called_by(function: Any) -> list[Any]:
    """The kernels and intrinsics that a kernel names."""
    python = function.py_func if isinstance(function, Dispatcher) else function
    if not isinstance(python, FunctionType):
        return []
    named = [python.__globals__.get(name) for name in python.__code__.co_names]
    held = [cell.cell_contents for cell in python.__closure__ or ()]
    return [value for value in (*named, *held) if isinstance(value, Dispatcher | _Intrinsic)]


def _module_of(function: Any) -> str:
    python = getattr(function, "py_func", None) or getattr(function, "_defn", None) or function
    return str(python.__module__)


# ---- files -------------------------------------------------------------------------------------------------


def _files(stacks: Iterable[Iterable[str]]) -> list[str]:
    """Paths in the repository, each once, in the order of the stacks."""
    return list(dict.fromkeys(_path(module) for stack in stacks for module in stack))


def _path(module: str) -> str:
    """Where a module of numpot stands in the repository, also if an installed copy of it runs."""
    _, *packages = module.split(".")
    return "/".join(packages) + ".py"


if __name__ == "__main__":
    for title, files in (("a statistic", walk_of_a_statistic()), ("an array", walk_of_an_array())):
        print(f"{title}: {len(files)} files")
        for number, file in enumerate(files, 1):
            print(f"{number:3} {file}")
