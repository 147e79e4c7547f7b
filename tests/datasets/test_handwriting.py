"""Other hands: the digits of optdigits, and 1s, 4s, 7s and 9s as they are written elsewhere."""

import numpy as np
import pytest

from nnlib import hands
from nnlib.datasets.splits import DataError, Split
from nnlib.preprocessing.mnist_format import INK_THRESHOLD, PEN_WIDTH, center_of_mass
from nnlib.preprocessing.strokes import rasterize
from nnlib.files import data_path
from nnlib.datasets.handwriting import (
    FRACTION,
    VARIANTS,
    bar,
    flag,
    foot,
    hook,
    more_hands,
    short_stem,
    with_handwriting,
)
from nnlib.datasets.optdigits import N_COPIES, load_optdigits, with_optdigits


@pytest.fixture(scope="module")
def optdigits():
    return load_optdigits()


@pytest.fixture(scope="module")
def train(digits):
    """MNIST's training images, which nobody may write to."""
    train = Split(digits.train.images.view(), digits.train.labels.view())
    train.images.setflags(write=False)
    train.labels.setflags(write=False)
    return train


@pytest.fixture(scope="module")
def habits(train):
    return with_handwriting(train)


class TestOptdigits:
    def test_are_1797_images_like_mnists(self, optdigits):
        assert optdigits.images.shape == (1797, 784) and optdigits.images.dtype == np.float32
        assert optdigits.labels.shape == (1797,) and optdigits.labels.dtype == np.int64
        assert optdigits.images.min() == 0 and optdigits.images.max() <= 1
        assert (optdigits.images.max(axis=1) > 0.9).all()
        assert np.bincount(optdigits.labels).min() > 170

    def test_are_those_of_scikit_learn(self, optdigits):
        datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
        theirs = datasets.load_digits()
        np.testing.assert_array_equal(optdigits.labels, theirs.target)
        # Rows and columns that are dark in their blocks are dark in our enlarged ones.
        alike = []
        for i in range(0, 1797, 60):
            blocks = theirs.images[i][:, theirs.images[i].any(axis=0)]
            blocks = blocks[blocks.any(axis=1)]
            ours = optdigits.images[i].reshape(28, 28)
            ours = ours[(ours > INK_THRESHOLD).any(axis=1)][:, (ours > INK_THRESHOLD).any(axis=0)]
            for axis in (0, 1):
                large, small = ours.mean(axis=axis), blocks.mean(axis=axis)
                places = (np.arange(len(small)) + 0.5) * len(large) / len(small) - 0.5
                seen = np.interp(places, np.arange(len(large)), large)
                alike.append(np.corrcoef(seen, small)[0, 1])
        assert np.mean(alike) > 0.9 and np.min(alike) > 0.5

    def test_fill_the_box_with_their_center_of_mass_at_14_14(self, optdigits):
        for image in optdigits.images.reshape(-1, 28, 28):
            assert center_of_mass(image) == pytest.approx((14, 14), abs=0.05)
            sides = [np.ptp(np.flatnonzero((image > INK_THRESHOLD).any(axis=axis))) + 1 for axis in (0, 1)]
            assert 19 <= max(sides) <= 21  # 20, and a pixel that is only touched

    def test_are_upright_and_not_mirrored(self, optdigits, deep):
        """A network that knows MNIST reads most of them so, and few any other way round."""

        def right(images):
            answers = deep.network.predict(np.ascontiguousarray(images).reshape(-1, 784))
            return np.mean(answers == optdigits.labels)

        images = optdigits.images.reshape(-1, 28, 28)
        assert right(images) > 0.88
        for wrong in (images[:, :, ::-1], images[:, ::-1], images.transpose(0, 2, 1)):
            assert right(wrong) < 0.5

    def test_that_are_missing_are_told_with_the_remedy(self, tmp_path, monkeypatch):
        monkeypatch.setattr(hands, "data_path", lambda *parts: tmp_path.joinpath(*parts))
        with pytest.raises(DataError, match=r"digits\.csv\.gz is missing\. Restore it: git check"):
            load_optdigits()

    @pytest.mark.parametrize("place", [0, 4, 3000, -1])
    def test_that_are_damaged_are_told_with_the_remedy(self, tmp_path, monkeypatch, place):
        damaged = bytearray(data_path("optdigits", "digits.csv.gz").read_bytes())
        damaged[place] ^= 1
        (tmp_path / "optdigits").mkdir()
        (tmp_path / "optdigits" / "digits.csv.gz").write_bytes(damaged)
        monkeypatch.setattr(hands, "data_path", lambda *parts: tmp_path.joinpath(*parts))
        with pytest.raises(DataError, match=r"digits\.csv\.gz is damaged\. Restore it: git check"):
            load_optdigits()


