"""The six measures by hand and by properties, the reference, and the words for what is unusual."""

import json

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from test_drawing import DIGITS

from nnlib.datasets.splits import Split
from nnlib.explain.diagnostics import (
    BINS,
    Diagnostic,
    MEASURES,
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
from nnlib.preprocessing.drawing import check_strokes
from nnlib.preprocessing.mnist_format import BOX, INK_THRESHOLD, PEN_WIDTH
from nnlib.preprocessing.strokes import normalize_strokes, rasterize, shrink_strokes
from nnlib.files import data_path

NAMES = ["stroke density", "center offset", "area ratio", "thickness", "slant", "aspect"]


def image(ink: dict[tuple[int, int], float]) -> np.ndarray:
    """A 28×28 image from {(x, y): ink}."""
    result = np.zeros((28, 28))
    for (x, y), value in ink.items():
        result[y, x] = value
    return result


def measured(picture: np.ndarray) -> dict[str, float]:
    return {name: measure.of(picture) for name, measure in MEASURES.items()}


def leaning(k: float, rows: int = 9, side: int = 28, weights=(1.0,)) -> np.ndarray:
    """A bar whose every row lies k pixels further left than the one above it.

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


# A digit's worth of ink with paper all around, so that it can be moved by 4 pixels.
inked = arrays(np.float64, (9, 7), elements=st.sampled_from([0, 0, 0.05, 0.3, 0.8, 1]))
pictures = inked.filter(lambda some: some.max() > INK_THRESHOLD).map(lambda some: np.pad(some, (9, 12)))


class TestMeasures:
    def test_are_six_and_know_their_names(self):
        assert list(MEASURES) == [measure.name for measure in MEASURES.values()] == NAMES

    def test_of_paper_are_all_zero(self):
        assert measured(image({})) == dict.fromkeys(NAMES, 0)

    def test_of_one_pixel_in_the_center(self):
        # Four 2 × 2 gradients of (½, ½) are its outline; and one pixel would become 20.
        thick = 2 / (4 * 0.5**0.5) * 20
        expected = dict(zip(NAMES, [1 / 784, 0, 1 / 784, thick, 0, 1], strict=True))
        assert measured(image({(14, 14): 1})) == pytest.approx(expected)

    def test_of_solid_ink(self):
        # The middle of 28 pixels is index 13.5: half a pixel off, both ways. The outline is
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

    def test_area_and_aspect_are_those_of_the_box_around_all_but_faint_ink(self):
        corners = {(3, 5): 1, (7, 10): 0.11}  # 5 wide, 6 high
        for faint in ({}, {(27, 27): 0.09}):
            assert area_ratio(image(corners | faint)) == 30 / 784
            assert aspect(image(corners | faint)) == 5 / 6

    def test_of_faint_ink_find_no_box(self):
        faint = image({(3, 3): 0.1, (20, 9): 0.05})
        assert area_ratio(faint) == aspect(faint) == relative_thickness(faint) == 0

    @given(pictures, st.integers(-4, 4), st.integers(-4, 4))
    def test_but_for_the_offset_do_not_change_where_it_lies(self, picture, right, down):
        moved = measured(np.roll(picture, (down, right), axis=(0, 1)))
        expected = measured(picture)
        del moved["center offset"], expected["center offset"]
        assert moved == pytest.approx(expected, rel=1e-9, abs=1e-9)

    @given(pictures)
    def test_turned_by_a_quarter_change_width_and_height(self, picture):
        before, after = measured(picture), measured(np.rot90(picture))
        assert after["aspect"] == pytest.approx(1 / before["aspect"])
        for name in ("stroke density", "area ratio", "thickness"):
            assert after[name] == pytest.approx(before[name])


class TestThickness:
    # The ends of the bar and the box, which is whole pixels, make it differ a little.
    @pytest.mark.parametrize("pen", [PEN_WIDTH, 4, 6])
    @pytest.mark.parametrize("end", [(0.5, 0.8), (0.8, 0.5), (0.8, 0.8)])
    def test_of_a_bar_drawn_small_is_that_of_it_drawn_large(self, pen, end):
        bars = []
        for size in (1, 2, 8):
            bar = rasterize([np.array([(0.2, 0.2), end]) * 28 * size], pen * size, 28 * size)
            bars.append(relative_thickness(bar))
        assert bars == pytest.approx([bars[-1]] * 3, rel=0.12)

    def test_of_a_bar_in_proportion_by_hand(self):
        # 100 long with the pen's round ends and 10 wide: as 20 to 2. The outline of a bar
        # with round ends is 2 · 90 + 10 π, its ink 90 · 10 + 25 π.
        bar = rasterize([np.array([[100.0, 55], [100, 145]])], 10, 200)
        assert relative_thickness(bar) == pytest.approx(
            2 * (900 + 25 * np.pi) / (180 + 10 * np.pi) / 5, rel=0.03
        )

    @pytest.mark.parametrize("digit", DIGITS)
    def test_tells_a_thick_pen_from_a_thin_one_however_large_it_is_drawn(self, digit):
        strokes = check_strokes(DIGITS[digit])
        values = {}
        for size in (0.4, 1):
            for pen in (20, 30, 40):
                small = [stroke * size for stroke in strokes]
                values[size, pen] = relative_thickness(shrink_strokes(small, 500, pen * size, side=112))
        for size in (0.4, 1):
            assert values[size, 20] < values[size, 30] < values[size, 40]
        for pen in (20, 30, 40):
            assert values[0.4, pen] == pytest.approx(values[1, pen], rel=0.06)


class TestSlant:
    @given(st.floats(-0.9, 0.9), st.integers(2, 12), st.lists(st.floats(0.1, 1), min_size=1))
    def test_of_a_leaning_bar_is_its_angle(self, k, rows, weights):
        bar = leaning(k, rows, side=60, weights=weights[:5])
        assert slant(bar) == pytest.approx(np.degrees(np.arctan(k)), abs=1e-6)

    @pytest.mark.parametrize("angle", [-40, -20, 0, 5, 30, 45])
    def test_of_a_stroke_of_a_pen_is_its_angle(self, angle):
        x, y = 45 * np.sin(np.radians(angle)), -45 * np.cos(np.radians(angle))
        stroke = np.array([[56 - x, 56 - y], [56 + x, 56 + y]])  # upwards to the right
        assert slant(rasterize([stroke], 6, 112)) == pytest.approx(angle, abs=0.5)

    def test_by_hand(self):
        # Center of mass (2, 1). μ₁₁ = -1 · 1 + 1 · -1 = -2 and μ₀₂ = 1 + 1 = 2: 45 degrees.
        assert slant(image({(1, 2): 1, (3, 0): 1})) == pytest.approx(45)
        # Twice as high: tan is 2 · 1 · 2 / (2 · 4) = ½.
        assert slant(image({(1, 4): 1, (3, 0): 1})) == pytest.approx(np.degrees(np.arctan(0.5)))

    @given(pictures, st.integers(-2, 2))
    def test_is_what_a_shear_adds_to_it(self, picture, k):
        """Each row moved by k pixels more than the one below it."""
        assume(np.count_nonzero(picture.any(axis=1)) > 1)
        picture = np.pad(picture, ((0, 0), (70, 70)))
        rows = [np.roll(row, -k * y) for y, row in enumerate(picture)]
        before, after = (np.tan(np.radians(slant(some))) for some in (picture, np.stack(rows)))
        assert after - before == pytest.approx(k, abs=1e-6)

    @given(pictures)
    def test_of_a_mirror_image_leans_the_other_way(self, picture):
        assume(np.count_nonzero(picture.any(axis=1)) > 1)
        expected = pytest.approx(-slant(picture), abs=1e-6)
        assert slant(picture[:, ::-1]) == expected
        assert slant(picture[::-1]) == expected

    @given(pictures, st.floats(0.01, 1))
    def test_does_not_depend_on_how_dark_the_ink_is(self, picture, dark):
        assume(np.count_nonzero(picture.any(axis=1)) > 1)
        assert slant(dark * picture) == pytest.approx(slant(picture), abs=1e-6)

    def test_of_what_has_no_height_is_none(self):
        row = np.zeros((28, 28))
        row[8, 4:20] = 1
        assert slant(row) == slant(image({(3, 20): 1})) == 0
        row[8, 4:20] = np.random.default_rng(0).random(16)  # whose mean row is 8 but for rounding
        assert slant(row) == 0


# 0, 1, …, 100 are the quantiles, so that a value is its own percentile.
HUNDRED = np.arange(101.0)


def diagnostic(as_drawn: float, as_read: float, name="slant", digit=7) -> Diagnostic:
    bins = np.full(BINS, 1 / BINS)
    return Diagnostic(name, digit, as_drawn, as_read, Reference(1, 99, HUNDRED, bins, 0, 100))


@pytest.mark.parametrize(
    ("as_drawn", "as_read", "state", "told"),
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
def test_what_was_repaired_is_corrected_and_what_was_not_is_unusual(as_drawn, as_read, state, told):
    found = diagnostic(as_drawn, as_read)
    assert (found.state, found.told) == (state, told)
    assert (found.low, found.high) == (1, 99)


class TestWords:
    @pytest.mark.parametrize(
        ("value", "words"),
        [
            (99.99, "farther right than 99 %"),  # not all
            (98, "farther right than 98 %"),
            (97.99, "farther right than 97 %"),
            (50, "farther right than 50 %"),
            (49.5, "farther left than 50 %"),
            (20, "farther left than 80 %"),
            (1.5, "farther left than 98 %"),
            (0.01, "farther left than 99 %"),
        ],
    )
    def test_round_the_percentage_down(self, value, words):
        assert diagnostic(value, value).words == f"{words} of the training 7s"

    def test_say_all_beyond_the_ends(self):
        assert diagnostic(50, 100.1, digit=3).words == "farther right than all the training 3s"
        assert diagnostic(50, -4).words == "farther left than all the training 7s"

    def test_are_of_the_drawing_where_it_was_repaired_and_else_of_the_tensor(self):
        assert diagnostic(99.5, 30).words == "farther right than 99 % of the training 7s"
        assert diagnostic(99.5, 0.5).words == "farther left than 99 % of the training 7s"

    @pytest.mark.parametrize("name", NAMES)
    def test_are_there_for_every_measure_and_both_sides(self, name):
        measure = MEASURES[name]
        low, high = diagnostic(50, 0.5, name).words, diagnostic(50, 99.5, name).words
        assert low == f"{measure.less} 99 % of the training 7s"
        assert high == f"{measure.more} 99 % of the training 7s"
        assert measure.less != measure.more and measure.unit
        for words in (measure.less, measure.more):
            assert words.endswith(" than") and words[0].islower()

    def test_give_the_share_of_the_training_images_that_have_less(self):
        uneven = Reference(1, 99, np.arange(101.0) ** 2, np.full(BINS, 1 / BINS), 0, 10_000)
        # Half of them lie below 50² = 2,500; of 6,400 to 6,561, the 81st percent, a third.
        for value, percentile in ((2500, 50), (6400 + 161 / 3, 80 + 1 / 3), (-1, 0), (20_000, 100)):
            found = Diagnostic("slant", 7, value, value, uneven)
            assert found.shares == pytest.approx((percentile, 100 - percentile))

    def test_count_those_that_share_the_value_on_neither_side(self):
        # 20 % have 1, then one percent each 2, 3, …, and the last 30 % have 52.
        quantiles = np.clip(np.arange(101) - 19, 1, 52).astype(float)
        shared = Reference(1, 52, quantiles, np.full(BINS, 1 / BINS), 0, 52)
        for value, below, above in ((1, 0, 80), (0.9, 0, 100), (11, 30, 70), (52, 71, 0)):
            assert Diagnostic("slant", 7, value, value, shared).shares == (below, above)
        assert Diagnostic("slant", 7, 52, 52, shared).words.startswith("farther right than 71 %")


class TestAdvice:
    @pytest.mark.parametrize("name", NAMES)
    def test_tells_what_to_do_about_what_is_unusual(self, name):
        measure = MEASURES[name]
        assert diagnostic(50, 50, name).advice == ""
        assert diagnostic(0, 50, name).advice == "Corrected before reading."
        assert diagnostic(50, 0, name).advice == measure.if_less
        assert diagnostic(50, 100, name).advice == measure.if_more

    @pytest.mark.parametrize("name", NAMES)
    def test_is_a_sentence_for_every_measure(self, name):
        for advice in (MEASURES[name].if_less, MEASURES[name].if_more):
            if name == "center offset" and advice == MEASURES[name].if_less:
                assert advice == ""  # it never comes to that
            else:
                assert advice[0].isupper() and advice[-1] == "." and len(advice.split()) >= 3


def train_of(inks: np.ndarray, labels: np.ndarray) -> Split:
    """Images that are inked evenly, each with one of the inks."""
    return Split(np.repeat(inks[:, None], 784, axis=1).astype(np.float32), labels)


class TestMeasuringTrainingData:
    def test_gives_101_quantiles_and_a_histogram_for_each_digit(self):
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

    def test_gives_each_digit_its_own(self):
        labels = np.arange(10)
        result = measure_training_data(train_of(labels / 10, labels))["measures"]
        for digit, found in result["stroke density"]["digits"].items():
            assert found["quantiles"] == pytest.approx([int(digit) / 10] * 101, abs=1e-6)
            assert sum(found["histogram"]) == 1

    def test_leaves_the_outer_thousandths_out_of_the_range_and_in_the_histogram(self):
        inks = np.linspace(0.2, 0.7, 1_100)
        inks[0], inks[-1] = 0, 1  # fewer than a thousandth on each side
        labels = np.arange(1_100) % 10
        density = measure_training_data(train_of(inks, labels))["measures"]["stroke density"]
        assert density["range"] == pytest.approx([0.2, 0.7], abs=2e-3)
        histograms = np.array([found["histogram"] for found in density["digits"].values()])
        assert histograms.shape == (10, BINS)
        assert histograms.sum(axis=1).tolist() == [110] * 10
        assert density["digits"]["0"]["quantiles"][0] == 0


@pytest.fixture(scope="module")
def training(digits) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Every measure of all 50,000 training images, a thousand at a time; and their labels.

    Written differently from `nnlib.diagnostics`, and twenty times as fast.
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
    def test_measures_are_those_of_the_fixture(self, digits, training, name):
        """Of one training image in a hundred; so the next test is about the measures too."""
        some = digits.train.images[::100].reshape(-1, 28, 28)
        values = [MEASURES[name].of(picture) for picture in some]
        np.testing.assert_allclose(training[0][name][::100], values, rtol=1e-4, atol=1e-4)

    @pytest.mark.parametrize("name", NAMES)
    def test_in_the_project_is_what_the_training_images_give(self, training, name):
        values, labels = training[0][name], training[1]
        committed = json.loads(data_path("reference.json").read_text(encoding="utf-8"))
        measure = committed["measures"][name]
        start, end = np.quantile(values, [0.001, 0.999])
        assert measure["range"] == pytest.approx([start, end], rel=1e-4)
        assert list(measure["digits"]) == [str(digit) for digit in range(10)]
        for digit in range(10):
            found, mine = measure["digits"][str(digit)], values[labels == digit]
            expected = np.percentile(mine, np.arange(101))
            np.testing.assert_allclose(found["quantiles"], expected, rtol=1e-4, atol=1e-4)
            assert sum(found["histogram"]) == len(mine)
            # The share below each edge, which rounding may move by a few images.
            below = [np.mean(mine <= edge) for edge in np.linspace(start, end, BINS + 1)[1:-1]]
            strictly = [np.mean(mine < edge) for edge in np.linspace(start, end, BINS + 1)[1:-1]]
            counted = np.cumsum(found["histogram"])[:-1] / len(mine)
            assert (counted <= np.array(below) + 1e-3).all()
            assert (counted >= np.array(strictly) - 1e-3).all()

    @pytest.mark.parametrize("digit", range(10))
    @pytest.mark.parametrize("name", NAMES)
    def test_calls_two_percent_of_each_digit_unusual(self, training, name, digit):
        values = training[0][name][training[1] == digit]
        found = reference(name, digit)
        states = [Diagnostic(name, digit, v, v, found).state for v in values.tolist()]
        outside = np.mean(np.array(states) != "usual")
        # Many images share the value of an end, so that fewer may lie beyond it, or none where
        # the measure has slack.
        near = 1e-5 * (1 + np.abs(values))
        at_low = np.abs(values - found.low) < near
        at_high = (values > found.quantiles[99] - near) & (values <= found.high + near)
        two = 0.01 if name == "center offset" else 0.02  # which cannot be too small
        assert outside <= two + 1e-3
        assert outside + np.mean(at_low | at_high) >= two - 1e-3

    @pytest.mark.parametrize("digit", range(10))
    @pytest.mark.parametrize("name", NAMES)
    def test_holds_the_middle_between_its_quantiles(self, name, digit):
        found = reference(name, digit)
        assert found.quantiles.shape == (101,) and (np.diff(found.quantiles) >= 0).all()
        slack = (21 / 20) ** 2 if name == "area ratio" else 1  # ours touch 21 pixels
        assert found.high == pytest.approx(slack * found.quantiles[99], rel=0.01)
        assert found.low == (0 if name == "center offset" else found.quantiles[1])
        assert found.histogram.shape == (BINS,) and found.histogram.sum() == pytest.approx(1)
        assert found.start < found.quantiles[50] < found.end

    @pytest.mark.parametrize("digit", range(10))
    def test_never_calls_an_offset_too_small(self, digit):
        found = reference("center offset", digit)
        perfect = Diagnostic("center offset", digit, 0, 0, found)
        assert (perfect.state, perfect.advice) == ("usual", "")
        assert perfect.words == f"better centered than all the training {digit}s"


def test_a_diagnosis_measures_both_images_against_the_digits_own_reference():
    drawn, read = image({(2, 2): 1}), image({(14, 12): 1, (14, 16): 1})
    for digit in (1, 8):
        found = diagnose(drawn, read, digit)
        for one, (name, measure) in zip(found, MEASURES.items(), strict=True):
            assert (one.name, one.digit) == (name, digit)
            assert (one.as_drawn, one.as_read) == (measure.of(drawn), measure.of(read))
            assert one.reference is reference(name, digit)


def sheared(digit: int, k: float) -> list[np.ndarray]:
    return [stroke - [k, 0] * stroke[:, 1:] for stroke in check_strokes(DIGITS[digit])]


def stretched(digit: int, x: float) -> list[np.ndarray]:
    return [stroke * [x, 1] for stroke in check_strokes(DIGITS[digit])]


SCRIBBLE = [np.stack([np.linspace(100, 400, 40), 100 + 300.0 * (np.arange(40) % 2)], axis=1)]


@pytest.mark.parametrize(
    ("strokes", "pen", "digit", "name", "words", "advice"),
    [
        (sheared(7, 1.2), PEN_WIDTH, 7, "slant", "farther right", "Draw it more upright."),
        (sheared(7, -1.2), PEN_WIDTH, 7, "slant", "farther left", "Draw it more upright."),
        (stretched(0, 3), PEN_WIDTH, 0, "aspect", "wider", "Draw it narrower, and only one digit."),
        (stretched(0, 0.3), PEN_WIDTH, 0, "aspect", "narrower", "Draw it wider, unless it is a 1."),
        (
            stretched(0, 0.3),
            PEN_WIDTH,
            0,
            "area ratio",
            "a smaller box",
            "Draw it wider, unless it is a 1.",
        ),
        (sheared(3, 0), 7, 3, "thickness", "thicker", "Draw larger, for the pen is thick."),
        (sheared(3, 0), 0.9, 3, "thickness", "thinner", "Draw smaller, for the pen is thin."),
        (SCRIBBLE, PEN_WIDTH, 8, "stroke density", "more ink", "There is much ink"),
        (sheared(3, 0), 0.5, 3, "stroke density", "less ink", "There is little ink"),
    ],
)
def test_says_what_is_unusual_about_a_tensor(strokes, pen, digit, name, words, advice):
    tensor = normalize_strokes(strokes, pen)
    usual = normalize_strokes(check_strokes(DIGITS[digit]))
    found = {one.name: one for one in diagnose(usual, tensor, digit)}[name]
    assert found.state == "unusual"
    assert found.words.startswith(f"{words} than ") and found.advice.startswith(advice)
    assert max(found.shares) > 94  # many narrow digits share their width
    # What was drawn so and is not any more, was corrected.
    found = {one.name: one for one in diagnose(tensor, usual, digit)}[name]
    assert (found.state, found.advice) == ("corrected", "Corrected before reading.")
    assert found.words.startswith(f"{words} than ")


@pytest.mark.parametrize("digit", [0, 2, 3, 5, 6, 8, 9])
def test_a_plain_digit_has_nothing_unusual(digit):
    tensor = normalize_strokes(check_strokes(DIGITS[digit]))
    assert [one.name for one in diagnose(tensor, tensor, digit) if one.state != "usual"] == []
