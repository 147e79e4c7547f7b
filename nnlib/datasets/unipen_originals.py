"""UNIPEN's distribution train_r01_v07, in the files of its authors, as drawings.

International Unipen Foundation 1999, CC BY 4.0, doi 10.5281/zenodo.1195803; I. Guyon et al., ICPR
1994. Each institution has a folder of files below `data/1a` (digits), `1b` and `1c` (letters):

    .INCLUDE aga/data/x.dat         another file, as if it stood here; mostly below `include`
    .SEGMENT CHARACTER 7-8 ? "4"    a character, the components that it consists of, and its label

A file that is included has the components:

    .COORD X Y T                    the columns of a point (X Y if it is not said)
    .WRITER_ID name                 who wrote what follows
    .PEN_DOWN                       a component begins: here, a stroke
    267 333 10                      a point, y up
    .PEN_UP                         another one: the way of the pen through the air

What follows another keyword, up to the next line that begins with a dot, is text.

Components are numbered from 0, and only those with points count. Most files have no points after
.PEN_UP, so that the numbers are those of the strokes; where there are some, they count and are not
drawn. Components are named as 7, 7-8 or 7-8,10; 7:3-8:10 is from point 3 of one to point 10 of the
other. Both ends belong to the character.
"""

import io
import os
import re
import string
from array import array
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nnlib.files import open_bounded
from nnlib.preprocessing.drawing import (
    MAX_COORDINATE,
    MAX_POINTS,
    MAX_STROKES,
    NO_DIGIT,
    Drawing,
    DrawingError,
    check_strokes,
)

# The distribution has 29,000 files. Bytes, lines and segments are those of a file and of all that
# it includes.
MAX_FILES = 200_000  # and folders
MAX_BYTES = 100_000_000
MAX_LINES = 3_000_000
MAX_LINE_LENGTH = 100_000  # characters
MAX_SEGMENTS = 100_000
MAX_INCLUDES = 1_000
MAX_DEPTH = 8  # of files that include files
MAX_NAME_LENGTH = 100  # characters of a writer's name that are kept

SIZE = 300.0  # the longer side of a drawing
MARGIN = 100.0  # where it begins, from the left and from the top

DIGITS, LETTERS = string.digits, string.ascii_letters
LIKE_DIGITS = frozenset("OoDQlIiJjSsZzBbqg")  # letters that are digits in somebody's hand
ISOLATED = {"1a", "1b", "1c", "1d"}  # folders of characters that were written one by one

_RANGE = r"(\d{1,9})(?::(\d{1,9}))?(?:-(\d{1,9})(?::(\d{1,9}))?)?"
_SEGMENT = re.compile(rf"({_RANGE}(?:\s*,\s*{_RANGE})*)(?:\s+(.*))?", re.ASCII)


def read_unipen_folder(
    folder: str | os.PathLike[str],
    characters: str = DIGITS + LETTERS,
    skipped: Counter[str] | None = None,
) -> Iterator[Drawing]:
    """The digits and letters in a folder of UNIPEN files, one after the other; files are sorted.

    characters: which of them; all others, words and texts are left out. A digit has its label. A
    letter has the letter as `note`, and the label `NO_DIGIT`, or None where it is in
    `LIKE_DIGITS`. The longer side of every drawing is 300, its corner at (100, 100) on a canvas
    of 500, y down. writer: "institution:name", with the last .WRITER_ID before the segment, or
    the file's name.

    Files in folders that are named `include` are only read where a file includes them. Where a
    folder has one of `1a` to `1d`, only these are read: `2` and `3` have the same characters
    again, and the others words. Hidden files, and those that do not begin with a dot, are left out.

    A segment without points, or with components that are not there, is left out; `skipped` counts
    them by reason. Where an included file is missing, all are, unless it is a .doc or .lex, which
    have no components. Raises DrawingError naming file and line where a file is malformed, and
    where the folder has none of the characters. One file at a time is in memory, with what it
    includes.
    """
    root = Path(folder).resolve()
    if not root.is_dir():
        raise DrawingError(f"There is no folder {folder}.")
    skipped = Counter() if skipped is None else skipped
    n_drawings = 0
    for path in _files(root):
        contents = _Contents(root, characters)
        contents.read(path)
        for segment in contents.segments:
            try:
                strokes = contents.strokes(segment)
            except _UnresolvedError as error:
                skipped[str(error)] += 1
                continue
            n_drawings += 1
            writer = f"{_institution(path)}:{segment.writer or path.stem}"
            yield _drawing(strokes, segment.character, writer)
    if not n_drawings:
        sentence = f"{folder} has no characters from {characters} in UNIPEN's format"
        if n_skipped := skipped.total():
            sentence += (
                f" with their strokes ({n_skipped:,} without): "
                "is it the folder that holds `data` and `include`?"
            )
        raise DrawingError(sentence)


