"""The saved picture and drawings file hold what was drawn, and need no request to the server."""

import base64
import io
from html.parser import HTMLParser

import numpy as np
import pytest
from helpers import DIGITS, some_strokes
from hypothesis import given, settings
from PIL import Image

from nnlib.app.panels.base import Snapshot
from nnlib.app.panels.export import PNG_SIDE, ExportPanel, drawing_to_png
from nnlib.datasets.drawings_file import read_drawings
from nnlib.preprocessing.drawing import CANVAS_SIDE, Drawing, check_strokes
from nnlib.preprocessing.images import read_image


def drawn(strokes, **known) -> Drawing:
    return Drawing(check_strokes(strokes), **known)


def pixels(drawing: Drawing) -> np.ndarray:
    with Image.open(io.BytesIO(drawing_to_png(drawing))) as image:
        assert (image.format, image.mode) == ("PNG", "L")
        return np.asarray(image)


def dark(image: np.ndarray) -> float:
    """How many pixels' worth of black there is."""
    return float((255 - image.astype(float)).sum() / 255)


class TestPicture:
    def test_png_is_black_on_white_and_500_pixels_wide(self):
        image = pixels(drawn(DIGITS[7]))
        assert image.shape == (PNG_SIDE, PNG_SIDE) == (500, 500)
        assert (image.min(), image.max()) == (0, 255)
        assert image[105:115, 200:300].max() == 0  # the bar of the 7
        assert (image[0] == 255).all() and (image[:, 0] == 255).all()

    @pytest.mark.parametrize("digit", DIGITS)
    @pytest.mark.parametrize("pen", [12.0, 500 / 14, 60.0])
    def test_png_shows_position_and_thickness_of_the_strokes(self, tmp_path, deep, digit, pen):
        """Shrunk to 28×28, it equals the strokes rasterized at that size."""
        drawing = drawn(DIGITS[digit], pen=pen)
        (tmp_path / "drawing.png").write_bytes(drawing_to_png(drawing))
        image = deep.predict_image(read_image(tmp_path / "drawing.png"))
        strokes = deep.predict(drawing.strokes, drawing.canvas, drawing.pen)
        assert np.abs(image.as_drawn - strokes.as_drawn).mean() < 0.005
        assert image.as_drawn.sum() == pytest.approx(strokes.as_drawn.sum(), rel=0.05)

    @pytest.mark.parametrize("digit", DIGITS)
    def test_png_and_strokes_give_the_same_digit(self, tmp_path, deep, digit):
        drawing = drawn(DIGITS[digit])
        (tmp_path / "drawing.png").write_bytes(drawing_to_png(drawing))
        assert deep.predict(drawing.strokes).digit == digit
        assert deep.predict_image(read_image(tmp_path / "drawing.png")).digit == digit

    def test_png_does_not_depend_on_the_canvas_size(self):
        strokes = check_strokes(DIGITS[5])
        large = Drawing([4 * stroke for stroke in strokes], canvas=2000, pen=120)
        small = Drawing([stroke / 250 for stroke in strokes], canvas=2, pen=0.12)
        expected = drawing_to_png(Drawing(strokes, canvas=500, pen=30))
        assert drawing_to_png(large) == drawing_to_png(small) == expected

    def test_png_shows_a_dot_as_large_as_the_pen(self):
        image = pixels(drawn([[[100, 300]]], pen=30))
        y, x = np.nonzero(image < 128)
        assert (x.mean(), y.mean()) == pytest.approx((99.5, 299.5), abs=0.6)
        assert dark(image) == pytest.approx(np.pi * 15**2, rel=0.05)

    def test_png_shows_a_dot_beside_a_stroke(self):
        without = pixels(drawn([[[250, 100], [250, 400]]]))
        image = pixels(drawn([[[250, 100], [250, 400]], [[420, 250]]]))
        radius = CANVAS_SIDE / 14 / 2
        assert dark(image) - dark(without) == pytest.approx(np.pi * radius**2, rel=0.05)
        assert image[250, 420] == 0 and without[250, 420] == 255

    @pytest.mark.parametrize(
        "strokes", [[[[250, 250]]], [[[250, 250]] * 3], [[[9, 9], [490, 480]]]]
    )
    def test_png_shows_even_the_thinnest_pen(self, strokes):
        image = pixels(drawn(strokes, pen=0.01))
        assert image.min() < 230

    def test_png_has_round_ends_and_joints(self):
        # The pen is 60 wide. 28 beyond the end on the way, and 28 from the corner's outside
        # diagonally, is ink; (24, 24) beyond the end is √2 · 24 = 34 away, and paper.
        image = pixels(drawn([[[100, 400], [100, 100], [400, 100]]], pen=60))
        assert image[428, 100] == 0 and image[424, 124] == 255
        assert image[100 - 20, 100 - 20] == 0 and image[100 - 24, 100 - 24] == 255

    def test_png_is_cut_off_at_the_edge_of_the_canvas(self):
        image = pixels(drawn([[[-300, 250], [900, 250]], [[250, -1e6]]]))
        assert image[250].max() == 0
        assert dark(image) == pytest.approx(500 * 500 / 14, rel=0.05)

    @settings(max_examples=25)
    @given(some_strokes)
    def test_png_has_ink_at_every_point(self, strokes):
        image = pixels(drawn(strokes))
        for x, y in np.concatenate(check_strokes(strokes)).clip(0, 499).astype(int):
            assert image[y, x] == 0


