"""Small images: their colors, also as color-blind people see them, and drawings as SVG."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from browser import ROOT
from helpers import DIGITS, some_strokes
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlib.app.images import (
    AGAINST,
    FOR,
    GAP,
    INK,
    Picture,
    bright,
    drawing_to_svg,
    gray,
    row,
    row_width,
    signed,
)
from nnlib.preprocessing.drawing import Drawing, check_strokes

WHITE = [255, 255, 255]


@pytest.fixture(autouse=True)
def no_warning():
    """Division by zero, and NaN converted to a byte, are errors."""
    with np.errstate(divide="raise", invalid="raise"):
        yield


def test_gray_goes_from_white_paper_to_black_ink():
    colors = gray(np.array([[0, 0.2, 1], [0.6, 1, 0]]))
    assert colors.dtype == np.uint8
    expected = [[255, 204, 0], [102, 0, 255]]  # 255 · (1 - ink)
    for channel in range(3):
        assert colors[..., channel].tolist() == expected


def test_gray_of_ink_just_above_one_is_black():
    assert gray(np.array([[1 + 1e-9, np.float32(1.0000001)]])).max() == 0


class TestSigned:
    NONE = np.zeros((1, 1))

    def test_color_is_blue_for_and_orange_against(self):
        for value, color in ((2, FOR), (-2, AGAINST), (0, WHITE)):
            colors = signed(np.array([[value]]), 2, self.NONE)
            assert colors.dtype == np.uint8
            assert colors.tolist() == [[list(color)]]
        assert FOR[2] == max(FOR) and AGAINST[0] == max(AGAINST)  # most blue, most red

    def test_smaller_value_is_paler(self):
        half, quarter = signed(np.array([[1.0, -0.5]]), 2, np.zeros((1, 2)))[0]
        assert half == pytest.approx((255 + FOR) / 2, abs=0.5)
        assert quarter == pytest.approx(0.75 * 255 + 0.25 * AGAINST, abs=0.5)

    def test_value_beyond_the_limit_has_the_full_color(self):
        colors = signed(np.array([[5.0, -1e30]]), 2, np.ones((1, 2)))
        assert colors[0].tolist() == [FOR.tolist(), AGAINST.tolist()]

    def test_ink_is_pale_gray_under_the_colors(self):
        ink = np.array([[0.0, 0.5, 1.0]])
        for colors in (signed(np.zeros((1, 3)), 2, ink), signed(np.zeros((1, 3)), 0, ink)):
            assert (colors == colors[..., :1]).all()
            paper, half, full = colors[0, :, 0].astype(int)
            assert paper == 255 and 200 <= full < half < paper
        on_ink = signed(np.array([[1.0]]), 2, np.ones((1, 1)))[0, 0]
        assert on_ink == pytest.approx((full + FOR) / 2, abs=0.5)

    @given(st.floats(-3, 3), st.floats(0.01, 2), st.floats(0, 1))
    def test_sign_of_a_visible_value_can_be_seen(self, value, limit, ink):
        red, _, blue = signed(np.array([[value]]), limit, np.array([[ink]]))[0, 0].astype(int)
        if abs(value) > limit / 20:
            assert np.sign(blue - red) == np.sign(value)
        elif value == 0:
            assert blue == red


class TestBright:
    def test_largest_value_is_blue_and_zero_is_white(self):
        colors = bright(np.array([[0.0, 2.0], [4.0, 1.0]]))
        assert colors.dtype == np.uint8
        assert colors[0, 0].tolist() == WHITE
        assert colors[1, 0].tolist() == FOR.tolist()
        assert colors[0, 1] == pytest.approx((255 + FOR) / 2, abs=0.5)
        assert colors[1, 1] == pytest.approx(0.75 * 255 + 0.25 * FOR, abs=0.5)

    def test_zeros_are_white(self):
        assert (bright(np.zeros((3, 4))) == 255).all()

    def test_no_rows_give_no_rows(self):
        assert bright(np.zeros((0, 16))).shape == (0, 16, 3)


class TestRow:
    def test_images_are_side_by_side_with_white_gaps(self):
        images = [np.full((2, 3, 3), value, np.uint8) for value in (10, 20, 30)]
        for number in range(3):
            images[number][:, 0] += 1  # which side is left
        expected = [11, 10, 10, *[255] * GAP, 21, 20, 20, *[255] * GAP, 31, 30, 30]
        colors = row(images)
        assert colors.dtype == np.uint8 and colors.shape == (2, len(expected), 3)
        assert (colors == np.array(expected)[None, :, None]).all()

    def test_row_of_one_image_is_that_image(self):
        image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
        np.testing.assert_array_equal(row([image]), image)

    @pytest.mark.parametrize("count", [1, 2, 6])
    def test_row_is_as_wide_as_row_width_says(self, count):
        images = [np.zeros((28, 28, 3), np.uint8)] * count
        assert row(images).shape == (28, row_width(count, 28), 3)
        # With gaps of 4, six images of 28 are 6 · 28 + 5 · 4 = 188 wide.
        assert {1: 28, 2: 60, 6: 188}[count] == row_width(count, 28)


class TestPicture:
    @pytest.fixture
    def picture(self, monkeypatch):
        """A picture of 2×3 pixels; `sent` collects what its canvas is given to show."""
        picture = Picture(2, 3, guard=lambda handler: handler)
        picture.sent = []
        monkeypatch.setattr(picture.canvas, "put_image_data", picture.sent.append)
        return picture

    def test_canvas_has_one_pixel_for_each_of_the_picture(self, picture):
        assert (picture.canvas.height, picture.canvas.width) == (2, 3)
        assert picture.children == (picture.canvas,)
        assert "nnlib-picture" in picture._dom_classes

    def test_is_white_at_first(self, picture):
        assert picture.pixels.shape == (2, 3, 3)
        assert (picture.pixels == 255).all()

    def test_sends_its_pixels_without_transparency(self, picture):
        colors = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
        picture.show(colors)
        (sent,) = picture.sent
        assert sent.shape == (2, 3, 4) and sent.dtype == np.uint8
        np.testing.assert_array_equal(sent[..., :3], colors)
        assert (sent[..., 3] == 255).all()

    def test_shown_pixels_are_copied(self, picture):
        colors = np.zeros((2, 3, 3), np.uint8)
        picture.show(colors)
        colors[:] = 99
        assert not picture.pixels.any()

    def test_pixels_not_covered_become_white(self, picture):
        picture.show(np.zeros((2, 3, 3), np.uint8))
        picture.show(np.full((1, 2, 3), 7, np.uint8))  # nothing is left of the zeros
        expected = [[7, 7, 255], [255, 255, 255]]
        assert picture.sent[-1][..., 0].tolist() == picture.pixels[..., 0].tolist() == expected

    def test_cleared_picture_is_white(self, picture):
        picture.show(np.zeros((2, 3, 3), np.uint8))
        picture.clear()
        assert (picture.pixels == 255).all()
        assert len(picture.sent) == 2 and (picture.sent[-1] == 255).all()

    def test_same_pixels_are_not_sent_again(self, picture):
        picture.clear()  # it was white before
        assert picture.sent == []
        for _ in range(2):
            picture.show(np.full((1, 2, 3), 7, np.uint8))
        assert len(picture.sent) == 1
        picture.show(np.full((1, 3, 3), 7, np.uint8))
        assert len(picture.sent) == 2

    def test_canvas_that_appears_later_gets_the_pixels(self, picture):
        picture.show(np.full((2, 3, 3), 50, np.uint8))
        picture.canvas._handle_frontend_event(None, {"event": "client_ready"}, [])
        assert len(picture.sent) == 2
        np.testing.assert_array_equal(picture.sent[1], picture.sent[0])


def svg(drawing: Drawing) -> tuple[dict[str, str], list[list[list[float]]]]:
    """The attributes of the <svg> element, and the points of each line in it."""
    root = ElementTree.fromstring(drawing_to_svg(drawing))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    lines = []
    for line in root:
        assert line.tag == "{http://www.w3.org/2000/svg}polyline" and set(line.keys()) == {"points"}
        lines.append([list(map(float, p.split(","))) for p in line.attrib["points"].split()])
    return root.attrib, lines


class TestSVG:
    def test_svg_has_canvas_pen_and_ink_of_the_pad(self):
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
    def test_svg_has_a_line_for_each_stroke(self, digit):
        _, lines = svg(Drawing(check_strokes(DIGITS[digit])))
        assert lines == [[*stroke, stroke[-1]] for stroke in DIGITS[digit]]

    def test_svg_of_one_point_is_a_line_of_two_equal_points(self):
        """SVG draws no cap on a line of one point, but it does on a line without length."""
        _, lines = svg(Drawing(check_strokes([[[250, 100], [250, 400]], [[30, 40]]])))
        assert lines[1] == [[30, 40], [30, 40]]

    @settings(max_examples=30)
    @given(some_strokes)
    def test_svg_points_are_off_by_half_a_pixel_at_most(self, strokes):
        _, lines = svg(Drawing(check_strokes(strokes)))
        for line, stroke in zip(lines, strokes, strict=True):
            assert len(line) >= 2
            np.testing.assert_allclose(line[:-1], stroke, atol=0.5)

    def test_svg_of_an_empty_pad_is_empty(self):
        assert svg(Drawing([]))[1] == []


# --- the two colors ------------------------------------------------------------------------

# The response of the three kinds of cones to the red, green and blue of a screen; and for people
# with two kinds only, the response of the third as it follows from the others (Viénot, Brettel &
# Mollon 1999).
CONES = np.array(
    [[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]]
)
DICHROMATS = {
    "protanope": np.array([[0, 2.02344, -2.52581], [0, 1, 0], [0, 0, 1]]),
    "deuteranope": np.array([[1, 0, 0], [0.494207, 0, 1.24827], [0, 0, 1]]),
}


def seen_by(dichromat: str, color) -> np.ndarray:
    """A color of a screen → the color that looks to others as it looks to a dichromat."""
    share = np.asarray(color) / 255
    light = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    light = np.linalg.solve(CONES, DICHROMATS[dichromat] @ CONES @ light).clip(0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("dichromat", DICHROMATS)
class TestColors:
    def test_simulation_keeps_gray_and_confuses_red_with_green(self, dichromat):
        for value in (0, 128, 255):
            assert seen_by(dichromat, [value] * 3) == pytest.approx([value] * 3, abs=1)
        confused = {
            "protanope": ([255, 0, 0], [0, 95, 0]),
            "deuteranope": ([255, 0, 0], [0, 170, 0]),
        }
        red, green = (seen_by(dichromat, color) for color in confused[dichromat])
        assert np.abs(red - green).max() < 30

    def test_for_and_against_can_be_told_apart(self, dichromat):
        blue, orange = seen_by(dichromat, FOR), seen_by(dichromat, AGAINST)
        assert np.abs(blue - orange).max() > 120
        # One is still bluish and the other yellowish.
        assert blue[2] > blue[0] + 60 and orange[0] > orange[2] + 60

    def test_weak_for_and_against_can_be_told_apart(self, dichromat):
        blue, orange = (
            seen_by(dichromat, signed(np.array([[value]]), 1, np.ones((1, 1)))[0, 0])
            for value in (0.4, -0.4)
        )
        assert np.abs(blue - orange).max() > 40


def test_style_sheet_has_the_colors_of_the_pictures():
    """The legend writes "Blue" and "orange" in these colors."""
    style = (ROOT / "nnlib/app/static/style.css").read_text(encoding="utf-8")
    for name, color in (("for", FOR), ("against", AGAINST)):
        (hexadecimal,) = re.findall(rf"--{name}: #([0-9a-f]{{6}})", style)
        assert bytes.fromhex(hexadecimal) == bytes(color.tolist())
