"""Augmentation: every parameter does what it says, against SciPy, by hand and by properties."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlib.datasets.augmentation import (
    Augmentation,
    BASIS,
    KNOTS,
    adjust_thickness,
    bilinear_sample,
)
from nnlib.preprocessing.mnist_format import center_of_mass
from nnlib.preprocessing.images import stroke_thickness

STILL = Augmentation(rotation=0, shear=0, scale=0, shift=0, warp=0, thickness=0)
Y, X = np.mgrid[:28, :28].reshape(2, -1).astype(np.float32)  # the place of each pixel, as index
INSIDE = (abs(X - 14) < 7) & (abs(Y - 14) < 7)  # pixels that never look beyond the border


def only(**limits) -> Augmentation:
    return replace(STILL, **limits)


def change(augmentation, images, seed=0) -> np.ndarray:
    return augmentation(images, np.random.default_rng(seed))


def looks(augmentation, n: int, seed: int = 0) -> np.ndarray:
    """(2, n, 784): the x and y where n images look, read off pictures that show x and y.

    It is true only where they look inside the image.
    """
    return np.array([27 * change(augmentation, np.tile(p / 27, (n, 1)), seed) for p in (X, Y)])


def bar(width: int = 4, height: int = 16) -> np.ndarray:
    """(784,) an upright bar around (14, 14)."""
    return ((abs(X - 13.5) < width / 2) & (abs(Y - 13.5) < height / 2)).astype(np.float32)


def moments(images) -> np.ndarray:
    """(N, 5): x and y of the center of mass, and the variances of x, of y and of both."""
    ink = images / images.sum(axis=1, keepdims=True)
    x, y = ink @ X, ink @ Y
    dx, dy = X - x[:, None], Y - y[:, None]
    spread = [(ink * product).sum(axis=1) for product in (dx * dx, dy * dy, dx * dy)]
    return np.stack([x, y, *spread], axis=1)


@pytest.fixture(scope="module")
def images(digits):
    """1,000 of MNIST's, which nobody may write to."""
    images = digits.train.images[:1000].copy()
    images.setflags(write=False)
    return images


class TestAugmentation:
    def test_without_limits_changes_nothing_bit_for_bit(self, images):
        changed = change(STILL, images)
        assert changed.dtype == np.float32
        assert changed.tobytes() == images.tobytes()

    @pytest.mark.parametrize("n", [0, 1, 7, 128])
    def test_gives_new_float32_images_of_the_same_shape(self, images, n):
        before = images[:n].tobytes()
        changed = change(Augmentation(), images[:n])
        assert changed.shape == (n, 784) and changed.dtype == np.float32
        assert images[:n].tobytes() == before
        assert not np.shares_memory(changed, images)

    def test_repeats_itself_with_the_same_seed_and_with_no_other(self, images):
        changed = change(Augmentation(), images, seed=5)
        assert change(Augmentation(), images, seed=5).tobytes() == changed.tobytes()
        other = change(Augmentation(), images, seed=6)
        assert (other != changed).any(axis=1).all()

    def test_goes_on_with_its_generator(self, images):
        rng = np.random.default_rng(0)
        first, second = Augmentation()(images, rng), Augmentation()(images, rng)
        assert (first != second).any(axis=1).all()

    def test_changes_each_image_of_a_batch_in_its_own_way(self, images):
        changed = change(Augmentation(), np.tile(images[0], (100, 1)))
        assert len(np.unique(changed, axis=0)) == 100

    def test_of_an_image_does_not_depend_on_its_neighbors(self, images):
        expected = change(Augmentation(), images)[500:600]
        others = np.random.default_rng(1).random(images.shape, np.float32)
        others[500:600] = images[500:600]
        assert change(Augmentation(), others)[500:600].tobytes() == expected.tobytes()

    @given(
        st.builds(
            Augmentation,
            rotation=st.floats(0, 180),
            shear=st.floats(0, 2),
            scale=st.floats(0, 2),
            shift=st.floats(0, 30),
            warp=st.floats(0, 10),
            thickness=st.floats(0, 1),
        ),
        st.integers(0, 2**32),
    )
    def test_never_leaves_0_to_1(self, augmentation, seed):
        noise = np.random.default_rng(seed).random((20, 784)).round().astype(np.float32)
        changed = change(augmentation, noise, seed)
        assert changed.min() >= -1e-6 and changed.max() <= 1 + 1e-6  # false for NaN too

    def test_is_one_affine_lookup_as_scipy_has_it(self, images, ndimage):
        """Where the images look is fitted to pictures of x and y, and SciPy looks there too."""
        augmentation = only(rotation=40, shear=0.3, scale=0.2, shift=3)
        places = looks(augmentation, 50)[:, :, INSIDE]
        terms = np.stack([np.ones(INSIDE.sum()), X[INSIDE], Y[INSIDE]], axis=1)
        changed = change(augmentation, images[:50])
        for i in range(50):
            (x0, xx, xy), (y0, yx, yy) = (
                np.linalg.lstsq(terms, axis, rcond=None)[0] for axis in places[:, i]
            )
            expected = ndimage.affine_transform(
                images[i].reshape(28, 28).astype(np.float64),
                [[yy, yx], [xy, xx]],  # SciPy has y first
                (y0, x0),
                order=1,
                mode="constant",
                prefilter=False,
            )
            np.testing.assert_allclose(changed[i].reshape(28, 28), expected, atol=1e-3)


