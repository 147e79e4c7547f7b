"""When a prediction runs, and when the panels that explain it are shown.

pen moves ──▶ a prediction soon (at most ten a second) ──▶ two of the open panels
pen up    ──▶ a prediction at once                     ──▶ every panel
"""

import asyncio
import time
from collections.abc import Callable, Sequence

from nnlib.app.collapsible import Collapsible
from nnlib.app.guard import Guard
from nnlib.app.panels.base import Panel, Snapshot

PREDICT_INTERVAL = 0.09  # seconds between two predictions while drawing, at least
PANEL_DELAY = 0.004  # seconds before a panel, for messages to leave and pen moves to arrive
PANELS_PER_PREDICTION = 2  # while drawing


class Scheduler:
    """Runs predictions and shows panels in such an order that drawing is never delayed.

    predict: makes a prediction, shows the answer, and returns what the panels should show; its
    argument says whether the pen is up.
    collapsibles: shown after the answer; while drawing, the open ones take turns.
    pen_up_panels: shown after these, and only when the pen is up.

    Waiting needs a running event loop, as in a kernel. Without one, `predict_soon` does nothing
    and `predict_now` shows every panel before it returns.
    """

    def __init__(
        self,
        predict: Callable[[bool], Snapshot | None],
        collapsibles: Sequence[Collapsible],
        pen_up_panels: Sequence[Panel],
        guard: Guard,
    ) -> None:
        self._predict, self._guard = predict, guard
        self._collapsibles, self._pen_up_panels = collapsibles, pen_up_panels
        self._prediction_timer: asyncio.TimerHandle | None = None
        self._panel_timer: asyncio.TimerHandle | None = None
        self._started = 0.0  # when the last prediction began
        self._earliest = 0.0  # when the next prediction while drawing may begin
        self._turn = 0  # which open panel comes next while drawing

    @property
    def busy(self) -> bool:
        """Whether a prediction or a panel is waiting for its time."""
        return self._prediction_timer is not None or self._panel_timer is not None

    def predict_soon(self) -> None:
        """Predict while the pen is down, unless a prediction is waiting already.

        So predictions never queue. The next one starts `PREDICT_INTERVAL` after the last panel was
        shown or, on a slow machine, after twice the time that the last prediction and its panels
        took.
        """
        if self._prediction_timer is None:
            wait = max(0.0, self._earliest - time.monotonic())
            predict = self._guard(lambda: self._run(pen_up=False))
            self._prediction_timer = _call_later(wait, predict)

    def predict_now(self) -> None:
        """Predict with the pen up."""
        self._run(pen_up=True)

    def _run(self, pen_up: bool) -> None:
        for timer in (self._prediction_timer, self._panel_timer):
            if timer is not None:
                timer.cancel()
        self._prediction_timer = self._panel_timer = None
        self._started = time.monotonic()
        snapshot = self._predict(pen_up)
        if pen_up:
            self._show_later([*self._collapsibles, *self._pen_up_panels], snapshot, at_once=True)
        else:
            self._show_later(self._next_panels(), snapshot, at_once=False)

    def _next_panels(self) -> list[Panel]:
        """The open panels whose turn it is."""
        panels = [panel for panel in self._collapsibles if panel.is_open]
        self._turn += PANELS_PER_PREDICTION
        count = min(PANELS_PER_PREDICTION, len(panels))
        return [panels[(self._turn + index) % len(panels)] for index in range(count)]

    def _show_later(
        self, panels: Sequence[Panel], snapshot: Snapshot | None, at_once: bool
    ) -> None:
        """Show the panels after `PANEL_DELAY`: all at once, or with the delay before each."""
        now = time.monotonic()
        self._earliest = now + max(PREDICT_INTERVAL, 2 * (now - self._started))
        self._panel_timer = None
        if not panels:
            return
        count = len(panels) if at_once else 1

        def show() -> None:
            for panel in panels[:count]:
                self._guard(panel.show)(snapshot)
            self._show_later(panels[count:], snapshot, at_once)

        self._panel_timer = _call_later(PANEL_DELAY, show)
        if self._panel_timer is None:
            show()


def _call_later(delay: float, callback: Callable[[], None]) -> asyncio.TimerHandle | None:
    """Call after `delay` seconds; None, and no call, without a running event loop."""
    try:
        return asyncio.get_running_loop().call_later(delay, callback)
    except RuntimeError:
        return None
