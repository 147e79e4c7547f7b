"""From strokes to 28×28: against a rasteriser that cannot be wrong, and by properties."""

import gzip
import json

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nnlib import drawing as drawing_module
from nnlib.drawing import (
    BOX,
    CANVAS,
    FAINT,
    LONGEST_NOTE,
    MOST_POINTS,
    MOST_STROKES,
    PEN,
    Drawing,
    DrawingError,
    as_line,
    bounds,
    centre_of_mass,
    centre_strokes,
    check_strokes,
    ink,
    normalise_strokes,
    read_drawings,
    shrink_strokes,
    write_drawings,
)
from nnlib.files import data_path
from nnlib.replay import MOMENTS


def brute_force_ink(strokes, pen, side=28, n=16) -> np.ndarray:
    """The share of n×n points of each pixel that lie within pen / 2 of any segment."""
    places = (np.arange(side * n) + 0.5) / n - 0.5
    x, y = np.meshgrid(places, places)
    inked = np.zeros(x.shape, bool)
    for stroke in strokes:
        for a, b in zip(stroke, stroke[1:] if len(stroke) > 1 else stroke, strict=False):
            dx, dy = b[0] - a[0], b[1] - a[1]
            along = ((x - a[0]) * dx + (y - a[1]) * dy) / (dx * dx + dy * dy or 1)
            along = np.clip(along, 0, 1)
            away = np.hypot(a[0] + along * dx - x, a[1] + along * dy - y)
            inked |= away <= pen / 2
    return inked.reshape(side, n, side, n).mean(axis=(1, 3))


def line(*points) -> np.ndarray:
    return np.array(points, np.float64)


def curve(x, y) -> np.ndarray:
    t = np.linspace(0, 2 * np.pi, 40)
    return np.stack([14 + x(t), 14 + y(t)], axis=1)


SIMPLE = {
    "dot on a pixel": [line([14, 14])],
    "dot between pixels": [line([14.5, 13.5])],
    "horizontal": [line([4, 10], [24, 10])],
    "vertical between pixels": [line([10.3, 4], [10.3, 24])],
    "at 20 degrees": [line([4, 8], [24, 15.28])],
    "at 45 degrees": [line([5, 5.7], [23, 23.7])],
    "at 70 degrees": [line([9, 3], [16.28, 23])],
    "over the edge": [line([-3, 0], [30, 27.2])],
    "circle": [curve(lambda t: 8 * np.cos(t), lambda t: 8 * np.sin(t))],
    "curl": [curve(lambda t: 2 * np.cos(t), lambda t: 2 * np.sin(t))],
}
CROWDED = {  # where a pixel touches the pen's way more than once
    "figure of eight": [curve(lambda t: 5 * np.sin(2 * t), lambda t: 9 * np.cos(t))],
    "cross": [line([5, 5], [23, 23]), line([5, 23], [23, 5])],
    "corner": [line([6, 6], [20, 6], [10, 23])],
    "fold": [line([6, 6], [20, 8], [6, 10])],
    "side by side": [line([5, 10], [22, 10]), line([5, 12], [22, 12])],
}
DIGITS = {
    0: [[[250, 100], [180, 160], [165, 260], [190, 360], [255, 400], [320, 350], [335, 240],
         [310, 140], [250, 100]]],
    1: [[[250, 100], [250, 400]]],
    2: [[[160, 170], [190, 120], [250, 100], [310, 130], [320, 190], [160, 400], [340, 400]]],
    3: [[[170, 130], [240, 100], [310, 140], [300, 210], [230, 240], [310, 270], [325, 340],
         [260, 400], [165, 370]]],
    4: [[[220, 100], [160, 280], [340, 280]], [[290, 180], [280, 410]]],
    5: [[[320, 100], [200, 100], [185, 230], [270, 220], [325, 290], [290, 380], [170, 390]]],
    6: [[[290, 100], [200, 220], [170, 330], [220, 400], [300, 380], [310, 300], [250, 260],
         [180, 310]]],
    7: [[[160, 110], [340, 110], [220, 400]]],
    8: [[[310, 150], [250, 100], [190, 150], [300, 310], [310, 370], [250, 400], [190, 350],
         [300, 200], [310, 150]]],
    9: [[[310, 170], [250, 110], [190, 170], [230, 240], [310, 200], [310, 170], [295, 400]]],
}  # fmt: skip

