"""Small images: arrays of pixels shown without smoothing, and strokes as SVG."""

from collections.abc import Sequence

import ipywidgets as widgets
import numpy as np
from ipycanvas import Canvas

from nnlib.app.guard import Guard
from nnlib.preprocessing.drawing import Drawing

INK = "#1b1b2f"
GAP = 4  # pixels between two images side by side

# Two colors that people with any common color blindness can tell apart (Okabe & Ito 2008).
FOR, AGAINST = np.array([0, 114, 178]), np.array([213, 94, 0])
PAPER = np.array([255, 255, 255])


class Picture(widgets.Box):
    """An image (height, width, 3) uint8 on a canvas, one canvas pixel for each of its pixels."""

    def __init__(self, height: int, width: int, guard: Guard) -> None:
        self.pixels = np.full((height, width, 3), 255, np.uint8)
        self.canvas = Canvas(width=width, height=height)
        self.canvas.layout.width, self.canvas.layout.height = "100%", "auto"
        self.canvas.on_client_ready(guard(self._draw))
        super().__init__([self.canvas])
        self.add_class("nnlib-picture")

    def show(self, pixels: np.ndarray) -> None:
        """Show these pixels (at most height × width of them); the rest becomes white."""
        new = np.full_like(self.pixels, 255)
        new[: pixels.shape[0], : pixels.shape[1]] = pixels
        if not np.array_equal(new, self.pixels):
            self.pixels = new
            self._draw()

    def clear(self) -> None:
        """Make every pixel white."""
        self.show(np.full_like(self.pixels, 255))

    def _draw(self) -> None:
        opaque = np.full((*self.pixels.shape[:2], 1), 255, np.uint8)
        self.canvas.put_image_data(np.concatenate([self.pixels, opaque], axis=2))


def row_width(count: int, width: int) -> int:
    """The width of a `row` of `count` images, each `width` wide."""
    return count * (width + GAP) - GAP


def row(images: Sequence[np.ndarray]) -> np.ndarray:
    """Images (h, w, 3) uint8 of equal size, side by side with white gaps."""
    gap = np.full((images[0].shape[0], GAP, 3), 255, np.uint8)
    return np.concatenate([part for image in images for part in (image, gap)][:-1], axis=1)


def gray(ink: np.ndarray) -> np.ndarray:
    """Ink (h, w) in [0, 1] → (h, w, 3) uint8, from white for 0 to black for 1."""
    levels = np.round(255 * (1 - ink)).astype(np.uint8)
    return np.stack([levels] * 3, axis=2)


def signed(values: np.ndarray, limit: float, ink: np.ndarray) -> np.ndarray:
    """Values (h, w) → (h, w, 3) uint8: blue where positive, orange where negative.

    limit: the absolute value that gets the full color. ink: (h, w) in [0, 1], shown in pale gray
    under the colors.
    """
    strength = np.clip(np.abs(values) / limit, 0, 1)[..., None] if limit else 0.0
    color = np.where(values[..., None] > 0, FOR, AGAINST)
    background = PAPER - 40 * ink[..., None]
    mixed: np.ndarray = background * (1 - strength) + color * strength
    return mixed.round().astype(np.uint8)


def bright(values: np.ndarray) -> np.ndarray:
    """Values (h, w) ≥ 0 → (h, w, 3) uint8, from white for 0 to blue for the largest."""
    strength = (values / (values.max(initial=0) or 1))[..., None]
    return np.round(PAPER * (1 - strength) + FOR * strength).astype(np.uint8)


def drawing_to_svg(drawing: Drawing) -> str:
    """The drawing as it looks on the pad, as an <svg> element."""
    lines = "".join(
        # The last point is repeated, because browsers do not show a line of one point.
        f"<polyline points='{' '.join(f'{x:.4g},{y:.4g}' for x, y in [*stroke, stroke[-1]])}'/>"
        for stroke in drawing.strokes
    )
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {drawing.canvas:g} "
        f"{drawing.canvas:g}' fill='none' stroke='{INK}' stroke-width='{drawing.pen:g}' "
        f"stroke-linecap='round' stroke-linejoin='round'>{lines}</svg>"
    )