class TestHabits:
    def test_are_given_to_a_share_of_the_1s_4s_7s_and_9s_alone(self, train, habits):
        changed = (habits.images != train.images).any(axis=1)
        for digit in range(10):
            share = changed[train.labels == digit].mean()
            expected = pytest.approx(FRACTION, abs=0.02) if digit in VARIANTS else 0
            assert share == expected, digit

    def test_end_as_every_image_does_with_their_center_of_mass_at_14_14(self, train, habits):
        changed = (habits.images != train.images).any(axis=1)
        for image in habits.images[changed].reshape(-1, 28, 28):
            assert center_of_mass(image) == pytest.approx((14, 14), abs=0.6)
            assert image.min() >= 0 and image.max() <= 1
        assert habits.images.dtype == np.float32

    @pytest.mark.parametrize("label", [1, 7, 9])
    def test_that_are_strokes_only_ever_add_ink(self, train, label):
        rng = np.random.default_rng(0)
        for image in train.images[train.labels == label][:100].reshape(-1, 28, 28):
            added = VARIANTS[label](image, rng) - image
            assert added.min() == 0 and added.sum() > 0

    def test_leave_labels_and_originals_alone(self, train, habits, digits):
        np.testing.assert_array_equal(habits.labels, train.labels)
        assert not np.shares_memory(habits.images, digits.train.images)

    def test_are_the_same_each_time_and_others_with_another_seed(self, train, habits):
        some = Split(train.images[:2000], train.labels[:2000])
        first, again, other = with_handwriting(some), with_handwriting(some), with_handwriting(some, seed=1)
        assert first.images.tobytes() == again.images.tobytes()
        assert (first.images != other.images).any()

    def test_are_as_thick_as_the_digit(self):
        """A thicker 1 gets a thicker flag and foot."""
        added = []
        for pen in (2, 4):
            one = rasterize([np.array([[14.0, 4], [14, 24]])], pen)
            rng = np.random.default_rng(0)
            added.append(sum((VARIANTS[1](one, rng) - one).sum() for _ in range(200)))
        assert added[1] > 1.4 * added[0]


def picture(*strokes) -> np.ndarray:
    return rasterize([np.array(stroke, np.float64) for stroke in strokes], PEN_WIDTH)


ONE = picture([[16, 4], [12, 24]])
SEVEN = picture([[8, 5], [20, 5], [12, 24]])
NINE = picture([[18, 8], [13, 5], [10, 9], [13, 12], [18, 8], [17, 24]])


