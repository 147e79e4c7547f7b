"""What if: one change of a drawing at a time, what it leaves alone, and its sentence."""

import numpy as np
import pytest
from helpers import DIGITS, MirroringRecognizer, ink_size, some_strokes
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlib.datasets.drawings_file import read_drawings
from nnlib.explain.diagnostics import relative_thickness
from nnlib.explain.what_if import (
    THICK_PEN,
    THIN_PEN,
    VARIANT_NAMES,
    Step,
    Variant,
    scale_strokes,
    variants_of,
    what_if,
)
from nnlib.files import data_path
from nnlib.preprocessing.drawing import Drawing, check_strokes
from nnlib.preprocessing.images import stroke_thickness
from nnlib.preprocessing.mnist_format import BOX, INK_THRESHOLD, PEN_WIDTH, center_of_mass
from nnlib.preprocessing.strokes import shrink_strokes
from nnlib.recognition.recognizer import Recognizer

CENTERING, SCALING, BOTH = "After centering", "After scaling", "After centering and scaling"
THINNER, THICKER = "With a thinner pen", "With a thicker pen"


def steps_of(recognizer: Recognizer, drawing: Drawing) -> dict[str, Step]:
    prediction = recognizer.predict(drawing.strokes, drawing.canvas, drawing.pen)
    return {step.name: step for step in what_if(recognizer, drawing, prediction)}


def variant(digit: int, confidence: float, name: str = "input") -> Variant:
    """A variant with this answer; the other digits share the rest of the probability."""
    probabilities = np.full(10, (1 - confidence) / 9)
    probabilities[digit] = confidence
    return Variant(name, np.zeros((28, 28)), probabilities)


def step(name: str, before: tuple[int, float], after: tuple[int, float]) -> Step:
    return Step(name, variant(*before), variant(*after))


class TestSentence:
    @pytest.mark.parametrize(
        ("name", "before", "after", "sentence"),
        [
            (CENTERING, (9, 0.31), (7, 0.97), "After centering: 7 (97 %), not 9 (31 %)."),
            (SCALING, (4, 0.62), (4, 0.97), "After scaling: still 4, but surer (62 % → 97 %)."),
            (
                THICKER,
                (0, 0.97),
                (0, 0.616),
                "With a thicker pen: still 0, but less sure (97 % → 62 %).",
            ),
            # The answer changes although its probability does not.
            (CENTERING, (1, 0.5), (2, 0.5), "After centering: 2 (50 %), not 1 (50 %)."),
        ],
    )
    def test_sentence_names_the_answers_before_and_after(self, name, before, after, sentence):
        assert step(name, before, after).sentence == sentence

    def test_variant_knows_its_answer_and_confidence(self):
        nine = variant(9, 0.31)
        assert (nine.digit, nine.confidence) == (9, pytest.approx(0.31))
        assert type(nine.digit) is int and type(nine.confidence) is float


class TestMatters:
    @pytest.mark.parametrize(
        ("before", "after", "matters"),
        [
            ((7, 0.5), (7, 0.59), False),
            ((7, 0.5), (7, 0.61), True),
            ((7, 0.9), (7, 0.81), False),
            ((7, 0.9), (7, 0.79), True),
            ((7, 0.9), (7, 0.9), False),
            ((7, 0.5), (9, 0.5), True),
            ((7, 0.15), (9, 0.14), True),  # the answer changes, although neither is sure
        ],
    )
    def test_step_matters_with_a_new_answer_or_0_1_of_change(self, before, after, matters):
        assert step(SCALING, before, after).matters == matters

    def test_change_of_exactly_0_1_does_not_matter(self):
        """From 0.1 to 0.2, whose difference is 0.1 to the last bit."""
        low, high = (0, 0.1), (0, 0.2)
        assert not step(SCALING, low, high).matters and not step(SCALING, high, low).matters
        more = (0, np.nextafter(0.2, 1))
        assert step(SCALING, low, more).matters and step(SCALING, more, low).matters

    def test_probability_of_other_digits_does_not_matter(self):
        """Another digit may gain any probability as long as it stays behind the answer."""
        before, after = variant(7, 0.9), variant(7, 0.85)
        after.probabilities[:] = 0
        after.probabilities[[7, 2]] = 0.85, 0.15
        assert not Step(SCALING, before, after).matters


