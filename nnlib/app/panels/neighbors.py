"""The training images that are most similar to the input."""

import functools
from html import escape

import ipywidgets as widgets

from nnlib.app.guard import Guard
from nnlib.app.images import Picture, gray, row, row_width
from nnlib.app.panels.base import Snapshot, html
from nnlib.datasets.splits import DataError
from nnlib.explain.neighbors import NeighborIndex
from nnlib.preprocessing.mnist_format import SIDE

N_NEAREST = 3  # of any label; the nearest image of the runner-up follows


class NeighborsPanel(widgets.VBox):
    """The nearest training images, and the nearest of those with the runner-up's label."""

    title = "The most similar of 50,000 training images"

    def __init__(self, guard: Guard) -> None:
        self.picture = Picture(SIDE, row_width(N_NEAREST + 1, SIDE), guard)
        self.captions = html("nnlib-captions")
        super().__init__([self.picture, self.captions])
        self.add_class("nnlib-neighbors")

    @functools.cached_property
    def index(self) -> NeighborIndex:
        """Opened when first used: that takes a second or two on a new machine."""
        return NeighborIndex()

    def show(self, snapshot: Snapshot | None) -> None:
        if snapshot is None:
            self.picture.clear()
            self.captions.value = (
                "<span>nearest</span><span>2nd</span><span>3rd</span><span></span>"
            )
            return
        prediction = snapshot.prediction
        try:
            neighbors = self.index.nearest(prediction.input, N_NEAREST)
            neighbors += self.index.nearest(prediction.input, 1, label=prediction.runner_up)
        except DataError as error:
            self.captions.value = escape(str(error))
            return
        self.picture.show(row([gray(neighbor.image) for neighbor in neighbors]))
        captions = [f"a {neighbor.label}, {neighbor.distance:.1f} away" for neighbor in neighbors]
        captions[-1] = f"the nearest {prediction.runner_up}, {neighbors[-1].distance:.1f} away"
        self.captions.value = "".join(f"<span>{caption}</span>" for caption in captions)
