"""The options of `finetune`, one declaration each; POT has no fine-tuning."""

from dataclasses import dataclass
from typing import Literal

from .option import option

#: How far outputs are from what they should be (finetuning/losses.py).
LossName = Literal["cross_entropy", "distillation", "mse"]


@dataclass(frozen=True)
class FinetuneOptions:
    """What fine-tuning can be told."""

    loss: LossName | None = option(
        None, "by default distillation with a teacher, and cross_entropy on labels without one", flag="--loss"
    )
    epochs: int = option(10, "passes over the data", unit="epochs", least=1, flag="--epochs", metavar="N")
    batch_size: int = option(
        32, "samples per step", unit="samples", least=1, flag="--batch-size", metavar="N"
    )
    learning_rate: float = option(
        1e-3,
        "size of a step, relative to a layer's output; decays to 0",
        details="Units are those of finetuning/units.py; the rate falls along a cosine",
        unit="share of an output",
        above=0,
        flag="--learning-rate",
        metavar="R",
    )
    seed: int = option(
        0,
        "seed of the order of the samples",
        details="The same seed and data give the same model on one machine",
        least=0,
        flag="--seed",
    )