coordinate = st.floats(0, 500)
point = st.tuples(coordinate, coordinate)
drawing = st.lists(st.lists(point, min_size=1, max_size=6), min_size=1, max_size=4)


def extent(strokes) -> float:
    return np.ptp(np.concatenate(check_strokes(strokes)), axis=0).max()


class TestInk:
    # How far a pixel is off: in the mean over the pixels with ink, and at most in simple and
    # in crowded drawings. `ink` knows how far the nearest segment is, and not its direction
    # nor what lies beyond it. So a diagonal is a little off, the dot of a thin pen is much
    # too dark, and the ink that two segments share in one pixel is that of the nearer one.
    @pytest.mark.parametrize(
        ("pen", "mean", "most", "most_crowded"),
        [(0.3, 0.07, 0.25, 0.40), (1, 0.06, 0.20, 0.45), (PEN, 0.07, 0.08, 0.45),
         (5, 0.015, 0.07, 0.25)],
    )  # fmt: skip
    def test_is_close_to_brute_force(self, pen, mean, most, most_crowded):
        for drawings, tolerance in ((SIMPLE, most), (CROWDED, most_crowded)):
            for name, strokes in drawings.items():
                image, expected = ink(strokes, pen), brute_force_ink(strokes, pen)
                assert np.abs(image - expected).max() <= tolerance, name
                if "dot" not in name:
                    inked = (image > 0) | (expected > 0)
                    assert np.abs(image - expected)[inked].mean() <= mean, name
                    assert image.sum() == pytest.approx(expected.sum(), rel=0.3), name

    @pytest.mark.parametrize("pen", [0.3, 1, PEN, 5])
    @pytest.mark.parametrize("y", [10, 10.25, 10.5])
    def test_is_exact_along_a_straight_stroke(self, pen, y):
        column = ink([line([4, y], [24, y])], pen)[:, 14]
        rows = np.arange(28)
        top, bottom = np.maximum(rows - 0.5, y - pen / 2), np.minimum(rows + 0.5, y + pen / 2)
        np.testing.assert_allclose(column, np.maximum(bottom - top, 0), atol=1e-12)

    @given(drawing, st.floats(0.1, 10))
    def test_is_between_0_and_1(self, strokes, pen):
        image = ink([np.array(stroke) / 18 for stroke in strokes], pen)
        assert image.shape == (28, 28)
        assert ((image >= 0) & (image <= 1)).all()

    @given(drawing, st.integers(-9, 9), st.integers(-9, 9))
    def test_moves_with_the_strokes(self, strokes, right, down):
        strokes = [np.array(stroke) / 18 + 14 for stroke in strokes]
        moved = ink([stroke + np.array([right, down]) for stroke in strokes], PEN, side=56)
        expected = np.roll(ink(strokes, PEN, side=56), (down, right), axis=(0, 1))
        np.testing.assert_allclose(moved[10:46, 10:46], expected[10:46, 10:46], atol=1e-9)

    @given(drawing)
    def test_does_not_care_how_the_strokes_were_drawn(self, strokes):
        strokes = [np.array(stroke) / 18 for stroke in strokes]
        expected = ink(strokes, PEN)
        backwards = [stroke[::-1] for stroke in reversed(strokes)]
        np.testing.assert_allclose(ink(backwards, PEN), expected, atol=1e-9)
        halves = [np.repeat(stroke, 2, axis=0) for stroke in strokes]  # each point twice
        np.testing.assert_allclose(ink(halves, PEN), expected, atol=1e-9)

    @given(drawing, st.floats(0.1, 5), st.floats(0, 5))
    def test_of_a_thicker_pen_covers_more(self, strokes, pen, more):
        strokes = [np.array(stroke) / 18 for stroke in strokes]
        assert (ink(strokes, pen + more) >= ink(strokes, pen) - 1e-12).all()

    def test_of_many_segments_is_that_of_each(self):
        """They are inked some at a time, which must not show."""
        points = np.random.default_rng(0).random((200, 2)) * 28
        alone = [ink([points[i : i + 2]], PEN) for i in range(199)]
        np.testing.assert_allclose(ink([points], PEN), np.max(alone, axis=0), atol=1e-12)

    @pytest.mark.parametrize(
        ("stroke", "pen"),
        [
            (line([-20, 14]), 60),
            (line([14, 40], [60, 40]), 40),
            (line([-9, 10], [-2, 30]), 6),
            (line([28.5, -5], [27.5, 14]), 3),
        ],
    )
    def test_of_a_stroke_beside_the_paper_is_what_reaches_it(self, stroke, pen):
        image = ink([stroke], pen)
        assert image.any() and not image.all()
        assert np.abs(image - brute_force_ink([stroke], pen)).max() < 0.1

    def test_of_a_stroke_far_from_the_paper_is_none(self):
        for far in (line([-9, 14]), line([14, 37]), line([40, 0], [40, 27]), line([-1e6, -1e6])):
            assert not ink([far], 10).any()
            np.testing.assert_array_equal(ink([far, line([9, 9])], PEN), ink([line([9, 9])], PEN))


