"""Accuracy on images and drawings: counted by hand, on MNIST, and on what people drew."""

import json
from dataclasses import replace

import numpy as np
import pytest
from helpers import DIGITS, MirroringRecognizer

from nnlib.datasets.drawings_file import read_drawings
from nnlib.datasets.splits import Split
from nnlib.files import data_path
from nnlib.preprocessing.drawing import NO_DIGIT, Drawing, DrawingError, check_strokes
from nnlib.preprocessing.strokes import rasterize
from nnlib.recognition.evaluation import (
    drawings_to_split,
    evaluate_drawings,
    evaluate_images,
    evaluate_split,
    pens_table,
)
from nnlib.recognition.recognizer import PREPROCESSINGS, Recognizer


def drawn(digit: int, label: int | None, writer: int | str | None = None) -> Drawing:
    return Drawing(check_strokes(DIGITS[digit]), label, writer)


# `deep` recognizes all of these; three of them have a wrong label.
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
IMAGES = [1 - rasterize([s / 5 for s in check_strokes(DIGITS[d])], 7, 100) for d in (7, 1, 4)]
KEYS = ["n", "accuracy", "digits", "confusion", "refused", "calibration_error"]


class TestFormat:
    @pytest.fixture
    def results(self, deep):
        return {
            "split": evaluate_split(deep, drawings_to_split(DRAWINGS)),
            "drawings": evaluate_drawings(deep, DRAWINGS),
            "images": evaluate_images(deep, IMAGES, [7, 1, 1]),
        }

    def test_all_results_have_the_same_keys_and_documented_extras(self, results):
        assert list(results["images"]) == KEYS
        assert list(results["split"]) == [*KEYS, "loss"]
        assert list(results["drawings"]) == [*KEYS, "writers", "preprocessing"]

    @pytest.mark.parametrize("kind", ["split", "drawings", "images"])
    def test_results_are_json_values_of_one_format(self, results, kind):
        result = results[kind]
        assert json.loads(json.dumps(result)) == result
        assert type(result["n"]) is int and type(result["accuracy"]) is float
        assert np.shape(result["confusion"]) == (10, 10)
        assert np.sum(result["confusion"]) == result["n"]
        assert np.trace(result["confusion"]) == pytest.approx(result["accuracy"] * result["n"])
        for groups in (result["digits"], result.get("writers", {})):
            assert all(list(group) == ["n", "accuracy", "refused"] for group in groups.values())
        assert sum(group["n"] for group in result["digits"].values()) == result["n"]

    def test_same_inputs_give_the_same_as_split_and_as_drawings(self, results):
        for key in KEYS:
            assert results["split"][key] == results["drawings"][key]


class TestEvaluateSplit:
    @pytest.mark.parametrize(
        ("name", "least"),
        [("softmax", 0.926), ("hidden", 0.978), ("deep", 0.982), ("robust", 0.99)],
    )
    def test_dev_accuracy_is_what_the_model_file_records(self, digits, name, least):
        recognizer = Recognizer.load(name)
        result = evaluate_split(recognizer, digits.dev)
        recorded = recognizer.network.info["metrics"]
        assert result["n"] == 10_000 and result["accuracy"] >= least
        assert result["accuracy"] == pytest.approx(recorded["dev_accuracy"], abs=2e-4)
        assert result["loss"] == pytest.approx(recorded["dev_loss"], abs=3e-3)  # temperature

    def test_loss_is_the_mean_of_minus_log_probability(self, deep):
        split = drawings_to_split(DRAWINGS)
        of_labels = deep.probabilities(split.images)[np.arange(8), split.labels]
        expected = np.mean(-np.log(of_labels.astype(np.float64)))
        assert evaluate_split(deep, split)["loss"] == pytest.approx(expected, rel=1e-4)

    def test_images_are_not_preprocessed_again(self, deep):
        """An image that is no longer centered is another one to the network."""
        split = drawings_to_split(DRAWINGS)
        moved = np.roll(split.images.reshape(-1, 28, 28), 4, axis=2).reshape(-1, 784)
        result = evaluate_split(deep, Split(moved, deep.network.predict(moved)))
        assert result["accuracy"] == 1
        assert (deep.network.predict(moved) != deep.network.predict(split.images)).any()


