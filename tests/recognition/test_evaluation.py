"""How right a model is on drawings and images, counted by hand."""

import numpy as np
import pytest
from test_drawing import DIGITS

from nnlib import Recognizer
from nnlib.preprocessing.drawing import Drawing, DrawingError, check_strokes
from nnlib.preprocessing.strokes import rasterize
from nnlib.recognition.evaluation import (
    drawings_to_split,
    evaluate_drawings,
    evaluate_images,
    pens_table,
)
from nnlib.training.metrics import accuracy


def drawn(digit: int, label: int | None, writer=None) -> Drawing:
    return Drawing(check_strokes(DIGITS[digit]), label, writer)


# `deep` reads all of these right; three of them are labeled wrong.
DRAWINGS = [
    drawn(7, 7, writer=2),
    drawn(7, 1, writer=10),
    drawn(1, 1, writer=10),
    drawn(4, 4, writer="ann"),
    drawn(0, 9, writer=2),
    drawn(0, 0),
    drawn(7, 7, writer=10),
    drawn(1, 9),
]


class TestDrawings:
    def test_are_counted_as_by_hand(self, deep):
        result = evaluate_drawings(deep, iter(DRAWINGS))
        assert list(result) == ["n", "accuracy", "digits", "confusion", "writers"]
        assert result["n"] == 8 and result["accuracy"] == 5 / 8
        assert result["digits"] == {
            "0": {"n": 1, "accuracy": 1.0},
            "1": {"n": 2, "accuracy": 0.5},
            "4": {"n": 1, "accuracy": 1.0},
            "7": {"n": 2, "accuracy": 1.0},
            "9": {"n": 2, "accuracy": 0.0},
        }
        confusion = np.zeros((10, 10), int)
        for label, answer in ((7, 7), (1, 7), (1, 1), (4, 4), (9, 0), (0, 0), (7, 7), (9, 1)):
            confusion[label, answer] += 1
        assert result["confusion"] == confusion.tolist()
        # The drawings of nobody count for no writer.
        assert result["writers"] == {
            "2": {"n": 2, "accuracy": 0.5},
            "10": {"n": 3, "accuracy": pytest.approx(2 / 3)},
            "ann": {"n": 1, "accuracy": 1.0},
        }

    def test_are_grouped_in_order(self, deep):
        result = evaluate_drawings(deep, DRAWINGS[::-1])
        assert list(result["writers"]) == ["2", "10", "ann"]
        assert list(result["digits"]) == ["0", "1", "4", "7", "9"]

    def test_without_writers_have_none(self, deep):
        assert evaluate_drawings(deep, [drawn(7, 7)])["writers"] == {}

    @pytest.mark.parametrize("path", ["as-drawn", "mnist", "strokes"])
    def test_go_the_path_that_is_asked_for_with_their_canvas_and_pen(self, deep, path):
        small = [
            Drawing([stroke / 4 for stroke in check_strokes(DIGITS[digit])], digit, None, 140, 12)
            for digit in range(10)
        ]
        answers = [deep.read(d.strokes, 140, 12, path).digit for d in small]
        result = evaluate_drawings(deep, small, path)
        assert result["accuracy"] == np.mean(np.array(answers) == range(10))
        assert np.nonzero(result["confusion"])[1].tolist() == answers

    def test_without_a_label_are_told_by_number(self, deep):
        with pytest.raises(DrawingError, match='Drawing 3 has no "label"'):
            evaluate_drawings(deep, [*DRAWINGS[:2], drawn(7, None), drawn(1, None)])

    def test_that_cannot_be_read_are_told_by_number(self, deep):
        with pytest.raises(DrawingError, match="Drawing 2: The drawing is empty"):
            evaluate_drawings(deep, [DRAWINGS[0], Drawing([], 7)])

    def test_that_are_none_at_all_are_told(self, deep):
        with pytest.raises(DrawingError, match="There is no drawing to evaluate"):
            evaluate_drawings(deep, iter([]))


