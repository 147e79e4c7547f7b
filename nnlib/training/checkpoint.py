"""Resume training from a checkpoint with identical results.

After every epoch the checkpoint gets all that the next epoch needs: the parameters, the best
ones so far, the optimizer's state, the history. The order of the images and the draws of
dropout are not in it, because every epoch makes its own generator from the seed and the
epoch's number.

The file is an .npz of arrays and one JSON text, and nothing in it is executed.
"""

import json
import os
import zlib
from typing import Any

import numpy as np

from nnlib.datasets.splits import Split
from nnlib.files import atomic_write
from nnlib.training.callbacks import Callback, TrainingRun


class CheckpointError(ValueError):
    """Training cannot be resumed from a checkpoint; the message says why and what to do."""


class Checkpoint(Callback):
    """Writes the state of training to a file (.npz) after every epoch.

    If the file is there when training starts, training resumes from it, whatever the network's
    parameters, and ends with the same bits as if it had never stopped, also in a new process.
    The file must be from a run with the same arguments; without a schedule, `epochs` may be
    raised. Raises CheckpointError otherwise, having changed nothing.

    >>> fit(network, digits.train, digits.dev, callbacks=[Checkpoint("run.npz")])
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = path

    def on_start(self, run: TrainingRun) -> None:
        self._settings = _settings(run)
        if os.path.exists(self.path):
            self._resume(run)

    def on_epoch_end(self, run: TrainingRun) -> None:
        state = {name: getattr(run.optimizer, name) for name in run.optimizer.state_names}
        text = json.dumps(
            {"run": self._settings, "rows": run.history, "best_accuracy": run.best_accuracy}
        )
        arrays = {"parameters": run.network.parameters, "best": run.best} | state
        with atomic_write(self.path) as file:
            np.savez(file, info=np.array(text), **arrays)

    def _resume(self, run: TrainingRun) -> None:
        try:
            with np.load(self.path, allow_pickle=False) as file:
                info = json.loads(str(file["info"]))
                rows, best_accuracy = info["rows"], info["best_accuracy"]
                difference = _difference(info["run"], self._settings, len(rows), run.epochs)
                if not difference:
                    shape = run.network.parameters.shape
                    parameters = _of_shape(file["parameters"], shape)
                    best = _of_shape(file["best"], shape)
                    state = {name: file[name] for name in run.optimizer.state_names}
                    for array in state.values():
                        _of_shape(array, shape if array.ndim else ())
        except Exception as error:  # a damaged zip, array header or JSON raises many kinds
            raise CheckpointError(
                f"{self.path} is not a checkpoint that fit wrote, or it is damaged ({error}). "
                "Delete it to start training from the beginning."
            ) from error
        if difference:
            raise CheckpointError(
                f"{self.path} is the checkpoint of another run: {difference}. Give the same "
                "arguments as then, or another file name, or delete the file to start from the "
                "beginning."
            )
        run.network.parameters[...] = parameters
        run.best[...] = best
        run.best_accuracy, run.history = best_accuracy, rows
        for name, array in state.items():
            setattr(run.optimizer, name, array if array.ndim else array.item())


def _of_shape(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if array.shape != shape or array.dtype.kind not in "iuf":
        raise ValueError(f"an array is {array.dtype} {array.shape}, not of shape {shape}")
    return array


def _settings(run: TrainingRun) -> dict[str, Any]:
    """Every argument of `fit` that decides the result, as JSON values.

    A schedule is described by its values, and stretches over all epochs: only without one may
    their number be raised later.
    """
    schedule = run.schedule
    return {
        "network": f"{run.network!r} in {run.network.dtype}",
        "optimizer": repr(run.optimizer),
        "training images": _describe(run.train),
        "augmentation, on a sample,": _augmented_sample(run.train),
        "dev images": _describe(run.dev) if run.dev is not None else None,
        "l2": float(run.l2),
        "batch size": int(run.batch_size),
        "seed": int(run.seed),
        "schedule": [float(schedule(p / 8)) for p in range(9)] if schedule else None,
        "number of epochs": int(run.epochs) if schedule else None,
    }


def _difference(saved: dict[str, Any], now: dict[str, Any], done: int, epochs: int) -> str:
    for name, value in now.items():
        if saved[name] != value:
            return f"{name} was {saved[name]} and is now {value}"
    return f"it has finished {done} epochs, and {epochs} are asked for" if done > epochs else ""


def _describe(split: Split) -> str:
    crc = 0
    for array in (split.images, split.labels):
        crc = zlib.crc32(np.ascontiguousarray(array).data, crc)
    return f"{len(split)} with checksum {crc:08x}"


def _augmented_sample(split: Split) -> list[float]:
    """Four numbers that tell what the split makes of its first images.

    They recognize any augmentation in a new process, also a function without a name. Rounded,
    because another machine may compute the last bits differently.
    """
    images, _ = split.batch(slice(0, 4), np.random.default_rng(0))
    weights = np.cos(np.arange(images.shape[1]))  # so that it matters where the ink is
    return [round(float(value), 2) for value in images @ weights]
