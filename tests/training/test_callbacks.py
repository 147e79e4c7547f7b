"""What happens around the training loop, in which order, and also when it fails."""

import numpy as np
import pytest
from helpers import Interrupt, random_split

from nnlib import Dense, GradientDescent, Network, ReLU, fit
from nnlib.datasets.splits import Split
from nnlib.training.callbacks import Callback, EarlyStopping, ProgressBar
from nnlib.training.checkpoint import Checkpoint
from nnlib.training.fit import TrainingDiverged

TRAIN, DEV = random_split(10), random_split(10, seed=1)
HOOKS = ("on_start", "on_step", "on_epoch_end", "on_end")


def network() -> Network:
    return Network(Dense(6, 8), ReLU(), Dense(8, 3))


def train(callbacks, model=None, **options):
    """Two epochs of two steps each, if nothing else is asked for."""
    options = {"epochs": 2, "batch_size": 5, "dev": DEV, "progress": False} | options
    return fit(model or network(), TRAIN, callbacks=callbacks, **options)


class Recorder(Callback):
    """Writes down the hooks that are called; `act(hook, run)` may do more."""

    def __init__(self, calls=None, name="", act=lambda hook, run: None):
        self.calls = [] if calls is None else calls
        self.name, self.act = name, act

    def _record(self, hook, run):
        self.calls.append(f"{self.name} {hook}".strip())
        self.act(hook, run)

    def on_start(self, run):
        self._record("on_start", run)

    def on_step(self, run):
        self._record("on_step", run)

    def on_epoch_end(self, run):
        self._record("on_epoch_end", run)

    def on_end(self, run):
        self._record("on_end", run)


class TestHooks:
    def test_they_are_called_around_steps_and_epochs(self):
        recorder = Recorder()
        train([recorder])
        epoch = ["on_step", "on_step", "on_epoch_end"]
        assert recorder.calls == ["on_start", *epoch, *epoch, "on_end"]

    def test_callbacks_are_called_in_the_given_order(self):
        calls = []
        train([Recorder(calls, "first"), Recorder(calls, "second")], epochs=1, batch_size=None)
        expected = [f"{name} {hook}" for hook in HOOKS for name in ("first", "second")]
        assert calls == [*expected[:-2], *expected[:-3:-1]]  # the last one started ends first

    def test_a_plain_callback_changes_nothing(self):
        with_callback, without = network(), network()
        train([Callback()], with_callback)
        train([], without)
        assert with_callback.parameters.tobytes() == without.parameters.tobytes()

    def test_they_see_how_far_training_has_come(self):
        seen = []

        def act(hook, run):
            seen.append((hook, len(run.history), run.loss, run.network.parameters.copy()))

        history = train([Recorder(act=act)], epochs=1)
        (_, n, loss, start), (_, _, first_loss, first), (_, _, second_loss, second), end, _ = seen
        assert n == 0 and np.isnan(loss)
        np.testing.assert_array_equal(start, network().parameters)
        assert (first != start).any() and (second != first).any()
        assert history["loss"][0] == pytest.approx((first_loss + second_loss) / 2)
        assert end[1] == 1  # the epoch's row is in the history

    def test_on_epoch_end_sees_the_row_of_the_history(self):
        rows = []

        class Rows(Callback):
            def on_epoch_end(self, run):
                rows.append(dict(run.history[-1]))

        history = train([Rows()])
        assert rows == history.to_dict("records")

    def test_on_end_sees_the_best_parameters(self):
        model, last = network(), []
        train([Recorder(act=lambda hook, run: last.append(run.network.parameters.copy()))], model)
        np.testing.assert_array_equal(last[-1], model.parameters)

    def test_stop_ends_training_after_the_epoch(self):
        def act(hook, run):
            run.stop = run.stop or hook == "on_step"

        recorder = Recorder(act=act)
        assert len(train([recorder], epochs=5)) == 1
        assert recorder.calls == ["on_start", "on_step", "on_step", "on_epoch_end", "on_end"]


class TestEndOfFailedTraining:
    """on_end is called, and the error arrives."""

    def end_of(self, error, **options) -> list[str]:
        calls = []
        with pytest.raises(error):
            train([Recorder(calls), *options.pop("more", [])], **options)
        assert calls[0] == "on_start" and calls.count("on_end") == 1
        return calls

    def test_after_an_interruption(self):
        def interrupt(hook, run):
            if hook == "on_step" and run.history:
                raise KeyboardInterrupt

        calls = self.end_of(KeyboardInterrupt, more=[Recorder(act=interrupt)])
        assert calls[-3:] == ["on_epoch_end", "on_step", "on_end"]

    def test_after_a_divergence(self):
        # The steps of the first batches diverge, and dev shows it: the epoch has no end.
        calls = self.end_of(TrainingDiverged, optimizer=GradientDescent(1e38), epochs=1)
        assert calls[-1] == "on_end" and "on_epoch_end" not in calls

    def test_after_an_error_in_another_callback(self):
        def fail(hook, run):
            if hook == "on_epoch_end":
                raise OSError("No space left on device")

        calls = self.end_of(OSError, more=[Recorder(act=fail)])
        assert calls[-1] == "on_end"


