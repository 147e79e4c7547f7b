"""Replay: the strokes once more, beside the probability of each digit along the way."""

from dataclasses import replace

import ipywidgets as widgets
import numpy as np

from nnlib.app.guard import Guard
from nnlib.app.images import drawing_to_svg
from nnlib.app.panels.base import Snapshot, html
from nnlib.explain.replay import Replay, first_points, replay
from nnlib.preprocessing.drawing import Drawing

N_NAMED = 4  # digits that the plot names: those with the highest probabilities along the way


class ReplayPanel(widgets.VBox):
    """The strokes up to the slider's point, and the prediction for each part of the drawing.

    Computed only when the pen is up, because it takes up to 16 predictions.
    """

    title = "Replay: how the answer changed"

    def __init__(self, guard: Guard) -> None:
        self.replay: Replay | None = None
        self._drawing: Drawing | None = None
        self.sketch, self.plot = html("nnlib-sketch"), html("nnlib-plot")
        self.slider = widgets.IntSlider(min=0, max=0, readout=False)
        self.slider.add_class("nnlib-slider")
        self.slider.observe(guard(lambda change: self._draw()), "value")
        self.play = widgets.Play(min=0, max=0, interval=60, show_repeat=False)
        self.play.add_class("nnlib-play")
        widgets.jslink((self.play, "value"), (self.slider, "value"))
        controls = widgets.HBox([self.play, self.slider])
        super().__init__([widgets.HBox([self.sketch, self.plot]), controls])
        self.add_class("nnlib-replay")

    def show(self, snapshot: Snapshot | None) -> None:
        if snapshot is not None and not snapshot.pen_up:
            return
        self.replay = self._drawing = None
        if snapshot is not None:
            self._drawing = snapshot.drawing
            self.replay = replay(snapshot.recognizer, snapshot.drawing.strokes)
        last = len(self.replay.points) - 1 if self.replay else 0
        self.play.max = self.slider.max = last
        if self.slider.value == last:  # or else the slider draws when it moves there
            self._draw()
        self.play.value = self.slider.value = last

    def _draw(self) -> None:
        if self.replay is None or self._drawing is None:
            self.sketch.value = self.plot.value = ""
            return
        index = min(self.slider.value, len(self.replay.points) - 1)
        strokes = first_points(self._drawing.strokes, int(self.replay.points[index]))
        self.sketch.value = drawing_to_svg(replace(self._drawing, strokes=strokes))
        self.plot.value = _plot(self.replay, index)


def _plot(replay: Replay, index: int) -> str:
    """Ten lines over the points drawn, 200 wide and 100 high, with a cursor at `index`."""
    x = 200 * (replay.points - 1) / max(replay.points[-1] - 1, 1)
    ranking = np.argsort(replay.probabilities.max(axis=0))[::-1]
    lines = []
    for rank, digit in list(enumerate(ranking))[::-1]:  # the highest last, so that it is on top
        y = 100 - 100 * replay.probabilities[:, digit]
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        lines.append(f'<polyline class="nnlib-line-{min(rank, N_NAMED)}" points="{points}"/>')
    legend = "".join(
        f'<span class="nnlib-line-{rank}">{digit} '
        f"<em>{100 * replay.probabilities[index, digit]:.0f} %</em></span>"
        for rank, digit in enumerate(ranking[:N_NAMED])
    )
    return (
        '<svg viewBox="0 0 200 100" preserveAspectRatio="none" role="img" aria-label="The '
        f'probability of each digit over the points drawn">{"".join(lines)}'
        f'<path class="nnlib-cursor" d="M{x[index]:.1f} 0V100"/></svg>'
        f"<div>{legend}</div><small>0 to 100 %, first to last point</small>"
    )
