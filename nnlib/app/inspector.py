"""The app as one widget: the sketchpad and the panels, wired to a Recognizer.

pen moves ──▶ stroke shown at once, a reading soon (at most ten a second)
pen lifted ──▶ a reading now ──▶ every panel shows it
"""

import asyncio
import functools
import logging
import sys
import time
from collections.abc import Callable
from html import escape
from pathlib import Path

import ipywidgets as widgets
from IPython.display import HTML, display

from nnlib.app.panels import AnswerPanel, BarsPanel, DiagnosticsPanel, TensorPanel
from nnlib.app.sketchpad import Sketchpad
from nnlib.recognizer import Reading, Recognizer, model_names

PAUSE = 0.09  # seconds from the end of a reading to the start of the next, while drawing
FIRST_MODEL = "robust"

# In a kernel, stderr goes to the page, where nobody looks: this goes to the server's terminal.
log = logging.getLogger("nnlib.app")
log.addHandler(logging.StreamHandler(sys.__stderr__))


class Inspector(widgets.Box):
    """Draw a digit and see what the network makes of it.

    reading: the last `Reading`, None while the pad is empty.

    In a notebook, `Inspector()` as the last line of a cell is the whole app.
    """

    def __init__(self):
        self.reading: Reading | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._earliest = 0.0  # when the next reading while drawing may start

        self.sketchpad = Sketchpad(self._read_soon, self._read_now, self._guard)
        self.answer, self.bars = AnswerPanel(), BarsPanel()
        self.tensor, self.diagnostics = TensorPanel(), DiagnosticsPanel()
        self.panels = (self.answer, self.bars, self.tensor, self.diagnostics)

        self.model = widgets.ToggleButtons(options=model_names(), value=FIRST_MODEL)
        self.model.observe(self._guard(lambda change: self._choose()), "value")
        self.model.add_class("nnlib-model")
        undo = self._button("Undo", "nnlib-undo", self.sketchpad.undo)
        clear = self._button("Clear", "nnlib-clear", self.sketchpad.clear)
        self.status = widgets.HTML()
        self.status.add_class("nnlib-status")

        pad = widgets.VBox([self.sketchpad, widgets.HBox([undo, clear]), self.model])
        pad.add_class("nnlib-pad")
        told = widgets.VBox([self.answer, self.bars])
        told.add_class("nnlib-told")
        super().__init__([self.status, pad, told, self.tensor, self.diagnostics, *self._pulse()])
        self.add_class("nnlib-app")
        self._choose()

    def _choose(self) -> None:
        """Take the chosen model, and read again."""
        self.recognizer = Recognizer.load(self.model.value)
        self._read_now()

    def _read_soon(self) -> None:
        """Read after a pause, unless a reading is coming already: there is never a queue."""
        if self._timer is None:
            wait = max(0.0, self._earliest - time.monotonic())
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:  # outside a kernel nothing would call back: pen-up will read
                return
            self._timer = loop.call_later(wait, self._guard(self._read_now))

    def _read_now(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        pad = self.sketchpad
        self.reading = self.recognizer.read(pad.strokes, pad.side, pad.pen) if pad.strokes else None
        for panel in self.panels:
            panel.show(self.reading)
        self.status.value = ""
        self._earliest = time.monotonic() + PAUSE

    def _guard(self, handler: Callable[..., None]) -> Callable[..., None]:
        """The handler, with an error told to the visitor in a sentence and to the log in full.

        Jupyter would show an exception in a widget's handler to nobody.
        """

        @functools.wraps(handler)
        def guarded(*arguments: object) -> None:
            try:
                handler(*arguments)
            except Exception as error:
                log.exception("a handler of the drawing app failed")
                sentence = str(error) if isinstance(error, ValueError) else ""
                self.status.value = (
                    "<p>Something went wrong with this drawing. "
                    f"{escape(sentence)} You can go on, or press Clear.</p>"
                )

        return guarded

    def _button(self, text: str, css_class: str, action: Callable[[], None]) -> widgets.Button:
        button = widgets.Button(description=text)
        button.on_click(self._guard(lambda _: action()))
        button.add_class(css_class)
        return button

    def _pulse(self) -> tuple[widgets.Button, widgets.HTML]:
        """Two hidden widgets: the page presses the first, the kernel answers in the second.

        So `watchdog.js` knows whether anybody still listens.
        """
        ping, pong = widgets.Button(), widgets.HTML("0")
        ping.add_class("nnlib-ping")
        pong.add_class("nnlib-pong")
        ping.on_click(lambda _: setattr(pong, "value", str(int(pong.value) + 1)))
        return ping, pong

    def _ipython_display_(self) -> None:
        """Show the style sheet and the watchdog, then the widget itself."""
        folder = Path(__file__).parent
        style = (folder / "style.css").read_text(encoding="utf-8")
        script = (folder / "watchdog.js").read_text(encoding="utf-8")
        display(HTML(f"<style>{style}</style><script>{script}</script>"))
        view = self._repr_mimebundle_()
        display({**view, "text/plain": "Inspector()"}, raw=True)
