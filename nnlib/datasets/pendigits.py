"""UCI's pen digits, in the files of their authors, as drawings.

"Pen-Based Recognition of Handwritten Digits" (E. Alpaydin & F. Alimoglu 1998, CC BY 4.0,
doi 10.24432/C5MG6K) comes as `pendigits-orig.tra` and `.tes`, in UNIPEN (Guyon et al. 1994):

    .SEGMENT DIGIT 0-1 ? "4"    a new drawing, and its label
    .COMMENT 4 12 224           the label again, the writer, the drawing's number
    .PEN_DOWN                   a stroke begins
    267 333                     x and y, y up, on a square of 500 by 500
    .PEN_UP                     it ends
"""

import io
import os
from collections.abc import Iterator
from pathlib import Path

from nnlib.files import open_bounded
from nnlib.preprocessing.drawing import (
    CANVAS_SIDE,
    MAX_POINTS,
    MAX_STROKES,
    Drawing,
    DrawingError,
    check_strokes,
)

# The larger one of the two originals has 5 MB, and less than a million lines.
MAX_FILE_BYTES = 100_000_000
MAX_LINES = 3_000_000
MAX_LINE_LENGTH = 1_000  # characters


def read_pendigits(path: str | os.PathLike[str]) -> Iterator[Drawing]:
    """The drawings of an unpacked file, one after the other, with y down.

    Raises DrawingError naming file and line.
    """
    number, down = 0, False
    size = 0  # of the drawing: its strokes and points
    label: int | None = None
    writer: int | None = None
    strokes: list[list[list[float]]] = []
    try:
        with io.TextIOWrapper(open_bounded(path, MAX_FILE_BYTES), "latin-1") as lines:
            while line := lines.readline(MAX_LINE_LENGTH):
                number += 1
                if number > MAX_LINES:
                    raise DrawingError(f"the file has more than {MAX_LINES:,} lines")
                if number == 1 and line.startswith("\x1f"):
                    raise DrawingError(f"it is packed: gzip -d {Path(path).name} unpacks it")
                if len(line) == MAX_LINE_LENGTH:
                    raise DrawingError(f"it is longer than {MAX_LINE_LENGTH:,} characters")
                words = line.split()
                if not words:
                    continue
                if words[0] == ".SEGMENT":
                    if label is not None:
                        yield Drawing(check_strokes(strokes), label, writer)
                    label, writer, strokes, down, size = _digit(words[-1]), None, [], False, 0
                elif words[0] == ".COMMENT" and label is not None:
                    if len(words) >= 3 and words[1].isdecimal():  # other comments are text
                        writer = _writer(words[2])
                elif words[0] == ".PEN_DOWN":
                    strokes.append([])
                    down, size = True, size + 1
                elif words[0] == ".PEN_UP":
                    down = False
                elif down and not words[0].startswith("."):
                    x, y = _point(words)
                    strokes[-1].append([x, CANVAS_SIDE - y])
                    size += 1
                if size > MAX_STROKES + MAX_POINTS:
                    check_strokes(strokes)  # refuses them, before there are more
        if label is None:
            raise DrawingError('it has no line .SEGMENT DIGIT … "7"')
        yield Drawing(check_strokes(strokes), label, writer)
    except FileNotFoundError:
        raise DrawingError(f"There is no file {path}.") from None
    except (OSError, ValueError) as error:
        raise DrawingError(f"{path}, line {number}: {error}") from None


def _digit(word: str) -> int:
    label = word.strip('"')
    if label not in set("0123456789"):
        raise DrawingError(f"the segment's label must be a digit in quotes, not {word}")
    return int(label)


def _writer(word: str) -> int:
    if not word.isdecimal():
        raise DrawingError(f"the writer in the comment must be a whole number, not {word}")
    return int(word)


def _point(words: list[str]) -> tuple[float, float]:
    try:
        x, y = map(float, words)
    except ValueError:
        raise DrawingError(f"a point is two numbers, not {' '.join(words)!r}") from None
    return x, y
