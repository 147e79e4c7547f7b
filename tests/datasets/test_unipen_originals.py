"""UNIPEN's distribution, from folders in its format that are written by hand."""

import os
from collections import Counter

import numpy as np
import pytest
from helpers import memory_below
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlib.datasets import unipen_originals
from nnlib.datasets.unipen import load_unipen_letters
from nnlib.datasets.unipen_originals import DIGITS, LETTERS, LIKE_DIGITS, read_unipen_folder
from nnlib.preprocessing.drawing import NO_DIGIT, DrawingError

# As in the distribution: the segments in one file, the components in another, and what is known
# about them in a third.
SEGMENTS = """\
.VERSION 1.0
.INCLUDE aga/aga.doc
.INCLUDE aga/data/ann.dat
.SEGMENT CHARACTER 0-1 ? "4"
.SEGMENT CHARACTER 2 OK "l"
.SEGMENT CHARACTER 2 OK "A"
"""
DOCUMENTATION = """\
.COMMENT     ##############
             ### AGA 12 ###
             ##############
.COORD X Y
.DATA_INFO Quantity:
     12 34
     none
.ALPHABET "." "0"
.ALPHABET_FREQ
16
25
"""
COMPONENTS = """\

.WRITER_ID Ann
.START_BOX
.PEN_DOWN
 10 40
 10 20
 40 20
.PEN_UP
.PEN_DOWN
\t30\t50
\t30\t-10
.PEN_UP
.PEN_DOWN
 5 6
 5 8.5
.PEN_UP
"""


def write(folder, **texts):
    """Write files below a folder; in their names, __ stands for / and nothing for .dat."""
    for name, text in texts.items():
        path = folder / (name.replace("__", "/") + ".dat")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="latin-1")
    return folder


def lines(*strokes, pen=".PEN_DOWN") -> str:
    """Components with these points."""
    return "".join(
        f"{pen}\n" + "".join(f"{' '.join(map(str, point))}\n" for point in stroke) + ".PEN_UP\n"
        for stroke in strokes
    )


def strokes_of(drawing) -> list[list[list[float]]]:
    return [stroke.tolist() for stroke in drawing.strokes]


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, data__1a__aga__ann=SEGMENTS, include__aga__data__ann=COMPONENTS)
    (tmp_path / "include" / "aga" / "aga.doc").write_text(DOCUMENTATION)
    (tmp_path / "CDROM-README").write_text("This is the first\n.SEGMENT CHARACTER x\n" * 3)
    return tmp_path


@pytest.fixture
def one(tmp_path):
    """A function: the only drawing of a file with this text."""

    def read(text):
        [drawing] = read_unipen_folder(write(tmp_path, x=text))
        return drawing

    return read


# Four components: an L, a bar, a stroke of ten points to the right, and a dash.
FOUR = lines(
    [(0, 300), (0, 0), (300, 0)],
    [(0, 0), (0, 300)],
    [(30 * i, 0) for i in range(11)],
    [(0, 0), (300, 0)],
)


