"""From strokes or an image to a Prediction, whatever is drawn."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from helpers import DIGITS, ODD_STROKES
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlib.datasets.drawings_file import read_drawings
from nnlib.files import data_path
from nnlib.nn.layers import Dense
from nnlib.nn.losses import softmax
from nnlib.nn.model_file import ModelError
from nnlib.nn.network import Network
from nnlib.preprocessing.drawing import Drawing, DrawingError, check_strokes
from nnlib.preprocessing.images import center_image, check_image, shrink_image, stroke_thickness
from nnlib.preprocessing.mnist_format import center_of_mass
from nnlib.preprocessing.strokes import rasterize, shrink_strokes
from nnlib.recognition.recognizer import (
    MIN_SURE,
    MIN_UNSURE,
    PREPROCESSINGS,
    Prediction,
    Recognizer,
)
from nnlib.recognition.registry import model_path

ONE, FOUR, SEVEN = (DIGITS[digit] for digit in (1, 4, 7))
RING = [[[250 + 90 * np.sin(t), 250 - 140 * np.cos(t)] for t in np.linspace(0, 6.28, 40)]]
NOT_STROKES = [None, [], [[]], "seven", 7, [[1, 2]], [[[1, np.nan]]], [[[1, np.inf]]]]


def assert_valid(prediction: Prediction) -> None:
    """Everything that a Prediction promises."""
    assert prediction.probabilities.shape == (10,)
    assert prediction.probabilities.dtype == np.float32
    assert prediction.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert prediction.digit == prediction.probabilities.argmax()
    assert type(prediction.digit) is int
    assert prediction.confidence == prediction.probabilities.max()
    assert prediction.runner_up != prediction.digit and type(prediction.runner_up) is int
    second = np.sort(prediction.probabilities)[-2]
    assert prediction.probabilities[prediction.runner_up] == second
    assert prediction.input.shape == (28, 28) and prediction.input.dtype == np.float32
    assert prediction.input.min() >= 0 and 0 < prediction.input.max() <= 1
    assert prediction.as_drawn.shape == (28, 28)
    assert prediction.as_drawn.min() >= 0 and prediction.as_drawn.max() <= 1 + 1e-12


def assert_sentence(error: DrawingError) -> None:
    message = str(error)
    assert message[0].isupper() and message.endswith(".") and len(message.split()) >= 5


def prediction_with(probabilities, as_drawn=lambda: np.zeros((28, 28))) -> Prediction:
    probabilities = np.array(probabilities, np.float32)
    blank = np.zeros((28, 28), np.float32)
    return Prediction(int(probabilities.argmax()), probabilities, blank, as_drawn)


def prediction_with_confidence(confidence: float) -> Prediction:
    others = np.full(9, (1 - confidence) / 9)
    return prediction_with([confidence, *others])


def drawings(stroke) -> st.SearchStrategy:
    """A few strokes of this kind, as lists or arrays."""
    return st.lists(stroke | stroke.map(np.array), max_size=5)


any_float = st.floats(width=64)  # with NaN and the infinities
anywhere = st.floats(-1e6, 1e6)
on_canvas = st.floats(0, 500)
odd = st.none() | st.booleans() | st.integers() | any_float | st.text(max_size=5) | st.binary()
nested = st.recursive(odd, lambda inner: st.lists(inner, max_size=4), max_leaves=12)
anything = st.one_of(
    drawings(st.lists(st.tuples(on_canvas, on_canvas), max_size=20).map(list)).filter(
        lambda strokes: all(np.ndim(stroke) != 1 or len(stroke) == 0 for stroke in strokes)
    ),
    st.lists(st.lists(st.tuples(anywhere, anywhere), max_size=5), max_size=5),
    st.lists(st.lists(st.tuples(any_float, any_float), max_size=3), max_size=3),
    st.lists(st.lists(st.lists(st.integers() | any_float, max_size=3), max_size=3), max_size=3),
    nested,
    st.dictionaries(st.text(max_size=3), nested, max_size=3),
)


class CountingNetwork(Network):
    """Counts its forward passes."""

    passes = 0

    def forward(self, *arguments, **options):
        self.passes += 1
        return super().forward(*arguments, **options)


class TestPredict:
    @pytest.mark.parametrize(
        ("digit", "strokes"), [(0, RING), (1, ONE), (4, FOUR), (7, SEVEN)], ids=[0, 1, 4, 7]
    )
    def test_plain_digit_is_recognized(self, deep, digit, strokes):
        prediction = deep.predict(strokes)
        assert_valid(prediction)
        assert prediction.digit == digit and prediction.confidence > 0.9

    @pytest.mark.slow
    @settings(max_examples=300)
    @given(anything)
    def test_anything_gives_a_prediction_or_a_sentence(self, deep, strokes):
        try:
            prediction = deep.predict(strokes)
        except DrawingError as error:
            assert_sentence(error)
        else:
            assert_valid(prediction)

    @pytest.mark.parametrize(
        "strokes",
        [
            *ODD_STROKES.values(),
            [np.random.default_rng(0).random((10_000, 2)) * 500],
            [[[250, 100], [250, 400]], []],
        ],
        ids=[*ODD_STROKES, "10,000", "empty stroke"],
    )
    def test_odd_strokes_are_accepted(self, deep, strokes):
        assert_valid(deep.predict(strokes))

    @pytest.mark.parametrize("strokes", NOT_STROKES)
    def test_what_is_not_a_drawing_raises_a_sentence(self, deep, strokes):
        with pytest.raises(DrawingError) as caught:
            deep.predict(strokes)
        assert_sentence(caught.value)

    @pytest.mark.parametrize("strokes", [ONE, SEVEN, FOUR, RING])
    @pytest.mark.parametrize(
        ("size", "right", "down"), [(1, 90, -80), (0.1, 400, 20), (0.01, 3, 3), (7, -500, -500)]
    )
    def test_input_is_the_same_for_moved_or_scaled_strokes(self, deep, strokes, size, right, down):
        moved = [np.array(stroke) * size + (right, down) for stroke in strokes]
        difference = deep.predict(moved).input - deep.predict(strokes).input
        assert np.abs(difference).max() < 1e-4

    @pytest.mark.parametrize("strokes", [ONE, SEVEN, FOUR, RING])
    def test_input_has_its_center_of_mass_at_14_14(self, deep, strokes):
        x, y = center_of_mass(deep.predict(strokes).input)
        assert np.hypot(x - 14, y - 14) < 0.05

    def test_strokes_are_not_changed(self, deep):
        strokes = [np.array(stroke, np.float64) for stroke in FOUR]
        assert deep.predict(strokes).as_drawn.any()
        for stroke, expected in zip(strokes, FOUR, strict=True):
            np.testing.assert_array_equal(stroke, expected)


class TestCanvasAndPen:
    def test_pen_changes_as_drawn_but_not_the_answer(self, deep):
        thin, thick = (deep.predict(SEVEN, canvas=500, pen=pen) for pen in (5, 90))
        np.testing.assert_array_equal(thin.input, thick.input)
        np.testing.assert_array_equal(thin.probabilities, thick.probabilities)
        assert thin.as_drawn.mean() < 0.05 < 0.15 < thick.as_drawn.mean()

    def test_canvas_changes_as_drawn_but_not_the_answer(self, deep):
        small, large = (deep.predict(SEVEN, canvas=canvas, pen=30) for canvas in (400, 1000))
        np.testing.assert_array_equal(small.input, large.input)
        assert small.as_drawn.mean() > 4 * large.as_drawn.mean()

    def test_defaults_are_500_and_a_14th_of_the_canvas(self, deep):
        for given_sizes, all_sizes in (((), (500, 500 / 14)), ((600,), (600, 600 / 14))):
            np.testing.assert_array_equal(
                deep.predict(SEVEN, *given_sizes).as_drawn, deep.predict(SEVEN, *all_sizes).as_drawn
            )

    @pytest.mark.parametrize("option", ["canvas", "pen"])
    @pytest.mark.parametrize("size", [0, -5, np.nan, np.inf, "500", [500]])
    @pytest.mark.parametrize("preprocessing", PREPROCESSINGS)
    def test_bad_size_raises_a_sentence(self, deep, option, size, preprocessing):
        with pytest.raises(DrawingError) as caught:
            deep.predict(SEVEN, **{option: size}, preprocessing=preprocessing)
        assert_sentence(caught.value)

    @given(st.floats(), st.floats())
    def test_any_sizes_give_a_prediction_or_a_sentence(self, deep, canvas, pen):
        try:
            prediction = deep.predict(SEVEN, canvas, pen)
        except DrawingError as error:
            assert_sentence(error)
        else:
            assert_valid(prediction)


class TestPreprocessings:
    STROKES = tuple(check_strokes(FOUR))

    def test_default_of_the_three_is_strokes(self, deep):
        assert list(PREPROCESSINGS) == ["as-drawn", "mnist", "strokes"]
        default, strokes = (
            deep.predict(FOUR, 280, 30, *preprocessing) for preprocessing in ((), ("strokes",))
        )
        assert strokes.input.tobytes() == default.input.tobytes()
        inputs = {deep.predict(FOUR, 600, 30, name).input.tobytes() for name in PREPROCESSINGS}
        assert len(inputs) == 3

    @pytest.mark.parametrize("preprocessing", ["as-drawn", "mnist"])
    @pytest.mark.parametrize(("canvas", "pen"), [(500, None), (700, 10)])
    def test_input_is_what_the_name_says(self, deep, preprocessing, canvas, pen):
        expected = {
            "as-drawn": shrink_strokes(self.STROKES, canvas, pen),
            "mnist": center_image(shrink_strokes(self.STROKES, canvas, pen, side=112)),
        }[preprocessing]
        prediction = deep.predict(FOUR, canvas, pen, preprocessing)
        assert_valid(prediction)
        np.testing.assert_array_equal(prediction.input, expected.astype(np.float32))

    @pytest.mark.parametrize("preprocessing", PREPROCESSINGS)
    def test_pen_shows_in_the_input_unless_it_is_strokes(self, deep, preprocessing):
        thin, thick = (deep.predict(FOUR, 500, pen, preprocessing).input.sum() for pen in (10, 50))
        assert (thick > 1.5 * thin) == (preprocessing != "strokes")

    @pytest.mark.parametrize("preprocessing", PREPROCESSINGS)
    def test_as_drawn_is_the_canvas_for_each_of_them(self, deep, preprocessing):
        prediction = deep.predict(FOUR, 700, 10, preprocessing)
        np.testing.assert_array_equal(prediction.as_drawn, shrink_strokes(self.STROKES, 700, 10))

    @pytest.mark.parametrize("preprocessing", ["", "Strokes", "mnist ", None])
    def test_unknown_preprocessing_raises_with_the_known(self, deep, preprocessing):
        message = r"no preprocessing .* Known are as-drawn, mnist, strokes\."
        with pytest.raises(ValueError, match=message):
            deep.predict(FOUR, preprocessing=preprocessing)
        with pytest.raises(ValueError, match=message):
            deep.predict_many([Drawing(self.STROKES)], preprocessing)

    def test_mnist_raises_where_the_canvas_was_missed(self, deep):
        missed = [[[700, 100], [700, 400]]]
        assert_valid(deep.predict(missed))
        with pytest.raises(DrawingError, match="Nothing of the drawing is on its canvas") as caught:
            deep.predict(missed, preprocessing="mnist")
        assert_sentence(caught.value)

    def test_preprocess_gives_the_input_in_float64(self, deep):
        for preprocessing in PREPROCESSINGS:
            image = deep.preprocess(self.STROKES, 700, 10, preprocessing)
            assert image.shape == (28, 28) and image.dtype == np.float64
            expected = deep.predict(FOUR, 700, 10, preprocessing).input
            np.testing.assert_array_equal(image.astype(np.float32), expected)

    def test_preprocess_inks_with_the_pen_width_given(self, deep):
        widths = [
            stroke_thickness(deep.preprocess(self.STROKES, pen_width=pen)) for pen in (1.5, 2.4, 4)
        ]
        assert widths == pytest.approx([1.5, 2.4, 4], rel=0.2)


class TestPredictMany:
    DRAWINGS = tuple(
        Drawing(check_strokes(strokes), digit, canvas=500 + 40 * digit, pen=15 + 5 * digit)
        for digit, strokes in DIGITS.items()
    )

    @pytest.mark.parametrize("preprocessing", PREPROCESSINGS)
    def test_it_equals_predict_one_by_one(self, deep, preprocessing):
        many = deep.predict_many(self.DRAWINGS, preprocessing)
        assert len(many) == 10
        for found, drawing in zip(many, self.DRAWINGS, strict=True):
            one = deep.predict(drawing.strokes, drawing.canvas, drawing.pen, preprocessing)
            assert_valid(found)
            assert found.digit == one.digit
            assert found.input.tobytes() == one.input.tobytes()
            np.testing.assert_array_equal(found.as_drawn, one.as_drawn)
            np.testing.assert_allclose(found.probabilities, one.probabilities, atol=1e-6)

    def test_default_preprocessing_is_strokes(self, deep):
        for found, expected in zip(
            deep.predict_many(self.DRAWINGS),
            deep.predict_many(self.DRAWINGS, "strokes"),
            strict=True,
        ):
            assert found.input.tobytes() == expected.input.tobytes()

    def test_network_is_called_once_for_all_drawings(self):
        network = CountingNetwork.load(model_path("deep"))
        assert len(Recognizer(network).predict_many(iter(self.DRAWINGS))) == 10
        assert network.passes == 1

    def test_no_drawings_give_no_predictions(self, deep):
        assert deep.predict_many(iter([])) == []

    @pytest.mark.parametrize("strokes", NOT_STROKES)
    def test_error_names_the_number_of_the_drawing(self, deep, strokes):
        drawings = [*self.DRAWINGS[:2], Drawing(strokes), Drawing([])]
        with pytest.raises(DrawingError, match=r"^Drawing 3: [A-Z].*\.$"):
            deep.predict_many(drawings)

    def test_error_on_a_missed_canvas_names_the_number(self, deep):
        missed = Drawing([np.array([[700.0, 100], [700, 400]])])
        with pytest.raises(DrawingError, match=r"^Drawing 2: Nothing of the drawing is on its"):
            deep.predict_many([self.DRAWINGS[7], missed], "mnist")

    @pytest.mark.parametrize("preprocessing", PREPROCESSINGS)
    def test_error_on_a_bad_size_names_the_number(self, deep, preprocessing):
        drawings = [self.DRAWINGS[7], Drawing(check_strokes(SEVEN), canvas=0)]
        with pytest.raises(DrawingError, match=r"^Drawing 2: The canvas must be"):
            deep.predict_many(drawings, preprocessing)


class TestPredictEach:
    def test_it_gives_what_predict_many_returns(self, deep):
        drawings = [Drawing(check_strokes(DIGITS[i % 10])) for i in range(1_001)]
        for one, other in zip(
            deep.predict_each(drawings), deep.predict_many(drawings), strict=True
        ):
            assert one.probabilities.tobytes() == other.probabilities.tobytes()
            assert one.input.tobytes() == other.input.tobytes()

    def test_first_predictions_come_before_the_rest_is_read(self, deep):
        def drawings():
            yield from [Drawing(check_strokes(SEVEN))] * 1_000
            raise DrawingError("the rest was read")

        predictions = deep.predict_each(drawings())
        assert [next(predictions).digit for _ in range(1_000)] == [7] * 1_000
        with pytest.raises(DrawingError, match="the rest was read"):
            next(predictions)


class TestOtherNetworks:
    @pytest.mark.parametrize("widths", [(784, 1), (784, 7), (784, 20), (6, 10), (785, 10)])
    def test_network_of_other_widths_is_refused(self, tmp_path, widths):
        network = Network(Dense(*widths))
        message = f"It has {widths[0]} inputs and {widths[1]} outputs; .* needs 784 and 10"
        with pytest.raises(ValueError, match=message):
            Recognizer(network)
        network.save(tmp_path / "other.npz")
        with pytest.raises(ModelError, match=rf"other\.npz is no model of digits\. {message}"):
            Recognizer.load(tmp_path / "other.npz")


class TestPredictImage:
    def test_polarity_and_type_of_pixels_do_not_matter(self, deep, digits):
        image = digits.dev.images[0].reshape(28, 28)
        prediction = deep.predict_image(image)
        assert_valid(prediction)
        assert prediction.digit == digits.dev.labels[0]
        for same in (1 - image, np.round(image * 255).astype(np.uint8), image.ravel()):
            np.testing.assert_allclose(deep.predict_image(same).input, prediction.input, atol=1e-6)

    def test_small_digit_in_a_photograph_is_centered(self, deep):
        """A small seven in the corner, dark on bright."""
        photograph = np.ones((300, 400))
        strokes = [np.array(stroke) / 6 + (300, 150) for stroke in SEVEN]
        photograph -= 0.6 * rasterize(strokes, 5, side=400)[:300]
        prediction = deep.predict_image(photograph)
        assert_valid(prediction)
        assert prediction.digit == 7
        assert center_of_mass(prediction.input) == pytest.approx((14, 14), abs=0.1)
        np.testing.assert_array_equal(prediction.as_drawn, shrink_image(check_image(photograph)))

    @pytest.mark.slow
    def test_mnist_loses_at_most_a_fifth_of_a_point(self, deep, digits):
        """MNIST's images are cropped and centered once more, which should change little."""
        images, labels = digits.dev.images[::9], digits.dev.labels[::9]
        unchanged = np.mean(deep.network.predict(images) == labels)
        answers = [deep.predict_image(image).digit for image in images]
        assert np.mean(np.array(answers) == labels) >= unchanged - 0.002

    @pytest.mark.parametrize("image", [None, "seven", np.zeros((28, 28)), np.zeros((3, 3, 3))])
    def test_what_is_not_an_image_raises_a_sentence(self, deep, image):
        with pytest.raises(DrawingError) as caught:
            deep.predict_image(image)
        assert_sentence(caught.value)


