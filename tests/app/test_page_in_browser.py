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
    ROOT,
    browser,
    draw,
    draw_by_touch,
    find_browser,
    open_pad,
    open_panels,
    voila,
    wait_for_digit,
)
from browser import server as serve
from helpers import ONE, SEVEN

from nnlib import Recognizer
from nnlib.datasets.drawings_file import read_drawings
from nnlib.preprocessing.images import read_image

pytestmark = pytest.mark.browser


def test_app_notebook_is_a_title_an_import_and_one_widget():
    cells = json.loads((ROOT / "app.ipynb").read_text(encoding="utf-8"))["cells"]
    assert ["".join(cell["source"]) for cell in cells] == [
        "# Draw a digit",
        "from nnlib.app import Inspector",
        "Inspector()",
    ]


def test_voila_culls_the_kernel_of_a_closed_tab_within_a_minute():
    """The server refuses the page's request to shut its kernel down, so it must cull idle ones."""
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
class Visitor:
    """A page with a mouse on a desktop, or with a finger on a phone."""

    page: object
    touches: bool

    def draw(self, strokes) -> None:
        pad = self.page.locator(".nnlib-sketchpad canvas")
        (draw_by_touch if self.touches else draw)(self.page, pad, strokes)

    def press(self, selector: str, **options) -> None:
        target = self.page.locator(selector)
        target.tap(**options) if self.touches else target.click(**options)


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
def visitor(chromium, server, request):
    touches = request.param == "touch"
    page = new_page(chromium, PHONE if touches else DESKTOP)
    open_pad(page, server[0])
    yield Visitor(page, touches)
    page.context.close()


def ink_on(canvas, darker_than: int = 128) -> float:
    """The fraction of a canvas's pixels that are dark in the browser."""
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


def test_draw_undo_redo_and_clear_change_pad_and_answer(visitor):
    page = visitor.page
    pad, input_canvas = page.locator(".nnlib-sketchpad canvas"), page.locator(".nnlib-input canvas")
    visitor.draw(SEVEN)
    wait_for_digit(page, 7)
    assert 0.03 < ink_on(pad) < 0.2  # strokes as wide as the pen, not thin lines
    assert 0.03 < ink_on(input_canvas) < 0.3
    visitor.press(".nnlib-undo")
    page.locator(".nnlib-redo:not([disabled])").wait_for()
    wait_for_digit(page, 7)  # without the bar it is still a seven
    without_bar = ink_on(pad)
    visitor.press(".nnlib-undo")
    wait_for_digit(page, "")
    visitor.press(".nnlib-redo")
    wait_for_digit(page, 7)
    assert ink_on(pad) == without_bar
    visitor.press(".nnlib-clear")
    wait_for_digit(page, "")
    page.locator(".nnlib-sketchpad.nnlib-empty").wait_for()
    assert ink_on(pad) == 0 and ink_on(input_canvas) == 0
    visitor.draw(ONE)
    wait_for_digit(page, 1)


def test_every_panel_explains_the_drawing(visitor):
    page = visitor.page
    visitor.draw(SEVEN)
    wait_for_digit(page, 7)
    open_panels(page)

    def panel(name: str, text: str):
        page.locator(f".nnlib-{name}", has_text=text).wait_for()
        return page.locator(f".nnlib-{name}")

    diagnostics = panel("diagnostics", "of the training 7s")
    for name in ("density", "offset", "area", "thickness", "slant", "aspect"):
        assert name in diagnostics.inner_text()
    assert diagnostics.locator("svg .nnlib-mark-input").count() == 6
    assert panel("what-if", "7").locator(".nnlib-captions span").count() == 6
    assert panel("models", "softmax").locator("tr").count() == 4
    assert "7, the answer" in panel("attribution", "the runner-up").inner_text()
    assert "of 128 active" in panel("activations", "of 256 active").inner_text()
    panel("neighbors", "a 7,")
    panel("replay", "7 100 %")
    for name in ("what-if", "attribution", "neighbors"):
        assert ink_on(page.locator(f".nnlib-{name} canvas"), 200) > 0.02
    for canvas in page.locator(".nnlib-activations canvas").all():
        assert ink_on(canvas, 200) > 0.02
    assert page.locator(".nnlib-status").inner_text() == ""


