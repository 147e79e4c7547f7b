"""How good the answers are."""

from collections.abc import Sequence

import numpy as np

from nnlib.nn.losses import cross_entropy
from nnlib.nn.network import Network


def accuracy(predicted: np.ndarray | Sequence[int], labels: np.ndarray | Sequence[int]) -> float:
    """The fraction of predicted digits (N,) that equal their label (N,), 0 to 1.

    Raises ValueError for different numbers of them, and for none.
    """
    predicted, labels = _same_length(predicted, labels)
    return float(np.mean(predicted == labels))


def confusion_matrix(
    predicted: np.ndarray | Sequence[int], labels: np.ndarray | Sequence[int], n: int = 10
) -> np.ndarray:
    """Counts (n, n): row = label, column = predicted. Off the diagonal are the mistakes.

    Raises ValueError for different numbers of predicted digits and labels, and for none.
    """
    predicted, labels = _same_length(predicted, labels)
    counts = np.zeros((n, n), np.int64)
    np.add.at(counts, (labels, predicted), 1)
    return counts


def loss_and_accuracy(
    network: Network,
    images: np.ndarray,
    labels: np.ndarray,
    batch_size: int = 1000,
    n_classes: int | None = None,
) -> tuple[float, float]:
    """(mean cross-entropy, accuracy) on images (N, 784) with labels (N,), without penalty.

    n_classes: only this many logits count; all of them if not given. Raises ValueError for
    different numbers of images and labels, and for none.
    """
    images, labels = _same_length(images, labels)
    loss, correct = 0.0, 0
    for start in range(0, len(labels), batch_size):
        batch = slice(start, start + batch_size)
        logits = network.forward(images[batch])[:, :n_classes]
        loss += cross_entropy(logits, labels[batch])[0] * len(logits)
        correct += int(np.sum(logits.argmax(axis=1) == labels[batch]))
    return loss / len(labels), correct / len(labels)


def _same_length(
    first: np.ndarray | Sequence[int], labels: np.ndarray | Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    first, labels = np.asarray(first), np.asarray(labels)
    if len(first) != len(labels) or not len(labels):
        raise ValueError(
            f"There are {len(first)} predicted digits or images and {len(labels)} labels: "
            "the numbers must be equal, and not 0."
        )
    return first, labels
