"""Softmax and cross-entropy: by hand, for extreme logits, and against PyTorch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from nnlib import cross_entropy, softmax
from nnlib.nn.gradcheck import numerical_gradient, relative_error

rows = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=10)
moderate = arrays(np.float64, rows, elements=st.floats(-100, 100))
any_float32 = st.floats(allow_nan=False, allow_infinity=False, width=32)
huge = st.sampled_from([1e38, -1e38, 3.4028235e38, -3.4028235e38])
any_finite = arrays(np.float32, rows, elements=any_float32 | huge.map(np.float32).map(float))


def test_softmax_by_hand():
    # exp(0) : exp(ln 3) = 1 : 3
    np.testing.assert_allclose(softmax(np.array([[0, np.log(3)]])), [[0.25, 0.75]])


def test_cross_entropy_by_hand():
    logits = np.array([[0, np.log(3)], [0, 0]])
    loss, dlogits = cross_entropy(logits, np.array([0, 1]))
    # P = [¼, ¾] and [½, ½], and the labels' probabilities are ¼ and ½
    assert loss == pytest.approx((np.log(4) + np.log(2)) / 2)
    np.testing.assert_allclose(dlogits, [[(0.25 - 1) / 2, 0.75 / 2], [0.5 / 2, (0.5 - 1) / 2]])


def test_the_loss_of_a_uniform_guess_is_log_10():
    assert cross_entropy(np.zeros((5, 10)), np.arange(5))[0] == pytest.approx(np.log(10))


def test_a_confident_mistake_costs_the_logits_difference():
    """Here the label's probability rounds to 0, whose logarithm is -∞."""
    loss, dlogits = cross_entropy(np.array([[1e38, -1e38]], np.float32), np.array([1]))
    assert loss == pytest.approx(2e38)
    np.testing.assert_array_equal(dlogits, [[1, -1]])


@given(any_finite)
def test_softmax_of_any_finite_logits_is_a_distribution(logits):
    P = softmax(logits)
    assert P.shape == logits.shape and P.dtype == logits.dtype
    assert ((P >= 0) & (P <= 1)).all()
    np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-6)


def test_softmax_takes_integers_and_single_rows():
    P = softmax([0, 1])
    assert P.dtype == np.float64
    np.testing.assert_allclose(P, [1 / (1 + np.e), np.e / (1 + np.e)])
    assert softmax(np.zeros(4, np.float32)).dtype == np.float32


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ([0, 1], "one whole number per row of 3"),
        ([[0], [1], [2]], r"shape \(3, 1\)"),
        ([0.0, 1.0, 2.0], "not float64 labels"),
        ([0, 1, 4], "go from 0 to 4, but there are logits for 0 to 3"),
        ([0, -1, 2], "go from -1 to 2"),
    ],
)
def test_cross_entropy_of_other_labels_is_refused(labels, sentence):
    with pytest.raises(ValueError, match=sentence):
        cross_entropy(np.zeros((3, 4)), np.array(labels))


@given(moderate)
def test_a_larger_logit_is_never_less_probable(logits):
    order = np.argsort(logits, axis=1)
    assert (np.diff(np.take_along_axis(softmax(logits), order, axis=1), axis=1) >= 0).all()


@given(moderate, st.floats(-1e4, 1e4))
def test_softmax_ignores_a_constant_added_to_all_logits(logits, c):
    np.testing.assert_allclose(softmax(logits + c), softmax(logits), rtol=1e-9, atol=1e-12)


@given(any_finite, st.data())
def test_loss_and_gradient_of_any_finite_logits_are_finite(logits, data):
    n, k = logits.shape
    labels = np.array(data.draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n)))
    loss, dlogits = cross_entropy(logits, labels)
    assert np.isfinite(loss) and loss >= 0
    assert dlogits.dtype == logits.dtype and np.isfinite(dlogits).all()
    # Each row adds up to 0, and no example contributes more than its 1/N.
    np.testing.assert_allclose(dlogits.sum(axis=1), 0, atol=1e-6)
    assert (np.abs(dlogits) <= 1 / n).all()


def test_the_gradient_agrees_with_central_differences():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(7, 10)), rng.integers(10, size=7)
    dlogits = cross_entropy(logits, labels)[1]
    numerical = numerical_gradient(lambda: cross_entropy(logits, labels)[0], logits)
    assert relative_error(dlogits, numerical) < 1e-8


def test_the_arguments_are_not_changed():
    logits, labels = np.ones((3, 4), np.float32), np.array([0, 1, 2])
    cross_entropy(logits, labels)
    softmax(logits)
    np.testing.assert_array_equal(logits, np.ones((3, 4)))
    np.testing.assert_array_equal(labels, [0, 1, 2])


@pytest.mark.parametrize("size", [1, 30, 1e4])
def test_loss_softmax_and_gradient_agree_with_pytorch(torch, size):
    rng = np.random.default_rng(0)
    logits = (size * rng.normal(size=(64, 10))).astype(np.float32)
    labels = rng.integers(10, size=64)

    theirs = torch.tensor(logits, requires_grad=True)
    their_loss = torch.nn.functional.cross_entropy(theirs, torch.tensor(labels))
    their_loss.backward()

    loss, dlogits = cross_entropy(logits, labels)
    assert loss == pytest.approx(their_loss.item(), rel=1e-5)
    np.testing.assert_allclose(dlogits, theirs.grad.numpy(), atol=1e-5)
    np.testing.assert_allclose(softmax(logits), torch.softmax(theirs, 1).detach(), atol=1e-5)
