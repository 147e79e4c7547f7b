"""Optimizers: how the gradient changes the parameters.

Each optimizer's `step(parameters, gradients)` changes the parameters in place. Both are the
flat vectors of a `Network`, so one line serves all layers at once.
"""

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import numpy as np


@dataclass
class Optimizer:
    """What all optimizers have in common. Two are equal if their settings are equal.

    learning_rate: a positive number.
    state_names: the attributes that change from step to step, for checkpoints. Arrays among
    them are None until the first step, which starts them at zero.

    Raises ValueError for settings out of range.
    """

    learning_rate: float
    state_names: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        self.learning_rate = _positive("learning_rate", self.learning_rate)

    def step(self, parameters: np.ndarray, gradients: np.ndarray, factor: float = 1.0) -> None:
        """Change the parameters in place. factor: multiplies the learning rate."""
        raise NotImplementedError

    def fresh(self) -> Self:
        """An optimizer with the same settings that has made no step."""
        return replace(self)


@dataclass
class GradientDescent(Optimizer):
    """p ← p - learning_rate · g"""

    learning_rate: float = 0.1

    def step(self, parameters: np.ndarray, gradients: np.ndarray, factor: float = 1.0) -> None:
        parameters -= (self.learning_rate * factor) * gradients


@dataclass
class Momentum(Optimizer):
    """v ← momentum · v + g;  p ← p - learning_rate · v   (Polyak 1964)

    A gradient that keeps its sign adds up to 1 / (1 - momentum) times its size; one that
    alternates cancels. momentum: at least 0, less than 1.
    """

    learning_rate: float = 0.1
    momentum: float = 0.9
    v: np.ndarray | None = field(default=None, init=False, repr=False, compare=False)
    state_names: ClassVar[tuple[str, ...]] = ("v",)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.momentum = _fraction("momentum", self.momentum)

    def step(self, parameters: np.ndarray, gradients: np.ndarray, factor: float = 1.0) -> None:
        if self.v is None:
            self.v = np.zeros_like(parameters)
        self.v *= self.momentum
        self.v += gradients
        parameters -= (self.learning_rate * factor) * self.v


@dataclass(repr=False)
class Adam(Optimizer):
    """A step size adapted for each parameter (Kingma & Ba 2015, algorithm 1).

    m ← β₁ m + (1 - β₁) g       the gradient's running mean
    v ← β₂ v + (1 - β₂) g²      the running mean of its square
    p ← p - learning_rate · m̂ / (√v̂ + ε)

    m and v start at zero and are too small at first: m̂ = m / (1 - β₁ᵗ) and
    v̂ = v / (1 - β₂ᵗ) at step t correct for that. β₁ and β₂: at least 0, less than 1; ε: positive.
    """

    learning_rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    t: int = field(default=0, init=False, repr=False, compare=False)
    m: np.ndarray | None = field(default=None, init=False, repr=False, compare=False)
    v: np.ndarray | None = field(default=None, init=False, repr=False, compare=False)
    state_names: ClassVar[tuple[str, ...]] = ("t", "m", "v")

    # Where only L2 still moves a weight (that of a pixel without ink in every image), m would
    # shrink below 1e-38, where processors compute many times slower. Adding and subtracting this
    # rounds m to a grid of about 1e-18, so that it becomes zero in time.
    flush_to_zero: ClassVar[float] = 1e-11

    def __post_init__(self) -> None:
        super().__post_init__()
        self.beta1 = _fraction("beta1", self.beta1)
        self.beta2 = _fraction("beta2", self.beta2)
        self.epsilon = _positive("epsilon", self.epsilon)

    def step(self, parameters: np.ndarray, gradients: np.ndarray, factor: float = 1.0) -> None:
        if self.m is None or self.v is None:
            self.m, self.v = np.zeros_like(parameters), np.zeros_like(parameters)
        self.t += 1
        self.m *= self.beta1
        self.m += (1 - self.beta1) * gradients
        self.m += self.flush_to_zero
        self.m -= self.flush_to_zero
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
        return f"{type(self).__name__}(learning_rate={self.learning_rate}{''.join(others)})"


def _positive(name: str, value: float) -> float:
    if not 0 < value < np.inf:
        raise ValueError(f"{name} must be a positive number, not {value!r}.")
    return float(value)


def _fraction(name: str, value: float) -> float:
    if not 0 <= value < 1:
        raise ValueError(f"{name} must be at least 0 and less than 1, not {value!r}.")
    return float(value)
