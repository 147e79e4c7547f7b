"""What a pixel says for a digit: against erasing it, central differences and PyTorch."""

import numpy as np
import pytest

from nnlib import Dense, Dropout, Network, ReLU, Recognizer
from nnlib.explain.attribution import activations, attribution, is_linear


def centered_logits(network: Network, tensor: np.ndarray) -> np.ndarray:
    """The logits of one tensor, less their mean."""
    logits = network.forward(tensor[None])[0]
    return logits - logits.mean()


def with_biases(*layers, seed: int = 0) -> Network:
    """A network in float64 whose biases are as large as its weights."""
    network = Network(*layers, seed=seed, dtype=np.float64)
    network.parameters[len(network.weights) :] = np.random.default_rng(seed).normal(
        size=len(network.parameters) - len(network.weights)
    )
    return network


def deeper(seed: int = 0) -> Network:
    return with_biases(
        Dense(20, 16), ReLU(), Dropout(0.5), Dense(16, 12), ReLU(), Dense(12, 7), seed=seed
    )


def some_ink(n: int, seed: int = 0) -> np.ndarray:
    """Ink, of which a third is paper."""
    rng = np.random.default_rng(100 + seed)
    return rng.random(n) * (rng.random(n) > 1 / 3)


@pytest.fixture
def picture(digits) -> np.ndarray:
    """(784,): the first of the dev images."""
    return digits.dev.images[0]


class TestWithOneLayer:
    NETWORK = with_biases(Dense(784, 10))
    TENSOR = some_ink(784)

    @pytest.mark.parametrize("digit", range(10))
    def test_attributions_and_biases_add_up_to_the_logit(self, digit):
        biases = self.NETWORK.layers[0].b
        said = attribution(self.NETWORK, self.TENSOR, digit).sum()
        expected = centered_logits(self.NETWORK, self.TENSOR)[digit]
        assert said + (biases - biases.mean())[digit] == pytest.approx(expected, rel=1e-12)

    @pytest.mark.parametrize("digit", [0, 4, 9])
    def test_an_attribution_is_what_is_lost_when_its_pixel_is_erased(self, digit):
        said = attribution(self.NETWORK, self.TENSOR, digit)
        before = centered_logits(self.NETWORK, self.TENSOR)[digit]
        for pixel in range(0, 784, 10):
            erased = self.TENSOR.copy()
            erased[pixel] = 0
            lost = before - centered_logits(self.NETWORK, erased)[digit]
            assert said[pixel] == pytest.approx(lost, abs=1e-11)

    def test_by_hand(self):
        network = Network(Dense(2, 2), dtype=np.float64)
        network.layers[0].W[...] = [[3, 1], [-2, 4]]
        # The means of the rows are 2 and 1, so the first digit has 1 and -3 more than they.
        assert attribution(network, np.array([0.5, 1]), 0).tolist() == [0.5, -3]
        assert attribution(network, np.array([0.5, 1]), 1).tolist() == [-0.5, 3]


class TestWithHiddenLayers:
    @pytest.mark.parametrize("seed", range(4))
    def test_it_is_ink_times_the_slope_of_the_logit(self, seed):
        network, tensor, step = deeper(seed), some_ink(20, seed), 1e-6
        for digit in range(7):
            slopes = []
            for pixel in np.eye(20):
                up, down = (centered_logits(network, tensor + s * pixel) for s in (step, -step))
                slopes.append((up - down)[digit] / (2 * step))
            np.testing.assert_allclose(
                attribution(network, tensor, digit), tensor * slopes, atol=1e-8
            )

    def test_attributions_add_up_to_the_logit_where_there_are_no_biases(self):
        """Such a network is linear along the line from paper to the drawing."""
        network, tensor = deeper(), some_ink(20)
        network.parameters[len(network.weights) :] = 0
        for digit, logit in enumerate(centered_logits(network, tensor)):
            assert attribution(network, tensor, digit).sum() == pytest.approx(logit, abs=1e-12)

    def test_what_is_missing_is_what_the_biases_add(self):
        """Each of them is told as a pixel is: its value times the slope of the logit."""
        network, tensor, digit, step = deeper(), some_ink(20), 3, 1e-6
        biases, added = network.parameters[len(network.weights) :], 0.0
        for i, value in enumerate(biases.copy()):
            biases[i] = value + step
            up = centered_logits(network, tensor)[digit]
            biases[i] = value - step
            down = centered_logits(network, tensor)[digit]
            biases[i] = value
            added += value * (up - down) / (2 * step)
        logit = centered_logits(network, tensor)[digit]
        said = attribution(network, tensor, digit).sum()
        assert abs(added) > 0.1
        assert said + added == pytest.approx(logit, abs=1e-7)


