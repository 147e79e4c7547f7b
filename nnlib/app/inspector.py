"""The app as one widget: the sketchpad and the panels, wired to a Recognizer.

pen moves ──▶ stroke shown at once, a reading soon (at most ten a second)
          ──▶ the answer, then two of the open panels in turn
pen lifted ──▶ a reading now ──▶ the answer, then one panel after the other
"""

import asyncio
import functools
import itertools
import logging
import sys
import time
from base64 import b64encode
from collections.abc import Callable
from html import escape
from pathlib import Path

import ipywidgets as widgets
from IPython.display import HTML, display
from threadpoolctl import ThreadpoolController

from nnlib.app.explanations import (
    Fold,
    InsidePanel,
    LadderPanel,
    LookalikesPanel,
    WhatIfPanel,
    WherePanel,
)
from nnlib.app.panels import AnswerPanel, BarsPanel, Moment, TensorPanel
from nnlib.app.pictures import as_svg
from nnlib.app.replay import ReplayPanel
from nnlib.app.sketchpad import Sketchpad
from nnlib.app.takeaway import TakeAwayPanel
from nnlib.app.unusual import UnusualPanel
from nnlib.drawing import Drawing, check_strokes, read_drawings
from nnlib.files import data_path
from nnlib.recognizer import Reading, Recognizer, model_names

# While drawing, a reading starts so many seconds after the last one was shown, or twice as long
# as that took: the pen comes first, on a slow machine too.
PAUSE = 0.09
BREATH = 0.004  # seconds before a panel, in which messages leave and moves of the pen are seen to
FIRST_MODEL = "robust"
EXAMPLES = 12  # how many of data/examples.jsonl can be tried; the others are for notebooks

# Products as small as here gain nothing from several threads, which would wait for each other
# and keep the processors from the browser and from other visitors.
BLAS = ThreadpoolController()

# In a kernel, stderr goes to the page, where nobody looks: this goes to the server's terminal.
log = logging.getLogger("nnlib.app")
log.addHandler(logging.StreamHandler(sys.__stderr__))


