"""From pen strokes to the 28×28 image that MNIST would have made of them.

    strokes ──▶ scaled: with the pen, the longer side is 20 pixels
            ──▶ inked with a pen as thick as MNIST's
            ──▶ moved: the center of mass is at index (14, 14)

The functions take strokes as `check_strokes` returns them.
"""

import numpy as np

from nnlib.preprocessing.drawing import CANVAS_SIDE, check_sizes
from nnlib.preprocessing.mnist_format import BOX, CENTER, PEN_WIDTH, SIDE, center_of_mass


def normalize_strokes(strokes: list[np.ndarray], pen_width: float = PEN_WIDTH) -> np.ndarray:
    """Strokes of any size, anywhere → (28, 28) float64 as MNIST would have it.

    The strokes are scaled before they are inked, so the pen's width on the canvas does not
    matter. pen_width: in pixels of the result. A drawing of at most one canvas pixel is a
    dot, and keeps its size.
    """
    low, high = bounds(strokes)
    extent = (high - low).max()
    return center_strokes(strokes, (BOX - pen_width) / extent if extent > 1 else 1.0, pen_width)


def center_strokes(strokes: list[np.ndarray], scale: float, pen_width: float) -> np.ndarray:
    """(28, 28): strokes scaled, inked, and moved so that the center of mass is at (14, 14).

    pen_width: in pixels of the result, whatever the scale.
    """
    middle = np.mean(bounds(strokes), axis=0)
    centered = [(stroke - middle) * scale + CENTER for stroke in strokes]
    image = rasterize(centered, pen_width)
    if not image.any():  # all of it is outside the image, or too thin to leave ink
        return image
    shift = CENTER - np.array(center_of_mass(image))
    return rasterize([stroke + shift for stroke in centered], pen_width)


def shrink_strokes(
    strokes: list[np.ndarray],
    canvas: float = CANVAS_SIDE,
    pen: float | None = None,
    side: int = SIDE,
) -> np.ndarray:
    """The whole canvas shrunk to (side, side), as drawn: nothing is moved or scaled.

    canvas: its side, and pen: the pen's width on it, as `check_sizes` takes them.
    """
    canvas, pen = check_sizes(canvas, pen)
    scale = side / canvas
    return rasterize([stroke * scale - 0.5 for stroke in strokes], pen * scale, side)


def rasterize(strokes: list[np.ndarray], pen_width: float, side: int = SIDE) -> np.ndarray:
    """Draw strokes, given in index coordinates, with a round pen of `pen_width` pixels.

    Returns (side, side) float64: the fraction of each pixel that the pen covered, computed as
    if the pen were a straight band at the distance of the nearest segment. That is exact along
    a straight horizontal or vertical stroke, within 0.07 along any other, and off by up to 0.4
    in single pixels where strokes cross or turn sharply.
    """
    start = np.concatenate([s[:-1] if len(s) > 1 else s for s in strokes])  # (S, 2)
    end = np.concatenate([s[1:] if len(s) > 1 else s for s in strokes])
    place = np.arange(side, dtype=np.float64)
    nearest = np.full((side, side), np.inf)  # squared distance from each pixel
    reach = pen_width / 2 + 0.5  # pixels farther away than this are not covered
    for first in range(0, len(start), 32):
        # A few segments at a time, and only the pixels that they can reach.
        a, b = start[first : first + 32], end[first : first + 32]
        low, high = np.minimum(a, b).min(axis=0) - reach, np.maximum(a, b).max(axis=0) + reach
        left, top = np.clip(np.ceil(low), 0, side).astype(int)
        right, bottom = np.clip(np.floor(high) + 1, 0, side).astype(int)
        if left >= right or top >= bottom:
            continue
        x, y = place[left:right], place[top:bottom, None]  # (X,), (Y, 1)
        ax, ay = a.T[..., None, None]  # (S, 1, 1) each
        dx, dy = b.T[..., None, None] - (ax, ay)
        length = np.maximum(dx * dx + dy * dy, 1e-12)
        along = np.clip(((x - ax) * dx + (y - ay) * dy) / length, 0, 1)  # (S, Y, X)
        away = (ax + along * dx - x) ** 2 + (ay + along * dy - y) ** 2
        part = nearest[top:bottom, left:right]
        np.minimum(part, away.min(axis=0), out=part)
    distance, radius = np.sqrt(nearest), pen_width / 2
    covered = np.minimum(distance + 0.5, radius) - np.maximum(distance - 0.5, -radius)
    return np.clip(covered, 0, 1)


def bounds(strokes: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The corners (x, y) of the smallest box that holds all points."""
    points = np.concatenate(strokes)
    return points.min(axis=0), points.max(axis=0)
