"""AArch64, as far as another processor can test it: the code that LLVM makes of the tiles, and what the
signed dot product sums up to.
"""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from llvmlite import binding, ir
from numba import njit, typeof, types
from numba.core.registry import cpu_target

from numpot.kernels.codegen.isa import _INSTRUCTION_SETS
from numpot.kernels.codegen.vectors import I32, Vectors, instructions, part
from numpot.kernels.layout.strips import Source
from numpot.kernels.tiles import dense_tile, depthwise_tile
from numpot.kernels.tiles.dense_tile import Block
from numpot.kernels.tiles.depthwise_tile import ChannelBlock
from numpot.kernels.tiles.epilogue import Target, make_epilogue

ISAS = {isa.name: isa for isa in _INSTRUCTION_SETS}
FEATURES = {"armi8mm": "+neon,+dotprod,+i8mm", "armdot": "+neon,+dotprod"}
U8, S8, S32, S64 = (np.zeros(1, dtype) for dtype in (np.uint8, np.int8, np.int32, np.int64))

SOURCE = typeof(Source(U8, 0, 0, S64, S64))
# nothing optional
TARGET = typeof(Target(U8, 0, S64, 0, 0, make_epilogue(1, 1.0), *[None] * (len(Target._fields) - 6)))
BLOCK = typeof(Block(S8, 0, S64, U8, 0, S32, 0, 0, (0, 0), (0, 0), (0, 0)))
TILES = (SOURCE, BLOCK, TARGET, types.literal(2), types.none, types.literal(True))
DEPTHWISE = (SOURCE, typeof(ChannelBlock(S8, 0, 0, 0, S32)), TARGET, types.literal(4), types.literal(1))


def assembly(intrinsic: Any, arguments: tuple[Any, ...], features: str) -> tuple[str, Counter[str]]:
    """An intrinsic for arguments of these numba types: LLVM's text, and how often each instruction of AArch64
    is in the compiled one.
    """
    signature, generate = intrinsic._defn(None, *arguments)
    context = cpu_target.target_context
    module = ir.Module("arm")
    kinds = [context.get_value_type(kind) for kind in signature.args]
    function = ir.Function(
        module, ir.FunctionType(context.get_value_type(signature.return_type), kinds), "tile"
    )
    builder = ir.IRBuilder(function.append_basic_block())
    builder.ret(generate(context, builder, signature, function.args))
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    module.triple = "aarch64-unknown-linux-gnu"
    machine = binding.Target.from_triple(module.triple).create_target_machine(features=features, opt=3)
    parsed = binding.parse_assembly(str(module))
    passes = binding.create_pass_builder(machine, binding.PipelineTuningOptions(speed_level=3))
    passes.getModulePassManager().run(parsed, passes)
    lines = machine.emit_assembly(parsed).splitlines()
    return str(module), Counter(line.split()[0] for line in lines if line.startswith("\t"))


@pytest.mark.parametrize("name", FEATURES)
def test_tiles_are_made_of_the_dot_product(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    isa = ISAS[name]
    monkeypatch.setattr(dense_tile, "ISA", isa)
    llvm, arm = assembly(dense_tile.tiles, TILES, FEATURES[name])
    assert "llvm.x86" not in llvm and "llvm.sadd.sat" in llvm
    assert arm["sqadd"] == isa.rows * isa.vectors  # the saturating words
    # one for every register of the tile and, where codes are flipped, one for every register of weights
    assert arm[isa.dot] == isa.rows * isa.vectors + (isa.vectors if name == "armdot" else 0)


@pytest.mark.parametrize("name", FEATURES)
def test_depthwise_tiles_too(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(depthwise_tile, "ISA", ISAS[name])
    monkeypatch.setattr(depthwise_tile, "POSITIONS", 2)
    llvm, arm = assembly(depthwise_tile.depthwise_tiles, DEPTHWISE, FEATURES[name])
    assert "llvm.x86" not in llvm
    assert arm[ISAS[name].dot] == 2 * 4 + (4 if name == "armdot" else 0)


class Defined(Vectors):
    """The instruction that other processors lack, by its definition."""

    def call(self, name: str, result: Any, *arguments: Any) -> Any:
        assert name == "llvm.aarch64.neon.sdot.v4i32.v16i8"
        total, *factors = arguments
        for place in range(16):
            x, y = (self.builder.sext(self.builder.extract_element(v, I32(place)), I32) for v in factors)
            lane = I32(place // 4)
            total = self.builder.insert_element(
                total,
                self.builder.add(self.builder.extract_element(total, lane), self.builder.mul(x, y)),
                lane,
            )
        return total


@instructions
def signed_dot(_: Any, total: Any, codes: Any, weights: Any) -> Any:
    """total (4,) s32 += codes (16,) u8 . weights (16,) s8, as "armdot" does it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        v = Defined(builder, ISAS["armdot"], 4)
        places = [
            part(context, builder, kind, array) for kind, array in zip(signature.args, arguments, strict=True)
        ]
        v.store(v.dot(*(v.load(place, v.int32) for place in places)), places[0])
        return context.get_dummy_value()

    return types.void(total, codes, weights), generate


@njit
def add_dot(total: np.ndarray, codes: np.ndarray, weights: np.ndarray) -> None:
    signed_dot(total, codes, weights)


def test_the_signed_dot_product_with_flipped_codes_is_the_mixed_one() -> None:
    rng = np.random.default_rng(0)
    for codes in (rng.integers(0, 256, 16, np.uint8), np.full(16, 255, np.uint8), np.zeros(16, np.uint8)):
        for weights in (
            rng.integers(-128, 128, 16, np.int8),
            np.full(16, -128, np.int8),
            np.full(16, 127, np.int8),
        ):
            total = rng.integers(-1000, 1000, 4, np.int32)
            expected = total + (codes.astype(np.int32) * weights).reshape(4, 4).sum(axis=1)
            add_dot(total, codes, weights)
            np.testing.assert_array_equal(total, expected)
