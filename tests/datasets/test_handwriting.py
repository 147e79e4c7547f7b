"""Handwriting variants of 1, 4, 7 and 9: how many, how they look, and where their strokes lie."""

import numpy as np
import pytest

from nnlib.datasets.handwriting import (
    FRACTION,
    VARIANTS,
    bar,
    flag,
    foot,
    hook,
    short_stem,
    with_handwriting,
)
from nnlib.datasets.splits import Split
from nnlib.preprocessing.mnist_format import PEN_WIDTH, center_of_mass
from nnlib.preprocessing.strokes import rasterize


@pytest.fixture(scope="module")
def train(digits):
    """8,000 of MNIST's training images; writing to them is an error."""
    train = Split(digits.train.images[:8000].view(), digits.train.labels[:8000].view())
    train.images.setflags(write=False)
    train.labels.setflags(write=False)
    return train


@pytest.fixture(scope="module")
def varied(train):
    return with_handwriting(train)


def changed_images(before: Split, after: Split) -> np.ndarray:
    return (before.images != after.images).any(axis=1)


class TestWithHandwriting:
    def test_changes_half_of_the_1s_4s_7s_and_9s_only(self, train, varied):
        changed = changed_images(train, varied)
        for digit in range(10):
            fraction = changed[train.labels == digit].mean()
            expected = pytest.approx(FRACTION, abs=0.05) if digit in (1, 4, 7, 9) else 0
            assert fraction == expected, digit

    @pytest.mark.parametrize("fraction", [0, 0.2, 1])
    def test_fraction_sets_how_many_images_change(self, train, fraction):
        some = Split(train.images[:1500], train.labels[:1500])
        changed = changed_images(some, with_handwriting(some, fraction))
        has_variant = np.isin(some.labels, (1, 4, 7, 9))
        tolerance = 0.06 if 0 < fraction < 1 else 0
        assert changed[has_variant].mean() == pytest.approx(fraction, abs=tolerance)
        assert not changed[~has_variant].any()

    def test_changed_images_are_centered_with_values_in_range(self, train, varied):
        for image in varied.images[changed_images(train, varied)].reshape(-1, 28, 28):
            assert center_of_mass(image) == pytest.approx((14, 14), abs=0.6)
            assert image.min() >= 0 and image.max() <= 1
        assert varied.images.dtype == np.float32

    def test_labels_and_the_original_images_stay_as_they_were(self, train, varied, digits):
        np.testing.assert_array_equal(varied.labels, train.labels)
        assert not np.shares_memory(varied.images, digits.train.images)

    def test_same_seed_gives_the_same_images_and_another_not(self, train):
        some = Split(train.images[:500], train.labels[:500])
        first, again, other = (with_handwriting(some, seed=seed) for seed in (0, 0, 1))
        assert first.images.tobytes() == again.images.tobytes()
        assert (first.images != other.images).any()
        assert with_handwriting(some).images.tobytes() == first.images.tobytes()


class TestVariants:
    @pytest.mark.parametrize("label", [1, 7, 9])
    def test_added_strokes_never_remove_ink(self, train, label):
        rng = np.random.default_rng(0)
        for image in train.images[train.labels == label][:100].reshape(-1, 28, 28):
            added = VARIANTS[label](image, rng) - image
            assert added.min() == 0 and added.sum() > 0

    def test_added_strokes_are_as_thick_as_the_digit(self):
        added = []
        for pen in (2, 4):
            one = rasterize([np.array([[14.0, 4], [14, 24]])], pen)
            rng = np.random.default_rng(0)
            added.append(sum((VARIANTS[1](one, rng) - one).sum() for _ in range(200)))
        assert added[1] > 1.4 * added[0]


def draw(*strokes) -> np.ndarray:
    return rasterize([np.array(stroke, np.float64) for stroke in strokes], PEN_WIDTH)


ONE = draw([[16, 4], [12, 24]])
FOUR = draw([[12, 4], [9, 15], [19, 15]], [[17, 9], [17, 24]])
SEVEN = draw([[8, 5], [20, 5], [12, 24]])
NINE = draw([[18, 8], [13, 5], [10, 9], [13, 12], [18, 8], [17, 24]])


