"""What the hidden layers put out, and whether a network is linear."""

import numpy as np
import pytest

from nnlib.nn.layers import Dense, Dropout, ReLU
from nnlib.nn.network import Network
from nnlib.recognition.recognizer import Recognizer


def small() -> Network:
    return Network(Dense(20, 16), ReLU(), Dropout(0.5), Dense(16, 12), ReLU(), Dense(12, 7))


def batch(n: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, 20), np.float32)


class TestActivations:
    def test_activations_by_hand(self):
        network = Network(Dense(2, 3), ReLU(), Dense(3, 2), ReLU(), Dense(2, 2))
        first, _, second, _, last = network.layers
        first.W[...], first.b[...] = [[1, -1, 2], [2, 1, -1]], [0, 1, -0.5]
        second.W[...], second.b[...] = [[1, -1], [5, 5], [2, 1]], [-1, 0]
        last.W[...] = [[1, 2], [3, 4]]
        # (1, 0.5) → (2, -1 + 0.5 + 1, 2 - 0.5 - 0.5) = (2, 0.5, 1) → ReLU
        #          → (2 + 2.5 + 2 - 1, -2 + 2.5 + 1) = (5.5, 1.5) → ReLU
        # (0, 2) → (4, 3, -2.5) → (4, 3, 0) → (4 + 15 - 1, -4 + 15) = (18, 11)
        found = network.activations(np.array([[1, 0.5], [0, 2]], np.float32))
        assert [layer.tolist() for layer in found] == [
            [[2, 0.5, 1], [4, 3, 0]],
            [[5.5, 1.5], [18, 11]],
        ]

    @pytest.mark.parametrize(
        ("model", "widths"), [("softmax", []), ("hidden", [128]), ("deep", [256, 128])]
    )
    def test_models_have_one_array_a_hidden_layer(self, digits, model, widths):
        network, images = Recognizer.load(model).network, digits.dev.images[:3]
        found = network.activations(images)
        assert [layer.shape for layer in found] == [(3, width) for width in widths]
        # The logits are made of the outputs of the last hidden layer.
        last = network.layers[-1]
        logits = (found[-1] if found else images) @ last.W + last.b
        np.testing.assert_allclose(logits, network.forward(images), atol=1e-4)

    @pytest.mark.parametrize("model", ["softmax", "hidden", "deep"])
    def test_activations_equal_those_of_pytorch(self, digits, model, torch):
        network, images = Recognizer.load(model).network, digits.dev.images[:3]
        Y, expected = torch.tensor(images).double(), []
        for layer in network.layers:
            if isinstance(layer, Dense):
                Y = Y @ torch.tensor(layer.W).double() + torch.tensor(layer.b).double()
            else:
                Y = torch.relu(Y)
                expected.append(Y.numpy())
        found = network.activations(images)
        assert len(found) == len(expected)
        for layer, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(layer, other, atol=1e-4)

    def test_dropout_drops_nothing(self):
        """The unit that dropout would set to zero is there, and two calls agree."""
        network, X = small(), batch()
        without = Network(*(Dense(n, m) for n, m in ((20, 16), (16, 12), (12, 7))))
        without.parameters[...] = network.parameters
        hidden = np.maximum(X @ without.layers[0].W + without.layers[0].b, 0)
        for found in (network.activations(X), network.activations(X)):
            np.testing.assert_array_equal(found[0], hidden)

    def test_each_row_is_that_of_its_input_alone(self):
        network, X = small(), batch()
        for layer, alone in zip(
            network.activations(X),
            zip(*(network.activations(row[None]) for row in X), strict=True),
            strict=True,
        ):
            np.testing.assert_allclose(layer, np.concatenate(alone), rtol=1e-5, atol=1e-6)

    def test_result_is_not_overwritten_by_the_next_call(self):
        network = small()
        first = network.activations(batch())
        before = [layer.copy() for layer in first]
        network.activations(batch(seed=1))
        for layer, expected in zip(first, before, strict=True):
            np.testing.assert_array_equal(layer, expected)


class TestIsLinear:
    @pytest.mark.parametrize(("model", "linear"), [("softmax", True), ("hidden", False)])
    def test_only_the_model_with_one_layer_is_linear(self, model, linear):
        assert Recognizer.load(model).network.is_linear is linear

    @pytest.mark.parametrize(
        ("layers", "linear"),
        [
            ([Dense(5, 4)], True),
            ([Dense(5, 4), Dense(4, 3)], True),
            ([Dense(5, 4), Dropout(0.5), Dense(4, 3)], True),
            ([Dense(5, 4), ReLU(), Dense(4, 3)], False),
            ([Dense(5, 4), ReLU()], False),
        ],
        ids=["one layer", "two layers", "Dropout", "ReLU", "ReLU at the end"],
    )
    def test_relu_makes_a_network_nonlinear(self, layers, linear):
        network = Network(*layers)
        assert network.is_linear is linear
        # A linear network maps the middle of two inputs to the middle of their logits.
        X = np.random.default_rng(0).normal(size=(2, 5)).astype(np.float32)
        ends, middle = network.forward(X), network.forward(X.mean(axis=0, keepdims=True))
        assert np.allclose(ends.mean(axis=0), middle[0], atol=1e-5) == linear
