"""The probabilities of the ten digits."""

import ipywidgets as widgets
import numpy as np

from nnlib.app.panels.base import Snapshot


class BarsPanel(widgets.HTML):
    """The ten probabilities as bars, pale where the drawing is probably no digit."""

    def __init__(self) -> None:
        super().__init__()
        self.add_class("nnlib-bars")

    def show(self, snapshot: Snapshot | None) -> None:
        probabilities = np.zeros(10) if snapshot is None else snapshot.prediction.probabilities
        best = None if snapshot is None else snapshot.prediction.digit
        is_pale = snapshot is not None and not snapshot.prediction.is_digit
        (self.add_class if is_pale else self.remove_class)("nnlib-pale")
        self.value = "".join(
            f'<div class="nnlib-bar{" nnlib-best" if digit == best else ""}"><b>{digit}</b>'
            f'<i><span style="width:{probability:.1%}"></span></i>'
            f"<em>{'' if snapshot is None else f'{probability:.1%}'}</em></div>"
            for digit, probability in enumerate(probabilities)
        )