class TestCentering:
    def test_centering_moves_the_pixels_and_nothing_else(self, deep):
        """A ring around pixel (8, 19) is moved by whole pixels, 6 to the right and 5 up."""
        t = np.linspace(0, 2 * np.pi, 41)
        # On a canvas of 280 a pixel is 10 wide, and the middle of pixel 8 is at 85.
        ring = np.stack([85 + 40 * np.sin(t), 195 - 50 * np.cos(t)], axis=1)
        found = steps_of(deep, Drawing([ring], canvas=280, pen=17))[CENTERING]
        moved = np.roll(found.before.image, (-5, 6), axis=(0, 1))
        np.testing.assert_allclose(found.after.image, moved, atol=1e-9)

    @pytest.mark.parametrize("digit", DIGITS)
    @pytest.mark.parametrize(("size", "pen"), [(0.4, 20), (0.6, 50), (1, 35)])
    def test_center_of_mass_is_at_14_14_and_size_is_kept(self, deep, digit, size, pen):
        strokes = [stroke * size for stroke in check_strokes(DIGITS[digit])]
        found = steps_of(deep, Drawing(strokes, pen=pen))[CENTERING]
        before, after = found.before.image, found.after.image
        assert center_of_mass(after) == pytest.approx((14, 14), abs=0.1)
        assert ink_size(after) == pytest.approx(ink_size(before), abs=1)
        # `rasterize` is up to 0.07 of a pixel off, depending on where the pixels lie.
        assert after.sum() == pytest.approx(before.sum(), rel=0.08)
        assert stroke_thickness(after) == pytest.approx(stroke_thickness(before), rel=0.12)


class TestScaling:
    # 40 wide and 80 high, 100 with the pen: 10 of 28 pixels on a canvas of 280, which becomes
    # 20. So everything gets twice as large, the pen too.
    HOOK = np.array([[-20.0, -40], [20, -40], [20, 40]])

    @pytest.mark.parametrize(
        ("middle", "then"),
        [
            ((140, 140), (140, 140)),
            ((110, 150), (110, 150)),
            # Its middle can come as near as 2 · 100 / 2 = 100 to the upper and lower edge, and
            # 2 · 60 / 2 = 60 to those at the sides.
            ((30, 50), (60, 100)),
            ((250, 230), (220, 180)),
            ((30, 150), (60, 150)),
            ((150, 230), (150, 180)),
        ],
    )
    def test_drawing_and_pen_are_enlarged_in_place(self, middle, then):
        drawing = Drawing([self.HOOK + middle], canvas=280, pen=20)
        expected = shrink_strokes([2 * self.HOOK + then], canvas=280, pen=40)
        np.testing.assert_allclose(scale_strokes(drawing), expected, atol=1e-9)

    def test_large_drawing_is_shrunk(self):
        drawing = Drawing([4 * self.HOOK + 140], canvas=280, pen=80)
        expected = shrink_strokes([2 * self.HOOK + 140], canvas=280, pen=40)
        np.testing.assert_allclose(scale_strokes(drawing), expected, atol=1e-9)

    @given(some_strokes.map(check_strokes), st.floats(30, 80))
    def test_result_is_20_pixels_long_and_nothing_is_cut_off(self, strokes, pen):
        image = scale_strokes(Drawing(strokes, pen=pen))
        # If they do not begin where a pixel begins, 20 pixels touch 21.
        assert max(ink_size(image)) == pytest.approx(BOX, abs=1)
        # It is as wide and as high as the same drawing in the middle of the canvas.
        points = np.concatenate(strokes)
        middle = (points.min(axis=0) + points.max(axis=0)) / 2
        centered = scale_strokes(Drawing([stroke - middle + 250 for stroke in strokes], pen=pen))
        assert ink_size(image) == pytest.approx(ink_size(centered), abs=1)

    @pytest.mark.parametrize("corner", [(0, 0), (430, 0), (0, 430), (430, 430)])
    @pytest.mark.parametrize("digit", DIGITS)
    def test_small_digit_in_a_corner_keeps_its_proportions(self, digit, corner):
        small = [stroke / 8 + corner for stroke in check_strokes(DIGITS[digit])]
        large = shrink_strokes(check_strokes(DIGITS[digit]), 500, 40, side=112)
        image = scale_strokes(Drawing(small, pen=5))
        assert max(ink_size(image)) == pytest.approx(BOX, abs=1)
        assert relative_thickness(image) == pytest.approx(relative_thickness(large), rel=0.1)

    def test_box_in_the_middle_stays_there(self, deep):
        """Wherever its center of mass is."""
        small = [stroke / 3 for stroke in check_strokes(DIGITS[7])]
        low, high = (f(np.concatenate(small), axis=0) for f in (np.min, np.max))
        small = [stroke - (low + high) / 2 + 250 for stroke in small]
        found = steps_of(deep, Drawing(small))[SCALING]
        for image in (found.before.image, found.after.image):
            for axis in (0, 1):
                places = np.flatnonzero((image > INK_THRESHOLD).any(axis=axis))
                assert (places[0] + places[-1]) / 2 == pytest.approx(13.5, abs=0.5)
        assert max(ink_size(found.after.image)) > 1.8 * max(ink_size(found.before.image))


