"""What is unusual about this input, compared with what the network was trained on?

Six measures of a 28×28 image. Each is taken twice: of the drawing as drawn (the canvas
shrunk to 28×28) and of the tensor that entered the network; and is held against the
training images of the predicted digit. What lies outside the middle 98 % of them is unusual,
unless it was repaired on the way.
"""

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nnlib import images
from nnlib.data import Split
from nnlib.drawing import BOX, CENTRE, SIDE, centre_of_mass
from nnlib.files import data_path

MIDDLE = (1, 99)  # percentiles: what lies between is usual
BINS = 32  # of a histogram


def stroke_density(image: np.ndarray) -> float:
    """The mean ink of the 784 pixels, 0 to 1."""
    return float(image.mean())


def centre_offset(image: np.ndarray) -> float:
    """Pixels, of 28, from the centre of mass to index (14, 14); 0 without ink."""
    if not image.any():
        return 0.0
    x, y = centre_of_mass(image)
    return float(np.hypot(x - CENTRE, y - CENTRE))


def area_ratio(image: np.ndarray) -> float:
    """The smallest box that holds all ink above 0.1, as a share of the image, 0 to 1."""
    return images.crop(image).size / image.size


def thickness(image: np.ndarray) -> float:
    """The width of the strokes in pixels, if the longer side of the digit were 20; 0 without ink.

    Relative to the digit, because it is what is left of a pen when the digit is scaled.
    """
    longer = max(images.crop(image).shape)
    return images.thickness(image) * BOX / longer if longer else 0.0


def slant(image: np.ndarray) -> float:
    """How far the digit leans to the right, in degrees; to the left is negative.

    The angle of the shear that would make it upright: tan of it is -μ₁₁ / μ₀₂, the central
    moments of the ink (Teague 1980). 0 without ink, and for what has no height.
    """
    if not image.any():
        return 0.0
    x, y = centre_of_mass(image)
    rows, columns = np.arange(image.shape[0]) - y, np.arange(image.shape[1]) - x
    mass = image.sum()
    height = image.sum(axis=1) @ rows**2 / mass  # the variance, in pixels²
    if height < 1e-6:  # of a single row, but for rounding
        return 0.0
    return float(np.degrees(np.arctan(-(rows @ image @ columns) / mass / height)))


def aspect(image: np.ndarray) -> float:
    """Width over height of the smallest box that holds all ink above 0.1; 0 without ink."""
    height, width = images.crop(image).shape
    return width / height if height else 0.0


@dataclass(frozen=True)
class Measure:
    """One thing that can be unusual about an image, and the words for it.

    of: (28, 28) → its value. less, more: what a low and a high value are called.
    if_less, if_more: what to do about an unusual one. slack: a factor, by which more than
    the training images have is usual still.
    """

    name: str
    of: Callable[[np.ndarray], float]
    unit: str
    less: str
    more: str
    if_less: str
    if_more: str
    slack: float = 1.0


MEASURES = {
    measure.name: measure
    for measure in (
        Measure(
            *("stroke density", stroke_density, "mean ink", "less ink than", "more ink than"),
            if_less="There is little ink, as if a part were missing.",
            if_more="There is much ink: draw it once, with open loops.",
        ),
        Measure(
            *("centre offset", centre_offset, "pixels", "better centred than", "farther off than"),
            if_less="",  # better centred than the training images is not unusual
            if_more="Draw nearer to the middle.",
        ),
        Measure(
            *("area ratio", area_ratio, "share of 784", "a smaller box than", "a larger box than"),
            if_less="Draw it wider, unless it is a 1.",
            if_more="Draw it narrower, without long tails.",
            slack=1.11,  # MNIST's digits lie on 20 pixels; ours lie between them, and touch 21
        ),
        Measure(
            *("thickness", thickness, "pixels", "thinner than", "thicker than"),
            if_less="Draw smaller, for the pen is thin.",
            if_more="Draw larger, for the pen is thick.",
        ),
        Measure(
            *("slant", slant, "degrees", "farther left than", "farther right than"),
            if_less="Draw it more upright.",
            if_more="Draw it more upright.",
        ),
        Measure(
            *("aspect", aspect, "width/height", "narrower than", "wider than"),
            if_less="Draw it wider, unless it is a 1.",
            if_more="Draw it narrower, and only one digit.",
        ),
    )
}


