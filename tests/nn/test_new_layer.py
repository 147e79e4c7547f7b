"""A new kind of layer is one class: nothing in the library knows this one."""

import copy
import pickle

import numpy as np
import pytest

from nnlib import Dense, Network, ReLU, cross_entropy, fit
from nnlib.datasets.splits import Split
from nnlib.nn.gradcheck import check_gradients, numerical_gradient, relative_error
from nnlib.nn.layers import Layer


class Scale(Layer):
    """Y = (X + shift) M ∘ factor, with M (width, width), shift and factor (width,)."""

    is_linear = True

    def __init__(self, width: int, start: float = 1.0):
        self.n_in = self.n_out = width
        self.start = start
        self.allocate()

    @staticmethod
    def shapes(config):
        width = config["width"]
        return {"shift": (width,), "M": (width, width), "factor": (width,)}

    def config(self):
        return {"width": self.n_in, "start": self.start}

    def initialize(self, rng):
        self.M[...] = rng.normal(size=self.M.shape)
        self.shift[...] = 0
        self.factor[...] = self.start

    def forward(self, X, training=False, rng=None):
        if training:
            self.X = X
        return (X + self.shift) @ self.M * self.factor

    def parameter_gradients(self, dY):
        self.dM[...] = (self.X + self.shift).T @ (dY * self.factor)
        self.dfactor[...] = ((self.X + self.shift) @ self.M * dY).sum(axis=0)
        self.dshift[...] = self.input_gradient(dY).sum(axis=0)

    def input_gradient(self, dY):
        return (dY * self.factor) @ self.M.T


def network(dtype=np.float32) -> Network:
    """A network with two layers of the new kind; none of its parameters is zero."""
    layers = (Scale(5), Dense(5, 4), ReLU(), Scale(4, start=0.5), Dense(4, 3))
    network = Network(*layers, seed=1, dtype=dtype)
    network.parameters += 0.1
    return network


@pytest.fixture
def data() -> Split:
    rng = np.random.default_rng(0)
    return Split(rng.normal(size=(40, 5)).astype(np.float32), rng.integers(3, size=40))


def test_its_weights_precede_all_biases():
    made = network()
    first, dense, _, second, last = made.layers
    weights = [first.M, dense.W, second.M, last.W]
    biases = [first.shift, first.factor, dense.b, second.shift, second.factor, last.b]
    expected = np.concatenate([array.ravel() for array in weights + biases])
    np.testing.assert_array_equal(made.parameters, expected)
    np.testing.assert_array_equal(made.weights, np.concatenate([w.ravel() for w in weights]))
    assert made.widths == (5, 5, 4, 4, 3)


def test_its_gradients_agree_with_central_differences(data):
    made = network(np.float64)
    assert check_gradients(made, data.images, data.labels, l2=0.1) < 1e-6
    X, rng = data.images.astype(np.float64), np.random.default_rng(1)
    G = rng.normal(size=(40, 3))
    numerical = numerical_gradient(lambda: float(np.sum(made.forward(X) * G)), X)
    assert relative_error(made.input_gradient(X, G), numerical) < 1e-7


def test_fit_trains_its_parameters(data):
    made = network()
    before = {name: array.copy() for name, array in made.layers[0].parameters.items()}
    loss = cross_entropy(made.forward(data.images), data.labels)[0]
    fit(made, data, epochs=20, progress=False)
    assert cross_entropy(made.forward(data.images), data.labels)[0] < loss
    for name, array in made.layers[0].parameters.items():
        assert (array != before[name]).all()


@pytest.mark.parametrize("how", ["save and load", "copy", "pickle"])
def test_a_network_with_it_is_restored(how, data, tmp_path):
    made = network()
    if how == "save and load":
        made.save(tmp_path / "model.npz")
        again = Network.load(tmp_path / "model.npz")
    else:
        again = copy.deepcopy(made) if how == "copy" else pickle.loads(pickle.dumps(made))
    assert again.parameters.tobytes() == made.parameters.tobytes()
    assert again.layers[3].config() == {"width": 4, "start": 0.5}
    np.testing.assert_array_equal(again.forward(data.images), made.forward(data.images))
    again.parameters[...] = 0  # its arrays are views into the vector
    assert not again.layers[0].M.any() and not again.layers[3].factor.any()
    assert made.layers[0].M.all()


def test_it_decides_whether_the_network_is_linear():
    assert Network(Scale(3), Dense(3, 2)).is_linear
    assert not Network(Scale(3), ReLU(), Dense(3, 2)).is_linear


def test_its_repr_shows_its_arguments():
    assert repr(Scale(3, start=0.5)) == "Scale(width=3, start=0.5)"


def test_a_layer_named_like_a_built_in_does_not_replace_it(tmp_path):
    """A reader may write a ReLU; the packaged models must still load the library's."""
    Network(Dense(3, 4), ReLU(), Dense(4, 2)).save(tmp_path / "model.npz")
    mine = type("ReLU", (Layer,), {})
    loaded = Network.load(tmp_path / "model.npz").layers[1]
    assert type(loaded) is ReLU and not isinstance(loaded, mine)


def test_a_redefined_layer_replaces_the_earlier_one(tmp_path):
    """As in a notebook, where a cell that defines a layer is run again."""

    def define():
        class Redefined(Dense):
            pass

        return Redefined

    first, second = define(), define()
    Network(first(3, 2)).save(tmp_path / "model.npz")
    (loaded,) = Network.load(tmp_path / "model.npz").layers
    assert type(loaded) is second


class Blend(Layer):
    """A layer with parameters that takes any width."""

    def __init__(self):
        self.allocate()

    @staticmethod
    def shapes(config):
        return {"t": (1,)}

    def forward(self, X, training=False, rng=None):
        return self.t * X


def test_a_network_of_unknown_width_is_refused():
    with pytest.raises(ValueError, match="width"):
        Network(Blend())


def test_a_layer_named_like_the_librarys_is_not_saved(tmp_path):
    mine = type("ReLU", (ReLU,), {})
    with pytest.raises(ValueError, match="has a layer named ReLU too"):
        Network(Dense(3, 2), mine()).save(tmp_path / "model.npz")
    assert not (tmp_path / "model.npz").exists()
