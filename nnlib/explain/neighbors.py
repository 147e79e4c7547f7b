"""The training images that look most like an input: the exact nearest, in a few milliseconds.

    image ──▶ its 64 principal components ──▶ a lower bound of its distance to each training image
          ──▶ exact distances, only to those that could be among the nearest

A projection never makes a distance longer, so an image whose distance in 64 components is larger
than the best full distance so far cannot be nearer (Faloutsos, Ranganathan & Manolopoulos 1994).
The images stay in a file, as bytes, and the components too: what a search needs is read from there,
which costs no memory, and a file that is damaged meanwhile is made again. (If the file was mapped
into memory, truncating it would kill the process.)
"""

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nnlib.datasets.mnist import N_DEV, local_mnist, read_mnist
from nnlib.datasets.splits import DataError, to_float_images
from nnlib.files import atomic_write, cache_path, read_array, remove_stale
from nnlib.preprocessing.mnist_format import SIDE

N_COMPONENTS = 64
N_CANDIDATES = 60  # images whose exact distances give the first limit
N_ROWS = 4000  # images that are read at a time


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

    path: the file with all that is needed; without one, in the user's cache. It is made where it is
    missing or damaged, which takes a second or two.
    labels: (50000,) uint8. mean: (784,), and basis: (784, 64), orthonormal columns.
    Raises DataError where MNIST is not on this machine (nothing is downloaded for it), or the
    file cannot be written.
    """

    # The file holds labels, mean and basis as three .npy, one after the other, then the images,
    # (50000, 784) uint8, and their components, (50000, 64) float32.

    def __init__(self, path: str | os.PathLike[str] | None = None):
        self._path = Path(path) if path else cache_path(f"neighbors-{N_COMPONENTS}.bin")
        self._lock = threading.Lock()
        self._open()

    def _open(self) -> None:
        remove_stale(self._path)
        try:
            self._read_file()
        except (OSError, EOFError, ValueError):
            _make(self._path)
            try:
                self._read_file()
            except (OSError, EOFError, ValueError) as error:
                raise DataError(f"{self._path} cannot be read: {error}.") from None

    def _read_file(self) -> None:
        # It stays open, so that all parts are of the same file when another one replaces it.
        self._file = file = open(self._path, "rb", buffering=0)  # noqa: SIM115
        self.labels, self.mean, self.basis = (read_array(file, 1_000_000) for _ in range(3))
        shapes = self.labels.ndim, self.mean.shape, self.basis.shape
        self._images_start = file.tell()
        self._codes_start = self._images_start + len(self.labels) * SIDE * SIDE
        size = self._codes_start + len(self.labels) * N_COMPONENTS * 4
        pixels = SIDE * SIDE
        if shapes != (1, (pixels,), (pixels, N_COMPONENTS)) or file.seek(0, os.SEEK_END) != size:
            raise EOFError
        self._lengths = np.concatenate([np.einsum("ij,ij->i", c, c) for c in self._codes()])

    def nearest(
        self, image: np.ndarray, count: int = 3, label: int | None = None
    ) -> list[Neighbor]:
        """The `count` training images with the smallest distance to an input, nearest first.

        image: (28, 28). count: 1 to 60. label: only among the images with that label.
        Raises ValueError for another count.
        """
        if not 1 <= count <= N_CANDIDATES:
            raise ValueError(f"count must be from 1 to {N_CANDIDATES}, not {count!r}.")
        try:
            return self._nearest(image.reshape(-1), count, label)
        except (OSError, EOFError):  # the file was truncated after it had been opened
            self._open()
            return self._nearest(image.reshape(-1), count, label)

    def _nearest(self, pixels: np.ndarray, count: int, label: int | None) -> list[Neighbor]:
        code = (pixels - self.mean) @ self.basis
        # Lower bounds of the squared distances.
        products = np.concatenate([codes @ code for codes in self._codes()])
        bounds = self._lengths - 2 * products + code @ code
        if label is not None:
            bounds[self.labels != label] = np.inf
        candidates = np.argpartition(bounds, N_CANDIDATES)[:N_CANDIDATES]
        limit = np.sort(self._distances(pixels, candidates))[count - 1]
        within = np.flatnonzero(bounds <= limit**2 + 0.01)  # the bounds are rounded
        distances = self._distances(pixels, within)
        nearest = np.argsort(distances)[:count]
        images = to_float_images(self._images(within[nearest])).reshape(-1, SIDE, SIDE)
        return [
            Neighbor(int(within[i]), int(self.labels[within[i]]), image, float(distances[i]))
            for i, image in zip(nearest, images, strict=True)
        ]

    def _distances(self, pixels: np.ndarray, rows: np.ndarray) -> np.ndarray:
        parts = (rows[i : i + N_ROWS] for i in range(0, len(rows), N_ROWS))
        images = (to_float_images(self._images(part)) for part in parts)
        return np.concatenate([np.linalg.norm(some - pixels, axis=1) for some in images])

    def _images(self, rows: np.ndarray) -> np.ndarray:
        """The images (N, 784) uint8 of these rows."""
        images = np.empty((len(rows), SIDE * SIDE), np.uint8)
        for image, row in zip(images, rows.tolist(), strict=True):
            self._read(image, self._images_start + row * image.nbytes)
        return images

    def _codes(self) -> Iterator[np.ndarray]:
        """The components of all images, a part (N, 64) float32 at a time."""
        for first in range(0, len(self.labels), N_ROWS):
            n = min(N_ROWS, len(self.labels) - first)
            codes = np.empty((n, N_COMPONENTS), np.float32)
            self._read(codes, self._codes_start + first * N_COMPONENTS * 4)
            yield codes

    def _read(self, array: np.ndarray, start: int) -> None:
        """Fill an array from that place in the file. Raises EOFError where the file ends."""
        with self._lock:  # threads share the place in the file
            self._file.seek(start)
            if self._file.readinto(array.data) != array.nbytes:
                raise EOFError


def _make(path: Path) -> None:
    """Write the file of the training images and their principal components."""
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
    try:
        with atomic_write(path) as file:
            for array in (labels, mean, basis):
                np.save(file, array)
            file.write(images.data)
            for first in range(0, len(images), N_ROWS):  # all of them would take 157 MB as float32
                file.write(((to_float_images(images[first : first + N_ROWS]) - mean) @ basis).data)
    except OSError as error:
        raise DataError(
            f"This needs to write 52 MB into {path.parent}, and cannot: {error}."
        ) from error