class TestDrawings:
    def test_digit_is_read_with_label_and_writer(self, folder):
        four = next(read_unipen_folder(folder))
        assert (four.label, four.writer, four.note) == (4, "aga:Ann", None)
        assert (four.canvas, four.pen) == (500, 500 / 14)

    def test_drawing_is_scaled_to_300_with_y_down(self, folder):
        four = next(read_unipen_folder(folder))  # from (10, -10) to (40, 50)
        assert strokes_of(four) == [[[100, 150], [100, 250], [250, 250]], [[200, 100], [200, 400]]]
        assert all(stroke.dtype == np.float64 for stroke in four.strokes)

    def test_letter_is_a_note_and_no_digit(self, folder):
        _, small_l, a = read_unipen_folder(folder)
        assert (small_l.label, small_l.note) == (None, "l")  # a 1 in somebody's hand
        assert (a.label, a.note) == (NO_DIGIT, "A")

    def test_letters_like_digits_are_those_of_the_packaged_file(self):
        letters = load_unipen_letters()
        assert {letter.note for letter in letters if letter.label is None} == LIKE_DIGITS
        assert {letter.note for letter in letters} == set(LETTERS)

    @pytest.mark.parametrize("characters", ["4", "lA", DIGITS, LETTERS, "A"])
    def test_only_the_wanted_characters_are_read(self, folder, characters):
        drawings = read_unipen_folder(folder, characters)
        found = [drawing.note or str(drawing.label) for drawing in drawings]
        assert found == [character for character in "4lA" if character in characters]

    @pytest.mark.parametrize(
        ("end", "label"),
        [('? "7"', 7), ("OK 7", 7), ('"7"', 7), ('? "1" "7"', 7), ("7", 7), ('? "7" ', 7)],
    )
    def test_label_is_the_last_word(self, one, end, label):
        assert one(f"{FOUR}.SEGMENT CHARACTER 0 {end}\n").label == label

    @pytest.mark.parametrize("end", ["", "?", '? ""', '? "77"', '? "é"', '? "²"', '? """', '? " "'])
    def test_other_characters_are_left_out(self, one, end):
        text = f'{FOUR}.SEGMENT CHARACTER 0 {end}\n.SEGMENT CHARACTER 0 ? "3"\n'
        assert one(text).label == 3

    @pytest.mark.parametrize("level", ["WORD", "TEXT", "DIGIT", "CHARACTERS", ""])
    def test_segments_of_other_levels_are_left_out(self, one, level):
        text = f'{FOUR}.SEGMENT {level} x ? "4"\n.SEGMENT CHARACTER 0 ? "3"\n'
        assert one(text).label == 3

    @given(
        st.lists(
            st.lists(
                st.tuples(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6)),
                min_size=1,
                max_size=8,
            ),
            min_size=1,
            max_size=5,
        ).filter(lambda strokes: len({point for stroke in strokes for point in stroke}) > 1)
    )
    @settings(deadline=None, max_examples=50)
    def test_any_drawing_keeps_its_shape(self, tmp_path_factory, strokes):
        text = f'{lines(*strokes)}.SEGMENT CHARACTER 0-{len(strokes) - 1} ? "8"\n'
        [drawing] = read_unipen_folder(write(tmp_path_factory.mktemp("unipen"), x=text))
        points, drawn = np.concatenate(strokes), np.concatenate(drawing.strokes)
        np.testing.assert_array_equal(drawn.min(axis=0), [100, 100])
        assert np.ptp(drawn, axis=0).max() == 300
        scale = 300 / np.ptp(points, axis=0).max()
        expected = (points - points[0]) * scale * [1, -1]
        np.testing.assert_allclose(drawn - drawn[0], expected, atol=0.11)
        assert [len(stroke) for stroke in drawing.strokes] == [len(stroke) for stroke in strokes]


