"""Augmentation: every parameter does what it says, against SciPy, by hand and by properties."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlib.datasets.augmentation import (
    BASIS,
    KNOTS,
    Augmentation,
    adjust_thickness,
    bilinear_sample,
)
from nnlib.preprocessing.images import stroke_thickness
from nnlib.preprocessing.mnist_format import center_of_mass

NOTHING = Augmentation(rotation=0, shear=0, scale=0, shift=0, warp=0, thickness=0)
Y, X = np.mgrid[:28, :28].reshape(2, -1).astype(np.float32)  # the position of each pixel
INSIDE = (abs(X - 14) < 7) & (abs(Y - 14) < 7)  # pixels that are never sampled outside the image


def only(**limits) -> Augmentation:
    return replace(NOTHING, **limits)


def apply(augmentation, images, seed=0) -> np.ndarray:
    return augmentation(images, np.random.default_rng(seed))


def sampling_positions(augmentation, n: int, seed: int = 0) -> np.ndarray:
    """(2, n, 784): the x and y at which the augmentation samples n images.

    Found by augmenting images whose pixels hold their own x and y. Valid only inside the image.
    """
    return np.array([27 * apply(augmentation, np.tile(p / 27, (n, 1)), seed) for p in (X, Y)])


def draw_bar(width: int = 4, height: int = 16) -> np.ndarray:
    """(784,) an upright bar, with its middle between the pixels 13 and 14."""
    return ((abs(X - 13.5) < width / 2) & (abs(Y - 13.5) < height / 2)).astype(np.float32)


def moments(images) -> np.ndarray:
    """(N, 5): x and y of the center of mass, the variances of x and y, and their covariance."""
    ink = images / images.sum(axis=1, keepdims=True)
    x, y = ink @ X, ink @ Y
    dx, dy = X - x[:, None], Y - y[:, None]
    spread = [(ink * product).sum(axis=1) for product in (dx * dx, dy * dy, dx * dy)]
    return np.stack([x, y, *spread], axis=1)


@pytest.fixture(scope="module")
def images(digits):
    """1,000 of MNIST's training images; writing to them is an error."""
    images = digits.train.images[:1000].copy()
    images.setflags(write=False)
    return images


class TestAugmentation:
    def test_without_changes_returns_the_same_bits(self, images):
        result = apply(NOTHING, images)
        assert result.dtype == np.float32
        assert result.tobytes() == images.tobytes()

    @pytest.mark.parametrize("n", [0, 1, 7, 128])
    def test_returns_new_float32_images_of_the_same_shape(self, images, n):
        before = images[:n].tobytes()
        result = apply(Augmentation(), images[:n])
        assert result.shape == (n, 784) and result.dtype == np.float32
        assert images[:n].tobytes() == before
        assert not np.shares_memory(result, images)

    def test_same_seed_gives_the_same_images_and_another_not(self, images):
        result = apply(Augmentation(), images, seed=5)
        assert apply(Augmentation(), images, seed=5).tobytes() == result.tobytes()
        other = apply(Augmentation(), images, seed=6)
        assert (other != result).any(axis=1).all()

    def test_second_call_with_the_same_generator_differs(self, images):
        rng = np.random.default_rng(0)
        first, second = Augmentation()(images, rng), Augmentation()(images, rng)
        assert (first != second).any(axis=1).all()

    def test_copies_of_one_image_are_changed_differently(self, images):
        result = apply(Augmentation(), np.tile(images[0], (100, 1)))
        assert len(np.unique(result, axis=0)) == 100

    def test_other_images_in_the_batch_do_not_matter(self, images):
        expected = apply(Augmentation(), images)[500:600]
        others = np.random.default_rng(1).random(images.shape, np.float32)
        others[500:600] = images[500:600]
        assert apply(Augmentation(), others)[500:600].tobytes() == expected.tobytes()

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
    def test_values_stay_from_0_to_1(self, augmentation, seed):
        noise = np.random.default_rng(seed).random((20, 784)).round().astype(np.float32)
        result = apply(augmentation, noise, seed)
        assert result.min() >= -1e-6 and result.max() <= 1 + 1e-6  # false for NaN too

    def test_affine_changes_equal_scipy_affine_transform(self, images, ndimage):
        # The affine transform of each image is fitted to its sampling positions.
        augmentation = only(rotation=40, shear=0.3, scale=0.2, shift=3)
        positions = sampling_positions(augmentation, 50)[:, :, INSIDE]
        terms = np.stack([np.ones(INSIDE.sum()), X[INSIDE], Y[INSIDE]], axis=1)
        result = apply(augmentation, images[:50])
        for i in range(50):
            (x0, xx, xy), (y0, yx, yy) = (
                np.linalg.lstsq(terms, axis, rcond=None)[0] for axis in positions[:, i]
            )
            expected = ndimage.affine_transform(
                images[i].reshape(28, 28).astype(np.float64),
                [[yy, yx], [xy, xx]],  # SciPy has y first
                (y0, x0),
                order=1,
                mode="constant",
                prefilter=False,
            )
            np.testing.assert_allclose(result[i].reshape(28, 28), expected, atol=1e-3)

    def test_digits_are_not_moved_to_one_side_on_average(self, images):
        result = apply(Augmentation(), images)
        moved = [
            np.subtract(center_of_mass(new.reshape(28, 28)), center_of_mass(old.reshape(28, 28)))
            for new, old in zip(result, images, strict=True)
        ]
        assert np.abs(np.mean(moved, axis=0)).max() < 0.1
        assert np.abs(moved).max() > 0.5


