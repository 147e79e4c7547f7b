"""The training loop: batches, epochs, history.

for each epoch: shuffle, then for each batch:
    augment → forward → loss → backward → optimizer step
then measure on dev, keep the parameters if they are the best yet, write a checkpoint
"""

import math
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from nnlib.checkpoints import describe_run, load_checkpoint, save_checkpoint
from nnlib.data import Split
from nnlib.losses import cross_entropy
from nnlib.metrics import evaluate
from nnlib.network import Network
from nnlib.optimizers import Adam, Optimizer, Schedule

if TYPE_CHECKING:
    import pandas as pd


Augment = Callable[[np.ndarray, np.random.Generator], np.ndarray]


class TrainingDiverged(ArithmeticError):
    """The loss is no longer a finite number; the message says when and what to try."""


# A diverging network overflows before its loss is NaN. The error below says it better than
# NumPy's warnings would.
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
    checkpoint: str | os.PathLike | None = None,
    augment: Augment | None = None,
) -> "pd.DataFrame":
    """Train `network` in place, and leave it with the parameters that were best on dev.

    train, dev: `Split`s of images (N, 784) float32 in [0, 1] and labels (N,) integers.
    optimizer: Adam() if not given. schedule: progress (0 … 1) → factor on its rate.
    l2: the λ of the penalty λ/2 · ‖W‖² on weights.
    batch_size: examples a step; None takes all of them in every step (full batch).
    seed: of shuffling, augmentation and dropout. Each epoch has its own generator, made of the
        seed and the epoch's number, so that an epoch does not depend on how it was reached.
    augment: changes every batch before the network sees it: (images (n, 784), generator) →
        images, such as an `Augmentation`. Dev is left as it is.
    checkpoint: a file (.npz) to write after every epoch. If it is there already, training
        goes on from it, whatever the network's parameters, and ends as if it had never
        stopped. It must be of a run with the same arguments; without a schedule `epochs`
        may be raised.

    Returns a row an epoch: epoch (from 1), loss (the mean of the batches' cross-entropy,
    penalty not included), dev_loss, dev_accuracy, learning_rate (at its last step),
    seconds. Without dev the last parameters are kept and the dev columns are missing.

    Raises ValueError for arguments that do not fit (CheckpointError for a checkpoint that
    does not), TrainingDiverged for a loss that is not finite. If training
    is interrupted, the best parameters so far stay.
    """
    import pandas as pd
    from tqdm.auto import tqdm

    optimizer = Adam() if optimizer is None else optimizer
    n = len(train.labels)
    batch_size = n if batch_size is None else batch_size
    _check_split("train", train, network)
    if dev is not None:
        _check_split("dev", dev, network)
    if epochs < 1 or batch_size < 1:
        raise ValueError(f"epochs and batch_size must be 1 or more, not {epochs} and {batch_size}.")
    steps = math.ceil(n / batch_size)
    rows, best_accuracy, best = [], -1.0, network.parameters.copy()
    if checkpoint is not None:
        run = describe_run(
            network, train, dev, optimizer, schedule, l2, epochs, batch_size, seed, augment
        )
        if os.path.exists(checkpoint):
            resumed = load_checkpoint(checkpoint, run, network, optimizer, epochs)
            rows, best_accuracy, best = resumed
    bar = tqdm(
        range(len(rows), epochs),
        desc="training",
        unit="epoch",
        initial=len(rows),
        total=epochs,
        disable=not progress,
    )
    try:
        for epoch in bar:
            started = time.perf_counter()
            rng = np.random.default_rng([seed, epoch])
            order = rng.permutation(n) if steps > 1 else None
            total = 0.0
            for step in range(steps):
                if order is None:
                    X, labels = train.images, train.labels
                else:
                    batch = order[step * batch_size : (step + 1) * batch_size]
                    X, labels = train.images[batch], train.labels[batch]
                if augment is not None:
                    X = augment(X, rng)
                logits = network.forward(X, rng)
                loss, dlogits = cross_entropy(logits, labels)
                _check_loss(loss, f"at step {step + 1} of epoch {epoch + 1}", optimizer)
                network.backward(dlogits, l2)
                factor = schedule((epoch * steps + step) / (epochs * steps)) if schedule else 1.0
                optimizer.step(network.parameters, network.gradients, factor)
                total += loss * len(labels)

            row = {"epoch": epoch + 1, "loss": total / n}
            if dev is not None:
                row["dev_loss"], row["dev_accuracy"] = evaluate(network, dev.images, dev.labels)
                _check_loss(row["dev_loss"], f"on dev after epoch {epoch + 1}", optimizer)
                if row["dev_accuracy"] > best_accuracy:
                    best_accuracy = row["dev_accuracy"]
                    best[...] = network.parameters
                bar.set_postfix_str(f"loss {row['loss']:.4f}, dev {row['dev_accuracy']:.2%}")
            else:
                bar.set_postfix_str(f"loss {row['loss']:.4f}")
            row["learning_rate"] = float(optimizer.learning_rate * factor)
            row["seconds"] = time.perf_counter() - started
            rows.append(row)
            if checkpoint is not None:
                save_checkpoint(checkpoint, run, network, optimizer, rows, best_accuracy, best)
    finally:
        if dev is not None:
            network.parameters[...] = best
    return pd.DataFrame(rows)


def _check_loss(loss: float, when: str, optimizer: Optimizer) -> None:
    if not math.isfinite(loss):
        raise TrainingDiverged(
            f"The loss became {loss} {when}, with {optimizer}. Try a learning rate ten times "
            "smaller, and see that the images are finite and lie in [0, 1]."
        )


def _check_split(name: str, split: Split, network: Network) -> None:
    """Refuse what would fail deep inside the loop, or quietly do nothing."""
    images, labels = split.images, split.labels
    if len(labels) == 0:
        raise ValueError(f"The {name} split is empty: there is nothing to learn or to measure.")
    if images.ndim != 2 or images.shape[1] != network.n_in:
        raise ValueError(
            f"The network takes images of shape (N, {network.n_in}); those of the {name} split "
            f"are {images.shape}."
        )
    if len(images) != len(labels):
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