class TestComponents:
    @pytest.mark.parametrize(
        ("components", "n_points"),
        [
            ("0", [3]),
            ("0-0", [3]),
            ("0-1", [3, 2]),
            ("0-3", [3, 2, 11, 2]),
            ("0,2", [3, 11]),
            ("0-1,3", [3, 2, 2]),
            ("3 , 0-1", [2, 3, 2]),
            ("2:3-2:7", [5]),
            ("2:3-3", [8, 2]),
            ("0:1-2:4", [2, 2, 5]),
            ("1-2:0", [2, 1]),
            ("2:8,1", [1, 2]),  # one point
            ("2:8-2:99,1", [3, 2]),  # to the end
            ("2:99-3", [2]),
        ],
    )
    def test_components_are_addressed_with_both_ends(self, one, components, n_points):
        drawing = one(f'{FOUR}.SEGMENT CHARACTER {components} ? "2"\n')
        assert [len(stroke) for stroke in drawing.strokes] == n_points

    def test_points_of_a_part_are_the_addressed_ones(self, one):
        drawing = one(f'{FOUR}.SEGMENT CHARACTER 2:2-2:4 ? "2"\n')
        assert strokes_of(drawing) == [[[100, 100], [250, 100], [400, 100]]]

    def test_pen_up_without_points_is_not_counted(self, one):
        text = ".PEN_UP\n.PEN_DOWN\n.PEN_UP\n" + FOUR + '.SEGMENT CHARACTER 2 ? "2"\n'
        assert len(one(text).strokes[0]) == 11

    def test_pen_up_with_points_is_counted_but_not_drawn(self, one):
        air = lines([(0, 0), (999, 999)], pen=".PEN_UP")
        text = lines([(0, 0), (30, 0)]) + air + lines([(0, 0), (0, 30)])
        assert strokes_of(one(f'{text}.SEGMENT CHARACTER 0-2 ? "2"\n')) == [
            [[100, 400], [400, 400]],
            [[100, 400], [100, 100]],
        ]

    def test_segment_may_come_before_its_components(self, one):
        assert len(one('.SEGMENT CHARACTER 0 ? "2"\n' + FOUR).strokes[0]) == 3

    def test_pause_does_not_end_a_component(self, one):
        text = '.PEN_DOWN\n.DT 100\n1 2\n.DT 5\n3 4\n.SEGMENT CHARACTER 0 ? "2"\n'
        assert len(one(text).strokes[0]) == 2

    def test_text_after_other_keywords_is_ignored(self, one):
        text = '.PEN_DOWN\n1 2\n3 4\n.COMMENT here\n5 6\nall of this\n.SEGMENT CHARACTER 0 ? "2"\n'
        assert len(one(text + "12 34\n").strokes[0]) == 2

    @pytest.mark.parametrize(
        ("columns", "point"),
        [
            ("X Y", "{x} {y}"),
            ("X Y T P", "{x} {y} 777 -5"),
            ("T Y X", "777 {y} {x}"),
            ("P X T Y", "abc {x} - {y}"),  # what else is there is not looked at
            ("X Y T", "{x} {y}"),
        ],
    )
    def test_columns_are_those_that_coord_names(self, one, columns, point):
        points = "".join(point.format(x=x, y=y) + "\n" for x, y in [(1, 2), (1, 5), (3, 5)])
        text = f'.COORD {columns}\n.PEN_DOWN\n{points}.SEGMENT CHARACTER 0 ? "2"\n'
        assert strokes_of(one(text)) == [[[100, 400], [100, 100], [300, 100]]]

    def test_line_ends_of_dos_make_no_difference(self, folder):
        expected = [strokes_of(drawing) for drawing in read_unipen_folder(folder)]
        for path in folder.rglob("*.*"):
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n") + b"\x1a")
        assert [strokes_of(drawing) for drawing in read_unipen_folder(folder)] == expected


class TestWriters:
    CHARACTER = '.SEGMENT CHARACTER 0 ? "1"\n'

    def test_writer_is_the_last_one_before_the_segment(self, tmp_path):
        text = FOUR + "".join(f".WRITER_ID {name}\n{self.CHARACTER}" for name in ("Ann", "Bob  B"))
        write(tmp_path, ibm__x=self.CHARACTER + text)
        writers = [drawing.writer for drawing in read_unipen_folder(tmp_path)]
        assert writers == ["ibm:x", "ibm:Ann", "ibm:Bob B"]

    @pytest.mark.parametrize(
        ("name", "institution"),
        [
            ("data__1a__apb__apb02__x", "apb"),
            ("data__1c__sie__char__gsaa__x", "sie"),
            ("1B__val__x", "val"),
            ("kai__kai0__x", "kai0"),
            ("1a__x", "1a"),
        ],
    )
    def test_institution_is_the_folder_below_1a(self, tmp_path, name, institution):
        [drawing] = read_unipen_folder(write(tmp_path, **{name: FOUR + self.CHARACTER}))
        assert drawing.writer == f"{institution}:x"

    def test_institution_is_known_below_the_given_folder_too(self, folder):
        write(folder, data__1a__apb__apb02__y=FOUR + self.CHARACTER)
        [drawing] = read_unipen_folder(folder / "data" / "1a" / "apb")
        assert drawing.writer == "apb:y"


