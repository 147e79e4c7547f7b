"""From strokes to 28×28: compared with a brute-force rasterizer, and by properties."""

import numpy as np
import pytest
from helpers import DIGITS, extent, ink_size, some_strokes
from hypothesis import assume, given
from hypothesis import strategies as st

from nnlib.preprocessing.drawing import CANVAS_SIDE, DrawingError, check_strokes
from nnlib.preprocessing.mnist_format import BOX, PEN_WIDTH, center_of_mass
from nnlib.preprocessing.strokes import (
    bounds,
    center_strokes,
    normalize_strokes,
    rasterize,
    shrink_strokes,
)


def brute_force(strokes, pen, side=28, n=16) -> np.ndarray:
    """For each pixel, the fraction of its n×n points within pen / 2 of any segment."""
    places = (np.arange(side * n) + 0.5) / n - 0.5
    x, y = np.meshgrid(places, places)
    inked = np.zeros(x.shape, bool)
    for stroke in strokes:
        for a, b in zip(stroke, stroke[1:] if len(stroke) > 1 else stroke, strict=False):
            dx, dy = b[0] - a[0], b[1] - a[1]
            along = ((x - a[0]) * dx + (y - a[1]) * dy) / (dx * dx + dy * dy or 1)
            along = np.clip(along, 0, 1)
            away = np.hypot(a[0] + along * dx - x, a[1] + along * dy - y)
            inked |= away <= pen / 2
    return inked.reshape(side, n, side, n).mean(axis=(1, 3))


def line(*points) -> np.ndarray:
    return np.array(points, np.float64)


def curve(x, y) -> np.ndarray:
    t = np.linspace(0, 2 * np.pi, 40)
    return np.stack([14 + x(t), 14 + y(t)], axis=1)


def on_grid(strokes) -> list[np.ndarray]:
    """Strokes on the canvas, scaled to fit on 28×28 pixels."""
    return [np.array(stroke) / 18 for stroke in strokes]


SIMPLE = {
    "dot on a pixel": [line([14, 14])],
    "dot between pixels": [line([14.5, 13.5])],
    "horizontal": [line([4, 10], [24, 10])],
    "vertical between pixels": [line([10.3, 4], [10.3, 24])],
    "at 20 degrees": [line([4, 8], [24, 15.28])],
    "at 45 degrees": [line([5, 5.7], [23, 23.7])],
    "at 70 degrees": [line([9, 3], [16.28, 23])],
    "over the edge": [line([-3, 0], [30, 27.2])],
    "circle": [curve(lambda t: 8 * np.cos(t), lambda t: 8 * np.sin(t))],
    "curl": [curve(lambda t: 2 * np.cos(t), lambda t: 2 * np.sin(t))],
}
CROWDED = {  # a pixel is near several parts of the pen's path
    "figure of eight": [curve(lambda t: 5 * np.sin(2 * t), lambda t: 9 * np.cos(t))],
    "cross": [line([5, 5], [23, 23]), line([5, 23], [23, 5])],
    "corner": [line([6, 6], [20, 6], [10, 23])],
    "fold": [line([6, 6], [20, 8], [6, 10])],
    "side by side": [line([5, 10], [22, 10]), line([5, 12], [22, 12])],
}