class TestPens:
    @pytest.mark.parametrize("digit", DIGITS)
    def test_pens_are_thinner_and_thicker_than_the_input(self, deep, digit):
        found = steps_of(deep, Drawing(check_strokes(DIGITS[digit])))
        thin, thick = found[THINNER], found[THICKER]
        entered = stroke_thickness(thin.before.image)
        assert stroke_thickness(thin.after.image) < entered - 0.4
        assert stroke_thickness(thick.after.image) > entered + 0.8
        for image in (thin.after.image, thick.after.image):
            assert max(ink_size(image)) == pytest.approx(BOX, abs=1)
            assert center_of_mass(image) == pytest.approx((14, 14), abs=0.1)

    def test_strokes_are_as_thick_as_the_constants_say(self, deep):
        found = steps_of(deep, Drawing(check_strokes(DIGITS[1])))
        # A bar of width w has round ends: its ink is l w + π w² / 4, its outline 2 l + π w.
        for name, pen in ((THINNER, THIN_PEN), (THICKER, THICK_PEN)):
            length = BOX - pen
            expected = 2 * (length * pen + np.pi * pen**2 / 4) / (2 * length + np.pi * pen)
            assert stroke_thickness(found[name].after.image) == pytest.approx(expected, rel=0.1)

    def test_pens_are_percentiles_1_and_99_of_mnist(self, digits):
        images = digits.train.images.reshape(-1, 28, 28)[::7]
        low, high = np.percentile([stroke_thickness(image) for image in images], [1, 99])
        assert pytest.approx((low, high), abs=0.1) == (THIN_PEN, THICK_PEN)
        assert THIN_PEN < PEN_WIDTH < THICK_PEN


