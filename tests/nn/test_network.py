"""The network: layers over one flat vector, which inference leaves unchanged."""

import copy
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from nnlib import Dense, Dropout, Network, ReLU, cross_entropy, fit, softmax
from nnlib.datasets.splits import Split
from nnlib.nn.gradcheck import numerical_gradient, relative_error
from nnlib.nn.layers import Layer


def small(seed=0, dtype=np.float32) -> Network:
    network = Network(Dense(3, 4), ReLU(), Dropout(0.5), Dense(4, 2), seed=seed, dtype=dtype)
    network.info = {"name": "small", "metrics": {"dev_accuracy": 0.5}}
    return network


class TestFlatVector:
    def test_it_holds_all_weights_then_all_biases(self):
        network = small()
        first, last = network.layers[0], network.layers[-1]
        parts = [first.W.ravel(), last.W.ravel(), first.b, last.b]
        np.testing.assert_array_equal(network.parameters, np.concatenate(parts))
        np.testing.assert_array_equal(network.weights, np.concatenate(parts[:2]))

    def test_layers_compute_with_it(self):
        network = small()
        network.parameters[...] = np.arange(26)
        np.testing.assert_array_equal(network.layers[0].W, np.arange(12).reshape(3, 4))
        np.testing.assert_array_equal(network.layers[-1].b, [24, 25])

    def test_gradients_have_the_same_order(self):
        network = small()
        network.forward(np.ones((5, 3)), training=True)
        network.backward(np.ones((5, 2), np.float32))
        first, last = network.layers[0], network.layers[-1]
        parts = [first.dW.ravel(), last.dW.ravel(), first.db, last.db]
        np.testing.assert_array_equal(network.gradients, np.concatenate(parts))
        assert last.db.tolist() == [5, 5]


class TestLayersOfAnotherNetwork:
    def test_they_are_refused_and_their_network_is_unharmed(self):
        layer = Dense(3, 2)
        first, X = Network(layer, seed=1), np.ones((1, 3))
        parameters, logits = first.parameters.copy(), first.forward(X)
        with pytest.raises(ValueError, match=r"^Dense\(3, 2\) already belongs to another network"):
            Network(Dense(5, 3), ReLU(), layer, seed=2)
        np.testing.assert_array_equal(first.parameters, parameters)
        np.testing.assert_array_equal(first.forward(X), logits)
        first.parameters[...] = 0  # they still are the layer's own
        assert not layer.W.any() and not first.forward(X).any()

    def test_the_other_layers_remain_usable(self):
        used, new = Dense(3, 2), Dense(5, 3)
        Network(used)
        with pytest.raises(ValueError, match="another network"):
            Network(new, used)
        assert Network(new, seed=4).parameters.tobytes() == (
            Network(Dense(5, 3), seed=4).parameters.tobytes()
        )


def test_forward_by_hand():
    network = Network(Dense(2, 2), ReLU(), Dense(2, 1))
    first, _, last = network.layers
    first.W[...], first.b[...] = [[1, -1], [2, 1]], [0, 1]
    last.W[...], last.b[...] = [[3], [4]], [0.5]
    # (2, 1) → (2 + 2, -2 + 1 + 1) = (4, 0) → ReLU → 3 · 4 + 4 · 0 + 0.5
    # (0, -2) → (-4, -2 + 1) = (-4, -1) → ReLU → (0, 0) → 0.5
    np.testing.assert_array_equal(network.forward([[2, 1], [0, -2]]), [[12.5], [0.5]])
    np.testing.assert_array_equal(*network.activations([[2, 1], [0, -2]]), [[4, 0], [0, 0]])


def test_l2_acts_on_weights_and_not_on_biases():
    network = Network(Dense(2, 2))
    network.parameters[...] = [1, 2, 3, 4, 50, 60]
    assert network.penalty(0.1) == pytest.approx(0.1 / 2 * (1 + 4 + 9 + 16))
    network.forward(np.zeros((1, 2)), training=True)  # the data's own gradient of W is zero
    network.backward(np.zeros((1, 2), np.float32), l2=0.1)
    np.testing.assert_allclose(network.gradients, [0.1, 0.2, 0.3, 0.4, 0, 0], rtol=1e-6)


def test_backward_does_not_compute_the_first_dX():
    """It is the largest product of all, and training does not need it."""

    class First(Dense):
        def input_gradient(self, dY):
            raise AssertionError("computed")

    network = Network(First(3, 2))
    network.forward(np.ones((5, 3)), training=True)
    network.backward(np.ones((5, 2), np.float32))
    assert network.layers[0].dW.tolist() == [[5, 5]] * 3


def test_the_seed_decides_the_first_weights():
    assert small(seed=1).parameters.tobytes() == small(seed=1).parameters.tobytes()
    assert (small(seed=1).weights != small(seed=2).weights).all()