@pytest.mark.parametrize("make", [deeper, lambda: with_biases(Dense(20, 7))])
class TestOnAnyNetwork:
    def test_what_speaks_for_every_digit_speaks_for_none(self, make):
        network, tensor = make(), some_ink(20)
        before = [attribution(network, tensor, digit) for digit in range(7)]
        last = network.layers[-1]
        last.W += np.random.default_rng(1).normal(size=(last.n_in, 1)) * 10
        last.b += 100
        for digit in range(7):
            after = attribution(network, tensor, digit)
            np.testing.assert_allclose(after, before[digit], atol=1e-10)

    def test_what_speaks_for_one_digit_speaks_against_the_others(self, make):
        network, tensor = make(), some_ink(20)
        said = sum(attribution(network, tensor, digit) for digit in range(7))
        np.testing.assert_allclose(said, 0, atol=1e-12)

    def test_paper_says_nothing(self, make):
        network, tensor = make(), some_ink(20)
        said = attribution(network, tensor, 2)
        assert (said[tensor == 0] == 0).all() and (said[tensor > 0] != 0).all()
        assert 0 < (tensor == 0).sum() < 20

    def test_network_and_tensor_are_left_as_they_were(self, make):
        network, tensor = make(), some_ink(20)
        tensor.setflags(write=False)
        parameters, logits = network.parameters.copy(), network.forward(tensor[None])
        attribution(network, tensor, 2)
        activations(network, tensor)
        np.testing.assert_array_equal(network.parameters, parameters)
        np.testing.assert_array_equal(network.forward(tensor[None]), logits)


@pytest.mark.parametrize("model", ["softmax", "hidden", "deep"])
class TestOnTheModels:
    def test_paper_says_nothing_and_ink_something(self, model, picture):
        said = attribution(Recognizer.load(model).network, picture, 3)
        assert said.shape == (784,) and said.dtype == np.float32
        assert (said[picture == 0] == 0).all()
        assert (said[picture > 0] != 0).mean() > 0.9

    def test_it_is_what_pytorch_says(self, model, picture, torch):
        network = Recognizer.load(model).network
        X = torch.tensor(picture, dtype=torch.float64, requires_grad=True)
        Y, hidden = X, []
        for layer in network.layers:
            if isinstance(layer, Dense):
                Y = Y @ torch.tensor(layer.W).double() + torch.tensor(layer.b).double()
            else:
                Y = torch.relu(Y)
                hidden.append(Y)
        for digit in (3, 8):
            (slope,) = torch.autograd.grad(Y[digit] - Y.mean(), X, retain_graph=True)
            expected = (slope * X).detach().numpy()
            np.testing.assert_allclose(attribution(network, picture, digit), expected, atol=1e-5)
        inside = activations(network, picture)
        assert len(inside) == len(hidden)
        for found, expected in zip(inside, hidden, strict=True):
            np.testing.assert_allclose(found, expected.detach().numpy(), atol=1e-4)


def test_only_one_layer_is_linear():
    assert is_linear(Recognizer.load("softmax").network)
    assert not is_linear(Recognizer.load("hidden").network)
    assert not is_linear(Recognizer.load("deep").network)
    assert is_linear(Network(Dense(5, 4), Dense(4, 3)))  # nothing bends between them


class TestActivations:
    def test_by_hand(self):
        network = Network(Dense(2, 3), ReLU(), Dense(3, 2), ReLU(), Dense(2, 2))
        first, _, second, _, last = network.layers
        first.W[...], first.b[...] = [[1, -1, 2], [2, 1, -1]], [0, 1, -0.5]
        second.W[...], second.b[...] = [[1, -1], [5, 5], [2, 1]], [-1, 0]
        last.W[...] = [[1, 2], [3, 4]]
        # (1, 0.5) → (2, -1 + 0.5 + 1, 2 - 0.5 - 0.5) = (2, 0.5, 1) → ReLU
        #          → (2 + 2.5 + 2 - 1, -2 + 2.5 + 1) = (5.5, 1.5) → ReLU
        found = activations(network, np.array([1, 0.5], np.float32))
        assert [layer.tolist() for layer in found] == [[2, 0.5, 1], [5.5, 1.5]]
        # (0, 2) → (4, 3, -2.5) → (4, 3, 0) → (4 + 15 - 1, -4 + 15) = (18, 11)
        found = activations(network, np.array([0, 2], np.float32))
        assert [layer.tolist() for layer in found] == [[4, 3, 0], [18, 11]]

    @pytest.mark.parametrize(
        ("model", "sizes"), [("softmax", []), ("hidden", [128]), ("deep", [256, 128])]
    )
    def test_of_the_models_are_those_of_their_hidden_layers(self, model, sizes, picture):
        network = Recognizer.load(model).network
        inside = activations(network, picture)
        assert [layer.shape for layer in inside] == [(size,) for size in sizes]
        # What the last of them puts out is all that the logits are made of.
        last = network.layers[-1]
        logits = (inside[-1] if inside else picture) @ last.W + last.b
        np.testing.assert_allclose(logits, network.forward(picture[None])[0], atol=1e-4)

    def test_are_those_of_use_without_dropout(self):
        network, tensor = deeper(), some_ink(20)
        once, twice = activations(network, tensor), activations(network, tensor)
        assert len(once) == 2
        for a, b in zip(once, twice, strict=True):
            np.testing.assert_array_equal(a, b)

    def test_of_one_tensor_outlive_those_of_the_next(self):
        network = deeper()
        first = activations(network, some_ink(20))
        before = [layer.copy() for layer in first]
        activations(network, some_ink(20, seed=1))
        for layer, expected in zip(first, before, strict=True):
            np.testing.assert_array_equal(layer, expected)
