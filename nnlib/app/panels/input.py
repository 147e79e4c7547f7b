"""The input of the network: 28×28 pixels."""

import ipywidgets as widgets
import numpy as np

from nnlib.app.guard import Guard
from nnlib.app.images import Picture, gray
from nnlib.app.panels.base import Snapshot, html
from nnlib.preprocessing.mnist_format import SIDE


class InputPanel(widgets.VBox):
    """The pixels that enter the network, and the value of the pixel under the pointer."""

    hint = "Point at a pixel to see its value."

    def __init__(self, guard: Guard) -> None:
        self.input = np.zeros((SIDE, SIDE), np.float32)
        self._pixel: tuple[int, int] | None = None  # row and column under the pointer
        self.picture = Picture(SIDE, SIDE, guard)
        self.picture.add_class("nnlib-pixels")
        canvas = self.picture.canvas
        canvas.on_mouse_move(guard(self.point_at))
        canvas.on_mouse_down(guard(self.point_at))
        canvas.on_mouse_out(guard(lambda x, y: self.point_away()))
        self.pixel_value = html("nnlib-pixel")
        title = widgets.HTML("<h3>What the network sees: 28×28 pixels</h3>")
        super().__init__([title, self.picture, self.pixel_value])
        self.add_class("nnlib-input")

    def show(self, snapshot: Snapshot | None) -> None:
        self.input = np.zeros_like(self.input) if snapshot is None else snapshot.prediction.input
        self.picture.show(gray(self.input))
        self._show_pixel_value()

    def point_at(self, x: float, y: float) -> None:
        """The pointer is at x, y of the canvas, or on its border, where there is no pixel."""
        is_inside = 0 <= x < SIDE and 0 <= y < SIDE
        self._pixel = (int(y), int(x)) if is_inside else None
        self._show_pixel_value()

    def point_away(self) -> None:
        """The pointer has left the canvas."""
        self._pixel = None
        self._show_pixel_value()

    def _show_pixel_value(self) -> None:
        if self._pixel is None:
            self.pixel_value.value = self.hint
        else:
            row, column = self._pixel
            self.pixel_value.value = f"row {row}, column {column}: {self.input[row, column]:.3f}"
