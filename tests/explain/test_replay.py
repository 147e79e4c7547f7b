"""Replay: each part of a drawing against predicting just that part."""

import numpy as np
import pytest
from helpers import DIGITS, MirroringRecognizer
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlib.explain.replay import N_FRAMES, first_points, replay
from nnlib.preprocessing.drawing import check_strokes

lengths = st.lists(st.integers(1, 40), min_size=1, max_size=6)


def drawing(lengths, seed: int = 0) -> list[np.ndarray]:
    """Read-only strokes with these numbers of points."""
    rng = np.random.default_rng(seed)
    strokes = [rng.uniform(0, 500, (length, 2)) for length in lengths]
    for stroke in strokes:
        stroke.setflags(write=False)
    return strokes


def traced(digit: int, step: float = 6.0) -> list[np.ndarray]:
    """A digit with a point every few pixels, as a pointer reports them."""
    strokes = []
    for stroke in check_strokes(DIGITS[digit]):
        distance = np.append(0, np.cumsum(np.hypot(*np.diff(stroke, axis=0).T)))
        places = np.arange(0, distance[-1], step)
        strokes.append(np.stack([np.interp(places, distance, axis) for axis in stroke.T], axis=1))
    return strokes


def point_by_point(strokes, count: int) -> list[list[tuple[float, float]]]:
    """The first points, drawn one after the other."""
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
    def test_first_points_by_hand(self):
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
    def test_part_is_what_was_drawn_point_by_point(self, lengths, count):
        strokes = drawing(lengths)
        part = first_points(strokes, count)
        assert [list(map(tuple, stroke)) for stroke in part] == point_by_point(strokes, count)
        assert all(len(stroke) for stroke in part)
        assert sum(map(len, part)) == min(count, sum(lengths))

    @given(lengths, st.integers(0, 250))
    def test_drawing_is_not_changed(self, lengths, count):
        strokes = drawing(lengths)
        before = list(strokes)
        part = first_points(strokes, count)
        assert part is not strokes
        assert len(strokes) == len(before)
        assert all(one is other for one, other in zip(strokes, before, strict=True))
        assert [len(stroke) for stroke in strokes] == lengths  # the points are read-only


class TestReplay:
    @settings(max_examples=15)
    @given(lengths)
    def test_frames_go_evenly_from_first_to_last_point(self, deep, lengths):
        found = replay(deep, drawing(lengths))
        points, count = found.points, sum(lengths)
        assert (points[0], points[-1]) == (1, count)
        assert (np.diff(points) > 0).all()
        assert len(points) == min(count, N_FRAMES)
        assert np.ptp(np.diff(points)) <= 1 if count > 1 else len(points) == 1
        assert found.probabilities.shape == (len(points), 10)
        np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, rtol=1e-5)

    @pytest.mark.parametrize("digit", DIGITS)
    def test_last_frame_is_the_prediction_of_the_whole(self, deep, digit):
        prediction, found = deep.predict(traced(digit)), replay(deep, traced(digit))
        assert found.probabilities[-1].argmax() == prediction.digit
        np.testing.assert_allclose(found.probabilities[-1], prediction.probabilities, atol=1e-5)

    @pytest.mark.parametrize("strokes", [traced(4), traced(8), drawing([1, 1, 30, 2, 9])])
    def test_each_frame_is_the_prediction_of_that_part(self, deep, strokes):
        found = replay(deep, strokes)
        for count, probabilities in zip(found.points, found.probabilities, strict=True):
            part = deep.predict(point_by_point(strokes, count))
            np.testing.assert_allclose(probabilities, part.probabilities, atol=1e-5)

    def test_answer_for_a_four_changes_with_its_second_stroke(self, deep):
        strokes = traced(4)
        found = replay(deep, strokes)
        answers = found.probabilities.argmax(axis=1)
        assert answers[-1] == 4
        assert (answers[found.points <= len(strokes[0])] != 4).all()

    def test_dot_has_one_frame(self, deep):
        dot = [np.array([[7.0, 9.0]])]
        found = replay(deep, dot)
        assert found.points.tolist() == [1]
        expected = deep.predict(dot).probabilities[None]
        np.testing.assert_allclose(found.probabilities, expected, atol=1e-5)

    def test_few_points_have_a_frame_each(self, deep):
        assert replay(deep, drawing([1, 2, 1])).points.tolist() == [1, 2, 3, 4]
        assert replay(deep, drawing([N_FRAMES])).points.tolist() == list(range(1, N_FRAMES + 1))
        assert len(replay(deep, drawing([N_FRAMES + 1])).points) == N_FRAMES

    def test_the_recognizer_does_the_preprocessing(self, deep):
        mirroring, strokes = MirroringRecognizer(deep.network), traced(7)
        found = replay(mirroring, strokes)
        parts = [sum(map(len, part)) for part, *_ in mirroring.calls]
        assert parts == found.points.tolist()
        plain = deep.predict(strokes)
        expected = deep.probabilities([np.fliplr(plain.input)])[0]
        np.testing.assert_allclose(found.probabilities[-1], expected, atol=1e-5)
        assert np.abs(expected - plain.probabilities).max() > 0.1
