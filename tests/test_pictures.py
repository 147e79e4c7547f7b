"""Small images: the colours by hand, and by eyes that see two of three."""

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_drawing import DIGITS
from test_drawing import drawing as some_strokes

from nnlib.app import pictures
from nnlib.app.pictures import (
    AGAINST,
    FOR,
    GAP,
    INK,
    Picture,
    as_svg,
    bright,
    grey,
    row,
    row_width,
    signed,
)
from nnlib.drawing import Drawing, check_strokes

WHITE = [255, 255, 255]


@pytest.fixture(autouse=True)
def no_warning():
    """Nothing divided by zero, and no NaN made a byte."""
    with np.errstate(divide="raise", invalid="raise"):
        yield


def test_grey_goes_from_white_paper_to_black_ink():
    colours = grey(np.array([[0, 0.2, 1], [0.6, 1, 0]]))
    assert colours.dtype == np.uint8
    expected = [[255, 204, 0], [102, 0, 255]]  # 255 · (1 - ink)
    for channel in range(3):
        assert colours[..., channel].tolist() == expected


def test_grey_stands_ink_that_rounding_made_too_dark():
    assert grey(np.array([[1 + 1e-9, np.float32(1.0000001)]])).max() == 0


class TestSigned:
    NONE = np.zeros((1, 1))

    def test_is_blue_for_and_orange_against(self):
        for value, colour in ((2, FOR), (-2, AGAINST), (0, WHITE)):
            colours = signed(np.array([[value]]), 2, self.NONE)
            assert colours.dtype == np.uint8
            assert colours.tolist() == [[list(colour)]]
        assert FOR[2] == max(FOR) and AGAINST[0] == max(AGAINST)  # most blue, most red

    def test_is_paler_the_smaller_the_value_is(self):
        half, quarter = signed(np.array([[1.0, -0.5]]), 2, np.zeros((1, 2)))[0]
        assert half == pytest.approx((255 + FOR) / 2, abs=0.5)
        assert quarter == pytest.approx(0.75 * 255 + 0.25 * AGAINST, abs=0.5)

    def test_beyond_the_limit_gets_no_stronger(self):
        colours = signed(np.array([[5.0, -1e30]]), 2, np.ones((1, 2)))
        assert colours[0].tolist() == [FOR.tolist(), AGAINST.tolist()]

    def test_shows_the_ink_in_a_pale_grey_below(self):
        """So pale that every colour is still to be seen on it."""
        ink = np.array([[0.0, 0.5, 1.0]])
        for colours in (signed(np.zeros((1, 3)), 2, ink), signed(np.zeros((1, 3)), 0, ink)):
            assert (colours == colours[..., :1]).all()
            paper, half, full = colours[0, :, 0].astype(int)
            assert paper == 255 and 200 <= full < half < paper
        on_ink = signed(np.array([[1.0]]), 2, np.ones((1, 1)))[0, 0]
        assert on_ink == pytest.approx((full + FOR) / 2, abs=0.5)

    @given(st.floats(-3, 3), st.floats(0.01, 2), st.floats(0, 1))
    def test_tells_the_sign_of_whatever_is_large_enough(self, value, limit, ink):
        red, _, blue = signed(np.array([[value]]), limit, np.array([[ink]]))[0, 0].astype(int)
        if abs(value) > limit / 20:
            assert np.sign(blue - red) == np.sign(value)
        elif value == 0:
            assert blue == red


class TestBright:
    def test_goes_from_white_to_blue_for_the_largest(self):
        colours = bright(np.array([[0.0, 2.0], [4.0, 1.0]]))
        assert colours.dtype == np.uint8
        assert colours[0, 0].tolist() == WHITE
        assert colours[1, 0].tolist() == FOR.tolist()
        assert colours[0, 1] == pytest.approx((255 + FOR) / 2, abs=0.5)
        assert colours[1, 1] == pytest.approx(0.75 * 255 + 0.25 * FOR, abs=0.5)

    def test_is_white_where_nothing_is_active(self):
        assert (bright(np.zeros((3, 4))) == 255).all()

    def test_takes_what_has_no_rows(self):
        assert bright(np.zeros((0, 16))).shape == (0, 16, 3)


