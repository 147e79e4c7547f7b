"""Each layer by hand, and every gradient against central differences."""

import numpy as np
import pytest

from nnlib import Dense, Dropout, Network, ReLU
from nnlib.gradcheck import check_gradients, numerical_gradient, relative_error


def dense(W, b) -> Dense:
    """A Dense layer with these weights."""
    layer = Dense(*np.shape(W))
    layer.W, layer.b = np.array(W, np.float64), np.array(b, np.float64)
    layer.dW, layer.db = np.empty_like(layer.W), np.empty_like(layer.b)
    return layer


class TestDense:
    def test_forward_is_a_weighted_sum_for_every_output(self):
        layer = dense(W=[[1, 2, 3], [4, 5, 6]], b=[0.1, 0.2, 0.3])
        # 1·1 + 2·4 + 0.1,  1·2 + 2·5 + 0.2,  1·3 + 2·6 + 0.3
        np.testing.assert_allclose(layer.forward(np.array([[1.0, 2.0]])), [[9.1, 12.2, 15.3]])

    def test_backward_is_the_chain_rule(self):
        layer = dense(W=[[1, 2, 3], [4, 5, 6]], b=[0, 0, 0])
        layer.forward(np.array([[1.0, 2.0], [3.0, 4.0]]))
        dX = layer.backward(np.array([[1.0, 0.0, 0.0], [0.0, 10.0, 0.0]]))
        np.testing.assert_array_equal(layer.dW, [[1, 30, 0], [2, 40, 0]])  # Xᵀ dY
        np.testing.assert_array_equal(layer.db, [1, 10, 0])  # summed over the batch
        np.testing.assert_array_equal(dX, [[1, 4], [20, 50]])  # dY Wᵀ

    def test_the_first_layer_leaves_out_dX_and_nothing_else(self):
        layer = dense(W=[[1, 2, 3], [4, 5, 6]], b=[0, 0, 0])
        layer.forward(np.array([[1.0, 2.0]]))
        assert layer.backward(np.array([[1.0, 0.0, 5.0]]), need_dX=False) is None
        np.testing.assert_array_equal(layer.dW, [[1, 0, 5], [2, 0, 10]])
        np.testing.assert_array_equal(layer.db, [1, 0, 5])

    @pytest.mark.parametrize(
        ("init", "deviation"), [("he", (2 / 784) ** 0.5), (0.01, 0.01), (0.0, 0.0)]
    )
    def test_weights_start_with_the_deviation_asked_for_and_biases_at_zero(self, init, deviation):
        layer = Dense(784, 256, init=init)
        network = Network(layer, seed=3)
        assert layer.W.std() == pytest.approx(deviation, rel=0.01)
        assert abs(layer.W.mean()) <= 4 * deviation / layer.W.size**0.5
        assert not layer.b.any()
        assert network.parameters.size == 784 * 256 + 256

    def test_he_keeps_the_size_of_the_signal_through_ten_layers_of_relu(self):
        network = Network(*[layer for _ in range(10) for layer in (Dense(400, 400), ReLU())])
        X = np.random.default_rng(0).normal(size=(100, 400))
        assert 1 / 3 < np.mean(network.forward(X) ** 2) / np.mean(X**2) < 3  # 1/n gives 1/1000

    @pytest.mark.parametrize(
        ("arguments", "name"),
        [
            ((0, 3), "n_in"),
            ((2.5, 3), "n_in"),
            ((3, -1), "n_out"),
            ((3, "10"), "n_out"),
            ((3, 3, "xavier"), "init"),
            ((3, 3, -0.1), "init"),
            ((3, 3, float("nan")), "init"),
        ],
    )
    def test_impossible_arguments_are_refused_by_name(self, arguments, name):
        with pytest.raises(ValueError, match=name):
            Dense(*arguments)


class TestReLU:
    def test_keeps_the_positive_and_silences_the_rest(self):
        np.testing.assert_array_equal(ReLU().forward(np.array([[-2.0, 0.0, 3.0]])), [[0, 0, 3]])

    def test_lets_the_gradient_through_where_the_input_was_positive(self):
        relu = ReLU()
        relu.forward(np.array([[-2.0, 0.0, 3.0]]))
        np.testing.assert_array_equal(relu.backward(np.array([[5.0, 6.0, 7.0]])), [[0, 0, 7]])