class TestParameters:
    """Each alone, drawn a thousand times: it reaches its limit and does not go beyond."""

    N = 1000

    def measured(self, **limits) -> np.ndarray:
        return moments(change(only(**limits), np.tile(bar(), (self.N, 1))))

    def test_rotation_turns_by_at_most_so_many_degrees(self):
        _, _, xx, yy, xy = self.measured(rotation=20).T
        angles = np.rad2deg(0.5 * np.arctan2(2 * xy, yy - xx))  # of the bar's longer axis
        assert 19 < angles.max() < 20.2 and -20.2 < angles.min() < -19
        assert abs(angles.mean()) < 1.5
        # And it turns about the center: what is in the middle stays there.
        middle = looks(only(rotation=20), self.N)[:, :, 14 * 28 + 14]
        np.testing.assert_allclose(middle, 14, atol=1e-3)

    def test_shear_slants_by_at_most_so_many_pixels_a_row(self):
        _, y, _, yy, xy = self.measured(shear=0.3).T
        slant = xy / yy
        assert 0.28 < slant.max() < 0.302 and -0.302 < slant.min() < -0.28
        # Rows stay where they are.
        still = moments(bar()[None])[0]
        np.testing.assert_allclose(y, still[1], atol=1e-3)
        np.testing.assert_allclose(yy, still[3], rtol=1e-3)

    def test_scale_is_the_logarithm_of_width_and_height_each_on_its_own(self):
        (x_from, x_to), (y_from, y_to) = (
            looks(only(scale=0.3), self.N)[axis][:, places].T
            for axis, places in (
                (0, [14 * 28 + 10, 14 * 28 + 18]),
                (1, [10 * 28 + 14, 18 * 28 + 14]),
            )
        )
        # Eight pixels of the result come from so many of the image: fewer make it larger.
        width, height = np.log((x_to - x_from) / 8), np.log((y_to - y_from) / 8)
        for size in (width, height):
            assert 0.28 < size.max() < 0.301 and -0.301 < size.min() < -0.28
            assert abs(size.mean()) < 0.03
        assert abs(np.corrcoef(width, height)[0, 1]) < 0.1

    def test_shift_moves_the_center_of_mass_by_at_most_so_many_pixels(self):
        x, y, *_ = self.measured(shift=2.5).T - moments(bar()[None]).T
        for moved in (x, y):
            assert 2.4 < moved.max() < 2.501 and -2.501 < moved.min() < -2.4
        assert abs(np.corrcoef(x, y)[0, 1]) < 0.1

    @pytest.mark.parametrize("warp", [0.5, 1.5])
    def test_warp_is_a_smooth_displacement_of_half_that_standard_deviation(self, warp):
        displaced = looks(only(warp=warp), self.N) - np.array([X, Y])[:, None]
        displaced = displaced[:, :, INSIDE].reshape(2, self.N, 13, 13)
        # Each pixel mixes independent draws, by weights that are known.
        weights = np.sqrt(np.square(BASIS[3:].astype(np.float64)).sum(axis=0))
        assert weights.mean() == pytest.approx(0.5, abs=0.02)
        expected = np.broadcast_to(warp * weights[INSIDE].reshape(13, 13), (2, 13, 13))
        np.testing.assert_allclose(displaced.std(axis=1), expected, rtol=0.12)
        assert abs(displaced.mean()) < 0.03 * warp
        # Neighbors go nearly the same way, and what is a third of the image away does not.
        near = np.corrcoef(displaced[0, :, 6, 6], displaced[0, :, 6, 7])[0, 1]
        far = np.corrcoef(displaced[0, :, 0, 0], displaced[0, :, 12, 12])[0, 1]
        across = np.corrcoef(displaced[0, :, 6, 6], displaced[1, :, 6, 6])[0, 1]
        assert near > 0.97 and abs(far) < 0.15 and abs(across) < 0.1

    def test_thickness_goes_no_further_than_thicken_at_the_limit(self, images):
        amount = np.full(len(images), 0.5, np.float32)
        least, most = adjust_thickness(images, -amount), adjust_thickness(images, amount)
        changed = change(only(thickness=0.5), images)
        assert (changed >= least - 1e-6).all() and (changed <= most + 1e-6).all()
        share = (changed.sum(axis=1) - images.sum(axis=1)) / images.sum(axis=1)
        assert (share > 0.05).mean() > 0.3 and (share < -0.05).mean() > 0.3


