"""The training loop, on cases small enough to know what must come out."""

import warnings

import numpy as np
import pandas as pd
import pytest

from nnlib import Adam, Dense, Dropout, GradientDescent, Network, ReLU, cross_entropy, fit
from nnlib.datasets.splits import Split
from nnlib.training.metrics import loss_and_accuracy
from nnlib.nn.schedules import CosineDecay
from nnlib.training.fit import TrainingDiverged

# Two images of two pixels: the first is a 0, the second a 1.
TWO = Split(np.eye(2, dtype=np.float32), np.array([0, 1]))


def random_split(n: int, seed: int = 0) -> Split:
    rng = np.random.default_rng(seed)
    return Split(rng.random((n, 6), np.float32), rng.integers(3, size=n))


def network(seed: int = 0, dropout: float = 0.2) -> Network:
    return Network(Dense(6, 8), ReLU(), Dropout(dropout), Dense(8, 3), seed=seed)


class Recorder(GradientDescent):
    """Gradient descent that remembers what it was called with, and may be interrupted."""

    def __init__(self, learning_rate, network=None, interrupt_at=None):
        super().__init__(learning_rate)
        self.network, self.interrupt_at = network, interrupt_at
        self.factors, self.batches = [], []

    def step(self, parameters, gradients, factor=1.0):
        if len(self.factors) == self.interrupt_at:
            raise KeyboardInterrupt
        self.factors.append(factor)
        if self.network is not None:
            self.batches.append(self.network.layers[0].X.copy())
        super().step(parameters, gradients, factor)


class TestLearning:
    def test_a_full_batch_is_one_gradient_step_worked_by_hand(self):
        network = Network(Dense(2, 2, init=0))
        history = fit(network, TWO, optimizer=GradientDescent(1.0), epochs=1, batch_size=None)
        # From zeros both digits have ½, the loss is ln 2, and P - Y = [[-½, ½], [½, -½]].
        # dW = Xᵀ (P - Y) / 2 = [[-¼, ¼], [¼, -¼]],  db = (0, 0),  W ← 0 - 1 · dW
        np.testing.assert_allclose(network.layers[0].W, [[0.25, -0.25], [-0.25, 0.25]])
        np.testing.assert_array_equal(network.layers[0].b, [0, 0])
        assert history["loss"].tolist() == pytest.approx([np.log(2)])

    def test_l2_pulls_the_weights_towards_zero_and_leaves_the_loss_column_alone(self):
        network = Network(Dense(2, 2, init=0))
        network.layers[0].W[...] = 4.0  # all the same: the probabilities are still ½ and ½
        options = {"optimizer": GradientDescent(1.0), "epochs": 1, "batch_size": None}
        history = fit(network, TWO, l2=0.1, **options)
        # W ← 4 - 1 · (dW + 0.1 · 4), with dW as above
        np.testing.assert_allclose(network.layers[0].W, [[3.85, 3.35], [3.35, 3.85]], rtol=1e-6)
        assert history["loss"].tolist() == pytest.approx([np.log(2)])

    def test_a_network_learns_real_digits(self, digits):
        train = Split(digits.train.images[:2000], digits.train.labels[:2000])
        dev = Split(digits.dev.images[:1000], digits.dev.labels[:1000])
        network = Network(Dense(784, 64), ReLU(), Dense(64, 10))
        assert loss_and_accuracy(network, dev.images, dev.labels)[1] < 0.2
        history = fit(network, train, dev, Adam(3e-3), epochs=3, batch_size=50, progress=False)
        assert loss_and_accuracy(network, dev.images, dev.labels)[1] > 0.85
        assert history["loss"].is_monotonic_decreasing

    def test_every_image_is_seen_once_an_epoch_in_an_order_of_its_own(self):
        train, model = random_split(10), network(dropout=0)
        recorder = Recorder(0.1, model)
        fit(model, train, optimizer=recorder, epochs=2, batch_size=4, progress=False)
        assert [len(batch) for batch in recorder.batches] == [4, 4, 2] * 2
        first, second = np.concatenate(recorder.batches[:3]), np.concatenate(recorder.batches[3:])
        for epoch in (first, second):
            np.testing.assert_array_equal(np.sort(epoch, axis=0), np.sort(train.images, axis=0))
            assert (epoch != train.images).any()
        assert (first != second).any()

    def test_the_schedule_decides_every_step(self):
        recorder = Recorder(0.5)
        history = fit(
            network(),
            random_split(10),
            optimizer=recorder,
            schedule=CosineDecay(),
            epochs=3,
            batch_size=5,
            progress=False,
        )
        # Two steps in each of three epochs: progress is 0, 1/6, 2/6, …
        expected = [(1 + np.cos(np.pi * step / 6)) / 2 for step in range(6)]
        np.testing.assert_allclose(recorder.factors, expected)
        np.testing.assert_allclose(history["learning_rate"], 0.5 * np.array(expected[1::2]))

    def test_dropout_is_drawn_in_training(self):
        results = [network(dropout=p) for p in (0.0, 0.5)]
        for model in results:
            fit(model, random_split(20), epochs=1, batch_size=None, progress=False)
        assert (results[0].parameters != results[1].parameters).any()