class TestNormalising:
    @pytest.mark.parametrize("digit", DIGITS)
    def test_puts_the_centre_of_mass_at_14_14(self, digit):
        x, y = centre_of_mass(normalise_strokes(check_strokes(DIGITS[digit])))
        assert np.hypot(x - 14, y - 14) < 0.1  # MNIST's own are off by 0.13 to 0.60

    @pytest.mark.parametrize("digit", DIGITS)
    def test_makes_the_longer_side_20_pixels_with_the_pen(self, digit):
        inked = normalise_strokes(check_strokes(DIGITS[digit])) > FAINT
        sides = [np.ptp(np.flatnonzero(inked.any(axis=axis))) + 1 for axis in (0, 1)]
        assert abs(max(sides) - BOX) <= 1

    def test_keeps_the_proportions(self):
        inked = normalise_strokes([line([0, 0], [100, 0], [100, 50], [0, 50], [0, 0])]) > 0.5
        width, height = (np.ptp(np.flatnonzero(inked.any(axis=axis))) + 1 for axis in (0, 1))
        # 100 : 50 become 17.6 : 8.8, and the pen's 2.4 are added to both.
        assert (width, height) == pytest.approx((20, 11.2), abs=1)

    @given(drawing, st.floats(-500, 500), st.floats(-500, 500))
    def test_gives_the_same_wherever_it_was_drawn(self, strokes, right, down):
        assume(extent(strokes) > 1.01)
        strokes = check_strokes(strokes)
        moved = [stroke + np.array([right, down]) for stroke in strokes]
        assert np.abs(normalise_strokes(moved) - normalise_strokes(strokes)).max() < 1e-4

    @given(drawing, st.floats(0.01, 100))
    def test_gives_the_same_however_large_it_was_drawn(self, strokes, size):
        assume(min(1, size) * extent(strokes) > 1.01)
        strokes = check_strokes(strokes)
        scaled = [stroke * size for stroke in strokes]
        assert np.abs(normalise_strokes(scaled) - normalise_strokes(strokes)).max() < 1e-4

    @pytest.mark.parametrize(
        "strokes", [[[[7, 7]]], [[[400, 30]] * 5], [[[0, 0]], [[0.5, 0.5]]], [[[9, 9], [9, 9.9]]]]
    )
    def test_makes_a_dot_of_a_drawing_without_size(self, strokes):
        image = normalise_strokes(check_strokes(strokes))
        assert 3 < image.sum() < 8  # a disc of 2.4 pixels has 4.5
        assert centre_of_mass(image) == pytest.approx((14, 14), abs=0.05)


