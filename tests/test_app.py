"""The app in a real Chromium: drawn on with a mouse on a desktop, with a finger on a phone."""

import json
import os
from dataclasses import dataclass
from urllib.error import HTTPError
from urllib.request import urlopen

import nbformat
import psutil
import pytest
from browser import (
    NO_BROWSER,
    ONE,
    ROOT,
    SEVEN,
    browser,
    draw,
    draw_by_touch,
    find_browser,
    open_pad,
    unfold,
    voila,
    wait_for_digit,
)
from browser import server as serve

from nnlib import Recognizer
from nnlib.drawing import read_drawings
from nnlib.images import read_image


def test_the_app_is_a_title_an_import_and_one_widget():
    cells = json.loads((ROOT / "app.ipynb").read_text(encoding="utf-8"))["cells"]
    assert ["".join(cell["source"]) for cell in cells] == [
        "# Draw a digit",
        "from nnlib.app import Inspector",
        "Inspector()",
    ]


def test_closed_tabs_give_their_kernel_back_within_a_minute():
    """The page's own farewell is refused by the server, so idle kernels must be culled."""
    config = json.loads((ROOT / "voila.json").read_text(encoding="utf-8"))
    culling = config["MappingKernelManager"]
    assert 0 < culling["cull_idle_timeout"] + culling["cull_interval"] <= 60


# --- the page, in Chromium ----------------------------------------------------------------


@pytest.fixture(scope="module")
def chromium():
    if find_browser() is None:
        if os.environ.get("CI"):
            pytest.fail(NO_BROWSER)
        pytest.skip(NO_BROWSER)
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def server(chromium):
    with voila() as started:
        yield started


DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@dataclass(frozen=True)
class Hand:
    """Somebody at the app: with a mouse at a desktop, or with a finger on a phone."""

    page: object
    touches: bool

    def draw(self, strokes) -> None:
        pad = self.page.locator(".nnlib-sketchpad canvas")
        (draw_by_touch if self.touches else draw)(self.page, pad, strokes)

    def press(self, selector: str, **options) -> None:
        place = self.page.locator(selector)
        place.tap(**options) if self.touches else place.click(**options)


def new_page(chromium, options: dict):
    context = chromium.new_context(**options)
    context.set_default_timeout(60_000)
    return context.new_page()


@pytest.fixture
def page(chromium):
    page = new_page(chromium, DESKTOP)
    yield page
    page.context.close()


@pytest.fixture(params=["mouse", "touch"])
def hand(chromium, server, request):
    touches = request.param == "touch"
    page = new_page(chromium, PHONE if touches else DESKTOP)
    open_pad(page, server[0])
    yield Hand(page, touches)
    page.context.close()


def ink_on(canvas, darker_than: int = 128) -> float:
    """The share of a canvas's pixels that are dark, as the browser has them."""
    return canvas.evaluate(
        """(canvas, most) => {
            const {width, height} = canvas;
            const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
            let dark = 0;
            for (let i = 0; i < data.length; i += 4) dark += data[i] < most && data[i + 3] > 128;
            return dark / (width * height);
        }""",
        darker_than,
    )


def test_draw_undo_redo_and_clear(hand):
    page = hand.page
    pad, tensor = page.locator(".nnlib-sketchpad canvas"), page.locator(".nnlib-tensor canvas")
    hand.draw(SEVEN)
    wait_for_digit(page, 7)
    assert 0.03 < ink_on(pad) < 0.2  # strokes of the pen's width, not hair lines
    assert 0.03 < ink_on(tensor) < 0.3
    hand.press(".nnlib-undo")
    page.locator(".nnlib-redo:not([disabled])").wait_for()
    wait_for_digit(page, 7)  # without its bar it is still a seven
    barless = ink_on(pad)
    hand.press(".nnlib-undo")
    wait_for_digit(page, "")
    hand.press(".nnlib-redo")
    wait_for_digit(page, 7)
    assert ink_on(pad) == barless
    hand.press(".nnlib-clear")
    wait_for_digit(page, "")
    page.locator(".nnlib-sketchpad.nnlib-empty").wait_for()
    assert ink_on(pad) == 0 and ink_on(tensor) == 0
    hand.draw(ONE)
    wait_for_digit(page, 1)


