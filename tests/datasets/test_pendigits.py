"""UCI's pen digits, from files in their format that are written by hand."""

import numpy as np
import pytest
from helpers import memory_below

from nnlib.datasets import pendigits
from nnlib.datasets.pendigits import read_pendigits
from nnlib.preprocessing.drawing import CANVAS_SIDE, DrawingError

FILE = """\
.VERSION 1.0
.COMMENT made by hand 7
.INCLUDE lexicon.lex

.HIERARCHY SEGMENT
1 2
.SEGMENT DIGIT 0-1 ? "4"
.COMMENT 4 12 224
.DT 100
.PEN_DOWN
 267 333
 260   300
.DT 5
 250 280.5
.PEN_UP
.DT 100
 999 999
.PEN_DOWN

 300 310
.PEN_UP

.SEGMENT DIGIT 2 ? "0"
.COMMENT 0 3 225
.PEN_DOWN
 0 0
 500 500
.PEN_UP
.SEGMENT DIGIT 3 ? "9"
.PEN_DOWN
 10 490
.PEN_DOWN
 20 480
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "pendigits-orig.tra"
    path.write_text(FILE)
    return path


class TestReadUnipen:
    def test_labels_and_writers_are_read(self, path):
        drawings = list(read_pendigits(path))
        assert [drawing.label for drawing in drawings] == [4, 0, 9]
        assert [drawing.writer for drawing in drawings] == [12, 3, None]

    def test_strokes_are_read_with_y_down(self, path):
        four, zero, _ = read_pendigits(path)
        assert [stroke.tolist() for stroke in four.strokes] == [
            [[267, 167], [260, 200], [250, 219.5]],  # without the point while the pen was up
            [[300, 190]],
        ]
        assert zero.strokes[0].tolist() == [[0, 500], [500, 0]]
        assert all(stroke.dtype == np.float64 for stroke in four.strokes)
        assert four.canvas == CANVAS_SIDE == 500

    def test_every_pen_down_begins_a_stroke(self, path):
        *_, nine = read_pendigits(path)
        assert [stroke.tolist() for stroke in nine.strokes] == [[[10, 10]], [[20, 20]]]

    def test_first_drawings_come_before_the_rest_is_read(self, path):
        path.write_text(FILE + "30 nonsense\n")
        drawings = read_pendigits(path)
        assert [next(drawings).label, next(drawings).label] == [4, 0]
        with pytest.raises(DrawingError):
            next(drawings)

    def test_windows_line_ends_make_no_difference(self, path):
        expected = [drawing.strokes for drawing in read_pendigits(path)]
        path.write_bytes(FILE.replace("\n", "\r\n").encode())
        for drawing, strokes in zip(read_pendigits(path), expected, strict=True):
            for stroke, other in zip(drawing.strokes, strokes, strict=True):
                np.testing.assert_array_equal(stroke, other)


class TestErrors:
    def test_packed_file_is_refused_with_the_command_to_unpack(self, tmp_path):
        path = tmp_path / "pendigits-orig.tra.Z"
        path.write_bytes(b"\x1f\x9d\x90\x2e\xac\x14\xb1\x20")
        with pytest.raises(DrawingError, match=r"it is packed: gzip -d pendigits-orig\.tra\.Z"):
            list(read_pendigits(path))

    def test_missing_file_is_named(self, tmp_path):
        with pytest.raises(DrawingError, match=r"There is no file .*nothing\.tra\."):
            list(read_pendigits(tmp_path / "nothing.tra"))

    def test_folder_is_named(self, tmp_path):
        with pytest.raises(DrawingError) as caught:
            list(read_pendigits(tmp_path))
        assert str(caught.value).startswith(str(tmp_path))

    @pytest.mark.parametrize("text", ["", "\n\n", "A letter.\n", ".PEN_DOWN\n1 2\n.PEN_UP\n"])
    def test_file_without_a_segment_is_refused(self, path, text):
        path.write_text(text)
        with pytest.raises(DrawingError, match=r"it has no line \.SEGMENT DIGIT … \"7\""):
            list(read_pendigits(path))

    @pytest.mark.parametrize(
        ("line", "instead", "number", "message"),
        [
            (" 260   300", " 260 3oo", 12, "a point is two numbers, not '260 3oo'"),
            (" 260   300", " 260", 12, "a point is two numbers, not '260'"),
            (" 260   300", " 260 300 1", 12, "a point is two numbers, not '260 300 1'"),
            ('.SEGMENT DIGIT 2 ? "0"', '.SEGMENT DIGIT 2 ? "A"', 23, "must be a digit"),
            ('.SEGMENT DIGIT 2 ? "0"', '.SEGMENT DIGIT 2 ? "10"', 23, 'not "10"'),
            ('.SEGMENT DIGIT 2 ? "0"', ".SEGMENT", 23, "must be a digit"),
            (".COMMENT 0 3 225", ".COMMENT 0 three 225", 24, "whole number, not three"),
        ],
    )
    def test_bad_line_is_refused_naming_file_and_line(self, path, line, instead, number, message):
        assert FILE.count(line + "\n") == 1
        path.write_text(FILE.replace(line, instead))
        with pytest.raises(DrawingError, match=message) as caught:
            list(read_pendigits(path))
        assert str(caught.value).startswith(f"{path}, line {number}: ")

    def test_comment_that_is_text_is_ignored(self, path):
        path.write_text(FILE.replace(".COMMENT 0 3 225", ".COMMENT written by hand"))
        assert [drawing.writer for drawing in read_pendigits(path)][-1] is None

    def test_segment_without_strokes_is_refused_at_its_end(self, path):
        path.write_text('.SEGMENT DIGIT 1 ? "1"\n.COMMENT 1 2 3\n.SEGMENT DIGIT 2 ? "2"\n')
        with pytest.raises(DrawingError, match=r"line 3: The drawing is empty"):
            list(read_pendigits(path))

    @pytest.mark.parametrize(
        ("content", "line", "message"),
        [
            ("a" * 10_000_000, 1, "it is longer than 1,000 characters"),
            ('.SEGMENT DIGIT 1 ? "1"\n.PEN_DOWN\n' + "1 2\n" * 10**6, 21_002, "21,000 points"),
            ('.SEGMENT DIGIT 1 ? "1"\n' + ".PEN_DOWN\n" * 10**6, 21_002, "21,001 strokes"),
            ("\n" * 3_000_010, 3_000_001, "the file has more than 3,000,000 lines"),
        ],
        ids=["line", "points", "strokes", "lines"],
    )
    def test_endless_file_is_refused(self, path, content, line, message):
        path.write_text(content)
        with pytest.raises(DrawingError, match=f"line {line}: .*{message}"):
            list(read_pendigits(path))

    def test_endless_drawing_takes_little_memory(self, path):
        path.write_text('.SEGMENT DIGIT 1 ? "1"\n.PEN_DOWN\n' + "1 2\n" * 10**6)
        with memory_below(10**7), pytest.raises(DrawingError, match="at most 20,000"):
            list(read_pendigits(path))

    def test_file_over_the_limit_is_refused(self, path, monkeypatch):
        monkeypatch.setattr(pendigits, "MAX_FILE_BYTES", len(FILE) - 1)
        with pytest.raises(DrawingError, match=f"the file has more than {len(FILE) - 1} bytes"):
            list(read_pendigits(path))
