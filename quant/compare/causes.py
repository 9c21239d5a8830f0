"""Name the cause of a difference: why a layer that reads the reference's inputs does not give the reference's
outputs. The first row that applies is the cause.

Against a runtime that runs the same model:

    missing FakeQuantize      the reference's numbers are not among the 256 of this FakeQuantize: the
                              reference did not round here
    float rounding            the numbers are real, and differ by less than 1e-5 of the largest
    saturation                in the other arithmetic at least half of the differences go away
    fused operator            they go away if every FakeQuantize is rounded, and one on the way here is not,
                              because it was fused into an Add; or the other way round
    rounding tie              all are one code, and the number to be rounded lies exactly between two codes
    requantization order      all are one code, and but for float32 rounding the number lies between two
                              codes: the steps were taken in another order
    bias rounding             all are one code, and the number is so near the middle that half a unit of the
                              layer's integer sum decides: the reference rounds the bias to an integer
    unexplained               none of these

Against another model (what is taken away, and takes at least half of the noise with it, is the cause):

    float rounding            less than 1e-5 of the largest
    missing FakeQuantize      only one of the two models quantizes the inputs of this layer, though both are
                              quantized
    saturation                exact arithmetic
    rounding of weights       what is left if no activation is quantized
    clipping of inputs        ranges that are wide enough
    rounding of inputs        what remains

`inherited`: given the reference's inputs the layer gives the reference's outputs, and the difference comes
from above.
"""

from dataclasses import dataclass

from .differences import Difference

FLOAT_ROUNDING = 1e-5
TIE_OF_FLOATS = 1e-3  # codes: some roundings of numbers up to 255 in float32
HALF = 0.5


@dataclass(frozen=True)
class Cause:
    """label: one of the list above. detail: a sentence with what it rests on."""

    label: str
    detail: str


@dataclass
class Evidence:
    """Counts at one point, the layer given the reference's inputs.

    off_grid: numbers of the reference that are none of its FakeQuantize's. other_arithmetic: elements that
    differ in the other arithmetic. other_fusion: those that differ if residual Adds are not fused where they
    are here, or fused where they are not. Both are None where nobody asked, as in a model without integers.
    Of the elements that differ: ties, those for which the number to be rounded lies exactly between two
    codes; near_ties, to within 1e-3 of a code; near_bias, to within half a unit of the layer's integer sum.
    """

    off_grid: int = 0
    other_arithmetic: int | None = None
    other_fusion: int | None = None
    ties: int = 0
    near_ties: int = 0
    near_bias: int = 0


@dataclass
class Ablation:
    """Noise of a layer, as in Difference, with some of its quantization taken away; None if that makes no
    sense for it.

    missing_in: "model" or "reference", the one that leaves the layer's inputs in float while the other
    quantizes them.
    """

    exact: float | None = None
    weights_only: float | None = None
    without_clipping: float | None = None
    missing_in: str = ""


def cause_against_runtime(
    cumulative: Difference,
    isolated: Difference,
    evidence: Evidence,
    fused: tuple[str, ...],
    other_arithmetic: str,
) -> Cause | None:
    """None if nothing differs."""
    n = isolated.mismatches
    explained = HALF * n
    if evidence.off_grid > explained:
        return Cause(
            "missing FakeQuantize",
            f"{evidence.off_grid:,} of the reference's numbers lie between two codes: nothing rounds them",
        )
    if not n:
        return _inherited() if cumulative.mismatches else None
    if isolated.unit == "real" and isolated.relative <= FLOAT_ROUNDING:
        return Cause("float rounding", f"at most {isolated.relative:.1e} of the largest number")
    if evidence.other_arithmetic is not None and evidence.other_arithmetic <= explained:
        return Cause(
            "saturation",
            f"{n:,} elements differ, {evidence.other_arithmetic:,} in {other_arithmetic} arithmetic",
        )
    if evidence.other_fusion is not None and evidence.other_fusion <= explained:
        otherwise = (
            f"{', '.join(fused)} is rounded and not fused"
            if fused
            else "a residual Add is fused into the convolution before it"
        )
        return Cause("fused operator", f"{n:,} elements differ, {evidence.other_fusion:,} if {otherwise}")
    if isolated.unit == "codes" and isolated.max_abs == 1:
        if evidence.ties == n:
            return Cause("rounding tie", f"all {n:,} lie exactly between two codes")
        if evidence.ties + evidence.near_ties == n:
            return Cause(
                "requantization order",
                f"all {n:,} lie within {TIE_OF_FLOATS} of the middle between two codes",
            )
        if evidence.ties + evidence.near_ties + evidence.near_bias == n:
            return Cause(
                "bias rounding",
                f"all {n:,} lie within half a unit of the integer sum of the middle between two codes",
            )
    return Cause(
        "unexplained", f"{n:,} elements differ, {evidence.ties:,} at a tie, {evidence.near_ties:,} near one"
    )


def cause_against_model(cumulative: Difference, isolated: Difference, ablation: Ablation) -> Cause | None:
    """None if nothing differs."""
    if not isolated.mismatches:
        return _inherited() if cumulative.mismatches else None
    if isolated.relative <= FLOAT_ROUNDING:
        return Cause("float rounding", f"at most {isolated.relative:.1e} of the largest number")
    if ablation.missing_in:
        has = "reference" if ablation.missing_in == "model" else "model"
        return Cause(
            "missing FakeQuantize",
            f"the {has} quantizes this layer's inputs, the {ablation.missing_in} does not",
        )
    half = HALF * isolated.noise
    if ablation.exact is not None and ablation.exact <= half:
        return Cause("saturation", f"exact arithmetic has {_share(ablation.exact, isolated)} of the noise")
    if ablation.weights_only is not None and ablation.weights_only >= half:
        return Cause(
            "rounding of weights",
            f"with float activations {_share(ablation.weights_only, isolated)} of the noise remains",
        )
    if ablation.without_clipping is not None and ablation.without_clipping <= half:
        return Cause(
            "clipping of inputs",
            f"with wide ranges {_share(ablation.without_clipping, isolated)} of the noise remains",
        )
    if ablation.weights_only is not None:
        return Cause(
            "rounding of inputs",
            f"with float activations {_share(ablation.weights_only, isolated)} of the noise remains",
        )
    return Cause("unexplained", "the reference computes something else here")


def _share(noise: float, of: Difference) -> str:
    return f"{noise / of.noise:.0%}"


def _inherited() -> Cause:
    return Cause("inherited", "given the reference's inputs, this layer gives the reference's outputs")
