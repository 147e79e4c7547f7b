"""What is unusual about this input, compared with what the network was trained on?

Six measures of a 28×28 image. Each is taken twice: of the drawing as drawn (the canvas shrunk
to 28×28) and of the input of the network; and is compared with the training images of the
predicted digit. What lies outside their 1st to 99th percentile is unusual, unless
preprocessing corrected it.
"""

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nnlib.datasets.splits import Split
from nnlib.files import data_path
from nnlib.preprocessing import images
from nnlib.preprocessing.mnist_format import BOX, CENTER, SIDE, center_of_mass
from nnlib.recognition.recognizer import Prediction

USUAL_PERCENTILES = (1, 99)  # a value between them is usual
BINS = 32  # of a histogram


def stroke_density(image: np.ndarray) -> float:
    """The mean ink of the 784 pixels, 0 to 1."""
    return float(image.mean())


def center_offset(image: np.ndarray) -> float:
    """Pixels, of 28, from the center of mass to index (14, 14); 0 without ink."""
    if not image.any():
        return 0.0
    x, y = center_of_mass(image)
    return float(np.hypot(x - CENTER, y - CENTER))


def area_ratio(image: np.ndarray) -> float:
    """The area of the smallest box that holds all ink above 0.1, over that of the image."""
    return images.crop(image).size / image.size


def relative_thickness(image: np.ndarray) -> float:
    """The width of the strokes in pixels, if the longer side of the digit were 20; 0 without ink.

    Relative to the digit, because scaling a digit scales the pen too.
    """
    longer = max(images.crop(image).shape)
    return images.stroke_thickness(image) * BOX / longer if longer else 0.0


def slant(image: np.ndarray) -> float:
    """How far the digit leans to the right, in degrees; to the left is negative.

    The angle of the shear that would make it upright: its tangent is -μ₁₁ / μ₀₂, of the central
    moments of the ink (Teague 1980). 0 without ink, and for ink in a single row.
    """
    if not image.any():
        return 0.0
    x, y = center_of_mass(image)
    rows, columns = np.arange(image.shape[0]) - y, np.arange(image.shape[1]) - x
    mass = image.sum()
    variance = image.sum(axis=1) @ rows**2 / mass  # pixels²
    if variance < 1e-6:  # a single row, apart from rounding
        return 0.0
    return float(np.degrees(np.arctan(-(rows @ image @ columns) / mass / variance)))


def aspect(image: np.ndarray) -> float:
    """Width over height of the smallest box that holds all ink above 0.1; 0 without ink."""
    height, width = images.crop(image).shape
    return width / height if height else 0.0


@dataclass(frozen=True)
class Measure:
    """One thing that can be unusual about an image, and the words for it.

    function: (28, 28) → its value. low_words, high_words: what a low and a high value are
    called. low_advice, high_advice: what to do about an unusual one.
    tolerance: values up to `tolerance` × the upper bound still count as usual.
    """

    name: str
    function: Callable[[np.ndarray], float]
    unit: str
    low_words: str
    high_words: str
    low_advice: str
    high_advice: str
    tolerance: float = 1.0


MEASURES = {
    measure.name: measure
    for measure in (
        Measure(
            name="stroke density",
            function=stroke_density,
            unit="mean ink",
            low_words="less ink than",
            high_words="more ink than",
            low_advice="There is little ink, as if a part were missing.",
            high_advice="There is much ink: draw it once, with open loops.",
        ),
        Measure(
            name="center offset",
            function=center_offset,
            unit="pixels",
            low_words="closer to the center than",
            high_words="farther from the center than",
            low_advice="",  # being closer to the center than the training images is not unusual
            high_advice="Draw nearer to the middle.",
        ),
        Measure(
            name="area ratio",
            function=area_ratio,
            unit="fraction of 784",
            low_words="a smaller box than",
            high_words="a larger box than",
            low_advice="Draw it wider, unless it is a 1.",
            high_advice="Draw it narrower, without long tails.",
            # MNIST's digits are aligned to 20 whole pixels; ours may touch 21.
            tolerance=1.11,
        ),
        Measure(
            name="thickness",
            function=relative_thickness,
            unit="pixels",
            low_words="thinner than",
            high_words="thicker than",
            low_advice="The pen is thin for this size: draw smaller.",
            high_advice="The pen is thick for this size: draw larger.",
        ),
        Measure(
            name="slant",
            function=slant,
            unit="degrees",
            low_words="farther to the left than",
            high_words="farther to the right than",
            low_advice="Draw it more upright.",
            high_advice="Draw it more upright.",
        ),
        Measure(
            name="aspect",
            function=aspect,
            unit="width/height",
            low_words="narrower than",
            high_words="wider than",
            low_advice="Draw it wider, unless it is a 1.",
            high_advice="Draw it narrower, and only one digit.",
        ),
    )
}