class TestStrokes:
    """Each stroke, drawn 300 times on a plain digit whose coordinates are known."""

    def draw_many(self, function, image) -> np.ndarray:
        rng = np.random.default_rng(0)
        return np.array([function(image, rng) for _ in range(300)])

    def test_flag_goes_from_the_top_of_a_1_down_to_the_left(self):
        start, end = self.draw_many(flag, ONE).transpose(1, 0, 2)
        np.testing.assert_allclose(start, np.tile([16, 4], (300, 1)), atol=0.6)
        right, down = (end - start).T
        assert (right < 0).all() and (down > 0).all()
        length, angle = np.hypot(right, down), np.rad2deg(np.arctan2(down, -right))
        for values, low, high in ((length, 4, 13), (angle, 20, 70)):
            assert low <= values.min() < low + 0.5 and high - 0.5 < values.max() <= high

    def test_foot_is_a_short_line_at_the_bottom_of_a_1(self):
        left, right = self.draw_many(foot, ONE).transpose(1, 0, 2)
        assert (left[:, 0] <= 12.6).all() and (right[:, 0] >= 11.4).all()
        assert (right[:, 0] - left[:, 0]).max() <= 11
        assert (right[:, 0] - left[:, 0]).std() > 1
        for end in (left, right):  # tilted by at most a pixel up or down
            np.testing.assert_allclose(end[:, 1], 24, atol=1.6)

    def test_bar_crosses_the_stem_of_a_7_near_its_middle(self):
        strokes = self.draw_many(bar, SEVEN)
        left, right = strokes.transpose(1, 0, 2)
        x, y = strokes.mean(axis=1).T
        assert (y - 5 > 0.35 * 19).all() and (y - 5 < 0.75 * 19).all()
        stem = 20 - 8 * (y - 5) / 19
        assert abs(x - stem).max() < 2.2  # up to 1.5 to either side
        assert (left[:, 0] < stem).all() and (stem < right[:, 0]).all()
        half = (right[:, 0] - left[:, 0]) / 2
        assert half.min() >= 2.5 and half.max() <= 7
        assert abs(right[:, 1] - left[:, 1]).max() <= 3  # nearly level

    def test_hook_goes_from_the_end_of_a_9_to_the_left_and_up(self):
        strokes = self.draw_many(hook, NINE)
        np.testing.assert_allclose(strokes[:, 0], np.tile([17, 24], (300, 1)), atol=0.6)
        assert (np.diff(strokes[:, :, 0], axis=1) < 0).all()
        assert (strokes[:, 0, 0] - strokes[:, -1, 0]).min() >= 4
        assert (strokes[:, -1, 1] < strokes[:, 1:, 1].max(axis=1)).all()  # it ends going up
        assert (strokes[:, 1:3, 1].max(axis=1) >= strokes[:, 0, 1] - 1).all()

    def test_short_stem_of_a_4_ends_soon_below_its_crossbar(self):
        for short in self.draw_many(short_stem, FOUR):
            rows = np.flatnonzero((short > 0.5).any(axis=1))
            assert (rows[0], rows[-1]) == pytest.approx((4, 24), abs=1.1)  # as tall as before
            crossbar = short.sum(axis=1).argmax()
            assert crossbar >= 15 and (rows[-1] - crossbar) / 20 <= 0.4  # 0.45 before

    @pytest.mark.parametrize("stroke", [flag, foot, bar, hook])
    def test_every_stroke_is_different(self, stroke):
        assert len(np.unique(self.draw_many(stroke, SEVEN), axis=0)) == 300

    @pytest.mark.parametrize("stroke", [flag, foot, bar, hook])
    def test_strokes_on_a_single_faint_pixel_are_finite(self, stroke):
        dot = np.zeros((28, 28))
        dot[10, 20] = 0.3
        assert np.isfinite(self.draw_many(stroke, dot)).all()