class TestWhatIf:
    def test_steps_start_from_the_drawing_and_from_the_input(self, deep):
        drawing = Drawing(check_strokes(DIGITS[4]), canvas=600, pen=20)
        prediction = deep.predict(drawing.strokes, drawing.canvas, drawing.pen)
        steps = what_if(deep, drawing, prediction)
        assert [step.name for step in steps] == [CENTERING, SCALING, BOTH, THINNER, THICKER]
        for step in steps[:3]:
            np.testing.assert_array_equal(step.before.image, prediction.as_drawn)
        for entered in (steps[2].after, steps[3].before, steps[4].before):
            np.testing.assert_array_equal(entered.image, prediction.input)
            np.testing.assert_array_equal(entered.probabilities, prediction.probabilities)
            assert entered.digit == prediction.digit
            assert entered.confidence == prediction.confidence
        assert len({step.after.image.tobytes() for step in steps}) == 5

    def test_variants_are_the_six_images_in_their_order(self, deep):
        steps = steps_of(deep, Drawing(check_strokes(DIGITS[4]), canvas=600, pen=20))
        variants = variants_of(list(steps.values())[::-1])  # whatever the order of the steps
        assert [variant.name for variant in variants] == list(VARIANT_NAMES)
        assert VARIANT_NAMES == ("as drawn", "centered", "scaled", "input", "thinner", "thicker")
        assert variants == [
            steps[CENTERING].before,
            steps[CENTERING].after,
            steps[SCALING].after,
            steps[BOTH].after,
            steps[THINNER].after,
            steps[THICKER].after,
        ]

    def test_probabilities_are_those_of_the_network(self, deep):
        for step in steps_of(deep, Drawing(check_strokes(DIGITS[4]), canvas=600)).values():
            for one in (step.before, step.after):
                assert one.image.shape == (28, 28) and one.probabilities.shape == (10,)
                expected = deep.probabilities([one.image])[0]
                np.testing.assert_allclose(one.probabilities, expected, atol=1e-5)

    @pytest.mark.parametrize("digit", DIGITS)
    def test_nothing_matters_for_a_drawing_like_mnist(self, deep, digit):
        """20 pixels long with MNIST's pen, and its center of mass at (14, 14)."""
        strokes = check_strokes(DIGITS[digit])
        strokes = [s * (20 - 2.4) / np.ptp(np.concatenate(strokes), axis=0).max() for s in strokes]
        for _ in range(4):  # on a canvas of 28 a pixel is 1 wide
            mass = center_of_mass(shrink_strokes(strokes, 28, 2.4))
            strokes = [stroke + 14 - mass for stroke in strokes]
        found = steps_of(deep, Drawing(strokes, canvas=28, pen=2.4))
        assert found[BOTH].before.digit == digit
        for name in (CENTERING, SCALING, BOTH):
            assert not found[name].matters, found[name].sentence
            assert np.abs(found[name].after.image - found[name].before.image).max() < 0.15

    @pytest.mark.parametrize("model", ["deep", "hidden"])
    def test_small_5_low_on_the_left_becomes_a_5(self, model):
        drawing = next(read_drawings(data_path("examples.jsonl")))
        assert drawing.label == 5 and "small 5" in drawing.note
        both = steps_of(Recognizer.load(model), drawing)[BOTH]
        assert both.matters and both.before.digit != 5 and both.after.digit == 5
        assert both.sentence.startswith("After centering and scaling: 5 (")
        assert f"not {both.before.digit} (" in both.sentence

    @pytest.mark.filterwarnings("error")
    @settings(max_examples=40)
    @given(some_strokes.map(check_strokes), st.floats(10, 80))
    def test_images_are_valid_for_any_drawing_on_the_canvas(self, deep, strokes, pen):
        for step in steps_of(deep, Drawing(strokes, pen=pen)).values():
            for one in (step.before, step.after):
                assert one.image.min() >= 0 and 0 < one.image.max() <= 1 + 1e-6
                assert one.probabilities.sum() == pytest.approx(1, abs=1e-5)

    def test_drawing_and_prediction_are_not_changed(self, deep):
        drawing = Drawing(check_strokes(DIGITS[4]))
        prediction = deep.predict(drawing.strokes)
        arrays = [
            *drawing.strokes,
            prediction.input,
            prediction.as_drawn,
            prediction.probabilities,
        ]
        before = [array.copy() for array in arrays]
        what_if(deep, drawing, prediction)
        for array, expected in zip(arrays, before, strict=True):
            np.testing.assert_array_equal(array, expected)

    def test_the_recognizer_does_the_preprocessing(self, deep):
        """All of it but centering only and scaling only, which are no preprocessing."""
        mirroring, drawing = MirroringRecognizer(deep.network), Drawing(check_strokes(DIGITS[7]))
        prediction = mirroring.predict(drawing.strokes)
        mirroring.calls.clear()
        found = {step.name: step for step in what_if(mirroring, drawing, prediction)}
        assert [options for *_, options in mirroring.calls] == [
            {"pen_width": THIN_PEN},
            {"pen_width": THICK_PEN},
        ]
        plain = steps_of(deep, drawing)
        for name in (BOTH, THINNER, THICKER):
            mirrored = np.fliplr(plain[name].after.image)
            np.testing.assert_array_equal(found[name].after.image, mirrored)
            assert (mirrored != plain[name].after.image).any()
        for name in (CENTERING, SCALING):
            np.testing.assert_array_equal(found[name].after.image, plain[name].after.image)
