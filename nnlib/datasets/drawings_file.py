"""The drawings file: one drawing per line, as JSON.

{"label": 7, "strokes": [[[x, y], …], …], "writer": 3, "canvas": 500, "pen": 35.7, "note": "…"}

Only the strokes must be there. The label of what is no digit is "none".
"""

import json
import os
import reprlib
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from nnlib.files import atomic_write, open_bounded
from nnlib.preprocessing.drawing import (
    CANVAS_SIDE,
    MAX_NOTE_LENGTH,
    NO_DIGIT,
    Drawing,
    DrawingError,
    check_sizes,
    check_strokes,
)

MAX_LINE_LENGTH = 2_000_000  # bytes
MAX_LINES = 1_000_000
MAX_FILE_BYTES = 1_000_000_000  # unpacked


def read_drawings(path: str | os.PathLike[str]) -> Iterator[Drawing]:
    """The drawings of a .jsonl or .jsonl.gz file, one after the other.

    Raises DrawingError naming file and line.
    """
    number = 0
    try:
        with open_bounded(path, MAX_FILE_BYTES) as lines:
            while line := lines.readline(MAX_LINE_LENGTH):
                number += 1
                if number > MAX_LINES:
                    raise DrawingError(f"the file has more than {MAX_LINES:,} lines: split it")
                if len(line) == MAX_LINE_LENGTH:
                    raise DrawingError(f"it is longer than {MAX_LINE_LENGTH:,} bytes")
                if line.strip():
                    yield _parse(json.loads(line))
    except FileNotFoundError:
        raise DrawingError(f"There is no drawings file {path}.") from None
    except RecursionError:
        raise DrawingError(f"{path}, line {number}: its JSON is nested too deeply") from None
    except (OSError, ValueError) as error:
        raise DrawingError(f"{path}, line {number}: {error}") from None


def write_drawings(path: str | os.PathLike[str], drawings: Iterable[Drawing]) -> int:
    """Write a .jsonl or .jsonl.gz file that `read_drawings` reads; return how many drawings."""
    # As gzip.compress(text, mtime=0), a line at a time.
    packer = zlib.compressobj(9, wbits=31) if Path(path).suffix == ".gz" else None
    number = 0
    with atomic_write(path) as file:
        for number, drawing in enumerate(drawings, 1):  # noqa: B007
            line = drawing_to_line(drawing).encode()
            file.write(packer.compress(line) if packer else line)
        if packer:
            file.write(packer.flush())
    return number


def drawing_to_line(drawing: Drawing) -> str:
    """The line for this drawing, with its line end; what is not known is left out."""
    label = "none" if drawing.label == NO_DIGIT else drawing.label
    known = {"label": label, "writer": drawing.writer, "note": drawing.note}
    record: dict[str, object] = {key: v for key, v in known.items() if v is not None}
    record["canvas"], record["pen"] = drawing.canvas, drawing.pen
    record["strokes"] = [np.asarray(stroke).tolist() for stroke in drawing.strokes]
    return json.dumps(record) + "\n"


def _parse(record: object) -> Drawing:
    if not isinstance(record, dict) or not isinstance(record.get("strokes"), list):
        raise DrawingError('A drawing is an object with "strokes", a list of lists of [x, y].')
    label, writer = record.get("label"), record.get("writer")
    if label == "none":
        label = NO_DIGIT
    elif label is not None and (isinstance(label, bool) or label not in range(10)):
        raise DrawingError(
            f'The label must be a digit from 0 to 9, or "none", not {reprlib.repr(label)}.'
        )
    if writer is not None and type(writer) not in (int, str):
        raise DrawingError(
            f"The writer must be a whole number or a name, not {reprlib.repr(writer)}."
        )
    note = record.get("note")
    if note is not None and not (isinstance(note, str) and len(note) <= MAX_NOTE_LENGTH):
        raise DrawingError(f"The note must be text of at most {MAX_NOTE_LENGTH} characters.")
    canvas, pen = check_sizes(record.get("canvas", CANVAS_SIDE), record.get("pen"))
    label = None if label is None else int(label)  # JSON may hold 7.0
    return Drawing(check_strokes(record["strokes"]), label, writer, canvas, pen, note)
