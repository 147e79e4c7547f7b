"""Augmentation: new images from old ones, as another hand or pen might have drawn them.

    sampling positions = coefficients @ BASIS ──▶ one bilinear_sample ──▶ thicker or thinner

Rotation, shear, scale, shift and a smooth warp all say from where in the image the ink of
pixel (x, y) comes. So they are combined first, for a whole batch in one matrix product, and
each image is sampled once: sampling again would blur it again.
"""

from dataclasses import dataclass

import numpy as np

from nnlib.preprocessing.mnist_format import CENTER, SIDE

KNOTS = 4  # the warp is drawn at 4×4 points and is smooth between them


def _basis() -> np.ndarray:
    """(3 + KNOTS², 784): the functions 1, x, y and a bump around each knot, on the pixels.

    x and y are measured from the center. A bump is a Gaussian in each direction; all bumps are
    weighted to add up to 1 everywhere.
    """
    pixels = np.arange(SIDE)
    knots = np.linspace(0, SIDE - 1, KNOTS)
    width = 0.6 * (knots[1] - knots[0])
    bumps = np.exp(-0.5 * ((pixels - knots[:, None]) / width) ** 2)  # (KNOTS, 28)
    bumps /= bumps.sum(axis=0)
    warps = np.einsum("ay,bx->abyx", bumps, bumps).reshape(-1, SIDE * SIDE)
    y, x = np.mgrid[:SIDE, :SIDE].reshape(2, -1) - CENTER
    return np.concatenate([[np.ones_like(x), x, y], warps]).astype(np.float32)


BASIS = _basis()


@dataclass(frozen=True)
class Augmentation:
    """Random changes of images, and how large each may be.

    Every change but the warp is drawn uniformly from -limit to limit.

    rotation: degrees. shear: pixels to the side for each pixel down (slant). scale: the
    logarithm of the factor, for width and height separately, so the aspect ratio changes too.
    shift: pixels, in each direction. warp: the standard deviation, in pixels, of a random
    displacement at each knot; smoothed over the pixels, about half of it remains (Simard,
    Steinkraus & Platt 2003, on a coarse grid instead of a fine one). thickness: see
    `adjust_thickness`.

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
        """Images (N, 784) float32 → new ones of that shape, each changed independently."""

        def uniform(limit: float) -> np.ndarray:
            return rng.uniform(-limit, limit, len(images)).astype(np.float32)

        angle, shear = np.deg2rad(uniform(self.rotation)), uniform(self.shear)
        width, height = np.exp(uniform(self.scale)), np.exp(uniform(self.scale))
        cos, sin = np.cos(angle), np.sin(angle)
        coefficients = np.empty((2, len(images), len(BASIS)), np.float32)
        # [0]: the x to sample at, as a sum of 1, x, y and the bumps; [1]: the y
        coefficients[0, :, 0] = CENTER + uniform(self.shift)
        coefficients[0, :, 1] = cos * width
        coefficients[0, :, 2] = (cos * shear - sin) * height
        coefficients[1, :, 0] = CENTER + uniform(self.shift)
        coefficients[1, :, 1] = sin * width
        coefficients[1, :, 2] = (sin * shear + cos) * height
        coefficients[:, :, 3:] = rng.standard_normal(coefficients[:, :, 3:].shape, np.float32)
        coefficients[:, :, 3:] *= self.warp
        x, y = coefficients @ BASIS
        images = bilinear_sample(images, x, y)
        return adjust_thickness(images, uniform(self.thickness)) if self.thickness else images


def bilinear_sample(images: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Sample images at positions between their pixels, by bilinear interpolation.

    images: (N, 784). x, y: (N, 784), as an index: where in its image each pixel of the result
    is sampled. Outside the image is paper. Returns (N, 784) float32.
    """
    n, width = len(images), SIDE + 2
    bordered = np.zeros((n, width, width), np.float32)
    bordered[:, 1:-1, 1:-1] = images.reshape(n, SIDE, SIDE)
    # In the bordered images; clipped so that each position has a neighbor right and below.
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


def adjust_thickness(images: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Make strokes thicker (amount above 0) or thinner (below 0).

    images: (N, 784). amount: (N,) from -1 to 1. At 1 every pixel becomes the maximum of
    itself and its four neighbors, which makes a stroke about two pixels wider; at -1 the
    minimum, which makes it as much thinner; in between the two are blended linearly.
    """
    image = images.reshape(-1, SIDE, SIDE)
    most, least = image.copy(), image.copy()
    for extreme, combine in ((most, np.maximum), (least, np.minimum)):
        combine(extreme[:, 1:], image[:, :-1], out=extreme[:, 1:])
        combine(extreme[:, :-1], image[:, 1:], out=extreme[:, :-1])
        combine(extreme[:, :, 1:], image[:, :, :-1], out=extreme[:, :, 1:])
        combine(extreme[:, :, :-1], image[:, :, 1:], out=extreme[:, :, :-1])
    amount = amount.reshape(-1, 1, 1)
    thicker = np.maximum(amount, 0) * (most - image)
    thinner = np.minimum(amount, 0) * (image - least)
    return (image + thicker + thinner).reshape(images.shape)
