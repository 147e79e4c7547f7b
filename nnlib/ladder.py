"""The ladder: the recipes of the models in `data/models/`, each better than the last.

softmax  784→10              one layer, full-batch gradient descent
hidden   784→128→10          a hidden layer, mini-batches
deep     784→256→128→10      two hidden layers, Adam
robust   784→256→128→10      the same network, shown what other hands and pens might draw
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from nnlib import __version__
from nnlib.augment import Augmentation
from nnlib.data import FILES, Digits, Split
from nnlib.hands import more_hands, with_habits, with_optdigits
from nnlib.layers import Dense, ReLU
from nnlib.network import Network
from nnlib.optimizers import (
    Adam,
    GradientDescent,
    Momentum,
    Optimizer,
    Schedule,
    cosine_decay,
)
from nnlib.training import fit

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a model, but for its seed.

    prepare: makes the training images from MNIST's. augment: changes each batch of them.
    """

    widths: tuple[int, ...]
    optimizer: Callable[[], Optimizer]
    epochs: int
    batch_size: int | None = 128
    schedule: Schedule | None = None
    l2: float = 0.0
    init: str | float = "he"
    augment: Augmentation | None = None
    prepare: Callable[[Split], Split] | None = None

    def network(self, seed: int = 0) -> Network:
        """An untrained network: a Dense layer between any two widths, ReLU between layers."""
        layers = []
        for n_in, n_out in pairwise(self.widths):
            layers += [Dense(n_in, n_out, self.init), ReLU()]
        return Network(*layers[:-1], seed=seed)

    def train(
        self, digits: Digits, seed: int = 0, progress: bool = True
    ) -> tuple[Network, "pd.DataFrame"]:
        """Train a new network; return it and the history of `fit`.

        `network.info` says how it was made. It holds no time or date: the same recipe and
        seed make the same file.
        """
        network = self.network(seed)
        history = fit(
            network,
            self.prepare(digits.train) if self.prepare else digits.train,
            dev=digits.dev,
            optimizer=self.optimizer(),
            schedule=self.schedule,
            l2=self.l2,
            epochs=self.epochs,
            batch_size=self.batch_size,
            seed=seed,
            progress=progress,
            augment=self.augment,
        )
        best = history.loc[history["dev_accuracy"].idxmax()]
        network.info = {
            "seed": seed,
            "recipe": self.describe(),
            "dataset": {file: sha256 for file, (sha256, _) in FILES.items()},
            "metrics": {
                "dev_accuracy": round(float(best["dev_accuracy"]), 4),
                "dev_loss": round(float(best["dev_loss"]), 4),
            },
            "library": __version__,
        }
        return network, history

    def describe(self) -> dict:
        """The recipe as JSON values, for the model file."""
        recipe = {
            "widths": list(self.widths),
            "optimizer": repr(self.optimizer()),
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "schedule": self.schedule.__name__ if self.schedule else None,
            "l2": self.l2,
            "init": self.init,
        }
        if self.augment is not None:
            recipe["augment"] = repr(self.augment)
        if self.prepare is not None:
            recipe["prepare"] = self.prepare.__name__
        return recipe


LADDER = {
    "softmax": Recipe(
        widths=(784, 10),
        optimizer=lambda: Momentum(0.5, momentum=0.9),
        epochs=600,  # with a full batch, an epoch is one step
        batch_size=None,
        init=0.0,
    ),
    "hidden": Recipe(
        widths=(784, 128, 10),
        optimizer=lambda: GradientDescent(0.2),
        epochs=30,
        batch_size=64,
        schedule=cosine_decay,
        l2=1e-4,
    ),
    "deep": Recipe(
        widths=(784, 256, 128, 10),
        optimizer=lambda: Adam(2e-3),
        epochs=15,
        schedule=cosine_decay,
        l2=5e-4,
    ),
    "robust": Recipe(
        widths=(784, 256, 128, 10),
        optimizer=lambda: Adam(1e-3),
        epochs=150,
        schedule=cosine_decay,
        l2=5e-5,
        augment=Augmentation(),
        prepare=more_hands,
    ),
}

