"""Training that is interrupted and resumed has the same result as without an interruption."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers import memory_below, npy_header, random_split

from nnlib import Adam, Dense, Dropout, GradientDescent, Momentum, Network, ReLU, fit
from nnlib.datasets.augmentation import Augmentation
from nnlib.datasets.splits import Split
from nnlib.nn.schedules import CosineDecay, ExponentialDecay
from nnlib.training.callbacks import Callback
from nnlib.training.checkpoint import Checkpoint, CheckpointError

TRAIN, DEV = random_split(60), random_split(30, seed=1)
OPTIMIZERS = [lambda: GradientDescent(0.1), lambda: Momentum(0.05), lambda: Adam(0.01)]


def network(seed: int = 0, width: int = 8, n_in: int = 6) -> Network:
    return Network(Dense(n_in, width), ReLU(), Dropout(0.2), Dense(width, 3), seed=seed)


class Interrupt(Callback):
    """Interrupts training in the third step after so many epochs."""

    def __init__(self, epochs: int):
        self.steps_left = 4 * epochs + 3  # four batches an epoch

    def on_step(self, run):
        self.steps_left -= 1
        if self.steps_left == 0:
            raise KeyboardInterrupt


class Refuse(Callback):
    """Fails if a step is made."""

    def on_step(self, run):
        raise AssertionError("a step was made")


def train(path, model=None, more=(), **changed):
    """A short training with dropout; its network and history."""
    model = network() if model is None else model
    arguments = {"train": TRAIN, "dev": DEV, "optimizer": Adam(0.01), "schedule": CosineDecay()}
    arguments |= {"epochs": 5, "batch_size": 16, "l2": 1e-3, "progress": False} | changed
    callbacks = [Checkpoint(path), *more] if path is not None else more
    return model, fit(model, **arguments, callbacks=callbacks)


def interrupted_after(epochs: int, path, model=None, **arguments) -> Network:
    """The network of a training that somebody stopped in the epoch after."""
    model = network() if model is None else model
    with pytest.raises(KeyboardInterrupt):
        train(path, model, more=[Interrupt(epochs)], **arguments)
    return model


def same(history, other) -> bool:
    return history.drop(columns="seconds").equals(other.drop(columns="seconds"))


class TestResume:
    @pytest.mark.parametrize("make", OPTIMIZERS, ids=["descent", "momentum", "adam"])
    @pytest.mark.parametrize("epochs", [0, 1, 4])
    def test_the_result_has_the_same_bits(self, make, epochs, tmp_path):
        straight, history = train(None, optimizer=make())
        path = tmp_path / "run.npz"
        interrupted_after(epochs, path, optimizer=make())
        assert path.exists() == (epochs > 0)
        resumed, history_resumed = train(path, optimizer=make())
        assert resumed.parameters.tobytes() == straight.parameters.tobytes()
        assert same(history_resumed, history)

    def test_it_needs_no_dev(self, tmp_path):
        straight, history = train(None, dev=None)
        interrupted_after(3, tmp_path / "run.npz", dev=None)
        resumed, history_resumed = train(tmp_path / "run.npz", dev=None)
        assert resumed.parameters.tobytes() == straight.parameters.tobytes()
        assert same(history_resumed, history)

    def test_training_may_be_interrupted_repeatedly(self, tmp_path):
        path = tmp_path / "run.npz"
        for _ in range(3):
            interrupted_after(1, path)
        assert same(train(path)[1], train(None)[1])

    def test_it_works_with_the_same_network_and_optimizer(self, tmp_path):
        """As in a notebook, where the interrupted cell is simply run again."""
        path, adam = tmp_path / "run.npz", Adam(0.01)
        model = interrupted_after(2, path, optimizer=adam)
        train(path, model, optimizer=adam)
        assert model.parameters.tobytes() == train(None)[0].parameters.tobytes()

    def test_the_file_replaces_the_networks_parameters(self, tmp_path):
        path = tmp_path / "run.npz"
        interrupted_after(2, path)
        resumed, _ = train(path, network(seed=7))
        assert resumed.parameters.tobytes() == train(None)[0].parameters.tobytes()

    def test_a_finished_run_gives_its_history_at_once(self, tmp_path):
        path = tmp_path / "run.npz"
        model, history = train(path)
        before = path.read_bytes()
        again, history_again = train(path, more=[Refuse()])
        assert history_again.equals(history)  # the seconds too: nothing was run
        assert again.parameters.tobytes() == model.parameters.tobytes()
        assert path.read_bytes() == before

    def test_the_best_parameters_from_before_are_kept(self, tmp_path):
        """Dev contradicts train: the first epoch is the best, and stays it."""
        eye = np.eye(2, dtype=np.float32)
        options = {"dev": Split(eye, np.array([1, 0])), "batch_size": None, "progress": False}
        path, results = tmp_path / "run.npz", []
        for stops in ([20], [6, 20]):
            model = Network(Dense(2, 2, init=0))
            model.layers[0].W[...] = [[0, 1], [1, 0]]
            for epochs in stops:
                options |= {"optimizer": GradientDescent(0.5), "epochs": epochs}
                options |= {"callbacks": [Checkpoint(path)]}
                history = fit(model, Split(eye, np.array([0, 1])), **options)
            assert history["dev_accuracy"].iloc[0] == 1 and history["dev_accuracy"].iloc[-1] == 0
            results.append(model.parameters.copy())
            path.unlink()
        np.testing.assert_array_equal(*results)

    def test_without_a_schedule_epochs_may_be_added(self, tmp_path):
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
        ({"optimizer": Adam(0.02)}, r"optimizer was Adam\(.*=0.01\) and is now Adam\(.*=0.02\)"),
        ({"optimizer": Adam(0.01, beta2=0.99)}, r"is now Adam\(.*beta2=0.99\)"),
        ({"optimizer": Momentum(0.01)}, r"is now Momentum\(learning_rate=0.01, momentum=0.9\)"),
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
        (
            {"train": TRAIN.augmented(lambda images, rng: images / 2)},
            "augmentation, on a sample, was",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_run_with_other_arguments_is_refused(changed, named, tmp_path):
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


def add_noise(amount: float):
    """An augmentation without a name: functions of two calls are never equal."""
    return lambda images, rng: images + rng.normal(0, amount, images.shape).astype(np.float32)


AUGMENTS = {
    "none": lambda: None,
    "Augmentation": Augmentation,
    "lambda": lambda: add_noise(0.1),
}


class TestAugmented:
    """With images of 784 pixels, as an Augmentation needs them."""

    TRAIN, DEV = random_split(60, width=784), random_split(30, seed=1, width=784)

    def options(self, augment=None):
        train = self.TRAIN.augmented(augment) if augment else self.TRAIN
        return {"model": network(n_in=784), "train": train, "dev": self.DEV}

    @pytest.mark.parametrize("make", AUGMENTS.values(), ids=AUGMENTS)
    @pytest.mark.parametrize("epochs", [1, 4])
    def test_the_resumed_result_has_the_same_bits(self, make, epochs, tmp_path):
        path = tmp_path / "run.npz"
        straight, history = train(None, **self.options(make()))
        interrupted_after(epochs, path, **self.options(make()))
        resumed, history_resumed = train(path, **self.options(make()))
        assert resumed.parameters.tobytes() == straight.parameters.tobytes()
        assert same(history_resumed, history)

    def test_the_augmentation_changes_the_result(self):
        """The control of the test above."""
        results = [train(None, **self.options(make()))[0] for make in AUGMENTS.values()]
        assert len({model.parameters.tobytes() for model in results}) == 3

    @pytest.mark.slow
    def test_a_new_process_resumes_to_the_same_bits(self, tmp_path):
        """The new process makes its own data, networks and lambdas."""
        program = "import sys, test_checkpoint; test_checkpoint.resume_all(sys.argv[1])"
        for name, make in AUGMENTS.items():
            interrupted_after(2, tmp_path / f"{name}.npz", **self.options(make()))
        tests = Path(__file__).parent
        paths = [str(tests), str(tests.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
            check=True,
        )
        for name, make in AUGMENTS.items():
            straight = train(None, **self.options(make()))[0].parameters
            resumed = np.load(tmp_path / f"{name}.npy")
            assert resumed.tobytes() == straight.tobytes()

    @pytest.mark.parametrize(
        ("augment", "other"),
        [
            (Augmentation(rotation=5), Augmentation(rotation=6)),
            (Augmentation(rotation=5), None),
            (None, Augmentation(rotation=5)),
            (add_noise(0.1), add_noise(0.2)),
            (add_noise(0.1), Augmentation()),
        ],
        ids=lambda value: getattr(value, "__name__", str(value)),
    )
    def test_another_augmentation_is_refused(self, augment, other, tmp_path):
        path = tmp_path / "run.npz"
        train(path, **self.options(augment))
        sentence = (
            r"run.npz is .* another run: augmentation, on a sample, was .* and is now .*delete"
        )
        with pytest.raises(CheckpointError, match=sentence):
            train(path, **self.options(other))

    @pytest.mark.parametrize(
        "augment",
        [
            lambda images, rng: images[:, ::-1],
            lambda images, rng: np.roll(images, 5, axis=1),
            lambda images, rng: images[:, rng.permutation(784)],
        ],
        ids=["flip", "shift", "shuffle"],
    )
    def test_an_augmentation_that_moves_ink_is_refused(self, augment, tmp_path):
        path = tmp_path / "run.npz"
        train(path, **self.options(None))
        with pytest.raises(CheckpointError, match="augment"):
            train(path, **self.options(augment))


def resume_all(folder: str) -> None:
    """Resume what `test_a_new_process_resumes_to_the_same_bits` has interrupted."""
    for name, make in AUGMENTS.items():
        model, _ = train(Path(folder, f"{name}.npz"), **TestAugmented().options(make()))
        np.save(Path(folder, f"{name}.npy"), model.parameters)


def test_schedules_are_compared_by_their_values(tmp_path):
    train(tmp_path / "run.npz", schedule=ExponentialDecay(0.1))
    train(tmp_path / "run.npz", schedule=lambda p: 0.1**p)  # another function, the same values
    with pytest.raises(CheckpointError, match="schedule was"):
        train(tmp_path / "run.npz", schedule=ExponentialDecay(0.2))


def test_fewer_epochs_than_finished_are_refused(tmp_path):
    train(tmp_path / "run.npz", schedule=None, epochs=3)
    with pytest.raises(CheckpointError, match="it has finished 3 epochs, and 2 are asked for"):
        train(tmp_path / "run.npz", schedule=None, epochs=2)


class TestDamagedFile:
    @pytest.mark.parametrize("content", [b"", b"PK\3\4", b"hello", b"\x93NUMPY\1\0v\0{"])
    def test_other_content_is_refused_with_a_sentence(self, content, tmp_path):
        path = tmp_path / "run.npz"
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"run.npz is not a checkpoint .* Delete it"):
            train(path)
        assert path.read_bytes() == content

    def test_a_model_file_is_refused(self, tmp_path):
        network().save(tmp_path / "run.npz")
        with pytest.raises(CheckpointError, match="not a checkpoint"):
            train(tmp_path / "run.npz")

    def test_a_folder_is_refused(self, tmp_path):
        with pytest.raises(CheckpointError, match="not a checkpoint"):
            train(tmp_path)

    def test_no_changed_byte_changes_the_result(self, tmp_path):
        """The file is refused, or the byte was one of those that nobody reads."""
        path = tmp_path / "run.npz"
        model, _ = train(path)
        whole = path.read_bytes()
        refused, places = 0, range(0, len(whole), 41)
        for place in places:
            damaged = bytearray(whole)
            damaged[place] ^= 0x55
            for content in (bytes(damaged), whole[:place]):
                path.write_bytes(content)
                try:
                    again, _ = train(path)
                    assert again.parameters.tobytes() == model.parameters.tobytes()
                except CheckpointError:
                    refused += 1
        assert refused > 1.5 * len(places)

    @pytest.mark.parametrize(
        "change",
        [
            {"parameters": np.zeros((), np.float32)},
            {"parameters": np.zeros(5, np.float32)},
            {"best": np.zeros(5, np.float32)},
            {"m": np.zeros(5, np.float32)},
            {"t": np.zeros(5)},
        ],
        ids=lambda change: " ".join(f"{name} {array.shape}" for name, array in change.items()),
    )
    def test_an_array_of_another_shape_is_refused(self, change, tmp_path):
        path, model = tmp_path / "run.npz", network(seed=7)
        train(path, schedule=None, epochs=2)
        with np.load(path) as file:
            arrays = dict(file) | change
        np.savez(path, **arrays)
        with pytest.raises(CheckpointError, match="not a checkpoint"):
            train(path, model, schedule=None, epochs=3)
        np.testing.assert_array_equal(model.parameters, network(seed=7).parameters)

    @staticmethod
    def refused(path) -> str:
        """The sentence of a training that must not resume, and must have changed nothing."""
        before, model, adam = path.read_bytes(), network(seed=7), Adam(0.01)
        with pytest.raises(
            CheckpointError, match=r"run.npz is not a checkpoint .* Delete"
        ) as caught:
            train(path, model, optimizer=adam)
        assert model.parameters.tobytes() == network(seed=7).parameters.tobytes()
        assert (adam.t, adam.m, adam.v) == (0, None, None)
        assert path.read_bytes() == before
        return str(caught.value)

    @staticmethod
    def with_member(path, name: str, content: bytes, **options) -> None:
        """Replace one array of the file by these bytes."""
        with zipfile.ZipFile(path) as archive:
            members = {member: archive.read(member) for member in archive.namelist()}
        with zipfile.ZipFile(path, "w", **options) as archive:
            for member, bytes_ in (members | {f"{name}.npy": content}).items():
                archive.writestr(member, bytes_)

    @pytest.mark.parametrize("name", ["info", "parameters", "best", "t", "m", "v"])
    def test_a_member_that_is_no_array_is_refused(self, name, tmp_path):
        path = tmp_path / "run.npz"
        interrupted_after(2, path)
        self.with_member(path, name, b"a letter")
        assert "does not begin as an array" in self.refused(path)

    @pytest.mark.parametrize("name", ["parameters", "best", "t", "m", "v"])
    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_values_that_are_not_finite_are_refused(self, name, value, tmp_path):
        path = tmp_path / "run.npz"
        interrupted_after(2, path)
        with np.load(path) as file:
            arrays = {key: file[key] for key in file}
        arrays[name] = arrays[name].astype(np.float32)
        arrays[name].reshape(-1)[-1] = value
        np.savez(path, **arrays)
        assert f"its array '{name}' has values that are not finite" in self.refused(path)

    @pytest.mark.parametrize("name", ["parameters", "best", "m"])
    def test_an_array_of_another_dtype_is_refused(self, name, tmp_path):
        path = tmp_path / "run.npz"
        interrupted_after(2, path)
        with np.load(path) as file:
            arrays = {key: file[key] for key in file}
        np.savez(path, **arrays | {name: arrays[name].astype(np.int32)})
        assert f"its array '{name}' is int32" in self.refused(path)

    @pytest.mark.parametrize(
        "change",
        [
            {"rows": "ab"},
            {"rows": [1, 2]},
            {"rows": [[], []]},
            {"rows": [{}, {}]},
            {"rows": [{"epoch": 1}, {"epoch": 3}]},
            {"rows": [{"epoch": 1, "loss": 0.5}, {"epoch": 2}]},
            {"rows": [{"epoch": 1, "loss": float("nan")}, {"epoch": 2, "loss": 0.5}]},
            {"rows": [{"epoch": 1, "loss": "low"}, {"epoch": 2, "loss": "low"}]},
            {"rows": [{"epoch": True}]},
            {"best_accuracy": None},
            {"best_accuracy": float("nan")},
            {"best_accuracy": 7},
            {"best_accuracy": "high"},
        ],
        ids=str,
    )
    def test_a_history_that_fit_did_not_write_is_refused(self, change, tmp_path):
        path = tmp_path / "run.npz"
        interrupted_after(2, path)
        with np.load(path) as file:
            arrays = {key: file[key] for key in file}
        info = json.loads(str(arrays["info"])) | change
        np.savez(path, **arrays | {"info": np.array(json.dumps(info))})
        self.refused(path)

    def test_nested_info_is_refused(self, tmp_path):
        path = tmp_path / "run.npz"
        interrupted_after(2, path)
        with np.load(path) as file:
            np.savez(path, **dict(file) | {"info": np.array("[" * 100_000)})
        self.refused(path)

    @pytest.mark.parametrize("name", ["info", "parameters", "m"])
    def test_an_array_of_4_gb_is_refused_unread(self, name, tmp_path):
        path = tmp_path / "run.npz"
        interrupted_after(2, path)
        descr = "<U500000000" if name == "info" else "<f4"
        shape = () if name == "info" else (10**9,)
        content = npy_header(shape, descr) + bytes(10**6)
        self.with_member(path, name, content, compression=zipfile.ZIP_DEFLATED)
        with memory_below(10**7):
            assert "an array of more than" in self.refused(path)

    def test_nothing_in_it_is_executed(self, tmp_path):
        path = tmp_path / "run.npz"
        np.savez(path, info=np.array({"run": {}}, dtype=object))
        with pytest.raises(CheckpointError, match=r"not a checkpoint.*plain numbers, not object"):
            train(path)


def test_an_interrupted_write_keeps_the_file_before(tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    interrupted_after(2, path)
    before = path.read_bytes()

    def interrupted(file, **arrays):
        file.write(b"PK half a checkpoint")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(np, "savez", interrupted)
        train(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["run.npz"]
    assert same(train(path)[1], train(None)[1])