class TestFiles:
    def test_files_are_read_in_the_order_of_their_names(self, tmp_path):
        for i, name in enumerate(["b__z", "a__y", "c", "a__b__x", "a__z"]):
            write(tmp_path, **{name: f'{FOUR}.SEGMENT CHARACTER 0 ? "{i}"\n'})
        assert [drawing.label for drawing in read_unipen_folder(tmp_path)] == [3, 1, 4, 0, 2]

    def test_categories_with_the_same_characters_are_left_out(self, folder):
        write(folder, data__2__aga__ann=SEGMENTS, data__3__aga__ann=SEGMENTS, data__1d__aga__a=".X")
        assert len(list(read_unipen_folder(folder))) == 3
        (folder / "data" / "1a").rename(folder / "old")
        (folder / "data" / "1d").rename(folder / "data" / "d")
        assert len(list(read_unipen_folder(folder))) == 9

    def test_other_files_are_left_out(self, folder):
        (folder / ".hidden").write_text(".SEGMENT CHARACTER x")
        (folder / "image.png").write_bytes(b"\x89PNG" + bytes(200_000))
        (folder / "empty").write_bytes(b"")
        assert len(list(read_unipen_folder(folder))) == 3

    @pytest.mark.parametrize(
        "place",
        ["data/1a/aga", "data/1a/aga/include", "data/1a", "data", "data/include", ".", "include"],
    )
    def test_included_file_is_found_in_any_folder_above(self, folder, place):
        (folder / place / "aga" / "data").mkdir(parents=True, exist_ok=True)
        (folder / "include/aga/data/ann.dat").rename(folder / place / "aga/data/ann.dat")
        assert len(list(read_unipen_folder(folder, DIGITS))) == 1

    def test_nearest_of_two_included_files_is_taken(self, folder):
        write(folder, data__1a__aga__aga__data__ann=FOUR + ".WRITER_ID near\n")
        assert next(read_unipen_folder(folder, DIGITS)).writer == "aga:near"

    def test_file_of_the_same_name_above_is_meant(self, tmp_path):
        write(tmp_path, data__1a__aga__x='.INCLUDE aga/x.dat\n.SEGMENT CHARACTER 0 ? "1"\n')
        write(tmp_path, include__aga__x=FOUR)  # data/1a has an aga/x.dat too: the one that asks
        assert len(list(read_unipen_folder(tmp_path))) == 1

    def test_capitals_of_an_included_file_make_no_difference(self, folder):
        (folder / "include/aga/data/ann.dat").rename(folder / "include/aga/data/ANN.DAT")
        assert len(list(read_unipen_folder(folder))) == 3

    def test_included_files_may_include_others(self, folder):
        write(
            folder,
            include__aga__data__ann=".INCLUDE ../more/bob.dat\n",
            include__aga__more__bob=COMPONENTS,
        )
        assert [d.writer for d in read_unipen_folder(folder)] == ["aga:Ann"] * 3

    def test_components_are_counted_through_all_included_files(self, tmp_path):
        write(tmp_path, include__a=lines([(0, 0), (1, 1)]), include__b=lines([(0, 0), (5, 5)] * 3))
        text = '.INCLUDE a.dat\n.INCLUDE b.dat\n.SEGMENT CHARACTER 1 ? "1"\n'
        [drawing] = read_unipen_folder(write(tmp_path, x=text))
        assert len(drawing.strokes[0]) == 6

    def test_text_after_an_open_component_of_another_file_is_ignored(self, tmp_path):
        write(tmp_path, include__a=".PEN_DOWN\n1 2\n3 4\n")
        write(tmp_path, x='.INCLUDE a.dat\n5 6\nall of this\n.SEGMENT CHARACTER 0 ? "1"\n')
        [drawing] = read_unipen_folder(tmp_path)
        assert len(drawing.strokes[0]) == 2

    def test_file_that_is_included_is_not_read_by_itself(self, folder):
        write(folder, include__aga__data__ann=COMPONENTS + '.SEGMENT CHARACTER 0 ? "9"\n')
        assert [d.label for d in read_unipen_folder(folder, DIGITS)] == [9, 4]

    def test_memory_is_that_of_one_file(self, tmp_path):
        stroke = lines([(i, i % 7) for i in range(50_000)])
        for i in range(6):
            write(tmp_path, **{f"x{i}": stroke + '.SEGMENT CHARACTER 0:0-0:9 ? "1"\n'})
        with memory_below(4_000_000):  # 2 files would have 1.6 MB of points, 6 have 4.8 MB
            assert sum(1 for _ in read_unipen_folder(tmp_path)) == 6


