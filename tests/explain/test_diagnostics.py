"""The six measures, the reference from the training images, and the words for what is unusual."""

import json

import numpy as np
import pytest
from helpers import DIGITS, ODD_STROKES
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nnlib.datasets.splits import Split
from nnlib.explain.diagnostics import (
    BINS,
    MEASURES,
    Diagnostic,
    Reference,
    area_ratio,
    aspect,
    center_offset,
    diagnose,
    measure_training_data,
    reference,
    relative_thickness,
    slant,
    stroke_density,
)
from nnlib.files import data_path
from nnlib.preprocessing.drawing import check_strokes
from nnlib.preprocessing.images import check_image, shrink_image
from nnlib.preprocessing.mnist_format import BOX, INK_THRESHOLD, PEN_WIDTH
from nnlib.preprocessing.strokes import normalize_strokes, rasterize, shrink_strokes
from nnlib.recognition.recognizer import PREPROCESSINGS, Prediction

NAMES = ["stroke density", "center offset", "area ratio", "thickness", "slant", "aspect"]


def image(ink: dict[tuple[int, int], float]) -> np.ndarray:
    """A 28×28 image from {(x, y): ink}."""
    result = np.zeros((28, 28))
    for (x, y), value in ink.items():
        result[y, x] = value
    return result


def measured(picture: np.ndarray) -> dict[str, float]:
    return {name: measure.function(picture) for name, measure in MEASURES.items()}


def leaning(k: float, rows: int = 9, side: int = 28, weights=(1.0,)) -> np.ndarray:
    """A bar whose every row lies k pixels farther left than the one above it.

    A place between two pixels is inked in both, so that it is the middle of their ink.
    """
    result = np.zeros((side, side))
    for row in range(rows):
        for i, weight in enumerate(weights):
            x = side / 2 + k * (rows / 2 - row) + i
            left = int(np.floor(x))
            result[4 + row, left] += weight * (left + 1 - x)
            result[4 + row, left + 1] += weight * (x - left)
    return result


def prediction_of(as_drawn: np.ndarray, entered: np.ndarray, digit: int) -> Prediction:
    """The answer `digit` for a drawing that looked like this, and entered the network so."""
    probabilities = np.eye(10, dtype=np.float32)[digit]
    return Prediction(digit, probabilities, entered.astype(np.float32), lambda: as_drawn)


# A digit's worth of ink with paper all around, so that it can be moved by 4 pixels.
some_ink = arrays(np.float64, (9, 7), elements=st.sampled_from([0, 0, 0.05, 0.3, 0.8, 1]))
pictures = some_ink.filter(lambda ink: ink.max() > INK_THRESHOLD).map(
    lambda ink: np.pad(ink, (9, 12))
)
# Those of which more than one row is inked: in a single row there is no slant.
tall_pictures = pictures.filter(lambda picture: np.count_nonzero(picture.any(axis=1)) > 1)


