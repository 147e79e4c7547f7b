"""Each layer by hand, alone and against central differences."""

import re

import numpy as np
import pytest

from nnlib import Dense, Dropout, Network, ReLU
from nnlib.nn.gradcheck import numerical_gradient, relative_error
from nnlib.nn.layers import Layer


def dense(W, b) -> Dense:
    """A Dense layer with these weights, in float64."""
    layer = Dense(*np.shape(W))
    for name, values in (("W", W), ("b", b)):
        array = np.array(values, np.float64)
        layer.use(name, array, np.zeros_like(array))
    return layer


class TestDense:
    def test_forward_by_hand(self):
        layer = dense(W=[[1, 2, 3], [4, 5, 6]], b=[0.1, 0.2, 0.3])
        # 1·1 + 2·4 + 0.1,  1·2 + 2·5 + 0.2,  1·3 + 2·6 + 0.3
        np.testing.assert_allclose(layer.forward(np.array([[1.0, 2.0]])), [[9.1, 12.2, 15.3]])

    def test_backward_by_hand(self):
        layer = dense(W=[[1, 2, 3], [4, 5, 6]], b=[0, 0, 0])
        layer.forward(np.array([[1.0, 2.0], [3.0, 4.0]]), training=True)
        dX = layer.backward(np.array([[1.0, 0.0, 0.0], [0.0, 10.0, 0.0]]))
        np.testing.assert_array_equal(layer.dW, [[1, 30, 0], [2, 40, 0]])  # Xᵀ dY
        np.testing.assert_array_equal(layer.db, [1, 10, 0])  # summed over the batch
        np.testing.assert_array_equal(dX, [[1, 4], [20, 50]])  # dY Wᵀ

    @pytest.mark.parametrize(
        ("init", "deviation"), [("he", (2 / 784) ** 0.5), (0.01, 0.01), (0.0, 0.0)]
    )
    @pytest.mark.parametrize("alone", [True, False], ids=["alone", "in a network"])
    def test_new_weights_have_the_deviation_that_init_names(self, init, deviation, alone):
        layer = Dense(784, 256, init=init)
        if not alone:
            layer.W[...] = layer.b[...] = 7  # a network draws them again
            Network(layer, seed=3)
        assert layer.W.std() == pytest.approx(deviation, rel=0.01)
        assert abs(layer.W.mean()) <= 4 * deviation / layer.W.size**0.5
        assert not layer.b.any()

    def test_he_keeps_the_signal_through_ten_relu_layers(self):
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
    def test_invalid_arguments_are_refused_by_name(self, arguments, name):
        with pytest.raises(ValueError, match=name):
            Dense(*arguments)


class TestDenseAlone:
    def test_it_computes_without_a_network(self):
        layer = Dense(2, 3)
        Y = layer.forward(np.ones((5, 2), np.float32))
        assert Y.shape == (5, 3) and Y.dtype == np.float32
        np.testing.assert_array_equal(Y, np.ones((5, 2), np.float32) @ layer.W)

    def test_its_arrays_are_named(self):
        layer = Dense(2, 3)
        assert {name: array.shape for name, array in layer.parameters.items()} == {
            "W": (2, 3),
            "b": (3,),
        }
        assert layer.parameters["W"] is layer.W and layer.parameters["b"] is layer.b
        assert layer.gradients["W"] is layer.dW and layer.gradients["b"] is layer.db
        assert layer.dW.shape == (2, 3) and layer.db.shape == (3,)

    def test_two_layers_share_no_arrays(self):
        first, second = Dense(2, 3), Dense(2, 3)
        first.W[...] = 1
        assert not (second.W == 1).any()


@pytest.mark.parametrize(
    "layer",
    [Dense(2, 3), Dense(2, 3, init=0.01), Dense(2, 3, init=0), ReLU(), Dropout(0.2)],
    ids=repr,
)
def test_config_builds_the_layer_again(layer):
    again = type(layer)(**layer.config())
    assert again.config() == layer.config()
    assert repr(again) == repr(layer) == repr(eval(repr(layer)))
    assert vars(again).keys() == vars(layer).keys()


