"""From pixels to 28×28: ink, position, size, thickness, and which files are refused."""

import io
import pickle
import zlib

import numpy as np
import pytest
from helpers import DIGITS, PickleBomb, ink_size, memory_below, npy_header
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from nnlib.preprocessing.drawing import CANVAS_SIDE, DrawingError, check_strokes
from nnlib.preprocessing.images import (
    MAX_IMAGE_SIDE,
    MAX_THICKNESS,
    MIN_THICKNESS,
    _distance,
    center_image,
    check_image,
    crop,
    normalize_image,
    normalize_thickness,
    read_image,
    shrink_image,
    stroke_thickness,
)
from nnlib.preprocessing.mnist_format import BOX, INK_THRESHOLD, PEN_WIDTH, center_of_mass
from nnlib.preprocessing.strokes import normalize_strokes, rasterize


def draw(digit: int, side: int, pen: float) -> np.ndarray:
    """An image (side, side) of a digit, bright ink on dark paper, with a pen of `pen` pixels."""
    strokes = [stroke * side / CANVAS_SIDE for stroke in check_strokes(DIGITS[digit])]
    return rasterize(strokes, pen, side)


def seven(side: int = 56, pen: float = 5.0) -> np.ndarray:
    return draw(7, side, pen)


def preprocess(image) -> np.ndarray:
    return normalize_image(check_image(image))


class TestCheckImage:
    @pytest.mark.parametrize("paper", [0.0, 0.2, 0.45, 0.6, 0.9, 1.0])
    def test_paper_of_any_gray_becomes_0(self, paper):
        gray = paper + (0.3 if paper < 0.5 else -0.3) * seven()
        ink = check_image(gray)
        assert ink[0, 0] == pytest.approx(0, abs=1e-12) and ink.max() == 1
        np.testing.assert_allclose(ink, seven() / seven().max(), atol=1e-9)

    def test_dark_on_bright_equals_bright_on_dark(self):
        np.testing.assert_allclose(check_image(1 - seven()), check_image(seven()), atol=1e-12)

    def test_bytes_equal_floats_from_0_to_1(self):
        image = np.round(seven() * 255).astype(np.uint8)
        np.testing.assert_array_equal(check_image(image), check_image(image / 255))
        np.testing.assert_allclose(check_image(255 - image), check_image(image), atol=1e-12)

    def test_784_numbers_become_28_rows(self):
        image = seven(28, 2.4)
        np.testing.assert_array_equal(check_image(image.ravel()), check_image(image))

    def test_stroke_over_the_border_does_not_invert_the_image(self):
        image = seven()
        image[:, :4] = 1  # the corners too
        np.testing.assert_array_equal(check_image(image) > 0.5, image > 0.5)

    @pytest.mark.parametrize(
        ("image", "message"),
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
            ([[0, 1], [0]], "rows of equal length"),
        ],
    )
    def test_refuses_bad_images_with_a_message(self, image, message):
        with pytest.raises(DrawingError, match=message):
            check_image(image)


class TestNormalizeImage:
    @pytest.mark.parametrize("shift", [(5, 0), (-7, 3), (0, -4)])
    def test_position_does_not_matter(self, shift):
        image = np.pad(seven(), 10)
        moved = np.roll(image, shift, axis=(0, 1))
        np.testing.assert_allclose(preprocess(moved), preprocess(image), atol=1e-9)

    def test_paper_around_the_digit_does_not_matter(self):
        padded = np.pad(seven(), ((3, 40), (17, 0)))
        np.testing.assert_allclose(preprocess(padded), preprocess(seven()))

    @pytest.mark.parametrize("side", [56, 100, 280])
    def test_digit_fills_20_pixels_and_is_centered(self, side):
        image = preprocess(seven(side, pen=side / 14))
        assert center_of_mass(image) == pytest.approx((14, 14), abs=0.05)
        assert max(ink_size(image)) == pytest.approx(BOX, abs=1)

    def test_image_of_strokes_gives_nearly_what_strokes_give(self):
        side = 560
        scale = (BOX - PEN_WIDTH) / 290  # the seven is 290 high
        image = seven(side, pen=PEN_WIDTH / scale * side / CANVAS_SIDE)
        expected = normalize_strokes(check_strokes(DIGITS[7]))
        assert np.abs(preprocess(image) - expected).mean() < 0.01

    @pytest.mark.parametrize("side", [1, 5, 28, 333])
    def test_values_are_from_0_to_1_at_every_size(self, side):
        noise = np.random.default_rng(side).random((side, side)) ** 0.2
        image = preprocess(np.pad(noise, 1))
        assert image.shape == (28, 28)
        assert image.min() >= 0 and image.max() <= 1 + 1e-12


