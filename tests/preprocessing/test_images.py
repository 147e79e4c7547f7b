"""From pixels to 28×28: which way round, where, how large, how thick, and what is refused."""

import io
import os
import pickle
import zlib

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image
from test_drawing import DIGITS

from nnlib.preprocessing.drawing import CANVAS_SIDE, DrawingError
from nnlib.preprocessing.mnist_format import BOX, INK_THRESHOLD, PEN_WIDTH, center_of_mass
from nnlib.preprocessing.strokes import normalize_strokes, rasterize
from nnlib.preprocessing.images import (
    MAX_IMAGE_SIDE,
    MAX_THICKNESS,
    MIN_THICKNESS,
    _distance,
    center_image,
    check_image,
    normalize_image,
    normalize_thickness,
    read_image,
    shrink_image,
    stroke_thickness,
)

SEVEN = [np.array([[160, 110], [340, 110], [220, 400]], np.float64)]


def seven(side: int = 56, pen: float = 5.0) -> np.ndarray:
    """A picture of a seven: bright ink on dark paper, as floats."""
    return rasterize([stroke * side / CANVAS_SIDE for stroke in SEVEN], pen, side)


def tensor(image) -> np.ndarray:
    return normalize_image(check_image(image))


def test_dark_on_bright_is_bright_on_dark():
    np.testing.assert_allclose(tensor(1 - seven()), tensor(seven()), atol=1e-12)


def test_bytes_are_floats_times_255():
    picture = np.round(seven() * 255).astype(np.uint8)
    np.testing.assert_array_equal(tensor(picture), tensor(picture / 255))
    np.testing.assert_allclose(tensor(255 - picture), tensor(picture), atol=1e-12)


def test_784_numbers_are_28_rows():
    picture = seven(28, 2.4)
    np.testing.assert_array_equal(tensor(picture.ravel()), tensor(picture))


@pytest.mark.parametrize("paper", [0.0, 0.2, 0.45, 0.6, 0.9, 1.0])
def test_paper_is_what_the_border_shows_however_gray(paper):
    gray = paper + (0.3 if paper < 0.5 else -0.3) * seven()
    checked = check_image(gray)
    assert checked[0, 0] == pytest.approx(0, abs=1e-12) and checked.max() == 1
    np.testing.assert_allclose(checked, seven() / seven().max(), atol=1e-9)


def test_a_stroke_that_runs_over_the_border_does_not_turn_paper_into_ink():
    picture = seven()
    picture[:, :4] = 1  # the corners too
    np.testing.assert_array_equal(check_image(picture) > 0.5, picture > 0.5)


@pytest.mark.parametrize("shift", [(5, 0), (-7, 3), (0, -4)])
def test_moved_by_whole_pixels_it_gives_the_same(shift):
    picture = np.pad(seven(), 10)
    moved = np.roll(picture, shift, axis=(0, 1))
    np.testing.assert_allclose(tensor(moved), tensor(picture), atol=1e-9)


def test_the_size_of_the_paper_around_it_does_not_matter():
    np.testing.assert_allclose(tensor(np.pad(seven(), ((3, 40), (17, 0)))), tensor(seven()))


@pytest.mark.parametrize("side", [56, 100, 280])
def test_the_digit_is_20_pixels_long_with_its_center_of_mass_at_14_14(side):
    image = tensor(seven(side, pen=side / 14))
    assert center_of_mass(image) == pytest.approx((14, 14), abs=0.05)
    sides = [np.ptp(np.flatnonzero((image > INK_THRESHOLD).any(axis=axis))) + 1 for axis in (0, 1)]
    assert abs(max(sides) - BOX) <= 1


def test_a_picture_of_strokes_gives_nearly_what_the_strokes_give():
    """Drawn so that the pen, once scaled, is as thick as MNIST's."""
    side = 560
    scale = (BOX - 2.4) / 290  # the seven is 290 high
    picture = seven(side, pen=2.4 / scale * side / CANVAS_SIDE)
    assert np.abs(tensor(picture) - normalize_strokes(SEVEN)).mean() < 0.01