class TestRow:
    def test_stands_images_side_by_side_with_white_between(self):
        images = [np.full((2, 3, 3), value, np.uint8) for value in (10, 20, 30)]
        for number in range(3):
            images[number][:, 0] += 1  # which side is left
        expected = [11, 10, 10, *[255] * GAP, 21, 20, 20, *[255] * GAP, 31, 30, 30]
        colours = row(images)
        assert colours.dtype == np.uint8 and colours.shape == (2, len(expected), 3)
        assert (colours == np.array(expected)[None, :, None]).all()

    def test_of_one_image_is_that_image(self):
        image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
        np.testing.assert_array_equal(row([image]), image)

    @pytest.mark.parametrize("count", [1, 2, 6])
    def test_is_as_wide_as_is_said_beforehand(self, count):
        images = [np.zeros((28, 28, 3), np.uint8)] * count
        assert row(images).shape == (28, row_width(count, 28), 3)
        # With gaps of 4, six images of 28 are 6 · 28 + 5 · 4 = 188 wide.
        assert {1: 28, 2: 60, 6: 188}[count] == row_width(count, 28)


class TestPicture:
    @pytest.fixture
    def picture(self, monkeypatch):
        """A picture of 2×3 pixels, and in `sent` what its canvas was given to show."""
        picture = Picture(2, 3)
        picture.sent = []
        monkeypatch.setattr(picture.canvas, "put_image_data", picture.sent.append)
        return picture

    def test_has_one_canvas_pixel_for_each_of_its_own(self, picture):
        assert (picture.canvas.height, picture.canvas.width) == (2, 3)
        assert picture.children == (picture.canvas,)
        assert "nnlib-picture" in picture._dom_classes

    def test_is_white_at_first(self, picture):
        assert picture.pixels.shape == (2, 3, 3)
        assert (picture.pixels == 255).all()

    def test_sends_its_pixels_without_transparency(self, picture):
        colours = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
        picture.show(colours)
        (sent,) = picture.sent
        assert sent.shape == (2, 3, 4) and sent.dtype == np.uint8
        np.testing.assert_array_equal(sent[..., :3], colours)
        assert (sent[..., 3] == 255).all()

    def test_keeps_its_pixels_to_itself(self, picture):
        colours = np.zeros((2, 3, 3), np.uint8)
        picture.show(colours)
        colours[:] = 99
        assert not picture.pixels.any()

    def test_is_white_where_nothing_is_shown(self, picture):
        picture.show(np.zeros((2, 3, 3), np.uint8))
        picture.show(np.full((1, 2, 3), 7, np.uint8))  # nothing is left of the zeros
        expected = [[7, 7, 255], [255, 255, 255]]
        assert picture.sent[-1][..., 0].tolist() == picture.pixels[..., 0].tolist() == expected

    def test_is_white_again_when_it_is_cleared(self, picture):
        picture.show(np.zeros((2, 3, 3), np.uint8))
        picture.clear()
        assert (picture.pixels == 255).all()
        assert len(picture.sent) == 2 and (picture.sent[-1] == 255).all()

    def test_sends_nothing_where_nothing_is_new(self, picture):
        picture.clear()  # it was white before
        assert picture.sent == []
        for _ in range(2):
            picture.show(np.full((1, 2, 3), 7, np.uint8))
        assert len(picture.sent) == 1
        picture.show(np.full((1, 3, 3), 7, np.uint8))
        assert len(picture.sent) == 2

    def test_is_shown_again_to_a_browser_that_comes_later(self, picture):
        """A canvas that appears is empty, and asks for what it should show."""
        picture.show(np.full((2, 3, 3), 50, np.uint8))
        picture.canvas._handle_frontend_event(None, {"event": "client_ready"}, [])
        assert len(picture.sent) == 2
        np.testing.assert_array_equal(picture.sent[1], picture.sent[0])


def svg(drawing: Drawing) -> tuple[dict[str, str], list[list[list[float]]]]:
    """The attributes of the picture, and the points of its lines."""
    root = ElementTree.fromstring(as_svg(drawing))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    lines = []
    for line in root:
        assert line.tag == "{http://www.w3.org/2000/svg}polyline" and set(line.keys()) == {"points"}
        lines.append([list(map(float, p.split(","))) for p in line.attrib["points"].split()])
    return root.attrib, lines


