"""What is always in view: the answer, the ten probabilities, and the network's input.

Every panel has `show(moment)`, where None stands for an empty pad.
"""

from collections.abc import Callable
from dataclasses import dataclass

import ipywidgets as widgets
import numpy as np

from nnlib.app.pictures import Picture, grey
from nnlib.drawing import SIDE, Drawing
from nnlib.recognizer import Reading, Recognizer

Guard = Callable[[Callable[..., None]], Callable[..., None]]  # wraps the handlers of events

SURE = 0.8  # below this probability the answer comes with a doubt
UNSURE = 0.5  # and below this, with a greater one


@dataclass(frozen=True)
class Moment:
    """What there is to show: a drawing, who read it, and the reading.

    lifted: whether the pen is up; if not, more of the drawing is coming.
    """

    drawing: Drawing
    recognizer: Recognizer
    reading: Reading
    lifted: bool = True


class AnswerPanel(widgets.VBox):
    """The digit, how sure the network is, and a sentence of advice.

    A screen reader hears the answer when the pen is lifted.
    """

    def __init__(self):
        self.digit = html("nnlib-digit")
        self.confidence = html("nnlib-confidence")
        self.advice = html("nnlib-advice")
        self.spoken = html("nnlib-spoken")
        super().__init__([self.digit, self.confidence, self.advice, self.spoken])
        self.add_class("nnlib-answer")

    def show(self, moment: Moment | None) -> None:
        if moment is None:
            self.digit.value = self.confidence.value = ""
            self.advice.value = "Draw a digit from 0 to 9 on the pad, with mouse, finger or stylus."
            self.spoken.value = "The pad is empty."
            return
        reading = moment.reading
        self.digit.value = str(reading.digit)
        self.confidence.value = f"{reading.confidence:.1%} sure"
        self.advice.value = _advice(reading)
        if moment.lifted:
            advice = self.advice.value
            self.spoken.value = f"{reading.digit}, {reading.confidence:.0%} sure. {advice}"


class BarsPanel(widgets.HTML):
    """The ten probabilities as bars."""

    def __init__(self):
        super().__init__()
        self.add_class("nnlib-bars")

    def show(self, moment: Moment | None) -> None:
        probabilities = np.zeros(10) if moment is None else moment.reading.probabilities
        best = None if moment is None else moment.reading.digit
        self.value = "".join(
            f'<div class="nnlib-bar{" nnlib-best" if digit == best else ""}"><b>{digit}</b>'
            f'<i><span style="width:{probability:.1%}"></span></i>'
            f"<em>{'' if moment is None else f'{probability:.1%}'}</em></div>"
            for digit, probability in enumerate(probabilities)
        )


class TensorPanel(widgets.VBox):
    """The 28×28 pixels that entered the network, and the value of the one pointed at."""

    hint = "Point at a pixel to see its value."

    def __init__(self):
        self.tensor = np.zeros((SIDE, SIDE), np.float32)
        self._pixel: tuple[int, int] | None = None  # the row and column pointed at
        self.picture = Picture(SIDE, SIDE)
        self.picture.add_class("nnlib-pixels")
        canvas = self.picture.canvas
        canvas.on_mouse_move(self.point)
        canvas.on_mouse_down(self.point)
        canvas.on_mouse_out(lambda x, y: self.point())
        self.value = html("nnlib-pixel")
        title = widgets.HTML("<h3>What the network sees: 28×28 pixels</h3>")
        super().__init__([title, self.picture, self.value])
        self.add_class("nnlib-tensor")

    def show(self, moment: Moment | None) -> None:
        flat = np.zeros(SIDE * SIDE, np.float32) if moment is None else moment.reading.tensor
        self.tensor = flat.reshape(SIDE, SIDE)
        self.picture.show(grey(self.tensor))
        self._tell()

    def point(self, x: float | None = None, y: float | None = None) -> None:
        """The pointer is at x, y of the canvas, or has left it."""
        inside = x is not None and 0 <= x < SIDE and 0 <= y < SIDE
        self._pixel = (int(y), int(x)) if inside else None
        self._tell()

    def _tell(self) -> None:
        if self._pixel is None:
            self.value.value = self.hint
        else:
            row, column = self._pixel
            self.value.value = f"row {row}, column {column}: {self.tensor[row, column]:.3f}"


def html(*css_classes: str) -> widgets.HTML:
    """An empty HTML widget with these classes."""
    widget = widgets.HTML()
    for css_class in css_classes:
        widget.add_class(css_class)
    return widget


def _advice(reading: Reading) -> str:
    if reading.confidence < UNSURE:
        return (
            f"This may be no digit at all. The nearest are {reading.digit} and {reading.runner_up}."
        )
    if reading.confidence < SURE:
        return f"It could also be a {reading.runner_up}."
    return ""