class TestRasterize:
    # The tolerances: the mean error over the pixels with ink, and the largest error in simple
    # and in crowded drawings. `rasterize` uses only the distance of the nearest segment, not
    # its direction or what lies beyond it. So a diagonal is a little off, the dot of a thin
    # pen is much too dark, and a pixel that two segments share gets only the nearer one's ink.
    @pytest.mark.parametrize(
        ("pen", "mean", "largest", "largest_crowded"),
        [
            (0.3, 0.07, 0.25, 0.40),
            (1, 0.06, 0.20, 0.45),
            (PEN_WIDTH, 0.07, 0.08, 0.45),
            (5, 0.015, 0.07, 0.25),
        ],
    )
    def test_is_close_to_brute_force(self, pen, mean, largest, largest_crowded):
        for drawings, tolerance in ((SIMPLE, largest), (CROWDED, largest_crowded)):
            for name, strokes in drawings.items():
                image, expected = rasterize(strokes, pen), brute_force(strokes, pen)
                assert np.abs(image - expected).max() <= tolerance, name
                if "dot" not in name:
                    inked = (image > 0) | (expected > 0)
                    assert np.abs(image - expected)[inked].mean() <= mean, name
                    assert image.sum() == pytest.approx(expected.sum(), rel=0.3), name

    @pytest.mark.parametrize("pen", [0.3, 1, PEN_WIDTH, 5])
    @pytest.mark.parametrize("y", [10, 10.25, 10.5])
    def test_is_exact_along_horizontal_and_vertical_strokes(self, pen, y):
        rows = np.arange(28)
        top, bottom = np.maximum(rows - 0.5, y - pen / 2), np.minimum(rows + 0.5, y + pen / 2)
        expected = np.maximum(bottom - top, 0)
        across_horizontal = rasterize([line([4, y], [24, y])], pen)[:, 14]
        np.testing.assert_allclose(across_horizontal, expected, atol=1e-12)
        across_vertical = rasterize([line([y, 4], [y, 24])], pen)[14]
        np.testing.assert_allclose(across_vertical, expected, atol=1e-12)

    @given(some_strokes, st.floats(0.1, 10))
    def test_values_are_from_0_to_1(self, strokes, pen):
        image = rasterize(on_grid(strokes), pen)
        assert image.shape == (28, 28) and image.dtype == np.float64
        assert ((image >= 0) & (image <= 1)).all()

    @given(some_strokes, st.integers(-9, 9), st.integers(-9, 9))
    def test_moved_strokes_give_a_moved_image(self, strokes, right, down):
        strokes = [stroke + 14 for stroke in on_grid(strokes)]
        moved = [stroke + np.array([right, down]) for stroke in strokes]
        image = rasterize(moved, PEN_WIDTH, side=56)
        expected = np.roll(rasterize(strokes, PEN_WIDTH, side=56), (down, right), axis=(0, 1))
        np.testing.assert_allclose(image[10:46, 10:46], expected[10:46, 10:46], atol=1e-9)

    @given(some_strokes)
    def test_order_direction_and_repeated_points_do_not_matter(self, strokes):
        strokes = on_grid(strokes)
        expected = rasterize(strokes, PEN_WIDTH)
        backward = [stroke[::-1] for stroke in reversed(strokes)]
        np.testing.assert_allclose(rasterize(backward, PEN_WIDTH), expected, atol=1e-9)
        repeated = [np.repeat(stroke, 2, axis=0) for stroke in strokes]
        np.testing.assert_allclose(rasterize(repeated, PEN_WIDTH), expected, atol=1e-9)

    @given(some_strokes, st.floats(0.1, 5), st.floats(0, 5))
    def test_thicker_pen_never_covers_less(self, strokes, pen, more):
        strokes = on_grid(strokes)
        assert (rasterize(strokes, pen + more) >= rasterize(strokes, pen) - 1e-12).all()

    def test_many_segments_equal_the_maximum_of_each_alone(self):
        # Segments are drawn in groups; the groups must not show.
        points = np.random.default_rng(0).random((200, 2)) * 28
        alone = [rasterize([points[i : i + 2]], PEN_WIDTH) for i in range(199)]
        together = rasterize([points], PEN_WIDTH)
        np.testing.assert_allclose(together, np.max(alone, axis=0), atol=1e-12)

    @pytest.mark.parametrize(
        ("stroke", "pen"),
        [
            (line([-20, 14]), 60),
            (line([14, 40], [60, 40]), 40),
            (line([-9, 10], [-2, 30]), 6),
            (line([28.5, -5], [27.5, 14]), 3),
        ],
    )
    def test_stroke_outside_leaves_the_ink_that_reaches_in(self, stroke, pen):
        image = rasterize([stroke], pen)
        assert image.any() and not image.all()
        assert np.abs(image - brute_force([stroke], pen)).max() < 0.1

    @pytest.mark.parametrize(
        "far", [line([-9, 14]), line([14, 37]), line([40, 0], [40, 27]), line([-1e6, -1e6])]
    )
    def test_stroke_far_outside_leaves_no_ink(self, far):
        assert not rasterize([far], 10).any()
        near = line([9, 9])
        np.testing.assert_array_equal(
            rasterize([far, near], PEN_WIDTH), rasterize([near], PEN_WIDTH)
        )