def test_closed_panel_is_hidden_until_it_is_opened(visitor):
    page = visitor.page
    visitor.press("button.nnlib-collapsible:has-text('What if?')")
    page.locator(".nnlib-what-if").wait_for(state="hidden")
    page.locator("button.nnlib-collapsible[aria-expanded=false]:has-text('What if?')").wait_for()
    visitor.draw(SEVEN)
    wait_for_digit(page, 7)
    visitor.press("button.nnlib-collapsible:has-text('What if?')")
    page.locator(".nnlib-what-if:visible", has_text="7").wait_for()
    page.locator("button.nnlib-collapsible[aria-expanded=true]:has-text('What if?')").wait_for()


def test_example_buttons_draw_and_predict(visitor):
    page = visitor.page
    assert page.locator(".nnlib-example").count() == 12
    for note, digit in (("crossed 7", 7), ("tiny 3", 3), ("1 with a flag", 1)):
        visitor.press(f".nnlib-example[title*='{note}']")
        wait_for_digit(page, digit)
    visitor.press(".nnlib-example[title*='no digit']")
    page.locator(".nnlib-doubt:visible", has_text="doesn't look like a digit").wait_for()
    visitor.press(".nnlib-undo")
    wait_for_digit(page, 1)


def test_replay_goes_back_to_the_first_stroke_and_plays(visitor):
    page = visitor.page
    visitor.draw(SEVEN)
    wait_for_digit(page, 7)
    visitor.press("button.nnlib-collapsible:has-text('Replay')")
    sketch = page.locator(".nnlib-sketch polyline")
    page.wait_for_function("() => document.querySelectorAll('.nnlib-sketch polyline').length == 2")
    box = page.locator(".nnlib-slider .noUi-target").bounding_box()
    visitor.press(".nnlib-slider .noUi-target", position={"x": 2, "y": box["height"] / 2})
    page.wait_for_function("() => document.querySelectorAll('.nnlib-sketch polyline').length == 1")
    visitor.press(".nnlib-play button >> nth=0")
    page.wait_for_function("() => document.querySelectorAll('.nnlib-sketch polyline').length == 2")
    assert sketch.count() == 2


def test_export_links_save_picture_and_strokes(visitor, tmp_path):
    page = visitor.page
    visitor.draw(SEVEN)
    wait_for_digit(page, 7)
    for link, name in (("picture", "drawing.png"), ("drawings file", "drawing.jsonl")):
        with page.expect_download() as download:
            visitor.press(f".nnlib-export a[href]:has-text('{link}')")
        assert download.value.suggested_filename == name
        download.value.save_as(tmp_path / name)
    [drawing] = read_drawings(tmp_path / "drawing.jsonl")
    robust = Recognizer.load()
    assert len(drawing.strokes) == 2 and robust.predict(drawing.strokes).digit == 7
    assert robust.predict_image(read_image(tmp_path / "drawing.png")).digit == 7


def test_nothing_moves_when_the_drawing_changes(visitor):
    """Every box keeps its height, whatever the text in it."""
    page = visitor.page
    open_panels(page)
    page.evaluate(
        """() => { window.shifts = []; new PerformanceObserver(list => {
            for (const entry of list.getEntries()) shifts.push(entry.value);
        }).observe({type: "layout-shift"}); }"""
    )
    for index in range(12):
        visitor.press(f".nnlib-example-{index}")
        page.locator(".nnlib-export a[href]").first.wait_for()
        page.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
    visitor.press(".nnlib-clear")
    wait_for_digit(page, "")
    visitor.draw(ONE)
    wait_for_digit(page, 1)
    assert page.evaluate("shifts") == []


def test_every_element_fits_the_width_of_the_page(visitor):
    page = visitor.page
    open_panels(page)
    visitor.draw(SEVEN)
    wait_for_digit(page, 7)
    page.locator(".nnlib-replay", has_text="7 100 %").wait_for()
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    outside = page.evaluate(
        """width => [...document.querySelectorAll(".nnlib-app *")]
            .filter(element => element.getBoundingClientRect().right > width + 1)
            .map(element => element.outerHTML)""",
        width,
    )
    assert outside == []


