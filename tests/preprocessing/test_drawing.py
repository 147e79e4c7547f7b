"""Which strokes and sizes are accepted, and what the errors say about the others."""

import numpy as np
import pytest

from nnlib.preprocessing.drawing import (
    CANVAS_SIDE,
    MAX_COORDINATE,
    MAX_POINTS,
    MAX_STROKES,
    Drawing,
    DrawingError,
    check_sizes,
    check_strokes,
)


class TestCheckStrokes:
    def test_returns_float_arrays_without_empty_strokes(self):
        strokes = check_strokes([[], [[1, 2]], (), np.array([[3, 4], [5, 6]])])
        assert [stroke.tolist() for stroke in strokes] == [[[1, 2]], [[3, 4], [5, 6]]]
        assert all(stroke.dtype == np.float64 for stroke in strokes)

    @pytest.mark.parametrize(
        ("strokes", "message"),
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
            ([[[1, 2]] * (MAX_POINTS + 1)], "20,001 points; at most 20,000 are accepted"),
            ([[[1, 2]]] * (MAX_STROKES + 1), "1,001 strokes; at most 1,000 are accepted"),
        ],
    )
    def test_refuses_bad_strokes_with_a_message(self, strokes, message):
        with pytest.raises(DrawingError, match=message):
            check_strokes(strokes)

    def test_numbers_strokes_including_the_empty_ones(self):
        with pytest.raises(DrawingError, match="Stroke 3 is not a list of points"):
            check_strokes([[[1, 2]], [], [[1]]])

    def test_accepts_the_largest_drawing(self):
        strokes = check_strokes([[[1, 2]] * MAX_POINTS])
        assert len(strokes[0]) == MAX_POINTS
        strokes = check_strokes([[[-MAX_COORDINATE, MAX_COORDINATE]]] * MAX_STROKES)
        assert len(strokes) == MAX_STROKES


class TestCheckSizes:
    def test_without_arguments_returns_the_default_sizes(self):
        drawing = Drawing([])
        assert check_sizes() == (drawing.canvas, drawing.pen)
        assert check_sizes() == (CANVAS_SIDE, pytest.approx(500 / 14))

    def test_pen_defaults_to_a_fourteenth_of_the_canvas(self):
        assert check_sizes(280) == (280, pytest.approx(20))

    @pytest.mark.parametrize("sizes", [(1, 1e-9), (1_000_000, 1_000_000), (280, 2.5)])
    def test_accepts_sizes_within_limits(self, sizes):
        assert check_sizes(*sizes) == sizes

    @pytest.mark.parametrize(
        "size", [0, -1, 1_000_001, float("nan"), float("inf"), "500", [500], 500j]
    )
    def test_refuses_other_sizes_and_quotes_them(self, size):
        with pytest.raises(DrawingError, match="canvas must be a number from 1 to 1,000,000") as e:
            check_sizes(size, 3)
        assert repr(size) in str(e.value)
        with pytest.raises(DrawingError, match=r"pen must be a number above 0 and up to 1,000,000"):
            check_sizes(500, size)

    def test_refuses_a_missing_canvas(self):
        with pytest.raises(DrawingError, match="not None"):
            check_sizes(None)