def test_every_panel_explains_the_drawing(hand):
    page = hand.page
    hand.draw(SEVEN)
    wait_for_digit(page, 7)
    unfold(page)

    def panel(name: str, text: str):
        page.locator(f".nnlib-{name}", has_text=text).wait_for()
        return page.locator(f".nnlib-{name}")

    unusual = panel("diagnostics", "of the training 7s")
    for name in ("density", "offset", "area", "thickness", "slant", "aspect"):
        assert name in unusual.inner_text()
    assert unusual.locator("svg .nnlib-read").count() == 6
    assert panel("what-if", "7").locator(".nnlib-names span").count() == 6
    assert panel("ladder", "softmax").locator("tr").count() == 4
    assert "7, the answer" in panel("where", "the runner-up").inner_text()
    assert "of 128 active" in panel("inside", "of 256 active").inner_text()
    panel("lookalikes", "a 7,")
    panel("replay", "7 100 %")
    for name in ("what-if", "where", "lookalikes"):
        assert ink_on(page.locator(f".nnlib-{name} canvas"), 200) > 0.02
    for canvas in page.locator(".nnlib-inside canvas").all():
        assert ink_on(canvas, 200) > 0.02
    assert page.locator(".nnlib-status").inner_text() == ""


def test_a_folded_panel_is_gone_until_it_is_opened(hand):
    page = hand.page
    hand.press("button.nnlib-fold:has-text('What if?')")
    page.locator(".nnlib-what-if").wait_for(state="hidden")
    page.locator("button.nnlib-fold[aria-expanded=false]:has-text('What if?')").wait_for()
    hand.draw(SEVEN)
    wait_for_digit(page, 7)
    hand.press("button.nnlib-fold:has-text('What if?')")
    page.locator(".nnlib-what-if:visible", has_text="7").wait_for()
    page.locator("button.nnlib-fold[aria-expanded=true]:has-text('What if?')").wait_for()


def test_twelve_examples_can_be_tried(hand):
    page = hand.page
    assert page.locator(".nnlib-example").count() == 12
    for note, digit in (("crossed 7", 7), ("tiny 3", 3), ("1 with a flag", 1)):
        hand.press(f".nnlib-example[title*='{note}']")
        wait_for_digit(page, digit)
    hand.press(".nnlib-example[title*='no digit']")
    page.locator(".nnlib-advice", has_text="It could also be").or_(
        page.locator(".nnlib-advice", has_text="may be no digit")
    ).wait_for()
    hand.press(".nnlib-undo")
    wait_for_digit(page, 1)


def test_the_replay_goes_back_to_the_first_stroke(hand):
    page = hand.page
    hand.draw(SEVEN)
    wait_for_digit(page, 7)
    hand.press("button.nnlib-fold:has-text('Replay')")
    sketch = page.locator(".nnlib-sketch polyline")
    page.wait_for_function("() => document.querySelectorAll('.nnlib-sketch polyline').length == 2")
    box = page.locator(".nnlib-time .noUi-target").bounding_box()
    hand.press(".nnlib-time .noUi-target", position={"x": 2, "y": box["height"] / 2})
    page.wait_for_function("() => document.querySelectorAll('.nnlib-sketch polyline').length == 1")
    hand.press(".nnlib-play button >> nth=0")
    page.wait_for_function("() => document.querySelectorAll('.nnlib-sketch polyline').length == 2")
    assert sketch.count() == 2


def test_the_drawing_is_taken_away_as_picture_and_as_strokes(hand, tmp_path):
    page = hand.page
    hand.draw(SEVEN)
    wait_for_digit(page, 7)
    for link, name in (("picture", "drawing.png"), ("drawings file", "drawing.jsonl")):
        with page.expect_download() as download:
            hand.press(f".nnlib-take-away a[href]:has-text('{link}')")
        assert download.value.suggested_filename == name
        download.value.save_as(tmp_path / name)
    [drawing] = read_drawings(tmp_path / "drawing.jsonl")
    robust = Recognizer.load()
    assert len(drawing.strokes) == 2 and robust.read(drawing.strokes).digit == 7
    assert robust.read_image(read_image(tmp_path / "drawing.png")).digit == 7