def test_pad_answer_and_input_are_in_view(visitor):
    page = visitor.page
    pad, digit, pixels = (
        page.locator(f".nnlib-{name}").bounding_box() for name in ("sketchpad", "digit", "pixels")
    )
    if visitor.touches:  # the answer right below the pad
        assert 0 <= pad["y"] < pad["y"] + pad["height"] < digit["y"]
        assert digit["y"] + digit["height"] <= PHONE["viewport"]["height"]
    else:  # side by side
        assert pad["x"] + pad["width"] < digit["x"] < digit["x"] + digit["width"] < pixels["x"]
        assert max(box["y"] for box in (pad, digit, pixels)) < 200


def test_stroke_that_leaves_the_pad_ends_there(server, page):
    pad = open_pad(page, server[0])
    draw(page, pad, [[(0.5, 0.2), (0.5, 0.8), (0.5, 1.3)]], lift=False)
    draw(page, pad, [[(0.5, 1.4), (0.2, 0.5)]], lift=False)  # back, without pressing again
    page.mouse.up()
    wait_for_digit(page, 1)


def test_keys_undo_redo_and_clear_the_drawing(server, page):
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


def test_screen_reader_finds_the_pad_and_hears_the_answer(server, page):
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
    live_region = page.locator(".nnlib-live-region[aria-live=polite][role=status]")
    draw(page, pad, ONE)
    live_region.get_by_text("1, 100% sure.").wait_for()
    assert live_region.bounding_box()["width"] <= 1  # not visible


def test_pixel_pointed_at_shows_its_value(visitor):
    page = visitor.page
    visitor.draw(ONE)
    wait_for_digit(page, 1)
    input_canvas = page.locator(".nnlib-input canvas")
    input_canvas.scroll_into_view_if_needed()
    size = input_canvas.bounding_box()["width"]
    assert size >= 28 * 10  # large enough to see single pixels
    visitor.press(".nnlib-input canvas", position={"x": size * 14.5 / 28, "y": size * 14.5 / 28})
    page.locator(".nnlib-pixel", has_text="row 14, column 14: 1.000").wait_for()


@pytest.mark.parametrize("visitor", ["touch"], indirect=True)
def test_finger_draws_on_the_pad_and_scrolls_elsewhere(visitor):
    page, swipe = visitor.page, [[(0.5, 0.7), (0.5, 0.2)]]

    def top() -> float:
        return page.locator(".nnlib-sketchpad").bounding_box()["y"]

    before = top()
    visitor.draw(swipe)
    wait_for_digit(page, 1)
    assert top() == before
    input_canvas = page.locator(".nnlib-input canvas")
    input_canvas.scroll_into_view_if_needed()
    before = top()
    draw_by_touch(page, input_canvas, swipe)
    page.wait_for_function(
        "before => document.querySelector('.nnlib-sketchpad').getBoundingClientRect().y < before",
        arg=before - 100,
    )


def test_page_shows_no_code_and_asks_no_other_server(server, page):
    errors, requests = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    draw(page, open_pad(page, server[0]), SEVEN)
    wait_for_digit(page, 7)
    open_panels(page)
    page.locator(".nnlib-replay", has_text="100 %").wait_for()
    page.wait_for_load_state("networkidle")
    assert "Inspector" not in page.locator("body").inner_text()
    assert errors == []
    own = (server[0], "data:", "blob:" + server[0])
    assert len(requests) > 10
    assert [url for url in requests if not url.startswith(own)] == []


def test_pad_has_its_style_from_the_first_frame(server, page):
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


@pytest.mark.slow
def test_app_works_in_jupyterlab(chromium, page, tmp_path):
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
def test_server_refuses_to_serve_files(server, file):
    with pytest.raises(HTTPError, match="403"):
        urlopen(f"{server[0]}voila/files/{file}")


@pytest.mark.slow
def test_page_says_that_its_kernel_died_and_reloads(chromium, page):
    with voila() as (address, process, _):
        draw(page, open_pad(page, address), ONE)
        wait_for_digit(page, 1)
        for kernel in psutil.Process(process.pid).children():
            kernel.kill()
        alert = page.locator(".nnlib-status [role=alert]")
        alert.wait_for()
        assert "connection to the recognizer is lost" in alert.inner_text()
        alert.get_by_role("button", name="Reload").click()
        page.locator(".nnlib-advice", has_text="Draw a digit").wait_for()
        draw(page, page.locator(".nnlib-sketchpad canvas"), ONE)
        wait_for_digit(page, 1)


@pytest.mark.slow
def test_closed_tab_gives_its_kernel_back(chromium, page):
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