class TestMeasures:
    def test_six_measures_are_keyed_by_their_names(self):
        assert list(MEASURES) == [measure.name for measure in MEASURES.values()] == NAMES

    def test_blank_paper_measures_0(self):
        assert measured(image({})) == dict.fromkeys(NAMES, 0)

    def test_one_pixel_in_the_center_by_hand(self):
        # Four 2 × 2 gradients of (½, ½) are its outline; and one pixel would become 20.
        thick = 2 / (4 * 0.5**0.5) * 20
        expected = dict(zip(NAMES, [1 / 784, 0, 1 / 784, thick, 0, 1], strict=True))
        assert measured(image({(14, 14): 1})) == pytest.approx(expected)

    def test_solid_ink_by_hand(self):
        # The middle of 28 pixels is index 13.5: half a pixel off, in x and y. The outline is
        # 4 · 28 long, and the gradient cuts the corners a little: 2 · 28² / (4 · 28) = 14.
        expected = dict(zip(NAMES, [1, 0.5 * 2**0.5, 1, 14 * 20 / 28, 0, 1], strict=True))
        assert measured(np.ones((28, 28))) == pytest.approx(expected, rel=0.03)

    def test_density_is_the_mean_ink(self):
        assert stroke_density(image({(3, 4): 0.5, (20, 9): 1, (7, 7): 0.25})) == 1.75 / 784

    def test_offset_is_the_distance_of_the_center_of_mass(self):
        # The center of mass is at (18, 17), and 4² + 3² = 5².
        assert center_offset(image({(16, 15): 1, (20, 19): 1})) == pytest.approx(5)
        # Three quarters of the ink at x = 10 and one at x = 18 balance at x = 12.
        assert center_offset(image({(10, 14): 0.9, (18, 14): 0.3})) == pytest.approx(2)

    def test_area_and_aspect_ignore_faint_ink(self):
        corners = {(3, 5): 1, (7, 10): 0.11}  # 5 wide, 6 high
        for faint in ({}, {(27, 27): 0.09}):
            assert area_ratio(image(corners | faint)) == 30 / 784
            assert aspect(image(corners | faint)) == 5 / 6

    def test_faint_ink_alone_has_no_box(self):
        faint = image({(3, 3): 0.1, (20, 9): 0.05})
        assert area_ratio(faint) == aspect(faint) == relative_thickness(faint) == 0

    @given(pictures, st.integers(-4, 4), st.integers(-4, 4))
    def test_moving_the_ink_changes_only_the_offset(self, picture, right, down):
        moved = measured(np.roll(picture, (down, right), axis=(0, 1)))
        expected = measured(picture)
        del moved["center offset"], expected["center offset"]
        assert moved == pytest.approx(expected, rel=1e-9, abs=1e-9)

    @given(pictures)
    def test_quarter_turn_swaps_width_and_height(self, picture):
        before, after = measured(picture), measured(np.rot90(picture))
        assert after["aspect"] == pytest.approx(1 / before["aspect"])
        for name in ("stroke density", "area ratio", "thickness"):
            assert after[name] == pytest.approx(before[name])


class TestThickness:
    # The ends of the bar and the box, which is whole pixels, make it differ a little.
    @pytest.mark.parametrize("pen", [PEN_WIDTH, 4, 6])
    @pytest.mark.parametrize("end", [(0.5, 0.8), (0.8, 0.5), (0.8, 0.8)])
    def test_bar_is_as_thick_at_any_resolution(self, pen, end):
        bars = []
        for size in (1, 2, 8):
            bar = rasterize([np.array([(0.2, 0.2), end]) * 28 * size], pen * size, 28 * size)
            bars.append(relative_thickness(bar))
        assert bars == pytest.approx([bars[-1]] * 3, rel=0.12)

    def test_bar_by_hand(self):
        # 100 long with the pen's round ends and 10 wide: as 20 to 2. The outline of a bar
        # with round ends is 2 · 90 + 10 π, its ink 90 · 10 + 25 π.
        bar = rasterize([np.array([[100.0, 55], [100, 145]])], 10, 200)
        assert relative_thickness(bar) == pytest.approx(
            2 * (900 + 25 * np.pi) / (180 + 10 * np.pi) / 5, rel=0.03
        )

    @pytest.mark.parametrize("digit", DIGITS)
    def test_thickness_grows_with_the_pen_and_not_with_the_size(self, digit):
        strokes = check_strokes(DIGITS[digit])
        values = {}
        for size in (0.4, 1):
            for pen in (20, 30, 40):
                scaled = [stroke * size for stroke in strokes]
                canvas = shrink_strokes(scaled, 500, pen * size, side=112)
                values[size, pen] = relative_thickness(canvas)
        for size in (0.4, 1):
            assert values[size, 20] < values[size, 30] < values[size, 40]
        for pen in (20, 30, 40):
            assert values[0.4, pen] == pytest.approx(values[1, pen], rel=0.06)


