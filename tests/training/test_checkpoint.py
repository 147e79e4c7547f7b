"""Training that is stopped and goes on ends where training that never stopped ends."""

from unittest import mock

import numpy as np
import pytest

from nnlib import Adam, Dense, Dropout, GradientDescent, Momentum, Network, ReLU, fit, training
from nnlib.datasets.augmentation import Augmentation
from nnlib.training.checkpoint import CheckpointError
from nnlib.datasets.splits import Split
from nnlib.nn.schedules import CosineDecay, ExponentialDecay


def random_split(n: int, seed: int = 0) -> Split:
    rng = np.random.default_rng(seed)
    return Split(rng.random((n, 6), np.float32), rng.integers(3, size=n))


TRAIN, DEV = random_split(60), random_split(30, seed=1)
OPTIMIZERS = [lambda: GradientDescent(0.1), lambda: Momentum(0.05), lambda: Adam(0.01)]


def network(seed: int = 0, width: int = 8) -> Network:
    return Network(Dense(6, width), ReLU(), Dropout(0.2), Dense(width, 3), seed=seed)


def train(path, model=None, **changed):
    """A short training with dropout; its network and history."""
    model = network() if model is None else model
    arguments = {"train": TRAIN, "dev": DEV, "optimizer": Adam(0.01), "schedule": CosineDecay()}
    arguments |= {"epochs": 5, "batch_size": 16, "l2": 1e-3, "progress": False}
    return model, fit(model, **arguments | changed, checkpoint=path)


def interrupted_after(epochs: int, path, model=None, **arguments) -> Network:
    """The network of a training that somebody stopped in the epoch after."""
    real, calls = training.cross_entropy, 0

    def cross_entropy(logits, labels):
        nonlocal calls
        calls += 1
        if calls == 4 * epochs + 3:  # four batches an epoch: this is the third of the next
            raise KeyboardInterrupt
        return real(logits, labels)

    model = network() if model is None else model
    with (
        mock.patch.object(training, "cross_entropy", cross_entropy),
        pytest.raises(KeyboardInterrupt),
    ):
        train(path, model, **arguments)
    return model


def same(history, other) -> bool:
    return history.drop(columns="seconds").equals(other.drop(columns="seconds"))