class TestEvaluateDrawings:
    def test_counts_are_those_by_hand(self, deep):
        result = evaluate_drawings(deep, iter(DRAWINGS))
        assert result["n"] == 8 and result["accuracy"] == 5 / 8
        assert result["preprocessing"] == "strokes"
        assert result["digits"] == {
            "0": {"n": 1, "accuracy": 1.0, "refused": 0.0},
            "1": {"n": 2, "accuracy": 0.5, "refused": 0.0},
            "4": {"n": 1, "accuracy": 1.0, "refused": 0.0},
            "7": {"n": 2, "accuracy": 1.0, "refused": 0.0},
            "9": {"n": 2, "accuracy": 0.0, "refused": 0.0},
        }
        confusion = np.zeros((10, 10), int)
        for label, answer in ((7, 7), (1, 7), (1, 1), (4, 4), (9, 0), (0, 0), (7, 7), (9, 1)):
            confusion[label, answer] += 1
        assert result["confusion"] == confusion.tolist()
        # Drawings without a writer count for none.
        assert result["writers"] == {
            "2": {"n": 2, "accuracy": 0.5, "refused": 0.0},
            "10": {"n": 3, "accuracy": pytest.approx(2 / 3), "refused": 0.0},
            "ann": {"n": 1, "accuracy": 1.0, "refused": 0.0},
        }

    def test_drawings_of_no_digit_are_counted_apart(self, robust):
        examples = list(read_drawings(data_path("examples.jsonl")))
        drawings = [d if d.label is not None else replace(d, label=NO_DIGIT) for d in examples]
        result = evaluate_drawings(robust, drawings)
        assert result["nondigits"] == {"n": 2, "refused": 1.0}
        assert (result["n"], result["accuracy"], result["refused"]) == (20, 1.0, 0.0)
        assert np.sum(result["confusion"]) == 20

    def test_refused_digits_are_counted(self, robust):
        """A 4 labeled as it is, and an H, which is not one, labeled 4."""
        letter_h = [[[100, 100], [100, 400]], [[300, 100], [300, 400]], [[100, 250], [300, 250]]]
        drawings = [Drawing(check_strokes(DIGITS[4]), 4), Drawing(check_strokes(letter_h), 4)]
        result = evaluate_drawings(robust, drawings)
        assert result["refused"] == 0.5 and result["digits"]["4"]["refused"] == 0.5

    def test_groups_are_sorted_numbers_first(self, deep):
        result = evaluate_drawings(deep, DRAWINGS[::-1])
        assert list(result["writers"]) == ["2", "10", "ann"]
        assert list(result["digits"]) == ["0", "1", "4", "7", "9"]

    def test_writers_are_empty_if_no_drawing_names_one(self, deep):
        assert evaluate_drawings(deep, [drawn(7, 7)])["writers"] == {}

    @pytest.mark.parametrize("preprocessing", PREPROCESSINGS)
    def test_preprocessing_canvas_and_pen_are_respected(self, deep, preprocessing):
        small = [
            Drawing([stroke / 4 for stroke in check_strokes(DIGITS[digit])], digit, None, 140, 12)
            for digit in range(10)
        ]
        answers = [deep.predict(d.strokes, 140, 12, preprocessing).digit for d in small]
        result = evaluate_drawings(deep, small, preprocessing)
        assert result["preprocessing"] == preprocessing
        assert result["accuracy"] == np.mean(np.array(answers) == range(10))
        assert np.nonzero(result["confusion"])[1].tolist() == answers

    def test_the_recognizer_does_the_preprocessing(self, deep):
        mirroring = MirroringRecognizer(deep.network)
        result = evaluate_drawings(mirroring, [drawn(4, 4), drawn(7, 7)], "as-drawn")
        assert [arguments for _, arguments, _ in mirroring.calls] == [
            (500, 500 / 14, "as-drawn")
        ] * 2
        plain = [deep.predict(DIGITS[digit], preprocessing="as-drawn") for digit in (4, 7)]
        mirrored = [np.fliplr(prediction.input) for prediction in plain]
        answers = deep.probabilities(mirrored).argmax(axis=1).tolist()
        assert answers != [prediction.digit for prediction in plain]
        assert np.argwhere(result["confusion"]).tolist() == [[4, answers[0]], [7, answers[1]]]

    def test_missing_label_raises_with_the_number(self, deep):
        with pytest.raises(DrawingError, match='Drawing 3 has no "label"'):
            evaluate_drawings(deep, [*DRAWINGS[:2], drawn(7, None), drawn(1, None)])

    def test_unusable_drawing_raises_with_the_number(self, deep):
        with pytest.raises(DrawingError, match="Drawing 2: The drawing is empty"):
            evaluate_drawings(deep, [DRAWINGS[0], Drawing([], 7)])

    def test_no_drawing_at_all_raises(self, deep):
        with pytest.raises(DrawingError, match="There is no drawing to evaluate"):
            evaluate_drawings(deep, iter([]))


