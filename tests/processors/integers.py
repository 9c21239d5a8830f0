"""python -m tests.processors.integers 40 gemm convolution: of so many layers of each kind, how many have the
integers of the definition.

Sums alone, because every other output is another kernel to compile, and an emulated processor takes a minute
for one. These two kinds are one kernel; `depthwise` is another. The tests of tests/kernels run on it as they
are, in their time.
"""

import json
import sys
from collections.abc import Callable

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

from numpot.kernels import reference
from numpot.kernels.codegen.isa import ISA
from numpot.kernels.direct import convolution, depthwise, gemm, pack_gemm
from numpot.kernels.layers.depthwise import pack_depthwise, positions_together
from numpot.kernels.layout.weight_packing import pack_convolution

from ..kernels.problems import (
    ConvolutionProblem,
    GemmProblem,
    convolution_problems,
    gemm_problems,
    nchw,
    nhwc,
)


def gemm_is_the_definition(p: GemmProblem) -> bool:
    sums = np.full(p.size[:2], 77, np.int32)
    gemm(p.a, pack_gemm(p.b), p.zero_point, sums, arithmetic=p.arithmetic)
    return np.array_equal(sums, reference.GEMM[p.arithmetic](p.a, p.b, p.zero_point))


def convolution_is_the_definition(p: ConvolutionProblem) -> bool:
    sums = p.empty_output(np.int32)
    convolution(
        nhwc(p.x),
        pack_convolution(p.w, p.groups),
        p.zero_point,
        sums,
        window=p.window,
        arithmetic=p.arithmetic,
    )
    return np.array_equal(
        nchw(sums), reference.convolution(p.x, p.w, p.zero_point, arithmetic=p.arithmetic, **p.keywords)
    )


def depthwise_is_the_definition(p: ConvolutionProblem) -> bool:
    sums, packed = (
        p.empty_output(np.int32),
        pack_depthwise(p.w, positions_together(p.window, p.window.output_size(*p.size)[1])),
    )
    depthwise(nhwc(p.x), packed, p.zero_point, sums, window=p.window)
    return np.array_equal(
        nchw(sums), reference.convolution(p.x, p.w, p.zero_point, arithmetic="exact", **p.keywords)
    )


def count(problems: SearchStrategy, is_the_definition: Callable[..., bool], examples: int) -> tuple[int, int]:
    """How many are, and how many there were."""
    found: list[bool] = []

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(problems)
    def look(problem: GemmProblem | ConvolutionProblem) -> None:
        found.append(is_the_definition(problem))

    look()
    return sum(found), len(found)


KINDS = {
    "gemm": (gemm_problems, gemm_is_the_definition),
    "convolution": (convolution_problems(), convolution_is_the_definition),
    "depthwise": (convolution_problems(depthwise=True), depthwise_is_the_definition),
}


def main(examples: int, *kinds: str) -> None:
    results = {kind: count(*KINDS[kind], examples) for kind in kinds}
    print(json.dumps({"isa": ISA.name, "equal": results}))


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
