"""Attribution of ink to a digit: against erasing pixels, finite differences and PyTorch."""

import numpy as np
import pytest

from nnlib.explain.attribution import attribution
from nnlib.nn.layers import Dense, Dropout, ReLU
from nnlib.nn.network import Network
from nnlib.recognition.recognizer import Recognizer


def centered_logits(network: Network, image: np.ndarray) -> np.ndarray:
    """The logits of one image, minus their mean."""
    logits = network.forward(image.reshape(1, -1))[0]
    return logits - logits.mean()


def with_biases(*layers, seed: int = 0) -> Network:
    """A network in float64 whose biases are as large as its weights."""
    network = Network(*layers, seed=seed, dtype=np.float64)
    biases = network.parameters[len(network.weights) :]
    biases[...] = np.random.default_rng(seed).normal(size=len(biases))
    return network


def one_layer() -> Network:
    return with_biases(Dense(20, 7))


def hidden_layers(seed: int = 0) -> Network:
    return with_biases(
        Dense(20, 16), ReLU(), Dropout(0.5), Dense(16, 12), ReLU(), Dense(12, 7), seed=seed
    )


def some_ink(height: int = 4, width: int = 5, seed: int = 0) -> np.ndarray:
    """An image; about a third of its pixels are paper."""
    rng = np.random.default_rng(100 + seed)
    return rng.random((height, width)) * (rng.random((height, width)) > 1 / 3)


@pytest.fixture
def image(digits) -> np.ndarray:
    """(28, 28): the first of the dev images."""
    return digits.dev.images[0].reshape(28, 28)


class TestOneLayer:
    NETWORK = with_biases(Dense(784, 10))
    IMAGE = some_ink(28, 28)

    @pytest.mark.parametrize("digit", range(10))
    def test_attributions_and_bias_add_up_to_the_logit(self, digit):
        biases = self.NETWORK.layers[0].b
        total = attribution(self.NETWORK, self.IMAGE, digit).sum()
        expected = centered_logits(self.NETWORK, self.IMAGE)[digit]
        assert total + (biases - biases.mean())[digit] == pytest.approx(expected, rel=1e-12)

    @pytest.mark.parametrize("digit", [0, 4, 9])
    def test_attribution_is_what_erasing_the_pixel_costs(self, digit):
        found = attribution(self.NETWORK, self.IMAGE, digit)
        before = centered_logits(self.NETWORK, self.IMAGE)[digit]
        for pixel in range(0, 784, 10):
            erased = self.IMAGE.copy()
            erased.flat[pixel] = 0
            lost = before - centered_logits(self.NETWORK, erased)[digit]
            assert found.flat[pixel] == pytest.approx(lost, abs=1e-11)

    def test_attribution_by_hand(self):
        network = Network(Dense(2, 2), dtype=np.float64)
        network.layers[0].W[...] = [[3, 1], [-2, 4]]
        # The means of the rows are 2 and 1: the first digit is 1 above and 3 below them.
        assert attribution(network, np.array([[0.5, 1]]), 0).tolist() == [[0.5, -3]]
        assert attribution(network, np.array([[0.5, 1]]), 1).tolist() == [[-0.5, 3]]


class TestHiddenLayers:
    @pytest.mark.parametrize("seed", range(4))
    def test_attribution_is_ink_times_finite_difference(self, seed):
        network, image, step = hidden_layers(seed), some_ink(seed=seed), 1e-6
        for digit in range(7):
            slopes = []
            for pixel in np.eye(20).reshape(20, 4, 5):
                up, down = (centered_logits(network, image + s * pixel) for s in (step, -step))
                slopes.append((up - down)[digit] / (2 * step))
            expected = image * np.reshape(slopes, (4, 5))
            np.testing.assert_allclose(attribution(network, image, digit), expected, atol=1e-8)

    def test_attributions_add_up_to_the_logit_without_biases(self):
        """Such a network is linear along the line from blank paper to the drawing."""
        network, image = hidden_layers(), some_ink()
        network.parameters[len(network.weights) :] = 0
        for digit, logit in enumerate(centered_logits(network, image)):
            assert attribution(network, image, digit).sum() == pytest.approx(logit, abs=1e-12)

    def test_biases_add_the_rest_of_the_logit(self):
        """A bias contributes as a pixel does: its value times the derivative of the logit."""
        network, image, digit, step = hidden_layers(), some_ink(), 3, 1e-6
        biases, added = network.parameters[len(network.weights) :], 0.0
        for i, value in enumerate(biases.copy()):
            biases[i] = value + step
            up = centered_logits(network, image)[digit]
            biases[i] = value - step
            down = centered_logits(network, image)[digit]
            biases[i] = value
            added += value * (up - down) / (2 * step)
        logit = centered_logits(network, image)[digit]
        total = attribution(network, image, digit).sum()
        assert abs(added) > 0.1
        assert total + added == pytest.approx(logit, abs=1e-7)


@pytest.mark.parametrize("make", [one_layer, hidden_layers])
class TestAnyNetwork:
    def test_raising_all_logits_alike_changes_nothing(self, make):
        network, image = make(), some_ink()
        before = [attribution(network, image, digit) for digit in range(7)]
        last = network.layers[-1]
        last.W += np.random.default_rng(1).normal(size=(last.n_in, 1)) * 10
        last.b += 100
        for digit in range(7):
            after = attribution(network, image, digit)
            np.testing.assert_allclose(after, before[digit], atol=1e-10)

    def test_attributions_to_all_digits_cancel(self, make):
        network, image = make(), some_ink()
        total = sum(attribution(network, image, digit) for digit in range(7))
        np.testing.assert_allclose(total, 0, atol=1e-12)

    def test_paper_has_no_attribution_and_ink_has_some(self, make):
        network, image = make(), some_ink()
        found = attribution(network, image, 2)
        assert (found[image == 0] == 0).all() and (found[image > 0] != 0).all()
        assert 0 < (image == 0).sum() < 20

    def test_image_may_be_read_only(self, make):
        network, image = make(), some_ink()
        image.setflags(write=False)
        assert attribution(network, image, 2).shape == (4, 5)


@pytest.mark.parametrize("model", ["softmax", "hidden", "deep"])
class TestModels:
    def test_result_is_28_by_28_float32_and_0_on_paper(self, model, image):
        found = attribution(Recognizer.load(model).network, image, 3)
        assert found.shape == (28, 28) and found.dtype == np.float32
        assert (found[image == 0] == 0).all()
        assert (found[image > 0] != 0).mean() > 0.9

    def test_attribution_equals_that_of_pytorch(self, model, image, torch):
        network = Recognizer.load(model).network
        X = torch.tensor(image.ravel(), dtype=torch.float64, requires_grad=True)
        Y = X
        for layer in network.layers:
            if isinstance(layer, Dense):
                Y = Y @ torch.tensor(layer.W).double() + torch.tensor(layer.b).double()
            else:
                Y = torch.relu(Y)
        for digit in (3, 8):
            (gradient,) = torch.autograd.grad(Y[digit] - Y.mean(), X, retain_graph=True)
            expected = (gradient * X).detach().numpy().reshape(28, 28)
            np.testing.assert_allclose(attribution(network, image, digit), expected, atol=1e-5)