class TestNormalizeStrokes:
    @pytest.mark.parametrize("digit", DIGITS)
    def test_center_of_mass_is_at_14_14(self, digit):
        x, y = center_of_mass(normalize_strokes(check_strokes(DIGITS[digit])))
        assert np.hypot(x - 14, y - 14) < 0.1  # in MNIST itself it is off by 0.13 to 0.60

    @pytest.mark.parametrize("digit", DIGITS)
    def test_longer_side_with_the_pen_is_20_pixels(self, digit):
        image = normalize_strokes(check_strokes(DIGITS[digit]))
        assert max(ink_size(image)) == pytest.approx(BOX, abs=1)

    def test_aspect_ratio_is_kept(self):
        image = normalize_strokes([line([0, 0], [100, 0], [100, 50], [0, 50], [0, 0])])
        # 100 : 50 become 17.6 : 8.8, and the pen's 2.4 are added to both.
        assert ink_size(image, 0.5) == pytest.approx((20, 11.2), abs=1)

    @given(some_strokes, st.floats(-500, 500), st.floats(-500, 500))
    def test_position_on_the_canvas_does_not_matter(self, strokes, right, down):
        assume(extent(strokes) > 1.01)
        strokes = check_strokes(strokes)
        moved = [stroke + np.array([right, down]) for stroke in strokes]
        assert np.abs(normalize_strokes(moved) - normalize_strokes(strokes)).max() < 1e-4

    @given(some_strokes, st.floats(0.01, 100))
    def test_size_on_the_canvas_does_not_matter(self, strokes, size):
        assume(min(1, size) * extent(strokes) > 1.01)
        strokes = check_strokes(strokes)
        scaled = [stroke * size for stroke in strokes]
        assert np.abs(normalize_strokes(scaled) - normalize_strokes(strokes)).max() < 1e-4

    @pytest.mark.parametrize(
        "strokes", [[[[7, 7]]], [[[400, 30]] * 5], [[[0, 0]], [[0.5, 0.5]]], [[[9, 9], [9, 9.9]]]]
    )
    def test_drawing_of_at_most_one_pixel_becomes_a_dot(self, strokes):
        image = normalize_strokes(check_strokes(strokes))
        assert 3 < image.sum() < 8  # a disc of 2.4 pixels has 4.5
        assert center_of_mass(image) == pytest.approx((14, 14), abs=0.05)


