"""What is unusual about this input, compared with what the network was trained on?

Three measures of a 28×28 image. Each is taken twice: of the drawing as drawn (the canvas
shrunk to 28×28) and of the tensor that entered the network; and is held against the 5th to
95th percentile of the training images of the predicted digit.
"""

import functools
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nnlib.data import Split
from nnlib.drawing import CENTRE, FAINT, SIDE, centre_of_mass
from nnlib.files import data_path

PERCENTILES = (5, 95)


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
    rows = np.flatnonzero((image > FAINT).any(axis=1))
    columns = np.flatnonzero((image > FAINT).any(axis=0))
    if not len(rows):
        return 0.0
    return float((rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1) / image.size)


MEASURES: dict[str, Callable[[np.ndarray], float]] = {
    "stroke density": stroke_density,
    "centre offset": centre_offset,
    "area ratio": area_ratio,
}


@dataclass(frozen=True)
class Diagnostic:
    """One measure of one input.

    low, high: the range of the training images of the predicted digit.
    """

    name: str
    as_drawn: float
    as_read: float
    low: float
    high: float

    @property
    def state(self) -> Literal["usual", "corrected", "unusual"]:
        """Whether the tensor is within the range; "corrected" if the drawing was not."""
        if not self.low <= self.as_read <= self.high:
            return "unusual"
        return "usual" if self.low <= self.as_drawn <= self.high else "corrected"


def diagnose(as_drawn: np.ndarray, as_read: np.ndarray, digit: int) -> tuple[Diagnostic, ...]:
    """Every measure of an input, given twice as (28, 28), and the digit it was read as."""
    ranges = _reference()["digits"][str(digit)]
    return tuple(
        Diagnostic(name, measure(as_drawn), measure(as_read), *ranges[name])
        for name, measure in MEASURES.items()
    )


def measure_training_data(train: Split) -> dict:
    """The reference that `diagnose` uses, as JSON values: digit → measure → [low, high].

    Only a large centre offset is unusual, so its range starts at 0.
    """
    digits = {}
    for digit in range(10):
        images = train.images[train.labels == digit].reshape(-1, SIDE, SIDE)
        digits[str(digit)] = ranges = {}
        for name, measure in MEASURES.items():
            low, high = np.percentile([measure(image) for image in images], PERCENTILES)
            # Rounded outwards: many images share the value at an end, and belong to the range.
            low = 0.0 if measure is centre_offset else math.floor(low * 1e4) / 1e4
            ranges[name] = [low, math.ceil(high * 1e4) / 1e4]
    return {"percentiles": PERCENTILES, "digits": digits}


@functools.cache
def _reference() -> dict:
    return json.loads(data_path("reference.json").read_text(encoding="utf-8"))