class TestAHabit:
    """Each is drawn 300 times on a plain digit, whose pen went where we know."""

    def drawn(self, habit, image) -> np.ndarray:
        rng = np.random.default_rng(0)
        return np.array([habit(image, rng) for _ in range(300)])

    def test_the_flag_goes_from_the_top_of_a_1_down_to_the_left(self):
        start, end = self.drawn(flag, ONE).transpose(1, 0, 2)
        np.testing.assert_allclose(start, np.tile([16, 4], (300, 1)), atol=0.6)
        right, down = (end - start).T
        assert (right < 0).all() and (down > 0).all()
        length, angle = np.hypot(right, down), np.rad2deg(np.arctan2(down, -right))
        for values, low, high in ((length, 4, 13), (angle, 20, 70)):
            assert low <= values.min() < low + 0.5 and high - 0.5 < values.max() <= high

    def test_the_foot_is_a_short_line_below_a_1(self):
        left, right = self.drawn(foot, ONE).transpose(1, 0, 2)
        assert (left[:, 0] <= 12.6).all() and (right[:, 0] >= 11.4).all()
        assert (right[:, 0] - left[:, 0]).max() <= 11
        assert (right[:, 0] - left[:, 0]).std() > 1
        for end in (left, right):  # tilted by at most a pixel each way
            np.testing.assert_allclose(end[:, 1], 24, atol=1.6)

    def test_the_bar_crosses_the_stem_of_a_7_near_its_middle(self):
        strokes = self.drawn(bar, SEVEN)
        left, right = strokes.transpose(1, 0, 2)
        x, y = strokes.mean(axis=1).T
        assert (y - 5 > 0.35 * 19).all() and (y - 5 < 0.75 * 19).all()
        stem = 20 - 8 * (y - 5) / 19
        assert abs(x - stem).max() < 2.2  # up to 1.5 to either side
        assert (left[:, 0] < stem).all() and (stem < right[:, 0]).all()
        half = (right[:, 0] - left[:, 0]) / 2
        assert half.min() >= 2.5 and half.max() <= 7
        assert abs(right[:, 1] - left[:, 1]).max() <= 3  # nearly level

    def test_the_hook_goes_from_the_end_of_a_9_to_the_left_and_up(self):
        strokes = self.drawn(hook, NINE)
        np.testing.assert_allclose(strokes[:, 0], np.tile([17, 24], (300, 1)), atol=0.6)
        assert (np.diff(strokes[:, :, 0], axis=1) < 0).all()
        assert (strokes[:, 0, 0] - strokes[:, -1, 0]).min() >= 4
        assert (strokes[:, -1, 1] < strokes[:, 1:, 1].max(axis=1)).all()  # it ends going up
        assert (strokes[:, 1:3, 1].max(axis=1) >= strokes[:, 0, 1] - 1).all()

    def test_a_4_is_shortened_to_a_stem_that_ends_below_its_crossbar(self):
        four = picture([[12, 4], [9, 15], [19, 15]], [[17, 9], [17, 24]])
        for short in self.drawn(short_stem, four):
            rows = np.flatnonzero((short > 0.5).any(axis=1))
            assert (rows[0], rows[-1]) == pytest.approx((4, 24), abs=1.1)  # as tall as before
            crossbar = short.sum(axis=1).argmax()
            assert crossbar >= 15 and (rows[-1] - crossbar) / 20 <= 0.4  # of 0.45 before

    @pytest.mark.parametrize("habit", [flag, foot, bar, hook])
    def test_is_another_each_time(self, habit):
        assert len(np.unique(self.drawn(habit, SEVEN), axis=0)) == 300

    @pytest.mark.parametrize("habit", [flag, foot, bar, hook])
    def test_is_found_a_place_on_a_dot_too(self, habit):
        dot = np.zeros((28, 28))
        dot[10, 20] = 0.3
        assert np.isfinite(self.drawn(habit, dot)).all()


class TestTogether:
    @pytest.fixture
    def few(self, train, monkeypatch):
        """100 of MNIST's, and optdigits of three."""
        others = Split(np.eye(3, 784, dtype=np.float32), np.array([4, 5, 6]))
        monkeypatch.setattr(hands, "load_optdigits", lambda: others)
        return Split(train.images[:100], train.labels[:100]), others

    def test_optdigits_stand_behind_the_images_several_times(self, few):
        mnist, others = few
        both = with_optdigits(mnist)
        assert len(both) == len(both.images) == 100 + 3 * N_COPIES
        np.testing.assert_array_equal(both.images[:100], mnist.images)
        np.testing.assert_array_equal(both.labels[:100], mnist.labels)
        np.testing.assert_array_equal(both.images[100:], np.tile(others.images, (N_COPIES, 1)))
        np.testing.assert_array_equal(both.labels[100:], [4, 5, 6] * N_COPIES)
        assert both.images.dtype == np.float32 and both.labels.dtype == np.int64

    def test_more_hands_are_habits_and_optdigits(self, few):
        mnist, _ = few
        both, expected = more_hands(mnist), with_optdigits(with_handwriting(mnist))
        assert both.images.tobytes() == expected.images.tobytes()
        np.testing.assert_array_equal(both.labels, expected.labels)
        assert (both.images[:100] != mnist.images).any()
        assert len(both) > len(mnist)