class TestShrinkImage:
    def test_averages_the_pixels_of_each_square(self):
        image = np.arange(56 * 56).reshape(56, 56) / 56**2
        expected = image.reshape(28, 2, 28, 2).mean(axis=(1, 3))
        np.testing.assert_allclose(shrink_image(image), expected, atol=1e-12)

    def test_wide_image_is_centered_on_paper(self):
        image = shrink_image(np.ones((14, 28)))
        np.testing.assert_array_equal(image.sum(axis=1), [0] * 7 + [28] * 14 + [0] * 7)

    @pytest.mark.parametrize("side", [1, 5, 28, 333])
    def test_values_are_from_0_to_1_at_every_size(self, side):
        noise = np.random.default_rng(side).random((side, side))
        image = shrink_image(np.pad(noise, 1))
        assert image.shape == (28, 28)
        assert image.min() >= 0 and image.max() <= 1 + 1e-12


class TestCrop:
    def test_keeps_ink_above_the_threshold(self):
        image = np.zeros((9, 7))
        image[2, 3], image[5, 4], image[8, 6] = 1, 0.2, INK_THRESHOLD / 2
        np.testing.assert_array_equal(crop(image), image[2:6, 3:5])

    def test_without_ink_is_empty(self):
        assert crop(np.full((9, 7), INK_THRESHOLD / 2)).shape == (0, 0)


def draw_bar(side: int, width: float, begin=(0.2, 0.2), end=(0.8, 0.7)) -> np.ndarray:
    """An image of a straight bar; its ends are given as fractions of the side."""
    return rasterize([np.array([begin, end]) * side], width, side)


class TestStrokeThickness:
    @pytest.mark.parametrize("width", [2, PEN_WIDTH, 5, 10, 20])
    @pytest.mark.parametrize("end", [(0.8, 0.2), (0.2, 0.8), (0.8, 0.7)])
    def test_of_a_bar_is_its_width_corrected_for_its_ends(self, width, end):
        side, begin = 8 * width, (0.2, 0.2)
        length = side * np.hypot(*np.subtract(end, begin))
        measured = stroke_thickness(draw_bar(round(side), width, begin, end))
        # With its round ends it has l · w + π w² / 4 ink, and an outline of 2 l + π w.
        expected = 2 * (length * width + np.pi * width**2 / 4) / (2 * length + np.pi * width)
        assert measured == pytest.approx(expected, rel=0.06)

    @pytest.mark.parametrize("width", [2, PEN_WIDTH, 5])
    def test_of_a_long_bar_is_its_width(self, width):
        bar = draw_bar(200, width, (0.05, 0.5), (0.95, 0.5))
        assert stroke_thickness(bar) == pytest.approx(width, rel=0.04)

    @given(arrays(np.float64, array_shapes(min_dims=2, max_dims=2), elements=st.floats(0, 1)))
    def test_is_the_same_rotated_mirrored_or_padded(self, image):
        expected = pytest.approx(stroke_thickness(image), rel=1e-9)
        assert stroke_thickness(np.rot90(image)) == expected
        assert stroke_thickness(image[:, ::-1]) == expected
        assert stroke_thickness(np.pad(image, ((0, 3), (2, 0)))) == expected

    @given(arrays(np.float64, (6, 5), elements=st.floats(0.01, 1)), st.floats(0.01, 1))
    def test_does_not_depend_on_how_dark_the_ink_is(self, image, factor):
        expected = pytest.approx(stroke_thickness(image), rel=1e-9)
        assert stroke_thickness(factor * image) == expected

    @pytest.mark.parametrize("digit", DIGITS)
    def test_doubles_with_the_size_of_the_image(self, digit):
        small, large = (stroke_thickness(draw(digit, side, side / 20)) for side in (100, 200))
        assert large == pytest.approx(2 * small, rel=0.03)

    def test_of_a_square_and_of_a_pixel_match_hand_calculation(self):
        # 2 · 20² / 80; the gradient cuts the four corners a little.
        assert stroke_thickness(np.ones((20, 20))) == pytest.approx(10, rel=0.03)
        # The 2×2 differences around a single pixel give four gradients of (½, ½).
        assert stroke_thickness(np.ones((1, 1))) == pytest.approx(2 / (4 * np.sqrt(0.5)))

    def test_without_ink_is_0(self):
        assert stroke_thickness(np.zeros((5, 5))) == 0

    def test_of_mnist_has_the_percentiles_of_the_constants(self, digits):
        images = digits.train.images.reshape(-1, 28, 28)[::5]
        thicknesses = [stroke_thickness(image) for image in images]
        low, median, high = np.percentile(thicknesses, [5, 50, 95])
        assert median == pytest.approx(PEN_WIDTH, abs=0.1)
        assert low == pytest.approx(MIN_THICKNESS, abs=0.1)
        assert high == pytest.approx(MAX_THICKNESS, abs=0.1)