class TestGoingOn:
    @pytest.mark.parametrize("make", OPTIMIZERS, ids=["descent", "momentum", "adam"])
    @pytest.mark.parametrize("epochs", [0, 1, 4])
    def test_ends_bit_for_bit_where_training_without_a_stop_ends(self, make, epochs, tmp_path):
        straight, history = train(None, optimizer=make())
        path = tmp_path / "run.npz"
        interrupted_after(epochs, path, optimizer=make())
        assert path.exists() == (epochs > 0)
        resumed, history_resumed = train(path, optimizer=make())
        assert resumed.parameters.tobytes() == straight.parameters.tobytes()
        assert same(history_resumed, history)

    def test_needs_no_dev(self, tmp_path):
        straight, history = train(None, dev=None)
        interrupted_after(3, tmp_path / "run.npz", dev=None)
        resumed, history_resumed = train(tmp_path / "run.npz", dev=None)
        assert resumed.parameters.tobytes() == straight.parameters.tobytes()
        assert same(history_resumed, history)

    def test_may_be_interrupted_again_and_again(self, tmp_path):
        path = tmp_path / "run.npz"
        for _ in range(3):
            interrupted_after(1, path)
        assert same(train(path)[1], train(None)[1])

    def test_works_with_the_same_network_and_optimizer_object(self, tmp_path):
        """As in a notebook, where the cell that was interrupted is simply run again."""
        path, adam = tmp_path / "run.npz", Adam(0.01)
        model = interrupted_after(2, path, optimizer=adam)
        train(path, model, optimizer=adam)
        assert model.parameters.tobytes() == train(None)[0].parameters.tobytes()

    def test_starts_from_the_file_whatever_the_networks_parameters(self, tmp_path):
        path = tmp_path / "run.npz"
        interrupted_after(2, path)
        resumed, _ = train(path, network(seed=7))
        assert resumed.parameters.tobytes() == train(None)[0].parameters.tobytes()

    def test_of_a_finished_training_gives_its_history_at_once(self, tmp_path):
        path = tmp_path / "run.npz"
        model, history = train(path)
        before = path.read_bytes()
        with mock.patch.object(training, "cross_entropy", side_effect=AssertionError):
            again, history_again = train(path)
        assert history_again.equals(history)  # the seconds too: nothing was run
        assert again.parameters.tobytes() == model.parameters.tobytes()
        assert path.read_bytes() == before

    def test_keeps_the_best_parameters_of_the_epochs_before_the_stop(self, tmp_path):
        """Dev contradicts train: the first epoch is the best, and stays it."""
        eye = np.eye(2, dtype=np.float32)
        options = {"dev": Split(eye, np.array([1, 0])), "batch_size": None, "progress": False}
        path, results = tmp_path / "run.npz", []
        for stops in ([20], [6, 20]):
            model = Network(Dense(2, 2, init=0))
            model.layers[0].W[...] = [[0, 1], [1, 0]]
            for epochs in stops:
                options |= {"optimizer": GradientDescent(0.5), "epochs": epochs}
                history = fit(model, Split(eye, np.array([0, 1])), **options, checkpoint=path)
            assert history["dev_accuracy"].iloc[0] == 1 and history["dev_accuracy"].iloc[-1] == 0
            results.append(model.parameters.copy())
            path.unlink()
        np.testing.assert_array_equal(*results)

    def test_may_add_epochs_where_no_schedule_is_stretched_over_them(self, tmp_path):
        path = tmp_path / "run.npz"
        train(path, schedule=None, epochs=2)
        longer, history = train(path, schedule=None, epochs=5)
        straight, expected = train(None, schedule=None, epochs=5)
        assert longer.parameters.tobytes() == straight.parameters.tobytes()
        assert same(history, expected)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"model": network(width=9)}, r"network was .*Dense\(6, 8\).* is now .*Dense\(6, 9\)"),
        ({"optimizer": Adam(0.02)}, r"optimizer was Adam\(0.01\) and is now Adam\(0.02\)"),
        ({"optimizer": Adam(0.01, beta2=0.99)}, r"is now Adam\(0.01, beta2=0.99\)"),
        ({"optimizer": Momentum(0.01)}, r"is now Momentum\(0.01, momentum=0.9\)"),
        ({"train": random_split(61)}, "training images was 60 .* is now 61 "),
        ({"train": random_split(60, seed=2)}, "training images was .* checksum"),
        ({"train": Split(TRAIN.images, (TRAIN.labels + 1) % 3)}, "training images was"),
        ({"dev": random_split(30, seed=3)}, "dev images was"),
        ({"dev": None}, "dev images was .* is now None"),
        ({"l2": 0.0}, "l2 was 0.001 and is now 0.0"),
        ({"batch_size": 15}, "batch size was 16 and is now 15"),
        ({"seed": 1}, "seed was 0 and is now 1"),
        ({"schedule": None}, "schedule was"),
        ({"schedule": ExponentialDecay(0.1)}, "schedule was"),
        ({"epochs": 6}, "number of epochs was 5 and is now 6"),
        ({"epochs": 4}, "number of epochs was 5 and is now 4"),
        ({"augment": Augmentation()}, r"augmentation was None and is now Augmentation\(rotation="),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_run_with_other_arguments_is_refused_by_name(changed, named, tmp_path):
    path = tmp_path / "run.npz"
    train(path)
    before = path.read_bytes()
    changed = dict(changed)
    model = changed.pop("model", network(seed=5))
    parameters = model.parameters.copy()
    with pytest.raises(CheckpointError, match=rf"run.npz is .* another run: .*{named}.*delete"):
        train(path, model, **changed)
    np.testing.assert_array_equal(model.parameters, parameters)
    assert path.read_bytes() == before


