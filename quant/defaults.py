"""Every default constant of the algorithms, with its reason. Nothing else in `quant` holds a magic number.

Source: POT 2023.3; docs/calibration.md has the equations.
"""

from typing import Final, Literal

Preset = Literal["performance", "mixed", "accuracy", "best"]
ModelType = Literal["transformer"]
TargetDevice = Literal["ANY", "CPU", "CPU_SPR", "GPU"]

STAT_SUBSET_SIZE: Final = 300  # samples: POT's templates; means of per-image extremes are steady by then
LEVELS: Final = 256  # codes of an 8-bit activation
# [-127, 127]: symmetric around zero, and s8 x s8 products can never meet -128 * -128
SYMMETRIC_WEIGHT_LEVELS: Final = 255

# A channel whose range is tiny against the largest of its tensor is dead or nearly so; lifting it keeps its
# scale finite.
DEAD_CHANNEL_RATIO: Final = 0.01
DEAD_CHANNEL_FLOOR: Final = 8e-5
# The same guard for asymmetric ranges: a range narrower than this is widened by this on both sides.
NARROW_RANGE: Final = 8e-4
# Both are POT's, which have no unit: they hold for tensors that reach them, and for those below this, which
# are as good as zero. The product of two scales so small is still a normal float32.
VANISHING: Final = 2.0**-48

# FastBiasCorrection refuses a bias that moves by more than this factor of itself: the statistics, not the
# layer, are then suspect.
FAST_BIAS_THRESHOLD: Final = 2.0
# BiasCorrection follows errors through the network, where they may be large against a small bias: it refuses
# nonsense only.
FULL_BIAS_THRESHOLD: Final = 1000.0
FULL_BIAS_SHARE: Final = 0.2  # of stat_subset_size: it keeps tensors of every sample it uses

# ActivationChannelAlignment: tails that do not count as range, and how far a channel may be rescaled.
ALIGNMENT_TAIL: Final = 1e-4
ALIGNMENT_SCALE_LIMITS: Final = (0.01, 100.0)

# Equalization over groups of channels: scales from 2**-12 to 2**12. Further apart, a channel is as good as
# dead.
EQUALIZATION_EXPONENTS: Final = (-12, 12)

# saturation_fix: weights of chosen layers use half of the 8-bit codes, so that 255 * 64 * 2 fits int16
# (docs/arithmetic.md).
SATURATION_FACTOR: Final = 2.0
# of the factor, while a channel is narrowed until its worst pair fits: at most half a code at a time
FITTING_STEP: Final = 1 / 128
SaturationFix = Literal["first_layer", "all", "no", "auto", "auto-strict"]

# Statistics over samples.
# on either side, of samples that mean_no_outliers and median_no_outliers leave out (POT)
OUTLIER_SHARE: Final = 0.01
# distinct values that a median remembers of a channel: exact for POT's 300 samples, 8 kB at most
SAMPLE_BUDGET: Final = 512
HISTOGRAM_BINS: Final = 1024  # on either side of zero: 4 to 8 bins for each code of an activation
HISTOGRAM_BINS_OF_CHANNEL: Final = 256
SEARCH_STEPS: Final = 100  # candidates for each end of a range that is searched for: 1 % of the extreme apart
OUTLIER_PROB: Final = 1e-4  # share of values beyond either end that estimators by quantile leave out (POT)
# shares of a channel's range that are tried, from the whole on: in steps of 1 %
WEIGHT_SEARCH: Final = (1.0, 0.3, 71)
CALIBRATION_BATCH: Final = 8  # samples in flight; results do not depend on it
