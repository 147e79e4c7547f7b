"""Callbacks: what happens around the training loop, without being part of it.

fit calls on_start of every callback, then on_step after every batch and on_epoch_end after every
epoch, then on_end of every callback that was started, the last first, also if training is
interrupted or fails.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnlib.datasets.splits import Split
from nnlib.nn.network import Network
from nnlib.nn.optimizers import Optimizer
from nnlib.nn.schedules import Schedule


@dataclass
class TrainingRun:
    """The state of a run of `fit`: its arguments, and how far it has come.

    batch_size: a number, the size of `train` for full batch.
    history: one dict per finished epoch, with the columns of the table that `fit` returns.
    loss: of the last batch.
    best, best_accuracy: the parameters with the highest accuracy on dev so far, and that accuracy.
    stop: set it to True to end after the current epoch.
    """

    network: Network
    train: Split
    dev: Split | None
    optimizer: Optimizer
    schedule: Schedule | None
    l2: float
    epochs: int
    batch_size: int
    seed: int
    history: list[dict[str, Any]] = field(default_factory=list)
    loss: float = float("nan")
    best: np.ndarray = field(init=False)
    best_accuracy: float = -1.0
    stop: bool = False

    def __post_init__(self) -> None:
        self.best = self.network.parameters.copy()

    @property
    def steps_per_epoch(self) -> int:
        """How many batches an epoch has; the last may be smaller."""
        return -(-len(self.train) // self.batch_size)

    def restore_best(self) -> None:
        """Give the network the parameters that were best on dev."""
        self.network.parameters[...] = self.best


class Callback:
    """Does nothing. A subclass overrides the methods that it needs."""

    def on_start(self, run: TrainingRun) -> None:
        """Before the first epoch."""

    def on_step(self, run: TrainingRun) -> None:
        """After every optimizer step."""

    def on_epoch_end(self, run: TrainingRun) -> None:
        """After every epoch, when its row is in `run.history`."""

    def on_end(self, run: TrainingRun) -> None:
        """At the end, also of a run that was interrupted."""


class ProgressBar(Callback):
    """Shows the epochs, the loss and the accuracy on dev on standard error, or in a notebook."""

    def on_start(self, run: TrainingRun) -> None:
        from tqdm.auto import tqdm

        done = len(run.history)
        self._bar = tqdm(desc="training", unit="epoch", initial=done, total=run.epochs)

    def on_epoch_end(self, run: TrainingRun) -> None:
        row = run.history[-1]
        dev = f", dev {row['dev_accuracy']:.2%}" if "dev_accuracy" in row else ""
        self._bar.set_postfix_str(f"loss {row['loss']:.4f}{dev}", refresh=False)
        self._bar.update()

    def on_end(self, run: TrainingRun) -> None:
        self._bar.close()


class EarlyStopping(Callback):
    """Ends training when accuracy on dev has not improved for `patience` epochs.

    Raises ValueError for a patience below 1, and at the start of a run without dev. When a
    checkpoint is resumed, give this callback after the Checkpoint.
    """

    def __init__(self, patience: int = 5):
        if patience < 1:
            raise ValueError(f"EarlyStopping needs a patience of 1 or more, not {patience!r}.")
        self.patience = patience

    def on_start(self, run: TrainingRun) -> None:
        if run.dev is None:
            raise ValueError("EarlyStopping needs a dev split: fit(…, dev=digits.dev).")
        self.on_epoch_end(run)

    def on_epoch_end(self, run: TrainingRun) -> None:
        accuracies = [row["dev_accuracy"] for row in run.history]
        if accuracies:
            since_best = len(accuracies) - 1 - int(np.argmax(accuracies))
            run.stop = run.stop or since_best >= self.patience
