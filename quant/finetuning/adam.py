"""Adam: steps in the direction of the gradient's running mean, divided by its running size (Kingma and Ba
2015; docs/finetuning.md).

    a = 0.9 a + 0.1 g,   b = 0.999 b + 0.001 g^2
    step = -rate u (a / (1 - 0.9^t)) / (sqrt(b / (1 - 0.999^t)) + 1e-8)                      (T12)
    rate = learning_rate (1 + cos(pi (t - 1) / T)) / 2,   T steps in all                     (T13)

g is the gradient in units u of the parameter (units.py), t the number of the step, from 1. The trainer
multiplies by learning_rate and u.
"""

import math

import numpy as np

MEAN_DECAY, SQUARE_DECAY = 0.9, 0.999  # the paper's beta_1 and beta_2
TINY = 1e-8  # the paper's epsilon


class Adam:
    """The running means of one tensor's gradients."""

    def __init__(self) -> None:
        self._mean: np.ndarray | float = 0.0
        self._square: np.ndarray | float = 0.0
        self._steps = 0

    def direction(self, gradient: np.ndarray) -> np.ndarray:
        """Take in a gradient; returns the step for a learning rate of 1, of about 1 in every element whose
        gradients agree.
        """
        self._steps += 1
        self._mean = MEAN_DECAY * self._mean + (1 - MEAN_DECAY) * gradient
        self._square = SQUARE_DECAY * self._square + (1 - SQUARE_DECAY) * np.square(gradient)
        mean = self._mean / (1 - MEAN_DECAY**self._steps)
        square = self._square / (1 - SQUARE_DECAY**self._steps)
        return -mean / (np.sqrt(square) + TINY)


def cosine(step: int, steps: int) -> float:
    """Share of the learning rate at a step, counted from 0: along half a wave from 1 towards 0 (T13)."""
    return 0.5 * (1 + math.cos(math.pi * step / steps))
