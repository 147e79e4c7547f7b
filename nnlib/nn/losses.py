"""From logits to probabilities, and how wrong they are.

    logits (N, 10) ── softmax ──▶ probabilities (N, 10) ── cross-entropy ──▶ loss

The two are derived together, because together their gradient is as simple as it gets.
"""

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities P_ij = exp(z_ij) / Σ_k exp(z_ik), of the logits' shape and dtype.

    Each row is first shifted by its maximum, which changes nothing in the quotient and
    keeps exp from overflowing, whatever the finite logits.
    """
    exp = np.exp(_shifted(logits))
    return (exp / exp.sum(axis=-1, keepdims=True)).astype(logits.dtype, copy=False)


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """The mean of -log P[label] over the batch, and its gradient at the logits.

    logits: (N, K) floats, finite. labels: (N,) integers in 0 … K-1.
    Returns the loss, in nats, and dlogits = (P - Y) / N of the logits' shape and dtype,
    where Y holds a 1 at each label and 0 elsewhere.

    log P is taken from the shifted logits, never as the logarithm of a probability that
    may have rounded to 0; the sums are float64, the batch being small.
    """
    n = len(labels)
    shifted = _shifted(logits)
    exp = np.exp(shifted)
    total = exp.sum(axis=1, keepdims=True)
    rows = np.arange(n)
    loss = np.mean(np.log(total[:, 0]) - shifted[rows, labels])
    dlogits = exp / total
    dlogits[rows, labels] -= 1.0
    dlogits /= n
    return float(loss), dlogits.astype(logits.dtype, copy=False)


def _shifted(logits: np.ndarray) -> np.ndarray:
    """Each row minus its maximum, in float64, where no difference of float32s overflows."""
    logits = logits.astype(np.float64)
    return logits - logits.max(axis=-1, keepdims=True)