class TestSkipped:
    @pytest.mark.parametrize(
        ("components", "reason"),
        [
            ("4", "a component is missing"),
            ("0-4", "a component is missing"),
            ("0,999999999", "a component is missing"),
            ("2-1", "nothing is drawn"),
            ("2:5", "nothing is drawn"),  # a point has no size
            ("2:50-2:60", "nothing is drawn"),
            (",".join(["0-3"] * 400), "it is larger than a drawing may be"),
        ],
    )
    def test_segment_without_its_strokes_is_counted(self, tmp_path, components, reason):
        text = f'{FOUR}.SEGMENT CHARACTER {components} ? "1"\n.SEGMENT CHARACTER 0 ? "2"\n'
        skipped = Counter()
        drawings = read_unipen_folder(write(tmp_path, x=text), skipped=skipped)
        assert [drawing.label for drawing in drawings] == [2]
        assert skipped == {reason: 1}

    def test_many_components_are_not_tried_one_by_one(self, tmp_path):
        text = lines([(0, 0), (9, 9)]) + lines(*[[(0, 0)]] * 20_000, pen=".PEN_UP")
        text += f'.SEGMENT CHARACTER {",".join(["999999999-0,1-20000"] * 100)} ? "1"\n'
        skipped = Counter()
        text += '.SEGMENT CHARACTER 0 ? "2"\n'
        assert len(list(read_unipen_folder(write(tmp_path, x=text), skipped=skipped))) == 1
        assert skipped == {"it is larger than a drawing may be": 1}

    def test_missing_file_leaves_out_all_segments(self, folder):
        write(folder, data__1a__aga__bob=SEGMENTS.replace("ann.dat", "bob.dat"))
        skipped = Counter()
        assert len(list(read_unipen_folder(folder, skipped=skipped))) == 3
        assert skipped == {"an included file is missing": 3}

    def test_missing_documentation_does_not_matter(self, folder):
        (folder / "include/aga/aga.doc").unlink()
        assert len(list(read_unipen_folder(folder))) == 3

    def test_folder_without_the_included_files_is_refused(self, folder):
        with pytest.raises(DrawingError, match=r"3 without\): is it the folder that holds `data`"):
            list(read_unipen_folder(folder / "data"))

    @pytest.mark.parametrize("characters", [DIGITS, LETTERS])
    def test_folder_without_characters_is_refused(self, tmp_path, characters):
        (tmp_path / "letter.txt").write_text("Dear all")
        with pytest.raises(DrawingError, match=f"no characters from {characters} in UNIPEN's form"):
            list(read_unipen_folder(tmp_path, characters))

    def test_missing_folder_is_named(self, tmp_path):
        with pytest.raises(DrawingError, match=r"There is no folder .*nothing\."):
            list(read_unipen_folder(tmp_path / "nothing"))


