"""One change of a drawing at a time: what each of them leaves alone, and how it is told."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_drawing import DIGITS

from nnlib import Recognizer, whatif
from nnlib.explain.diagnostics import relative_thickness as relative_thickness
from nnlib.datasets.drawings_file import read_drawings
from nnlib.preprocessing.drawing import Drawing, check_strokes
from nnlib.preprocessing.mnist_format import BOX, INK_THRESHOLD, PEN_WIDTH, center_of_mass
from nnlib.preprocessing.strokes import shrink_strokes
from nnlib.files import data_path
from nnlib.preprocessing.images import stroke_thickness
from nnlib.explain.what_if import Step, THICK_PEN, THIN_PEN, Variant, scale_strokes, what_if

STEPS = ["Centering", "Scaling", "The whole repair", "A thinner pen", "A thicker pen"]


def steps_of(recognizer: Recognizer, drawing: Drawing) -> dict[str, Step]:
    reading = recognizer.read(drawing.strokes, drawing.canvas, drawing.pen)
    return {step.name: step for step in what_if(recognizer, drawing, reading)}


def box(image: np.ndarray) -> tuple[int, int]:
    """The width and the height of what is inked."""
    inked = np.pad(image, 1) > INK_THRESHOLD
    width, height = (np.ptp(np.flatnonzero(inked.any(axis=axis))) + 1 for axis in (0, 1))
    return int(width), int(height)


def variant(digit: int, confidence: float, name="read") -> Variant:
    """A variant read as this digit; the others share what is left."""
    probabilities = np.full(10, (1 - confidence) / 9, np.float32)
    probabilities[digit] = confidence
    return Variant(name, np.zeros((28, 28)), probabilities)


def step(name: str, before: tuple[int, float], after: tuple[int, float]) -> Step:
    return Step(name, variant(*before), variant(*after))


class TestSentences:
    @pytest.mark.parametrize(
        ("name", "before", "after", "sentence"),
        [
            ("Centering", (9, 0.31), (7, 0.97), "Centering turns 9 (31 %) into 7 (97 %)."),
            ("Scaling", (4, 0.62), (4, 0.97), "Scaling makes 4 surer: 62 % → 97 %."),
            (
                "A thicker pen",
                (0, 0.97),
                (0, 0.616),
                "A thicker pen makes 0 less sure: 97 % → 62 %.",
            ),
            # The answer changes although it is as sure as before.
            ("Centering", (1, 0.5), (2, 0.5), "Centering turns 1 (50 %) into 2 (50 %)."),
        ],
    )
    def test_tell_what_was_read_before_and_after(self, name, before, after, sentence):
        assert step(name, before, after).sentence == sentence

    def test_of_a_variant_tell_its_answer(self):
        nine = variant(9, 0.31)
        assert (nine.digit, nine.confidence) == (9, pytest.approx(0.31))
        assert type(nine.digit) is int and type(nine.confidence) is float


class TestMattering:
    @pytest.mark.parametrize(
        ("before", "after", "matters"),
        [
            ((7, 0.5), (7, 0.59), False),
            ((7, 0.5), (7, 0.61), True),
            ((7, 0.9), (7, 0.81), False),
            ((7, 0.9), (7, 0.79), True),
            ((7, 0.9), (7, 0.9), False),
            ((7, 0.5), (9, 0.5), True),
            ((7, 0.15), (9, 0.14), True),  # the answer changes, though none is sure
        ],
    )
    def test_takes_another_answer_or_a_tenth(self, before, after, matters):
        assert step("Scaling", before, after).matters == matters

    def test_takes_more_than_the_threshold(self, monkeypatch):
        """An eighth, for a tenth is no binary fraction."""
        monkeypatch.setattr(whatif, "NOTABLE", 0.125)
        assert not step("Scaling", (7, 0.5), (7, 0.625)).matters
        assert not step("Scaling", (7, 0.625), (7, 0.5)).matters
        assert step("Scaling", (7, 0.5), (7, 0.6251)).matters
        assert step("Scaling", (7, 0.6251), (7, 0.5)).matters

    def test_is_about_the_answer_before(self):
        """Another digit may gain as much as it likes as long as it stays behind."""
        before, after = variant(7, 0.9), variant(7, 0.85)
        after.probabilities[:] = 0
        after.probabilities[[7, 2]] = 0.85, 0.15
        assert not Step("Scaling", before, after).matters


class TestCentring:
    def test_moves_the_pixels_and_leaves_size_and_pen_alone(self, deep):
        """A ring around pixel (8, 19) is moved by whole pixels, 6 to the right and 5 up."""
        t = np.linspace(0, 2 * np.pi, 41)
        # On a canvas of 280 a pixel is 10 wide, and the middle of pixel 8 is at 85.
        ring = np.stack([85 + 40 * np.sin(t), 195 - 50 * np.cos(t)], axis=1)
        found = steps_of(deep, Drawing([ring], canvas=280, pen=17))["Centering"]
        moved = np.roll(found.before.image, (-5, 6), axis=(0, 1))
        np.testing.assert_allclose(found.after.image, moved, atol=1e-9)

    @pytest.mark.parametrize("digit", DIGITS)
    @pytest.mark.parametrize(("size", "pen"), [(0.4, 20), (0.6, 50), (1, 35)])
    def test_puts_the_mass_at_14_14_however_small_it_is(self, deep, digit, size, pen):
        strokes = [stroke * size for stroke in check_strokes(DIGITS[digit])]
        found = steps_of(deep, Drawing(strokes, pen=pen))["Centering"]
        before, after = found.before.image, found.after.image
        assert center_of_mass(after) == pytest.approx((14, 14), abs=0.1)
        assert box(after) == pytest.approx(box(before), abs=1)
        # `ink` is up to 0.07 of a pixel off, depending on where the pixels lie.
        assert after.sum() == pytest.approx(before.sum(), rel=0.08)
        assert stroke_thickness(after) == pytest.approx(stroke_thickness(before), rel=0.12)


near = st.tuples(st.floats(0, 500), st.floats(0, 500))
on_the_canvas = st.lists(st.lists(near, min_size=1, max_size=4), min_size=1, max_size=3).map(
    check_strokes
)


class TestScaling:
    # 40 wide and 80 high, with the pen 100: 10 of 28 pixels on a canvas of 280, which becomes
    # 20. So all is twice as large, the pen too.
    HOOK = np.array([[-20.0, -40], [20, -40], [20, 40]])

    @pytest.mark.parametrize(
        ("middle", "then"),
        [
            ((140, 140), (140, 140)),
            ((110, 150), (110, 150)),
            # 2 · 100 / 2 = 100 is the nearest that it can be to the upper and lower edge, and
            # 2 · 60 / 2 = 60 to those at the sides.
            ((30, 50), (60, 100)),
            ((250, 230), (220, 180)),
            ((30, 150), (60, 150)),
            ((150, 230), (150, 180)),
        ],
    )
    def test_by_hand_enlarges_drawing_and_pen_where_it_is(self, middle, then):
        drawing = Drawing([self.HOOK + middle], canvas=280, pen=20)
        expected = shrink_strokes([2 * self.HOOK + then], canvas=280, pen=40)
        np.testing.assert_allclose(scale_strokes(drawing), expected, atol=1e-9)

    def test_shrinks_what_is_too_large(self):
        drawing = Drawing([4 * self.HOOK + 140], canvas=280, pen=80)
        expected = shrink_strokes([2 * self.HOOK + 140], canvas=280, pen=40)
        np.testing.assert_allclose(scale_strokes(drawing), expected, atol=1e-9)

    @given(on_the_canvas, st.floats(30, 80))
    def test_makes_box_and_pen_20_pixels_wherever_it_is_on_the_canvas(self, strokes, pen):
        image = scale_strokes(Drawing(strokes, pen=pen))
        # Where it does not begin with a pixel, 20 pixels touch 21.
        assert max(box(image)) == pytest.approx(BOX, abs=1)
        # Nothing is cut off: it is as wide and as high as it is in the middle.
        points = np.concatenate(strokes)
        middle = (points.min(axis=0) + points.max(axis=0)) / 2
        centered = scale_strokes(Drawing([stroke - middle + 250 for stroke in strokes], pen=pen))
        assert box(image) == pytest.approx(box(centered), abs=1)

    @pytest.mark.parametrize("corner", [(0, 0), (430, 0), (0, 430), (430, 430)])
    @pytest.mark.parametrize("digit", DIGITS)
    def test_keeps_a_small_digit_of_a_corner_whole(self, digit, corner):
        """And its pen in proportion to it."""
        small = [stroke / 8 + corner for stroke in check_strokes(DIGITS[digit])]
        large = shrink_strokes(check_strokes(DIGITS[digit]), 500, 40, side=112)
        image = scale_strokes(Drawing(small, pen=5))
        assert max(box(image)) == pytest.approx(BOX, abs=1)
        assert relative_thickness(image) == pytest.approx(relative_thickness(large), rel=0.1)

    def test_changes_nothing_but_the_size(self, deep):
        """In the middle of the canvas it stays, whatever the mass of it."""
        small = [stroke / 3 for stroke in check_strokes(DIGITS[7])]
        low, high = (f(np.concatenate(small), axis=0) for f in (np.min, np.max))
        small = [stroke - (low + high) / 2 + 250 for stroke in small]
        found = steps_of(deep, Drawing(small))["Scaling"]
        for image in (found.before.image, found.after.image):
            for axis in (0, 1):
                places = np.flatnonzero((image > INK_THRESHOLD).any(axis=axis))
                assert (places[0] + places[-1]) / 2 == pytest.approx(13.5, abs=0.5)
        assert max(box(found.after.image)) > 1.8 * max(box(found.before.image))


class TestPens:
    @pytest.mark.parametrize("digit", DIGITS)
    def test_are_thinner_and_thicker_than_what_was_read(self, deep, digit):
        found = steps_of(deep, Drawing(check_strokes(DIGITS[digit])))
        thin, thick = found["A thinner pen"], found["A thicker pen"]
        read = stroke_thickness(thin.before.image)
        assert stroke_thickness(thin.after.image) < read - 0.4
        assert stroke_thickness(thick.after.image) > read + 0.8
        for image in (thin.after.image, thick.after.image):
            assert max(box(image)) == pytest.approx(BOX, abs=1)
            assert center_of_mass(image) == pytest.approx((14, 14), abs=0.1)

    def test_are_as_thick_as_they_say(self, deep):
        found = steps_of(deep, Drawing(check_strokes(DIGITS[1])))
        # A bar of width w has round ends: its ink is l w + π w² / 4, its outline 2 l + π w.
        for name, pen in (("A thinner pen", THIN_PEN), ("A thicker pen", THICK_PEN)):
            length = BOX - pen
            expected = 2 * (length * pen + np.pi * pen**2 / 4) / (2 * length + np.pi * pen)
            assert stroke_thickness(found[name].after.image) == pytest.approx(expected, rel=0.1)

    def test_are_the_outer_percents_of_mnists(self, digits):
        pictures = digits.train.images.reshape(-1, 28, 28)[::5]
        low, high = np.percentile([stroke_thickness(picture) for picture in pictures], [1, 99])
        assert pytest.approx((low, high), abs=0.1) == (THIN_PEN, THICK_PEN)
        assert THIN_PEN < PEN_WIDTH < THICK_PEN


class TestWhatIf:
    def test_takes_the_steps_one_by_one_from_the_drawing_and_from_the_tensor(self, deep):
        drawing = Drawing(check_strokes(DIGITS[4]), canvas=600, pen=20)
        reading = deep.read(drawing.strokes, drawing.canvas, drawing.pen)
        steps = what_if(deep, drawing, reading)
        assert [step.name for step in steps] == STEPS
        for step in steps[:3]:
            np.testing.assert_array_equal(step.before.image, reading.as_drawn)
        for variant in (steps[2].after, steps[3].before, steps[4].before):
            np.testing.assert_array_equal(variant.image, reading.tensor.reshape(28, 28))
            np.testing.assert_array_equal(variant.probabilities, reading.probabilities)
            assert (variant.digit, variant.confidence) == (reading.digit, reading.confidence)
        assert len({step.after.image.tobytes() for step in steps}) == 5

    def test_gives_what_the_network_reads_in_each_image(self, deep):
        for step in steps_of(deep, Drawing(check_strokes(DIGITS[4]), canvas=600)).values():
            for one in (step.before, step.after):
                assert one.image.shape == (28, 28) and one.probabilities.shape == (10,)
                expected = deep.network.probabilities(one.image.reshape(1, 784))[0]
                np.testing.assert_allclose(one.probabilities, expected, atol=1e-5)

    @pytest.mark.parametrize("digit", DIGITS)
    def test_finds_nothing_to_repair_in_what_is_as_mnist_would_have_it(self, deep, digit):
        """20 pixels long with MNIST's pen, and its mass at (14, 14)."""
        strokes = check_strokes(DIGITS[digit])
        strokes = [s * (20 - 2.4) / np.ptp(np.concatenate(strokes), axis=0).max() for s in strokes]
        for _ in range(4):  # on a canvas of 28 a pixel is 1 wide
            mass = center_of_mass(shrink_strokes(strokes, 28, 2.4))
            strokes = [stroke + 14 - mass for stroke in strokes]
        drawing = Drawing(strokes, canvas=28, pen=2.4)
        found = steps_of(deep, drawing)
        assert found["The whole repair"].before.digit == digit
        for name in STEPS[:3]:
            assert not found[name].matters, found[name].sentence
            assert np.abs(found[name].after.image - found[name].before.image).max() < 0.15

    @pytest.mark.parametrize("model", ["deep", "robust"])
    def test_repairs_the_small_5_low_on_the_left(self, model):
        drawing = next(read_drawings(data_path("examples.jsonl")))
        assert drawing.label == 5 and "small 5" in drawing.note
        repair = steps_of(Recognizer.load(model), drawing)["The whole repair"]
        assert repair.matters and repair.before.digit != 5 and repair.after.digit == 5
        assert repair.sentence.startswith(f"The whole repair turns {repair.before.digit} (")
        assert " into 5 (" in repair.sentence

    @pytest.mark.filterwarnings("error")
    @settings(max_examples=40)
    @given(on_the_canvas, st.floats(10, 80))
    def test_gives_whole_images_whatever_is_on_the_canvas(self, deep, strokes, pen):
        for step in steps_of(deep, Drawing(strokes, pen=pen)).values():
            for one in (step.before, step.after):
                assert one.image.min() >= 0 and 0 < one.image.max() <= 1 + 1e-6
                assert one.probabilities.sum() == pytest.approx(1, abs=1e-5)

    def test_changes_neither_drawing_nor_reading(self, deep):
        drawing = Drawing(check_strokes(DIGITS[4]))
        reading = deep.read(drawing.strokes)
        arrays = [*drawing.strokes, reading.tensor, reading.as_drawn, reading.probabilities]
        before = [array.copy() for array in arrays]
        what_if(deep, drawing, reading)
        for array, expected in zip(arrays, before, strict=True):
            np.testing.assert_array_equal(array, expected)
