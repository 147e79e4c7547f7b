"""The training loop, on cases small enough to know what must come out."""

import warnings

import numpy as np
import pandas as pd
import pytest
from helpers import Interrupt, random_split

from nnlib import Adam, Dense, Dropout, GradientDescent, Network, ReLU, cross_entropy, fit
from nnlib.datasets.splits import Split
from nnlib.nn.layers import Layer
from nnlib.nn.schedules import CosineDecay
from nnlib.training.fit import TrainingDiverged
from nnlib.training.metrics import loss_and_accuracy

# Two images of two pixels: the first is a 0, the second a 1.
TWO = Split(np.eye(2, dtype=np.float32), np.array([0, 1]))


def network(seed: int = 0, dropout: float = 0.2) -> Network:
    return Network(Dense(6, 8), ReLU(), Dropout(dropout), Dense(8, 3), seed=seed)


class Spy(Layer):
    """Passes everything on, and keeps the batches that it saw in training."""

    def __init__(self):
        self.batches: list[np.ndarray] = []

    def forward(self, X, training=False, rng=None):
        if training:
            self.batches.append(X.copy())
        return X

    def input_gradient(self, dY):
        return dY


def batches_of(train: Split, **options) -> list[np.ndarray]:
    """The images that a network sees when it is trained."""
    spy = Spy()
    model = Network(spy, Dense(6, 8), ReLU(), Dense(8, 3))
    fit(model, train, optimizer=GradientDescent(0.1), progress=False, **options)
    return spy.batches


class FactorRecorder(GradientDescent):
    """Gradient descent that keeps the factor of every step."""

    def __init__(self, learning_rate):
        super().__init__(learning_rate)
        self.factors = []

    def step(self, parameters, gradients, factor=1.0):
        self.factors.append(factor)
        super().step(parameters, gradients, factor)


class TestLearning:
    def test_a_full_batch_step_by_hand(self):
        network = Network(Dense(2, 2, init=0))
        history = fit(network, TWO, optimizer=GradientDescent(1.0), epochs=1, batch_size=None)
        # From zeros both digits have ½, the loss is ln 2, and P - Y = [[-½, ½], [½, -½]].
        # dW = Xᵀ (P - Y) / 2 = [[-¼, ¼], [¼, -¼]],  db = (0, 0),  W ← 0 - 1 · dW
        np.testing.assert_allclose(network.layers[0].W, [[0.25, -0.25], [-0.25, 0.25]])
        np.testing.assert_array_equal(network.layers[0].b, [0, 0])
        assert history["loss"].tolist() == pytest.approx([np.log(2)])

    def test_an_l2_step_by_hand(self):
        network = Network(Dense(2, 2, init=0))
        network.layers[0].W[...] = 4.0  # all the same: the probabilities are still ½ and ½
        options = {"optimizer": GradientDescent(1.0), "epochs": 1, "batch_size": None}
        history = fit(network, TWO, l2=0.1, **options)
        # W ← 4 - 1 · (dW + 0.1 · 4), with dW as above
        np.testing.assert_allclose(network.layers[0].W, [[3.85, 3.35], [3.35, 3.85]], rtol=1e-6)
        assert history["loss"].tolist() == pytest.approx([np.log(2)])  # without the penalty

    def test_a_network_learns_real_digits(self, digits):
        train = Split(digits.train.images[:2000], digits.train.labels[:2000])
        dev = Split(digits.dev.images[:1000], digits.dev.labels[:1000])
        network = Network(Dense(784, 64), ReLU(), Dense(64, 10))
        assert loss_and_accuracy(network, dev.images, dev.labels)[1] < 0.2
        history = fit(network, train, dev, Adam(3e-3), epochs=3, batch_size=50, progress=False)
        assert loss_and_accuracy(network, dev.images, dev.labels)[1] > 0.85
        assert history["loss"].is_monotonic_decreasing

    def test_every_epoch_shows_all_images_in_a_new_order(self):
        train = random_split(10)
        batches = batches_of(train, epochs=2, batch_size=4)
        assert [len(batch) for batch in batches] == [4, 4, 2] * 2
        first, second = np.concatenate(batches[:3]), np.concatenate(batches[3:])
        for epoch in (first, second):
            np.testing.assert_array_equal(np.sort(epoch, axis=0), np.sort(train.images, axis=0))
            assert (epoch != train.images).any()
        assert (first != second).any()

    def test_the_schedule_decides_every_step(self):
        recorder = FactorRecorder(0.5)
        options = {"epochs": 3, "batch_size": 5, "progress": False}
        history = fit(network(), random_split(10), None, recorder, CosineDecay(), **options)
        # Two steps in each of three epochs: progress is 0, 1/6, 2/6, …
        expected = [(1 + np.cos(np.pi * step / 6)) / 2 for step in range(6)]
        np.testing.assert_allclose(recorder.factors, expected)
        np.testing.assert_allclose(history["learning_rate"], 0.5 * np.array(expected[1::2]))

    def test_dropout_is_drawn_in_training(self):
        results = [network(dropout=p) for p in (0.0, 0.5)]
        for model in results:
            fit(model, random_split(20), epochs=1, batch_size=None, progress=False)
        assert (results[0].parameters != results[1].parameters).any()


