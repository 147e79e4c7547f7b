"""Which pixels raise the score of the answer, and which lower it."""

import ipywidgets as widgets
import numpy as np

from nnlib.app.guard import Guard
from nnlib.app.images import Picture, row, row_width, signed
from nnlib.app.panels.base import Snapshot, html
from nnlib.explain.attribution import attribution
from nnlib.preprocessing.mnist_format import SIDE

LEGEND = (
    '<b class="nnlib-for">Blue</b> pixels raise the score of the digit, '
    '<b class="nnlib-against">orange</b> pixels lower it.'
)
EXACT = "Exact: this model adds up one term per pixel, and these are the terms."
APPROXIMATE = "Input × gradient: exact as long as no hidden unit switches on or off."


class AttributionPanel(widgets.VBox):
    """The attributions of the answer and of the runner-up, as colored pixels."""

    title = "Which pixels matter"

    def __init__(self, guard: Guard) -> None:
        self.picture = Picture(SIDE, row_width(2, SIDE), guard)
        self.captions = html("nnlib-captions")
        self.note = html("nnlib-note")
        super().__init__([self.picture, self.captions, self.note])
        self.add_class("nnlib-attribution")

    def show(self, snapshot: Snapshot | None) -> None:
        if snapshot is None:
            self.picture.clear()
            self.captions.value = "<span>the answer</span><span>the runner-up</span>"
            self.note.value = LEGEND
            return
        prediction, network = snapshot.prediction, snapshot.recognizer.network
        digits = (prediction.digit, prediction.runner_up)
        maps = [attribution(network, prediction.input, digit) for digit in digits]
        limit = float(np.abs(maps).max())
        self.picture.show(row([signed(values, limit, prediction.input) for values in maps]))
        self.captions.value = (
            f"<span>{digits[0]}, the answer</span><span>{digits[1]}, the runner-up</span>"
        )
        self.note.value = f"{LEGEND} {EXACT if network.is_linear else APPROXIMATE}"
