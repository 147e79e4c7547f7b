"""New images from old ones, as another hand or another pen might have drawn them.

    where to look = coefficients @ BASIS ──▶ one bilinear lookup ──▶ thicker or thinner

Rotation, slant, size, place and a smooth warp all say the same thing: the ink of pixel
(x, y) comes from somewhere else in the image. So they are added up first, for a whole
batch in one matrix product, and the image is sampled once: every further lookup would
blur it again.
"""

from dataclasses import dataclass

import numpy as np

from nnlib.drawing import CENTRE, SIDE

KNOTS = 4  # the warp is drawn on 4×4 points and is smooth between them


def _basis() -> np.ndarray:
    """(3 + KNOTS², 784): the functions 1, x, y and a bump around each knot, on the pixels.

    x and y are measured from the centre. A bump is a Gaussian each way, weighted so that
    all the bumps add up to 1 everywhere.
    """
    pixels = np.arange(SIDE)
    knots = np.linspace(0, SIDE - 1, KNOTS)
    width = 0.6 * (knots[1] - knots[0])
    bumps = np.exp(-0.5 * ((pixels - knots[:, None]) / width) ** 2)  # (KNOTS, 28)
    bumps /= bumps.sum(axis=0)
    warps = np.einsum("ay,bx->abyx", bumps, bumps).reshape(-1, SIDE * SIDE)
    y, x = np.mgrid[:SIDE, :SIDE].reshape(2, -1) - CENTRE
    return np.concatenate([[np.ones_like(x), x, y], warps]).astype(np.float32)


BASIS = _basis()


@dataclass(frozen=True)
class Augmentation:
    """How far each change may go; all are drawn evenly from -limit to limit but the warp.

    rotation: degrees. shear: pixels to the side for each pixel down (slant). scale: the
    logarithm of the size, width and height on their own, so that the aspect changes too.
    shift: pixels, each way. warp: the standard deviation, in pixels, of a random displacement
    at each knot; blurred over the pixels between them, half of it is left (Simard, Steinkraus
    & Platt 2003, on a coarse grid instead of a fine one). thickness: see `thicken`.

    >>> Augmentation()(images, np.random.default_rng(0)).shape
    (N, 784)
    """

    rotation: float = 12.0
    shear: float = 0.25
    scale: float = 0.15
    shift: float = 0.7
    warp: float = 1.5
    thickness: float = 0.5

    def __call__(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Change every image (N, 784) float32 on its own; returns new ones of that shape."""

        def evenly(limit: float) -> np.ndarray:
            return rng.uniform(-limit, limit, len(images)).astype(np.float32)

        angle, shear = np.deg2rad(evenly(self.rotation)), evenly(self.shear)
        width, height = np.exp(evenly(self.scale)), np.exp(evenly(self.scale))
        cos, sin = np.cos(angle), np.sin(angle)
        coefficients = np.empty((2, len(images), len(BASIS)), np.float32)
        # where x comes from, as a sum of 1, x, y and the bumps; and where y comes from
        coefficients[0, :, 0] = CENTRE + evenly(self.shift)
        coefficients[0, :, 1] = cos * width
        coefficients[0, :, 2] = (cos * shear - sin) * height
        coefficients[1, :, 0] = CENTRE + evenly(self.shift)
        coefficients[1, :, 1] = sin * width
        coefficients[1, :, 2] = (sin * shear + cos) * height
        coefficients[:, :, 3:] = rng.standard_normal(coefficients[:, :, 3:].shape, np.float32)
        coefficients[:, :, 3:] *= self.warp
        x, y = coefficients @ BASIS
        images = lookup(images, x, y)
        return thicken(images, evenly(self.thickness)) if self.thickness else images


def lookup(images: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Sample images at places between their pixels, by bilinear interpolation.

    images: (N, 784). x, y: (N, 784), as index, where in its image each pixel of the result
    looks; beyond the border is paper. Returns (N, 784) float32.
    """
    n, width = len(images), SIDE + 2
    bordered = np.zeros((n, width, width), np.float32)
    bordered[:, 1:-1, 1:-1] = images.reshape(n, SIDE, SIDE)
    # In bordered images, and kept where each lookup has a neighbour right and below.
    x = np.clip(x + 1, 0, SIDE + 0.999)
    y = np.clip(y + 1, 0, SIDE + 0.999)
    left, top = x.astype(np.int32), y.astype(np.int32)
    x -= left
    y -= top
    corner = (np.arange(n)[:, None] * width + top) * width + left
    upper = bordered.take(corner)
    upper += x * (bordered.take(corner + 1) - upper)
    corner += width
    lower = bordered.take(corner)
    lower += x * (bordered.take(corner + 1) - lower)
    return upper + y * (lower - upper)


def thicken(images: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Thicker strokes for amounts above 0, thinner ones for amounts below.

    images: (N, 784). amount: (N,) from -1 to 1. At 1 every pixel takes the most ink of
    itself and its four neighbours, which makes a stroke about two pixels wider; at -1 the
    least, which takes as much away; in between the image is mixed with either.
    """
    image = images.reshape(-1, SIDE, SIDE)
    most, least = image.copy(), image.copy()
    for extreme, of in ((most, np.maximum), (least, np.minimum)):
        of(extreme[:, 1:], image[:, :-1], out=extreme[:, 1:])
        of(extreme[:, :-1], image[:, 1:], out=extreme[:, :-1])
        of(extreme[:, :, 1:], image[:, :, :-1], out=extreme[:, :, 1:])
        of(extreme[:, :, :-1], image[:, :, 1:], out=extreme[:, :, :-1])
    amount = amount.reshape(-1, 1, 1)
    thicker = np.maximum(amount, 0) * (most - image)
    thinner = np.minimum(amount, 0) * (image - least)
    return (image + thicker + thinner).reshape(images.shape)