class TestParameters:
    """Each parameter alone, drawn 1,000 times: it comes near its limit and stays within."""

    N = 1000

    def bar_moments(self, **limits) -> np.ndarray:
        return moments(apply(only(**limits), np.tile(draw_bar(), (self.N, 1))))

    def test_rotation_is_at_most_its_limit_in_degrees(self):
        _, _, xx, yy, xy = self.bar_moments(rotation=20).T
        angles = np.rad2deg(0.5 * np.arctan2(2 * xy, yy - xx))  # of the bar's longer axis
        assert 19 < angles.max() < 20.2 and -20.2 < angles.min() < -19
        assert abs(angles.mean()) < 1.5

    def test_rotation_is_about_the_center(self):
        middle = sampling_positions(only(rotation=20), self.N)[:, :, 14 * 28 + 14]
        np.testing.assert_allclose(middle, 14, atol=1e-3)

    def test_shear_moves_rows_sideways_by_at_most_its_limit(self):
        _, y, _, yy, xy = self.bar_moments(shear=0.3).T
        slant = xy / yy
        assert 0.28 < slant.max() < 0.302 and -0.302 < slant.min() < -0.28
        # No row moves up or down.
        before = moments(draw_bar()[None])[0]
        np.testing.assert_allclose(y, before[1], atol=1e-3)
        np.testing.assert_allclose(yy, before[3], rtol=1e-3)

    def test_scale_is_the_logarithm_of_width_and_of_height(self):
        x, y = sampling_positions(only(scale=0.3), self.N)
        # Eight pixels of the result are sampled from this many of the image.
        width = np.log((x[:, 14 * 28 + 18] - x[:, 14 * 28 + 10]) / 8)
        height = np.log((y[:, 18 * 28 + 14] - y[:, 10 * 28 + 14]) / 8)
        for size in (width, height):
            assert 0.28 < size.max() < 0.301 and -0.301 < size.min() < -0.28
            assert abs(size.mean()) < 0.03
        assert abs(np.corrcoef(width, height)[0, 1]) < 0.1

    def test_shift_moves_the_center_of_mass_by_at_most_its_limit(self):
        x, y, *_ = self.bar_moments(shift=2.5).T - moments(draw_bar()[None]).T
        for moved in (x, y):
            assert 2.4 < moved.max() < 2.501 and -2.501 < moved.min() < -2.4
        assert abs(np.corrcoef(x, y)[0, 1]) < 0.1

    @pytest.mark.parametrize("warp", [0.5, 1.5])
    def test_warp_displaces_smoothly_by_half_its_value(self, warp):
        displaced = sampling_positions(only(warp=warp), self.N) - np.array([X, Y])[:, None]
        displaced = displaced[:, :, INSIDE].reshape(2, self.N, 13, 13)
        # Each displacement is a sum of independent normal numbers, weighted by the bumps.
        weights = np.sqrt(np.square(BASIS[3:].astype(np.float64)).sum(axis=0))
        assert weights.mean() == pytest.approx(0.5, abs=0.02)
        expected = np.broadcast_to(warp * weights[INSIDE].reshape(13, 13), (2, 13, 13))
        np.testing.assert_allclose(displaced.std(axis=1), expected, rtol=0.12)
        assert abs(displaced.mean()) < 0.03 * warp
        # Neighbors move almost alike; pixels that are far apart, and x and y, do not.
        near = np.corrcoef(displaced[0, :, 6, 6], displaced[0, :, 6, 7])[0, 1]
        far = np.corrcoef(displaced[0, :, 0, 0], displaced[0, :, 12, 12])[0, 1]
        across = np.corrcoef(displaced[0, :, 6, 6], displaced[1, :, 6, 6])[0, 1]
        assert near > 0.97 and abs(far) < 0.15 and abs(across) < 0.1

    def test_thickness_stays_within_adjust_thickness_at_its_limit(self, images):
        amount = np.full(len(images), 0.5, np.float32)
        least, most = adjust_thickness(images, -amount), adjust_thickness(images, amount)
        result = apply(only(thickness=0.5), images)
        assert (result >= least - 1e-6).all() and (result <= most + 1e-6).all()
        change = (result.sum(axis=1) - images.sum(axis=1)) / images.sum(axis=1)
        assert (change > 0.05).mean() > 0.3 and (change < -0.05).mean() > 0.3


