"""Augmentation of strokes: the same drawing as another hand, or another pen, might have made it.

Images can be rotated, slanted and warped too (`augmentation`). What only strokes allow: another
width of the pen, strokes that are joined, lifted, shortened, or that lie somewhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nnlib.datasets.splits import Split, VariedSplit
from nnlib.preprocessing.drawing import Drawing
from nnlib.preprocessing.mnist_format import SIDE
from nnlib.preprocessing.strokes import bounds, normalize_strokes

N_POINTS = 25  # along the longer side of a drawing, to which its strokes are resampled
N_WAVES = 3
N_VARIANTS = 10  # of each drawing
NEAR = 0.35  # of the longer side: strokes that are farther apart are not joined
MIN_POINTS = 12  # of a stroke that is lifted or shortened


@dataclass(frozen=True)
class StrokeAugmentation:
    """Random changes of strokes, and how large each is.

    bending: the standard deviation of a smooth displacement, as a fraction of the longer side,
        of every second drawing. rotation (degrees), shear (sideways for each unit down) and scale
        (logarithm of the factor of width, and of height): standard deviations.
    place: the standard deviation of a stroke's displacement, as a fraction of the longer side.
    joined, lifted, shortened, moved: how often that happens to one of the strokes.
    thinnest, thickest: the pen's width is drawn between these, in pixels of the input.

    >>> StrokeAugmentation()(drawing.strokes, np.random.default_rng(0)).shape
    (28, 28)
    """

    bending: float = 0.03
    rotation: float = 6.0
    shear: float = 0.15
    scale: float = 0.13
    place: float = 0.03
    joined: float = 0.15
    lifted: float = 0.1
    shortened: float = 0.3
    moved: float = 0.3
    thinnest: float = 1.5
    thickest: float = 3.4

    def __call__(self, strokes: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
        """Strokes, as `check_strokes` returns them → a changed drawing, as (28, 28) input."""
        return normalize_strokes(
            self.change(strokes, rng), rng.uniform(self.thinnest, self.thickest)
        )

    def change(self, strokes: Sequence[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
        """The changed strokes; there may be one more or one less."""
        low, high = bounds(list(strokes))
        size = max(float((high - low).max()), 1.0)
        changed = [resample(stroke, size / N_POINTS) for stroke in strokes]
        if rng.random() < 0.5:
            changed = bend(changed, self.bending * size, rng)
        if rng.random() < self.joined and len(changed) > 1:
            i = rng.integers(len(changed) - 1)
            end, start = changed[i][-1], changed[i + 1][0]
            if np.hypot(*(end - start)) < NEAR * size:
                changed[i : i + 2] = [np.concatenate(changed[i : i + 2])]
        i = rng.integers(len(changed))
        if rng.random() < self.lifted and len(changed[i]) >= MIN_POINTS:
            middle = rng.integers(4, len(changed[i]) - 4)
            changed[i : i + 1] = [changed[i][:middle], changed[i][middle + 1 :]]
        i = rng.integers(len(changed))
        if rng.random() < self.shortened and len(changed[i]) >= MIN_POINTS:
            first, last = rng.integers(0, 3, 2)
            changed[i] = changed[i][first : len(changed[i]) - last]
        if rng.random() < self.moved and len(changed) > 1:
            i = rng.integers(len(changed))
            changed[i] = changed[i] + rng.normal(0, self.place * size, 2)
        angle = np.deg2rad(rng.normal(0, self.rotation))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        width, height = np.exp(rng.normal(0, self.scale, 2))
        matrix = turn @ [[width, rng.normal(0, self.shear)], [0, height]]
        return [(stroke - (low + high) / 2) @ matrix.T for stroke in changed]


def resample(stroke: np.ndarray, step: float) -> np.ndarray:
    """Points at equal distances of at most `step` along a stroke; a dot stays one point."""
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(stroke, axis=0).T))])
    if along[-1] == 0:
        return stroke[:1]
    places = np.linspace(0, along[-1], int(along[-1] / step) + 2)
    return np.stack([np.interp(places, along, stroke[:, axis]) for axis in (0, 1)], axis=1)


def bend(
    strokes: Sequence[np.ndarray], amount: float, rng: np.random.Generator
) -> list[np.ndarray]:
    """Move every point by a few random waves across the drawing, so that neighbors move together.

    amount: the standard deviation of the displacement, in the unit of the strokes.
    """
    low, high = bounds(list(strokes))
    size = max(float((high - low).max()), 1.0)
    frequencies = rng.normal(0, 0.6, (2, N_WAVES))  # periods along x and y
    phases = rng.uniform(0, 2 * np.pi, (N_WAVES, 2))
    heights = rng.normal(0, amount * np.sqrt(2 / N_WAVES), (N_WAVES, 2))
    bent = []
    for stroke in strokes:
        angles = 2 * np.pi * ((stroke - low) / size) @ frequencies
        bent.append(stroke + (heights * np.sin(angles[:, :, None] + phases)).sum(axis=1))
    return bent


def with_drawings(
    train: Split,
    drawings: Sequence[Drawing],
    n: int,
    augment: StrokeAugmentation,
    n_variants: int = N_VARIANTS,
    seed: int = 0,
) -> VariedSplit:
    """The examples of `train`, followed by n of labeled drawings, each with several variants.

    The drawings take turns. The variants of one are the drawing as it is, and n_variants - 1
    changed ones; they are made once, here, which takes about a millisecond each.
    """
    rng = np.random.default_rng(seed)
    images = np.empty((len(drawings), n_variants, SIDE, SIDE), np.uint8)
    for drawing, variants in zip(drawings, images, strict=True):
        for i, variant in enumerate(variants):
            image = augment(drawing.strokes, rng) if i else normalize_strokes(drawing.strokes)
            variant[...] = np.rint(255 * image)
    chosen = np.concatenate(
        [rng.permutation(len(drawings)) for _ in range(-(-n // len(drawings)))]
    )[:n]
    if not isinstance(train, VariedSplit):
        train = VariedSplit(
            np.rint(255 * train.images).astype(np.uint8),
            train.labels,
            first=np.arange(len(train)),
            n_variants=np.ones(len(train), np.int64),
        )
    return VariedSplit(
        np.concatenate([train.images, images.reshape(-1, SIDE * SIDE)]),
        np.concatenate([train.labels, np.array([drawings[i].label for i in chosen], np.int64)]),
        first=np.concatenate([train.first, len(train.images) + n_variants * chosen]),
        n_variants=np.concatenate([train.n_variants, np.full(n, n_variants)]),
    )