def test_the_dtype_is_float32_unless_told_otherwise():
    assert small().forward(np.ones((1, 3))).dtype == np.float32
    exact = small(dtype=np.float64)
    assert exact.dtype == exact.forward(np.ones((1, 3), np.float32)).dtype == np.float64


def test_probabilities_do_not_depend_on_the_batch_size():
    network, X = small(), np.random.default_rng(0).normal(size=(10, 3))
    expected = softmax(network.forward(X))
    for batch_size in (1, 3, 10, 99):
        np.testing.assert_allclose(network.probabilities(X, batch_size), expected, rtol=1e-6)
    assert network.probabilities(X[:0]).shape == (0, 2)


def test_predict_gives_the_most_probable_class():
    network = Network(Dense(2, 2, init=0))
    network.layers[0].W[...] = [[1, 0], [0, 1]]
    digits = network.predict(np.array([[3.0, 1.0], [1.0, 3.0]]))
    assert digits.tolist() == [0, 1] and digits.dtype == np.int64


def test_dropout_is_drawn_in_training_only():
    network, X, rng = small(), np.ones((20, 3)), np.random.default_rng(0)
    np.testing.assert_array_equal(network.forward(X, rng=rng), network.forward(X))
    first, second = (network.forward(X, training=True, rng=rng) for _ in range(2))
    assert (first != second).any()


@pytest.mark.parametrize(
    ("layers", "widths", "linear"),
    [
        (lambda: [Dense(784, 10)], (784, 10), True),
        (lambda: [Dropout(0.5), Dense(9, 7), Dense(7, 4)], (9, 7, 4), True),
        (lambda: [Dense(9, 7), ReLU(), Dropout(0.5), Dense(7, 4), ReLU()], (9, 7, 4), False),
    ],
)
def test_widths_and_is_linear_follow_from_the_layers(layers, widths, linear):
    network = Network(*layers())
    assert (network.widths, network.is_linear) == (widths, linear)
    assert (network.n_in, network.n_out) == (widths[0], widths[-1])


def test_activations_are_what_enters_the_next_weights():
    network, X = small(seed=3), np.random.default_rng(0).normal(size=(5, 3))
    (hidden,) = network.activations(X)
    first, relu, _, last = network.layers
    np.testing.assert_array_equal(hidden, relu.forward(first.forward(X.astype(np.float32))))
    np.testing.assert_array_equal(last.forward(hidden), network.forward(X))
    assert Network(Dense(3, 2)).activations(X) == []


def test_the_repr_is_the_code_that_makes_the_network():
    network = Network(Dense(784, 128, init=0.01), ReLU(), Dropout(0.2), Dense(128, 10))
    text = "Network(Dense(784, 128, init=0.01), ReLU(), Dropout(0.2), Dense(128, 10))"
    assert repr(network) == text == repr(eval(text))


@pytest.mark.parametrize("shape", [(784,), (28, 28), (5, 783), (1, 28, 28)])
@pytest.mark.parametrize("method", ["forward", "probabilities", "predict", "activations"])
def test_images_of_another_shape_are_refused(method, shape):
    network = Network(Dense(784, 10))
    with pytest.raises(ValueError, match=r"\(N, 784\).*reshape\(1, 784\)"):
        getattr(network, method)(np.zeros(shape))
    with pytest.raises(ValueError, match=r"\(N, 784\)"):
        network.input_gradient(np.zeros(shape), np.zeros((1, 10)))


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        (lambda: [], "at least one layer with parameters"),
        (lambda: [ReLU()], "at least one layer with parameters"),
        (lambda: [Dense(4, 3), ReLU(), Dense(5, 2)], "gives 3 .* takes 5"),
        (lambda: [Dense(4, 4)] * 2, "twice"),
    ],
)
def test_layers_that_do_not_fit_are_refused(layers, sentence):
    with pytest.raises(ValueError, match=sentence):
        Network(*layers())