class TestEvaluateImages:
    def test_counts_are_those_by_hand(self, deep):
        result = evaluate_images(deep, iter(IMAGES), np.array([7, 1, 1]))
        assert result["n"] == 3 and result["accuracy"] == pytest.approx(2 / 3)
        assert result["digits"] == {
            "1": {"n": 2, "accuracy": 0.5, "refused": 0.0},
            "7": {"n": 1, "accuracy": 1.0, "refused": 0.0},
        }
        assert np.argwhere(result["confusion"]).tolist() == [[1, 1], [1, 4], [7, 7]]

    def test_mnist_is_recognized_about_as_well_as_its_inputs(self, deep, digits):
        images, labels = digits.dev.images[:300], digits.dev.labels[:300]
        unchanged = evaluate_split(deep, Split(images, labels))["accuracy"]
        result = evaluate_images(deep, images, labels)
        assert result["n"] == 300 and result["accuracy"] == pytest.approx(unchanged, abs=0.02)

    def test_unusable_image_raises_with_the_number(self, deep):
        with pytest.raises(DrawingError, match="Image 2: The image shows no ink"):
            evaluate_images(deep, [IMAGES[0], np.zeros((28, 28))], [7, 1])

    @pytest.mark.parametrize(("n", "labels"), [(0, []), (3, [7]), (1, [7, 1])])
    def test_unequal_numbers_or_none_raise(self, deep, n, labels):
        with pytest.raises(ValueError, match=f"There are {n} .* and {len(labels)} labels"):
            evaluate_images(deep, IMAGES[:n], labels)


class TestDrawingsToSplit:
    def test_images_are_the_inputs_of_the_network(self, deep):
        split = drawings_to_split(DRAWINGS)
        assert split.images.dtype == np.float32 and split.labels.dtype == np.int64
        assert split.labels.tolist() == [7, 1, 1, 4, 9, 0, 7, 9]
        for image, drawing in zip(split.images, DRAWINGS, strict=True):
            prediction = deep.predict(drawing.strokes, drawing.canvas, drawing.pen)
            assert image.tobytes() == prediction.input.tobytes()

    def test_missing_label_raises_with_the_number(self):
        with pytest.raises(DrawingError, match='Drawing 2 has no "label"'):
            drawings_to_split([DRAWINGS[0], drawn(7, None)])

    def test_no_drawing_at_all_raises(self):
        with pytest.raises(DrawingError, match="There is no drawing to evaluate"):
            drawings_to_split([])


class TestPens:
    """What people drew with a stylus."""

    @pytest.fixture
    def untouched(self, pens):
        """The drawings of writers 11 to 30, on whom nothing was tuned."""
        return [drawing for drawing in pens if drawing.writer in range(11, 31)]

    def test_deep_recognizes_nine_in_ten_of_all_writers(self, deep, pens):
        assert evaluate_drawings(deep, pens[::15])["accuracy"] >= 0.90

    def test_each_preprocessing_is_better_than_the_last(self, deep, untouched):
        some = untouched[::15]
        assert len(some) > 300
        as_drawn, mnist, strokes = (
            evaluate_drawings(deep, some, preprocessing)["accuracy"]
            for preprocessing in ("as-drawn", "mnist", "strokes")
        )
        assert as_drawn < mnist < strokes
        assert as_drawn < 0.5 and strokes >= 0.90

    @pytest.mark.slow
    def test_robust_recognizes_96_percent_of_untouched_writers(self, untouched):
        result = evaluate_split(Recognizer.load("robust"), drawings_to_split(untouched))
        assert result["accuracy"] >= 0.965


def test_pens_table_has_models_in_rows_preprocessing_in_columns():
    results = [
        {"model": "robust", "preprocessing": "strokes", "accuracy": 0.9666},
        {"model": "deep", "preprocessing": "as-drawn", "accuracy": 0.3},
        {"model": "deep", "preprocessing": "strokes", "accuracy": 0.9},
    ]
    assert pens_table(results).splitlines() == [
        "| model | as-drawn | mnist | strokes |",
        "|---|---|---|---|",
        "| `deep` | 30.0% |  | 90.0% |",
        "| `robust` |  |  | 96.7% |",
    ]
