"""What a panel is, and what it is given to show."""

from dataclasses import dataclass
from typing import Protocol

import ipywidgets as widgets

from nnlib.preprocessing.drawing import Drawing
from nnlib.recognition.recognizer import Prediction, Recognizer


@dataclass(frozen=True)
class Snapshot:
    """A drawing at one moment, and what a recognizer predicted for it.

    pen_up: False if the stroke is not finished yet.
    """

    drawing: Drawing
    recognizer: Recognizer
    prediction: Prediction
    pen_up: bool = True


class Panel(Protocol):
    """A widget that shows something about a snapshot, or its empty state for None (no drawing)."""

    def show(self, snapshot: Snapshot | None) -> None: ...


class TitledPanel(Panel, Protocol):
    """A panel that a `Collapsible` can hold."""

    title: str
    layout: widgets.Layout


def html(css_class: str) -> widgets.HTML:
    """An empty HTML widget with that class."""
    widget = widgets.HTML()
    widget.add_class(css_class)
    return widget