class TestSlant:
    @given(st.floats(-0.9, 0.9), st.integers(2, 12), st.lists(st.floats(0.1, 1), min_size=1))
    def test_slant_of_a_sheared_bar_is_its_angle(self, k, rows, weights):
        bar = leaning(k, rows, side=60, weights=weights[:5])
        assert slant(bar) == pytest.approx(np.degrees(np.arctan(k)), abs=1e-6)

    @pytest.mark.parametrize("angle", [-40, -20, 0, 5, 30, 45])
    def test_slant_of_a_pen_stroke_is_its_angle(self, angle):
        x, y = 45 * np.sin(np.radians(angle)), -45 * np.cos(np.radians(angle))
        stroke = np.array([[56 - x, 56 - y], [56 + x, 56 + y]])  # upwards to the right
        assert slant(rasterize([stroke], 6, 112)) == pytest.approx(angle, abs=0.5)

    def test_slant_by_hand(self):
        # Center of mass (2, 1). μ₁₁ = -1 · 1 + 1 · -1 = -2 and μ₀₂ = 1 + 1 = 2: 45 degrees.
        assert slant(image({(1, 2): 1, (3, 0): 1})) == pytest.approx(45)
        # Twice as high: tan is 2 · 1 · 2 / (2 · 4) = ½.
        assert slant(image({(1, 4): 1, (3, 0): 1})) == pytest.approx(np.degrees(np.arctan(0.5)))

    @given(tall_pictures, st.integers(-2, 2))
    def test_shear_adds_its_own_tangent(self, picture, k):
        """Each row is moved by k pixels more than the one below it."""
        picture = np.pad(picture, ((0, 0), (70, 70)))
        rows = [np.roll(row, -k * y) for y, row in enumerate(picture)]
        before, after = (np.tan(np.radians(slant(ink))) for ink in (picture, np.stack(rows)))
        assert after - before == pytest.approx(k, abs=1e-6)

    @given(tall_pictures)
    def test_mirror_image_leans_the_other_way(self, picture):
        expected = pytest.approx(-slant(picture), abs=1e-6)
        assert slant(picture[:, ::-1]) == expected
        assert slant(picture[::-1]) == expected

    @given(tall_pictures, st.floats(0.01, 1))
    def test_slant_does_not_depend_on_how_dark_the_ink_is(self, picture, dark):
        assert slant(dark * picture) == pytest.approx(slant(picture), abs=1e-6)

    def test_single_row_has_no_slant(self):
        row = np.zeros((28, 28))
        row[8, 4:20] = 1
        assert slant(row) == slant(image({(3, 20): 1})) == 0

    @given(arrays(np.float64, 16, elements=st.floats(0.1, 1)), st.integers(0, 27))
    def test_uneven_row_has_no_slant_despite_rounding(self, ink, y):
        """Its mean row is y only up to rounding."""
        row = np.zeros((28, 28))
        row[y, 4:20] = ink
        assert slant(row) == 0


# 0, 1, …, 100 are the quantiles, so that a value is its own percentile.
HUNDRED = np.arange(101.0)
EVEN_BINS = np.full(BINS, 1 / BINS)


def diagnostic(as_drawn: float, entered: float, name="slant", digit=7) -> Diagnostic:
    usual = Reference(1, 99, HUNDRED, EVEN_BINS, 0, 100)
    return Diagnostic(name, digit, as_drawn, entered, usual)


@pytest.mark.parametrize(
    ("as_drawn", "entered", "state", "value"),
    [
        (30, 40, "usual", 30),
        (1, 99, "usual", 1),  # the ends belong to the range
        (0.9, 50, "corrected", 0.9),
        (99.1, 50, "corrected", 99.1),
        (50, 0.9, "unusual", 0.9),
        (50, 99.1, "unusual", 99.1),
        (0, 100, "unusual", 100),
    ],
)
def test_state_says_whether_preprocessing_corrected_it(as_drawn, entered, state, value):
    found = diagnostic(as_drawn, entered)
    assert (found.state, found.value) == (state, value)
    assert (found.low, found.high) == (1, 99)