def draw_ink(digit: int, pen: float) -> np.ndarray:
    """Ink of a digit on a canvas of 280 pixels."""
    return check_image(draw(digit, 280, pen))


class TestNormalizeThickness:
    @pytest.mark.parametrize("pen", [18, 20, 25])
    def test_within_the_range_returns_the_image_unchanged(self, pen):
        image = draw_ink(7, pen)
        assert normalize_thickness(image) is image
        assert normalize_image(image).tobytes() == center_image(image).tobytes()

    def test_returns_most_of_mnist_unchanged(self, digits):
        images = [check_image(image) for image in digits.dev.images[:300]]
        assert np.mean([normalize_thickness(image) is image for image in images]) > 0.8

    @pytest.mark.parametrize("digit", DIGITS)
    @pytest.mark.parametrize("pen", [2, 4, 8])
    def test_thin_strokes_become_as_thick_as_the_minimum(self, digit, pen):
        image = draw_ink(digit, pen)
        before, after = stroke_thickness(center_image(image)), normalize_image(image)
        assert before < MIN_THICKNESS - 0.25
        assert MIN_THICKNESS - 0.3 < stroke_thickness(after) < MIN_THICKNESS + 0.4

    @pytest.mark.parametrize("digit", [0, 6, 8, 9])
    @pytest.mark.parametrize("pen", [40, 43])
    def test_thick_strokes_become_as_thin_as_the_maximum(self, digit, pen):
        image = draw_ink(digit, pen)
        assert stroke_thickness(center_image(image)) > MAX_THICKNESS
        assert stroke_thickness(normalize_image(image)) == pytest.approx(MAX_THICKNESS, abs=0.3)

    @pytest.mark.parametrize("digit", DIGITS)
    @pytest.mark.parametrize("pen", [50, 60, 80])
    def test_strokes_that_run_together_get_no_thicker(self, digit, pen):
        # The outline between such strokes is lost, so the maximum cannot be reached.
        image = draw_ink(digit, pen)
        before = stroke_thickness(center_image(image))
        after = stroke_thickness(normalize_image(image))
        assert after < before + 0.2 and (after < before - 0.2 or before < MAX_THICKNESS + 0.4)

    def test_thin_and_usual_pens_give_more_similar_inputs(self):
        thin, usual = draw_ink(7, 8), normalize_image(draw_ink(7, 20))
        before = np.abs(center_image(thin) - usual).mean()
        assert np.abs(normalize_image(thin) - usual).mean() < 0.6 * before

    @pytest.mark.parametrize("pen", [3, 60])
    def test_does_not_write_to_its_argument(self, pen):
        image = draw_ink(3, pen)
        image.setflags(write=False)
        before = image.copy()
        redrawn = normalize_thickness(image)
        assert redrawn.shape != image.shape and not np.shares_memory(redrawn, image)
        np.testing.assert_array_equal(image, before)

    @pytest.mark.parametrize(
        "image",
        [
            pytest.param(np.ones((1, 1)), id="pixel"),
            pytest.param(np.ones((40, 40)), id="black"),
            pytest.param(np.pad(np.ones((30, 30)), 10), id="square"),
            pytest.param(np.pad(np.ones((1, 1)), 300), id="speck"),
            pytest.param(np.ones((1, 500)), id="row"),
            pytest.param(np.ones((500, 1)), id="column"),
            pytest.param(np.ones((2, 4096)), id="long"),
            pytest.param(np.eye(90), id="diagonal"),
            pytest.param(np.indices((40, 40)).sum(axis=0) % 2 * 1.0, id="chessboard"),
            pytest.param(rasterize([np.array([[50.0, 50]])], 70, 100), id="disc"),
        ],
    )
    def test_unusual_shapes_keep_some_ink(self, image):
        for result in (normalize_thickness(image), normalize_image(image)):
            assert np.isfinite(result).all() and result.min() >= 0
            assert 0.2 < result.max() <= 1 + 1e-12

    @settings(max_examples=40)
    @given(
        arrays(
            np.float64,
            array_shapes(min_dims=2, max_dims=2, max_side=12),
            elements=st.floats(0, 1) | st.sampled_from([0.0, 1.0]),
        )
    )
    def test_any_image_keeps_some_ink(self, image):
        assume(image.max() > INK_THRESHOLD)
        redrawn = normalize_thickness(image / image.max())
        assert np.isfinite(redrawn).all() and redrawn.min() >= 0
        assert 0.5 < redrawn.max() <= 1
        centered = center_image(redrawn)
        assert np.isfinite(centered).all() and centered.max() > 0 and centered.min() >= 0


