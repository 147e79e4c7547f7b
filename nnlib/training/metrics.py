"""How good the answers are."""

from collections.abc import Sequence

import numpy as np

from nnlib.nn.losses import cross_entropy
from nnlib.nn.network import Network


def accuracy(predicted: np.ndarray | Sequence[int], labels: np.ndarray | Sequence[int]) -> float:
    """The fraction of answers that equal their label, 0 to 1."""
    return float(np.mean(np.asarray(predicted) == np.asarray(labels)))


def confusion_matrix(
    predicted: np.ndarray | Sequence[int], labels: np.ndarray | Sequence[int], n: int = 10
) -> np.ndarray:
    """Counts (n, n): row = label, column = answer. Off the diagonal are the mistakes."""
    counts = np.zeros((n, n), np.int64)
    np.add.at(counts, (np.asarray(labels), np.asarray(predicted)), 1)
    return counts


def loss_and_accuracy(
    network: Network, images: np.ndarray, labels: np.ndarray, batch_size: int = 1000
) -> tuple[float, float]:
    """(mean cross-entropy, accuracy) on images (N, 784) with labels (N,), without penalty."""
    loss, correct = 0.0, 0
    for start in range(0, len(labels), batch_size):
        batch = slice(start, start + batch_size)
        logits = network.forward(images[batch])
        loss += cross_entropy(logits, labels[batch])[0] * len(logits)
        correct += int(np.sum(logits.argmax(axis=1) == labels[batch]))
    return loss / len(labels), correct / len(labels)
