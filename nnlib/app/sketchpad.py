"""A pad to draw on. The strokes live here, in Python; the browser only shows them.

Every pointer event is one message to the kernel. The pad shows the new segment at once, and
calls back: the owner decides when to predict.
"""

from collections import deque
from collections.abc import Callable, Sequence

import ipywidgets as widgets
import numpy as np
from ipycanvas import Canvas, hold_canvas

from nnlib.app.guard import Guard
from nnlib.app.images import INK
from nnlib.preprocessing.drawing import (
    CANVAS_SIDE,
    MAX_POINTS,
    MAX_STROKES,
    PEN_FRACTION,
    check_strokes,
)

MAX_UNDO = 1_000  # changes that can be undone

Point = tuple[float, float]
Strokes = list[list[Point]]


class Sketchpad(widgets.Box):
    """Strokes drawn with mouse, finger or stylus.

    strokes: lists of (x, y) in canvas pixels, from 0 to `side`, y down.
    on_draw: called after every point. on_done: called when a stroke ends, and after undo,
    redo, clear and load.
    """

    side = int(CANVAS_SIDE)
    pen = CANVAS_SIDE * PEN_FRACTION

    def __init__(
        self, on_draw: Callable[[], None], on_done: Callable[[], None], guard: Guard
    ) -> None:
        self.strokes: Strokes = []
        self._undo_stack: deque[Strokes] = deque(maxlen=MAX_UNDO)  # the strokes before each change
        self._redo_stack: list[Strokes] = []  # the strokes before each undo
        self._drawing = False
        self._on_draw, self._on_done = on_draw, on_done

        self.canvas = canvas = Canvas(width=self.side, height=self.side)
        canvas.layout.width, canvas.layout.height = "100%", "auto"
        canvas.on_mouse_down(guard(self.begin))
        canvas.on_mouse_move(guard(self.extend))
        canvas.on_mouse_up(guard(lambda x, y: self.end()))
        # Releasing the button outside the canvas is not reported, so leaving it ends the stroke.
        canvas.on_mouse_out(guard(lambda x, y: self.end()))
        canvas.on_touch_start(guard(lambda touches: self.begin(*touches[0])))
        canvas.on_touch_move(guard(lambda touches: self.extend(*touches[0])))
        # These two report the fingers that still touch the canvas, often none.
        canvas.on_touch_end(guard(lambda touches: self.end()))
        canvas.on_touch_cancel(guard(lambda touches: self.end()))
        canvas.on_client_ready(guard(self.redraw))
        super().__init__([canvas])
        self.add_class("nnlib-sketchpad")
        self.add_class("nnlib-empty")

    @property
    def can_undo(self) -> bool:
        return bool(self._undo_stack)

    @property
    def can_redo(self) -> bool:
        return bool(self._redo_stack)

    def begin(self, x: float, y: float) -> None:
        """The pen comes down at x, y; ignored if it is down already or the pad is full."""
        if self._drawing or self._is_full() or not self._is_near(x, y):
            return
        self._drawing = True
        self.remove_class("nnlib-empty")
        self._save_for_undo()
        self.strokes = [*self.strokes, [(x, y)]]
        self.canvas.fill_circle(x, y, self.pen / 2)
        self._on_draw()

    def extend(self, x: float, y: float) -> None:
        """The pen moves to x, y; ignored if it is not down or the pad is full."""
        if not self._drawing or self._is_full() or not self._is_near(x, y):
            return
        stroke = self.strokes[-1]
        self.canvas.stroke_line(*stroke[-1], x, y)
        stroke.append((x, y))
        self._on_draw()

    def end(self) -> None:
        """The pen goes up, or leaves the pad."""
        if self._drawing:
            self._drawing = False
            self._on_done()

    def undo(self) -> None:
        """Undo the last stroke, clear or load."""
        if self._undo_stack:
            self._redo_stack.append(self.strokes)
            self._replace(self._undo_stack.pop())

    def redo(self) -> None:
        """Undo the last undo."""
        if self._redo_stack:
            self._undo_stack.append(self.strokes)
            self._replace(self._redo_stack.pop())

    def clear(self) -> None:
        """Remove all strokes."""
        self.load([])

    def load(self, strokes: Sequence[Sequence[Point]] | Sequence[np.ndarray]) -> None:
        """Replace the drawing by these strokes, each a list of points or an array (n, 2).

        Raises DrawingError for strokes that no drawing may have.
        """
        checked = check_strokes(strokes) if len(strokes) else []
        new = [[(x, y) for x, y in stroke.tolist()] for stroke in checked]
        if new or self.strokes:
            self._save_for_undo()
            self._replace(new)

    def redraw(self) -> None:
        """Clear the canvas and draw every stroke on it.

        Also called for a canvas that has just appeared in a browser: it has no strokes yet, and
        no pen.
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

    def _save_for_undo(self) -> None:
        self._undo_stack.append(self.strokes)
        self._redo_stack.clear()

    def _replace(self, strokes: Strokes) -> None:
        self._drawing = False
        self.strokes = strokes
        (self.remove_class if strokes else self.add_class)("nnlib-empty")
        self.redraw()
        self._on_done()

    def _is_near(self, x: object, y: object) -> bool:
        """Whether x, y is a point on the pad or near it. No browser sends another."""
        return all(
            isinstance(value, int | float) and -self.side <= value <= 2 * self.side
            for value in (x, y)
        )

    def _is_full(self) -> bool:
        """Whether the drawing has as many strokes or points as a Drawing may have."""
        points = sum(map(len, self.strokes))
        return len(self.strokes) >= MAX_STROKES or points >= MAX_POINTS