@dataclass(frozen=True, eq=False)
class Reference:
    """How one measure is distributed over the training images of one digit.

    low, high: the values between them are usual.
    quantiles: (101,), the value below which 0, 1, …, 100 % of the images lie.
    histogram: (32,), the fraction of images in each bin from `start` to `end`; images outside
    are counted in the first and last bin.
    """

    low: float
    high: float
    quantiles: np.ndarray
    histogram: np.ndarray
    start: float
    end: float


@dataclass(frozen=True)
class Diagnostic:
    """One measure of a drawing, compared with the training images of the predicted digit.

    as_drawn, input: its value on the canvas, and in the input of the network.
    """

    name: str
    digit: int
    as_drawn: float
    input: float
    reference: Reference

    @property
    def low(self) -> float:
        """The lowest usual value."""
        return self.reference.low

    @property
    def high(self) -> float:
        """The highest usual value."""
        return self.reference.high

    @property
    def state(self) -> Literal["usual", "corrected", "unusual"]:
        """Whether the input's value is usual; "corrected" if it is and the drawing's was not."""
        if not self.low <= self.input <= self.high:
            return "unusual"
        return "usual" if self.low <= self.as_drawn <= self.high else "corrected"

    @property
    def value(self) -> float:
        """The value that the summary is about: the input's if unusual, else as drawn."""
        return self.input if self.state == "unusual" else self.as_drawn

    @property
    def percentiles(self) -> tuple[float, float]:
        """The percentages of training images with a lower and with a higher value."""
        quantiles = self.reference.quantiles
        below = up_to = float(np.interp(self.value, quantiles, np.arange(101)))
        if len(ties := np.flatnonzero(quantiles == self.value)):  # many images share a value
            below, up_to = ties[[0, -1]]
        return float(below), float(100 - up_to)

    @property
    def summary(self) -> str:
        """The value in words: "thinner than 98 % of the training 7s"."""
        measure, (below, above) = MEASURES[self.name], self.percentiles
        comparison = measure.low_words if above > below else measure.high_words
        percent = int(max(below, above))  # rounded down, so that 100 means all of them
        images = "all" if percent == 100 else f"{percent} % of"
        return f"{comparison} {images} the training {self.digit}s"

    @property
    def advice(self) -> str:
        """One sentence on what to do; empty if nothing is unusual."""
        if self.state == "usual":
            return ""
        if self.state == "corrected":
            return "Corrected by preprocessing."
        measure = MEASURES[self.name]
        return measure.low_advice if self.input < self.low else measure.high_advice


def diagnose(prediction: Prediction) -> tuple[Diagnostic, ...]:
    """Every measure of a drawing, compared with the training images of the predicted digit."""
    as_drawn, entered, digit = prediction.as_drawn, prediction.input, prediction.digit
    return tuple(
        Diagnostic(
            name,
            digit,
            as_drawn=measure.function(as_drawn),
            input=measure.function(entered),
            reference=reference(name, digit),
        )
        for name, measure in MEASURES.items()
    )


def measure_training_data(train: Split) -> dict[str, Any]:
    """The reference that `diagnose` uses, as JSON values.

    {"measures": {name: {"range": [start, end], "digits": {digit: {"quantiles": 101 values,
    "histogram": 32 counts}}}}}. The range is from the 0.1st to the 99.9th percentile of all
    digits.
    """
    values = {
        name: np.array([measure.function(image) for image in train.images.reshape(-1, SIDE, SIDE)])
        for name, measure in MEASURES.items()
    }
    return {"measures": {name: _describe(values[name], train.labels) for name in MEASURES}}


def _describe(values: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    start, end = np.quantile(values, (0.001, 0.999)).tolist()
    edges = np.linspace(start, end, BINS + 1)
    digits = {}
    for digit in range(10):
        of_digit = values[labels == digit]
        digits[str(digit)] = {
            "quantiles": np.percentile(of_digit, range(101)).tolist(),
            "histogram": np.histogram(np.clip(of_digit, start, end), edges)[0].tolist(),
        }
    return {"range": [start, end], "digits": digits}


@functools.cache
def reference(name: str, digit: int) -> Reference:
    """How the measure of that name is distributed over the training images of that digit."""
    measured, measure = _read_reference()[name], MEASURES[name]
    quantiles = np.array(measured["digits"][str(digit)]["quantiles"])
    counts = np.array(measured["digits"][str(digit)]["histogram"])
    low, high = quantiles[USUAL_PERCENTILES[0]], quantiles[USUAL_PERCENTILES[1]]
    if not measure.low_advice:
        low = 0.0
    histogram, (start, end) = counts / counts.sum(), measured["range"]
    return Reference(float(low), float(high * measure.tolerance), quantiles, histogram, start, end)


@functools.cache
def _read_reference() -> dict[str, Any]:
    return json.loads(data_path("reference.json").read_text(encoding="utf-8"))["measures"]
