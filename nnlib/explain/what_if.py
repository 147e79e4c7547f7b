"""What if the drawing had been centered only, scaled only, or inked with another pen?

One change at a time; each version is recognized again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nnlib.preprocessing.drawing import Drawing
from nnlib.preprocessing.mnist_format import BOX, SIDE
from nnlib.preprocessing.strokes import bounds, center_strokes, rasterize
from nnlib.recognition.recognizer import Prediction, Recognizer

# Pixels: about the 1st and 99th percentile of the thickness of MNIST's strokes.
THIN_PEN, THICK_PEN = 1.5, 4.5
VARIANT_NAMES = ("as drawn", "centered", "scaled", "input", "thinner", "thicker")
MIN_CHANGE = 0.1  # a smaller change of probability is not mentioned


@dataclass(frozen=True, eq=False)
class Variant:
    """The drawing in another form. image: (28, 28). probabilities: (10,)."""

    name: str
    image: np.ndarray
    probabilities: np.ndarray

    @property
    def digit(self) -> int:
        """The answer."""
        return int(self.probabilities.argmax())

    @property
    def confidence(self) -> float:
        """The probability of the answer."""
        return float(self.probabilities[self.digit])


@dataclass(frozen=True)
class Step:
    """One change of a drawing, and the answer before and after it."""

    name: str
    before: Variant
    after: Variant

    @property
    def matters(self) -> bool:
        """Whether the answer changes, or its probability by more than 0.1."""
        digit = self.before.digit
        change = self.after.probabilities[digit] - self.before.probabilities[digit]
        return self.after.digit != digit or abs(change) > MIN_CHANGE

    @property
    def sentence(self) -> str:
        """ "After centering: 7 (97 %), not 9 (31 %)." """
        before, after = self.before, self.after
        if before.digit != after.digit:
            return (
                f"{self.name}: {after.digit} ({_percent(after)}), "
                f"not {before.digit} ({_percent(before)})."
            )
        surer = "surer" if after.confidence > before.confidence else "less sure"
        change = f"{_percent(before)} → {_percent(after)}"
        return f"{self.name}: still {after.digit}, but {surer} ({change})."


def what_if(recognizer: Recognizer, drawing: Drawing, prediction: Prediction) -> list[Step]:
    """Every step, whether it matters or not.

    From the drawing as drawn: centered only; scaled only; centered and scaled, as the input is.
    From the input: a thinner and a thicker pen.
    prediction: what the recognizer made of the drawing with the preprocessing "strokes".
    """
    strokes, to_pixels = drawing.strokes, SIDE / drawing.canvas
    images = {
        "as drawn": prediction.as_drawn,
        "centered": center_strokes(strokes, to_pixels, drawing.pen * to_pixels),
        "scaled": scale_strokes(drawing),
        "thinner": recognizer.preprocess(strokes, pen_width=THIN_PEN),
        "thicker": recognizer.preprocess(strokes, pen_width=THICK_PEN),
    }
    probabilities = recognizer.probabilities(list(images.values()))
    rows = zip(images.items(), probabilities, strict=True)
    variants = {name: Variant(name, image, row) for (name, image), row in rows}
    drawn = variants["as drawn"]
    entered = Variant("input", prediction.input, prediction.probabilities)
    return [
        Step("After centering", drawn, variants["centered"]),
        Step("After scaling", drawn, variants["scaled"]),
        Step("After centering and scaling", drawn, entered),
        Step("With a thinner pen", entered, variants["thinner"]),
        Step("With a thicker pen", entered, variants["thicker"]),
    ]


def variants_of(steps: Sequence[Step]) -> list[Variant]:
    """The variants in the steps of `what_if`, in the order of `VARIANT_NAMES`."""
    found = {variant.name: variant for step in steps for variant in (step.before, step.after)}
    return [found[name] for name in VARIANT_NAMES]


def scale_strokes(drawing: Drawing) -> np.ndarray:
    """(28, 28): the drawing scaled in place: its longer side, with the pen, becomes 20 pixels.

    It is moved only as far as it must be to stay on the canvas.
    """
    low, high = bounds(drawing.strokes)
    scale = BOX / ((high - low).max() + drawing.pen)
    half = ((high - low) + drawing.pen) * scale / 2
    middle = (low + high) / 2
    place = np.clip(middle * SIDE / drawing.canvas, half, SIDE - half) - 0.5
    return rasterize([(s - middle) * scale + place for s in drawing.strokes], drawing.pen * scale)


def _percent(variant: Variant) -> str:
    return f"{100 * variant.confidence:.0f} %"