def test_shrinking_averages_each_square():
    picture = np.arange(56 * 56).reshape(56, 56) / 56**2
    expected = picture.reshape(28, 2, 28, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(shrink_image(picture), expected, atol=1e-12)


def test_shrinking_a_wide_image_centers_it_on_paper():
    image = shrink_image(np.ones((14, 28)))
    np.testing.assert_array_equal(image.sum(axis=1), [0] * 7 + [28] * 14 + [0] * 7)


@pytest.mark.parametrize("side", [1, 5, 28, 333])
def test_no_pixel_leaves_0_to_1_whatever_the_size(side):
    picture = np.zeros((side + 2, side + 2))
    picture[1:-1, 1:-1] = np.random.default_rng(side).random((side, side)) ** 0.2
    for image in (tensor(picture), shrink_image(check_image(picture))):
        assert image.shape == (28, 28)
        assert image.min() >= 0 and image.max() <= 1 + 1e-12


def bar(side: int, width: float, begin=(0.2, 0.2), end=(0.8, 0.7)) -> np.ndarray:
    """A picture of a straight bar, from and to these shares of its sides."""
    return rasterize([np.array([begin, end]) * side], width, side)


class TestThickness:
    @pytest.mark.parametrize("width", [2, PEN_WIDTH, 5, 10, 20])
    @pytest.mark.parametrize("end", [(0.8, 0.2), (0.2, 0.8), (0.8, 0.7)])
    def test_of_a_bar_is_its_width_but_for_its_ends(self, width, end):
        side, begin = 8 * width, (0.2, 0.2)
        length = side * np.hypot(*np.subtract(end, begin))
        measured = stroke_thickness(bar(round(side), width, begin, end))
        # With its round ends it has l · w + π w² / 4 ink, and an outline of 2 l + π w.
        expected = 2 * (length * width + np.pi * width**2 / 4) / (2 * length + np.pi * width)
        assert measured == pytest.approx(expected, rel=0.06)

    @pytest.mark.parametrize("width", [2, PEN_WIDTH, 5])
    def test_of_a_long_bar_is_its_width(self, width):
        assert stroke_thickness(bar(200, width, (0.05, 0.5), (0.95, 0.5))) == pytest.approx(
            width, rel=0.04
        )

    @given(arrays(np.float64, array_shapes(min_dims=2, max_dims=2), elements=st.floats(0, 1)))
    def test_is_the_same_turned_mirrored_or_on_larger_paper(self, image):
        expected = pytest.approx(stroke_thickness(image), rel=1e-9)
        assert stroke_thickness(np.rot90(image)) == expected
        assert stroke_thickness(image[:, ::-1]) == expected
        assert stroke_thickness(np.pad(image, ((0, 3), (2, 0)))) == expected

    @given(arrays(np.float64, (6, 5), elements=st.floats(0.01, 1)), st.floats(0.01, 1))
    def test_does_not_depend_on_how_dark_the_ink_is(self, image, dark):
        assert stroke_thickness(dark * image) == pytest.approx(stroke_thickness(image), rel=1e-9)

    @pytest.mark.parametrize("digit", DIGITS)
    def test_is_twice_as_much_at_twice_the_size(self, digit):
        strokes = [np.array(stroke) / CANVAS_SIDE for stroke in DIGITS[digit]]
        small, large = (stroke_thickness(rasterize([s * n for s in strokes], n / 20, n)) for n in (100, 200))
        assert large == pytest.approx(2 * small, rel=0.03)

    def test_of_a_square_and_of_a_pixel_by_hand(self):
        assert stroke_thickness(np.zeros((5, 5))) == 0
        # 2 · 20² / 80; the gradient cuts the four corners a little.
        assert stroke_thickness(np.ones((20, 20))) == pytest.approx(10, rel=0.03)
        # Around a single pixel there are four gradients of (½, ½), as 2 x 2 differences see it.
        assert stroke_thickness(np.ones((1, 1))) == pytest.approx(2 / (4 * np.sqrt(0.5)))

    def test_of_mnists_training_images_is_what_the_constants_say(self, digits):
        images = digits.train.images.reshape(-1, 28, 28)[::5]
        low, median, high = np.percentile([stroke_thickness(image) for image in images], [5, 50, 95])
        assert median == pytest.approx(PEN_WIDTH, abs=0.1)
        assert low == pytest.approx(MIN_THICKNESS, abs=0.1)
        assert high == pytest.approx(MAX_THICKNESS, abs=0.1)


def drawn(digit: int, pen: float, side: int = 280) -> np.ndarray:
    """Ink: a digit of the size that people draw, on a canvas of 280 pixels."""
    return check_image(rasterize([np.array(s) * side / CANVAS_SIDE for s in DIGITS[digit]], pen, side))


class TestMendingThickness:
    @pytest.mark.parametrize("pen", [18, 20, 25])
    def test_returns_what_is_within_the_range_as_it_is(self, pen):
        picture = drawn(7, pen)
        assert normalize_thickness(picture) is picture
        assert normalize_image(picture).tobytes() == center_image(picture).tobytes()

    def test_returns_most_of_mnist_as_it_is(self, digits):
        images = [check_image(image) for image in digits.dev.images[:300]]
        assert np.mean([normalize_thickness(image) is image for image in images]) > 0.8

    @pytest.mark.parametrize("digit", DIGITS)
    @pytest.mark.parametrize("pen", [2, 4, 8])
    def test_makes_thin_strokes_as_thick_as_mnists_thinnest(self, digit, pen):
        picture = drawn(digit, pen)
        assert stroke_thickness(center_image(picture)) < MIN_THICKNESS - 0.25
        assert MIN_THICKNESS - 0.3 < stroke_thickness(normalize_image(picture)) < MIN_THICKNESS + 0.4

    @pytest.mark.parametrize("digit", [0, 6, 8, 9])
    @pytest.mark.parametrize("pen", [40, 43])
    def test_makes_thick_strokes_as_thin_as_mnists_thickest(self, digit, pen):
        picture = drawn(digit, pen)
        assert stroke_thickness(center_image(picture)) > MAX_THICKNESS
        assert stroke_thickness(normalize_image(picture)) == pytest.approx(MAX_THICKNESS, abs=0.3)

    @pytest.mark.parametrize("digit", DIGITS)
    @pytest.mark.parametrize("pen", [50, 60, 80])
    def test_brings_strokes_that_run_together_nearer(self, digit, pen):
        """The outline between them is gone, so that it cannot be as good."""
        picture = drawn(digit, pen)
        before, after = stroke_thickness(center_image(picture)), stroke_thickness(normalize_image(picture))
        assert after < before + 0.2 and (after < before - 0.2 or before < MAX_THICKNESS + 0.4)

    def test_draws_the_same_with_a_thinner_or_a_thicker_brush(self):
        """What is read hardly depends on the brush any more."""
        thin, usual = normalize_image(drawn(7, 8)), normalize_image(drawn(7, 20))
        unmended = center_image(drawn(7, 8))
        assert np.abs(thin - usual).mean() < 0.6 * np.abs(unmended - usual).mean()

    @pytest.mark.parametrize("pen", [3, 60])
    def test_leaves_the_original_alone(self, pen):
        picture = drawn(3, pen)
        picture.setflags(write=False)
        before = picture.copy()
        mended = normalize_thickness(picture)
        assert mended.shape != picture.shape and not np.shares_memory(mended, picture)
        np.testing.assert_array_equal(picture, before)

    @pytest.mark.parametrize(
        "picture",
        [
            np.ones((1, 1)),
            np.ones((40, 40)),
            np.pad(np.ones((30, 30)), 10),
            np.pad(np.ones((1, 1)), 300),
            np.ones((1, 500)),
            np.ones((500, 1)),
            np.ones((2, 4096)),
            np.eye(90),
            np.indices((40, 40)).sum(axis=0) % 2 * 1.0,
            rasterize([np.array([[50.0, 50]])], 70, 100),
        ],
        ids=[
            "pixel",
            "black",
            "square",
            "speck",
            "row",
            "column",
            "long",
            "diagonal",
            "chess",
            "blob",
        ],
    )
    def test_leaves_something_of_every_shape(self, picture):
        for image in (normalize_thickness(picture), normalize_image(picture)):
            assert np.isfinite(image).all() and image.min() >= 0
            assert 0.2 < image.max() <= 1 + 1e-12

    @given(
        arrays(
            np.float64,
            array_shapes(min_dims=2, max_dims=2, max_side=12),
            elements=st.floats(0, 1) | st.sampled_from([0.0, 1.0]),
        )
    )
    def test_leaves_something_of_any_ink(self, image):
        assume(image.max() > INK_THRESHOLD)
        picture = image / image.max()
        mended = normalize_thickness(picture)
        assert np.isfinite(mended).all() and mended.min() >= 0
        assert 0.5 < mended.max() <= 1
        normal = normalize_image(picture)
        assert np.isfinite(normal).all() and normal.max() > 0 and normal.min() >= 0


class TestDistance:
    INSIDE = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=9))

    @given(INSIDE)
    def test_is_that_to_the_nearest_pixel_not_inside(self, inside):
        """By trying each of them."""
        outside = np.argwhere(~inside)
        assume(len(outside))
        expected = [
            [np.hypot(*(outside - (y, x)).T).min() for x in range(inside.shape[1])]
            for y in range(inside.shape[0])
        ]
        np.testing.assert_allclose(_distance(inside), expected, atol=1e-9)

    def test_is_scipys_on_a_digit(self, ndimage):
        inside = np.pad(drawn(8, 40, side=80), 5) > 0.5
        np.testing.assert_allclose(_distance(inside), ndimage.distance_transform_edt(inside))