class TestSeed:
    def run(self, seed=0, weights=0):
        model = network(seed=weights)
        train, dev = random_split(60), random_split(30, seed=1)
        history = fit(model, train, dev, epochs=3, batch_size=16, seed=seed, progress=False)
        return model.parameters.tobytes(), history.drop(columns="seconds")

    def test_the_same_seed_gives_the_same_result(self):
        (parameters, history), (again, history_again) = self.run(), self.run()
        assert parameters == again
        assert history.equals(history_again)

    def test_another_seed_gives_another_network(self):
        results = {self.run()[0], self.run(seed=1)[0], self.run(weights=1)[0]}
        assert len(results) == 3


def unlearning() -> tuple[Network, Split]:
    """A network that is right on dev, and a dev that contradicts train: each step harms it."""
    network = Network(Dense(2, 2, init=0))
    network.layers[0].W[...] = [[0, 1], [1, 0]]
    return network, Split(TWO.images, 1 - TWO.labels)


def descend(network: Network, dev: Split | None, epochs: int, **options) -> pd.DataFrame:
    """Full-batch gradient descent on the two images."""
    options |= {"epochs": epochs, "batch_size": None, "progress": False}
    return fit(network, TWO, dev, GradientDescent(0.5), **options)


class TestBestParametersOnDev:
    def test_they_are_kept_if_the_last_are_worse(self):
        network, dev = unlearning()
        history = descend(network, dev, epochs=20)
        assert history["dev_accuracy"].iloc[0] == 1
        assert history["dev_accuracy"].iloc[-1] == 0
        assert loss_and_accuracy(network, dev.images, dev.labels)[1] == 1
        # They are those after the first epoch, the first of the equally good ones.
        once = unlearning()[0]
        descend(once, dev, epochs=1)
        np.testing.assert_array_equal(network.parameters, once.parameters)

    def test_without_dev_the_last_are_kept(self):
        network, dev = unlearning()
        descend(network, None, epochs=20)
        assert loss_and_accuracy(network, dev.images, dev.labels)[1] == 0

    @pytest.mark.parametrize("epochs", [0, 1, 5, 15])
    def test_they_are_kept_if_training_is_interrupted(self, epochs):
        """In the first epoch, the parameters from before are the best so far."""
        network, dev = unlearning()
        with pytest.raises(KeyboardInterrupt):
            descend(network, dev, epochs=20, callbacks=[Interrupt(epochs)])
        expected = unlearning()[0]
        if epochs:
            descend(expected, dev, epochs)
        np.testing.assert_array_equal(network.parameters, expected.parameters)

    def test_they_are_kept_if_training_diverges(self):
        """The predictions of NaN may be right by chance, and are not kept for that."""
        network, dev = unlearning()
        train = Split(100 * TWO.images, TWO.labels)
        with pytest.raises(TrainingDiverged):
            fit(network, train, dev, GradientDescent(1e38), batch_size=None, progress=False)
        np.testing.assert_array_equal(network.parameters, unlearning()[0].parameters)


