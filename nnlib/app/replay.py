"""Replay: the strokes again, beside the probability of each digit on the way."""

from dataclasses import replace

import ipywidgets as widgets
import numpy as np

from nnlib.app.panels import Guard, Moment, html
from nnlib.app.pictures import as_svg
from nnlib.replay import Replay, first_points, replay


class ReplayPanel(widgets.VBox):
    """The strokes again, and what was read after each part of them.

    Made when the pen is lifted: it takes sixteen readings.
    """

    title = "Replay: how the answer came about"

    def __init__(self, guard: Guard):
        self.replay: Replay | None = None
        self._moment: Moment | None = None
        self.sketch, self.plot = html("nnlib-sketch"), html("nnlib-plot")
        self.slider = widgets.IntSlider(min=0, max=0, readout=False)
        self.slider.add_class("nnlib-time")
        self.slider.observe(guard(lambda change: self._draw()), "value")
        self.play = widgets.Play(min=0, max=0, interval=60, show_repeat=False)
        self.play.add_class("nnlib-play")
        widgets.jslink((self.play, "value"), (self.slider, "value"))
        controls = widgets.HBox([self.play, self.slider])
        super().__init__([widgets.HBox([self.sketch, self.plot]), controls])
        self.add_class("nnlib-replay")

    def show(self, moment: Moment | None) -> None:
        if moment is not None and not moment.lifted:
            return
        self._moment = moment
        self.replay = moment and replay(moment.recognizer, moment.drawing.strokes)
        last = len(self.replay.points) - 1 if self.replay else 0
        self.play.max = self.slider.max = last
        if self.slider.value == last:
            self._draw()
        self.play.value = self.slider.value = last

    def _draw(self) -> None:
        if self.replay is None:
            self.sketch.value = self.plot.value = ""
            return
        now = min(self.slider.value, len(self.replay.points) - 1)
        drawing = self._moment.drawing
        strokes = first_points(drawing.strokes, int(self.replay.points[now]))
        self.sketch.value = as_svg(replace(drawing, strokes=strokes))
        self.plot.value = _plot(self.replay, now)


def _plot(replay: Replay, now: int) -> str:
    """Ten lines over the points drawn, 200 wide and 100 high; the highest four are named."""
    x = 200 * (replay.points - 1) / max(replay.points[-1] - 1, 1)
    highest = np.argsort(replay.probabilities.max(axis=0))[::-1]
    lines = []
    for rank, digit in list(enumerate(highest))[::-1]:
        y = 100 - 100 * replay.probabilities[:, digit]
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        lines.append(f'<polyline class="nnlib-line-{min(rank, 4)}" points="{points}"/>')
    legend = "".join(
        f'<span class="nnlib-line-{rank}">{digit} '
        f"<em>{100 * replay.probabilities[now, digit]:.0f} %</em></span>"
        for rank, digit in enumerate(highest[:4])
    )
    return (
        '<svg viewBox="0 0 200 100" preserveAspectRatio="none" role="img" aria-label="The '
        f'probability of each digit over the points drawn">{"".join(lines)}'
        f'<path class="nnlib-now" d="M{x[now]:.1f} 0V100"/></svg>'
        f"<div>{legend}</div><small>0 to 100 %, as it was drawn</small>"
    )
