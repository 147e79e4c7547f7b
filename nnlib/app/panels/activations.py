"""The activations of the hidden layers."""

import ipywidgets as widgets
import numpy as np

from nnlib.app.guard import Guard
from nnlib.app.images import Picture, bright
from nnlib.app.panels.base import Snapshot, html

MAX_LAYERS = 2  # hidden layers that there is room for
WIDTH = 16  # units in a row of an image


class ActivationsPanel(widgets.VBox):
    """How strongly each hidden unit is active: one small image per layer, one square per unit."""

    title = "The hidden layers"

    def __init__(self, guard: Guard) -> None:
        self.pictures = [Picture(WIDTH, WIDTH, guard) for _ in range(MAX_LAYERS)]
        self.captions = html("nnlib-captions")
        super().__init__([widgets.HBox(self.pictures), self.captions])
        self.add_class("nnlib-activations")

    def show(self, snapshot: Snapshot | None) -> None:
        layers: list[np.ndarray] = []
        if snapshot is not None:
            X = snapshot.prediction.input.reshape(1, -1)
            layers = [activation[0] for activation in snapshot.recognizer.network.activations(X)]
        captions = []
        for index, picture in enumerate(self.pictures):
            units = layers[index] if index < len(layers) else np.zeros(0)
            picture.show(bright(_fill_square(units)))
            active = f"layer {index + 1}: {np.count_nonzero(units)} of {len(units)} active"
            captions.append(f"<span>{active if len(units) else ''}</span>")
        if snapshot is not None and not layers:
            captions = ["<span>This model has no hidden layer.</span>"]
        self.captions.value = "".join(captions)


def _fill_square(units: np.ndarray) -> np.ndarray:
    """Units (n,) → rows of `WIDTH`, each repeated as often as it fits into a square."""
    rows = np.pad(units, (0, -len(units) % WIDTH)).reshape(-1, WIDTH)
    return rows.repeat(WIDTH // max(len(rows), 1), axis=0)
