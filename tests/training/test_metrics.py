"""Accuracy, confusion and loss, by hand."""

import numpy as np
import pytest

from nnlib import Dense, Dropout, Network
from nnlib.training.metrics import accuracy, confusion_matrix, loss_and_accuracy


def test_accuracy_is_the_fraction_of_correct_predictions():
    assert accuracy([1, 2, 3, 4], [1, 2, 0, 4]) == 0.75


def test_confusion_matrix_has_labels_as_rows():
    counts = confusion_matrix(predicted=[0, 2, 2, 1], labels=[0, 1, 1, 1], n=3)
    # Of the three 1s, one was recognized as 1 and two as 2.
    np.testing.assert_array_equal(counts, [[1, 0, 0], [0, 1, 2], [0, 0, 0]])


def test_confusion_matrix_counts_every_prediction_once():
    rng = np.random.default_rng(0)
    predicted, labels = rng.integers(10, size=500), rng.integers(10, size=500)
    counts = confusion_matrix(predicted, labels)
    np.testing.assert_array_equal(counts.sum(axis=1), np.bincount(labels, minlength=10))
    np.testing.assert_array_equal(counts.sum(axis=0), np.bincount(predicted, minlength=10))
    assert np.trace(counts) / 500 == accuracy(predicted, labels)


@pytest.mark.parametrize("batch_size", [1, 3, 4, 1000])
def test_loss_and_accuracy_by_hand_for_any_batch_size(batch_size):
    network = Network(Dropout(0.5), Dense(1, 2, init=0))  # dropout must not be drawn here
    network.layers[1].W[...] = [[0, np.log(3)]]
    # An image of 1 has the probabilities ¼ and ¾, an image of 0 ½ and ½, and counts as a 0.
    images, labels = np.array([[1], [1], [1], [0]], np.float32), np.array([1, 1, 0, 0])
    loss, right = loss_and_accuracy(network, images, labels, batch_size)
    assert loss == pytest.approx((2 * np.log(4 / 3) + np.log(4) + np.log(2)) / 4)
    assert right == 0.75


@pytest.mark.parametrize(("n", "n_labels"), [(3, 2), (2, 3), (0, 0)])
def test_other_numbers_of_labels_are_refused(n, n_labels):
    network, labels = Network(Dense(1, 2)), np.zeros(n_labels, int)
    sentence = f"{n} .*and {n_labels} labels"
    with pytest.raises(ValueError, match=sentence):
        accuracy(np.zeros(n, int), labels)
    with pytest.raises(ValueError, match=sentence):
        confusion_matrix(np.zeros(n, int), labels)
    with pytest.raises(ValueError, match=sentence):
        loss_and_accuracy(network, np.zeros((n, 1), np.float32), labels)