class TestMalformed:
    @pytest.mark.parametrize(
        ("line", "instead", "number", "message"),
        [
            (" 10 20", " 10 2o", 6, "'10 2o' has no x and y"),
            (" 10 20", " 10", 6, "'10' has no x and y"),
            (" 10 20", " nan 20", 6, "'nan 20' has no x and y up to 1,000,000"),
            (" 10 20", " 20 nan", 6, "'20 nan' has no x and y"),
            (" 10 20", " 10 -1e7", 6, "'10 -1e7' has no x and y"),
            (".START_BOX", ".COORD X T", 3, "columns of .COORD must include X and Y"),
            (".START_BOX", ".COORD", 3, "columns of .COORD must include X and Y"),
            (".START_BOX", '.SEGMENT CHARACTER ? "4"', 3, "components are 7, 7-8 or 7:0-8:9, not"),
            (".START_BOX", '.SEGMENT CHARACTER 1- ? "4"', 3, "components are 7"),
            (".START_BOX", '.SEGMENT CHARACTER 1-2-3 ? "4"', 3, "components are 7"),
            (".START_BOX", '.SEGMENT CHARACTER -1 ? "4"', 3, "components are 7"),
            (".START_BOX", f'.SEGMENT CHARACTER {"9" * 5000} ? "4"', 3, "components are 7"),
            (".START_BOX", ".INCLUDE", 3, ".INCLUDE names no file"),
        ],
    )
    def test_bad_line_is_refused_naming_file_and_line(self, folder, line, instead, number, message):
        assert COMPONENTS.count(line + "\n") == 1
        write(folder, include__aga__data__ann=COMPONENTS.replace(line, instead))
        with pytest.raises(DrawingError, match=message) as caught:
            list(read_unipen_folder(folder))
        included = folder / "include/aga/data/ann.dat"
        outer = folder / "data/1a/aga/ann.dat"
        assert str(caught.value).startswith(f"{outer}, line 3: {included}, line {number}: ")

    def test_drawings_before_the_malformed_file_are_read(self, folder):
        write(folder, data__1a__aga__bob=".PEN_DOWN\n1 2 3\nx\n")
        drawings = read_unipen_folder(folder, DIGITS)
        assert next(drawings).label == 4
        with pytest.raises(DrawingError, match=r"bob\.dat, line 3: 'x' has no x and y"):
            next(drawings)

    @given(st.text(st.sampled_from('.:-,"0129 \nAXY\t?'), max_size=60), st.integers(0, 200))
    @settings(deadline=None, max_examples=100)
    def test_damaged_file_is_read_or_refused(self, tmp_path_factory, damage, place):
        text = COMPONENTS + SEGMENTS.replace(".INCLUDE", ".COMMENT")
        place %= len(text)
        root = write(tmp_path_factory.mktemp("unipen"), x=text[:place] + damage + text[place:])
        try:
            for drawing in read_unipen_folder(root):
                points = np.concatenate(drawing.strokes)
                assert points.min() >= 100 and points.max() <= 400
        except DrawingError as error:
            assert "x.dat, line " in str(error) or "has no characters" in str(error)


class TestBounds:
    @pytest.mark.parametrize("name", ["a.dat", "b.dat", "c.dat"])
    def test_cycle_is_refused(self, tmp_path, name):
        write(tmp_path, a=".INCLUDE include/b.dat\n")
        write(tmp_path, include__b=".INCLUDE c.dat\n", include__c=f".INCLUDE {name}\n")
        with pytest.raises(DrawingError, match=f"line 1: {name} includes itself"):
            list(read_unipen_folder(tmp_path))

    @pytest.mark.parametrize(("depth", "is_accepted"), [(8, True), (9, False)])
    def test_depth_is_bounded(self, tmp_path, depth, is_accepted):
        for i in range(depth):
            write(tmp_path, **{f"include__{i}": f".INCLUDE {i + 1}.dat\n"})
        write(tmp_path, **{f"include__{depth}": FOUR})
        write(tmp_path, x='.INCLUDE 1.dat\n.SEGMENT CHARACTER 0 ? "1"\n')
        if is_accepted:
            assert len(list(read_unipen_folder(tmp_path))) == 1
        else:
            with pytest.raises(DrawingError, match="include each other more than 8 deep"):
                list(read_unipen_folder(tmp_path))

    def test_files_that_multiply_are_refused(self, tmp_path):
        for i in range(6):
            write(tmp_path, **{f"include__{i}": f".INCLUDE {i + 1}.dat\n" * 20})
        write(tmp_path, include__6=FOUR, x=".INCLUDE 0.dat\n")
        with pytest.raises(DrawingError, match="it includes more than 1,000 files"):
            list(read_unipen_folder(tmp_path))

    @pytest.mark.parametrize(
        ("constant", "limit", "message"),
        [
            ("MAX_BYTES", 60, "the file has more than 60 bytes"),  # one of the files
            ("MAX_BYTES", 250, "the file and what it includes have more than 250 bytes"),
            ("MAX_LINES", 12, "the file and what it includes have more than 12 lines"),
            ("MAX_SEGMENTS", 2, "line 6: the file has more than 2 segments"),
            ("MAX_LINE_LENGTH", 20, "it is longer than 20 characters"),
            ("MAX_FILES", 10, "has more than 10 files and folders"),
        ],
    )
    def test_limits_hold(self, folder, monkeypatch, constant, limit, message):
        monkeypatch.setattr(unipen_originals, constant, limit)
        write(folder, **{f"data__1a__aga__x{i}": ".X" for i in range(10)})
        with pytest.raises(DrawingError, match=message):
            list(read_unipen_folder(folder))

    def test_endless_line_takes_little_memory(self, tmp_path):
        write(tmp_path, x=".X" + "a" * 10_000_000)
        with memory_below(2_000_000), pytest.raises(DrawingError, match="longer than 100,000 char"):
            list(read_unipen_folder(tmp_path))

    def test_file_with_a_hole_of_4_gb_is_not_read(self, folder):
        with open(folder / "data/1a/aga/bob.dat", "wb") as file:
            file.write(b".X\n")
            file.truncate(4_000_000_000)
        with pytest.raises(DrawingError, match=r"bob\.dat, line 0: the file has more than 100,000"):
            list(read_unipen_folder(folder))


