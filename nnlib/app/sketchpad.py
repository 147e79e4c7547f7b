"""A pad to draw on. The strokes live here, in Python; the browser only shows them.

Every event of the pointer is one message to the kernel. The segment it adds is shown at
once; what is to be done with the drawing is for the two callbacks to say.
"""

from collections import deque
from collections.abc import Callable, Sequence

import ipywidgets as widgets
import numpy as np
from ipycanvas import Canvas, hold_canvas

from nnlib.app.panels import Guard
from nnlib.app.pictures import INK
from nnlib.drawing import CANVAS, MOST_POINTS, MOST_STROKES, PEN_SHARE

MOST_CHANGES = 1_000  # that can be undone

Point = tuple[float, float]


class Sketchpad(widgets.Box):
    """Strokes drawn with mouse, finger or stylus.

    strokes: lists of (x, y) in canvas pixels, from 0 to `side`, y down.
    on_draw: called after every point. on_done: called when a stroke ends, and after undo,
    redo, clear and load. guard: wraps every handler that the browser calls.
    """

    side = int(CANVAS)
    pen = CANVAS * PEN_SHARE

    def __init__(
        self,
        on_draw: Callable[[], None],
        on_done: Callable[[], None],
        guard: Guard = lambda handler: handler,
    ):
        self.strokes: list[list[Point]] = []
        self.past: deque[list[list[Point]]] = deque(maxlen=MOST_CHANGES)  # strokes before changes
        self.future: list[list[list[Point]]] = []  # strokes that were undone
        self._drawing = False
        self._on_draw, self._on_done = on_draw, on_done

        self.canvas = canvas = Canvas(width=self.side, height=self.side)
        canvas.layout.width, canvas.layout.height = "100%", "auto"
        canvas.on_mouse_down(guard(self.begin))
        canvas.on_mouse_move(guard(self.extend))
        canvas.on_mouse_up(guard(lambda x, y: self.end()))
        # Letting the button go outside the canvas is never reported: leaving ends the stroke.
        canvas.on_mouse_out(guard(lambda x, y: self.end()))
        canvas.on_touch_start(guard(lambda touches: self.begin(*touches[0])))
        canvas.on_touch_move(guard(lambda touches: self.extend(*touches[0])))
        # These two report the fingers that are left, often none.
        canvas.on_touch_end(guard(lambda touches: self.end()))
        canvas.on_touch_cancel(guard(lambda touches: self.end()))
        canvas.on_client_ready(guard(self.redraw))
        super().__init__([canvas])
        self.add_class("nnlib-sketchpad")
        self.add_class("nnlib-empty")

    def begin(self, x: float, y: float) -> None:
        """The pen comes down at x, y."""
        if self._drawing or self._full():
            return
        self._drawing = True
        self.remove_class("nnlib-empty")
        self._remember()
        self.strokes = [*self.strokes, [(x, y)]]
        self.canvas.fill_circle(x, y, self.pen / 2)
        self._on_draw()

    def extend(self, x: float, y: float) -> None:
        """The pen moves to x, y; nothing if it is not down."""
        if not self._drawing or self._full():
            return
        stroke = self.strokes[-1]
        self.canvas.stroke_line(*stroke[-1], x, y)
        stroke.append((x, y))
        self._on_draw()

    def end(self) -> None:
        """The pen is lifted, or leaves the pad."""
        if self._drawing:
            self._drawing = False
            self._on_done()

    def undo(self) -> None:
        """Take back the last stroke, or the last clear or load."""
        if self.past:
            self.future.append(self.strokes)
            self._become(self.past.pop())

    def redo(self) -> None:
        """Take back the last undo."""
        if self.future:
            self.past.append(self.strokes)
            self._become(self.future.pop())

    def clear(self) -> None:
        """Take all strokes away."""
        self.load([])

    def load(self, strokes: Sequence[Sequence[Point]]) -> None:
        """Put other strokes in the place of these."""
        strokes = [[(float(x), float(y)) for x, y in stroke] for stroke in strokes]
        if strokes or self.strokes:
            self._remember()
            self._become(strokes)

    def redraw(self) -> None:
        """Show the strokes from scratch.

        A canvas that has just appeared in a browser needs it too: it knows neither the
        strokes nor the pen.
        """
        canvas = self.canvas
        with hold_canvas():
            canvas.line_width = self.pen
            canvas.line_cap = canvas.line_join = "round"
            canvas.stroke_style = canvas.fill_style = INK
            canvas.clear()
            for stroke in self.strokes:
                if len(stroke) == 1:
                    canvas.fill_circle(*stroke[0], self.pen / 2)
                else:
                    canvas.stroke_lines(np.array(stroke))

    def _remember(self) -> None:
        self.past.append(self.strokes)
        self.future.clear()

    def _become(self, strokes: list[list[Point]]) -> None:
        self._drawing = False
        self.strokes = strokes
        (self.remove_class if strokes else self.add_class)("nnlib-empty")
        self.redraw()
        self._on_done()

    def _full(self) -> bool:
        """Whether the drawing has as much as can be read."""
        points = sum(map(len, self.strokes))
        return len(self.strokes) >= MOST_STROKES or points >= MOST_POINTS