class TestInk:
    # The worst of 100,000 (MNIST's training images, twice) were 0.957 and 1.004: a digit
    # that is long and turned or shifted loses some of its ink over the border.
    def test_is_neither_lost_nor_made_where_areas_are_kept(self, images):
        changed = change(only(rotation=12, shear=0.2, shift=0.7), images)
        share = changed.sum(axis=1) / images.sum(axis=1)
        assert share.min() > 0.95 and share.max() < 1.01
        assert share.mean() == pytest.approx(1, abs=1e-3)

    def test_is_kept_by_the_warp_in_the_mean(self, images):
        changed = change(only(rotation=12, shear=0.2, shift=0.7, warp=1), images)
        share = changed.sum(axis=1) / images.sum(axis=1)
        assert share.mean() == pytest.approx(1, abs=0.01)
        assert share.std() > 0.02  # not so in each image


class TestBasis:
    def test_begins_with_1_x_and_y_from_the_center(self):
        np.testing.assert_array_equal(BASIS[:3], [np.ones(784), X - 14, Y - 14])

    def test_ends_with_bumps_that_add_up_to_1(self):
        assert BASIS.shape == (3 + KNOTS**2, 784) and BASIS.dtype == np.float32
        assert BASIS[3:].min() >= 0
        np.testing.assert_allclose(BASIS[3:].sum(axis=0), 1, atol=1e-6)

    def test_has_its_bumps_highest_at_the_knots(self):
        assert BASIS[3:].argmax(axis=1).tolist() == [
            28 * y + x for y in (0, 9, 18, 27) for x in (0, 9, 18, 27)
        ]


