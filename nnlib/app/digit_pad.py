"""The pad of the notebooks: the reader draws a digit, says which one it is, and keeps it.

DigitPad()            draw, then press the digit you meant: it is saved beside the notebook
mine = my_digit()     the saved digit, or a recorded one if there is none
"""

import os
from dataclasses import dataclass
from pathlib import Path

import ipywidgets as widgets
import numpy as np
from IPython.display import display

from nnlib.app.guard import make_guard
from nnlib.app.sketchpad import Sketchpad
from nnlib.datasets.drawings_file import read_drawings, write_drawings
from nnlib.files import data_path
from nnlib.preprocessing.drawing import Drawing, DrawingError, check_strokes
from nnlib.preprocessing.strokes import normalize_strokes

DIGIT_FILE = "my-digit.jsonl"
RECORDED_NOTE = "a 9 with a hooked tail"  # the drawing in data/examples.jsonl that stands in
PAD_WIDTH = "300px"
EMPTY = "Draw one digit, then press the digit you meant."

# Black ink needs white paper in dark themes too.
STYLE = """<style>
.nnlib-digit-pad .nnlib-sketchpad { background: white; border: 2px solid #888; border-radius: 8px; }
.nnlib-digit-pad canvas { touch-action: none; cursor: crosshair; display: block; }
</style>"""


@dataclass(frozen=True)
class MyDigit:
    """The reader's digit, or the recorded one that stands in for it.

    image: (784,) float32, the network's input, scaled and centered as MNIST's images are.
    label: which digit it is meant to be. strokes: arrays (n, 2), canvas pixels, y down.
    canvas, pen: as in Drawing. recorded: whether it is the recorded one.
    """

    image: np.ndarray
    label: int
    strokes: list[np.ndarray]
    canvas: float
    pen: float
    recorded: bool

    def __str__(self) -> str:
        return f"the recorded {self.label}" if self.recorded else f"your {self.label}"


class DigitPad(widgets.VBox):
    """A pad, Clear, and ten buttons: pressing the digit that one meant saves the drawing.

    path: the drawings file to write, which holds one drawing; `my-digit.jsonl` in the working
    directory if not given, or the file that the environment variable NNLIB_MY_DIGIT names.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = _digit_path(path)
        self.status = widgets.HTML(EMPTY)
        guard = make_guard(self.status)
        self.sketchpad = Sketchpad(lambda: None, self._prompt, guard)
        self.sketchpad.layout = widgets.Layout(width=PAD_WIDTH)
        clear = widgets.Button(description="Clear", layout={"width": PAD_WIDTH, "margin": "2px 0"})
        clear.on_click(guard(lambda _: self.sketchpad.clear()))
        self.buttons = [
            widgets.Button(
                description=str(digit),
                tooltip=f"I meant a {digit}",
                layout={"width": "56px", "height": "36px", "margin": "2px"},
            )
            for digit in range(10)
        ]
        for digit, button in enumerate(self.buttons):
            button.on_click(guard(lambda _, digit=digit: self.save(digit)))
        rows = [widgets.HBox(self.buttons[:5]), widgets.HBox(self.buttons[5:])]
        super().__init__([self.sketchpad, clear, *rows, self.status])
        self.add_class("nnlib-digit-pad")

    def save(self, label: int) -> None:
        """Write the drawing with this label. With an empty pad, only ask for a drawing."""
        pad = self.sketchpad
        if not pad.strokes:
            self.status.value = f"There is nothing on the pad yet. {EMPTY}"
            return
        drawing = Drawing(check_strokes(pad.strokes), label, canvas=pad.side, pen=pad.pen)
        try:
            write_drawings(self.path, [drawing])
        except OSError as error:
            raise ValueError(f"The drawing could not be saved in {self.path}: {error}.") from None
        self.status.value = f"Kept: your {label}. Run the cells below to follow it."

    def _prompt(self) -> None:
        drawn = bool(self.sketchpad.strokes)
        self.status.value = "Which digit did you mean? Press it." if drawn else EMPTY

    def _ipython_display_(self) -> None:
        """Show the pad on white paper; where there is no kernel, say so."""
        view = {**self._repr_mimebundle_(), "text/plain": "A pad to draw on; it needs a kernel."}
        display({"text/html": STYLE}, view, raw=True)  # type: ignore[no-untyped-call]


def my_digit(path: str | os.PathLike[str] | None = None) -> MyDigit:
    """The digit that was saved with a DigitPad, or the recorded one if there is none.

    path: as for DigitPad. A file that cannot be read counts as none, and this is printed.
    """
    path = _digit_path(path)
    if path.exists():
        try:
            drawing = next(read_drawings(path))
            if drawing.label is None:
                raise DrawingError(f"{path} does not say which digit was meant.")
            return _to_digit(drawing, recorded=False)
        except (DrawingError, StopIteration) as error:
            reason = str(error) or f"{path} is empty."
            print(f"Your digit cannot be read. {reason} The recorded one stands in.")
    examples = read_drawings(data_path("examples.jsonl"))
    return _to_digit(next(d for d in examples if d.note == RECORDED_NOTE), recorded=True)


def _digit_path(path: str | os.PathLike[str] | None) -> Path:
    return Path(path or os.environ.get("NNLIB_MY_DIGIT") or DIGIT_FILE)


def _to_digit(drawing: Drawing, recorded: bool) -> MyDigit:
    assert drawing.label is not None
    image = normalize_strokes(drawing.strokes).astype(np.float32).reshape(784)
    return MyDigit(
        image, drawing.label, drawing.strokes, drawing.canvas, drawing.pen, recorded=recorded
    )
