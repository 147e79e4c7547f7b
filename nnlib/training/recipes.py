"""Recipes: everything that decides a model, except its seed. They are data.

softmax  784→10              one layer, full-batch gradient descent
hidden   784→128→10          a hidden layer, mini-batches
deep     784→256→128→10      two hidden layers, Adam
robust   784→256→128→11      the same network, with augmentation, the handwriting of people of
                             several countries, and letters and scribbles, which are no digits
"""

import reprlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlib.datasets.augmentation import Augmentation
from nnlib.datasets.handwriting import FRACTION, with_handwriting
from nnlib.datasets.nondigits import make_nondigits
from nnlib.datasets.optdigits import FILE, N_COPIES, SHA256, with_optdigits
from nnlib.datasets.splits import Digits, Split
from nnlib.datasets.stroke_augmentation import StrokeAugmentation, with_drawings
from nnlib.datasets.unipen import load_unipen_digits, load_unipen_letters, unipen_checksums
from nnlib.nn.layers import Dense, Layer, ReLU
from nnlib.nn.network import Network
from nnlib.nn.optimizers import Adam, GradientDescent, Momentum, Optimizer
from nnlib.nn.schedules import CosineDecay, ExponentialDecay
from nnlib.preprocessing.drawing import NO_DIGIT
from nnlib.training.calibration import fit_temperature
from nnlib.training.callbacks import Callback
from nnlib.training.fit import fit
from nnlib.training.metrics import loss_and_accuracy
from nnlib.version import __version__

if TYPE_CHECKING:
    import pandas as pd

N_OF_EACH = 20  # drawings of each kind of shape, which are no digits

# The classes that a recipe's JSON may name.
PARTS = {
    part.__name__: part
    for part in (
        GradientDescent,
        Momentum,
        Adam,
        CosineDecay,
        ExponentialDecay,
        Augmentation,
        StrokeAugmentation,
    )
}


