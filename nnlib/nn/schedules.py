"""Learning-rate schedules: what fraction of the learning rate is in force.

A schedule is called with the progress of training, 0 at the first step and just below 1 at the
last, and returns the factor that multiplies the learning rate.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

Schedule = Callable[[float], float]


@dataclass(frozen=True)
class CosineDecay:
    """From 1 to 0 along half a cosine: slow, fast, slow (Loshchilov & Hutter 2017).

    >>> CosineDecay()(0.5)
    0.5
    """

    def __call__(self, progress: float) -> float:
        return 0.5 * (1 + math.cos(math.pi * progress))


@dataclass(frozen=True)
class ExponentialDecay:
    """From 1 to `final`, by the same ratio at every step.

    Raises ValueError unless 0 < final ≤ 1.
    """

    final: float

    def __post_init__(self) -> None:
        if not 0 < self.final <= 1:
            raise ValueError(f"ExponentialDecay needs 0 < final ≤ 1, not {self.final!r}.")

    def __call__(self, progress: float) -> float:
        return float(self.final**progress)
