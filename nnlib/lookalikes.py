"""Which training images look most like this tensor? The true nearest, in a few milliseconds.

    tensor ──▶ its 64 principal components ──▶ a lower bound of its distance to each image
           ──▶ true distances, of those images only that could be among the nearest

A projection never makes a distance longer, so whatever is farther away in 64 numbers than
the best found so far in 784 need not be looked at (Faloutsos, Ranganathan & Manolopoulos
1994). The images stay in a file that is mapped into memory, as bytes: all kernels of a
server share it, and each has in memory what it looks at.
"""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nnlib.data import CACHE, DEV, DataError, as_ink, local_mnist, read_mnist
from nnlib.drawing import SIDE

COMPONENTS = 64
FIRST = 60  # images whose true distances give the first limit


@dataclass(frozen=True)
class Lookalike:
    """A training image. image: (28, 28) in [0, 1]. distance: Euclidean, over its 784 inks."""

    index: int
    label: int
    image: np.ndarray
    distance: float


class Lookalikes:
    """Finds the nearest of MNIST's training images (`Digits.train`).

    folder: where the mapped files are; without one, in the user's cache, and made when they
    are first asked for, which takes a second or two.
    Raises DataError where MNIST is not on this machine (nothing is downloaded for it), or the
    folder cannot be written.
    """

    def __init__(self, folder: str | os.PathLike | None = None):
        folder = Path(folder) if folder is not None else CACHE / f"lookalikes-{COMPONENTS}"
        if not folder.is_dir():
            _prepare(folder)
        self.images = np.load(folder / "images.npy", mmap_mode="r")  # (50000, 784) uint8
        self.codes = np.load(folder / "codes.npy", mmap_mode="r")  # (50000, 64) float32
        self.labels = np.load(folder / "labels.npy")  # (50000,)
        self.mean = np.load(folder / "mean.npy")  # (784,)
        self.basis = np.load(folder / "basis.npy")  # (784, 64), orthonormal columns
        self._lengths = np.einsum("ij,ij->i", self.codes, self.codes)

    def nearest(
        self, tensor: np.ndarray, count: int = 3, label: int | None = None
    ) -> list[Lookalike]:
        """The `count` images with the smallest distance to a tensor (784,), nearest first.

        count: at most 60. label: only among the images with that label.
        """
        code = (tensor - self.mean) @ self.basis
        bounds = self._lengths - 2 * (self.codes @ code) + code @ code  # of squared distances
        if label is not None:
            bounds[self.labels != label] = np.inf
        first = np.argpartition(bounds, FIRST)[:FIRST]
        limit = np.sort(self._distances(tensor, first))[count - 1]
        within = np.flatnonzero(bounds <= limit**2 + 0.01)  # the bounds are rounded
        distances = self._distances(tensor, within)
        return [
            Lookalike(
                int(within[i]),
                int(self.labels[within[i]]),
                as_ink(self.images[within[[i]]]).reshape(SIDE, SIDE),
                float(distances[i]),
            )
            for i in np.argsort(distances)[:count]
        ]

    def _distances(self, tensor: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return np.linalg.norm(as_ink(self.images[rows]) - tensor, axis=1)


def _prepare(folder: Path) -> None:
    """Unpack the training images into `folder`, with their principal components."""
    mnist = local_mnist()
    if mnist is None:
        raise DataError(
            "Look-alikes need MNIST's training images, which are not on this machine. "
            "Fetch them once: python -c 'import nnlib; nnlib.load_mnist()'."
        )
    images = read_mnist(mnist, "train-images-idx3-ubyte.gz")[:-DEV].reshape(-1, SIDE * SIDE)
    labels = read_mnist(mnist, "train-labels-idx1-ubyte.gz")[:-DEV]
    some = as_ink(images[::10])  # any basis gives the true nearest; that of a sample gives few
    mean = some.mean(axis=0)
    _, vectors = np.linalg.eigh((some - mean).T @ (some - mean))
    basis = np.ascontiguousarray(vectors[:, -COMPONENTS:])
    # A part at a time: the kernel of a drawing app has better uses for 157 MB.
    starts = range(0, len(images), 5000)
    codes = np.concatenate([(as_ink(images[i : i + 5000]) - mean) @ basis for i in starts])
    arrays = dict(images=images, codes=codes, labels=labels, mean=mean, basis=basis)
    try:
        _write(folder, arrays)
    except OSError as error:
        raise DataError(
            f"Look-alikes need 52 MB in {folder.parent}, which cannot be written: {error}."
        ) from error


def _write(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    """Each array as .npy into a new folder; nobody ever finds half of them there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        for name, array in arrays.items():
            np.save(made / f"{name}.npy", array)
        made.replace(folder)
    except OSError:
        if not folder.is_dir():  # or else another kernel was faster, and its files are as good
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
