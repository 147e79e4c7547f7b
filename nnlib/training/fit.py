"""The training loop: batches, epochs, history.

for each epoch: shuffle, then for each batch:
    forward → loss → backward → optimizer step
then measure on dev, and keep the parameters if they are the best so far
"""

import math
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlib.datasets.splits import Split
from nnlib.nn.losses import cross_entropy
from nnlib.nn.network import Network
from nnlib.nn.optimizers import Adam, Optimizer
from nnlib.nn.schedules import Schedule
from nnlib.training.callbacks import Callback, ProgressBar, TrainingRun
from nnlib.training.metrics import loss_and_accuracy

if TYPE_CHECKING:
    import pandas as pd


class TrainingDiverged(ArithmeticError):
    """The loss is no longer a finite number; the message says when and what to try."""


# A diverging network overflows before its loss is NaN, and the error below says more than NumPy's
# warnings would.
@np.errstate(over="ignore", invalid="ignore")
def fit(
    network: Network,
    train: Split,
    dev: Split | None = None,
    optimizer: Optimizer | None = None,
    schedule: Schedule | None = None,
    l2: float = 0.0,
    epochs: int = 15,
    batch_size: int | None = 128,
    seed: int = 0,
    progress: bool = True,
    callbacks: Sequence[Callback] = (),
) -> "pd.DataFrame":
    """Train `network` in place, and leave it with the parameters that were best on dev.

    train, dev: `Split`s of images (N, 784) float32 in [0, 1] and labels (N,) integers; with
        `train.augmented(Augmentation())` every batch is changed at random before it is used.
    optimizer: Adam() if not given. It keeps its state, so give every network a new one.
    schedule: progress (0 … 1) → factor that multiplies the learning rate.
    l2: the λ of the penalty λ/2 · ‖W‖² on weights.
    batch_size: examples per step; None takes all of them in every step (full batch).
    seed: of shuffling, augmentation and dropout. Each epoch has its own generator, seeded with
        [seed, epoch], so that an epoch does not depend on how it was reached.
    progress: show a progress bar. callbacks: such as a `Checkpoint`, called in this order.

    Returns one row per epoch: epoch (from 1), loss (the mean cross-entropy during the epoch,
    without penalty), dev_loss, dev_accuracy, learning_rate (at its last step), seconds. Without
    dev the last parameters are kept and the dev columns are missing.

    Raises ValueError for invalid arguments, TrainingDiverged for a loss that is not
    finite. If training is interrupted or diverges, the best parameters so far stay.

    >>> history = fit(network, digits.train, dev=digits.dev, optimizer=Adam(1e-3), epochs=5)
    """
    import pandas as pd

    batch_size = len(train) if batch_size is None else batch_size
    _check_split("train", train, network)
    if dev is not None:
        _check_split("dev", dev, network)
    if epochs < 1 or batch_size < 1:
        raise ValueError(f"epochs and batch_size must be 1 or more, not {epochs} and {batch_size}.")
    optimizer = Adam() if optimizer is None else optimizer
    run = TrainingRun(network, train, dev, optimizer, schedule, l2, epochs, batch_size, seed)
    callbacks = [*callbacks, ProgressBar()] if progress else callbacks
    with ExitStack() as at_the_end:  # whatever happens in between
        for callback in callbacks:
            callback.on_start(run)
            at_the_end.callback(callback.on_end, run)
        if dev is not None:
            at_the_end.callback(run.restore_best)
        while len(run.history) < epochs and not run.stop:
            run.history.append(_train_epoch(run, callbacks))
            for callback in callbacks:
                callback.on_epoch_end(run)
    return pd.DataFrame(run.history)


def _train_epoch(run: TrainingRun, callbacks: Sequence[Callback]) -> dict[str, Any]:
    """One epoch; returns its row of the history."""
    started = time.perf_counter()
    network, optimizer, steps = run.network, run.optimizer, run.steps_per_epoch
    epoch = len(run.history)
    rng = np.random.default_rng([run.seed, epoch])
    # The order of the images does not matter in full batch, and slice(None) copies nothing.
    batches: list[np.ndarray | slice] = [slice(None)]
    if steps > 1:
        order = rng.permutation(len(run.train))
        batches = [order[i : i + run.batch_size] for i in range(0, len(order), run.batch_size)]
    total, factor = 0.0, 1.0
    for step, rows in enumerate(batches):
        X, labels = run.train.batch(rows, rng)
        logits = network.forward(X, training=True, rng=rng)
        run.loss, dlogits = cross_entropy(logits, labels)
        _check_loss(run.loss, f"at step {step + 1} of epoch {epoch + 1}", optimizer)
        network.backward(dlogits, run.l2)
        if run.schedule is not None:
            factor = run.schedule((epoch * steps + step) / (run.epochs * steps))
        optimizer.step(network.parameters, network.gradients, factor)
        total += run.loss * len(labels)
        for callback in callbacks:
            callback.on_step(run)

    row: dict[str, Any] = {"epoch": epoch + 1, "loss": total / len(run.train)}
    if run.dev is not None:
        loss, accuracy = loss_and_accuracy(network, run.dev.images, run.dev.labels)
        _check_loss(loss, f"on dev after epoch {epoch + 1}", optimizer)
        row |= {"dev_loss": loss, "dev_accuracy": accuracy}
        if accuracy > run.best_accuracy:
            run.best_accuracy = accuracy
            run.best[...] = network.parameters
    row["learning_rate"] = float(optimizer.learning_rate * factor)
    row["seconds"] = time.perf_counter() - started
    return row


def _check_loss(loss: float, when: str, optimizer: Optimizer) -> None:
    if not math.isfinite(loss):
        raise TrainingDiverged(
            f"The loss became {loss} {when}, with {optimizer}. Try a learning rate ten times "
            "smaller, and check that the images are finite and in [0, 1]."
        )


def _check_split(name: str, split: Split, network: Network) -> None:
    """Refuse what would otherwise fail deep inside the loop, or silently do nothing."""
    images, labels = split.images, split.labels
    if len(labels) == 0:
        raise ValueError(f"The {name} split is empty: there is nothing to learn or to measure.")
    if images.ndim != 2 or images.shape[1] != network.n_in:
        raise ValueError(
            f"The network takes images of shape (N, {network.n_in}); those of the {name} split "
            f"are {images.shape}."
        )
    if not split.is_complete:
        raise ValueError(
            f"The {name} split has {len(images)} images and {len(labels)} labels: every image "
            "needs one label."
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"The labels of the {name} split are {labels.dtype}: they must be whole numbers, "
            "labels.astype(int)."
        )
    low, high = labels.min(), labels.max()
    if low < 0 or high >= network.n_out:
        raise ValueError(
            f"The labels of the {name} split go from {low} to {high}, but the network answers "
            f"0 to {network.n_out - 1}."
        )
