"""A drawing: pen strokes and what is known about them; and how they are checked.

A stroke is an (n, 2) array of x, y in canvas pixels, y down; a drawing is a list of strokes.
"""

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

CANVAS_SIDE = 500.0  # the side of the canvas, where a drawing does not give it
PEN_FRACTION = 1 / 14  # the pen's width, where a drawing does not give it: a fraction of the side

NO_DIGIT = 10  # the label of what is no digit, and the place of its output behind the ten digits'

MAX_POINTS = 20_000
MAX_STROKES = 1_000
MAX_COORDINATE = 1e6  # the largest absolute value
MAX_NOTE_LENGTH = 200  # characters


class DrawingError(ValueError):
    """A drawing or image cannot be used; the message says why and what to do."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """Strokes and what is known about them.

    label: 0 to 9, or `NO_DIGIT` for what is none. canvas: the side of the square canvas, and
    pen: the pen's width on it, both in the units of the strokes. They say how the drawing looked,
    and do not change how it is recognized. writer: who drew it, a number or a name. note: a few
    words on what it shows.
    """

    strokes: list[np.ndarray]
    label: int | None = None
    writer: int | str | None = None
    canvas: float = CANVAS_SIDE
    pen: float = CANVAS_SIDE * PEN_FRACTION
    note: str | None = None


def check_strokes(strokes: Sequence[Any]) -> list[np.ndarray]:
    """The strokes as float64 arrays (n, 2), n ≥ 1, without the empty ones.

    Raises DrawingError where nothing is drawn, where a stroke is not a list of finite
    x, y pairs, and for more than 1,000 strokes or 20,000 points.
    """
    try:
        if len(strokes) > MAX_STROKES:
            raise DrawingError(
                f"The drawing has {len(strokes):,} strokes; at most {MAX_STROKES:,} are accepted."
            )
        count = sum(len(stroke) for stroke in strokes)
    except TypeError:
        raise DrawingError("A drawing is a list of strokes, each a list of [x, y].") from None
    if count > MAX_POINTS:
        raise DrawingError(
            f"The drawing has {count:,} points; at most {MAX_POINTS:,} are accepted."
        )
    if count == 0:
        raise DrawingError("The drawing is empty: draw at least one stroke.")
    arrays = []
    for number, stroke in enumerate(strokes, 1):
        if len(stroke) == 0:
            continue
        try:
            array = np.asarray(stroke, np.float64)
        except (TypeError, ValueError, OverflowError):
            array = np.empty(0)
        if array.ndim != 2 or array.shape[1] != 2:
            raise DrawingError(f"Stroke {number} is not a list of points [x, y], two numbers each.")
        if not (np.abs(array) <= MAX_COORDINATE).all():  # false for NaN too
            raise DrawingError(
                f"Stroke {number} has a coordinate that is not a number from "
                f"-{MAX_COORDINATE:,.0f} to {MAX_COORDINATE:,.0f}."
            )
        arrays.append(array)
    return arrays


def check_sizes(canvas: float = CANVAS_SIDE, pen: float | None = None) -> tuple[float, float]:
    """The side of the canvas and the width of the pen on it, canvas / 14 if not given.

    Raises DrawingError unless the canvas is a number from 1 to 1,000,000 and the pen a
    positive number up to 1,000,000.
    """
    if not (isinstance(canvas, int | float) and 1 <= canvas <= MAX_COORDINATE):
        raise DrawingError(
            f"The canvas must be a number from 1 to {MAX_COORDINATE:,.0f}, "
            f"not {reprlib.repr(canvas)}."
        )
    pen = canvas * PEN_FRACTION if pen is None else pen
    if not (isinstance(pen, int | float) and 0 < pen <= MAX_COORDINATE):
        raise DrawingError(
            f"The pen must be a number above 0 and up to {MAX_COORDINATE:,.0f}, "
            f"not {reprlib.repr(pen)}."
        )
    return canvas, pen