@dataclass(frozen=True, eq=False)
class Reference:
    """The training images of one digit, by one measure.

    low, high: between these is their middle 98 %, and the measure's slack.
    quantiles: (101,), the value below which 0, 1, …, 100 % of them lie.
    histogram: (32,), the share of them in each bin from `start` to `end`; what lies outside
    is counted in the first and last.
    """

    low: float
    high: float
    quantiles: np.ndarray
    histogram: np.ndarray
    start: float
    end: float


@dataclass(frozen=True)
class Diagnostic:
    """One measure of one input, and the training images of the digit it was read as.

    as_drawn, as_read: the value on the canvas, and in the tensor.
    """

    name: str
    digit: int
    as_drawn: float
    as_read: float
    reference: Reference

    @property
    def low(self) -> float:
        """The least that is usual."""
        return self.reference.low

    @property
    def high(self) -> float:
        """The most that is usual."""
        return self.reference.high

    @property
    def state(self) -> Literal["usual", "corrected", "unusual"]:
        """Whether the tensor is in the middle; "corrected" if the drawing was not."""
        if not self.low <= self.as_read <= self.high:
            return "unusual"
        return "usual" if self.low <= self.as_drawn <= self.high else "corrected"

    @property
    def told(self) -> float:
        """The value to talk about: that of the tensor if it is at fault, else as drawn."""
        return self.as_read if self.state == "unusual" else self.as_drawn

    @property
    def shares(self) -> tuple[float, float]:
        """The percentages of training images that have less, and that have more, than `told`."""
        quantiles = self.reference.quantiles
        below = up_to = np.interp(self.told, quantiles, np.arange(101))
        if len(ties := np.flatnonzero(quantiles == self.told)):  # many images share a value
            below, up_to = ties[[0, -1]]
        return float(below), float(100 - up_to)

    @property
    def words(self) -> str:
        """`told` in words: "thinner than 98 % of the training 7s"."""
        measure, (below, above) = MEASURES[self.name], self.shares
        comparison = measure.less if above > below else measure.more
        share = int(max(below, above))  # rounded down: 100 is all of them
        return (
            f"{comparison} {'all' if share == 100 else f'{share} % of'} the training {self.digit}s"
        )

    @property
    def advice(self) -> str:
        """One sentence on what to do; empty if nothing is unusual."""
        if self.state == "usual":
            return ""
        if self.state == "corrected":
            return "Corrected before reading."
        measure = MEASURES[self.name]
        return measure.if_less if self.as_read < self.low else measure.if_more


def diagnose(as_drawn: np.ndarray, as_read: np.ndarray, digit: int) -> tuple[Diagnostic, ...]:
    """Every measure of an input, given twice as (28, 28), and the digit it was read as."""
    return tuple(
        Diagnostic(name, digit, measure.of(as_drawn), measure.of(as_read), reference(name, digit))
        for name, measure in MEASURES.items()
    )


def measure_training_data(train: Split) -> dict:
    """The reference that `diagnose` uses, as JSON values.

    {"measures": {name: {"range": [start, end], "digits": {digit: {"quantiles": 101 values,
    "histogram": 32 counts}}}}}. The range holds all but the outer thousandths of all digits.
    """
    values = {
        name: np.array([measure.of(image) for image in train.images.reshape(-1, SIDE, SIDE)])
        for name, measure in MEASURES.items()
    }
    return {"measures": {name: _describe(values[name], train.labels) for name in MEASURES}}


def _describe(values: np.ndarray, labels: np.ndarray) -> dict:
    start, end = np.quantile(values, (0.001, 0.999)).tolist()
    edges = np.linspace(start, end, BINS + 1)
    digits = {}
    for digit in range(10):
        mine = values[labels == digit]
        digits[str(digit)] = {
            "quantiles": np.percentile(mine, range(101)).tolist(),
            "histogram": np.histogram(np.clip(mine, start, end), edges)[0].tolist(),
        }
    return {"range": [start, end], "digits": digits}


@functools.cache
def reference(name: str, digit: int) -> Reference:
    """The training images of that digit, by the measure of that name."""
    measure = _read_reference()[name]
    quantiles = np.array(measure["digits"][str(digit)]["quantiles"])
    counts = np.array(measure["digits"][str(digit)]["histogram"])
    low, high = quantiles[MIDDLE[0]], quantiles[MIDDLE[1]] * MEASURES[name].slack
    if not MEASURES[name].if_less:
        low = 0.0
    return Reference(float(low), float(high), quantiles, counts / counts.sum(), *measure["range"])


@functools.cache
def _read_reference() -> dict:
    return json.loads(data_path("reference.json").read_text(encoding="utf-8"))["measures"]