class TestRepeating:
    def run(self, seed=0, weights=0):
        model = network(seed=weights)
        train, dev = random_split(60), random_split(30, seed=1)
        history = fit(model, train, dev, epochs=3, batch_size=16, seed=seed, progress=False)
        return model.parameters.tobytes(), history.drop(columns="seconds")

    def test_the_same_seed_gives_the_same_parameters_and_history(self):
        (parameters, history), (again, history_again) = self.run(), self.run()
        assert parameters == again
        assert history.equals(history_again)

    def test_another_seed_of_batches_or_of_weights_gives_another_network(self):
        results = {self.run()[0], self.run(seed=1)[0], self.run(weights=1)[0]}
        assert len(results) == 3


def unlearning() -> tuple[Network, Split]:
    """A network that is right on dev, and a dev that contradicts train: each step harms it."""
    network = Network(Dense(2, 2, init=0))
    network.layers[0].W[...] = [[0, 1], [1, 0]]
    return network, Split(TWO.images, 1 - TWO.labels)


def descend(network: Network, dev: Split | None, epochs: int) -> pd.DataFrame:
    """Plain full-batch training on the two images."""
    options = {"epochs": epochs, "batch_size": None, "progress": False}
    return fit(network, TWO, dev, GradientDescent(0.5), **options)


class TestTheBestParametersOnDev:
    def test_are_kept_where_the_last_are_worse(self):
        network, dev = unlearning()
        history = descend(network, dev, epochs=20)
        assert history["dev_accuracy"].iloc[0] == 1
        assert history["dev_accuracy"].iloc[-1] == 0
        assert loss_and_accuracy(network, dev.images, dev.labels)[1] == 1
        # They are those after the first epoch, the first of the equally good ones.
        once = unlearning()[0]
        descend(once, dev, epochs=1)
        np.testing.assert_array_equal(network.parameters, once.parameters)

    def test_are_not_asked_for_without_dev(self):
        network, dev = unlearning()
        descend(network, None, epochs=20)
        assert loss_and_accuracy(network, dev.images, dev.labels)[1] == 0

    @pytest.mark.parametrize("epochs", [0, 1, 5, 15])
    def test_stay_when_training_is_interrupted(self, epochs):
        """At 0 the first epoch is interrupted, and the first parameters are the best yet."""
        network, dev = unlearning()
        with pytest.raises(KeyboardInterrupt):
            recorder = Recorder(0.5, interrupt_at=epochs)
            fit(network, TWO, dev, recorder, epochs=20, batch_size=None, progress=False)
        expected = unlearning()[0]
        if epochs:
            descend(expected, dev, epochs)
        np.testing.assert_array_equal(network.parameters, expected.parameters)

    def test_are_never_those_that_diverged(self):
        """Answers made of NaN may be right by chance, and are no reason to keep them."""
        network, dev = unlearning()
        train = Split(100 * TWO.images, TWO.labels)
        with pytest.raises(TrainingDiverged):
            fit(network, train, dev, GradientDescent(1e38), batch_size=None, progress=False)
        np.testing.assert_array_equal(network.parameters, unlearning()[0].parameters)


class TestHistory:
    def test_has_a_row_an_epoch_and_these_columns(self):
        history = fit(network(), random_split(20), random_split(10), epochs=3, progress=False)
        columns = ["epoch", "loss", "dev_loss", "dev_accuracy", "learning_rate", "seconds"]
        assert list(history.columns) == columns
        assert history["epoch"].tolist() == [1, 2, 3]
        assert (history["learning_rate"] == 1e-3).all()  # Adam's, for nothing else was asked
        assert (history["seconds"] > 0).all()

    def test_has_no_dev_columns_without_dev(self):
        history = fit(network(), random_split(20), epochs=1, progress=False)
        assert list(history.columns) == ["epoch", "loss", "learning_rate", "seconds"]

    def test_says_what_evaluate_says_of_dev(self):
        model, dev = network(), random_split(30, seed=1)
        history = fit(model, random_split(20), dev, epochs=1, progress=False)
        assert tuple(history.loc[0, ["dev_loss", "dev_accuracy"]]) == loss_and_accuracy(
            model, dev.images, dev.labels
        )

    def test_averages_the_loss_over_images_though_the_last_batch_is_smaller(self):
        model, train = network(dropout=0), random_split(10)
        expected = cross_entropy(model.forward(train.images), train.labels)[0]
        still = GradientDescent(1e-30)  # steps too small to change a float
        history = fit(model, train, optimizer=still, epochs=1, batch_size=4, progress=False)
        assert history["loss"].iloc[0] == pytest.approx(expected, rel=1e-6)