def test_everything_fits_the_page_and_nothing_jumps(hand):
    """Boxes keep their height whatever is told in them."""
    page = hand.page
    unfold(page)
    page.evaluate(
        """() => { window.jumps = []; new PerformanceObserver(list => {
            for (const entry of list.getEntries()) jumps.push(entry.value);
        }).observe({type: "layout-shift"}); }"""
    )
    hand.draw(SEVEN)
    wait_for_digit(page, 7)
    for place in range(12):
        hand.press(f".nnlib-example-{place}")
        page.locator(".nnlib-take-away a[href]").first.wait_for()
        page.wait_for_function(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => "
            "done(true))))"
        )
    hand.press(".nnlib-clear")
    wait_for_digit(page, "")
    hand.draw(ONE)
    wait_for_digit(page, 1)
    assert page.evaluate("jumps") == []

    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(
        "width => [...document.querySelectorAll('.nnlib-app *')]"
        ".every(e => e.getBoundingClientRect().right <= width + 1)",
        width,
    )
    pad = page.locator(".nnlib-sketchpad").bounding_box()
    digit = page.locator(".nnlib-digit").bounding_box()
    tensor = page.locator(".nnlib-tensor canvas").bounding_box()
    if hand.touches:  # the pad, and below it the answer, in view at once
        assert 0 <= pad["y"] < pad["y"] + pad["height"] < digit["y"]
        assert digit["y"] + digit["height"] <= 844
    else:  # three columns
        assert pad["x"] + pad["width"] < digit["x"] < digit["x"] + digit["width"] < tensor["x"]
        assert max(box["y"] for box in (pad, digit, tensor)) < 200


def test_a_stroke_that_leaves_the_pad_ends_there(server, page):
    pad = open_pad(page, server[0])
    draw(page, pad, [[(0.5, 0.2), (0.5, 0.8), (0.5, 1.3)]], lift=False)
    draw(page, pad, [[(0.5, 1.4), (0.2, 0.5)]], lift=False)  # back, without pressing anew
    page.mouse.up()
    wait_for_digit(page, 1)


def test_keys_undo_redo_and_clear(server, page):
    pad = open_pad(page, server[0])
    draw(page, pad, ONE)
    wait_for_digit(page, 1)
    for keys, digit in (("Control+z", ""), ("Control+y", 1), ("Control+z", ""),
                        ("Control+Shift+Z", 1), ("Delete", ""), ("Control+z", 1)):  # fmt: skip
        page.keyboard.press(keys)
        wait_for_digit(page, digit)
    pad.focus()
    page.keyboard.press("Delete")
    wait_for_digit(page, "")


def test_a_screen_reader_finds_the_pad_and_hears_the_answer(server, page):
    pad = open_pad(page, server[0])
    page.get_by_role("application", name="Drawing pad").wait_for()
    reached = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.getAttribute('aria-label') ?? "
                                  "document.activeElement.textContent"))  # fmt: skip
    assert any(name.startswith("Drawing pad") for name in reached)
    assert {"Clear", "robust", "Example: a crossed 7", "What if?"} <= reached
    assert page.get_by_role("img", name="28 by 28 pixels").count() == 1
    assert page.get_by_role("button", name="robust").get_attribute("aria-pressed") == "true"
    spoken = page.locator(".nnlib-spoken[aria-live=polite][role=status]")
    draw(page, pad, ONE)
    spoken.get_by_text("1, 100% sure.").wait_for()
    assert spoken.bounding_box()["width"] <= 1  # for the ear only


def test_the_value_of_a_pixel_on_demand(hand):
    page = hand.page
    hand.draw(ONE)
    wait_for_digit(page, 1)
    tensor = page.locator(".nnlib-tensor canvas")
    tensor.scroll_into_view_if_needed()
    size = tensor.bounding_box()["width"]
    assert size >= 28 * 10  # large enough to see single pixels
    hand.press(".nnlib-tensor canvas", position={"x": size * 14.5 / 28, "y": size * 14.5 / 28})
    page.locator(".nnlib-pixel", has_text="row 14, column 14: 1.000").wait_for()


@pytest.mark.parametrize("hand", ["touch"], indirect=True)
def test_a_finger_draws_on_the_pad_and_scrolls_everywhere_else(hand):
    page, swipe = hand.page, [[(0.5, 0.7), (0.5, 0.2)]]

    def top() -> float:
        return page.locator(".nnlib-sketchpad").bounding_box()["y"]

    before = top()
    hand.draw(swipe)
    wait_for_digit(page, 1)
    assert top() == before
    tensor = page.locator(".nnlib-tensor canvas")
    tensor.scroll_into_view_if_needed()
    before = top()
    draw_by_touch(page, tensor, swipe)
    page.wait_for_function(
        "before => document.querySelector('.nnlib-sketchpad').getBoundingClientRect().y < before",
        arg=before - 100,
    )


