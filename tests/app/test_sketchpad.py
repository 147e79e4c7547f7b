"""The pad, driven by its methods: strokes, undo and redo, limits."""

import numpy as np
import pytest

from nnlib.app.sketchpad import Sketchpad
from nnlib.preprocessing.drawing import MAX_POINTS, MAX_STROKES


@pytest.fixture
def pad():
    return Sketchpad(on_draw=lambda: None, on_done=lambda: None, guard=lambda handler: handler)


def draw(pad: Sketchpad, *points: tuple[float, float]) -> None:
    pad.begin(*points[0])
    for point in points[1:]:
        pad.extend(*point)
    pad.end()


def test_stroke_holds_the_points_from_pen_down_to_pen_up(pad):
    draw(pad, (10, 20), (30, 40))
    draw(pad, (50, 60))
    assert pad.strokes == [[(10, 20), (30, 40)], [(50, 60)]]


def test_pointer_that_hovers_draws_nothing(pad):
    pad.extend(1, 1)
    pad.end()
    assert pad.strokes == []


def test_callbacks_are_called_per_point_and_per_stroke():
    calls = []
    pad = Sketchpad(lambda: calls.append("draw"), lambda: calls.append("done"), lambda f: f)
    draw(pad, (10, 20), (30, 40))
    pad.end()  # already up
    assert calls == ["draw", "draw", "done"]
    pad.undo()
    pad.redo()
    pad.clear()
    pad.load([[(1, 2)]])
    assert calls == ["draw", "draw", *["done"] * 5]


def test_undo_and_redo_move_by_one_stroke(pad):
    for x in (10, 20, 30):
        draw(pad, (x, x))
    pad.undo()
    pad.undo()
    assert pad.strokes == [[(10, 10)]]
    pad.redo()
    assert pad.strokes == [[(10, 10)], [(20, 20)]]
    pad.redo()
    assert pad.strokes == [[(10, 10)], [(20, 20)], [(30, 30)]]


def test_undo_and_redo_at_the_ends_change_nothing(pad):
    assert not pad.can_undo and not pad.can_redo
    draw(pad, (10, 10))
    assert pad.can_undo and not pad.can_redo
    pad.redo()
    assert pad.strokes == [[(10, 10)]]
    pad.undo()
    assert not pad.can_undo and pad.can_redo
    pad.undo()
    assert pad.strokes == []


def test_redo_after_a_new_stroke_changes_nothing(pad):
    draw(pad, (10, 10))
    pad.undo()
    draw(pad, (20, 20))
    pad.redo()
    assert pad.strokes == [[(20, 20)]]


def test_undo_after_clear_brings_the_drawing_back(pad):
    draw(pad, (10, 10), (11, 11))
    pad.clear()
    assert pad.strokes == []
    pad.clear()  # an empty pad: nothing to undo
    pad.undo()
    assert pad.strokes == [[(10, 10), (11, 11)]]


def test_undo_after_load_brings_the_drawing_back(pad):
    draw(pad, (10, 10))
    pad.load(np.array([[[1, 2], [3, 4]]]))
    assert pad.strokes == [[(1, 2), (3, 4)]]
    pad.undo()
    assert pad.strokes == [[(10, 10)]]
    pad.redo()
    assert pad.strokes == [[(1, 2), (3, 4)]]


def test_undo_during_a_stroke_ends_the_stroke(pad):
    draw(pad, (10, 10))
    pad.begin(20, 20)
    pad.extend(30, 30)
    pad.undo()
    pad.extend(40, 40)
    assert pad.strokes == [[(10, 10)]]


def test_pad_with_the_most_points_takes_no_more(pad):
    pad.load(np.zeros((1, MAX_POINTS - 1, 2)))
    draw(pad, (1, 1), (2, 2))
    assert sum(map(len, pad.strokes)) == MAX_POINTS


def test_pad_with_the_most_strokes_takes_no_more(pad):
    pad.load(np.zeros((MAX_STROKES, 1, 2)))
    draw(pad, (1, 1))
    assert len(pad.strokes) == MAX_STROKES