class TestLookup:
    def test_at_random_places_is_scipys(self, images, ndimage):
        rng = np.random.default_rng(0)
        noise = rng.random((20, 784), np.float32)
        x, y = rng.uniform(-4, 32, (2, 20, 784)).astype(np.float32)
        result = bilinear_sample(noise, x.copy(), y.copy())
        bordered = np.pad(noise.reshape(-1, 28, 28), ((0, 0), (2, 2), (2, 2))).astype(np.float64)
        expected = [
            ndimage.map_coordinates(b, (v + 2, u + 2), order=1, mode="constant", prefilter=False)
            for b, u, v in zip(bordered, x, y, strict=True)
        ]
        # Right and below, a thousandth of the border's ink is left on the paper beyond.
        np.testing.assert_allclose(result, expected, atol=1.1e-3)
        inside = (x < 27.9) & (y < 27.9)
        np.testing.assert_allclose(result[inside], np.array(expected)[inside], atol=1e-5)

    def test_between_four_pixels_by_hand(self):
        image = np.zeros((28, 28), np.float32)
        image[3, 5], image[3, 6], image[4, 5], image[4, 6] = 0.1, 0.2, 0.4, 0.8
        x, y = np.full((1, 784), 5.25, np.float32), np.full((1, 784), 3.5, np.float32)
        # Above 0.75 · 0.1 + 0.25 · 0.2 = 0.125, below 0.75 · 0.4 + 0.25 · 0.8 = 0.5.
        result = bilinear_sample(image.reshape(1, -1), x, y)
        np.testing.assert_allclose(result, np.full((1, 784), 0.3125), atol=1e-6)

    def test_at_whole_pixels_gives_them_as_they_are(self, images):
        turned = bilinear_sample(images[:10], np.tile(Y, (10, 1)), np.tile(X, (10, 1)))
        expected = images[:10].reshape(-1, 28, 28).transpose(0, 2, 1).reshape(10, 784)
        assert turned.tobytes() == expected.tobytes()

    @pytest.mark.parametrize("away", [-1e9, -40, -1, 28, 40, 1e9])
    def test_beyond_the_border_finds_paper(self, away):
        """To a thousandth, right and below."""
        inked, there = np.ones((1, 784), np.float32), np.full((1, 784), away, np.float32)
        for x, y in ((there, X[None]), (X[None], there), (there, there)):
            assert bilinear_sample(inked, x.copy(), y.copy()).max() <= (0 if away < 0 else 1.1e-3)


class TestThicken:
    def test_at_1_and_minus_1_is_scipys_dilation_and_erosion(self, images, ndimage):
        cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])[None]
        pictures = images[:200].reshape(-1, 28, 28)
        most = ndimage.gray_dilation(pictures, footprint=cross, mode="constant", cval=0)
        least = ndimage.gray_erosion(pictures, footprint=cross, mode="constant", cval=1)
        for amount, expected in ((1, most), (-1, least)):
            thickened = adjust_thickness(images[:200], np.full(200, amount, np.float32))
            np.testing.assert_allclose(thickened, expected.reshape(200, 784), atol=1e-6)

    @pytest.mark.parametrize("amount", [-0.75, -0.25, 0.0, 0.5])
    def test_in_between_mixes(self, images, amount):
        whole = adjust_thickness(images, np.full(len(images), np.sign(amount), np.float32))
        mixed = adjust_thickness(images, np.full(len(images), amount, np.float32))
        expected = (1 - abs(amount)) * images + abs(amount) * whole
        np.testing.assert_allclose(mixed, expected, atol=1e-6)

    @pytest.mark.parametrize(("amount", "width"), [(-1, 2), (0, 4), (1, 6)])
    def test_makes_a_bar_two_pixels_wider_or_narrower(self, amount, width):
        thickened = adjust_thickness(bar(4)[None], np.array([amount], np.float32)).reshape(28, 28)
        across = np.zeros(28)
        across[14 - width // 2 : 14 + width // 2] = 1
        np.testing.assert_array_equal(thickened[14], across)
        # It has width · (12 + width) ink, but for the corners, over an outline of 24 + 4 · width.
        expected = 2 * width * (12 + width) / (24 + 4 * width)
        assert stroke_thickness(thickened) == pytest.approx(expected, rel=0.05)

    def test_changes_the_thickness_of_digits_the_right_way(self, images):
        def measured(amount):
            changed = adjust_thickness(images, np.full(len(images), amount, np.float32))
            return np.array([stroke_thickness(image.reshape(28, 28)) for image in changed])

        thin, same, thick = measured(-0.5), measured(0), measured(0.5)
        assert (thin < same).mean() > 0.99 and (thick > same).mean() > 0.99

    def test_takes_an_amount_for_each_image(self, images):
        changed = adjust_thickness(images[:3], np.array([0, 1, -1], np.float32))
        np.testing.assert_array_equal(changed[0], images[0])
        assert changed[1].sum() > images[1].sum() and changed[2].sum() < images[2].sum()


def test_a_digit_stays_where_it_is_in_the_mean(images):
    """No change pulls digits to one side."""
    changed = change(Augmentation(), images)
    moved = [
        np.subtract(center_of_mass(new.reshape(28, 28)), center_of_mass(old.reshape(28, 28)))
        for new, old in zip(changed, images, strict=True)
    ]
    assert np.abs(np.mean(moved, axis=0)).max() < 0.1
    assert np.abs(moved).max() > 0.5
