"""From a drawing to the 28×28 image of it that MNIST would have had.

    strokes ──▶ scaled, so that with the pen they are 20 pixels long or high
            ──▶ inked with a pen as thick as MNIST's
            ──▶ moved, so that the centre of mass is at index (14, 14)

A stroke is an (n, 2) array of x, y in canvas pixels, y down; a drawing is a list of
strokes. Images come in by the same three steps on pixels, in `nnlib.images`.

Places on the 28×28 grid are given as index: the middle of the first pixel is (0, 0).
"""

import gzip
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nnlib.files import replacing

SIDE = 28  # pixels
BOX = 20.0  # pixels: the longer side of the digit (LeCun et al. 1998)
CENTRE = 14.0  # index, both ways: where the mean centre of mass of MNIST lies
PEN = 2.4  # pixels: the median thickness of the strokes in MNIST's training images
FAINT = 0.1  # ink below this does not count as part of the digit

CANVAS = 500.0  # the side of the canvas that strokes are taken to be on
PEN_SHARE = 1 / 14  # the pen's width on it, as a share of the side

MOST_POINTS = 20_000
MOST_STROKES = 1_000
FARTHEST = 1e6  # a coordinate's largest absolute value
LONGEST_NOTE = 200  # characters
LARGEST_LINE = 2_000_000  # characters in a line of a drawings file


class DrawingError(ValueError):
    """A drawing or image cannot be read; the message says why and what to do."""


@dataclass(frozen=True)
class Drawing:
    """Strokes and what is known about them.

    canvas: the side of the square canvas, and pen: the pen's width on it, both in the
    strokes' units; they tell how the drawing looked, not how it is read. note: a few words
    on what it is.
    """

    strokes: list[np.ndarray]
    label: int | None = None
    writer: int | str | None = None
    canvas: float = CANVAS
    pen: float = CANVAS * PEN_SHARE
    note: str | None = None


def check_strokes(strokes: Sequence) -> list[np.ndarray]:
    """The strokes as float64 arrays (n, 2), n ≥ 1, without the empty ones.

    Raises DrawingError where nothing is drawn, where a stroke is not a list of finite
    x, y pairs, and for more points or strokes than a hand would draw.
    """
    try:
        if len(strokes) > MOST_STROKES:
            raise DrawingError(
                f"The drawing has {len(strokes):,} strokes; {MOST_STROKES:,} is most."
            )
        count = sum(len(stroke) for stroke in strokes)
    except TypeError:
        raise DrawingError("A drawing is a list of strokes, each a list of [x, y].") from None
    if count > MOST_POINTS:
        raise DrawingError(f"The drawing has {count:,} points; {MOST_POINTS:,} is most.")
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
        if not (np.abs(array) <= FARTHEST).all():  # false for NaN too
            raise DrawingError(
                f"Stroke {number} has a coordinate that is not a number from -{FARTHEST:,.0f} "
                f"to {FARTHEST:,.0f}."
            )
        arrays.append(array)
    return arrays


def ink(strokes: list[np.ndarray], pen: float, side: int = SIDE) -> np.ndarray:
    """Draw strokes, given in index coordinates, with a round pen of `pen` pixels.

    Returns (side, side) float64: the share of each pixel that the pen covered, taken as a
    straight band at the distance of the nearest segment. That is exact along a straight
    horizontal or vertical stroke, within 0.07 along any other, and in single pixels where
    strokes cross or fold off by up to 0.4.
    """
    start = np.concatenate([s[:-1] if len(s) > 1 else s for s in strokes])  # (S, 2)
    end = np.concatenate([s[1:] if len(s) > 1 else s for s in strokes])
    place = np.arange(side, dtype=np.float64)
    nearest = np.full((side, side), np.inf)  # squared distance from each pixel
    reach = pen / 2 + 0.5  # farther away nothing is covered
    for first in range(0, len(start), 32):
        # A few segments at once, and only the pixels that they can reach.
        a, b = start[first : first + 32], end[first : first + 32]
        low, high = np.minimum(a, b).min(axis=0) - reach, np.maximum(a, b).max(axis=0) + reach
        left, top = np.clip(np.ceil(low), 0, side).astype(int)
        right, bottom = np.clip(np.floor(high) + 1, 0, side).astype(int)
        if left >= right or top >= bottom:
            continue
        x, y = place[left:right], place[top:bottom, None]  # (X,), (Y, 1)
        ax, ay = a.T[..., None, None]  # (S, 1, 1) each
        dx, dy = b.T[..., None, None] - (ax, ay)
        length = np.maximum(dx * dx + dy * dy, 1e-12)
        along = np.clip(((x - ax) * dx + (y - ay) * dy) / length, 0, 1)  # (S, Y, X)
        away = (ax + along * dx - x) ** 2 + (ay + along * dy - y) ** 2
        part = nearest[top:bottom, left:right]
        np.minimum(part, away.min(axis=0), out=part)
    distance, radius = np.sqrt(nearest), pen / 2
    covered = np.minimum(distance + 0.5, radius) - np.maximum(distance - 0.5, -radius)
    return np.clip(covered, 0, 1)


def normalise_strokes(strokes: list[np.ndarray], pen: float = PEN) -> np.ndarray:
    """Strokes of any size and place → (28, 28) as MNIST would have it.

    The strokes are scaled before they are inked, so that how thick the pen was on the
    canvas does not matter. A drawing of at most one canvas pixel is a dot: it keeps its
    size. Takes what `check_strokes` returns.
    """
    low, high = bounds(strokes)
    extent = (high - low).max()
    return centre_strokes(strokes, (BOX - pen) / extent if extent > 1 else 1.0, pen)