class TestReLU:
    def test_forward_by_hand(self):
        np.testing.assert_array_equal(ReLU().forward(np.array([[-2.0, 0.0, 3.0]])), [[0, 0, 3]])

    def test_backward_by_hand(self):
        relu = ReLU()
        relu.forward(np.array([[-2.0, 0.0, 3.0]]), training=True)
        np.testing.assert_array_equal(relu.backward(np.array([[5.0, 6.0, 7.0]])), [[0, 0, 7]])


class TestDropout:
    X = np.ones((500, 400), np.float32)

    def forward(self, layer: Dropout, seed: int = 0) -> np.ndarray:
        return layer.forward(self.X, training=True, rng=np.random.default_rng(seed))

    @pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
    def test_a_fraction_p_is_zero_and_the_rest_is_scaled(self, p):
        Y = self.forward(Dropout(p))
        assert np.mean(Y == 0) == pytest.approx(p, abs=0.005)
        np.testing.assert_allclose(Y[Y != 0], 1 / (1 - p), rtol=1e-6)
        assert Y.mean() == pytest.approx(1, abs=0.03)  # the expected signal stays
        assert Y.dtype == np.float32

    def test_at_inference_nothing_is_dropped(self):
        Y = Dropout(0.5).forward(self.X, rng=np.random.default_rng(0))
        np.testing.assert_array_equal(Y, self.X)

    @pytest.mark.parametrize(("p", "rng"), [(0.5, None), (0, np.random.default_rng(0))])
    def test_without_rng_or_at_p_0_nothing_is_dropped(self, p, rng):
        dropout = Dropout(p)
        self.forward(dropout)  # of an earlier step nothing is left
        np.testing.assert_array_equal(dropout.forward(self.X, training=True, rng=rng), self.X)
        np.testing.assert_array_equal(dropout.backward(2 * self.X), 2 * self.X)

    def test_backward_uses_the_mask_of_forward(self):
        dropout = Dropout(0.5)
        Y = self.forward(dropout)
        np.testing.assert_array_equal(dropout.backward(self.X), Y)

    def test_every_forward_draws_a_new_mask(self):
        dropout, rng = Dropout(0.5), np.random.default_rng(0)
        first, second = (dropout.forward(self.X, training=True, rng=rng) for _ in range(2))
        assert (first != second).any()

    @pytest.mark.parametrize("p", [-0.1, 1, 1.5, float("nan")])
    def test_p_outside_0_to_1_is_refused(self, p):
        with pytest.raises(ValueError, match="0 ≤ p < 1"):
            Dropout(p)


@pytest.mark.parametrize("name", ["Dense", "ReLU", "Dropout"])
def test_gradients_agree_with_central_differences(name):
    """The function that is differentiated: Σ Y · G, for a random G, so that dY = G."""
    rng = np.random.default_rng(0)
    X, G = rng.normal(size=(6, 5)), rng.normal(size=(6, 4 if name == "Dense" else 5))
    layer = {
        "Dense": dense(W=rng.normal(size=(5, 4)), b=rng.normal(size=4)),
        "ReLU": ReLU(),
        "Dropout": Dropout(0.4),
    }[name]

    def f() -> float:
        Y = layer.forward(X, training=True, rng=np.random.default_rng(1))
        return float(np.sum(Y * G))

    f()
    assert relative_error(layer.backward(G), numerical_gradient(f, X)) < 1e-8
    for parameter in layer.parameters:
        numerical = numerical_gradient(f, layer.parameters[parameter])
        assert relative_error(layer.gradients[parameter], numerical) < 1e-8


@pytest.mark.parametrize("layer", [Dense(3, 3), ReLU(), Dropout(0.5)], ids=repr)
@pytest.mark.parametrize("before", ["nothing", "inference"])
def test_backward_without_training_says_what_to_call(layer: Layer, before: str):
    if before == "inference":
        layer.forward(np.ones((2, 3)))
    sentence = re.escape(
        f"{layer} has nothing to go backward from: call forward(X, training=True) first."
    )
    with pytest.raises(RuntimeError, match=f"^{sentence}$"):
        layer.backward(np.ones((2, 3)))
