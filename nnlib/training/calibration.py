"""Calibration: an answer that is 90 % sure should be right nine times of ten."""

import numpy as np

from nnlib.nn.losses import softmax

N_BINS = 15


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The T for which softmax(logits / T) has the lowest cross-entropy (Guo et al. 2017).

    logits: (N, K). labels: (N,) integers. Above 1, the network was too sure. T divides all logits
    alike, so no answer changes.

    In β = 1/T the cross-entropy is convex, with the derivative "mean over the images of the logit
    that is expected under P, minus the label's". Halving an interval finds its zero.
    """
    of_label = logits[np.arange(len(labels)), labels]
    low, high = 0.01, 100.0
    for _ in range(50):
        beta = np.sqrt(low * high)
        expected = (softmax(beta * logits) * logits).sum(axis=1)
        if np.mean(expected - of_label) < 0:
            low = beta
        else:
            high = beta
    return float(1 / beta)


def calibration_error(confidence: np.ndarray, is_right: np.ndarray) -> float:
    """The expected calibration error: how far confidence and accuracy are apart, on average.

    confidence: (N,) of the answers. is_right: (N,) booleans. The answers are sorted into 15 bins
    of confidence from 0 to 1; each bin's difference counts by its share of the answers
    (Naeini et al. 2015; Guo et al. 2017).
    """
    bins = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    difference = np.bincount(bins, confidence - is_right, N_BINS)
    return float(np.abs(difference).sum() / len(confidence))
