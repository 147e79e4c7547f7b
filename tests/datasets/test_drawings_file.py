"""Drawings files: reading, writing, and what the errors say about damaged ones."""

import gzip
import json

import numpy as np
import pytest
from helpers import DIGITS, gzip_bomb, memory_below
from hypothesis import given
from hypothesis import strategies as st

from nnlib.datasets import drawings_file
from nnlib.datasets.drawings_file import drawing_to_line, read_drawings, write_drawings
from nnlib.preprocessing.drawing import MAX_NOTE_LENGTH, Drawing, DrawingError, check_strokes

LINE = '{"label": 7, "strokes": [[[160, 110], [340, 110], [220, 400]]], "writer": 3}\n'
SEVEN = Drawing(check_strokes(DIGITS[7]), 7, 3)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "drawings.jsonl"


class TestReadDrawings:
    def test_lines_become_drawings_with_defaults(self, path):
        path.write_text(LINE + "\n" + '{"strokes": [[[1, 2]]], "canvas": 280, "pen": 20}')
        first, second = read_drawings(path)
        assert isinstance(first, Drawing)
        assert (first.label, first.writer, first.canvas) == (7, 3, 500)
        assert first.pen == pytest.approx(500 / 14)
        assert first.strokes[0].tolist() == [[160, 110], [340, 110], [220, 400]]
        assert (second.label, second.writer, second.canvas, second.pen) == (None, None, 280, 20)

    def test_gzipped_file_is_unpacked(self, tmp_path):
        path = tmp_path / "drawings.jsonl.gz"
        path.write_bytes(gzip.compress(LINE.encode() * 3))
        assert [drawing.label for drawing in read_drawings(path)] == [7, 7, 7]

    def test_label_as_float_becomes_int(self, path):
        path.write_text(LINE.replace("7", "7.0"))
        (drawing,) = read_drawings(path)
        assert drawing.label == 7 and type(drawing.label) is int

    @pytest.mark.parametrize("ascii_only", [True, False])
    @pytest.mark.parametrize("note", ["", "a crossed 7", "é" * MAX_NOTE_LENGTH, "“1”\n<b>\\"])
    def test_note_is_kept(self, path, note, ascii_only):
        line = json.dumps({"strokes": [[[1, 2]]], "note": note}, ensure_ascii=ascii_only)
        path.write_text(line, encoding="utf-8")
        (drawing,) = read_drawings(path)
        assert drawing.note == note

    def test_missing_or_null_note_is_none(self, path):
        path.write_text(LINE + '{"strokes": [[[1, 2]]], "note": null}')
        assert [drawing.note for drawing in read_drawings(path)] == [None, None]

    def test_first_drawing_comes_before_the_rest_is_read(self, path):
        path.write_text(LINE + "nonsense")
        drawings = read_drawings(path)
        assert next(drawings).label == 7
        with pytest.raises(DrawingError):
            next(drawings)

    @pytest.mark.parametrize(
        ("record", "message"),
        [
            ("nonsense", None),
            ("[" * 100_000, "nested too deeply"),
            ('{"a":' * 100_000, "nested too deeply"),
            ("[]", 'an object with "strokes"'),
            ("{}", 'an object with "strokes"'),
            ('{"strokes": 5}', 'an object with "strokes"'),
            ('{"strokes": []}', "empty"),
            ('{"strokes": [[[1, NaN]]]}', "not a number"),
            ('{"strokes": [{"x": 1}]}', "list of points"),
            ('{"strokes": [[[1, 2]]], "label": 10}', 'digit from 0 to 9, or "none", not 10'),
            ('{"strokes": [[[1, 2]]], "label": "7"}', "digit from 0 to 9, or \"none\", not '7'"),
            ('{"strokes": [[[1, 2]]], "label": 1.5}', 'digit from 0 to 9, or "none", not 1.5'),
            ('{"strokes": [[[1, 2]]], "label": [1]}', r'digit from 0 to 9, or "none", not \[1\]'),
            ('{"strokes": [[[1, 2]]], "writer": [3]}', r"whole number or a name, not \[3\]"),
            ('{"strokes": [[[1, 2]]], "writer": 3.5}', r"whole number or a name, not 3.5"),
            ('{"strokes": [[[1, 2]]], "writer": true}', r"whole number or a name, not True"),
            ('{"strokes": [[[1, 2]]], "note": 7}', "note must be text of at most 200"),
            ('{"strokes": [[[1, 2]]], "note": ["a", "b"]}', "note must be text"),
            ('{"strokes": [[[1, 2]]], "note": {}}', "note must be text"),
            ('{"strokes": [[[1, 2]]], "note": false}', "note must be text"),
            (json.dumps({"strokes": [[[1, 2]]], "note": "é" * 201}), "at most 200 characters"),
            ('{"strokes": [[[1, 2]]], "canvas": 0}', "canvas"),
            ('{"strokes": [[[1, 2]]], "canvas": "large"}', "canvas"),
            ('{"strokes": [[[1, 2]]], "pen": "thick"}', "pen"),
            ('{"strokes": [[[1, 2]]], "pen": -1}', "pen"),
        ],
    )
    def test_bad_record_is_refused_naming_file_and_line(self, path, record, message):
        path.write_text(LINE + record)
        with pytest.raises(DrawingError, match=message) as caught:
            list(read_drawings(path))
        assert str(caught.value).startswith(f"{path}, line 2: ")

    def test_line_over_the_limit_is_refused(self, path, monkeypatch):
        monkeypatch.setattr(drawings_file, "MAX_LINE_LENGTH", len(LINE) - 10)
        path.write_text(LINE)
        with pytest.raises(DrawingError, match=r"drawings\.jsonl, line 1"):
            list(read_drawings(path))

    def test_packed_newlines_are_refused_soon(self, tmp_path):
        path = tmp_path / "newlines.jsonl.gz"
        path.write_bytes(gzip_bomb(b"", 100_000_000, b"\n"))
        message = (
            r"newlines\.jsonl\.gz, line 1000001: the file has more than 1,000,000 lines: split"
        )
        with pytest.raises(DrawingError, match=message):
            list(read_drawings(path))

    def test_bomb_of_one_line_is_refused_before_it_fills_the_memory(self, tmp_path):
        path = tmp_path / "spaces.jsonl.gz"
        path.write_bytes(gzip_bomb(b"", 100_000_000, b" "))
        with memory_below(10**7), pytest.raises(DrawingError, match="longer than 2,000,000 bytes"):
            list(read_drawings(path))

    def test_file_over_the_limit_is_refused(self, tmp_path, monkeypatch):
        monkeypatch.setattr(drawings_file, "MAX_FILE_BYTES", 5 * len(LINE))
        path = tmp_path / "drawings.jsonl.gz"
        path.write_bytes(gzip.compress(LINE.encode() * 5))
        assert len(list(read_drawings(path))) == 5
        path.write_bytes(gzip.compress(LINE.encode() * 6))
        with pytest.raises(DrawingError, match=rf"the file has more than {5 * len(LINE)} bytes"):
            list(read_drawings(path))

    @pytest.mark.parametrize("key", ["label", "writer", "canvas", "pen"])
    @pytest.mark.parametrize("value", ['"' + "a" * 100_000 + '"', "[" * 900 + "]" * 900])
    def test_wrong_value_is_quoted_only_in_part(self, path, key, value):
        path.write_text(f'{{"strokes": [[[1, 2]]], "{key}": {value}}}')
        with pytest.raises(DrawingError, match="line 1") as caught:
            for drawing in read_drawings(path):
                assert drawing.writer == "a" * 100_000  # a long name is allowed
                raise DrawingError("line 1")
        assert len(str(caught.value)) < len(str(path)) + 150

    def test_missing_file_is_named(self, tmp_path):
        with pytest.raises(DrawingError, match=r"no drawings file .*nothing\.jsonl"):
            list(read_drawings(tmp_path / "nothing.jsonl"))

    def test_folder_is_refused(self, tmp_path):
        with pytest.raises(DrawingError, match="line 0: "):
            list(read_drawings(tmp_path))

    def test_file_that_is_not_utf8_is_refused(self, path):
        path.write_bytes(b"\xff\xfe\x00")
        with pytest.raises(DrawingError, match=r"drawings\.jsonl, line"):
            list(read_drawings(path))

    def test_damaged_gzip_is_refused(self, tmp_path):
        path = tmp_path / "drawings.jsonl.gz"
        rng = np.random.default_rng(0)
        strokes = rng.integers(0, 500, (40, 1, 9, 2)).tolist()
        lines = [json.dumps({"strokes": stroke}) for stroke in strokes]
        whole = gzip.compress("\n".join(lines).encode())
        for place in range(10, len(whole), 31):
            damaged = bytearray(whole)
            damaged[place] ^= 0xFF
            for content in (damaged, whole[:place]):
                path.write_bytes(content)
                with pytest.raises(DrawingError, match=r"drawings\.jsonl\.gz, line"):
                    list(read_drawings(path))