class TestDistance:
    @given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=9)))
    def test_equals_brute_force(self, inside):
        outside = np.argwhere(~inside)
        assume(len(outside))
        expected = [
            [np.hypot(*(outside - (y, x)).T).min() for x in range(inside.shape[1])]
            for y in range(inside.shape[0])
        ]
        np.testing.assert_allclose(_distance(inside, reach=9), expected, atol=1e-9)

    def test_equals_scipy_on_a_digit(self, ndimage):
        inside = np.pad(draw(8, 80, 40), 5) > 0.5
        expected = ndimage.distance_transform_edt(inside)
        np.testing.assert_allclose(_distance(inside, reach=len(inside)), expected)


class TestRecognition:
    """What the preprocessing of images is for: a network gives the same answers."""

    def test_mnist_images_keep_their_answers(self, deep, digits):
        images = digits.dev.images[:300]
        answers = [deep.predict_image(image).digit for image in images]
        assert np.mean(answers == deep.network.predict(images)) >= 0.98

    @pytest.mark.parametrize("pen", [4, 10, 20, 30])
    def test_small_seven_is_recognized_with_any_pen(self, deep, pen):
        # Half as large as people draw it, dark on 280×280 bright pixels.
        small = np.pad(draw(7, 140, pen), 70)
        prediction = deep.predict_image(1 - small)
        assert prediction.digit == 7 and prediction.confidence > 0.8


SEVEN_BYTES = np.round(seven() * 255).astype(np.uint8)


