"""What if the drawing had been drawn, or inked, otherwise? One change at a time, read again."""

from dataclasses import dataclass

import numpy as np

from nnlib.drawing import BOX, SIDE, Drawing, bounds, centre_strokes, ink, normalise_strokes
from nnlib.recognizer import Reading, Recognizer

THIN, THICK = 1.5, 4.5  # pixels: the outer percents of the thickness of MNIST's strokes
NOTABLE = 0.1  # a change of probability below this is not worth telling


@dataclass(frozen=True)
class Variant:
    """The drawing in another form. image: (28, 28). probabilities: (10,)."""

    name: str
    image: np.ndarray
    probabilities: np.ndarray

    @property
    def digit(self) -> int:
        return int(self.probabilities.argmax())

    @property
    def confidence(self) -> float:
        return float(self.probabilities[self.digit])


@dataclass(frozen=True)
class Step:
    """One change of a drawing, and what was read before and after it."""

    name: str
    before: Variant
    after: Variant

    @property
    def matters(self) -> bool:
        """Whether the answer changes, or its probability by more than a tenth."""
        digit = self.before.digit
        change = self.after.probabilities[digit] - self.before.probabilities[digit]
        return self.after.digit != digit or abs(change) > NOTABLE

    @property
    def sentence(self) -> str:
        """ "Centring turns 9 (31 %) into 7 (97 %)." """
        before, after = self.before, self.after
        if before.digit != after.digit:
            return f"{self.name} turns {_told(before)} into {_told(after)}."
        surer = "surer" if after.confidence > before.confidence else "less sure"
        return f"{self.name} makes {before.digit} {surer}: {_percent(before)} → {_percent(after)}."


def what_if(recognizer: Recognizer, drawing: Drawing, reading: Reading) -> list[Step]:
    """Every step that one can take, whether it matters or not.

    From the drawing as drawn: centring only, scaling only, both with MNIST's pen (which is
    how it was read). From the drawing as read: a thinner and a thicker pen.
    reading: what the recognizer made of the drawing by the path "strokes".
    """
    to_pixels = SIDE / drawing.canvas
    images = {
        "centred": centre_strokes(drawing.strokes, to_pixels, drawing.pen * to_pixels),
        "scaled": scale_strokes(drawing),
        "thinner": normalise_strokes(drawing.strokes, THIN),
        "thicker": normalise_strokes(drawing.strokes, THICK),
        "as drawn": reading.as_drawn,
    }
    tensors = np.array([image.reshape(-1) for image in images.values()])
    rows = zip(images.items(), recognizer.network.probabilities(tensors), strict=True)
    variants = {name: Variant(name, image, row) for (name, image), row in rows}
    drawn = variants["as drawn"]
    read = Variant("as read", reading.tensor.reshape(SIDE, SIDE), reading.probabilities)
    return [
        Step("Centring", drawn, variants["centred"]),
        Step("Scaling", drawn, variants["scaled"]),
        Step("The whole repair", drawn, read),
        Step("A thinner pen", read, variants["thinner"]),
        Step("A thicker pen", read, variants["thicker"]),
    ]


def scale_strokes(drawing: Drawing) -> np.ndarray:
    """(28, 28): the drawing enlarged or shrunk to 20 pixels, pen and all, where it is.

    It is only moved as far as it must be to stay on the canvas.
    """
    low, high = bounds(drawing.strokes)
    scale = BOX / ((high - low).max() + drawing.pen)
    half = ((high - low) + drawing.pen) * scale / 2
    middle = (low + high) / 2
    place = np.clip(middle * SIDE / drawing.canvas, half, SIDE - half) - 0.5
    return ink([(s - middle) * scale + place for s in drawing.strokes], drawing.pen * scale)


def _told(variant: Variant) -> str:
    return f"{variant.digit} ({_percent(variant)})"


def _percent(variant: Variant) -> str:
    return f"{100 * variant.confidence:.0f} %"