def unlearning() -> dict:
    """Arguments of a training that is best on dev after the first epoch: dev contradicts train."""
    model, images = Network(Dense(2, 2, init=0)), np.eye(2, dtype=np.float32)
    model.layers[0].W[...] = [[0, 1], [1, 0]]
    return {
        "network": model,
        "train": Split(images, np.array([0, 1])),
        "dev": Split(images, np.array([1, 0])),
        "optimizer": GradientDescent(0.5),
        "epochs": 20,
        "batch_size": None,
        "progress": False,
    }


class TestEarlyStopping:
    def test_it_stops_when_dev_has_not_improved(self):
        full = fit(**unlearning())
        best = int(full["dev_accuracy"].argmax())
        for patience in (1, 3):
            arguments = unlearning()
            history = fit(**arguments, callbacks=[EarlyStopping(patience)])
            assert len(history) == best + 1 + patience < len(full)
            columns = ["loss", "dev_accuracy"]
            assert history[columns].equals(full[columns].head(len(history)))

    def test_it_leaves_the_best_parameters(self):
        stopped, full = unlearning(), unlearning()
        fit(**stopped, callbacks=[EarlyStopping(2)])
        fit(**full)
        assert stopped["network"].parameters.tobytes() == full["network"].parameters.tobytes()

    def test_it_never_stops_what_improves(self):
        arguments = unlearning()
        arguments["dev"] = arguments["train"]  # wrong at first, right at the end
        history = fit(**arguments, callbacks=[EarlyStopping(20)])
        assert len(history) == 20 and history["dev_accuracy"].iloc[-1] == 1

    @pytest.mark.parametrize("epochs", [1, 2, 3])
    def test_it_counts_the_epochs_before_a_resumed_checkpoint(self, epochs, tmp_path):
        callbacks = [Checkpoint(tmp_path / "run.npz"), EarlyStopping(3)]
        straight, resumed = unlearning(), unlearning()
        expected = fit(**straight, callbacks=[EarlyStopping(3)])
        with pytest.raises(KeyboardInterrupt):
            fit(**unlearning(), callbacks=[*callbacks, Interrupt(epochs)])
        history = fit(**resumed, callbacks=callbacks)
        assert history.drop(columns="seconds").equals(expected.drop(columns="seconds"))
        assert resumed["network"].parameters.tobytes() == straight["network"].parameters.tobytes()

    def test_a_stopped_run_is_not_resumed(self, tmp_path):
        callbacks = [Checkpoint(tmp_path / "run.npz"), EarlyStopping(3)]
        history = fit(**unlearning(), callbacks=callbacks)
        recorder = Recorder()
        again = fit(**unlearning(), callbacks=[*callbacks, recorder])
        assert recorder.calls == ["on_start", "on_end"]
        assert again.equals(history)  # the seconds too: nothing was run

    def test_it_needs_dev(self):
        model = network()
        with pytest.raises(ValueError, match=r"EarlyStopping needs a dev split"):
            train([EarlyStopping()], model, dev=None)
        np.testing.assert_array_equal(model.parameters, network().parameters)

    @pytest.mark.parametrize("patience", [0, -1])
    def test_a_patience_below_1_is_refused(self, patience):
        with pytest.raises(ValueError, match=rf"patience of 1 or more, not {patience}"):
            EarlyStopping(patience)


class TestProgress:
    def test_without_it_nothing_is_printed(self, capsys):
        train([], progress=False)
        assert capsys.readouterr() == ("", "")

    def test_with_it_standard_error_shows_loss_and_dev(self, capsys):
        history = train([], progress=True)
        out, err = capsys.readouterr()
        assert out == ""
        assert "training: 100%" in err and "2/2" in err
        row = history.iloc[-1]
        assert f"loss {row['loss']:.4f}, dev {row['dev_accuracy']:.2%}" in err

    def test_the_bar_is_a_callback_and_needs_no_dev(self, capsys):
        train([ProgressBar()], dev=None)
        err = capsys.readouterr().err
        assert "loss" in err and "dev" not in err

    def test_a_resumed_bar_starts_where_training_stopped(self, capsys, tmp_path):
        checkpoint = Checkpoint(tmp_path / "run.npz")
        train([checkpoint], epochs=2)
        capsys.readouterr()
        train([checkpoint], epochs=4, progress=True)
        err = capsys.readouterr().err
        assert "2/4" in err and "0/4" not in err and "1/4" not in err


def test_on_end_is_called_when_another_callback_fails():
    class Failing(Recorder):
        def on_start(self, run):
            raise RuntimeError("no disk")

    recorder, failing = Recorder(), Failing()
    with pytest.raises(RuntimeError, match="no disk"):
        train([recorder, failing])
    assert recorder.calls == ["on_start", "on_end"]
    assert failing.calls == []
