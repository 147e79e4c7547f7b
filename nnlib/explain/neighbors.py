"""The training images that look most like an input: the exact nearest, in a few milliseconds.

    image ──▶ its 64 principal components ──▶ a lower bound of its distance to each training image
          ──▶ exact distances, only to those that could be among the nearest

A projection never makes a distance longer, so an image whose distance in 64 components is larger
than the best full distance so far cannot be nearer (Faloutsos, Ranganathan & Manolopoulos 1994).
The images stay in a file that is mapped into memory, as bytes, so that all kernels of a server
share them.
"""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nnlib.datasets.mnist import N_DEV, local_mnist, read_mnist
from nnlib.datasets.splits import DataError, to_float_images
from nnlib.files import cache_path
from nnlib.preprocessing.mnist_format import SIDE

N_COMPONENTS = 64
N_CANDIDATES = 60  # images whose exact distances give the first limit


@dataclass(frozen=True, eq=False)
class Neighbor:
    """A training image: its row in `Digits.train`, its label, and the image (28, 28) in [0, 1].

    distance: Euclidean, over the 784 pixels.
    """

    index: int
    label: int
    image: np.ndarray
    distance: float


class NeighborIndex:
    """Finds the nearest of MNIST's training images (`Digits.train`).

    folder: where the mapped files are; without one, in the user's cache. They are made when
    they are first asked for, which takes a second or two.
    Raises DataError where MNIST is not on this machine (nothing is downloaded for it), or the
    folder cannot be written.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None):
        folder = Path(folder) if folder else cache_path(f"neighbors-{N_COMPONENTS}")
        if not folder.is_dir():
            _prepare(folder)
        self.images = np.load(folder / "images.npy", mmap_mode="r")  # (50000, 784) uint8
        self.codes = np.load(folder / "codes.npy", mmap_mode="r")  # (50000, 64) float32
        self.labels = np.load(folder / "labels.npy")  # (50000,)
        self.mean = np.load(folder / "mean.npy")  # (784,)
        self.basis = np.load(folder / "basis.npy")  # (784, 64), orthonormal columns
        self._lengths = np.einsum("ij,ij->i", self.codes, self.codes)

    def nearest(
        self, image: np.ndarray, count: int = 3, label: int | None = None
    ) -> list[Neighbor]:
        """The `count` training images with the smallest distance to an input, nearest first.

        image: (28, 28). count: 1 to 60. label: only among the images with that label.
        Raises ValueError for another count.
        """
        if not 1 <= count <= N_CANDIDATES:
            raise ValueError(f"count must be from 1 to {N_CANDIDATES}, not {count!r}.")
        pixels = image.reshape(-1)
        code = (pixels - self.mean) @ self.basis
        # Lower bounds of the squared distances.
        bounds = self._lengths - 2 * (self.codes @ code) + code @ code
        if label is not None:
            bounds[self.labels != label] = np.inf
        candidates = np.argpartition(bounds, N_CANDIDATES)[:N_CANDIDATES]
        limit = np.sort(self._distances(pixels, candidates))[count - 1]
        within = np.flatnonzero(bounds <= limit**2 + 0.01)  # the bounds are rounded
        distances = self._distances(pixels, within)
        return [
            Neighbor(
                int(within[i]),
                int(self.labels[within[i]]),
                to_float_images(self.images[within[[i]]]).reshape(SIDE, SIDE),
                float(distances[i]),
            )
            for i in np.argsort(distances)[:count]
        ]

    def _distances(self, pixels: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return np.linalg.norm(to_float_images(self.images[rows]) - pixels, axis=1)


def _prepare(folder: Path) -> None:
    """Unpack the training images into `folder`, with their principal components."""
    mnist = local_mnist()
    if mnist is None:
        raise DataError(
            "This needs MNIST's training images, which are not on this machine. "
            "Download them once: python -c 'import nnlib; nnlib.load_mnist()'."
        )
    images = read_mnist(mnist, "train-images-idx3-ubyte.gz")[:-N_DEV].reshape(-1, SIDE * SIDE)
    labels = read_mnist(mnist, "train-labels-idx1-ubyte.gz")[:-N_DEV]
    # Any orthonormal basis gives the exact nearest; that of a sample is good enough to be fast.
    sample = to_float_images(images[::10])
    mean = sample.mean(axis=0)
    _, vectors = np.linalg.eigh((sample - mean).T @ (sample - mean))
    basis = np.ascontiguousarray(vectors[:, -N_COMPONENTS:])
    # 5,000 images at a time, because all of them would take 157 MB as float32.
    starts = range(0, len(images), 5000)
    codes = np.concatenate([(to_float_images(images[i : i + 5000]) - mean) @ basis for i in starts])
    arrays = dict(images=images, codes=codes, labels=labels, mean=mean, basis=basis)
    try:
        _write(folder, arrays)
    except OSError as error:
        raise DataError(
            f"This needs to write 52 MB into {folder.parent}, and cannot: {error}."
        ) from error


def _write(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write each array as .npy into a temporary folder, and move it to `folder` when complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        for name, array in arrays.items():
            np.save(temporary / f"{name}.npy", array)
        temporary.replace(folder)
    except OSError:
        if not folder.is_dir():  # otherwise another process wrote the same files first
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
