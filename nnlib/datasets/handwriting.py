"""Handwriting variants that MNIST hardly has: people elsewhere write some digits differently.

MNIST ──▶ some 1s get a flag and a foot, 4s a short stem, 7s a bar, 9s a hooked tail
"""

from collections.abc import Callable

import numpy as np

from nnlib.datasets.splits import Split
from nnlib.preprocessing.images import center_image, stroke_thickness
from nnlib.preprocessing.mnist_format import SIDE
from nnlib.preprocessing.strokes import rasterize

FRACTION = 0.5  # of MNIST's 1s, 4s, 7s and 9s that are given a variant

# From an image (28, 28) float32, at random: a stroke (n, 2), or the changed image (28, 28).
StrokeMaker = Callable[[np.ndarray, np.random.Generator], np.ndarray]
ImageChange = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def with_handwriting(train: Split, fraction: float = FRACTION, seed: int = 0) -> Split:
    """A copy in which a fraction of the 1s, 4s, 7s and 9s has its variant in `VARIANTS`."""
    rng = np.random.default_rng(seed)
    images = train.images.copy()
    for label, variant in VARIANTS.items():
        for i in np.flatnonzero(train.labels == label):
            if rng.random() < fraction:
                image = variant(images[i].reshape(SIDE, SIDE), rng)
                images[i] = center_image(image).reshape(-1)
    return Split(images, train.labels)


# A variant that adds a stroke returns it as (n, 2), in index coordinates, placed by the ink of the
# image. Lengths are in pixels of a digit that is about 20 pixels high.


def flag(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A stroke from the top of a 1, down to the left."""
    top, _ = _ends(image)
    angle, length = np.deg2rad(rng.uniform(20, 70)), rng.uniform(4, 13)
    return np.array([top, top + length * np.array([-np.cos(angle), np.sin(angle)])])


def foot(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A short line under a 1; its length may be near 0."""
    _, (x, y) = _ends(image)
    tilt = rng.uniform(-1, 1)
    return np.array([[x - rng.uniform(0, 6), y + tilt], [x + rng.uniform(0, 5), y - tilt]])


def bar(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A line across the stem of a 7, near its middle."""
    (_, top), (_, bottom) = _ends(image)
    y = top + (bottom - top) * rng.uniform(0.4, 0.7)
    x = _middle(image, round(y)) + rng.uniform(-1.5, 1.5)
    half, tilt = rng.uniform(2.5, 7), rng.uniform(-1.5, 1.5)
    return np.array([[x - half, y + tilt], [x + half, y - tilt]])


def hook(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A curve from the lower end of a 9, to the left and up again."""
    _, (x, y) = _ends(image)
    width, depth, rise = rng.uniform(4, 12), rng.uniform(0, 2), rng.uniform(0.5, 4)
    along = np.array([0, 0.3, 0.7, 1])
    return np.stack([x - width * along, y + depth * np.array([0, 1, 0.9, 1]) - rise * along**4], 1)


def short_stem(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A 4, as tall as before, whose stem ends soon below its crossbar (the row with most ink)."""
    (_, top), (_, bottom) = _ends(image)
    crossbar = image.sum(axis=1).argmax()
    below = min(crossbar + rng.uniform(2, 6), bottom)
    row = np.linspace(top, below, round(bottom - top) + 1)
    stretched = np.zeros_like(image)
    upper = row.astype(int)
    weight = (row - upper)[:, None]
    taken = (1 - weight) * image[upper] + weight * image[np.minimum(upper + 1, SIDE - 1)]
    stretched[round(top) : round(bottom) + 1] = taken
    return stretched


def _adding(*makers: StrokeMaker) -> ImageChange:
    """The variant that draws these strokes too, as thick as those of the image."""

    def variant(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        added = [make_stroke(image, rng) for make_stroke in makers]
        return np.maximum(image, rasterize(added, stroke_thickness(image)))

    return variant


VARIANTS = {1: _adding(flag, foot), 4: short_stem, 7: _adding(bar), 9: _adding(hook)}


def _ends(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(x, y) of the middle of the ink in the highest row that has some, and in the lowest."""
    rows = np.flatnonzero((image > 0.5 * image.max()).any(axis=1))
    top, bottom = rows[0], rows[-1]
    # The center line of a stroke is about one pixel, half its thickness, inside the ink's edge.
    return (
        np.array([_middle(image, top), top + 1.0]),
        np.array([_middle(image, bottom), bottom - 1.0]),
    )


def _middle(image: np.ndarray, row: int) -> float:
    """x of the middle of the ink in a row; the middle of the image where there is none."""
    line = image[row]
    return float(line @ np.arange(SIDE) / line.sum()) if line.any() else SIDE / 2
