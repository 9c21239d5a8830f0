"""What a kernel takes over behind an integer layer's sums, down to the next layer's codes
(docs/arithmetic.md, eq. 8 to 16).

    sums -> Convert [-> Multiply(scale)] [-> Add(bias)] [-> activation]             real numbers
         [-> affine -> Clamp -> Add(Dequantize(codes_b, 1, 0 or 128))               in units of the codes of
             [-> activation]]                                                       another branch, codes_b
         [-> affine] [-> Round] -> Quantize                                         codes

where affine is Multiply(m), MultiplyAdd(m, t), or Multiply(m) -> Add(t). residual_add.py and requantize.py
write it so.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from numpot.kernels.tiles.epilogue import Epilogue, make_epilogue, spread

from ...graph import Tensor
from .builder import activation, are_code_values
from .fusion import Chain
from .tensor_slots import Slots

ONE, ZERO = np.ones((), np.float32), np.zeros((), np.float32)


class Affine(NamedTuple):
    """y * multiplier * factor + shift, the first product rounded (kernels/tiles/epilogue.py); numbers or
    (C,).
    """

    multiplier: np.ndarray = ONE
    factor: np.ndarray = ONE
    shift: np.ndarray = ZERO


@dataclass(frozen=True)
class Branch:
    """The other branch of a fused residual Add: its codes, and the fields of
    kernels.epilogue.Residual but x.
    """

    codes: Tensor
    constants: dict[str, np.ndarray | float]


@dataclass(frozen=True)
class LayerEnd:
    """stores: sums S, floats F, or codes U; codes of a sum with a branch, R."""

    stores: str
    epilogue: Epilogue | None = None
    branch: Branch | None = None


def take_epilogue(chain: Chain, slots: Slots, channels: int, *, with_branch: bool = True) -> LayerEnd:
    """with_branch: whether the layer's kernel can add one."""
    if chain.take("Convert", where=lambda n: n.op.destination_type == np.float32) is None:  # type: ignore[attr-defined]
        return LayerEnd("S")
    (scale,) = chain.take_per_channel("Multiply") or [ONE]
    (bias,) = chain.take_per_channel("Add") or [ZERO]
    first = (scale, bias, *activation(chain))
    branch = _take_branch(chain, slots, channels) if with_branch else None
    made = take_codes(chain)
    if made is not None:
        affine, offset = made
        return LayerEnd("R" if branch else "U", make_epilogue(channels, *first, *affine, offset), branch)
    return LayerEnd("F", make_epilogue(channels, *first))


def take_codes(chain: Chain) -> tuple[Affine, float] | None:
    """[affine] [-> Round] -> Quantize, all of it or nothing: the map to codes, and what is added when they
    are rounded.
    """
    mark = chain.mark()
    affine = _take_affine(chain)
    rounded = chain.take("Round")
    quantize = chain.take_quantize()
    if quantize is not None:
        multiplier, shift = quantize
        if rounded and _is(multiplier, 1) and _is(shift, 128):
            return affine or Affine(), 128.0
        if not rounded and affine is None:
            return Affine(multiplier, ONE, shift), 0.0
        if not rounded and affine is not None and _is(multiplier, 1) and _is(shift, 0):
            return affine, 0.0
    chain.give_back(mark)
    return None


def _take_affine(chain: Chain) -> Affine | None:
    together = chain.take_per_channel("MultiplyAdd")
    if together:
        return Affine(ONE, *together)
    product = chain.take_per_channel("Multiply")
    if product is None:
        return None
    (shift,) = chain.take_per_channel("Add") or [ZERO]
    return Affine(product[0], ONE, shift)


def _take_branch(chain: Chain, slots: Slots, channels: int) -> Branch | None:
    """[affine] -> Clamp -> Add(code values of another branch) [-> activation], if codes follow; all of it or
    nothing.
    """
    mark = chain.mark()
    affine = _take_affine(chain) or Affine()
    clip = chain.take("Clamp")
    total = chain.take_sum(slots, where=are_code_values) if clip else None
    if total is not None and clip is not None:
        least, most = activation(chain)
        inside = chain.mark()
        if take_codes(chain) is not None:
            chain.give_back(inside)
            codes, _, zero = total.producer.inputs
            names = ("multiplier", "factor", "shift")
            constants: dict[str, np.ndarray | float] = {
                k: spread(v, channels) for k, v in zip(names, affine, strict=True)
            }
            constants.update(zero=float(zero.constant.item()), least=least, most=most)  # type: ignore[union-attr]
            constants.update(low=clip.op.min, high=clip.op.max)  # type: ignore[attr-defined]
            return Branch(codes, constants)
    chain.give_back(mark)
    return None


def _is(value: np.ndarray, number: float) -> bool:
    return bool((value == number).all())