class TestCentring:
    def test_by_hand(self):
        """A stroke of 10 at half its size and a pen of 2: 5 pixels, and round ends beyond."""
        image = centre_strokes([line([300, 70], [310, 70])], scale=0.5, pen=2)
        # Along it, from 14 - 2.5 - 1 to 14 + 2.5 + 1; across it, from 13 to 15.
        assert image[14, 9:20] == pytest.approx([0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0])
        assert image[11:18, 14] == pytest.approx([0, 0, 0.5, 1, 0.5, 0, 0])

    @pytest.mark.parametrize("digit", DIGITS)
    @pytest.mark.parametrize("scale", [0.005, 0.03, 0.05])
    def test_puts_the_centre_of_mass_at_14_14_whatever_the_scale(self, digit, scale):
        image = centre_strokes(check_strokes(DIGITS[digit]), scale, PEN)
        assert centre_of_mass(image) == pytest.approx((14, 14), abs=0.1)

    def test_of_what_lies_beyond_the_edges_is_blank(self):
        """Two dots, 50 pixels to the left and to the right: there is no mass to be moved."""
        with np.errstate(all="raise"):
            image = centre_strokes([line([0, 0]), line([100, 0])], scale=1, pen=PEN)
        assert image.shape == (28, 28) and not image.any()

    def test_scales_the_strokes_and_not_the_pen(self):
        # The sides of a square are 200 and 300 on the canvas; the pen of 3 is added to both.
        square = [line([100, 50], [300, 50], [300, 350], [100, 350], [100, 50])]
        for scale in (0.02, 0.04, 0.07):
            inked = centre_strokes(square, scale, pen=3) >= 0.5
            width, height = (np.ptp(np.flatnonzero(inked.any(axis=axis))) + 1 for axis in (0, 1))
            assert (width, height) == pytest.approx((200 * scale + 3, 300 * scale + 3), abs=1)
            corner = np.argwhere(inked)[0]
            assert inked[corner[0] : corner[0] + 2, 14].all()  # a side is still 3 pixels thick
            if scale > 0.02:
                assert not inked[14, 14]

    @given(drawing, st.floats(-500, 500), st.floats(-500, 500))
    def test_gives_the_same_wherever_it_was_drawn(self, strokes, right, down):
        strokes = check_strokes(strokes)
        moved = [stroke + np.array([right, down]) for stroke in strokes]
        expected = centre_strokes(strokes, 0.03, PEN)
        assert np.abs(centre_strokes(moved, 0.03, PEN) - expected).max() < 1e-4

    @pytest.mark.parametrize("digit", DIGITS)
    def test_of_the_size_of_mnist_is_normalising(self, digit):
        strokes = check_strokes(DIGITS[digit])
        for pen in (1.0, PEN):
            scale = (20 - pen) / extent(strokes)
            expected = normalise_strokes(strokes, pen)
            np.testing.assert_allclose(centre_strokes(strokes, scale, pen), expected, atol=1e-9)


class TestBounds:
    def test_by_hand(self):
        low, high = bounds([line([3, 9], [5, -2]), line([4, 7])])
        assert (low.tolist(), high.tolist()) == ([3, -2], [5, 9])

    def test_of_a_dot_are_the_dot(self):
        low, high = bounds([line([3, 9])])
        assert low.tolist() == high.tolist() == [3, 9]

    @given(drawing)
    def test_hold_every_point_and_touch_one_on_each_side(self, strokes):
        low, high = bounds(check_strokes(strokes))
        for axis in (0, 1):
            values = [point[axis] for stroke in strokes for point in stroke]
            assert all(low[axis] <= value <= high[axis] for value in values)
            assert low[axis] in values and high[axis] in values


