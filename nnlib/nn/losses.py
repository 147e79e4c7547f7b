"""From logits to probabilities, and how wrong they are.

    logits (N, 10) ── softmax ──▶ probabilities (N, 10) ── cross-entropy ──▶ loss

The two are differentiated together: the gradient of both is (P - Y) / N.
"""

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities P_ij = exp(z_ij) / Σ_k exp(z_ik).

    logits: (…, K) finite numbers. Returns an array of their shape and dtype, float64 for
    integers. Each row is first shifted by its maximum, which does not change the quotient and
    keeps exp from overflowing.
    """
    logits = np.asarray(logits)
    exp = np.exp(_shifted(logits))
    dtype = logits.dtype if logits.dtype.kind == "f" else np.float64
    return (exp / exp.sum(axis=-1, keepdims=True)).astype(dtype, copy=False)


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """The mean of -log P[label] over the batch, and its gradient at the logits.

    logits: (N, K) floats, finite. labels: (N,) integers in 0 … K-1.
    Returns the loss, in nats, and dlogits = (P - Y) / N of the logits' shape and dtype,
    where Y holds a 1 at each label and 0 elsewhere. Raises ValueError for other labels.

    log P is computed from the shifted logits, not as the logarithm of a probability that may
    have rounded to 0. Everything is computed in float64, which costs little for a few logits.
    """
    labels, (n, n_classes) = np.asarray(labels), logits.shape
    if labels.shape != (n,) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"cross_entropy needs one whole number per row of {n}, not {labels.dtype} labels of "
            f"shape {labels.shape}."
        )
    if labels.min() < 0 or labels.max() >= n_classes:
        raise ValueError(
            f"The labels go from {labels.min()} to {labels.max()}, but there are logits for 0 to "
            f"{n_classes - 1}."
        )
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
