"""Images with their labels, split into train, dev and test."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

Augment = Callable[[np.ndarray, np.random.Generator], np.ndarray]


class DataError(ValueError):
    """A data file is missing or not what it should be; the message says what to do."""


@dataclass(frozen=True, eq=False)
class Split:
    """Images (N, 784) float32 in [0, 1], ink 1 on paper 0, and labels (N,) int64."""

    images: np.ndarray
    labels: np.ndarray

    @classmethod
    def from_bytes(cls, images: np.ndarray, labels: np.ndarray) -> "Split":
        """Bytes (N, …) and labels (N,) → a Split."""
        return cls(to_float_images(images), labels.astype(np.int64))

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self):,} images)"

    @property
    def is_complete(self) -> bool:
        """Whether every label has its image."""
        return len(self.images) == len(self.labels)

    def batch(
        self, rows: np.ndarray | slice, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """(images, labels) of these rows, as training sees them."""
        return self.images[rows], self.labels[rows]

    def augmented(self, augment: Augment) -> "AugmentedSplit":
        """The same images and labels, with every batch changed at random.

        augment: (images (n, 784), generator) → images, such as an `Augmentation`. It replaces
        one that the split has already.

        >>> digits.train.augmented(Augmentation())
        """
        return AugmentedSplit(self.images, self.labels, augment, self)


@dataclass(frozen=True, eq=False, repr=False)
class AugmentedSplit(Split):
    """A Split whose batches are changed anew each time they are asked for.

    original: the split that the batches are taken from.
    """

    augment: Augment
    original: Split

    def batch(
        self, rows: np.ndarray | slice, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """(images, labels) of these rows; the images are changed."""
        images, labels = self.original.batch(rows, rng)
        return self.augment(images, rng), labels

    @property
    def is_complete(self) -> bool:
        """Whether every label has its image."""
        return self.original.is_complete

    def augmented(self, augment: Augment) -> "AugmentedSplit":
        """The original with another augmentation."""
        return self.original.augmented(augment)


@dataclass(frozen=True, eq=False, repr=False)
class VariedSplit(Split):
    """A Split of which some examples have several images; each time, one of them is taken.

    images: (M, 784) uint8, and labels: (N,). first, n_variants: (N,) the images of example i are
    those from first[i] to first[i] + n_variants[i] - 1.
    """

    first: np.ndarray
    n_variants: np.ndarray

    @property
    def is_complete(self) -> bool:
        """Whether every label has its images."""
        lengths = {len(self.labels), len(self.first), len(self.n_variants)}
        return len(lengths) == 1 and bool((self.first + self.n_variants <= len(self.images)).all())

    def batch(
        self, rows: np.ndarray | slice, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """(images, labels) of these rows, with a variant of each chosen at random."""
        chosen = self.first[rows] + rng.integers(self.n_variants[rows])
        return to_float_images(self.images[chosen]), self.labels[rows]


@dataclass(frozen=True, eq=False)
class Digits:
    """train to learn from, dev to choose by, test for the final measurement.

    checksums: the SHA-256 of each file that they come from.
    """

    train: Split
    dev: Split
    test: Split
    checksums: dict[str, str] = field(default_factory=dict, repr=False)


def to_float_images(images: np.ndarray) -> np.ndarray:
    """Bytes (N, …) → (N, 784) float32 in [0, 1]."""
    pixels: np.ndarray = images.reshape(len(images), 784).astype(np.float32, order="C")
    pixels /= 255
    return pixels