class TestShrinking:
    def test_keeps_place_and_size(self):
        # On a canvas of 280 a pixel of 28 is 10 wide, and the middle of the first is at 5.
        image = shrink_strokes([line([35, 55], [35, 95])], canvas=280.0, pen=10.0)
        column = np.zeros(28)
        column[5:10] = 1
        np.testing.assert_allclose(image[4:11, 3], column[4:11])
        assert image[:, [2, 4]].max() == 0

    def test_shows_how_thick_the_pen_was(self):
        strokes = [line([100, 100], [400, 100])]
        thin, thick = (shrink_strokes(strokes, CANVAS, pen).sum() for pen in (20, 60))
        assert thick / thin == pytest.approx(3, rel=0.2)

    @pytest.mark.parametrize("size", [0, -1, float("nan"), float("inf"), "500"])
    def test_refuses_sizes_that_are_none(self, size):
        with pytest.raises(DrawingError, match="canvas must be a number from 1 to 1,000,000"):
            shrink_strokes([line([1, 1])], canvas=size, pen=3)
        with pytest.raises(DrawingError, match="pen must be a number above 0"):
            shrink_strokes([line([1, 1])], canvas=500, pen=size)


class TestChecking:
    def test_gives_float_arrays_without_the_empty_strokes(self):
        strokes = check_strokes([[], [[1, 2]], (), np.array([[3, 4], [5, 6]])])
        assert [stroke.tolist() for stroke in strokes] == [[[1, 2]], [[3, 4], [5, 6]]]
        assert all(stroke.dtype == np.float64 for stroke in strokes)

    @pytest.mark.parametrize(
        ("strokes", "sentence"),
        [
            ([], "empty: draw at least one stroke"),
            ([[], []], "empty: draw at least one stroke"),
            (None, "a list of strokes"),
            (7, "a list of strokes"),
            ([1, 2], "a list of strokes"),
            ([[1, 2]], "Stroke 1 is not a list of points"),
            ([[[1, 2]], [[1, 2, 3]]], "Stroke 2 is not a list of points"),
            ([[[1, 2], [3]]], "Stroke 1 is not a list of points"),
            ([[[[1, 2]]]], "Stroke 1 is not a list of points"),
            ("seven", "Stroke 1 is not a list of points"),
            (["seven"], "Stroke 1 is not a list of points"),
            ([[["a", "b"]]], "Stroke 1 is not a list of points"),
            ([[[1, 10**400]]], "Stroke 1"),
            ([[[1, float("nan")]]], "Stroke 1 has a coordinate that is not a number"),
            ([[[1, None]]], "Stroke 1 has a coordinate that is not a number"),
            ([[[float("-inf"), 1]]], "Stroke 1 has a coordinate that is not a number"),
            ([[[1, 1.1e6]]], "from -1,000,000 to 1,000,000"),
            ([[[1, 2]] * (MOST_POINTS + 1)], "20,001 points; 20,000 is most"),
            ([[[1, 2]]] * (MOST_STROKES + 1), "1,001 strokes; 1,000 is most"),
        ],
    )
    def test_says_what_is_wrong_with_strokes(self, strokes, sentence):
        with pytest.raises(DrawingError, match=sentence):
            check_strokes(strokes)

    def test_takes_as_much_as_a_hand_would_draw(self):
        assert len(check_strokes([[[1, 2]] * MOST_POINTS])[0]) == MOST_POINTS