class TestAmountOfInk:
    def test_is_kept_by_rotation_shear_and_shift(self, images):
        result = apply(only(rotation=12, shear=0.2, shift=0.7), images)
        ratio = result.sum(axis=1) / images.sum(axis=1)
        # Among 100,000 images (MNIST's training images, twice) the ratios were from 0.957 to
        # 1.004: a long digit that is rotated or shifted loses some ink over the border.
        assert ratio.min() > 0.95 and ratio.max() < 1.01
        assert ratio.mean() == pytest.approx(1, abs=1e-3)

    def test_is_kept_by_the_warp_on_average(self, images):
        result = apply(only(rotation=12, shear=0.2, shift=0.7, warp=1), images)
        ratio = result.sum(axis=1) / images.sum(axis=1)
        assert ratio.mean() == pytest.approx(1, abs=0.01)
        assert ratio.std() > 0.02  # but not in each image


class TestBasis:
    def test_begins_with_1_x_and_y_from_the_center(self):
        np.testing.assert_array_equal(BASIS[:3], [np.ones(784), X - 14, Y - 14])

    def test_bumps_add_up_to_1(self):
        assert BASIS.shape == (3 + KNOTS**2, 784) and BASIS.dtype == np.float32
        assert BASIS[3:].min() >= 0
        np.testing.assert_allclose(BASIS[3:].sum(axis=0), 1, atol=1e-6)

    def test_bumps_have_their_maximum_at_the_knots(self):
        assert BASIS[3:].argmax(axis=1).tolist() == [
            28 * y + x for y in (0, 9, 18, 27) for x in (0, 9, 18, 27)
        ]