class TestReading:
    def test_images_of_mnist_gives_the_answers_that_their_tensors_give(self, deep, digits):
        images = digits.dev.images[:300]
        answers = [deep.read_image(image).digit for image in images]
        assert np.mean(np.array(answers) == deep.network.predict(images)) >= 0.98

    @pytest.mark.parametrize("brush", [4, 10, 20, 30])
    def test_a_small_seven_of_any_brush_is_a_seven(self, deep, brush):
        """Half as large as people draw it, with the brush as it was: dark on 280 bright pixels."""
        strokes = [70 + stroke * 280 / CANVAS_SIDE / 2 for stroke in SEVEN]
        reading = deep.read_image(1 - rasterize(strokes, brush, 280))
        assert reading.digit == 7 and reading.confidence > 0.8


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        (np.zeros((28, 28)), "no ink"),
        (np.full((28, 28), 200, np.uint8), "no ink"),
        (np.full((28, 28), np.nan), "from 0 to 1"),
        (np.full((28, 28), np.inf), "from 0 to 1"),
        (seven() * 255, "from 0 to 1"),
        (-seven(), "from 0 to 1"),
        (np.zeros((28, 28, 3)), r"must be gray.*not \(28, 28, 3\)"),
        (np.zeros(783), r"not \(783,\)"),
        (np.zeros((0, 28)), r"not \(0, 28\)"),
        (np.zeros((1, MAX_IMAGE_SIDE + 1)), "up to 4096"),
        (np.full((28, 28), "0"), "must hold numbers"),
        (np.full((28, 28), None), "must hold numbers"),
        (np.zeros((28, 28), complex), "must hold numbers"),
        (None, "An image"),
        ("seven", "An image"),
        ([[0, 1], [0]], "An image"),
    ],
)
def test_says_what_is_wrong_with_an_image(image, sentence):
    with pytest.raises(DrawingError, match=sentence):
        check_image(image)


