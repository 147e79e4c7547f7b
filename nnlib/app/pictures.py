"""Small images: arrays of pixels, enlarged without smoothing, and strokes as SVG."""

from collections.abc import Sequence

import ipywidgets as widgets
import numpy as np
from ipycanvas import Canvas

from nnlib.drawing import Drawing

INK = "#1b1b2f"
GAP = 4  # pixels between two images side by side

# Two colours that no common colour blindness confuses (Okabe & Ito 2008).
FOR, AGAINST = np.array([0, 114, 178]), np.array([213, 94, 0])
PAPER = np.array([255, 255, 255])


class Picture(widgets.Box):
    """Shows colours (height, width, 3) uint8, one canvas pixel for each."""

    def __init__(self, height: int, width: int):
        self.pixels = np.full((height, width, 3), 255, np.uint8)
        self.canvas = Canvas(width=width, height=height)
        self.canvas.layout.width, self.canvas.layout.height = "100%", "auto"
        self.canvas.on_client_ready(self._draw)
        super().__init__([self.canvas])
        self.add_class("nnlib-picture")

    def show(self, pixels: np.ndarray) -> None:
        """Show other pixels; what is not covered is white."""
        shown = np.full_like(self.pixels, 255)
        shown[: pixels.shape[0], : pixels.shape[1]] = pixels
        if not np.array_equal(shown, self.pixels):
            self.pixels = shown
            self._draw()

    def clear(self) -> None:
        """Show white."""
        self.show(np.full_like(self.pixels, 255))

    def _draw(self) -> None:
        opaque = np.full((*self.pixels.shape[:2], 1), 255, np.uint8)
        self.canvas.put_image_data(np.concatenate([self.pixels, opaque], axis=2))


def row_width(count: int, width: int) -> int:
    """The width of a `row` of so many images."""
    return count * (width + GAP) - GAP


def row(images: Sequence[np.ndarray]) -> np.ndarray:
    """Images (h, w, 3) of equal size side by side, with gaps."""
    gap = np.full((images[0].shape[0], GAP, 3), 255, np.uint8)
    return np.concatenate([part for image in images for part in (image, gap)][:-1], axis=1)


def grey(ink: np.ndarray) -> np.ndarray:
    """Ink (h, w) from 0, paper, to 1, black → (h, w, 3) uint8."""
    return np.repeat(np.round(255 * (1 - ink)).astype(np.uint8)[..., None], 3, axis=2)


def signed(values: np.ndarray, limit: float, ink: np.ndarray) -> np.ndarray:
    """Values (h, w) → (h, w, 3) uint8: blue where positive, orange where negative.

    limit: the size that gets the full colour. ink: (h, w), shown in a pale grey below.
    """
    strength = np.clip(np.abs(values) / limit, 0, 1)[..., None] if limit else 0.0
    colour = np.where(values[..., None] > 0, FOR, AGAINST)
    below = PAPER - 40 * ink[..., None]
    return np.round(below * (1 - strength) + colour * strength).astype(np.uint8)


def bright(values: np.ndarray) -> np.ndarray:
    """Values (h, w) ≥ 0 → (h, w, 3) uint8, from white for 0 to blue for the largest."""
    share = (values / (values.max(initial=0) or 1))[..., None]
    return np.round(PAPER * (1 - share) + FOR * share).astype(np.uint8)


def as_svg(drawing: Drawing) -> str:
    """The strokes as they look on the pad."""
    lines = "".join(
        # The last point stands twice, because a line of one point would not be shown.
        f"<polyline points='{' '.join(f'{x:.4g},{y:.4g}' for x, y in [*stroke, stroke[-1]])}'/>"
        for stroke in drawing.strokes
    )
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {drawing.canvas:g} "
        f"{drawing.canvas:g}' fill='none' stroke='{INK}' stroke-width='{drawing.pen:g}' "
        f"stroke-linecap='round' stroke-linejoin='round'>{lines}</svg>"
    )
