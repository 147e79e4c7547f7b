"""The gradient check: whole networks pass it, and well-known mistakes do not."""

import numpy as np
import pytest

from nnlib import Dense, Dropout, Network, ReLU
from nnlib.nn.gradcheck import check_gradients, numerical_gradient, relative_error
from nnlib.nn.layers import Layer


@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize(
    "layers",
    [
        lambda: [Dense(6, 4)],
        lambda: [Dense(6, 7), ReLU(), Dense(7, 4)],
        lambda: [Dense(6, 8), ReLU(), Dense(8, 5), ReLU(), Dense(5, 4)],
        lambda: [Dropout(0.2), Dense(6, 8), ReLU(), Dropout(0.5), Dense(8, 4)],
        lambda: [ReLU(), Dense(6, 4)],
    ],
    ids=lambda layers: ", ".join(map(repr, layers())),
)
def test_every_gradient_of_a_network_is_right(layers, l2):
    network = Network(*layers(), seed=2, dtype=np.float64)
    rng = np.random.default_rng(3)
    network.parameters[...] = rng.normal(0, 0.5, network.parameters.shape)  # biases too
    images, labels = rng.normal(size=(9, 6)), rng.integers(4, size=9)
    assert check_gradients(network, images, labels, l2) < 1e-6


class OutputMaskedReLU(Layer):
    """A common mistake: the mask is taken from the output, with ≥, so that it is all ones."""

    def forward(self, X, training=False, rng=None):
        Y = np.maximum(X, 0)
        if training:
            self.mask = Y >= 0
        return Y

    def input_gradient(self, dY):
        return dY * self.mask


class ScaledL2Network(Network):
    """Another: λ multiplies the gradient instead of the weight."""

    def backward(self, dlogits, l2=0.0):
        super().backward(dlogits)
        self.weight_gradients += l2 * self.weight_gradients


@pytest.mark.parametrize(
    ("kind", "activation"), [(Network, OutputMaskedReLU), (ScaledL2Network, ReLU)]
)
def test_well_known_mistakes_are_found(kind, activation):
    network = kind(Dense(6, 7), activation(), Dense(7, 4), seed=2, dtype=np.float64)
    rng = np.random.default_rng(3)
    images, labels = rng.normal(size=(9, 6)), rng.integers(4, size=9)
    assert check_gradients(network, images, labels, l2=0.1) > 1e-2


def test_numerical_gradient_of_a_cubic_is_its_derivative():
    x = np.array([[-1.0, 0.0], [2.0, 3.0]])
    before = x.copy()
    gradient = numerical_gradient(lambda: float(np.sum(x**3)), x)
    np.testing.assert_allclose(gradient, [[3, 0], [12, 27]], atol=1e-9)  # 3x²
    np.testing.assert_array_equal(x, before)  # every number is put back


def test_numerical_gradient_of_float32_is_refused():
    with pytest.raises(ValueError, match=r"dtype=np\.float64"):
        numerical_gradient(lambda: 0.0, np.zeros(3, np.float32))


@pytest.mark.parametrize(
    ("a", "b", "error"),
    [([3, 4], [3, 4], 0), ([0, 0], [0, 0], 0), ([3, 4], [0, 0], 1), ([3, 4], [-3, -4], 1)],
)
def test_relative_error_goes_from_0_to_1(a, b, error):
    assert relative_error(np.array(a), np.array(b)) == error