class TestProbabilities:
    def test_probabilities_are_those_of_the_network(self, deep, digits):
        images = digits.dev.images[:5]
        expected = softmax(deep.network.forward(images) / np.float32(deep.temperature))
        as_list = [image.astype(np.float64) for image in images.reshape(-1, 28, 28)]
        for inputs in (images.reshape(-1, 28, 28), as_list):
            np.testing.assert_array_equal(deep.probabilities(inputs), expected)

    def test_inputs_of_predictions_give_their_probabilities(self, deep):
        predictions = [deep.predict(strokes) for strokes in DIGITS.values()]
        found = deep.probabilities([prediction.input for prediction in predictions])
        expected = [prediction.probabilities for prediction in predictions]
        np.testing.assert_allclose(found, expected, atol=1e-6)


class TestDoubt:
    @pytest.fixture
    def eleven(self):
        """A network with an eleventh output, which is 4 where the middle pixel is inked."""
        network = Network(Dense(784, 11))
        network.layers[0].W[14 * 28 + 14, 10] = 4.0
        network.info["temperature"] = 2.0
        return Recognizer(network)

    def test_ten_probabilities_are_of_the_digits_alone(self, eleven, digits):
        images = digits.dev.images[:20]
        probabilities, digit_probability = eleven.answer(images.reshape(-1, 28, 28))
        P = softmax(eleven.network.forward(images) / 2)
        np.testing.assert_allclose(digit_probability, 1 - P[:, 10], atol=1e-6)
        np.testing.assert_allclose(
            probabilities, P[:, :10] / P[:, :10].sum(axis=1, keepdims=True), atol=1e-6
        )

    def test_network_of_ten_outputs_takes_everything_for_a_digit(self, deep):
        prediction = deep.predict([[[100, 250], [400, 250]]])
        assert prediction.digit_probability == 1 and prediction.is_digit

    @pytest.mark.parametrize(("p", "is_digit"), [(0.49, False), (0.5, True), (0.999, True)])
    def test_is_digit_from_one_half_on(self, p, is_digit):
        prediction = replace(prediction_with([0.1] * 10), digit_probability=p)
        assert prediction.is_digit is is_digit

    def test_robust_refuses_what_is_no_digit_and_reads_odd_digits(self, robust):
        for drawing in read_drawings(data_path("examples.jsonl")):
            prediction = robust.predict(drawing.strokes)
            assert prediction.is_digit is (drawing.label is not None), drawing.note
            assert drawing.label in (None, prediction.digit), drawing.note

    @pytest.mark.parametrize("temperature", [0, -1, "warm", None, float("nan"), [1]])
    def test_impossible_temperature_is_refused(self, temperature):
        network = Network(Dense(784, 10))
        network.info["temperature"] = temperature
        with pytest.raises(ValueError, match=r"temperature must be a number from 0\.01 to 100"):
            Recognizer(network)