class TestFiles:
    BYTES = np.round(seven() * 255).astype(np.uint8)

    @pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "gif"])
    def test_of_pixels_are_read_as_they_are(self, tmp_path, suffix):
        Image.fromarray(self.BYTES).save(tmp_path / f"seven.{suffix}")
        np.testing.assert_array_equal(read_image(tmp_path / f"seven.{suffix}"), self.BYTES)

    def test_in_color_become_gray(self, tmp_path):
        Image.fromarray(np.stack([self.BYTES] * 3, axis=2)).save(tmp_path / "seven.png")
        np.testing.assert_array_equal(read_image(tmp_path / "seven.png"), self.BYTES)

    def test_are_white_where_they_are_transparent(self, tmp_path):
        """Black ink on nothing, as drawing programs save it."""
        rgba = np.zeros((*self.BYTES.shape, 4), np.uint8)
        rgba[..., 3] = self.BYTES
        Image.fromarray(rgba).save(tmp_path / "seven.png")
        image = read_image(tmp_path / "seven.png")
        np.testing.assert_allclose(image.astype(int), 255 - self.BYTES.astype(int), atol=1)

    @pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
    def test_of_numpy_are_read_as_they_are(self, tmp_path, dtype):
        array = self.BYTES if dtype == np.uint8 else seven().astype(dtype)
        np.save(tmp_path / "seven.npy", array)
        image = read_image(tmp_path / "seven.npy")
        np.testing.assert_array_equal(image, array)
        assert image.dtype == dtype

    def test_that_are_missing_are_refused(self, tmp_path):
        for name in ("seven.png", "seven.npy"):
            with pytest.raises(DrawingError, match=f"no file .*{name}"):
                read_image(tmp_path / name)

    @pytest.mark.parametrize("size", [(MAX_IMAGE_SIDE + 1, 1), (30_000, 30_000)])
    def test_that_are_huge_are_refused_before_they_are_unpacked(self, tmp_path, size):
        path = tmp_path / "huge.png"
        Image.new("1", (size[0], 1)).save(path)
        png = bytearray(path.read_bytes())
        # A PNG has its height at byte 20, and the checksum of its header at byte 29.
        png[20:24] = size[1].to_bytes(4, "big")
        png[29:33] = zlib.crc32(png[12:29]).to_bytes(4, "big")
        path.write_bytes(png)
        with pytest.raises(DrawingError, match=r"huge\.png cannot be read"):
            read_image(path)

    @pytest.mark.parametrize("shape", [(10**5, 10**5), (10**30,), (-3, 3), (10**12,)])
    def test_of_numpy_that_promise_too_much_are_refused(self, tmp_path, shape):
        path = tmp_path / "huge.npy"
        header = str({"descr": "<f4", "fortran_order": False, "shape": shape}).encode() + b"\n"
        start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
        path.write_bytes(start + bytes(100))
        with pytest.raises(DrawingError, match=r"huge\.npy cannot be read"):
            read_image(path)

    def test_of_numpy_too_large_are_never_copied_into_memory(self, tmp_path):
        np.lib.format.open_memmap(tmp_path / "huge.npy", "w+", np.uint8, (5000, 5000))
        image = read_image(tmp_path / "huge.npy")
        assert isinstance(image, np.memmap)
        with pytest.raises(DrawingError, match="up to 4096"):
            check_image(image)

    def test_that_are_pickles_are_refused_and_not_executed(self, tmp_path):
        folder = tmp_path / "made by the pickle"

        class Bomb:
            def __reduce__(self):
                return os.mkdir, (str(folder),)

        np.save(tmp_path / "bomb.npy", np.array([[Bomb()]], object), allow_pickle=True)
        (tmp_path / "bare.npy").write_bytes(pickle.dumps(Bomb()))
        for name in ("bomb.npy", "bare.npy"):
            with pytest.raises(DrawingError, match=f"{name} cannot be read"):
                read_image(tmp_path / name)
        assert not folder.exists()

    def test_of_numpy_without_numbers_are_refused(self, tmp_path):
        np.save(tmp_path / "words.npy", np.full((28, 28), "ink"))
        with pytest.raises(DrawingError, match="must hold numbers"):
            check_image(read_image(tmp_path / "words.npy"))

    def test_of_numpy_with_several_arrays_are_refused(self, tmp_path):
        with open(tmp_path / "several.npy", "wb") as file:
            np.savez(file, a=self.BYTES, b=self.BYTES)
        with pytest.raises(DrawingError, match=r"several\.npy cannot be read"):
            read_image(tmp_path / "several.npy")

    @pytest.mark.parametrize("suffix", ["png", "gif", "jpg", "npy"])
    def test_that_are_damaged_anywhere_are_read_or_refused_and_nothing_else(self, tmp_path, suffix):
        path = tmp_path / f"damaged.{suffix}"
        small, file = self.BYTES[8:48:4, 12:44:4], io.BytesIO()
        if suffix == "npy":
            np.save(file, small)
        else:
            Image.fromarray(small).save(file, "jpeg" if suffix == "jpg" else suffix)
        whole, refused = file.getvalue(), 0
        for place in range(min(len(whole), 140)):
            for bit in (0, 3, 5):
                damaged = bytearray(whole)
                damaged[place] ^= 1 << bit
                path.write_bytes(damaged)
                try:
                    assert check_image(read_image(path)).max() == 1
                except DrawingError:
                    refused += 1
        assert refused > 50

    @pytest.mark.parametrize("content", [b"", b"This is a letter.\n", b"\x89PNG\r\n\x1a\n"])
    def test_that_are_something_else_are_refused(self, tmp_path, content):
        for name in ("other.png", "other.npy"):
            (tmp_path / name).write_bytes(content)
            with pytest.raises(DrawingError, match=f"{name} cannot be read"):
                read_image(tmp_path / name)