class TestSummary:
    @pytest.mark.parametrize(
        ("value", "summary"),
        [
            (99.99, "farther to the right than 99 %"),  # not all
            (98, "farther to the right than 98 %"),
            (97.99, "farther to the right than 97 %"),
            (50, "farther to the right than 50 %"),
            (49.5, "farther to the left than 50 %"),
            (20, "farther to the left than 80 %"),
            (1.5, "farther to the left than 98 %"),
            (0.01, "farther to the left than 99 %"),
        ],
    )
    def test_percentage_is_rounded_down(self, value, summary):
        assert diagnostic(value, value).summary == f"{summary} of the training 7s"

    def test_value_beyond_the_ends_is_compared_with_all(self):
        right = diagnostic(50, 100.1, digit=3).summary
        assert right == "farther to the right than all the training 3s"
        assert diagnostic(50, -4).summary == "farther to the left than all the training 7s"

    def test_summary_is_of_the_drawing_unless_the_input_is_unusual(self):
        drawn, entered = diagnostic(99.5, 30).summary, diagnostic(99.5, 0.5).summary
        assert drawn == "farther to the right than 99 % of the training 7s"
        assert entered == "farther to the left than 99 % of the training 7s"

    @pytest.mark.parametrize("name", NAMES)
    def test_each_measure_has_words_for_low_and_high(self, name):
        measure = MEASURES[name]
        low, high = (diagnostic(50, value, name).summary for value in (0.5, 99.5))
        assert low == f"{measure.low_words} 99 % of the training 7s"
        assert high == f"{measure.high_words} 99 % of the training 7s"
        assert measure.low_words != measure.high_words and measure.unit
        for words in (measure.low_words, measure.high_words):
            assert words.endswith(" than") and words[0].islower()


class TestPercentiles:
    def test_percentiles_are_interpolated_between_quantiles(self):
        uneven = Reference(1, 99, np.arange(101.0) ** 2, EVEN_BINS, 0, 10_000)
        # Half of them lie below 50² = 2,500; of 6,400 to 6,561, the 81st percent, a third.
        for value, below in ((2500, 50), (6400 + 161 / 3, 80 + 1 / 3), (-1, 0), (20_000, 100)):
            found = Diagnostic("slant", 7, value, value, uneven)
            assert found.percentiles == pytest.approx((below, 100 - below))

    def test_images_that_share_the_value_count_on_neither_side(self):
        # 20 % have 1, then one percent each 2, 3, …, and the last 30 % have 52.
        quantiles = np.clip(np.arange(101) - 19, 1, 52).astype(float)
        shared = Reference(1, 52, quantiles, EVEN_BINS, 0, 52)
        for value, below, above in ((1, 0, 80), (0.9, 0, 100), (11, 30, 70), (52, 71, 0)):
            assert Diagnostic("slant", 7, value, value, shared).percentiles == (below, above)
        summary = Diagnostic("slant", 7, 52, 52, shared).summary
        assert summary.startswith("farther to the right than 71 %")


class TestAdvice:
    @pytest.mark.parametrize("name", NAMES)
    def test_advice_depends_on_the_state_and_the_side(self, name):
        measure = MEASURES[name]
        assert diagnostic(50, 50, name).advice == ""
        assert diagnostic(0, 50, name).advice == "Corrected by preprocessing."
        assert diagnostic(50, 0, name).advice == measure.low_advice
        assert diagnostic(50, 100, name).advice == measure.high_advice

    @pytest.mark.parametrize("name", NAMES)
    def test_each_advice_is_a_sentence(self, name):
        low, high = MEASURES[name].low_advice, MEASURES[name].high_advice
        for advice in (low, high):
            if name == "center offset" and advice == low:
                assert advice == ""  # an offset is never too small
            else:
                assert advice[0].isupper() and advice[-1] == "." and len(advice.split()) >= 3