class TestPrediction:
    def test_runner_up_is_the_second_most_probable_digit(self):
        probabilities = [0.01, 0.02, 0.3, 0.03, 0.04, 0.05, 0.1, 0.4, 0.02, 0.03]
        prediction = prediction_with(probabilities)
        assert (prediction.digit, prediction.runner_up) == (7, 2)
        assert prediction.confidence == pytest.approx(0.4)

    @pytest.mark.parametrize("pair", list(itertools.combinations(range(10), 2)))
    def test_runner_up_is_not_the_answer_in_a_tie(self, pair):
        probabilities = np.zeros(10)
        probabilities[list(pair)] = 0.5
        prediction = prediction_with(probabilities)
        assert {prediction.digit, prediction.runner_up} == set(pair)

    @pytest.mark.parametrize(
        ("confidence", "certainty"),
        [
            (1, "sure"),
            (MIN_SURE, "sure"),
            (np.nextafter(np.float32(MIN_SURE), np.float32(0)), "unsure"),
            (0.6, "unsure"),
            (MIN_UNSURE, "unsure"),
            (np.nextafter(np.float32(MIN_UNSURE), np.float32(0)), "doubtful"),
            (0.2, "doubtful"),
        ],
    )
    def test_certainty_changes_at_its_thresholds(self, confidence, certainty):
        assert prediction_with_confidence(confidence).certainty == certainty

    def test_thresholds_of_certainty_are_80_and_50_percent(self):
        assert (MIN_SURE, MIN_UNSURE) == (0.8, 0.5)

    def test_as_drawn_is_computed_once_and_only_when_asked(self):
        made = []

        def draw():
            made.append(np.ones((28, 28)))
            return made[-1]

        prediction = prediction_with(np.eye(10)[3], draw)
        assert (prediction.digit, prediction.confidence, prediction.certainty) == (3, 1, "sure")
        assert "3" in repr(prediction) and made == []
        assert prediction.as_drawn is prediction.as_drawn is made[0]
        assert len(made) == 1

    def test_recognizer_does_not_draw_until_as_drawn_is_asked(self, deep, monkeypatch):
        drawn = []

        def shrink(strokes, *sizes):
            drawn.append(sizes)
            return shrink_strokes(strokes, *sizes)

        monkeypatch.setattr("nnlib.recognition.recognizer.shrink_strokes", shrink)
        predictions = [
            deep.predict(SEVEN, 600, 20),
            *deep.predict_many([Drawing(check_strokes(FOUR), canvas=700, pen=30)]),
        ]
        assert [prediction.digit for prediction in predictions] == [7, 4] and drawn == []
        for prediction in predictions * 2:
            assert prediction.as_drawn.any()
        assert drawn == [(600, 20), (700, 30)]