class _UnresolvedError(Exception):
    """Strokes of a segment cannot be found; the message is the reason."""


class _Segment(NamedTuple):
    character: str
    components: str  # such as 7-8,10
    writer: str  # empty if there was none before it


class _Contents:
    """What a file and all that it includes have: components, and the segments made of them."""

    def __init__(self, root: Path, characters: str):
        self.segments: list[_Segment] = []
        self._characters = characters
        self._root = root
        self._components: list[tuple[bool, array[float]]] = []  # is a stroke; x, y, x, y, …
        self._columns = 0, 1  # of x and y
        self._writer = ""
        self._missing = False  # an included file was not found
        self._pen_is_down: bool | None = None  # None: what follows is text
        self._has_points = False  # the component that began last
        self._is_unipen = False  # a line beginning with a dot has been read
        self._n_bytes = self._n_lines = self._n_includes = 0

    def read(self, path: Path, outer: tuple[Path, ...] = ()) -> None:
        """Add what this file has. outer: the files that include it, the outermost first."""
        number = 0
        try:
            with io.TextIOWrapper(open_bounded(path, MAX_BYTES), "latin-1") as lines:
                while line := lines.readline(MAX_LINE_LENGTH):
                    number += 1
                    self._is_unipen = self._is_unipen or line.lstrip().startswith(".")
                    if not self._is_unipen and line.strip():
                        return  # a README, or an archive
                    self._count(line)
                    self._read_line(line, (*outer, path))
        except (OSError, ValueError) as error:
            raise DrawingError(f"{path}, line {number}: {error}") from None

    def _count(self, line: str) -> None:
        self._n_lines += 1
        self._n_bytes += len(line)
        if len(line) == MAX_LINE_LENGTH:
            raise DrawingError(f"it is longer than {MAX_LINE_LENGTH:,} characters")
        if self._n_lines > MAX_LINES:
            raise DrawingError(f"the file and what it includes have more than {MAX_LINES:,} lines")
        if self._n_bytes > MAX_BYTES:
            raise DrawingError(f"the file and what it includes have more than {MAX_BYTES:,} bytes")

    def _read_line(self, line: str, files: tuple[Path, ...]) -> None:
        """files: that of the line, and before it those that include it."""
        words = line.strip("\x1a").split()  # \x1a is the end of a file in DOS
        if not words:
            return
        if not words[0].startswith("."):
            if self._pen_is_down is not None:
                self._add_point(words)
        elif words[0] in (".PEN_DOWN", ".PEN_UP"):
            self._pen_is_down, self._has_points = words[0] == ".PEN_DOWN", False
        elif words[0] != ".DT":  # a pause, which may stand between two points
            self._pen_is_down = None
            if words[0] == ".INCLUDE":
                self._include(" ".join(words[1:]).strip('"'), files)
                self._pen_is_down = None  # whatever the included file ended with
            elif words[0] == ".COORD":
                self._columns = _columns(words[1:])
            elif words[0] == ".WRITER_ID":
                self._writer = " ".join(words[1:])[:MAX_NAME_LENGTH]
            elif words[:2] == [".SEGMENT", "CHARACTER"]:
                self._add_segment(" ".join(words[2:]))

    def _add_point(self, words: list[str]) -> None:
        try:
            x, y = (float(words[column]) for column in self._columns)
            if not (abs(x) <= MAX_COORDINATE and abs(y) <= MAX_COORDINATE):  # NaN too
                raise ValueError
        except (ValueError, IndexError):
            point = " ".join(words)[:50]
            raise DrawingError(f"{point!r} has no x and y up to {MAX_COORDINATE:,.0f}") from None
        if not self._has_points:
            self._components.append((bool(self._pen_is_down), array("d")))
            self._has_points = True
        self._components[-1][1].extend((x, y))

    def _add_segment(self, text: str) -> None:
        """text: what follows .SEGMENT CHARACTER, such as `7-8 ? "4"`."""
        parts = _SEGMENT.fullmatch(text)
        if not parts:
            raise DrawingError(f"a character's components are 7, 7-8 or 7:0-8:9, not {text[:50]!r}")
        components, rest = parts[1], parts[parts.re.groups] or ""
        quoted = re.findall('"([^"]*)"', rest)
        character = quoted[-1] if quoted else rest.rpartition(" ")[2].strip('"')
        if len(character) == 1 and character in self._characters:
            if len(self.segments) == MAX_SEGMENTS:
                raise DrawingError(f"the file has more than {MAX_SEGMENTS:,} segments")
            self.segments.append(_Segment(character, components, self._writer))

    def _include(self, name: str, files: tuple[Path, ...]) -> None:
        if not name:
            raise DrawingError(".INCLUDE names no file")
        self._n_includes += 1
        if self._n_includes > MAX_INCLUDES:
            raise DrawingError(f"it includes more than {MAX_INCLUDES:,} files")
        if len(files) > MAX_DEPTH:
            raise DrawingError(f"files include each other more than {MAX_DEPTH} deep")
        includes_itself = False
        for path in _places(name, files[-1].parent, self._root):
            if path not in files:
                self.read(path, files)
                return
            includes_itself = True  # unless another file is meant, further above
        if includes_itself:
            raise DrawingError(f"{name} includes itself")
        if not name.lower().endswith((".doc", ".lex")):  # these have no components
            self._missing = True

    def strokes(self, segment: _Segment) -> list[np.ndarray]:
        """The strokes of a segment. Raises _UnresolvedError where they are not known."""
        if self._missing:  # the numbers of all components may be wrong
            raise _UnresolvedError("an included file is missing")
        strokes, n_points = [], 0
        for points in self._parts(segment.components):
            if len(points):
                strokes.append(points)
                n_points += len(points)
            if len(strokes) > MAX_STROKES or n_points > MAX_POINTS:
                raise _UnresolvedError("it is larger than a drawing may be")
        if not strokes or np.ptp(np.concatenate(strokes), axis=0).max() == 0:
            raise _UnresolvedError("nothing is drawn")
        return strokes

    def _parts(self, components: str) -> Iterator[np.ndarray]:
        """The points (n, 2) of each stroke that is named, such as by 7-8,10."""
        n_named = 0
        for first, start, last, end in re.findall(_RANGE, components, re.ASCII):
            if not last:  # 7 is 7-7, and 7:3 is 7:3-7:3
                last, end = first, end or start
            numbers = range(int(first), int(last) + 1)
            n_named += len(numbers)
            if int(last) >= len(self._components):
                raise _UnresolvedError("a component is missing")
            if n_named > 2 * MAX_STROKES:  # between two strokes, the pen may be up
                raise _UnresolvedError("it is larger than a drawing may be")
            for number in numbers:
                is_stroke, flat = self._components[number]
                low = int(start) if start and number == int(first) else 0
                high = int(end) + 1 if end and number == int(last) else len(flat) // 2
                if is_stroke:
                    yield np.array(flat[2 * low : 2 * high]).reshape(-1, 2)