class TestImages:
    IMAGES = tuple(1 - rasterize([s / 5 for s in check_strokes(DIGITS[d])], 7, 100) for d in (7, 1, 4))

    def test_are_counted_as_by_hand(self, deep):
        result = evaluate_images(deep, iter(self.IMAGES), np.array([7, 1, 1]))
        assert list(result) == ["n", "accuracy", "digits", "confusion"]
        assert result["n"] == 3 and result["accuracy"] == pytest.approx(2 / 3)
        assert result["digits"] == {
            "1": {"n": 2, "accuracy": 0.5},
            "7": {"n": 1, "accuracy": 1.0},
        }
        assert np.argwhere(result["confusion"]).tolist() == [[1, 1], [1, 4], [7, 7]]

    def test_of_mnist_are_read_about_as_well_as_their_tensors(self, deep, digits):
        images, labels = digits.dev.images[:300], digits.dev.labels[:300]
        straight = np.mean(deep.network.predict(images) == labels)
        result = evaluate_images(deep, images, labels)
        assert result["n"] == 300 and result["accuracy"] == pytest.approx(straight, abs=0.02)

    def test_that_cannot_be_read_are_told_by_number(self, deep):
        with pytest.raises(DrawingError, match="Image 2: The image shows no ink"):
            evaluate_images(deep, [self.IMAGES[0], np.zeros((28, 28))], [7, 1])


class TestASplit:
    def test_holds_what_enters_the_network(self, deep):
        split = drawings_to_split(DRAWINGS)
        assert split.images.dtype == np.float32 and split.labels.dtype == np.int64
        assert split.labels.tolist() == [7, 1, 1, 4, 9, 0, 7, 9]
        for tensor, drawing in zip(split.images, DRAWINGS, strict=True):
            read = deep.read(drawing.strokes, drawing.canvas, drawing.pen)
            assert tensor.tobytes() == read.tensor.tobytes()

    def test_needs_a_label_of_every_drawing_and_a_drawing(self):
        with pytest.raises(DrawingError, match='Drawing 2 has no "label"'):
            drawings_to_split([DRAWINGS[0], drawn(7, None)])
        with pytest.raises(DrawingError, match="There is no drawing to evaluate"):
            drawings_to_split([])


class TestPens:
    """What people drew with a stylus: a fifteenth of what writers 11 to 30 wrote."""

    @pytest.fixture
    def some(self, pens):
        return [drawing for drawing in pens if drawing.writer in range(11, 31)][::15]

    def test_are_read_better_by_each_path_and_by_the_last_nine_in_ten_right(self, deep, some):
        assert len(some) > 300
        paths = ("as-drawn", "mnist", "strokes")
        as_drawn, mnist, strokes = (
            evaluate_drawings(deep, some, path)["accuracy"] for path in paths
        )
        assert as_drawn < mnist < strokes
        assert as_drawn < 0.5 and strokes >= 0.90

    def test_of_people_nothing_was_tuned_on_are_nearly_all_read_right_by_robust(self, pens):
        theirs = drawings_to_split([drawing for drawing in pens if drawing.writer in range(11, 31)])
        answers = Recognizer.load("robust").network.predict(theirs.images)
        assert accuracy(answers, theirs.labels) >= 0.965


def test_results_are_described_in_a_table_of_models_and_paths():
    results = [
        {"model": "robust", "path": "strokes", "accuracy": 0.9666},
        {"model": "deep", "path": "as-drawn", "accuracy": 0.3},
        {"model": "deep", "path": "strokes", "accuracy": 0.9},
        {"model": "deep", "accuracy": 0.984},  # of MNIST, not of drawings
    ]
    assert pens_table(results).splitlines() == [
        "| model | as-drawn | mnist | strokes |",
        "|---|---|---|---|",
        "| `deep` | 30.0% |  | 90.0% |",
        "| `robust` |  |  | 96.7% |",
    ]
