"""One update of each optimizer worked by hand, then ten steps against PyTorch."""

import numpy as np
import pytest

from nnlib import Adam, Dense, GradientDescent, Momentum, Network, ReLU, cross_entropy


def after(optimizer, parameters, *gradients, factor=1.0):
    """The parameters after one step for each of the gradients."""
    parameters = np.array(parameters, np.float64)
    for gradient in gradients:
        optimizer.step(parameters, np.array(gradient, np.float64), factor)
    return parameters


OPTIMIZERS = [GradientDescent, Momentum, Adam]


def test_gradient_descent_by_hand():
    # 1 - 0.1 · 2 = 0.8 and -3 - 0.1 · (-4) = -2.6
    np.testing.assert_allclose(after(GradientDescent(0.1), [1, -3], [2, -4]), [0.8, -2.6])


def test_momentum_by_hand():
    # Step 1:  v = 0.8 · 0 + 2 = 2      p = 1 - 0.1 · 2 = 0.8
    # Step 2:  v = 0.8 · 2 + 1 = 2.6    p = 0.8 - 0.1 · 2.6 = 0.54
    optimizer = Momentum(0.1, momentum=0.8)
    np.testing.assert_allclose(after(optimizer, [1], [2], [1]), [0.54])
    np.testing.assert_allclose(optimizer.v, [2.6])


def test_adam_by_hand():
    # Step 1, g = 2:  m = 0.1 · 2 = 0.2             m̂ = 0.2 / (1 - 0.9) = 2
    #                 v = 0.001 · 4 = 0.004         v̂ = 0.004 / (1 - 0.999) = 4
    #                 p = 1 - 0.1 · 2 / (√4 + 1) = 1 - 0.2 / 3, with the ε of 1 chosen here
    optimizer = Adam(0.1, epsilon=1.0)
    p = 1 - 0.2 / 3
    np.testing.assert_allclose(after(optimizer, [1], [2]), [p])
    # Step 2, g = -1: m = 0.9 · 0.2 + 0.1 · (-1) = 0.08        m̂ = 0.08 / (1 - 0.81)
    #                 v = 0.999 · 0.004 + 0.001 · 1 = 0.004996  v̂ = 0.004996 / (1 - 0.998001)
    p -= 0.1 * (0.08 / 0.19) / ((0.004996 / 0.001999) ** 0.5 + 1)
    np.testing.assert_allclose(after(Adam(0.1, epsilon=1.0), [1], [2], [-1]), [p])


def test_adams_first_step_does_not_depend_on_gradient_size():
    np.testing.assert_allclose(
        after(Adam(0.1), [1, 1, 1], [1e-3, -1.0, 1e3]), [0.9, 1.1, 0.9], rtol=1e-5
    )


def test_momentum_of_a_steady_gradient_is_ten_times_its_size():
    optimizer = Momentum(0.1, momentum=0.9)
    after(optimizer, [0], *[[1]] * 200)
    np.testing.assert_allclose(optimizer.v, [1 / (1 - 0.9)])


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_the_factor_scales_the_step_and_not_the_state(make):
    whole, half = make(0.1), make(0.1)
    step, half_step = after(whole, [0.0], [3.0]), after(half, [0.0], [3.0], factor=0.5)
    np.testing.assert_allclose(half_step, step / 2)
    np.testing.assert_allclose(after(whole, [0.0], [3.0]), after(half, [0.0], [3.0]))


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_a_step_changes_parameters_in_place_not_gradients(make):
    parameters, gradients = np.ones(3, np.float32), np.full(3, 2, np.float32)
    view = parameters[:1]
    make(0.1).step(parameters, gradients)
    assert view[0] < 1 and parameters.dtype == np.float32
    np.testing.assert_array_equal(gradients, [2, 2, 2])


def test_adam_keeps_no_denormal_numbers():
    """L2 alone would shrink these weights below 1e-38 in 2,000 steps: processors are slow there."""
    adam, weights = Adam(), np.linspace(-0.15, 0.15, 300).astype(np.float32)
    for _ in range(2000):
        adam.step(weights, np.float32(5e-4) * weights)
    assert np.abs(weights).max() < 1e-3
    for numbers in (weights, adam.m):
        assert not ((numbers != 0) & (np.abs(numbers) < np.finfo(np.float32).tiny)).any()