def train_of(inks: np.ndarray, labels: np.ndarray) -> Split:
    """Images that are inked evenly, each with one of the inks."""
    return Split(np.repeat(inks[:, None], 784, axis=1).astype(np.float32), labels)


class TestMeasureTrainingData:
    def test_each_digit_has_101_quantiles_and_a_histogram(self):
        # 101 images of each digit, inked evenly with 0, 0.01, …, 1: the quantiles themselves.
        train = train_of(np.repeat(np.arange(101) / 100, 10), np.tile(np.arange(10), 101))
        result = measure_training_data(train)["measures"]
        assert list(result) == NAMES
        density = result["stroke density"]
        assert density["range"] == pytest.approx([0, 1], abs=1e-3)
        for name in NAMES:
            assert list(result[name]["digits"]) == [str(digit) for digit in range(10)]
        for digit in map(str, range(10)):
            of = {name: result[name]["digits"][digit] for name in NAMES}
            assert of["stroke density"]["quantiles"] == pytest.approx(HUNDRED / 100, abs=1e-3)
            assert sum(of["stroke density"]["histogram"]) == 101
            assert set(of["stroke density"]["histogram"]) == {3, 4}  # 101 / 32
            # Paper has no offset, and what has ink has it at (13.5, 13.5).
            offsets = [0] + [0.5**0.5] * 100
            assert of["center offset"]["quantiles"] == pytest.approx(offsets, abs=1e-4)
            # Eleven are too faint to have a box.
            assert of["area ratio"]["quantiles"] == [0] * 11 + [1] * 90
            assert of["aspect"]["quantiles"] == [0] * 11 + [1] * 90
            # All are in the first bin or the last.
            assert of["aspect"]["histogram"] == [11] + [0] * 30 + [90]

    def test_digits_are_measured_separately(self):
        labels = np.arange(10)
        result = measure_training_data(train_of(labels / 10, labels))["measures"]
        for digit, found in result["stroke density"]["digits"].items():
            assert found["quantiles"] == pytest.approx([int(digit) / 10] * 101, abs=1e-6)
            assert sum(found["histogram"]) == 1

    def test_outer_thousandths_are_in_the_histogram_only(self):
        inks = np.linspace(0.2, 0.7, 1_100)
        inks[0], inks[-1] = 0, 1  # fewer than a thousandth on each side
        labels = np.arange(1_100) % 10
        density = measure_training_data(train_of(inks, labels))["measures"]["stroke density"]
        assert density["range"] == pytest.approx([0.2, 0.7], abs=2e-3)
        histograms = np.array([found["histogram"] for found in density["digits"].values()])
        assert histograms.shape == (10, BINS)
        assert histograms.sum(axis=1).tolist() == [110] * 10
        assert density["digits"]["0"]["quantiles"][0] == 0

    def test_result_is_json_values(self):
        labels = np.arange(10)
        result = measure_training_data(train_of(labels / 10, labels))
        assert json.loads(json.dumps(result)) == result


