"""Recorded drawings to try, each as a button that shows it."""

import itertools
from base64 import b64encode
from collections.abc import Callable, Sequence

import ipywidgets as widgets
import numpy as np

from nnlib.app.guard import Guard
from nnlib.app.images import drawing_to_svg
from nnlib.app.sketchpad import Sketchpad
from nnlib.datasets.drawings_file import read_drawings
from nnlib.files import data_path
from nnlib.preprocessing.drawing import Drawing

N_EXAMPLES = 12  # data/examples.jsonl has more: the others are for the notebooks


class ExampleButtons(widgets.HBox):
    """A button for each example, with its drawing as background (see `thumbnails_css`).

    load: called with the strokes, in pixels of the sketchpad.
    """

    def __init__(self, load: Callable[[Sequence[np.ndarray]], None], guard: Guard) -> None:
        drawings = read_drawings(data_path("examples.jsonl"))
        self.drawings = list(itertools.islice(drawings, N_EXAMPLES))
        self._load = load
        buttons = [self._button(index, guard) for index in range(len(self.drawings))]
        super().__init__(buttons)
        self.add_class("nnlib-examples")

    def thumbnails_css(self) -> str:
        """The CSS rules that show each drawing on its button."""
        return "\n".join(map(_thumbnail_css, itertools.count(), self.drawings))

    def _button(self, index: int, guard: Guard) -> widgets.Button:
        drawing = self.drawings[index]
        scale = Sketchpad.side / drawing.canvas
        strokes = [stroke * scale for stroke in drawing.strokes]
        button = widgets.Button(tooltip=drawing.note)
        button.on_click(guard(lambda _: self._load(strokes)))
        button.add_class("nnlib-example")
        button.add_class(f"nnlib-example-{index}")
        return button


def _thumbnail_css(index: int, drawing: Drawing) -> str:
    image = b64encode(drawing_to_svg(drawing).encode()).decode()
    return (
        f".nnlib-example-{index} {{ background-image: url('data:image/svg+xml;base64,{image}'); }}"
    )