class TestDropout:
    X = np.ones((500, 400), np.float32)

    @pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
    def test_silences_a_share_p_and_scales_up_the_rest(self, p):
        Y = Dropout(p).forward(self.X, np.random.default_rng(0))
        assert np.mean(Y == 0) == pytest.approx(p, abs=0.005)
        np.testing.assert_allclose(Y[Y != 0], 1 / (1 - p), rtol=1e-6)
        assert Y.mean() == pytest.approx(1, abs=0.03)  # the expected signal stays
        assert Y.dtype == np.float32

    def test_does_nothing_outside_training(self):
        dropout = Dropout(0.5)
        dropout.forward(self.X, np.random.default_rng(0))
        np.testing.assert_array_equal(dropout.forward(self.X), self.X)
        np.testing.assert_array_equal(dropout.backward(self.X), self.X)

    def test_does_nothing_at_p_0(self):
        np.testing.assert_array_equal(Dropout(0).forward(self.X, np.random.default_rng(0)), self.X)

    def test_backward_uses_the_very_draw_of_forward(self):
        dropout = Dropout(0.5)
        Y = dropout.forward(self.X, np.random.default_rng(0))
        np.testing.assert_array_equal(dropout.backward(self.X), Y)

    def test_every_forward_draws_anew(self):
        dropout, rng = Dropout(0.5), np.random.default_rng(0)
        assert (dropout.forward(self.X, rng) != dropout.forward(self.X, rng)).any()

    @pytest.mark.parametrize("p", [-0.1, 1, 1.5, float("nan")])
    def test_refuses_what_is_no_probability_below_one(self, p):
        with pytest.raises(ValueError, match="0 ≤ p < 1"):
            Dropout(p)


@pytest.mark.parametrize("name", ["Dense", "ReLU", "Dropout"])
def test_each_layers_gradients_agree_with_central_differences(name):
    """The function whose gradient is asked for: Σ Y · G, for a random G, so that dY = G."""
    rng = np.random.default_rng(0)
    X, G = rng.normal(size=(6, 5)), rng.normal(size=(6, 4 if name == "Dense" else 5))
    layer = {
        "Dense": dense(W=rng.normal(size=(5, 4)), b=rng.normal(size=4)),
        "ReLU": ReLU(),
        "Dropout": Dropout(0.4),
    }[name]

    def f() -> float:
        return float(np.sum(layer.forward(X, np.random.default_rng(1)) * G))

    f()
    assert relative_error(layer.backward(G), numerical_gradient(f, X)) < 1e-8
    if name == "Dense":
        assert relative_error(layer.dW, numerical_gradient(f, layer.W)) < 1e-8
        assert relative_error(layer.db, numerical_gradient(f, layer.b)) < 1e-8


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
def test_every_gradient_of_a_network_agrees_with_central_differences(layers, l2):
    network = Network(*layers(), seed=2, dtype=np.float64)
    rng = np.random.default_rng(3)
    network.parameters[...] = rng.normal(0, 0.5, network.parameters.shape)  # biases too
    images, labels = rng.normal(size=(9, 6)), rng.integers(4, size=9)
    assert check_gradients(network, images, labels, l2) < 1e-6


class OutputMaskedReLU(ReLU):
    """A mistake seen in the wild: the mask is taken from the output, with ≥, so is all ones."""

    def forward(self, X, rng=None):
        Y = super().forward(X)
        self.mask = Y >= 0
        return Y


class ScaledL2Network(Network):
    """Another: λ multiplies the gradient where it should multiply the weight."""

    def backward(self, dlogits, l2=0.0):
        super().backward(dlogits)
        self.weight_gradients += l2 * self.weight_gradients


@pytest.mark.parametrize(
    ("kind", "activation"), [(Network, OutputMaskedReLU), (ScaledL2Network, ReLU)]
)
def test_the_gradient_check_finds_well_known_mistakes(kind, activation):
    network = kind(Dense(6, 7), activation(), Dense(7, 4), seed=2, dtype=np.float64)
    rng = np.random.default_rng(3)
    images, labels = rng.normal(size=(9, 6)), rng.integers(4, size=9)
    assert check_gradients(network, images, labels, l2=0.1) > 1e-2


def test_the_numerical_gradient_of_a_cubic_is_its_derivative():
    x = np.array([[-1.0, 0.0], [2.0, 3.0]])
    before = x.copy()
    gradient = numerical_gradient(lambda: float(np.sum(x**3)), x)
    np.testing.assert_allclose(gradient, [[3, 0], [12, 27]], atol=1e-9)  # 3x²
    np.testing.assert_array_equal(x, before)  # every number is put back


def test_the_numerical_gradient_refuses_float32_and_says_what_to_do():
    with pytest.raises(ValueError, match=r"dtype=np\.float64"):
        numerical_gradient(lambda: 0.0, np.zeros(3, np.float32))


@pytest.mark.parametrize(
    ("a", "b", "error"), [([3, 4], [3, 4], 0), ([0, 0], [0, 0], 0), ([3, 4], [0, 0], 1)]
)
def test_relative_error_goes_from_0_to_1(a, b, error):
    assert relative_error(np.array(a), np.array(b)) == error