class Inspector(widgets.VBox):
    """Draw a digit and see what the network makes of it, and why.

    moment: the drawing and its `Reading` as they were last shown, None while the pad is empty.

    In a notebook, `Inspector()` as the last line of a cell is the whole app.
    """

    def __init__(self):
        self.moment: Moment | None = None
        self._timer: asyncio.TimerHandle | None = None  # of the next reading while drawing
        self._rest: asyncio.TimerHandle | None = None  # of the next panel to be shown
        self._started = 0.0  # when the last reading began
        self._earliest = 0.0  # when the next one while drawing may begin
        self._turn = 0  # of the panels that are shown while drawing
        self._load = functools.cache(Recognizer.load)

        self.sketchpad = Sketchpad(self._read_soon, self._read_now, self._guard)
        self.answer, self.bars, self.tensor = AnswerPanel(), BarsPanel(), TensorPanel()
        self.take_away = TakeAwayPanel()
        self.unusual = self._fold(UnusualPanel(), is_open=True)
        self.what_if = self._fold(WhatIfPanel(), is_open=True)
        self.where = self._fold(WherePanel(), is_open=True)
        self.ladder = self._fold(LadderPanel(self._load))
        self.inside = self._fold(InsidePanel())
        self.lookalikes = self._fold(LookalikesPanel())
        self.replay = self._fold(ReplayPanel(self._guard))
        self.replay.add_class("nnlib-replay-fold")
        self.folds = (self.what_if, self.unusual, self.where, self.ladder,
                      self.inside, self.lookalikes, self.replay)  # fmt: skip

        self.model = widgets.ToggleButtons(options=model_names(), value=FIRST_MODEL)
        self.model.observe(self._guard(lambda change: self._choose()), "value")
        self.model.add_class("nnlib-model")
        self.undo = self._button("Undo", "nnlib-undo", self.sketchpad.undo)
        self.redo = self._button("Redo", "nnlib-redo", self.sketchpad.redo)
        self.clear = self._button("Clear", "nnlib-clear", self.sketchpad.clear)
        drawings = read_drawings(data_path("examples.jsonl"))
        self.examples = list(itertools.islice(drawings, EXAMPLES))
        self.example_buttons = [self._example(place) for place in range(EXAMPLES)]
        self.status = widgets.HTML()
        self.status.add_class("nnlib-status")

        super().__init__([self.status, self._columns(), *self._pulse()])
        self.add_class("nnlib-app")
        self._choose()

    @property
    def reading(self) -> Reading | None:
        """The last `Reading`, None while the pad is empty."""
        return self.moment and self.moment.reading

    def _columns(self) -> widgets.Box:
        buttons = widgets.HBox([self.undo, self.redo, self.clear])
        pad = _box("nnlib-pad", self.sketchpad, buttons)
        told = _box("nnlib-told", self.answer, self.bars)
        examples = widgets.HBox(self.example_buttons)
        examples.add_class("nnlib-examples")
        options = _box("nnlib-options", self.model, examples, self.take_away)
        columns = [
            _box("nnlib-column", pad, options, self.replay),
            _box("nnlib-column", told, self.unusual, self.ladder, self.lookalikes),
            _box("nnlib-column", self.tensor, self.what_if, self.where, self.inside),
        ]
        columns[-1].add_class("nnlib-more")
        return _box("nnlib-columns", *columns)

    def _fold(self, panel: widgets.Widget, is_open: bool = False) -> Fold:
        return Fold(panel, is_open, self._guard)

    def _choose(self) -> None:
        """Take the chosen model, and read again."""
        self.recognizer = self._load(self.model.value)
        self._read_now()

    def _read_soon(self) -> None:
        """Read after a pause, unless a reading is coming already: there is never a queue."""
        if self._timer is None:
            wait = max(0.0, self._earliest - time.monotonic())
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:  # outside a kernel nothing would call back: pen-up will read
                return
            read = functools.partial(self._read_now, lifted=False)
            self._timer = loop.call_later(wait, self._guard(read))

    def _read_now(self, lifted: bool = True) -> None:
        """Read the drawing, show the answer, and then the rest."""
        for coming in (self._timer, self._rest):
            if coming is not None:
                coming.cancel()
        self._timer = self._rest = None
        self._started = time.monotonic()
        self.status.value = ""
        pad = self.sketchpad
        self.undo.disabled, self.redo.disabled = not pad.past, not pad.future
        self.moment = None
        if pad.strokes:
            drawing = Drawing(check_strokes(pad.strokes), canvas=pad.side, pen=pad.pen)
            reading = self.recognizer.read(drawing.strokes, drawing.canvas, drawing.pen)
            self.moment = Moment(drawing, self.recognizer, reading, lifted)
        for panel in (self.answer, self.bars, self.tensor):
            panel.show(self.moment)
        self._show_later([*self.folds, self.take_away] if lifted else self._next_folds())

    def _next_folds(self) -> list[Fold]:
        """The two open panels whose turn it is: while drawing, there is no time for more."""
        panels = [fold for fold in self.folds if fold.button.value]
        self._turn += 2
        return [panels[(self._turn + place) % len(panels)] for place in range(min(2, len(panels)))]

    def _show_later(self, panels: list[widgets.Widget]) -> None:
        """Show the reading in these panels, a breath later: the answer is on its way by then.

        While the pen is down they come one at a time, for it has its turn between them.
        """
        self._earliest = time.monotonic() + max(PAUSE, 2 * (time.monotonic() - self._started))
        if not panels:
            self._rest = None
            return
        drawing = self.moment is not None and not self.moment.lifted
        now = panels[:1] if drawing else panels

        def show() -> None:
            for panel in now:
                self._guard(panel.show)(self.moment)
            self._show_later(panels[len(now) :])

        try:
            self._rest = asyncio.get_running_loop().call_later(BREATH, show)
        except RuntimeError:  # outside a kernel there is nobody to wait for
            show()

    def _guard(self, handler: Callable[..., None]) -> Callable[..., None]:
        """The handler, in one thread, with an error told to the visitor and to the log.

        The visitor gets a sentence, the log all of it; Jupyter would show it to nobody.
        """

        def guarded(*arguments: object) -> None:
            try:
                with BLAS.limit(limits=1, user_api="blas"):
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

    def _example(self, place: int) -> widgets.Button:
        """A button with a recorded drawing; the style sheet draws its face."""
        drawing, scale = self.examples[place], Sketchpad.side / self.examples[place].canvas
        strokes = [stroke * scale for stroke in drawing.strokes]
        button = self._button("", "nnlib-example", lambda: self.sketchpad.load(strokes))
        button.add_class(f"nnlib-example-{place}")
        button.tooltip = drawing.note
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
        """Show the style sheet and the scripts, then the widget itself."""
        style, access, watchdog = (
            (Path(__file__).parent / name).read_text(encoding="utf-8")
            for name in ("style.css", "access.js", "watchdog.js")
        )
        style += "\n".join(map(_face, range(EXAMPLES), self.examples))
        display(HTML(f"<style>{style}</style><script>{access}\n{watchdog}</script>"))
        view = self._repr_mimebundle_()
        display({**view, "text/plain": "Inspector()"}, raw=True)


def _box(css_class: str, *children: widgets.Widget) -> widgets.VBox:
    box = widgets.VBox(children)
    box.add_class(css_class)
    return box


def _face(place: int, drawing: Drawing) -> str:
    """The rule of the style sheet that shows a drawing on its button."""
    face = b64encode(as_svg(drawing).encode()).decode()
    return (
        f".nnlib-example-{place} {{ background-image: url('data:image/svg+xml;base64,{face}'); }}"
    )
