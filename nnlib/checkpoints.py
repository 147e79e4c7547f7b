"""A training run that can be stopped, and goes on as if it had not been.

After every epoch `fit` writes all that the next epoch will need: the parameters, the best
ones so far, what the optimizer remembers, the history. The order of the images and the
draws of dropout need no place in it: every epoch makes its own generator from the seed
and the epoch's number. With the same arguments, the file then decides everything.

The file is an .npz of arrays and one JSON text, and nothing in it is executed.
"""

import json
import os
import zlib
from collections.abc import Callable

import numpy as np

from nnlib.data import Split
from nnlib.files import replacing
from nnlib.network import Network
from nnlib.optimizers import Optimizer, Schedule


class CheckpointError(ValueError):
    """A checkpoint cannot be gone on from; the message says why and what to do."""


def describe_run(
    network: Network,
    train: Split,
    dev: Split | None,
    optimizer: Optimizer,
    schedule: Schedule | None,
    l2: float,
    epochs: int,
    batch_size: int,
    seed: int,
    augment: Callable | None = None,
) -> dict:
    """Every argument of `fit` that decides what comes out, as JSON values.

    A schedule is known by its values, and is stretched over all epochs: only without one
    may their number be raised later. An augmentation is known by its repr.
    """
    return {
        "network": f"{network!r} in {network.dtype}",
        "optimizer": repr(optimizer),
        "training images": _checksum(train),
        "dev images": _checksum(dev) if dev is not None else None,
        "l2": float(l2),
        "batch size": int(batch_size),
        "seed": int(seed),
        "schedule": [float(schedule(p / 8)) for p in range(9)] if schedule else None,
        "number of epochs": int(epochs) if schedule else None,
        "augmentation": repr(augment) if augment else None,
    }


def save_checkpoint(
    path: str | os.PathLike,
    run: dict,
    network: Network,
    optimizer: Optimizer,
    rows: list[dict],
    best_accuracy: float,
    best: np.ndarray,
) -> None:
    """Replace the file at `path`; whoever interrupts this leaves the one before whole."""
    remembered = {name: getattr(optimizer, name) for name in optimizer.remembers}
    text = json.dumps({"run": run, "rows": rows, "best_accuracy": best_accuracy})
    with replacing(path) as file:
        np.savez(file, info=np.array(text), parameters=network.parameters, best=best, **remembered)


def load_checkpoint(
    path: str | os.PathLike, run: dict, network: Network, optimizer: Optimizer, epochs: int
) -> tuple[list[dict], float, np.ndarray]:
    """Put network and optimizer where `save_checkpoint` found them.

    Returns the history's rows, the best accuracy on dev and the best parameters.
    Raises CheckpointError, and has then changed nothing, for a damaged file or that of a
    run with other arguments.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            info = json.loads(str(arrays["info"]))
            rows, best_accuracy = info["rows"], info["best_accuracy"]
            difference = _difference(info["run"], run, len(rows), epochs)
            if not difference:
                parameters, best = arrays["parameters"], arrays["best"]
                remembered = {name: arrays[name] for name in optimizer.remembers}
    except Exception as error:  # zip, array header and JSON each fail in a dozen ways
        raise CheckpointError(
            f"{path} is not a checkpoint that fit wrote, or it is damaged ({error}). "
            "Delete it, and training starts anew."
        ) from error
    if difference:
        raise CheckpointError(
            f"{path} is the checkpoint of another run: {difference}. Give the same arguments "
            "as then, or another file name, or delete the file to start anew."
        )
    network.parameters[...] = parameters
    for name, array in remembered.items():
        setattr(optimizer, name, array if array.ndim else array.item())
    return rows, best_accuracy, best


def _difference(saved: dict, run: dict, done: int, epochs: int) -> str:
    for name, value in run.items():
        if saved[name] != value:
            return f"{name} was {saved[name]} and is now {value}"
    return f"it has {done} epochs behind it and is now to have {epochs}" if done > epochs else ""


def _checksum(split: Split) -> str:
    crc = 0
    for array in (split.images, split.labels):
        crc = zlib.crc32(np.ascontiguousarray(array), crc)
    return f"{len(split.labels)} with checksum {crc:08x}"