# What each ingredient of `deep` is worth: the same recipe with one thing taken out. The other
# optimizers' rates were chosen on dev too, from 0.1 to 0.8 and from 0.02 to 0.2 .
ABLATION = {
    "deep, complete": LADDER["deep"],
    "gradient descent, not Adam": replace(LADDER["deep"], optimizer=lambda: GradientDescent(0.4)),
    "momentum, not Adam": replace(LADDER["deep"], optimizer=lambda: Momentum(0.2)),
    "no decay of the rate": replace(LADDER["deep"], schedule=None),
    "no L2": replace(LADDER["deep"], l2=0.0),
    "weights drawn with 0.01, not He": replace(LADDER["deep"], init=0.01),
    "one hidden layer less": replace(LADDER["deep"], widths=(784, 256, 10)),
}


# What each part of the training of `robust` is worth, in far fewer epochs.
SHORT = replace(LADDER["robust"], epochs=10)
AUGMENTATIONS = {
    "everything": SHORT,
    "no rotation, slant, size, shift": replace(
        SHORT, augment=replace(SHORT.augment, rotation=0, shear=0, scale=0, shift=0)
    ),
    "no warp": replace(SHORT, augment=replace(SHORT.augment, warp=0)),
    "no change of thickness": replace(SHORT, augment=replace(SHORT.augment, thickness=0)),
    "no habits of other hands": replace(SHORT, prepare=with_optdigits),
    "no digits from optdigits": replace(SHORT, prepare=with_habits),
    "no L2": replace(SHORT, l2=0.0),
    "no decay of the rate": replace(SHORT, schedule=None),
    "MNIST, augmented": replace(SHORT, prepare=None),
    "MNIST, as it is": replace(SHORT, prepare=None, augment=None),
}


def describe_results(results: dict) -> str:
    """What `python -m nnlib ladder` measured, as a table in Markdown."""
    lines = [
        "| model | layers | dev | test |",
        "|---|---|---|---|",
    ]
    for name, runs in results["models"].items():
        layers = "→".join(str(width) for width in LADDER[name].widths)
        columns = []
        for split in ("dev", "test"):
            columns.append(_mean_and_spread([run[split] for run in runs]))
        lines.append(f"| `{name}` | {layers} | {' | '.join(columns)} |")
    return "\n".join(lines)


def describe_ablation(results: dict) -> str:
    """The table of the ablation in Markdown, from what `python -m nnlib ablation` measured."""
    lines = ["| recipe | dev accuracy | dev loss | train accuracy |", "|---|---|---|---|"]
    for name, runs in results["recipes"].items():
        dev = _mean_and_spread([run["dev"] for run in runs])
        dev_loss, train = (np.mean([run[key] for run in runs]) for key in ("dev_loss", "train"))
        lines.append(f"| {name} | {dev} | {dev_loss:.4f} | {train:.2%} |")
    return "\n".join(lines)


def describe_augmentation(results: dict) -> str:
    """The table of `python -m nnlib augmentation` in Markdown, from what it measured."""
    lines = ["| trained with | dev | pens |", "|---|---|---|"]
    for name, runs in results["recipes"].items():
        dev, pens = (_mean_and_spread([run[key] for run in runs]) for key in ("dev", "pens"))
        lines.append(f"| {name} | {dev} | {pens} |")
    return "\n".join(lines)


def _mean_and_spread(accuracies: list[float]) -> str:
    """In percent, with the standard deviation where there is more than one run."""
    spread = f" ± {100 * np.std(accuracies, ddof=1):.2f}" if len(accuracies) > 1 else ""
    return f"{100 * np.mean(accuracies):.2f}{spread} %"


def train(
    name: str, digits: Digits, seed: int = 0, progress: bool = True
) -> tuple[Network, "pd.DataFrame"]:
    """Train the model of that name by its recipe; return it and the history of `fit`."""
    network, history = LADDER[name].train(digits, seed, progress)
    network.info["name"] = name
    return network, history