class TestSettingsAndState:
    """An optimizer is its settings; what it keeps between steps can be saved and restored."""

    @pytest.mark.parametrize("make", OPTIMIZERS)
    def test_state_names_are_all_that_a_step_changes(self, make):
        optimizer, new = make(0.1), make(0.1)
        after(optimizer, [1.0], [2.0], [3.0])
        for name in optimizer.state_names:
            assert getattr(optimizer, name) is not None
            setattr(optimizer, name, getattr(new, name))
        assert vars(optimizer) == {name: getattr(new, name) for name in vars(optimizer)}

    @pytest.mark.parametrize("make", OPTIMIZERS)
    def test_restored_state_continues_with_the_same_step(self, make):
        straight, first, second = make(0.1), make(0.1), make(0.1)
        expected = after(straight, [1.0], [2.0], [3.0])
        halfway = after(first, [1.0], [2.0])
        for name in first.state_names:
            setattr(second, name, getattr(first, name))
        np.testing.assert_array_equal(after(second, halfway, [3.0]), expected)

    @pytest.mark.parametrize("make", OPTIMIZERS)
    def test_fresh_keeps_the_settings_and_not_the_state(self, make):
        optimizer = make(0.2)
        expected = after(optimizer, [1.0], [2.0])
        fresh = optimizer.fresh()
        assert fresh == optimizer and fresh is not optimizer
        np.testing.assert_array_equal(after(fresh, [1.0], [2.0]), expected)

    def test_optimizers_are_equal_if_their_settings_are(self):
        used = Adam(0.1)
        after(used, [1.0], [2.0])
        assert used == Adam(0.1)
        others = [Adam(0.2), Adam(0.1, beta1=0.5), Momentum(0.1), GradientDescent(0.1)]
        assert all(used != other for other in others)

    @pytest.mark.parametrize(
        ("make", "text"),
        [
            (lambda: GradientDescent(0.5), "GradientDescent(learning_rate=0.5)"),
            (lambda: Momentum(0.1, momentum=0.8), "Momentum(learning_rate=0.1, momentum=0.8)"),
            (lambda: Momentum(0.2, momentum=0.9), "Momentum(learning_rate=0.2, momentum=0.9)"),
            (lambda: Adam(beta2=0.9), "Adam(learning_rate=0.001, beta2=0.9)"),
        ],
    )
    def test_the_repr_names_what_is_not_the_default(self, make, text):
        optimizer = make()
        after(optimizer, [1.0], [2.0])
        assert repr(optimizer) == text and eval(text) == optimizer


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("l2", [0.0, 0.01])
@pytest.mark.parametrize("name", ["GradientDescent", "Momentum", "Adam"])
def test_loss_gradients_and_ten_steps_agree_with_pytorch(torch, name, l2, dtype):
    rng = np.random.default_rng(0)
    X, labels = rng.random((50, 20), dtype), rng.integers(10, size=50)
    network = Network(Dense(20, 16), ReLU(), Dense(16, 10), seed=1, dtype=dtype)
    first, _, last = network.layers
    ours = [first.W, last.W, first.b, last.b]
    our_gradients = [first.dW, last.dW, first.db, last.db]
    theirs = [torch.tensor(array.copy(), requires_grad=True) for array in ours]
    W1, W2, b1, b2 = theirs
    # Weight decay is for weights only.
    groups = [{"params": [W1, W2], "weight_decay": l2}, {"params": [b1, b2], "weight_decay": 0}]
    if name == "GradientDescent":
        optimizer, their_optimizer = GradientDescent(0.5), torch.optim.SGD(groups, lr=0.5)
    elif name == "Momentum":
        optimizer = Momentum(0.1, momentum=0.9)
        their_optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9)
    else:
        optimizer, their_optimizer = Adam(0.01), torch.optim.Adam(groups, lr=0.01)

    for _ in range(10):
        loss, dlogits = cross_entropy(network.forward(X, training=True), labels)
        network.backward(dlogits, l2)
        optimizer.step(network.parameters, network.gradients)

        their_optimizer.zero_grad()
        their_logits = torch.relu(torch.tensor(X) @ W1 + b1) @ W2 + b2
        their_loss = torch.nn.functional.cross_entropy(their_logits, torch.tensor(labels))
        their_loss.backward()
        # PyTorch adds the decay inside its step, and not to the gradient that it shows.
        decay = [l2 * W1.detach(), l2 * W2.detach(), 0, 0]
        their_gradients = [(p.grad + d).numpy() for p, d in zip(theirs, decay, strict=True)]
        their_optimizer.step()

        assert loss == pytest.approx(their_loss.item(), abs=1e-5)
        for mine, other in zip(our_gradients, their_gradients, strict=True):
            np.testing.assert_allclose(mine, other, atol=1e-5)
        for mine, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(mine, other.detach().numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: GradientDescent(0), "learning_rate"),
        (lambda: GradientDescent(float("inf")), "learning_rate"),
        (lambda: Momentum(-0.1), "learning_rate"),
        (lambda: Momentum(0.1, momentum=1), "momentum"),
        (lambda: Adam(float("nan")), "learning_rate"),
        (lambda: Adam(beta1=1.0), "beta1"),
        (lambda: Adam(beta2=-0.5), "beta2"),
        (lambda: Adam(epsilon=0), "epsilon"),
    ],
)
def test_invalid_settings_are_refused_by_name(make, name):
    with pytest.raises(ValueError, match=name):
        make()
