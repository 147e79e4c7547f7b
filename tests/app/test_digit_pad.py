"""The reader's digit: drawn, labeled, kept beside the notebook, and read again."""

import numpy as np
import pytest
from helpers import SEVEN

from nnlib import Recognizer
from nnlib.app import DigitPad, my_digit
from nnlib.datasets.drawings_file import read_drawings


@pytest.fixture
def pad(tmp_path) -> DigitPad:
    return DigitPad(tmp_path / "my-digit.jsonl")


def test_a_drawn_digit_is_kept_and_read_again(pad):
    pad.sketchpad.load(SEVEN)
    assert "Which digit" in pad.status.value
    pad.buttons[7].click()
    assert "your 7" in pad.status.value
    mine = my_digit(pad.path)
    assert (str(mine), mine.label, mine.recorded) == ("your 7", 7, False)
    assert mine.image.shape == (784,) and mine.image.dtype == np.float32
    prediction = Recognizer.load("deep").predict(SEVEN, mine.canvas, mine.pen)
    np.testing.assert_array_equal(mine.image.reshape(28, 28), prediction.input)
    (kept,) = read_drawings(pad.path)
    assert kept.label == 7


def test_a_second_digit_replaces_the_first(pad):
    pad.sketchpad.load(SEVEN)
    pad.save(7)
    pad.save(1)
    assert [drawing.label for drawing in read_drawings(pad.path)] == [1]


def test_a_label_without_a_drawing_is_not_kept(pad):
    pad.buttons[3].click()
    assert "nothing on the pad" in pad.status.value and not pad.path.exists()
    pad.sketchpad.load(SEVEN)
    pad.sketchpad.clear()
    assert "Draw one digit" in pad.status.value


def test_the_recorded_digit_stands_in(tmp_path):
    mine = my_digit(tmp_path / "none.jsonl")
    assert (str(mine), mine.label, mine.recorded) == ("the recorded 9", 9, True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "is empty"), ("{", "line 1"), ('{"strokes": [[[1, 2]]]}', "which digit was meant")],
)
def test_a_damaged_file_is_named_and_not_fatal(tmp_path, capsys, text, reason):
    path = tmp_path / "my-digit.jsonl"
    path.write_text(text)
    assert my_digit(path).recorded
    assert reason in capsys.readouterr().out
    assert path.read_text() == text


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    pad = DigitPad(blocked / "my-digit.jsonl")
    pad.sketchpad.load(SEVEN)
    pad.buttons[7].click()
    assert "could not be saved" in pad.status.value
