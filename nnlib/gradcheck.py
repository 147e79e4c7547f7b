"""Is a gradient right? Ask the function itself, by moving each number a little.

    df/dp ≈ (f(p + ε) - f(p - ε)) / 2ε        central differences, error of order ε²

Slow (two forward passes a parameter) and beyond argument: what backpropagation finds in
one pass must agree. Use float64; in float32 rounding hides what you look for.
"""

from collections.abc import Callable

import numpy as np

from nnlib.losses import cross_entropy
from nnlib.network import Network


def numerical_gradient(
    f: Callable[[], float], values: np.ndarray, epsilon: float = 1e-5
) -> np.ndarray:
    """Central differences of f() with respect to `values`, a float64 array that f reads.

    Each entry is moved by ±epsilon in place and put back. Returns an array of its shape.
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
    """‖a - b‖ / (‖a‖ + ‖b‖): 0 where they agree, 1 where they have nothing in common."""
    size = np.linalg.norm(a) + np.linalg.norm(b)
    return float(np.linalg.norm(a - b) / size) if size else 0.0


def check_gradients(
    network: Network, images: np.ndarray, labels: np.ndarray, l2: float = 0.0
) -> float:
    """The relative error of backward against central differences, over all parameters.

    The loss is cross-entropy plus l2/2 · ‖W‖², as in training. Expect 1e-7 or less in
    float64, unless an input to a ReLU lies within 1e-5 of its kink. A network that draws
    random numbers (Dropout) is checked with the same draw every time.
    """

    def loss() -> float:
        logits = network.forward(images, rng=np.random.default_rng(0))
        return cross_entropy(logits, labels)[0] + network.penalty(l2)

    logits = network.forward(images, rng=np.random.default_rng(0))
    network.backward(cross_entropy(logits, labels)[1], l2)
    return relative_error(network.gradients, numerical_gradient(loss, network.parameters))
