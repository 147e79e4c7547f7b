"""Resume training from a checkpoint with identical results.

After every epoch the checkpoint gets all that the next epoch needs: the parameters, the best
ones so far, the optimizer's state, the history. The order of the images and the draws of
dropout are not in it, because every epoch makes its own generator from the seed and the
epoch's number.

The file is an .npz of arrays and one JSON text, and nothing in it is executed.
"""

import json
import math
import os
import zlib
from typing import Any

import numpy as np

from nnlib.datasets.splits import Split
from nnlib.files import atomic_write, read_arrays
from nnlib.training.callbacks import Callback, TrainingRun

MAX_INFO_BYTES = 20_000_000  # enough for 30,000 epochs


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
            with open(self.path, "rb") as file:
                text = read_arrays(file, {"info": MAX_INFO_BYTES})["info"]
                info = json.loads(str(text))
                rows, best_accuracy = info["rows"], info["best_accuracy"]
                difference = _difference(info["run"], self._settings, len(rows), run.epochs)
                if not difference:
                    _check_history(rows, best_accuracy)
                    names = ("parameters", "best", *run.optimizer.state_names)
                    limits = dict.fromkeys(names, run.network.parameters.nbytes)
                    arrays = read_arrays(file, limits)
                    for name, array in arrays.items():
                        _check_array(name, array, run.network.parameters)
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
        # Nothing below can fail, so all of it is applied or nothing.
        run.network.parameters[...] = arrays["parameters"]
        run.best[...] = arrays["best"]
        run.best_accuracy, run.history = best_accuracy, rows
        for name in run.optimizer.state_names:
            setattr(run.optimizer, name, arrays[name] if arrays[name].ndim else arrays[name].item())


def _check_array(name: str, array: np.ndarray, parameters: np.ndarray) -> None:
    """Raise ValueError unless it is like the parameters, or a number of the optimizer's state."""
    is_number = array.ndim == 0 and name not in ("parameters", "best") and array.dtype.kind in "iuf"
    if not is_number and (array.shape, array.dtype) != (parameters.shape, parameters.dtype):
        raise ValueError(f"its array {name!r} is {array.dtype} of shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"its array {name!r} has values that are not finite numbers")


def _check_history(rows: Any, best_accuracy: Any) -> None:
    """Raise ValueError unless the rows are numbers of the epochs 1, 2, 3 and so on."""
    numbers = [value for row in rows for value in row.values()]
    if not all(type(value) in (int, float) and math.isfinite(value) for value in numbers):
        raise ValueError("its history has values that are not finite numbers")
    if [row["epoch"] for row in rows] != list(range(1, len(rows) + 1)):
        raise ValueError("its history has other epochs than 1, 2, 3 and so on")
    if len({tuple(row) for row in rows}) > 1 or not -1 <= float(best_accuracy) <= 1:
        raise ValueError("its history is not one that fit wrote")


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