def test_the_page_shows_no_code_no_error_and_asks_nobody_else(server, page):
    errors, requests = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    draw(page, open_pad(page, server[0]), SEVEN)
    wait_for_digit(page, 7)
    unfold(page)
    page.locator(".nnlib-replay", has_text="100 %").wait_for()
    page.wait_for_load_state("networkidle")
    assert "Inspector" not in page.locator("body").inner_text()
    assert errors == []
    own = (server[0], "data:", "blob:" + server[0])
    assert len(requests) > 10
    assert [url for url in requests if not url.startswith(own)] == []


def test_the_pad_appears_with_its_style(server, page):
    """From the first frame in which there is a pad, it looks as it will."""
    page.add_init_script(
        """window.looks = []; (function look() {
            const pad = document.querySelector(".nnlib-sketchpad");
            if (pad && pad.getBoundingClientRect().height) {
                const {border, borderRadius} = getComputedStyle(pad);
                looks.push(`${border} ${borderRadius} ${Math.round(pad.offsetWidth)}`);
            }
            requestAnimationFrame(look);
        })()"""
    )
    open_pad(page, server[0])
    page.wait_for_function("() => looks.length > 30")
    assert set(page.evaluate("looks")) == {"2px solid rgb(11, 95, 165) 10px 380"}


def test_the_same_widgets_work_in_jupyterlab(chromium, page, tmp_path):
    cells = ["from nnlib.app import Inspector", "Inspector()"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, tmp_path / "try.ipynb")
    options = (f"--ServerApp.root_dir={tmp_path}", "--IdentityProvider.token=", "--allow-root",
               "--ServerApp.use_redirect_file=False")  # fmt: skip
    own = {"JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings"),
           "JUPYTERLAB_WORKSPACES_DIR": str(tmp_path / "workspaces")}  # fmt: skip
    with serve("jupyterlab", *options, **own) as (address, *_):
        page.goto(f"{address}lab/tree/try.ipynb")
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        pad = page.locator(".nnlib-sketchpad canvas")
        pad.wait_for()
        page.locator(".nnlib-advice", has_text="Draw a digit").wait_for()
        draw(page, pad, SEVEN)
        wait_for_digit(page, 7)
        page.locator(".nnlib-diagnostics", has_text="of the training 7s").wait_for()
        page.keyboard.press("Control+z")  # the pad's, not the notebook's
        page.locator(".nnlib-redo:not([disabled])").wait_for()
        page.keyboard.press("Delete")
        wait_for_digit(page, "")
        assert page.locator(".jp-CodeCell").count() == 2


@pytest.mark.parametrize("file", ["README.md", "app.ipynb", ".github/app.png"])
def test_the_server_gives_away_no_file(server, file):
    with pytest.raises(HTTPError, match="403"):
        urlopen(f"{server[0]}voila/files/{file}")


def test_when_the_kernel_dies_the_page_says_so_and_offers_to_reload(chromium, page):
    with voila() as (address, process, _):
        draw(page, open_pad(page, address), ONE)
        wait_for_digit(page, 1)
        for kernel in psutil.Process(process.pid).children():
            kernel.kill()
        lost = page.locator(".nnlib-status [role=alert]")
        lost.wait_for()
        assert "connection to the recogniser is lost" in lost.inner_text()
        lost.get_by_role("button", name="Reload").click()
        page.locator(".nnlib-advice", has_text="Draw a digit").wait_for()
        draw(page, page.locator(".nnlib-sketchpad canvas"), ONE)
        wait_for_digit(page, 1)


def test_a_closed_tab_gives_its_kernel_back(chromium, page):
    quick = (
        "--MappingKernelManager.cull_idle_timeout=10",
        "--MappingKernelManager.cull_interval=1",
    )
    with voila(*quick) as (address, process, _):
        draw(page, open_pad(page, address), ONE)
        wait_for_digit(page, 1)
        kernels = psutil.Process(process.pid).children()
        assert len(kernels) == 1
        page.close()
        psutil.wait_procs(kernels, timeout=60)
        assert not kernels[0].is_running()
