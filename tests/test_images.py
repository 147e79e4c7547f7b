"""From pixels to 28×28: which way round, where, how large, and which files are refused."""

import io
import os
import pickle
import zlib

import numpy as np
import pytest
from PIL import Image

from nnlib.drawing import BOX, CANVAS, FAINT, DrawingError, centre_of_mass, ink, normalise_strokes
from nnlib.images import LARGEST_IMAGE, check_image, normalise_image, read_image, shrink_image

SEVEN = [np.array([[160, 110], [340, 110], [220, 400]], np.float64)]


def seven(side: int = 56, pen: float = 5.0) -> np.ndarray:
    """A picture of a seven: bright ink on dark paper, as floats."""
    return ink([stroke * side / CANVAS for stroke in SEVEN], pen, side)


def tensor(image) -> np.ndarray:
    return normalise_image(check_image(image))


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
def test_paper_is_what_the_border_shows_however_grey(paper):
    grey = paper + (0.3 if paper < 0.5 else -0.3) * seven()
    checked = check_image(grey)
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
def test_the_digit_is_20_pixels_long_with_its_centre_of_mass_at_14_14(side):
    image = tensor(seven(side, pen=side / 14))
    assert centre_of_mass(image) == pytest.approx((14, 14), abs=0.05)
    sides = [np.ptp(np.flatnonzero((image > FAINT).any(axis=axis))) + 1 for axis in (0, 1)]
    assert abs(max(sides) - BOX) <= 1


def test_a_picture_of_strokes_gives_nearly_what_the_strokes_give():
    """Drawn so that the pen, once scaled, is as thick as MNIST's."""
    side = 560
    scale = (BOX - 2.4) / 290  # the seven is 290 high
    picture = seven(side, pen=2.4 / scale * side / CANVAS)
    assert np.abs(tensor(picture) - normalise_strokes(SEVEN)).mean() < 0.01


def test_shrinking_averages_each_square():
    picture = np.arange(56 * 56).reshape(56, 56) / 56**2
    expected = picture.reshape(28, 2, 28, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(shrink_image(picture), expected, atol=1e-12)


def test_shrinking_a_wide_image_centres_it_on_paper():
    image = shrink_image(np.ones((14, 28)))
    np.testing.assert_array_equal(image.sum(axis=1), [0] * 7 + [28] * 14 + [0] * 7)


@pytest.mark.parametrize("side", [1, 5, 28, 333])
def test_no_pixel_leaves_0_to_1_whatever_the_size(side):
    picture = np.zeros((side + 2, side + 2))
    picture[1:-1, 1:-1] = np.random.default_rng(side).random((side, side)) ** 0.2
    for image in (tensor(picture), shrink_image(check_image(picture))):
        assert image.shape == (28, 28)
        assert image.min() >= 0 and image.max() <= 1 + 1e-12


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        (np.zeros((28, 28)), "no ink"),
        (np.full((28, 28), 200, np.uint8), "no ink"),
        (np.full((28, 28), np.nan), "from 0 to 1"),
        (np.full((28, 28), np.inf), "from 0 to 1"),
        (seven() * 255, "from 0 to 1"),
        (-seven(), "from 0 to 1"),
        (np.zeros((28, 28, 3)), r"must be grey.*not \(28, 28, 3\)"),
        (np.zeros(783), r"not \(783,\)"),
        (np.zeros((0, 28)), r"not \(0, 28\)"),
        (np.zeros((1, LARGEST_IMAGE + 1)), "up to 4096"),
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

    def test_in_colour_become_grey(self, tmp_path):
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

    @pytest.mark.parametrize("size", [(LARGEST_IMAGE + 1, 1), (30_000, 30_000)])
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