def _columns(names: list[str]) -> tuple[int, int]:
    """Where x and y stand in a line."""
    try:
        return names.index("X"), names.index("Y")
    except ValueError:
        raise DrawingError("the columns of .COORD must include X and Y") from None


def _drawing(strokes: list[np.ndarray], character: str, writer: str) -> Drawing:
    points = np.concatenate(strokes)
    corner = np.array([points[:, 0].min(), points[:, 1].max()])  # top left; y is up
    side = np.ptp(points, axis=0).max()
    placed = [
        (MARGIN + np.abs(stroke - corner) / side * SIZE).round(1)  # y down from here
        for stroke in strokes
    ]
    if character in DIGITS:
        return Drawing(check_strokes(placed), int(character), writer)
    label = None if character in LIKE_DIGITS else NO_DIGIT
    return Drawing(check_strokes(placed), label, writer, note=character)


def _institution(path: Path) -> str:
    """The folder's name under `1a`, `1b`, …, or that of the folder with the file."""
    folders = path.parts[:-1]
    for i in reversed(range(len(folders) - 1)):
        if folders[i].lower() in ISOLATED:
            return folders[i + 1]
    return folders[-1]


def _files(root: Path) -> list[Path]:
    """The files to read below a folder, sorted."""
    files, folders, n_found = [], [root], 0
    while folders:
        below = []
        for path in folders.pop().iterdir():
            n_found += 1
            if n_found > MAX_FILES:
                raise DrawingError(f"{root} has more than {MAX_FILES:,} files and folders.")
            if path.name.startswith("."):
                continue
            if path.is_dir():
                if not path.is_symlink() and path.name.lower() != "include":
                    below.append(path)
            elif _is_file_within(path, root):
                files.append(path)
        folders += [path for path in below if path.name.lower() in ISOLATED] or below
    return sorted(files)


def _places(name: str, folder: Path, root: Path) -> Iterator[Path]:
    """The files that may be meant by a name in a file of this folder, the nearest first.

    They lie below the folder or one above it, up to `root`, or below an `include` in one of these.
    Those that differ in capitals come last.
    """
    above = [place for place in (folder, *folder.parents) if place.is_relative_to(root)]
    places = [place / sub / name for place in above for sub in ("", "include")]
    for place in places:
        if _is_file_within(place, root):
            yield place.resolve()
    for place in places:
        if place.parent.is_dir() and place.parent.resolve().is_relative_to(root):
            for path in sorted(place.parent.iterdir()):
                if path.name.lower() == place.name.lower() and _is_file_within(path, root):
                    yield path.resolve()


def _is_file_within(path: Path, root: Path) -> bool:
    """Whether it is a file, and not a link that leads out of the folder."""
    return path.is_file() and path.resolve().is_relative_to(root)