class TestCenterStrokes:
    def test_matches_hand_calculation(self):
        # A stroke of 10 at half its size and a pen of 2: 5 pixels and two round ends.
        image = center_strokes([line([300, 70], [310, 70])], scale=0.5, pen_width=2)
        # Along it, from 14 - 2.5 - 1 to 14 + 2.5 + 1; across it, from 13 to 15.
        assert image[14, 9:20] == pytest.approx([0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0])
        assert image[11:18, 14] == pytest.approx([0, 0, 0.5, 1, 0.5, 0, 0])

    @pytest.mark.parametrize("digit", DIGITS)
    @pytest.mark.parametrize("scale", [0.005, 0.03, 0.05])
    def test_center_of_mass_is_at_14_14_at_every_scale(self, digit, scale):
        image = center_strokes(check_strokes(DIGITS[digit]), scale, PEN_WIDTH)
        assert center_of_mass(image) == pytest.approx((14, 14), abs=0.1)

    @pytest.mark.parametrize(
        ("dots", "scale"),
        [([[0, 0], [100, 0]], 1), ([[-3000, 0], [3000, 100]], 28 / CANVAS_SIDE)],
    )
    def test_strokes_outside_the_image_leave_it_blank(self, dots, scale):
        # Two dots, to the left and to the right of the image: there is no ink to center.
        with np.errstate(all="raise"):
            image = center_strokes([line(dot) for dot in dots], scale, PEN_WIDTH)
        assert image.shape == (28, 28) and not image.any()

    @pytest.mark.parametrize("scale", [0.02, 0.04, 0.07])
    def test_scale_changes_the_strokes_but_not_the_pen(self, scale):
        # The sides of a box are 200 and 300 on the canvas; the pen of 3 is added to both.
        box = [line([100, 50], [300, 50], [300, 350], [100, 350], [100, 50])]
        image = center_strokes(box, scale, pen_width=3)
        expected = (200 * scale + 3, 300 * scale + 3)
        assert ink_size(image, 0.49) == pytest.approx(expected, abs=1)
        inked = image >= 0.5
        top = np.argwhere(inked)[0, 0]
        assert inked[top : top + 2, 14].all()  # the upper side is still 3 pixels thick
        if scale > 0.02:
            assert not inked[14, 14]

    @given(some_strokes, st.floats(-500, 500), st.floats(-500, 500))
    def test_position_on_the_canvas_does_not_matter(self, strokes, right, down):
        strokes = check_strokes(strokes)
        moved = [stroke + np.array([right, down]) for stroke in strokes]
        expected = center_strokes(strokes, 0.03, PEN_WIDTH)
        assert np.abs(center_strokes(moved, 0.03, PEN_WIDTH) - expected).max() < 1e-4

    @pytest.mark.parametrize("digit", DIGITS)
    @pytest.mark.parametrize("pen", [1.0, PEN_WIDTH])
    def test_at_the_scale_of_mnist_equals_normalize_strokes(self, digit, pen):
        strokes = check_strokes(DIGITS[digit])
        scale = (20 - pen) / extent(strokes)
        expected = normalize_strokes(strokes, pen)
        np.testing.assert_allclose(center_strokes(strokes, scale, pen), expected, atol=1e-9)


class TestBounds:
    def test_match_hand_calculation(self):
        low, high = bounds([line([3, 9], [5, -2]), line([4, 7])])
        assert (low.tolist(), high.tolist()) == ([3, -2], [5, 9])

    def test_of_a_dot_are_the_dot(self):
        low, high = bounds([line([3, 9])])
        assert low.tolist() == high.tolist() == [3, 9]

    @given(some_strokes)
    def test_hold_every_point_and_touch_one_on_each_side(self, strokes):
        low, high = bounds(check_strokes(strokes))
        for axis in (0, 1):
            values = [point[axis] for stroke in strokes for point in stroke]
            assert all(low[axis] <= value <= high[axis] for value in values)
            assert low[axis] in values and high[axis] in values


class TestShrinkStrokes:
    def test_position_and_size_are_kept(self):
        # On a canvas of 280 a pixel of 28 is 10 wide, and the middle of the first is at 5.
        image = shrink_strokes([line([35, 55], [35, 95])], canvas=280.0, pen=10.0)
        column = np.zeros(28)
        column[5:10] = 1
        np.testing.assert_allclose(image[4:11, 3], column[4:11])
        assert image[:, [2, 4]].max() == 0

    def test_thicker_pen_gives_thicker_strokes(self):
        strokes = [line([100, 100], [400, 100])]
        thin, thick = (shrink_strokes(strokes, CANVAS_SIDE, pen).sum() for pen in (20, 60))
        assert thick / thin == pytest.approx(3, rel=0.2)

    def test_side_sets_the_resolution(self):
        strokes = [line([100, 250], [400, 250])]
        large, small = shrink_strokes(strokes, side=112), shrink_strokes(strokes)
        assert large.shape == (112, 112) and small.shape == (28, 28)
        averaged = large.reshape(28, 4, 28, 4).mean(axis=(1, 3))
        assert np.abs(averaged - small).max() < 0.1

    def test_bad_canvas_or_pen_is_refused(self):
        with pytest.raises(DrawingError, match="canvas must be a number from 1 to 1,000,000"):
            shrink_strokes([line([1, 1])], canvas=0, pen=3)
        with pytest.raises(DrawingError, match="pen must be a number above 0"):
            shrink_strokes([line([1, 1])], canvas=500, pen=float("nan"))