class TestHistory:
    def test_it_has_one_row_per_epoch_and_these_columns(self):
        history = fit(network(), random_split(20), random_split(10), epochs=3, progress=False)
        columns = ["epoch", "loss", "dev_loss", "dev_accuracy", "learning_rate", "seconds"]
        assert list(history.columns) == columns
        assert history["epoch"].tolist() == [1, 2, 3]
        assert (history["learning_rate"] == 1e-3).all()  # Adam's default
        assert (history["seconds"] > 0).all()

    def test_without_dev_it_has_no_dev_columns(self):
        history = fit(network(), random_split(20), epochs=1, progress=False)
        assert list(history.columns) == ["epoch", "loss", "learning_rate", "seconds"]

    def test_its_dev_columns_agree_with_the_metrics(self):
        model, dev = network(), random_split(30, seed=1)
        history = fit(model, random_split(20), dev, epochs=1, progress=False)
        assert tuple(history.loc[0, ["dev_loss", "dev_accuracy"]]) == loss_and_accuracy(
            model, dev.images, dev.labels
        )

    def test_its_loss_weighs_a_smaller_last_batch_less(self):
        model, train = network(dropout=0), random_split(10)
        expected = cross_entropy(model.forward(train.images), train.labels)[0]
        still = GradientDescent(1e-30)  # steps too small to change a float
        history = fit(model, train, optimizer=still, epochs=1, batch_size=4, progress=False)
        assert history["loss"].iloc[0] == pytest.approx(expected, rel=1e-6)


class TestAugmentedTrain:
    """With an augmentation that flips each image and keeps what it was given."""

    def run(self, **options):
        """The batches that the augmentation got, and those that the network saw."""
        given = []

        def augment(images, rng):
            given.append(images.copy())
            return images[:, ::-1] + rng.uniform(0, 1e-3, images.shape).astype(np.float32)

        train = random_split(10)
        options = {"epochs": 3, "batch_size": 4} | options
        seen = batches_of(train.augmented(augment), **options)
        np.testing.assert_array_equal(train.images, random_split(10).images)
        return given, seen

    @pytest.mark.parametrize(("batch_size", "sizes"), [(4, [4, 4, 2]), (None, [10])])
    def test_every_batch_of_every_epoch_is_changed(self, batch_size, sizes):
        given, seen = self.run(batch_size=batch_size)
        assert [len(batch) for batch in given] == sizes * 3
        for before, after in zip(given, seen, strict=True):
            np.testing.assert_allclose(after, before[:, ::-1], atol=1e-3)

    def test_every_epoch_and_seed_changes_it_differently(self):
        _, first = self.run(batch_size=None)
        _, again = self.run(batch_size=None)
        _, other = self.run(batch_size=None, seed=1)
        np.testing.assert_array_equal(first, again)
        assert (first[0] != first[1]).any() and (first[0] != other[0]).any()

    def test_dev_is_not_changed(self):
        dev = random_split(30, seed=1)
        given, _ = self.run(dev=dev, epochs=1)
        assert [len(batch) for batch in given] == [4, 4, 2]
        assert not any(image in np.concatenate(given) for image in dev.images)

    def test_a_plain_split_is_not_changed(self):
        train = random_split(10)
        (batch,) = batches_of(train, epochs=1, batch_size=None)
        np.testing.assert_array_equal(batch, train.images)


class TestDivergence:
    def test_the_error_names_the_step_and_a_remedy(self):
        train = Split(100 * TWO.images, TWO.labels)
        with warnings.catch_warnings(), pytest.raises(TrainingDiverged) as caught:
            warnings.simplefilter("error")
            fit(Network(Dense(2, 2)), train, None, GradientDescent(1e38), batch_size=None)
        assert "step 1 of epoch 2, with GradientDescent(learning_rate=1e+38)" in str(caught.value)
        assert "learning rate ten times smaller" in str(caught.value)

    def test_an_image_with_nan_is_found_at_the_first_step(self):
        train = Split(np.array([[np.nan, 0], [0, 1]], np.float32), TWO.labels)
        with pytest.raises(TrainingDiverged, match=r"step 1 of epoch 1.*images are finite"):
            fit(Network(Dense(2, 2)), train, optimizer=Adam(), batch_size=None, progress=False)

    def test_a_diverging_last_step_is_found_on_dev(self):
        train = Split(100 * TWO.images, TWO.labels)
        with pytest.raises(TrainingDiverged, match="on dev after epoch 1"):
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
def test_unfit_splits_are_refused_before_the_first_step(place, split, sentence):
    recorder = FactorRecorder(0.1)
    splits = {"train": GOOD, "dev": GOOD} | {place: split}
    with pytest.raises(ValueError, match=sentence):
        fit(network(), **splits, optimizer=recorder, progress=False)
    assert recorder.factors == []


@pytest.mark.parametrize("argument", [{"epochs": 0}, {"epochs": -3}, {"batch_size": 0}])
def test_epochs_and_batch_size_must_be_1_or_more(argument):
    with pytest.raises(ValueError, match="epochs and batch_size must be 1 or more"):
        fit(network(), GOOD, progress=False, **argument)
