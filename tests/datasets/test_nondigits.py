"""Drawings of what is no digit: there are as many as asked, all different, all drawable."""

import numpy as np
import pytest
from helpers import DIGITS

from nnlib.datasets.nondigits import KINDS, SHAPES, WEIGHTS, make_nondigits, two_digits
from nnlib.preprocessing.drawing import NO_DIGIT, Drawing, check_strokes
from nnlib.preprocessing.strokes import bounds, normalize_strokes

DRAWINGS = [Drawing(check_strokes(strokes), digit) for digit, strokes in DIGITS.items()]


@pytest.fixture(scope="module")
def made():
    return make_nondigits(DRAWINGS, 3)


def test_each_kind_is_there_as_often_as_asked(made):
    notes = [drawing.note for drawing in made]
    assert {kind: notes.count(kind) for kind in KINDS} == {
        kind: 3 * WEIGHTS.get(kind, 1) for kind in KINDS
    }
    assert all(drawing.label == NO_DIGIT for drawing in made)


def test_all_are_on_the_canvas_and_leave_ink(made):
    for drawing in made:
        low, high = bounds(check_strokes(drawing.strokes))
        assert low.min() > 50 and high.max() < 450, drawing.note
        assert normalize_strokes(drawing.strokes).max() > 0.5, drawing.note


def test_no_two_are_alike(made):
    images = {normalize_strokes(drawing.strokes).tobytes() for drawing in made}
    assert len(images) == len(made)


def test_kinds_can_be_left_out_and_seeds_differ():
    kinds = {drawing.note for drawing in make_nondigits(DRAWINGS, 1, without=("star", "pair"))}
    assert kinds == set(KINDS) - {"star", "pair"}
    first, same, other = (
        make_nondigits(DRAWINGS, 1, seed)[0].strokes[0].tobytes() for seed in (0, 0, 1)
    )
    assert first == same != other


def test_pairs_stand_side_by_side():
    rng = np.random.default_rng(0)
    for _ in range(20):
        strokes = two_digits(DRAWINGS[2:3], rng)  # two 2s, of one stroke each
        (_, left_high), (right_low, _) = (bounds([stroke]) for stroke in strokes)
        assert right_low[0] > left_high[0]


def test_shapes_are_named_after_their_functions():
    assert "check mark" in SHAPES and "pair" not in SHAPES
