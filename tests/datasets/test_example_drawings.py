"""data/examples.jsonl: the drawings that the app offers, then ten plain digits."""

import numpy as np
import pytest
from helpers import extent

from nnlib.app.examples import N_EXAMPLES
from nnlib.datasets.drawings_file import drawing_to_line, read_drawings
from nnlib.explain.replay import N_FRAMES
from nnlib.files import data_path
from nnlib.preprocessing.strokes import bounds


@pytest.fixture(scope="module")
def drawings():
    return list(read_drawings(data_path("examples.jsonl")))


@pytest.fixture(scope="module")
def examples(drawings):
    """Those that the app offers."""
    return drawings[:N_EXAMPLES]


@pytest.fixture(scope="module")
def plain_digits(drawings):
    """Those for the notebooks."""
    return drawings[N_EXAMPLES:]


def with_word(examples, word: str):
    """The one example whose note has the word."""
    (drawing,) = [drawing for drawing in examples if word in drawing.note.split()]
    return drawing


class TestFile:
    def test_is_as_write_drawings_writes_it(self, drawings):
        text = data_path("examples.jsonl").read_text(encoding="utf-8")
        assert text == "".join(map(drawing_to_line, drawings))

    def test_strokes_with_the_pen_lie_inside_the_canvas(self, drawings):
        for drawing in drawings:
            low, high = bounds(drawing.strokes)
            assert (low - drawing.pen / 2 >= 0).all(), drawing.note
            assert (high + drawing.pen / 2 <= drawing.canvas).all(), drawing.note


class TestExamples:
    def test_each_has_a_note_of_its_own(self, examples):
        notes = [drawing.note for drawing in examples]
        assert len(notes) == len(set(notes)) == 12
        assert all(note and note == note.strip() for note in notes)

    def test_digit_in_the_note_is_the_label(self, examples):
        for drawing in examples:
            named = [int(word) for word in drawing.note.split() if word.isdigit()]
            assert named == ([] if drawing.label is None else [drawing.label]), drawing.note

    @pytest.mark.parametrize(
        ("word", "label"), [("crossed", 7), ("flag", 1), ("tiny", 3), ("scribble", None)]
    )
    def test_special_examples_have_their_labels(self, examples, word, label):
        assert with_word(examples, word).label == label

    def test_tiny_example_is_smallest_and_at_the_top_right(self, examples):
        tiny = with_word(examples, "tiny")
        assert extent(tiny.strokes) < tiny.canvas / 5
        assert extent(tiny.strokes) == min(extent(drawing.strokes) for drawing in examples)
        low, high = bounds(tiny.strokes)
        assert low[0] > 0.75 * tiny.canvas and high[1] < 0.25 * tiny.canvas

    def test_bar_of_the_crossed_seven_crosses_its_stem(self, examples):
        digit, bar = with_word(examples, "crossed").strokes
        (left, top), (right, bottom) = bounds([bar])
        assert right - left > 2 * (bottom - top)
        stem = digit[(digit[:, 1] > top) & (digit[:, 1] < bottom), 0]
        assert len(stem) and left < stem.min() and stem.max() < right

    def test_points_are_many_and_close_enough_for_a_replay(self, examples):
        for drawing in examples:
            assert sum(map(len, drawing.strokes)) >= N_FRAMES, drawing.note
            steps = [np.hypot(*np.diff(stroke, axis=0).T) for stroke in drawing.strokes]
            assert np.concatenate(steps).max() < drawing.canvas / 20, drawing.note


class TestPlainDigits:
    def test_are_0_to_9_without_notes(self, plain_digits):
        assert [drawing.label for drawing in plain_digits] == list(range(10))
        assert all(drawing.note is None for drawing in plain_digits)

    def test_are_recognized(self, plain_digits, deep):
        predictions = deep.predict_many(plain_digits)
        assert [prediction.digit for prediction in predictions] == list(range(10))
