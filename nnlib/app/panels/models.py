"""What each model says."""

from collections.abc import Callable

import ipywidgets as widgets

from nnlib.app.panels.base import Snapshot
from nnlib.recognition.recognizer import Recognizer
from nnlib.recognition.registry import model_names


class ModelsPanel(widgets.HTML):
    """The answer of every model to the same input.

    load: gives the Recognizer for the name of a model.
    """

    title = "What each model says"

    def __init__(self, load: Callable[[str], Recognizer]) -> None:
        super().__init__()
        self._load, self._names = load, model_names()
        self.add_class("nnlib-models")

    def show(self, snapshot: Snapshot | None) -> None:
        self.value = f"<table>{''.join(self._row(name, snapshot) for name in self._names)}</table>"

    def _row(self, name: str, snapshot: Snapshot | None) -> str:
        recognizer = self._load(name)
        digit, percent, confidence = "", "", 0.0
        if snapshot is not None:
            probabilities = recognizer.probabilities(snapshot.prediction.input[None])[0]
            digit, confidence = str(probabilities.argmax()), float(probabilities.max())
            percent = f"{confidence:.1%}"
        widths = "→".join(map(str, recognizer.network.widths))
        return (
            f"<tr><th>{name}<small>{widths}</small></th><td><b>{digit}</b></td>"
            f'<td><i><span style="width:{confidence:.1%}"></span></i></td><td>{percent}</td></tr>'
        )
