"""The app as one widget: the sketchpad, the scheduler and the panels, wired to a Recognizer."""

import functools
import os
from collections.abc import Callable
from pathlib import Path

import ipywidgets as widgets
from IPython.display import display

from nnlib.app.collapsible import Collapsible
from nnlib.app.examples import ExampleButtons
from nnlib.app.guard import log_to_terminal, make_guard
from nnlib.app.page import box, heartbeat, page_html
from nnlib.app.panels.activations import ActivationsPanel
from nnlib.app.panels.answer import AnswerPanel
from nnlib.app.panels.attribution import AttributionPanel
from nnlib.app.panels.bars import BarsPanel
from nnlib.app.panels.base import Snapshot, html
from nnlib.app.panels.diagnostics import DiagnosticsPanel
from nnlib.app.panels.export import ExportPanel
from nnlib.app.panels.input import InputPanel
from nnlib.app.panels.models import ModelsPanel
from nnlib.app.panels.neighbors import NeighborsPanel
from nnlib.app.panels.replay import ReplayPanel
from nnlib.app.panels.what_if import WhatIfPanel
from nnlib.app.scheduler import Scheduler
from nnlib.app.sketchpad import Sketchpad
from nnlib.preprocessing.drawing import Drawing, check_strokes
from nnlib.recognition.recognizer import Prediction, Recognizer
from nnlib.recognition.registry import DEFAULT_MODEL, model_names


class Inspector(widgets.VBox):
    """Draw a digit, and see what the network answers and why.

    snapshot: the drawing and its prediction as last shown, None while the pad is empty.

    In a notebook, `Inspector()` as the last line of a cell is the whole app.
    """

    def __init__(self) -> None:
        log_to_terminal()
        self.snapshot: Snapshot | None = None
        self.status = html("nnlib-status")
        self._guard = guard = make_guard(self.status)
        self._load = functools.cache(Recognizer.load)

        self.answer, self.bars, self.input = AnswerPanel(), BarsPanel(), InputPanel(guard)
        self.what_if = Collapsible(WhatIfPanel(guard), guard, is_open=True)
        self.diagnostics = Collapsible(DiagnosticsPanel(), guard, is_open=True)
        self.attribution = Collapsible(AttributionPanel(guard), guard, is_open=True)
        self.models = Collapsible(ModelsPanel(self._load), guard)
        self.activations = Collapsible(ActivationsPanel(guard), guard)
        self.neighbors = Collapsible(NeighborsPanel(guard), guard)
        self.replay = Collapsible(ReplayPanel(guard), guard)
        self.replay.add_class("nnlib-replay-collapsible")
        self.export = ExportPanel()
        self.collapsibles = (self.what_if, self.diagnostics, self.attribution, self.models,
                             self.activations, self.neighbors, self.replay)  # fmt: skip

        self.scheduler = Scheduler(self._predict, self.collapsibles, [self.export], guard)
        self.sketchpad = Sketchpad(self.scheduler.predict_soon, self.scheduler.predict_now, guard)
        self.undo = self._button("Undo", "nnlib-undo", self.sketchpad.undo)
        self.redo = self._button("Redo", "nnlib-redo", self.sketchpad.redo)
        self.clear = self._button("Clear", "nnlib-clear", self.sketchpad.clear)
        self.examples = ExampleButtons(self.sketchpad.load, guard)
        model = os.environ.get("NNLIB_MODEL", DEFAULT_MODEL)  # set by `nnlib serve --model`
        others = [(Path(model).stem, model)] if model not in model_names() else []
        names = [(name, name) for name in model_names()]
        self.model_choice = widgets.ToggleButtons(options=[*names, *others], value=model)
        self.model_choice.observe(guard(lambda change: self._choose_model()), "value")
        self.model_choice.add_class("nnlib-model")

        super().__init__([self.status, self._columns(), *heartbeat(guard)])
        self.add_class("nnlib-app")
        self._choose_model()

    @property
    def prediction(self) -> Prediction | None:
        """The last prediction, None while the pad is empty."""
        return None if self.snapshot is None else self.snapshot.prediction

    def _button(self, text: str, css_class: str, action: Callable[[], None]) -> widgets.Button:
        button = widgets.Button(description=text)
        button.on_click(self._guard(lambda _: action()))
        button.add_class(css_class)
        return button

    def _columns(self) -> widgets.VBox:
        pad = box("nnlib-pad", self.sketchpad, widgets.HBox([self.undo, self.redo, self.clear]))
        options = box("nnlib-options", self.model_choice, self.examples, self.export)
        answer_area = box("nnlib-answer-area", self.answer, self.bars)
        third = box("nnlib-column", self.input, self.what_if, self.attribution, self.activations)
        third.add_class("nnlib-third-column")
        return box(
            "nnlib-columns",
            box("nnlib-column", pad, options, self.replay),
            box("nnlib-column", answer_area, self.diagnostics, self.models, self.neighbors),
            third,
        )

    def _choose_model(self) -> None:
        self.recognizer = self._load(self.model_choice.value)
        self.scheduler.predict_now()

    def _predict(self, pen_up: bool) -> Snapshot | None:
        """Predict, and show the answer; the scheduler shows the other panels later."""
        self.status.value = ""
        pad = self.sketchpad
        self.undo.disabled, self.redo.disabled = not pad.can_undo, not pad.can_redo
        self.snapshot = None
        if pad.strokes:
            drawing = Drawing(check_strokes(pad.strokes), canvas=pad.side, pen=pad.pen)
            prediction = self.recognizer.predict(drawing.strokes, drawing.canvas, drawing.pen)
            self.snapshot = Snapshot(drawing, self.recognizer, prediction, pen_up)
        for panel in (self.answer, self.bars, self.input):
            panel.show(self.snapshot)
        return self.snapshot

    def _ipython_display_(self) -> None:
        """Show the style sheet and the scripts, then the widget itself."""
        page = {"text/html": page_html(self.examples.thumbnails_css())}
        widget = {**self._repr_mimebundle_(), "text/plain": "Inspector()"}
        display(page, widget, raw=True)  # type: ignore[no-untyped-call]