class TestAugmented:
    """With images of 784 pixels, as an Augmentation wants them."""

    RNG = np.random.default_rng(0)
    TRAIN = Split(RNG.random((60, 784), np.float32), RNG.integers(3, size=60))
    DEV = Split(RNG.random((30, 784), np.float32), RNG.integers(3, size=30))

    def options(self, augment=None):
        model = Network(Dense(784, 8), ReLU(), Dropout(0.2), Dense(8, 3), seed=0)
        return {"model": model, "train": self.TRAIN, "dev": self.DEV, "augment": augment}

    @pytest.mark.parametrize("epochs", [1, 4])
    def test_training_ends_bit_for_bit_where_training_without_a_stop_ends(self, epochs, tmp_path):
        path = tmp_path / "run.npz"
        straight, history = train(None, **self.options(Augmentation()))
        interrupted_after(epochs, path, **self.options(Augmentation()))
        resumed, history_resumed = train(path, **self.options(Augmentation()))  # an equal one
        assert resumed.parameters.tobytes() == straight.parameters.tobytes()
        assert same(history_resumed, history)
        assert not same(history, train(None, **self.options())[1])

    def test_training_is_refused_with_another_augmentation_by_name(self, tmp_path):
        path = tmp_path / "run.npz"
        train(path, **self.options(Augmentation(rotation=5)))
        for other, named in (
            (Augmentation(rotation=6), r"Augmentation\(rotation=6"),
            (None, "None"),
        ):
            sentence = rf"augmentation was Augmentation\(rotation=5.* and is now {named}"
            with pytest.raises(CheckpointError, match=sentence):
                train(path, **self.options(other))


def test_two_schedules_are_told_apart_by_their_values(tmp_path):
    train(tmp_path / "run.npz", schedule=ExponentialDecay(0.1))
    train(tmp_path / "run.npz", schedule=ExponentialDecay(0.1))  # another function, the same
    with pytest.raises(CheckpointError, match="schedule was"):
        train(tmp_path / "run.npz", schedule=ExponentialDecay(0.2))


def test_fewer_epochs_than_it_has_behind_it_are_refused(tmp_path):
    train(tmp_path / "run.npz", schedule=None, epochs=3)
    with pytest.raises(CheckpointError, match="3 epochs behind it and is now to have 2"):
        train(tmp_path / "run.npz", schedule=None, epochs=2)


class TestADamagedFile:
    @pytest.mark.parametrize("content", [b"", b"PK\3\4", b"hello", b"\x93NUMPY\1\0v\0{"])
    def test_that_never_was_a_checkpoint_is_told_in_a_sentence(self, content, tmp_path):
        path = tmp_path / "run.npz"
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"run.npz is not a checkpoint .* Delete it"):
            train(path)

    def test_a_model_file_is_none(self, tmp_path):
        network().save(tmp_path / "run.npz")
        with pytest.raises(CheckpointError, match="not a checkpoint"):
            train(tmp_path / "run.npz")

    def test_a_folder_is_none(self, tmp_path):
        with pytest.raises(CheckpointError, match="not a checkpoint"):
            train(tmp_path)

    def test_cut_short_or_with_any_byte_changed_never_changes_the_result(self, tmp_path):
        """Either it is refused, or the byte was one of those that nobody reads."""
        path = tmp_path / "run.npz"
        model, _ = train(path)
        whole = path.read_bytes()
        refused = 0
        for place in range(0, len(whole), 41):
            damaged = bytearray(whole)
            damaged[place] ^= 0x55
            for content in (bytes(damaged), whole[:place]):
                path.write_bytes(content)
                try:
                    again, _ = train(path)
                    assert again.parameters.tobytes() == model.parameters.tobytes()
                except CheckpointError:
                    refused += 1
        assert refused > len(whole) / 41 * 1.5

    def test_nothing_in_it_is_executed(self, tmp_path):
        path = tmp_path / "run.npz"
        np.savez(path, info=np.array({"run": {}}, dtype=object))
        with pytest.raises(CheckpointError, match=r"not a checkpoint.*allow_pickle"):
            train(path)


def test_interrupted_while_writing_the_checkpoint_before_stays(tmp_path):
    path = tmp_path / "run.npz"
    interrupted_after(2, path)
    before = path.read_bytes()
    with (
        mock.patch("nnlib.checkpoints.np.savez", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        train(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["run.npz"]
    assert same(train(path)[1], train(None)[1])