class TestReadingDrawings:
    LINE = '{"label": 7, "strokes": [[[160, 110], [340, 110], [220, 400]]], "writer": 3}\n'

    def test_from_a_file_of_lines(self, tmp_path):
        path = tmp_path / "drawings.jsonl"
        path.write_text(self.LINE + "\n" + '{"strokes": [[[1, 2]]], "canvas": 280, "pen": 20}')
        first, second = read_drawings(path)
        assert (first.label, first.writer, first.canvas) == (7, 3, 500)
        assert first.pen == pytest.approx(500 / 14)
        assert first.strokes[0].tolist() == [[160, 110], [340, 110], [220, 400]]
        assert (second.label, second.writer, second.canvas, second.pen) == (None, None, 280, 20)
        assert isinstance(first, Drawing)

    def test_from_a_gzipped_file(self, tmp_path):
        path = tmp_path / "drawings.jsonl.gz"
        path.write_bytes(gzip.compress(self.LINE.encode() * 3))
        assert [drawing.label for drawing in read_drawings(path)] == [7, 7, 7]

    def test_whose_labels_are_whole_numbers_however_they_are_written(self, tmp_path):
        path = tmp_path / "drawings.jsonl"
        path.write_text(self.LINE.replace("7", "7.0"))
        (drawing,) = read_drawings(path)
        assert drawing.label == 7 and type(drawing.label) is int

    @pytest.mark.parametrize("note", ["", "a crossed 7", "é" * LONGEST_NOTE, "“1”\n<b>\\"])
    def test_with_a_note(self, tmp_path, note):
        path = tmp_path / "drawings.jsonl"
        for ascii_only in (True, False):
            line = json.dumps({"strokes": [[[1, 2]]], "note": note}, ensure_ascii=ascii_only)
            path.write_text(line, encoding="utf-8")
            (drawing,) = read_drawings(path)
            assert drawing.note == note

    def test_without_a_note(self, tmp_path):
        path = tmp_path / "drawings.jsonl"
        path.write_text(self.LINE + '{"strokes": [[[1, 2]]], "note": null}')
        assert [drawing.note for drawing in read_drawings(path)] == [None, None]

    def test_one_by_one(self, tmp_path):
        """A drawing can be used before the rest of the file is read."""
        path = tmp_path / "drawings.jsonl"
        path.write_text(self.LINE + "nonsense")
        drawings = read_drawings(path)
        assert next(drawings).label == 7
        with pytest.raises(DrawingError):
            next(drawings)

    @pytest.mark.parametrize(
        ("record", "sentence"),
        [
            ("nonsense", None),
            ("[" * 100_000, None),
            ("[]", 'an object with "strokes"'),
            ("{}", 'an object with "strokes"'),
            ('{"strokes": 5}', 'an object with "strokes"'),
            ('{"strokes": []}', "empty"),
            ('{"strokes": [[[1, NaN]]]}', "not a number"),
            ('{"strokes": [{"x": 1}]}', "list of points"),
            ('{"strokes": [[[1, 2]]], "label": 10}', "digit from 0 to 9, not 10"),
            ('{"strokes": [[[1, 2]]], "label": "7"}', "digit from 0 to 9, not '7'"),
            ('{"strokes": [[[1, 2]]], "label": 1.5}', "digit from 0 to 9, not 1.5"),
            ('{"strokes": [[[1, 2]]], "label": [1]}', r"digit from 0 to 9, not \[1\]"),
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
    def test_names_file_and_line_of_what_is_wrong(self, tmp_path, record, sentence):
        path = tmp_path / "drawings.jsonl"
        path.write_text(self.LINE + record)
        with pytest.raises(DrawingError, match=sentence) as caught:
            list(read_drawings(path))
        assert str(caught.value).startswith(f"{path}, line 2: ")

    def test_refuses_a_line_too_long_to_hold_in_memory(self, tmp_path, monkeypatch):
        monkeypatch.setattr(drawing_module, "LARGEST_LINE", len(self.LINE) - 10)
        path = tmp_path / "drawings.jsonl"
        path.write_text(self.LINE)
        with pytest.raises(DrawingError, match=r"drawings\.jsonl, line 1"):
            list(read_drawings(path))

    def test_from_a_file_that_is_missing(self, tmp_path):
        with pytest.raises(DrawingError, match=r"no drawings file .*nothing\.jsonl"):
            list(read_drawings(tmp_path / "nothing.jsonl"))

    def test_from_a_file_that_is_no_text(self, tmp_path):
        path = tmp_path / "drawings.jsonl"
        path.write_bytes(b"\xff\xfe\x00")
        with pytest.raises(DrawingError, match=r"drawings\.jsonl, line"):
            list(read_drawings(path))

    def test_from_a_damaged_gzip(self, tmp_path):
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


far = st.floats(-1e6, 1e6)
some_drawings = st.lists(
    st.builds(
        Drawing,
        strokes=st.lists(
            st.lists(st.tuples(far, far), min_size=1, max_size=5).map(np.array),
            min_size=1,
            max_size=3,
        ),
        label=st.none() | st.integers(0, 9),
        writer=st.none() | st.integers() | st.text(),
        canvas=st.integers(1, 10**6) | st.floats(1, 1e6),
        pen=st.integers(1, 10**6) | st.floats(0, 1e6, exclude_min=True),
        note=st.none() | st.text(max_size=LONGEST_NOTE),
    ),
    max_size=4,
)


class TestWritingDrawings:
    SEVEN = Drawing(check_strokes(DIGITS[7]), 7, 3)

    @pytest.mark.parametrize("name", ["drawings.jsonl", "drawings.jsonl.gz"])
    @given(drawings=some_drawings)
    def test_and_reading_them_gives_them_back(self, tmp_path_factory, name, drawings):
        path = tmp_path_factory.getbasetemp() / name
        assert write_drawings(path, iter(drawings)) == len(drawings)
        for read, written in zip(read_drawings(path), drawings, strict=True):
            assert (read.label, read.writer) == (written.label, written.writer)
            assert (read.canvas, read.pen) == (written.canvas, written.pen)
            assert read.note == written.note
            for stroke, expected in zip(read.strokes, written.strokes, strict=True):
                np.testing.assert_array_equal(stroke, expected)

    def test_gives_one_a_line_and_leaves_out_what_is_not_known(self, tmp_path):
        path = tmp_path / "drawings.jsonl"
        write_drawings(path, [self.SEVEN, Drawing(check_strokes([[[1, 2]]]), canvas=280, pen=20)])
        first, second = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        assert first == {
            "label": 7,
            "writer": 3,
            "canvas": 500,
            "pen": 500 / 14,
            "strokes": DIGITS[7],
        }
        assert second == {"canvas": 280, "pen": 20, "strokes": [[[1, 2]]]}

    def test_is_done_a_line_at_a_time(self, tmp_path):
        """Each is what `as_line` says, which the app gives away too."""
        path = tmp_path / "drawings.jsonl"
        drawings = [self.SEVEN, Drawing(check_strokes([[[1, 2]]]), 3, "Zoë", 28, 2.5, "two\nlines")]
        write_drawings(path, drawings)
        assert path.read_text(encoding="utf-8") == "".join(map(as_line, drawings))
        assert as_line(drawings[1]) == (
            '{"label": 3, "writer": "Zo\\u00eb", "note": "two\\nlines", '
            '"canvas": 28, "pen": 2.5, "strokes": [[[1.0, 2.0]]]}\n'
        )

    def test_writes_a_label_of_zero_and_an_empty_note(self):
        drawing = Drawing(check_strokes([[[1, 2]]]), 0, 0, note="")
        record = json.loads(as_line(drawing))
        assert (record["label"], record["writer"], record["note"]) == (0, 0, "")

    def test_packs_them_where_the_name_says_so_and_always_the_same_way(self, tmp_path):
        for name in ("a.jsonl", "a.jsonl.gz", "b.jsonl.gz"):
            write_drawings(tmp_path / name, [self.SEVEN] * 5)
        packed = (tmp_path / "a.jsonl.gz").read_bytes()
        assert gzip.decompress(packed) == (tmp_path / "a.jsonl").read_bytes()
        assert packed[4:8] == bytes(4)  # gzip's date, which is none
        assert packed == (tmp_path / "b.jsonl.gz").read_bytes()

    def test_replaces_what_was_there(self, tmp_path):
        path = tmp_path / "drawings.jsonl"
        write_drawings(path, [self.SEVEN] * 5)
        assert write_drawings(path, []) == 0
        assert path.read_bytes() == b""

    @pytest.mark.parametrize("name", ["drawings.jsonl", "drawings.jsonl.gz"])
    def test_leaves_the_file_before_where_an_error_comes_midway(self, tmp_path, name):
        path = tmp_path / name
        write_drawings(path, [self.SEVEN])
        before = path.read_bytes()

        def broken():
            yield self.SEVEN
            raise DrawingError("No more.")

        with pytest.raises(DrawingError, match="No more"):
            write_drawings(path, broken())
        with pytest.raises(TypeError):
            write_drawings(path, [self.SEVEN, Drawing(self.SEVEN.strokes, writer=object())])
        assert path.read_bytes() == before
        assert [file.name for file in tmp_path.iterdir()] == [name]


def test_the_centre_of_mass_by_hand():
    image = np.zeros((28, 28))
    image[10, 4], image[10, 8], image[13, 4] = 1, 1, 2
    assert centre_of_mass(image) == (5, 11.5)  # x: (4 + 8 + 2 · 4) / 4, y: (10 + 10 + 2 · 13) / 4


@pytest.fixture(scope="module")
def examples():
    return list(read_drawings(data_path("examples.jsonl")))


@pytest.fixture(scope="module")
def offered(examples):
    return examples[:12]


class TestExamples:
    """The drawings that the app offers to try, and the plain digits behind them."""

    def test_are_written_as_the_library_writes_them(self, examples):
        text = data_path("examples.jsonl").read_text(encoding="utf-8")
        assert text == "".join(map(as_line, examples))

    def test_that_are_offered_say_what_they_are_each_in_its_own_words(self, offered):
        notes = [drawing.note for drawing in offered]
        assert len(notes) == len(set(notes)) == 12
        assert all(note and note == note.strip() for note in notes)

    def test_that_are_offered_show_every_digit_that_their_notes_name(self, offered):
        for drawing in offered:
            named = [int(word) for word in drawing.note.split() if word.isdigit()]
            assert named == ([] if drawing.label is None else [drawing.label]), drawing.note

    @pytest.mark.parametrize(
        ("word", "label"), [("crossed", 7), ("flag", 1), ("tiny", 3), ("scribble", None)]
    )
    def test_that_are_offered_have_what_is_told_about_apart(self, offered, word, label):
        assert [drawing.label for drawing in offered if word in drawing.note.split()] == [label]

    def test_of_which_one_is_tiny_is_that(self, offered):
        (tiny,) = [drawing for drawing in offered if "tiny" in drawing.note.split()]
        assert extent(tiny.strokes) < tiny.canvas / 5
        assert all(extent(d.strokes) > extent(tiny.strokes) for d in offered if d is not tiny)
        low, high = bounds(tiny.strokes)  # and in the corner: at the top right
        assert low[0] > 0.75 * tiny.canvas and high[1] < 0.25 * tiny.canvas

    def test_of_which_one_is_crossed_is_that(self, offered):
        """The bar goes from the left of the stem to its right."""
        (seven,) = [drawing for drawing in offered if "crossed" in drawing.note.split()]
        digit, bar = seven.strokes
        (left, top), (right, bottom) = bounds([bar])
        assert right - left > 2 * (bottom - top)
        stem = digit[(digit[:, 1] > top) & (digit[:, 1] < bottom), 0]
        assert len(stem) and left < stem.min() and stem.max() < right

    def test_fit_on_their_canvas_with_the_pen(self, examples):
        for drawing in examples:
            low, high = bounds(drawing.strokes)
            assert (low - drawing.pen / 2 >= 0).all(), drawing.note
            assert (high + drawing.pen / 2 <= drawing.canvas).all(), drawing.note

    def test_that_are_offered_have_the_points_for_a_replay(self, offered):
        for drawing in offered:
            assert sum(map(len, drawing.strokes)) >= MOMENTS, drawing.note
            # Points as a pointer reports them: nowhere a leap that a replay would show.
            steps = [np.hypot(*np.diff(stroke, axis=0).T) for stroke in drawing.strokes]
            assert np.concatenate(steps).max() < drawing.canvas / 20, drawing.note

    def test_behind_those_that_are_offered_are_the_plain_digits(self, examples):
        plain = examples[12:]
        assert [drawing.label for drawing in plain] == list(range(10))
        assert all(drawing.note is None for drawing in plain)

    def test_that_are_plain_digits_are_read_right(self, examples, deep):
        for drawing in examples[12:]:
            assert deep.read(drawing.strokes).digit == drawing.label


def test_strokes_of_which_nothing_can_be_seen_are_blank_and_not_a_warning():
    far_apart = [np.array([[-3000.0, 0.0]]), np.array([[3000.0, 100.0]])]
    assert not centre_strokes(far_apart, 28 / 500, 2.0).any()