any_coordinate = st.floats(-1e6, 1e6)
any_drawings = st.lists(
    st.builds(
        Drawing,
        strokes=st.lists(
            st.lists(st.tuples(any_coordinate, any_coordinate), min_size=1, max_size=5).map(
                np.array
            ),
            min_size=1,
            max_size=3,
        ),
        label=st.none() | st.integers(0, 9),
        writer=st.none() | st.integers() | st.text(),
        canvas=st.integers(1, 10**6) | st.floats(1, 1e6),
        pen=st.integers(1, 10**6) | st.floats(0, 1e6, exclude_min=True),
        note=st.none() | st.text(max_size=MAX_NOTE_LENGTH),
    ),
    max_size=4,
)


class TestWriteDrawings:
    @pytest.mark.parametrize("name", ["drawings.jsonl", "drawings.jsonl.gz"])
    @given(drawings=any_drawings)
    def test_reading_returns_the_same_drawings(self, tmp_path_factory, name, drawings):
        path = tmp_path_factory.getbasetemp() / name
        assert write_drawings(path, iter(drawings)) == len(drawings)
        for read, written in zip(read_drawings(path), drawings, strict=True):
            assert (read.label, read.writer) == (written.label, written.writer)
            assert (read.canvas, read.pen) == (written.canvas, written.pen)
            assert read.note == written.note
            for stroke, expected in zip(read.strokes, written.strokes, strict=True):
                np.testing.assert_array_equal(stroke, expected)

    def test_each_line_is_that_of_drawing_to_line(self, path):
        drawings = [SEVEN, Drawing(check_strokes([[[1, 2]]]), 3, "Zoë", 28, 2.5, "two\nlines")]
        write_drawings(path, drawings)
        assert path.read_text(encoding="utf-8") == "".join(map(drawing_to_line, drawings))

    def test_gz_suffix_packs_the_same_text_reproducibly(self, tmp_path):
        for name in ("a.jsonl", "a.jsonl.gz", "b.jsonl.gz"):
            write_drawings(tmp_path / name, [SEVEN] * 5)
        packed = (tmp_path / "a.jsonl.gz").read_bytes()
        assert gzip.decompress(packed) == (tmp_path / "a.jsonl").read_bytes()
        assert packed[4:8] == bytes(4)  # gzip's time stamp: none
        assert packed == (tmp_path / "b.jsonl.gz").read_bytes()

    @pytest.mark.parametrize("n", [0, 1, 300])
    def test_gz_has_the_bytes_of_gzip_compress(self, tmp_path, n):
        write_drawings(tmp_path / "a.jsonl.gz", [SEVEN] * n)
        expected = gzip.compress(drawing_to_line(SEVEN).encode() * n, mtime=0)
        assert (tmp_path / "a.jsonl.gz").read_bytes() == expected

    def test_any_number_of_drawings_is_written_in_little_memory(self, tmp_path):
        with memory_below(1_000_000):
            assert write_drawings(tmp_path / "a.jsonl.gz", (SEVEN for _ in range(5_000))) == 5_000

    def test_existing_file_is_replaced(self, path):
        write_drawings(path, [SEVEN] * 5)
        assert write_drawings(path, []) == 0
        assert path.read_bytes() == b""

    @pytest.mark.parametrize("name", ["drawings.jsonl", "drawings.jsonl.gz"])
    def test_error_while_writing_leaves_the_old_file(self, tmp_path, name):
        path = tmp_path / name
        write_drawings(path, [SEVEN])
        before = path.read_bytes()

        def broken():
            yield SEVEN
            raise DrawingError("No more.")

        with pytest.raises(DrawingError, match="No more"):
            write_drawings(path, broken())
        with pytest.raises(TypeError):
            write_drawings(path, [SEVEN, Drawing(SEVEN.strokes, writer=object())])
        assert path.read_bytes() == before
        assert [file.name for file in tmp_path.iterdir()] == [name]


class TestDrawingToLine:
    def test_holds_everything_that_is_known(self):
        drawing = Drawing(check_strokes([[[1, 2]]]), 3, "Zoë", 28, 2.5, "two\nlines")
        assert drawing_to_line(drawing) == (
            '{"label": 3, "writer": "Zo\\u00eb", "note": "two\\nlines", '
            '"canvas": 28, "pen": 2.5, "strokes": [[[1.0, 2.0]]]}\n'
        )

    def test_leaves_out_what_is_not_known(self):
        assert json.loads(drawing_to_line(SEVEN)) == {
            "label": 7,
            "writer": 3,
            "canvas": 500,
            "pen": 500 / 14,
            "strokes": DIGITS[7],
        }
        plain = Drawing(check_strokes([[[1, 2]]]), canvas=280, pen=20)
        expected = {"canvas": 280, "pen": 20, "strokes": [[[1, 2]]]}
        assert json.loads(drawing_to_line(plain)) == expected

    def test_keeps_zeros_and_an_empty_note(self):
        drawing = Drawing(check_strokes([[[1, 2]]]), 0, 0, note="")
        record = json.loads(drawing_to_line(drawing))
        assert (record["label"], record["writer"], record["note"]) == (0, 0, "")