@dataclass(frozen=True)
class Recipe:
    """How to make a model from MNIST. Recipes can be compared, pickled, and turned to JSON.

    widths: a Dense layer between each adjacent pair, ReLU between layers.
    optimizer: its settings; every training starts with a fresh one.
    epochs, batch_size, schedule, l2: as `fit` takes them. init: as `Dense` takes it.
    augmentation: how every batch is changed.
    handwriting: the fraction of 1s, 4s, 7s and 9s with a variant (`with_handwriting`).
    optdigits: how many copies of `load_optdigits` are added to MNIST.
    unipen: how many copies of `load_unipen_digits`, each of another variant.
    nondigits: how many examples that are no digits: two thirds letters, one third from
    `make_nondigits`. They need an eleventh output.
    strokes: how drawings are changed (`with_drawings`).

    Raises ValueError for a field of another kind.
    """

    widths: tuple[int, ...]
    optimizer: Optimizer
    epochs: int
    batch_size: int | None = 128
    schedule: CosineDecay | ExponentialDecay | None = None
    l2: float = 0.0
    init: str | float = "he"
    augmentation: Augmentation | None = None
    handwriting: float = 0.0
    optdigits: int = 0
    unipen: int = 0
    nondigits: int = 0
    strokes: StrokeAugmentation = StrokeAugmentation()  # noqa: RUF009 (it is frozen)

    def __post_init__(self) -> None:
        widths, batch_size = self.widths, self.batch_size
        valid = {
            "widths": len(widths) >= 2 and all(_is_count(width) for width in widths),
            "optimizer": isinstance(self.optimizer, Optimizer),
            "epochs": _is_count(self.epochs),
            "batch_size": batch_size is None or _is_count(batch_size),
            "schedule": isinstance(self.schedule, CosineDecay | ExponentialDecay | None),
            "l2": isinstance(self.l2, int | float),
            "init": isinstance(self.init, int | float) or self.init == "he",
            "augmentation": isinstance(self.augmentation, Augmentation | None),
            "handwriting": isinstance(self.handwriting, int | float),
            "optdigits": isinstance(self.optdigits, int),
            "unipen": isinstance(self.unipen, int),
            "nondigits": isinstance(self.nondigits, int)
            and (not self.nondigits or widths[-1:] == (NO_DIGIT + 1,)),
            "strokes": isinstance(self.strokes, StrokeAugmentation),
        }
        for name, is_valid in valid.items():
            if not is_valid:
                value = reprlib.repr(getattr(self, name))
                raise ValueError(f"A recipe cannot have {name} = {value}.")

    def network(self, seed: int = 0) -> Network:
        """An untrained network."""
        layers: list[Layer] = []
        for n_in, n_out in pairwise(self.widths):
            layers += [Dense(n_in, n_out, self.init), ReLU()]
        return Network(*layers[:-1], seed=seed)

    def training_data(self, train: Split, without: Collection[str] = ()) -> Split:
        """What the network learns from, made from MNIST's training images.

        without: the writers of UNIPEN that are left out.
        """
        if self.handwriting:
            train = with_handwriting(train, self.handwriting)
        if self.optdigits:
            train = with_optdigits(train, self.optdigits)
        if self.unipen or self.nondigits:
            digits = [d for d in load_unipen_digits() if d.writer not in without]
            train = with_drawings(train, digits, self.unipen * len(digits), self.strokes)
        if self.nondigits:
            letters = [
                letter
                for letter in load_unipen_letters()
                if letter.label == NO_DIGIT and letter.writer not in without
            ]
            shapes = make_nondigits(digits, N_OF_EACH)
            n_shapes = self.nondigits // 3
            train = with_drawings(train, letters, self.nondigits - n_shapes, self.strokes)
            train = with_drawings(train, shapes, n_shapes, self.strokes)
        return train.augmented(self.augmentation) if self.augmentation else train

    def train(
        self,
        digits: Digits,
        seed: int = 0,
        progress: bool = True,
        callbacks: Sequence[Callback] = (),
        without: Collection[str] = (),
    ) -> tuple[Network, "pd.DataFrame"]:
        """Train a new network; return it and the history of `fit`. callbacks: as `fit` takes them.

        without: the writers of UNIPEN that are left out.
        `network.info` says how it was made: seed, recipe, dataset (checksums), metrics on dev,
        temperature, library version. It holds no date: the same recipe and seed make the same
        file.
        """
        network = self.network(seed)
        history = fit(
            network,
            self.training_data(digits.train, without),
            dev=digits.dev,
            optimizer=self.optimizer.fresh(),
            schedule=self.schedule,
            l2=self.l2,
            epochs=self.epochs,
            batch_size=self.batch_size,
            seed=seed,
            progress=progress,
            callbacks=callbacks,
        )
        loss, accuracy = loss_and_accuracy(
            network, digits.dev.images, digits.dev.labels, n_classes=NO_DIGIT
        )
        network.info = {
            "seed": seed,
            "recipe": self.to_json(),
            "dataset": digits.checksums
            | ({FILE: SHA256} if self.optdigits else {})
            | (unipen_checksums() if self.unipen or self.nondigits else {}),
            "metrics": {"dev_accuracy": round(accuracy, 4), "dev_loss": round(loss, 4)},
            "temperature": self._temperature(network, digits.dev, seed),
            "library": __version__,
        }
        return network, history

    def _temperature(self, network: Network, dev: Split, seed: int) -> float:
        """Fitted on dev, changed as the training images are."""
        dev = dev.augmented(self.augmentation) if self.augmentation else dev
        images, labels = dev.batch(slice(None), np.random.default_rng(seed))
        return round(fit_temperature(network.forward(images)[:, :NO_DIGIT], labels), 3)

    def to_json(self) -> dict[str, Any]:
        """The recipe as JSON values; parts are objects with their class as "kind"."""
        return {f.name: _to_json(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Recipe":
        """The recipe of these values, as `to_json` or a model file's info["recipe"] has them.

        Raises ValueError for anything else.
        """
        try:
            arguments = {name: _from_json(value) for name, value in values.items()}
            return cls(**arguments | {"widths": tuple(arguments["widths"])})
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"This is not a recipe that nnlib wrote: {error!r}.") from None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and value > 0


def _to_json(value: Any) -> Any:
    if is_dataclass(value):
        settings = {f.name: getattr(value, f.name) for f in fields(value) if f.init}
        return {"kind": type(value).__name__} | settings
    return list(value) if isinstance(value, tuple) else value


def _from_json(value: Any) -> Any:
    if isinstance(value, dict):
        return PARTS[value["kind"]](**{k: v for k, v in value.items() if k != "kind"})
    return value


# The models of data/models, each better than the last.
MODELS = {
    "softmax": Recipe(
        widths=(784, 10),
        optimizer=Momentum(0.5, momentum=0.9),
        epochs=600,  # with a full batch, an epoch is one step
        batch_size=None,
        init=0.0,
    ),
    "hidden": Recipe(
        widths=(784, 128, 10),
        optimizer=GradientDescent(0.2),
        epochs=30,
        batch_size=64,
        schedule=CosineDecay(),
        l2=1e-4,
    ),
    "deep": Recipe(
        widths=(784, 256, 128, 10),
        optimizer=Adam(2e-3),
        epochs=15,
        schedule=CosineDecay(),
        l2=5e-4,
    ),
    "robust": Recipe(
        widths=(784, 256, 128, 11),
        optimizer=Adam(2e-3),
        epochs=120,
        schedule=CosineDecay(),
        l2=5e-5,
        augmentation=Augmentation(),
        handwriting=FRACTION,
        optdigits=N_COPIES,
        unipen=6,
        nondigits=12_000,
    ),
}

# What each ingredient of `deep` is worth: the same recipe with one thing replaced. Where that asks
# for another learning rate, it was chosen on dev: gradient descent from 0.1 to 0.8, momentum from
# 0.02 to 0.2, Adam without decay from 0.00025 to 0.002.
ABLATION = {
    "deep, complete": MODELS["deep"],
    "gradient descent, not Adam": replace(MODELS["deep"], optimizer=GradientDescent(0.4)),
    "momentum, not Adam": replace(MODELS["deep"], optimizer=Momentum(0.2)),
    "no decay of the rate": replace(MODELS["deep"], schedule=None),
    "no decay, rate 0.0005": replace(MODELS["deep"], schedule=None, optimizer=Adam(5e-4)),
    "no L2": replace(MODELS["deep"], l2=0.0),
    "weights drawn with 0.01, not He": replace(MODELS["deep"], init=0.01),
    "one hidden layer less": replace(MODELS["deep"], widths=(784, 256, 10)),
}

# What augmentation and other people's handwriting are worth, in few epochs; without UNIPEN.
ROBUST_SHORT = Recipe(
    widths=(784, 256, 128, 10),
    optimizer=Adam(1e-3),
    epochs=10,
    schedule=CosineDecay(),
    l2=5e-5,
    augmentation=Augmentation(),
    handwriting=FRACTION,
    optdigits=8,
)
AUGMENTATIONS = {
    "everything": ROBUST_SHORT,
    "no rotation, slant, size, shift": replace(
        ROBUST_SHORT, augmentation=Augmentation(rotation=0, shear=0, scale=0, shift=0)
    ),
    "no warp": replace(ROBUST_SHORT, augmentation=Augmentation(warp=0)),
    "no change of thickness": replace(ROBUST_SHORT, augmentation=Augmentation(thickness=0)),
    "no handwriting variants": replace(ROBUST_SHORT, handwriting=0.0),
    "no digits from optdigits": replace(ROBUST_SHORT, optdigits=0),
    "no L2": replace(ROBUST_SHORT, l2=0.0),
    "no decay of the rate": replace(ROBUST_SHORT, schedule=None),
    "MNIST, augmented": replace(ROBUST_SHORT, handwriting=0.0, optdigits=0),
    "MNIST, as it is": replace(ROBUST_SHORT, handwriting=0.0, optdigits=0, augmentation=None),
}