@pytest.fixture(scope="module")
def training(digits) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Every measure of all 50,000 training images, a thousand at a time; and their labels.

    A second implementation of the measures, twenty times as fast.
    """
    x = np.arange(28.0)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in NAMES}
    for start in range(0, len(digits.train), 1000):
        some = digits.train.images[start : start + 1000].reshape(-1, 28, 28)
        columns, rows = some.sum(axis=1, dtype=np.float64), some.sum(axis=2, dtype=np.float64)
        ink = rows.sum(axis=1)
        mean_x, mean_y = columns @ x / ink, rows @ x / ink
        variance = rows @ x**2 / ink - mean_y**2
        covariance = some.reshape(-1, 784) @ np.outer(x, x).ravel() / ink - mean_x * mean_y
        sides = []
        for axis in (1, 2):
            found = (some > INK_THRESHOLD).any(axis=axis)
            sides.append(28 - found.argmax(axis=1) - found[:, ::-1].argmax(axis=1))
        width, height = sides
        corners = np.pad(some, ((0, 0), (1, 1), (1, 1)))
        falling = corners[:, 1:, 1:] - corners[:, :-1, :-1]
        rising = corners[:, 1:, :-1] - corners[:, :-1, 1:]
        # Two diagonals of a square are as good as its sides: both squared are 2 · |∇|².
        outline = np.sqrt((falling**2 + rising**2) / 2).sum(axis=(1, 2), dtype=np.float64)
        for name, values in zip(
            NAMES,
            [
                ink / 784,
                np.hypot(mean_x - 14, mean_y - 14),
                width * height / 784,
                2 * ink / outline * BOX / np.maximum(width, height),
                np.degrees(np.arctan2(-covariance, variance)),
                width / height,
            ],
            strict=True,
        ):
            parts[name].append(values)
    return {name: np.concatenate(parts[name]) for name in NAMES}, digits.train.labels


class TestReference:
    @pytest.mark.parametrize("name", NAMES)
    def test_measures_equal_a_second_implementation(self, digits, training, name):
        """On every hundredth training image."""
        some = digits.train.images[::100].reshape(-1, 28, 28)
        values = [MEASURES[name].function(picture) for picture in some]
        np.testing.assert_allclose(training[0][name][::100], values, rtol=1e-4, atol=1e-4)

    @pytest.mark.parametrize("name", NAMES)
    def test_packaged_reference_is_that_of_the_training_images(self, training, name):
        values, labels = training[0][name], training[1]
        packaged = json.loads(data_path("reference.json").read_text(encoding="utf-8"))
        measure = packaged["measures"][name]
        start, end = np.quantile(values, [0.001, 0.999])
        assert measure["range"] == pytest.approx([start, end], rel=1e-4)
        assert list(measure["digits"]) == [str(digit) for digit in range(10)]
        for digit in range(10):
            found, of_digit = measure["digits"][str(digit)], values[labels == digit]
            expected = np.percentile(of_digit, np.arange(101))
            np.testing.assert_allclose(found["quantiles"], expected, rtol=1e-4, atol=1e-4)
            assert sum(found["histogram"]) == len(of_digit)
            # The fraction below each edge, which rounding may move by a few images.
            edges = np.linspace(start, end, BINS + 1)[1:-1]
            up_to = np.array([np.mean(of_digit <= edge) for edge in edges])
            below = np.array([np.mean(of_digit < edge) for edge in edges])
            counted = np.cumsum(found["histogram"])[:-1] / len(of_digit)
            assert (counted <= up_to + 1e-3).all() and (counted >= below - 1e-3).all()

    @pytest.mark.parametrize("digit", range(10))
    @pytest.mark.parametrize("name", NAMES)
    def test_two_percent_of_each_digit_are_unusual(self, training, name, digit):
        values = training[0][name][training[1] == digit]
        found = reference(name, digit)
        states = [Diagnostic(name, digit, v, v, found).state for v in values.tolist()]
        outside = np.mean(np.array(states) != "usual")
        # Many images share the value of an end, so fewer may lie beyond it; or none, if the
        # measure has a tolerance.
        near = 1e-5 * (1 + np.abs(values))
        at_low = np.abs(values - found.low) < near
        at_high = (values > found.quantiles[99] - near) & (values <= found.high + near)
        two = 0.01 if name == "center offset" else 0.02  # which cannot be too small
        assert outside <= two + 1e-3
        assert outside + np.mean(at_low | at_high) >= two - 1e-3

    @pytest.mark.parametrize("digit", range(10))
    @pytest.mark.parametrize("name", NAMES)
    def test_usual_is_between_percentiles_1_and_99(self, name, digit):
        found = reference(name, digit)
        assert found.quantiles.shape == (101,) and (np.diff(found.quantiles) >= 0).all()
        # Our boxes may touch 21 pixels where MNIST's have 20.
        tolerance = (21 / 20) ** 2 if name == "area ratio" else 1
        assert found.high == pytest.approx(tolerance * found.quantiles[99], rel=0.01)
        assert found.low == (0 if name == "center offset" else found.quantiles[1])
        assert found.histogram.shape == (BINS,) and found.histogram.sum() == pytest.approx(1)
        assert found.start < found.quantiles[50] < found.end

    @pytest.mark.parametrize("digit", range(10))
    def test_no_center_offset_is_usual(self, digit):
        found = reference("center offset", digit)
        perfect = Diagnostic("center offset", digit, 0, 0, found)
        assert (perfect.state, perfect.advice) == ("usual", "")
        assert perfect.summary == f"closer to the center than all the training {digit}s"


def sheared(digit: int, k: float) -> list[np.ndarray]:
    return [stroke - [k, 0] * stroke[:, 1:] for stroke in check_strokes(DIGITS[digit])]


def stretched(digit: int, x: float) -> list[np.ndarray]:
    return [stroke * [x, 1] for stroke in check_strokes(DIGITS[digit])]


SCRIBBLE = [np.stack([np.linspace(100, 400, 40), 100 + 300.0 * (np.arange(40) % 2)], axis=1)]


class TestDiagnose:
    @pytest.mark.parametrize("digit", [1, 8])
    def test_both_images_are_measured_for_the_predicted_digit(self, digit):
        drawn, entered = image({(2, 2): 1}), image({(14, 12): 1, (14, 16): 1})
        prediction = prediction_of(drawn, entered, digit)
        found = diagnose(prediction)
        for one, (name, measure) in zip(found, MEASURES.items(), strict=True):
            assert (one.name, one.digit) == (name, digit)
            assert one.as_drawn == measure.function(drawn)
            assert one.input == measure.function(prediction.input)
            assert one.reference is reference(name, digit)

    @pytest.mark.parametrize(
        ("strokes", "pen", "digit", "name", "words", "advice"),
        [
            (
                sheared(7, 1.2),
                PEN_WIDTH,
                7,
                "slant",
                "farther to the right",
                "Draw it more up",
            ),
            (
                sheared(7, -1.2),
                PEN_WIDTH,
                7,
                "slant",
                "farther to the left",
                "Draw it more up",
            ),
            (stretched(0, 3), PEN_WIDTH, 0, "aspect", "wider", "Draw it narrower, and only one"),
            (stretched(0, 0.3), PEN_WIDTH, 0, "aspect", "narrower", "Draw it wider, unless it is"),
            (stretched(0, 0.3), PEN_WIDTH, 0, "area ratio", "a smaller box", "Draw it wider, un"),
            (
                sheared(3, 0),
                7,
                3,
                "thickness",
                "thicker",
                "The pen is thick for this",
            ),
            (
                sheared(3, 0),
                0.9,
                3,
                "thickness",
                "thinner",
                "The pen is thin for this",
            ),
            (SCRIBBLE, PEN_WIDTH, 8, "stroke density", "more ink", "There is much ink"),
            (sheared(3, 0), 0.5, 3, "stroke density", "less ink", "There is little ink"),
        ],
    )
    def test_unusual_drawing_has_words_and_advice(self, strokes, pen, digit, name, words, advice):
        odd = normalize_strokes(strokes, pen)
        plain = normalize_strokes(check_strokes(DIGITS[digit]))
        unusual = {one.name: one for one in diagnose(prediction_of(plain, odd, digit))}[name]
        assert unusual.state == "unusual"
        assert unusual.summary.startswith(f"{words} than ") and unusual.advice.startswith(advice)
        assert max(unusual.percentiles) > 94  # many narrow digits have the same width
        # The same value as drawn only: preprocessing corrected it.
        corrected = {one.name: one for one in diagnose(prediction_of(odd, plain, digit))}[name]
        assert corrected.state == "corrected"
        assert corrected.advice == "Corrected by preprocessing."
        assert corrected.summary.startswith(f"{words} than ")

    @pytest.mark.parametrize("digit", [0, 2, 3, 5, 6, 8, 9])
    def test_plain_digit_has_nothing_unusual(self, digit):
        plain = normalize_strokes(check_strokes(DIGITS[digit]))
        found = diagnose(prediction_of(plain, plain, digit))
        assert [one.name for one in found if one.state != "usual"] == []

    def test_small_thick_seven_in_a_corner_is_corrected(self, deep):
        small = [stroke / 4 for stroke in check_strokes(DIGITS[7])]
        states = {one.name: one.state for one in diagnose(deep.predict(small, pen=20))}
        assert states["center offset"] == states["area ratio"] == "corrected"
        assert states["thickness"] == "corrected" and states["aspect"] == "usual"

    def test_small_seven_in_a_photograph_is_corrected(self, deep):
        photograph = np.ones((300, 400))
        strokes = [stroke / 6 + (300, 150) for stroke in check_strokes(DIGITS[7])]
        photograph -= 0.6 * rasterize(strokes, 5, side=400)[:300]
        found = {one.name: one for one in diagnose(deep.predict_image(photograph))}
        assert found["center offset"].state == "corrected"
        shrunk = shrink_image(check_image(photograph))
        assert found["center offset"].as_drawn == center_offset(shrunk)

    def test_density_of_a_scribble_stays_unusual(self, deep):
        """A scribble is dense, however it is scaled."""
        found = {one.name: one for one in diagnose(deep.predict(SCRIBBLE))}
        assert found["stroke density"].state == "unusual"

    def test_pen_changes_as_drawn_but_not_the_input(self, deep):
        thin, thick = (diagnose(deep.predict(DIGITS[7], pen=pen)) for pen in (5, 90))
        assert [one.input for one in thin] == [one.input for one in thick]
        assert thin[0].as_drawn < 0.05 < 0.15 < thick[0].as_drawn

    @pytest.mark.parametrize("preprocessing", PREPROCESSINGS)
    def test_as_drawn_is_the_canvas_for_each_preprocessing(self, deep, preprocessing):
        shrunk = shrink_strokes(check_strokes(DIGITS[4]), 700, 10)
        found = diagnose(deep.predict(DIGITS[4], 700, 10, preprocessing))
        assert {one.name: one.as_drawn for one in found} == measured(shrunk)
        if preprocessing == "as-drawn":  # nothing is corrected
            entered = {one.name: one.input for one in found}
            assert entered == pytest.approx(measured(shrunk), rel=1e-5)

    @pytest.mark.parametrize("strokes", ODD_STROKES.values(), ids=ODD_STROKES)
    def test_odd_drawing_has_finite_values_and_words(self, deep, strokes):
        self.assert_complete(diagnose(deep.predict(strokes)))

    @pytest.mark.filterwarnings("error")
    @given(
        st.lists(
            st.lists(st.tuples(*[st.floats(-1e6, 1e6)] * 2), min_size=1, max_size=5),
            min_size=1,
            max_size=5,
        ),
        st.floats(1, 1e6),
        st.floats(0, 1e6, exclude_min=True),
    )
    def test_any_drawing_has_finite_values_and_words(self, deep, strokes, canvas, pen):
        self.assert_complete(diagnose(deep.predict(strokes, canvas, pen)))

    def assert_complete(self, found: tuple[Diagnostic, ...]) -> None:
        assert [one.name for one in found] == NAMES
        for one in found:
            assert np.isfinite([one.as_drawn, one.input, *one.percentiles]).all()
            assert one.summary.endswith(f" the training {one.digit}s")
            assert (one.advice == "") == (one.state == "usual")