def centre_strokes(strokes: list[np.ndarray], scale: float, pen: float) -> np.ndarray:
    """(28, 28) of strokes that are scaled, inked, and moved to have their mass at (14, 14).

    pen: its width in pixels of the result, whatever the scale.
    """
    middle = np.mean(bounds(strokes), axis=0)
    centred = [(stroke - middle) * scale + CENTRE for stroke in strokes]
    image = ink(centred, pen)
    if not image.any():  # all of it is beyond the edges, or too thin to be seen
        return image
    shift = CENTRE - np.array(centre_of_mass(image))
    return ink([stroke + shift for stroke in centred], pen)


def bounds(strokes: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The corners (x, y) of the smallest box that holds all points."""
    points = np.concatenate(strokes)
    return points.min(axis=0), points.max(axis=0)


def check_sizes(canvas: float = CANVAS, pen: float | None = None) -> tuple[float, float]:
    """The side of the canvas and the width of the pen on it, canvas / 14 if not given.

    Raises DrawingError for what is no size: a canvas of 1 to 1,000,000, a positive pen.
    """
    if not (isinstance(canvas, int | float) and 1 <= canvas <= FARTHEST):
        raise DrawingError(
            f"The canvas must be a number from 1 to {FARTHEST:,.0f}, not {canvas!r}."
        )
    pen = canvas * PEN_SHARE if pen is None else pen
    if not (isinstance(pen, int | float) and 0 < pen <= FARTHEST):
        raise DrawingError(f"The pen must be a number above 0, not {pen!r}.")
    return canvas, pen


def shrink_strokes(
    strokes: list[np.ndarray], canvas: float = CANVAS, pen: float | None = None, side: int = SIDE
) -> np.ndarray:
    """The whole canvas shrunk to (side, side), as drawn: nothing is moved or scaled.

    canvas: its side, and pen: the pen's width on it, as `check_sizes` takes them.
    """
    canvas, pen = check_sizes(canvas, pen)
    scale = side / canvas
    return ink([stroke * scale - 0.5 for stroke in strokes], pen * scale, side)


def centre_of_mass(image: np.ndarray) -> tuple[float, float]:
    """(x, y), as index, of an image with some ink."""
    total = image.sum()
    height, width = image.shape
    return (
        float(image.sum(axis=0) @ np.arange(width) / total),
        float(image.sum(axis=1) @ np.arange(height) / total),
    )


def read_drawings(path: str | os.PathLike) -> Iterator[Drawing]:
    """The drawings of a .jsonl or .jsonl.gz file, one a line, as they are read.

    {"label": 7, "strokes": [[[x, y], …], …], "writer": 3, "canvas": 500, "pen": 35.7},
    of which only the strokes must be there. Raises DrawingError naming file and line.
    """
    opened = gzip.open if Path(path).suffix == ".gz" else open
    number = 0
    try:
        with opened(path, "rt", encoding="utf-8") as lines:
            while line := lines.readline(LARGEST_LINE):
                number += 1
                if line.strip():
                    yield _drawing(json.loads(line))
    except FileNotFoundError:
        raise DrawingError(f"There is no drawings file {path}.") from None
    except (OSError, EOFError, zlib.error, ValueError, RecursionError) as error:
        raise DrawingError(f"{path}, line {number}: {error}") from None


def write_drawings(path: str | os.PathLike, drawings: Iterable[Drawing]) -> int:
    """Write drawings to a .jsonl or .jsonl.gz file that `read_drawings` reads; how many.

    What is not known of a drawing is left out.
    """
    lines = [as_line(drawing) for drawing in drawings]
    text = "".join(lines).encode()
    with replacing(path) as file:
        file.write(gzip.compress(text, mtime=0) if Path(path).suffix == ".gz" else text)
    return len(lines)


def as_line(drawing: Drawing) -> str:
    """The line of a drawings file that holds this drawing, with its end."""
    record = {"label": drawing.label, "writer": drawing.writer, "note": drawing.note}
    record = {key: value for key, value in record.items() if value is not None}
    record["canvas"], record["pen"] = drawing.canvas, drawing.pen
    record["strokes"] = [np.asarray(stroke).tolist() for stroke in drawing.strokes]
    return json.dumps(record) + "\n"


def _drawing(record: object) -> Drawing:
    if not isinstance(record, dict) or not isinstance(record.get("strokes"), list):
        raise DrawingError('A drawing is an object with "strokes", a list of lists of [x, y].')
    label, writer = record.get("label"), record.get("writer")
    if label is not None and label not in range(10):
        raise DrawingError(f"The label must be a digit from 0 to 9, not {label!r}.")
    if writer is not None and type(writer) not in (int, str):
        raise DrawingError(f"The writer must be a whole number or a name, not {writer!r}.")
    note = record.get("note")
    if note is not None and not (isinstance(note, str) and len(note) <= LONGEST_NOTE):
        raise DrawingError(f"The note must be text of at most {LONGEST_NOTE} characters.")
    canvas, pen = check_sizes(record.get("canvas", CANVAS), record.get("pen"))
    label = None if label is None else int(label)  # 7.0 is a 7 too
    return Drawing(check_strokes(record["strokes"]), label, writer, canvas, pen, note)