class TestSVG:
    def test_looks_as_the_pad_does(self):
        attributes, _ = svg(Drawing(check_strokes(DIGITS[4]), canvas=280, pen=20.5))
        assert attributes == {
            "viewBox": "0 0 280 280",
            "fill": "none",
            "stroke": INK,
            "stroke-width": "20.5",
            "stroke-linecap": "round",
            "stroke-linejoin": "round",
        }

    @pytest.mark.parametrize("digit", DIGITS)
    def test_has_a_line_for_each_stroke(self, digit):
        """With the last point twice, which shows nothing new."""
        _, lines = svg(Drawing(check_strokes(DIGITS[digit])))
        assert lines == [[*stroke, stroke[-1]] for stroke in DIGITS[digit]]

    def test_shows_a_stroke_of_one_point(self):
        """SVG draws no cap on a line of one point, but does on one that goes nowhere."""
        _, lines = svg(Drawing(check_strokes([[[250, 100], [250, 400]], [[30, 40]]])))
        assert lines[1] == [[30, 40], [30, 40]]

    @settings(max_examples=30)
    @given(some_strokes)
    def test_is_off_by_half_a_pixel_at_most(self, strokes):
        _, lines = svg(Drawing(check_strokes(strokes)))
        for line, stroke in zip(lines, strokes, strict=True):
            assert len(line) >= 2
            np.testing.assert_allclose(line[:-1], stroke, atol=0.5)

    def test_of_an_empty_pad_is_an_empty_picture(self):
        assert svg(Drawing([]))[1] == []


# --- the two colours ------------------------------------------------------------------------

# What cones respond to the red, green and blue of a screen, and what is left where there are
# only two kinds of them: the response of the third follows from the others (Viénot, Brettel &
# Mollon 1999).
CONES = np.array(
    [[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]]
)
DICHROMATS = {
    "protanope": np.array([[0, 2.02344, -2.52581], [0, 1, 0], [0, 0, 1]]),
    "deuteranope": np.array([[1, 0, 0], [0.494207, 0, 1.24827], [0, 0, 1]]),
}


def seen_by(dichromat: str, colour) -> np.ndarray:
    """A colour of a screen → the one that looks like it to other people."""
    share = np.asarray(colour) / 255
    light = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    light = np.linalg.solve(CONES, DICHROMATS[dichromat] @ CONES @ light).clip(0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("dichromat", DICHROMATS)
class TestColours:
    def test_of_the_simulation_are_right(self, dichromat):
        """White and grey stay; a red and a green that only one kind of cone tells apart do not."""
        for value in (0, 128, 255):
            assert seen_by(dichromat, [value] * 3) == pytest.approx([value] * 3, abs=1)
        confused = {
            "protanope": ([255, 0, 0], [0, 95, 0]),
            "deuteranope": ([255, 0, 0], [0, 170, 0]),
        }
        red, green = (seen_by(dichromat, colour) for colour in confused[dichromat])
        assert np.abs(red - green).max() < 30

    def test_for_and_against_stay_apart(self, dichromat):
        blue, orange = seen_by(dichromat, FOR), seen_by(dichromat, AGAINST)
        assert np.abs(blue - orange).max() > 120
        # One is still bluish and the other yellowish.
        assert blue[2] > blue[0] + 60 and orange[0] > orange[2] + 60

    def test_of_a_weak_sign_stay_apart_too(self, dichromat):
        blue, orange = (
            seen_by(dichromat, signed(np.array([[value]]), 1, np.ones((1, 1)))[0, 0])
            for value in (0.4, -0.4)
        )
        assert np.abs(blue - orange).max() > 40


def test_the_words_have_the_colours_that_they_name():
    """The style sheet writes "blue" and "orange" as the pictures show them."""
    style = (Path(pictures.__file__).parent / "style.css").read_text(encoding="utf-8")
    for name, colour in (("for", FOR), ("against", AGAINST)):
        (hexadecimal,) = re.findall(rf"--{name}: #([0-9a-f]{{6}})", style)
        assert bytes.fromhex(hexadecimal) == bytes(colour.tolist())