class TestBilinearSample:
    def test_at_random_positions_equals_scipy(self, ndimage):
        rng = np.random.default_rng(0)
        noise = rng.random((20, 784), np.float32)
        x, y = rng.uniform(-4, 32, (2, 20, 784)).astype(np.float32)
        result = bilinear_sample(noise, x, y)
        bordered = np.pad(noise.reshape(-1, 28, 28), ((0, 0), (2, 2), (2, 2))).astype(np.float64)
        expected = [
            ndimage.map_coordinates(b, (v + 2, u + 2), order=1, mode="constant", prefilter=False)
            for b, u, v in zip(bordered, x, y, strict=True)
        ]
        # Beyond the right and lower borders, a thousandth of the border's ink is left.
        np.testing.assert_allclose(result, expected, atol=1.1e-3)
        inside = (x < 27.9) & (y < 27.9)
        np.testing.assert_allclose(result[inside], np.array(expected)[inside], atol=1e-5)

    def test_between_four_pixels_matches_hand_calculation(self):
        image = np.zeros((28, 28), np.float32)
        image[3, 5], image[3, 6], image[4, 5], image[4, 6] = 0.1, 0.2, 0.4, 0.8
        x, y = np.full((1, 784), 5.25, np.float32), np.full((1, 784), 3.5, np.float32)
        # Above 0.75 · 0.1 + 0.25 · 0.2 = 0.125, below 0.75 · 0.4 + 0.25 · 0.8 = 0.5.
        result = bilinear_sample(image.reshape(1, -1), x, y)
        np.testing.assert_allclose(result, np.full((1, 784), 0.3125), atol=1e-6)

    def test_at_whole_pixels_returns_them_bit_for_bit(self, images):
        transposed = bilinear_sample(images[:10], np.tile(Y, (10, 1)), np.tile(X, (10, 1)))
        expected = images[:10].reshape(-1, 28, 28).transpose(0, 2, 1).reshape(10, 784)
        assert transposed.tobytes() == expected.tobytes()

    @pytest.mark.parametrize("outside", [-1e9, -40, -1, 28, 40, 1e9])
    def test_outside_the_image_is_paper(self, outside):
        inked = np.ones((1, 784), np.float32)
        position = np.full((1, 784), outside, np.float32)
        # Beyond the right and lower borders, a thousandth of the border's ink is left.
        tolerance = 0 if outside < 0 else 1.1e-3
        for x, y in ((position, X[None]), (X[None], position), (position, position)):
            assert bilinear_sample(inked, x, y).max() <= tolerance

    def test_does_not_write_to_its_arguments(self):
        rng = np.random.default_rng(0)
        arguments = rng.random((3, 5, 784), np.float32) * 20
        before = arguments.copy()
        bilinear_sample(*arguments)
        np.testing.assert_array_equal(arguments, before)


class TestAdjustThickness:
    def test_limits_equal_scipy_dilation_and_erosion(self, images, ndimage):
        cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])[None]
        batch = images[:200].reshape(-1, 28, 28)
        most = ndimage.grey_dilation(batch, footprint=cross, mode="constant", cval=0)
        least = ndimage.grey_erosion(batch, footprint=cross, mode="constant", cval=1)
        for amount, expected in ((1, most), (-1, least)):
            result = adjust_thickness(images[:200], np.full(200, amount, np.float32))
            np.testing.assert_allclose(result, expected.reshape(200, 784), atol=1e-6)

    @pytest.mark.parametrize("amount", [-0.75, -0.25, 0.0, 0.5])
    def test_amounts_in_between_blend_linearly(self, images, amount):
        limit = adjust_thickness(images, np.full(len(images), np.sign(amount), np.float32))
        result = adjust_thickness(images, np.full(len(images), amount, np.float32))
        expected = (1 - abs(amount)) * images + abs(amount) * limit
        np.testing.assert_allclose(result, expected, atol=1e-6)

    @pytest.mark.parametrize(("amount", "width"), [(-1, 2), (0, 4), (1, 6)])
    def test_bar_becomes_two_pixels_wider_or_narrower(self, amount, width):
        result = adjust_thickness(draw_bar(4)[None], np.array([amount], np.float32))
        result = result.reshape(28, 28)
        across = np.zeros(28)
        across[14 - width // 2 : 14 + width // 2] = 1
        np.testing.assert_array_equal(result[14], across)
        # Without its corners it has width · (12 + width) ink, and an outline of 24 + 4 · width.
        expected = 2 * width * (12 + width) / (24 + 4 * width)
        assert stroke_thickness(result) == pytest.approx(expected, rel=0.05)

    def test_digits_become_thicker_above_0_and_thinner_below(self, images):
        def thicknesses(amount):
            result = adjust_thickness(images, np.full(len(images), amount, np.float32))
            return np.array([stroke_thickness(image.reshape(28, 28)) for image in result])

        thin, same, thick = thicknesses(-0.5), thicknesses(0), thicknesses(0.5)
        assert (thin < same).mean() > 0.99 and (thick > same).mean() > 0.99

    def test_every_image_has_its_own_amount(self, images):
        result = adjust_thickness(images[:3], np.array([0, 1, -1], np.float32))
        np.testing.assert_array_equal(result[0], images[0])
        assert result[1].sum() > images[1].sum() and result[2].sum() < images[2].sum()
