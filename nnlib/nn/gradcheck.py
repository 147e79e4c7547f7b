"""How do we know that a gradient is right? Compare it with finite differences.

    df/dp ≈ (f(p + ε) - f(p - ε)) / 2ε        central differences, error of order ε²

This takes two forward passes per parameter, but shares no formula with backpropagation. Use
float64: in float32, rounding hides the differences.
"""

from collections.abc import Callable

import numpy as np

from nnlib.nn.losses import cross_entropy
from nnlib.nn.network import Network


def numerical_gradient(
    f: Callable[[], float], values: np.ndarray, epsilon: float = 1e-5
) -> np.ndarray:
    """Central differences of f() with respect to `values`, a float64 array that f reads.

    Each entry is moved by ±epsilon in place and put back. Returns an array of its shape.
    Raises ValueError for another dtype.
    """
    if values.dtype != np.float64:
        raise ValueError(
            f"A numerical gradient needs float64 values, not {values.dtype}: "
            "make the network with Network(…, dtype=np.float64)."
        )
    gradient = np.empty_like(values)
    for index in np.ndindex(values.shape):
        value = values[index]
        values[index] = value + epsilon
        above = f()
        values[index] = value - epsilon
        below = f()
        values[index] = value
        gradient[index] = (above - below) / (2 * epsilon)
    return gradient


def relative_error(a: np.ndarray, b: np.ndarray) -> float:
    """‖a - b‖ / (‖a‖ + ‖b‖): 0 where they are equal, 1 where they are opposite."""
    size = np.linalg.norm(a) + np.linalg.norm(b)
    return float(np.linalg.norm(a - b) / size) if size else 0.0


def check_gradients(network: Network, X: np.ndarray, labels: np.ndarray, l2: float = 0.0) -> float:
    """The relative error of backward against central differences, over all parameters.

    The loss is cross-entropy plus l2/2 · ‖W‖², as in training. Expect 1e-7 or less in
    float64, unless an input to a ReLU lies within 1e-5 of 0, where its slope jumps. Dropout
    makes the same draw every time.
    """

    def forward() -> np.ndarray:
        return network.forward(X, training=True, rng=np.random.default_rng(0))

    def loss() -> float:
        return cross_entropy(forward(), labels)[0] + network.penalty(l2)

    network.backward(cross_entropy(forward(), labels)[1], l2)
    return relative_error(network.gradients, numerical_gradient(loss, network.parameters))
