"""How a step is made of a gradient.

Each optimizer's `step(parameters, gradients)` changes the parameters in place. Both are
the flat vectors of a `Network`, so one line serves all layers at once. What an optimizer
remembers from step to step (v, m) has the same shape and starts at zero; `remembers` names
it, so that a checkpoint can keep it.

A schedule says what fraction of the learning rate is in force: a function from training
progress, 0 at the first step and 1 at the end, to a factor that `fit` hands to `step`.
"""

import math
from collections.abc import Callable

import numpy as np

Schedule = Callable[[float], float]


class GradientDescent:
    """p ← p - learning_rate · g"""

    remembers = ()

    def __init__(self, learning_rate: float = 0.1):
        self.learning_rate = _positive("learning_rate", learning_rate)

    def step(self, parameters: np.ndarray, gradients: np.ndarray, factor: float = 1.0) -> None:
        parameters -= (self.learning_rate * factor) * gradients

    def __repr__(self) -> str:
        return f"GradientDescent({self.learning_rate})"


class Momentum:
    """v ← momentum · v + g;  p ← p - learning_rate · v   (Polyak 1964)

    A gradient that keeps its sign adds up to 1 / (1 - momentum) times its size; one that
    alternates cancels.
    """

    remembers = ("v",)

    def __init__(self, learning_rate: float = 0.1, momentum: float = 0.9):
        self.learning_rate = _positive("learning_rate", learning_rate)
        self.momentum = _fraction("momentum", momentum)
        self.v = None

    def step(self, parameters: np.ndarray, gradients: np.ndarray, factor: float = 1.0) -> None:
        if self.v is None:
            self.v = np.zeros_like(parameters)
        self.v *= self.momentum
        self.v += gradients
        parameters -= (self.learning_rate * factor) * self.v

    def __repr__(self) -> str:
        return f"Momentum({self.learning_rate}, momentum={self.momentum})"


class Adam:
    """Momentum over a running size of the gradient (Kingma & Ba 2015, algorithm 1).

    m ← β₁ m + (1 - β₁) g       the gradient's running mean
    v ← β₂ v + (1 - β₂) g²      its running square
    p ← p - learning_rate · m̂ / (√v̂ + ε)

    m and v start at zero and are too small at first: m̂ = m / (1 - β₁ᵗ) and
    v̂ = v / (1 - β₂ᵗ) at step t make up for that.
    """

    remembers = ("t", "m", "v")

    # A weight that only L2 still moves (of a pixel that is black in every image) would shrink
    # below 1e-38, where processors compute many times slower. Adding and subtracting this
    # keeps m on a grid of about 1e-18, which stops it in time.
    coarse = 1e-11

    def __init__(
        self,
        learning_rate: float = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
    ):
        self.learning_rate = _positive("learning_rate", learning_rate)
        self.beta1 = _fraction("beta1", beta1)
        self.beta2 = _fraction("beta2", beta2)
        self.epsilon = _positive("epsilon", epsilon)
        self.t, self.m, self.v = 0, None, None

    def step(self, parameters: np.ndarray, gradients: np.ndarray, factor: float = 1.0) -> None:
        if self.m is None:
            self.m, self.v = np.zeros_like(parameters), np.zeros_like(parameters)
        self.t += 1
        self.m *= self.beta1
        self.m += (1 - self.beta1) * gradients
        self.m += self.coarse
        self.m -= self.coarse
        self.v *= self.beta2
        self.v += (1 - self.beta2) * gradients * gradients
        m_rate = self.learning_rate * factor / (1 - self.beta1**self.t)
        v_correction = 1 / math.sqrt(1 - self.beta2**self.t)
        size = np.sqrt(self.v)
        size *= v_correction
        size += self.epsilon
        parameters -= m_rate * self.m / size

    def __repr__(self) -> str:
        usual = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
        others = [f", {k}={getattr(self, k)}" for k in usual if getattr(self, k) != usual[k]]
        return f"Adam({self.learning_rate}{''.join(others)})"


Optimizer = GradientDescent | Momentum | Adam


def cosine_decay(progress: float) -> float:
    """From 1 to 0 along half a cosine: long fast, long slow (Loshchilov & Hutter 2017)."""
    return 0.5 * (1 + math.cos(math.pi * progress))


def exponential_decay(final: float) -> Schedule:
    """From 1 to `final` by the same ratio at every step."""
    if not 0 < final <= 1:
        raise ValueError(f"exponential_decay needs 0 < final ≤ 1, not {final!r}.")
    return lambda progress: final**progress


def _positive(name: str, value: float) -> float:
    if not 0 < value < np.inf:
        raise ValueError(f"{name} must be a positive number, not {value!r}.")
    return float(value)


def _fraction(name: str, value: float) -> float:
    if not 0 <= value < 1:
        raise ValueError(f"{name} must be at least 0 and less than 1, not {value!r}.")
    return float(value)