class TestCopy:
    @pytest.fixture(params=["deepcopy", "copy", "pickle"])
    def duplicate(self, request):
        if request.param == "pickle":
            return lambda network: pickle.loads(pickle.dumps(network))
        return getattr(copy, request.param)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_it_has_the_same_layers_parameters_and_info(self, duplicate, dtype):
        network = small(seed=5, dtype=dtype)
        network.parameters += 1
        again = duplicate(network)
        assert again.parameters.tobytes() == network.parameters.tobytes()
        assert again.dtype == dtype
        assert [layer.config() for layer in again.layers] == [
            layer.config() for layer in network.layers
        ]
        assert again.info == network.info
        X = np.random.default_rng(0).random((5, 3))
        np.testing.assert_array_equal(again.forward(X), network.forward(X))

    def test_its_layers_are_views_into_its_vector(self, duplicate):
        again = duplicate(small())
        again.parameters[...], again.gradients[...] = 1, 2
        for layer in again.layers:
            assert all((array == 1).all() for array in layer.parameters.values())
            assert all((array == 2).all() for array in layer.gradients.values())
        assert (again.weights == 1).all()

    def test_training_it_leaves_the_original_unchanged(self, duplicate):
        network = small()
        X, labels = np.random.default_rng(0).random((20, 3), np.float32), np.arange(20) % 2
        network.forward(X, training=True, rng=np.random.default_rng(1))
        network.backward(np.ones((20, 2), np.float32))
        parameters, gradients = network.parameters.copy(), network.gradients.copy()
        again = duplicate(network)
        again.info["metrics"]["dev_accuracy"] = 1.0
        fit(again, Split(X, labels), epochs=2, progress=False)
        assert (again.parameters != parameters).any()
        np.testing.assert_array_equal(network.parameters, parameters)
        np.testing.assert_array_equal(network.gradients, gradients)
        assert network.info == small().info


def unchanged_after(network: Network, act) -> bool:
    """Whether `act` leaves the network, its layers and what backward will do as they are."""

    def state() -> list:
        owners = [network, *network.layers]
        return [pickle.dumps([vars(owner)[key] for key in sorted(vars(owner))]) for owner in owners]

    dlogits = np.ones((4, network.n_out), network.dtype)
    expected = copy.deepcopy(network)
    for each in (network, expected):
        X = np.random.default_rng(0).normal(size=(4, network.n_in))
        each.forward(X, training=True, rng=np.random.default_rng(1))
    before = state()
    act(network)
    same = state() == before
    for each in (network, expected):
        each.backward(dlogits, l2=0.1)
    return same and network.gradients.tobytes() == expected.gradients.tobytes()


class TestInference:
    X = np.random.default_rng(2).normal(size=(7, 3))

    @pytest.mark.parametrize(
        "act",
        [
            lambda network, X: network.forward(X),
            lambda network, X: network.forward(X, rng=np.random.default_rng(3)),
            lambda network, X: network.probabilities(X),
            lambda network, X: network.predict(X),
            lambda network, X: network.activations(X),
            lambda network, X: network.input_gradient(X, np.ones((7, 2), np.float32)),
        ],
        ids=["forward", "rng", "probabilities", "predict", "activations", "input_gradient"],
    )
    def test_it_leaves_no_trace(self, act):
        assert unchanged_after(small(), lambda network: act(network, self.X))

    def test_training_leaves_a_trace(self):
        """The control of the test above."""
        assert not unchanged_after(small(), lambda n: n.forward(self.X[:4], training=True))
        assert not unchanged_after(small(), lambda n: n.gradients.fill(1))

    def test_backward_without_training_is_refused(self):
        network = small()
        network.forward(self.X)
        network.input_gradient(self.X, np.ones((7, 2), np.float32))
        with pytest.raises(RuntimeError, match=r"call forward\(X, training=True\) first"):
            network.backward(np.ones((7, 2), np.float32))
        assert not network.gradients.any()

    @pytest.mark.parametrize("batch", [1, 7])
    def test_input_gradient_agrees_with_central_differences(self, batch):
        network = small(seed=3, dtype=np.float64)
        network.parameters += 0.1
        X, labels = self.X[:batch].copy(), np.arange(batch) % 2
        dlogits = cross_entropy(network.forward(X), labels)[1]
        numerical = numerical_gradient(lambda: cross_entropy(network.forward(X), labels)[0], X)
        dX = network.input_gradient(X, dlogits)
        assert dX.shape == X.shape and numerical.any()
        assert relative_error(dX, numerical) < 1e-7


class Slow(Layer):
    """Passes everything on, and lets other threads run in the middle of each pass."""

    def forward(self, X, training=False, rng=None):
        for _ in range(50):
            X = X + 0
        return X

    input_gradient = forward


def test_eight_threads_get_the_sequential_answers():
    network = Network(Dense(20, 30), Slow(), ReLU(), Slow(), Dropout(0.5), Dense(30, 10))
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(rng.integers(1, 6), 20)) for _ in range(80)]

    def answers(X: np.ndarray) -> list[bytes]:
        gradient = network.input_gradient(X, np.ones((len(X), 10), np.float32))
        arrays = [network.forward(X), network.probabilities(X), network.predict(X), gradient]
        return [array.tobytes() for array in [*arrays, *network.activations(X)]]

    expected = [answers(X) for X in inputs]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # change threads as often as possible
    try:
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(answers, inputs)) == expected
    finally:
        sys.setswitchinterval(interval)