class TestLinks:
    @pytest.fixture
    def outside(self, tmp_path_factory):
        outside = tmp_path_factory.mktemp("outside")
        return write(outside, x=FOUR + '.SEGMENT CHARACTER 0 ? "9"\n', ann=COMPONENTS)

    def link(self, place, target):
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            place.symlink_to(target)
        except OSError:
            pytest.skip("links cannot be made here")

    def test_links_that_lead_outside_are_not_followed(self, folder, outside):
        self.link(folder / "data/1a/aga/x.dat", outside / "x.dat")
        self.link(folder / "data/1a/out", outside)
        self.link(folder / "data/1a/up", folder.parent)
        assert [drawing.label for drawing in read_unipen_folder(folder, DIGITS)] == [4]

    @pytest.mark.parametrize("kind", ["file", "folder", "capitals"])
    def test_file_outside_is_not_included_through_a_link(self, folder, outside, kind):
        included = folder / "include/aga/data/ann.dat"
        included.unlink()
        if kind == "folder":
            included.parent.rmdir()
            self.link(included.parent, outside)
        else:
            name = "ANN.dat" if kind == "capitals" else "ann.dat"
            self.link(included.with_name(name), outside / "ann.dat")
        with pytest.raises(DrawingError, match="3 without"):
            list(read_unipen_folder(folder))

    @pytest.mark.parametrize("name", ["../{}/ann.dat", "../../../../{}/ann.dat", "{}/ann.dat"])
    def test_file_outside_is_not_included_by_its_path(self, folder, outside, name):
        path = str(outside) if name.startswith("{") else outside.relative_to(folder.parent)
        write(folder, x=f'.INCLUDE {name.format(path)}\n.SEGMENT CHARACTER 0 ? "9"\n')
        skipped = Counter()
        assert [d.label for d in read_unipen_folder(folder, DIGITS, skipped)] == [4]
        assert skipped == {"an included file is missing": 1}

    def test_circle_of_links_is_no_file(self, folder):
        self.link(folder / "include/a", folder / "include/b")
        self.link(folder / "include/b", folder / "include/a")
        self.link(folder / "data/1a/c", folder / "include/a")
        write(folder, x='.INCLUDE a/b\n.INCLUDE b\n.SEGMENT CHARACTER 0 ? "9"\n')
        assert len(list(read_unipen_folder(folder))) == 3

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
    def test_pipe_is_not_waited_for(self, folder):
        os.mkfifo(folder / "data/1a/aga/pipe.dat")
        write(folder, x='.INCLUDE data/1a/aga/pipe.dat\n.SEGMENT CHARACTER 0 ? "9"\n')
        assert len(list(read_unipen_folder(folder))) == 3
