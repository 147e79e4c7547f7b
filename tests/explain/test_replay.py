"""A drawing read on its way: each moment against reading just that part of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_drawing import DIGITS

from nnlib.preprocessing.drawing import check_strokes
from nnlib.explain.replay import N_FRAMES, first_points, replay

lengths = st.lists(st.integers(1, 40), min_size=1, max_size=6)


def drawing(lengths, seed: int = 0) -> list[np.ndarray]:
    """Strokes with so many points, that nobody can change."""
    rng = np.random.default_rng(seed)
    strokes = [rng.uniform(0, 500, (length, 2)) for length in lengths]
    for stroke in strokes:
        stroke.setflags(write=False)
    return strokes


def traced(digit: int, step: float = 6.0) -> list[np.ndarray]:
    """A digit with a point every few pixels, as a pointer reports them."""
    strokes = []
    for stroke in check_strokes(DIGITS[digit]):
        way = np.append(0, np.cumsum(np.hypot(*np.diff(stroke, axis=0).T)))
        places = np.arange(0, way[-1], step)
        strokes.append(np.stack([np.interp(places, way, axis) for axis in stroke.T], axis=1))
    return strokes


def point_by_point(strokes, count: int) -> list[list[tuple[float, float]]]:
    """The first points, by drawing them one after the other."""
    part, drawn = [], 0
    for stroke in strokes:
        for place, point in enumerate(stroke):
            if drawn == count:
                return part
            if place == 0:
                part.append([])
            part[-1].append(tuple(point))
            drawn += 1
    return part


class TestFirstPoints:
    def test_by_hand(self):
        strokes = [np.array([[1, 2], [3, 4]]), np.array([[5, 6]]), np.array([[7, 8], [9, 10]])]
        expected = {
            0: [],
            1: [[[1, 2]]],
            2: [[[1, 2], [3, 4]]],
            3: [[[1, 2], [3, 4]], [[5, 6]]],
            4: [[[1, 2], [3, 4]], [[5, 6]], [[7, 8]]],
            5: [[[1, 2], [3, 4]], [[5, 6]], [[7, 8], [9, 10]]],
            6: [[[1, 2], [3, 4]], [[5, 6]], [[7, 8], [9, 10]]],
        }
        for count, part in expected.items():
            assert [stroke.tolist() for stroke in first_points(strokes, count)] == part

    @given(lengths, st.integers(0, 250))
    def test_are_those_that_were_drawn_one_after_the_other(self, lengths, count):
        strokes = drawing(lengths)
        part = first_points(strokes, count)
        assert [list(map(tuple, stroke)) for stroke in part] == point_by_point(strokes, count)
        assert all(len(stroke) for stroke in part)
        assert sum(map(len, part)) == min(count, sum(lengths))

    @given(lengths, st.integers(0, 250))
    def test_leave_the_drawing_alone(self, lengths, count):
        strokes = drawing(lengths)
        before = list(strokes)
        part = first_points(strokes, count)
        assert part is not strokes
        assert len(strokes) == len(before)
        assert all(one is other for one, other in zip(strokes, before, strict=True))
        assert [len(stroke) for stroke in strokes] == lengths  # the points cannot be written to


class TestReplay:
    @settings(max_examples=15)
    @given(lengths)
    def test_goes_from_the_first_point_to_the_last(self, deep, lengths):
        found = replay(deep, drawing(lengths))
        points, count = found.points, sum(lengths)
        assert (points[0], points[-1]) == (1, count)
        assert (np.diff(points) > 0).all()
        assert len(points) == min(count, N_FRAMES)
        assert np.ptp(np.diff(points)) <= 1 if count > 1 else len(points) == 1  # evenly
        assert found.probabilities.shape == (len(points), 10)
        np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, rtol=1e-5)

    @pytest.mark.parametrize("digit", DIGITS)
    def test_ends_with_what_is_read_of_the_whole(self, deep, digit):
        reading, found = deep.read(traced(digit)), replay(deep, traced(digit))
        assert found.probabilities[-1].argmax() == reading.digit
        np.testing.assert_allclose(found.probabilities[-1], reading.probabilities, atol=1e-5)

    @pytest.mark.parametrize("strokes", [traced(4), traced(8), drawing([1, 1, 30, 2, 9])])
    def test_is_at_each_moment_what_is_read_of_that_part(self, deep, strokes):
        found = replay(deep, strokes)
        for count, probabilities in zip(found.points, found.probabilities, strict=True):
            part = deep.read(point_by_point(strokes, count))
            np.testing.assert_allclose(probabilities, part.probabilities, atol=1e-5)

    def test_of_a_four_changes_its_mind_on_the_way(self, deep):
        """Without its second stroke it is no 4 yet."""
        strokes = traced(4)
        found = replay(deep, strokes)
        answers = found.probabilities.argmax(axis=1)
        assert answers[-1] == 4
        assert (answers[found.points <= len(strokes[0])] != 4).all()

    def test_of_a_dot_is_one_moment(self, deep):
        dot = [np.array([[7.0, 9.0]])]
        found = replay(deep, dot)
        assert found.points.tolist() == [1]
        np.testing.assert_allclose(
            found.probabilities, deep.read(dot).probabilities[None], atol=1e-5
        )

    def test_of_few_points_has_a_moment_for_each(self, deep):
        assert replay(deep, drawing([1, 2, 1])).points.tolist() == [1, 2, 3, 4]
        assert replay(deep, drawing([N_FRAMES])).points.tolist() == list(range(1, N_FRAMES + 1))
        assert len(replay(deep, drawing([N_FRAMES + 1])).points) == N_FRAMES
