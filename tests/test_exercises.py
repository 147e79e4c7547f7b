"""What an exercise of the notebooks prints: it is all the help that a reader gets."""

import numpy as np
import pytest

from nnlib.exercises import check_answer


@pytest.mark.parametrize(
    ("yours", "expected", "printed"),
    [
        (..., 1.0, "x: not answered yet. Replace the … above and run the cell again."),
        (3, 3, "x: right."),
        (0.6931472, np.log(2), "x: right."),
        (0.7, np.log(2), "x: expected 0.693147, yours 0.7."),
        ([1, 2], (1.0, 2.0), "x: right."),
        ([1, 2, 9], [1, 2, 3], "x: 1 of 3 numbers are off; the worst, expected 3, yours 9 at [2]."),
        (
            [[0, 1], [5, 3]],
            [[0, 0], [0, 3]],
            "x: 2 of 4 numbers are off; the worst, expected 0, yours 5 at [1, 0].",
        ),
        (
            [np.nan, 1],
            [1, 1],
            "x: 1 of 2 numbers are off; the worst, expected 1, yours nan at [0].",
        ),
        (np.zeros(3), np.zeros((3, 1)), "x: expected the shape (3, 1), yours has (3,)."),
        ("seven", 7, "x: expected numbers, yours is str: 'seven'"),
        (None, [1, 2], "x: expected the shape (2,), yours has ()."),
        ([[1, 2], [3]], [1, 2], "x: expected numbers, yours is list: [[1, 2], [3]]"),
        ([], [], "x: right."),
    ],
)
def test_check_answer_prints_what_is_off(yours, expected, printed, capsys):
    check_answer("x", yours, expected)
    assert capsys.readouterr().out == printed + "\n"


def test_the_tolerance_is_relative_for_large_numbers(capsys):
    check_answer("x", [1e9 + 100, 1e-9], [1e9, 0])
    check_answer("x", [1e9 + 1e5, 0.01], [1e9, 0], tolerance=1e-3)
    first, second = capsys.readouterr().out.splitlines()
    assert first == "x: right."
    assert "expected 0, yours 0.01 at [1]" in second