class TestReadImage:
    @pytest.mark.parametrize("suffix", ["png", "bmp", "gif"])
    def test_gray_image_file_is_read_pixel_by_pixel(self, tmp_path, suffix):
        Image.fromarray(SEVEN_BYTES).save(tmp_path / f"seven.{suffix}")
        np.testing.assert_array_equal(read_image(tmp_path / f"seven.{suffix}"), SEVEN_BYTES)

    def test_progressive_jpeg_is_read(self, tmp_path):
        Image.fromarray(SEVEN_BYTES).save(tmp_path / "seven.jpg", progressive=True, quality=95)
        image = read_image(tmp_path / "seven.jpg").astype(int)
        assert np.abs(image - SEVEN_BYTES).max() < 30

    def test_colors_become_gray(self, tmp_path):
        Image.fromarray(np.stack([SEVEN_BYTES] * 3, axis=2)).save(tmp_path / "seven.png")
        np.testing.assert_array_equal(read_image(tmp_path / "seven.png"), SEVEN_BYTES)

    def test_transparent_pixels_become_white(self, tmp_path):
        # Black ink on a transparent background, as drawing programs save it.
        rgba = np.zeros((*SEVEN_BYTES.shape, 4), np.uint8)
        rgba[..., 3] = SEVEN_BYTES
        Image.fromarray(rgba).save(tmp_path / "seven.png")
        image = read_image(tmp_path / "seven.png")
        np.testing.assert_allclose(image.astype(int), 255 - SEVEN_BYTES.astype(int), atol=1)

    @pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
    def test_npy_file_keeps_its_values_and_dtype(self, tmp_path, dtype):
        array = SEVEN_BYTES if dtype == np.uint8 else seven().astype(dtype)
        np.save(tmp_path / "seven.npy", array)
        image = read_image(tmp_path / "seven.npy")
        np.testing.assert_array_equal(image, array)
        assert image.dtype == dtype

    @pytest.mark.parametrize("name", ["seven.png", "seven.npy"])
    def test_missing_file_is_named(self, tmp_path, name):
        with pytest.raises(DrawingError, match=f"no file .*{name}"):
            read_image(tmp_path / name)

    @pytest.mark.parametrize("size", [(MAX_IMAGE_SIDE + 1, 1), (30_000, 30_000)])
    def test_huge_image_is_refused_before_it_is_unpacked(self, tmp_path, size):
        path = tmp_path / "huge.png"
        Image.new("1", (size[0], 1)).save(path)
        png = bytearray(path.read_bytes())
        # A PNG has its height at byte 20, and the checksum of its header at byte 29.
        png[20:24] = size[1].to_bytes(4, "big")
        png[29:33] = zlib.crc32(png[12:29]).to_bytes(4, "big")
        path.write_bytes(png)
        message = r"huge\.png cannot be read .* more than 4096 pixels per side; make it smaller"
        with memory_below(10**6), pytest.raises(DrawingError, match=message):
            read_image(path)

    @pytest.mark.parametrize("name", ["digit.png", "digit.jpg", "digit.eps", "digit"])
    def test_eps_of_any_name_is_refused_and_not_executed(self, tmp_path, name, monkeypatch):
        """Pillow would let Ghostscript execute it; this one never ends."""
        monkeypatch.setattr("subprocess.check_call", lambda *_, **__: pytest.fail("executed"))
        monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("executed"))
        program = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 28 28\n{ } loop\n%%EOF\n"
        (tmp_path / name).write_bytes(program)
        message = f"{name} cannot be read .* none of PNG, JPEG, GIF, BMP; save it as a PNG"
        with pytest.raises(DrawingError, match=message):
            read_image(tmp_path / name)

    @pytest.mark.parametrize("suffix", ["tiff", "ppm", "ico", "tga", "pcx"])
    def test_other_formats_are_refused(self, tmp_path, suffix):
        Image.fromarray(SEVEN_BYTES).save(tmp_path / f"seven.{suffix}")
        for name in (f"seven.{suffix}", "seven.png"):
            (tmp_path / f"seven.{suffix}").replace(tmp_path / name)
            with pytest.raises(DrawingError, match="none of PNG, JPEG, GIF, BMP"):
                read_image(tmp_path / name)
            (tmp_path / name).replace(tmp_path / f"seven.{suffix}")

    def test_jpeg_of_many_scans_is_refused_before_it_is_unpacked(self, tmp_path):
        """Each would take as long as a whole image."""
        file = io.BytesIO()
        Image.new("L", (1000, 1000)).save(file, "JPEG", progressive=True)
        jpeg = file.getvalue()
        last, end = jpeg[jpeg.rindex(b"\xff\xda") : -2], jpeg[-2:]
        (tmp_path / "scans.jpg").write_bytes(jpeg[:-2] + last * 1000 + end)
        with pytest.raises(DrawingError, match="more than 300 scans: save it as a PNG"):
            read_image(tmp_path / "scans.jpg")

    @pytest.mark.parametrize("name", ["hole.png", "hole.npy"])
    def test_file_with_a_hole_of_4_gb_is_not_read(self, tmp_path, name):
        with open(tmp_path / name, "wb") as file:
            file.write(npy_header((10**9,)) if name.endswith("npy") else b"\x89PNG\r\n\x1a\n")
            file.truncate(4_000_000_000)
        with memory_below(10**6), pytest.raises(DrawingError, match=r"more than [17].*,... bytes"):
            read_image(tmp_path / name)

    @pytest.mark.parametrize("descr", ["|V2000000000", "|S2000000000", "<U500000000"])
    def test_npy_with_huge_elements_is_refused(self, tmp_path, descr):
        with open(tmp_path / "two.npy", "wb") as file:
            file.write(npy_header((2,), descr))
            file.truncate(4_000_000_500)
        with memory_below(10**6), pytest.raises(DrawingError, match=r"two\.npy cannot be read"):
            read_image(tmp_path / "two.npy")

    def test_strange_but_good_image_prints_no_warning(self, tmp_path, recwarn):
        Image.new("P", (40, 40)).save(tmp_path / "p.png", transparency=b"\0")
        read_image(tmp_path / "p.png")
        assert not recwarn.list

    @pytest.mark.parametrize("shape", [(10**5, 10**5), (10**30,), (-3, 3), (10**12,)])
    def test_npy_with_less_data_than_its_shape_is_refused(self, tmp_path, shape):
        path = tmp_path / "huge.npy"
        path.write_bytes(npy_header(shape) + bytes(100))
        with pytest.raises(DrawingError, match=r"huge\.npy cannot be read"):
            read_image(path)

    @pytest.mark.parametrize("shape", [(5000, 5000), (1, 4097)])
    def test_npy_with_too_many_pixels_is_refused(self, tmp_path, shape):
        np.save(tmp_path / "huge.npy", np.zeros(shape, np.uint8))
        with pytest.raises(DrawingError, match="up to 4096"):
            check_image(read_image(tmp_path / "huge.npy"))

    def test_pickle_is_refused_and_not_executed(self, tmp_path):
        bomb = PickleBomb(tmp_path / "made by the pickle")
        np.save(tmp_path / "array.npy", np.array([[bomb]], object), allow_pickle=True)
        (tmp_path / "bare.npy").write_bytes(pickle.dumps(bomb))
        for name in ("array.npy", "bare.npy"):
            with pytest.raises(DrawingError, match=f"{name} cannot be read"):
                read_image(tmp_path / name)
        assert not bomb.folder.exists()

    def test_npy_of_words_is_refused(self, tmp_path):
        np.save(tmp_path / "words.npy", np.full((28, 28), "ink"))
        with pytest.raises(DrawingError, match="must hold numbers"):
            check_image(read_image(tmp_path / "words.npy"))

    def test_npy_with_several_arrays_is_refused(self, tmp_path):
        with open(tmp_path / "several.npy", "wb") as file:
            np.savez(file, a=SEVEN_BYTES, b=SEVEN_BYTES)
        with pytest.raises(DrawingError, match=r"several\.npy cannot be read"):
            read_image(tmp_path / "several.npy")

    @pytest.mark.parametrize("suffix", ["png", "gif", "jpg", "npy"])
    def test_damaged_file_is_read_or_raises_drawing_error(self, tmp_path, suffix):
        path = tmp_path / f"damaged.{suffix}"
        small, file = SEVEN_BYTES[8:48:4, 12:44:4], io.BytesIO()
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
    @pytest.mark.parametrize("name", ["other.png", "other.npy"])
    def test_file_of_another_kind_is_refused(self, tmp_path, name, content):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DrawingError, match=f"{name} cannot be read"):
            read_image(tmp_path / name)