class Links(HTMLParser):
    """The links of a page, and every other address in it."""

    def __init__(self, page: str):
        super().__init__()
        self.links: dict[str, str] = {}  # the file's name → the address
        self.addresses: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.addresses += [
            value for name, value in attributes if name not in ("download", "class", "title")
        ]
        if tag == "a" and "href" in found:
            self.links[found["download"]] = found["href"]

    def handle_data(self, text):
        self.text += text


def content(address: str, kind: str) -> bytes:
    """The bytes in a data: URL."""
    start = f"data:{kind};base64,"
    assert address.startswith(start)
    return base64.b64decode(address.removeprefix(start), validate=True)


@pytest.fixture
def take_snapshot(deep):
    def take(drawing: Drawing, pen_up: bool = True) -> Snapshot:
        prediction = deep.predict(drawing.strokes, drawing.canvas, drawing.pen)
        return Snapshot(drawing, deep, prediction, pen_up)

    return take


def shown(snapshot: Snapshot | None) -> Links:
    panel = ExportPanel()
    panel.show(snapshot)
    return Links(panel.value)


class TestLinks:
    def test_empty_pad_has_no_links(self):
        page = shown(None)
        assert page.links == {} and page.addresses == []
        assert page.text == "Save as picture or drawings file"

    def test_links_hold_their_content_in_data_urls(self, take_snapshot):
        page = shown(take_snapshot(drawn(DIGITS[3])))
        assert list(page.links) == ["drawing.png", "drawing.jsonl"]
        assert page.text == "Save as picture or drawings file"
        assert page.addresses == list(page.links.values())  # nothing else is asked for
        assert all(address.startswith("data:") for address in page.addresses)

    @pytest.mark.parametrize("digit", DIGITS)
    def test_saved_picture_gives_the_digit_of_the_drawing(
        self, tmp_path, deep, take_snapshot, digit
    ):
        snapshot = take_snapshot(drawn(DIGITS[digit]))
        picture = content(shown(snapshot).links["drawing.png"], "image/png")
        (tmp_path / "drawing.png").write_bytes(picture)
        image = read_image(tmp_path / "drawing.png")
        assert image.shape == (500, 500)
        assert deep.predict_image(image).digit == snapshot.prediction.digit == digit

    @pytest.mark.parametrize(
        "drawing",
        [
            drawn(DIGITS[4]),
            drawn([[[250.25, 100.125]]]),
            drawn([[[1, 2]], [[3.3, 4.4], [5, 6]]], canvas=280, pen=20),
            drawn(DIGITS[1], label=1, writer="Zoë", note="a “1” & no <b>\n</b> 7"),
        ],
        ids=["4", "dot", "of another canvas", "with a note"],
    )
    def test_saved_file_gives_the_drawing_back(self, tmp_path, take_snapshot, drawing):
        file = tmp_path / "drawing.jsonl"
        file.write_bytes(
            content(shown(take_snapshot(drawing)).links["drawing.jsonl"], "application/jsonl")
        )
        (read,) = read_drawings(file)
        for stroke, expected in zip(read.strokes, drawing.strokes, strict=True):
            np.testing.assert_array_equal(stroke, expected)
        for name in ("label", "writer", "canvas", "pen", "note"):
            assert getattr(read, name) == getattr(drawing, name)

    def test_links_change_with_the_drawing_at_pen_up_only(self, take_snapshot):
        panel, before = ExportPanel(), None
        for drawing in (drawn(DIGITS[1]), drawn(DIGITS[2])):
            panel.show(take_snapshot(drawing))
            assert panel.value != before
            before = panel.value
        panel.show(take_snapshot(drawn(DIGITS[3]), pen_up=False))  # a picture takes a while to make
        assert panel.value == before
        panel.show(None)
        assert Links(panel.value).links == {}
