"""Views of a Reading. Each has `show(reading)`, where None stands for an empty pad."""

import ipywidgets as widgets
import numpy as np
from ipycanvas import Canvas

from nnlib.diagnostics import MEASURES, Diagnostic
from nnlib.drawing import SIDE
from nnlib.recognizer import Reading

SURE = 0.8  # below this probability the answer comes with a doubt
UNSURE = 0.5  # and below this, with a greater one


class AnswerPanel(widgets.VBox):
    """The digit, how sure the network is, and a sentence of advice."""

    def __init__(self):
        self.digit = _html("nnlib-digit")
        self.confidence = _html("nnlib-confidence")
        self.advice = _html("nnlib-advice")
        super().__init__([self.digit, self.confidence, self.advice])
        self.add_class("nnlib-answer")

    def show(self, reading: Reading | None) -> None:
        if reading is None:
            self.digit.value = self.confidence.value = ""
            self.advice.value = "Draw a digit from 0 to 9 on the pad, with mouse, finger or stylus."
            return
        self.digit.value = str(reading.digit)
        self.confidence.value = f"{reading.confidence:.1%} sure"
        self.advice.value = _advice(reading)


class BarsPanel(widgets.HTML):
    """The ten probabilities as bars."""

    def __init__(self):
        super().__init__()
        self.add_class("nnlib-bars")

    def show(self, reading: Reading | None) -> None:
        probabilities = np.zeros(10) if reading is None else reading.probabilities
        best = None if reading is None else reading.digit
        self.value = "".join(
            f'<div class="nnlib-bar{" nnlib-best" if digit == best else ""}"><b>{digit}</b>'
            f'<i><span style="width:{probability:.1%}"></span></i>'
            f"<em>{'' if reading is None else f'{probability:.1%}'}</em></div>"
            for digit, probability in enumerate(probabilities)
        )


class TensorPanel(widgets.VBox):
    """The 28×28 pixels that entered the network, and the value of the one pointed at."""

    hint = "Point at a pixel to see its value."

    def __init__(self):
        self.tensor = np.zeros((SIDE, SIDE), np.float32)
        self._pixel: tuple[int, int] | None = None  # the row and column pointed at
        # One canvas pixel for each of the tensor's; the style sheet enlarges it unsmoothed.
        self.canvas = canvas = Canvas(width=SIDE, height=SIDE)
        canvas.layout.width, canvas.layout.height = "100%", "auto"
        canvas.on_mouse_move(self.point)
        canvas.on_mouse_down(self.point)
        canvas.on_mouse_out(lambda x, y: self.point())
        canvas.on_touch_start(lambda touches: self.point(*touches[0]))
        canvas.on_touch_move(lambda touches: self.point(*touches[0]))
        canvas.on_client_ready(self._draw)
        self.value = _html("nnlib-pixel")
        frame = widgets.Box([canvas])
        frame.add_class("nnlib-pixels")
        super().__init__([_title("What the network sees: 28×28 pixels"), frame, self.value])
        self.add_class("nnlib-tensor")

    def show(self, reading: Reading | None) -> None:
        flat = np.zeros(SIDE * SIDE, np.float32) if reading is None else reading.tensor
        self.tensor = flat.reshape(SIDE, SIDE)
        self._draw()
        self._tell()

    def point(self, x: float | None = None, y: float | None = None) -> None:
        """The pointer is at x, y of the canvas, or has left it."""
        inside = x is not None and 0 <= x < SIDE and 0 <= y < SIDE
        self._pixel = (int(y), int(x)) if inside else None
        self._tell()

    def _draw(self) -> None:
        grey = np.round(255 * (1 - self.tensor)).astype(np.uint8)
        self.canvas.put_image_data(np.dstack([grey, grey, grey, np.full_like(grey, 255)]))

    def _tell(self) -> None:
        if self._pixel is None:
            self.value.value = self.hint
        else:
            row, column = self._pixel
            self.value.value = f"row {row}, column {column}: {self.tensor[row, column]:.3f}"


class DiagnosticsPanel(widgets.HTML):
    """Density, offset and area, as drawn and as read, each beside its range."""

    def __init__(self):
        super().__init__()
        self.add_class("nnlib-diagnostics")

    def show(self, reading: Reading | None) -> None:
        if reading is None:
            whose, rows = "digits", [(name, "–", "–", "–", "") for name in MEASURES]
        else:
            whose, rows = f"{reading.digit}s", [_row(d) for d in reading.diagnostics]
        body = "".join(
            f"<tr><th>{name}</th><td>{drawn}</td><td>{read}</td><td>{usual}</td>"
            f'<td class="nnlib-{state}">{state}</td></tr>'
            for name, drawn, read, usual, state in rows
        )
        self.value = (
            "<h3>Is the input unusual?</h3><table><thead><tr><th></th><th>as drawn</th>"
            f"<th>as read</th><th>most training {whose}</th><th></th></tr></thead>"
            f"<tbody>{body}</tbody></table>"
        )


def _row(d: Diagnostic) -> tuple[str, str, str, str, str]:
    usual = f"{d.low:.3f}–{d.high:.3f}"
    return d.name, f"{d.as_drawn:.3f}", f"{d.as_read:.3f}", usual, d.state


def _advice(reading: Reading) -> str:
    first, second = np.argsort(reading.probabilities)[::-1][:2]
    if reading.confidence < UNSURE:
        return f"This may be no digit at all. The nearest are {first} and {second}."
    if reading.confidence < SURE:
        return f"It could also be a {second}."
    return ""


def _html(css_class: str) -> widgets.HTML:
    widget = widgets.HTML()
    widget.add_class(css_class)
    return widget


def _title(text: str) -> widgets.HTML:
    return widgets.HTML(f"<h3>{text}</h3>")