class TestAugmenting:
    """With an augmentation that turns each image about and remembers what it was shown."""

    def run(self, dev=None, **options):
        model, shown = network(dropout=0), []
        recorder = Recorder(0.1, model)

        def augment(images, rng):
            shown.append(images.copy())
            return images[:, ::-1] + rng.uniform(0, 1e-3, images.shape).astype(np.float32)

        options = {"epochs": 3, "batch_size": 4, "progress": False} | options
        train = random_split(10)
        history = fit(model, train, dev, recorder, augment=augment, **options)
        np.testing.assert_array_equal(train.images, random_split(10).images)
        return model, shown, recorder.batches, history

    @pytest.mark.parametrize(("batch_size", "sizes"), [(4, [4, 4, 2]), (None, [10])])
    def test_happens_to_every_batch_of_every_epoch(self, batch_size, sizes):
        _, shown, learnt, _ = self.run(batch_size=batch_size)
        assert [len(batch) for batch in shown] == sizes * 3
        for before, after in zip(shown, learnt, strict=True):
            np.testing.assert_allclose(after, before[:, ::-1], atol=1e-3)

    def test_is_another_in_every_epoch_and_the_same_with_the_same_seed(self):
        _, _, first, history = self.run(batch_size=None)
        _, _, again, history_again = self.run(batch_size=None)
        other = self.run(batch_size=None, seed=1)[2]
        np.testing.assert_array_equal(first, again)
        assert history.drop(columns="seconds").equals(history_again.drop(columns="seconds"))
        assert (first[0] != first[1]).any() and (first[0] != other[0]).any()

    def test_never_happens_to_dev(self):
        dev = random_split(30, seed=1)
        model, shown, _, history = self.run(dev, epochs=1)
        assert [len(batch) for batch in shown] == [4, 4, 2]
        assert not any(image in np.concatenate(shown) for image in dev.images)
        assert history["dev_accuracy"][0] == loss_and_accuracy(model, dev.images, dev.labels)[1]
        np.testing.assert_array_equal(dev.images, random_split(30, seed=1).images)

    def test_is_left_out_if_none_is_given(self):
        model, train = network(dropout=0), random_split(10)
        recorder = Recorder(0.1, model)
        fit(model, train, None, recorder, epochs=1, batch_size=None, progress=False)
        np.testing.assert_array_equal(recorder.batches[0], train.images)


def test_progress_goes_to_standard_error_or_nowhere(capsys):
    fit(network(), random_split(20), epochs=2, progress=False)
    assert capsys.readouterr() == ("", "")
    fit(network(), random_split(20), epochs=2, progress=True)
    out, err = capsys.readouterr()
    assert out == "" and "training" in err and "loss" in err


class TestDivergence:
    def test_is_told_with_its_step_and_a_remedy_and_without_warnings(self):
        train = Split(100 * TWO.images, TWO.labels)
        with warnings.catch_warnings(), pytest.raises(TrainingDiverged) as caught:
            warnings.simplefilter("error")
            fit(Network(Dense(2, 2)), train, None, GradientDescent(1e38), batch_size=None)
        assert "step 1 of epoch 2, with GradientDescent(1e+38)" in str(caught.value)
        assert "learning rate ten times smaller" in str(caught.value)

    def test_is_told_at_the_first_step_where_an_image_is_no_number(self):
        train = Split(np.array([[np.nan, 0], [0, 1]], np.float32), TWO.labels)
        with pytest.raises(TrainingDiverged, match=r"step 1 of epoch 1.*images are finite"):
            fit(Network(Dense(2, 2)), train, optimizer=Adam(), batch_size=None, progress=False)

    def test_is_told_where_only_the_last_step_led_to_it(self):
        """No training batch follows, but dev shows it."""
        train = Split(100 * TWO.images, TWO.labels)
        with pytest.raises(TrainingDiverged, match="epoch 1"):
            fit(Network(Dense(2, 2)), train, train, GradientDescent(1e38), epochs=1, progress=False)


GOOD = random_split(8)


@pytest.mark.parametrize("place", ["train", "dev"])
@pytest.mark.parametrize(
    ("split", "sentence"),
    [
        (Split(GOOD.images[:0], GOOD.labels[:0]), "empty"),
        (Split(GOOD.images, GOOD.labels[:7]), "8 images and 7 labels"),
        (Split(GOOD.images[:7], GOOD.labels), "7 images and 8 labels"),
        (Split(GOOD.images, GOOD.labels + 1), "1 to 3.* answers 0 to 2"),
        (Split(GOOD.images, GOOD.labels - 1), "-1 to 1.* answers 0 to 2"),
        (Split(GOOD.images, GOOD.labels.astype(float)), "whole numbers"),
        (Split(GOOD.images[:, :5], GOOD.labels), r"\(N, 6\)"),
    ],
    ids=["empty", "few labels", "few images", "high", "negative", "floats", "narrow"],
)
def test_splits_that_do_not_fit_are_refused_before_the_first_step(place, split, sentence):
    model, recorder = network(), Recorder(0.1)
    splits = {"train": GOOD, "dev": GOOD} | {place: split}
    with pytest.raises(ValueError, match=sentence):
        fit(model, **splits, optimizer=recorder, progress=False)
    assert recorder.factors == []


@pytest.mark.parametrize("argument", [{"epochs": 0}, {"epochs": -3}, {"batch_size": 0}])
def test_epochs_and_batch_size_must_be_1_or_more(argument):
    with pytest.raises(ValueError, match="epochs and batch_size must be 1 or more"):
        fit(network(), GOOD, progress=False, **argument)
