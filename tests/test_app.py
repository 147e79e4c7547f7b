"""The drawing app: its widgets driven directly, and the page in a real Chromium."""

import asyncio
import json
import logging
import os
from dataclasses import replace
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
import psutil
import pytest
from browser import (
    NO_BROWSER,
    ONE,
    ROOT,
    SEVEN,
    browser,
    draw,
    find_browser,
    open_pad,
    voila,
    wait_for_digit,
)

from nnlib.app import Inspector
from nnlib.app.sketchpad import Sketchpad
from nnlib.drawing import DrawingError


def stroke(pad: Sketchpad, *points: tuple[float, float]) -> None:
    pad.begin(*points[0])
    for point in points[1:]:
        pad.extend(*point)
    pad.end()


def draw_one(inspector: Inspector) -> None:
    stroke(inspector.sketchpad, (250, 100), (250, 250), (248, 400))


# --- the widgets, without a browser -------------------------------------------------------


def test_a_stroke_is_what_was_drawn_between_pen_down_and_pen_up():
    done = []
    pad = Sketchpad(on_draw=lambda: None, on_done=lambda: done.append(len(pad.strokes)))
    pad.extend(1, 1)  # a pointer that only hovers draws nothing
    pad.end()
    assert pad.strokes == [] and done == []
    stroke(pad, (10, 20), (30, 40))
    stroke(pad, (50, 60))
    assert pad.strokes == [[(10, 20), (30, 40)], [(50, 60)]]
    assert done == [1, 2]


def test_undo_takes_back_one_stroke_and_clear_all():
    pad = Sketchpad(on_draw=lambda: None, on_done=lambda: None)
    for x in (10, 20, 30):
        stroke(pad, (x, x))
    pad.undo()
    assert pad.strokes == [[(10, 10)], [(20, 20)]]
    pad.clear()
    pad.undo()  # nothing left: nothing happens
    assert pad.strokes == []


def test_the_inspector_shows_one_reading_in_every_panel():
    inspector = Inspector()
    assert inspector.reading is None
    assert inspector.answer.digit.value == ""
    assert "Draw a digit" in inspector.answer.advice.value
    draw_one(inspector)
    reading = inspector.reading
    assert reading.digit == 1
    assert inspector.answer.digit.value == "1"
    assert inspector.answer.confidence.value == f"{reading.confidence:.1%} sure"
    assert inspector.bars.value.count('class="nnlib-bar') == 10
    for probability in reading.probabilities:
        assert f"{probability:.1%}</em>" in inspector.bars.value
    assert (inspector.tensor.tensor.ravel() == reading.tensor).all()
    for diagnostic in reading.diagnostics:
        for part in (diagnostic.name, f"{diagnostic.as_drawn:.3f}", f"{diagnostic.as_read:.3f}",
                     f"{diagnostic.low:.3f}–{diagnostic.high:.3f}", diagnostic.state):  # fmt: skip
            assert part in inspector.diagnostics.value
    inspector.sketchpad.clear()
    assert inspector.reading is None
    assert inspector.answer.digit.value == ""
    assert not inspector.tensor.tensor.any()


def test_the_pixel_pointed_at_tells_its_value():
    inspector = Inspector()
    draw_one(inspector)
    row, column = divmod(int(inspector.reading.tensor.argmax()), 28)
    inspector.tensor.point(column + 0.5, row + 0.5)
    assert inspector.tensor.value.value == f"row {row}, column {column}: 1.000"
    inspector.tensor.point(28.0, -0.1)  # the rim of the canvas is no pixel
    assert inspector.tensor.value.value == inspector.tensor.hint


def test_another_model_reads_the_same_drawing_again():
    inspector = Inspector()
    draw_one(inspector)
    before = inspector.reading.probabilities
    inspector.model.value = "softmax"
    assert len(inspector.recognizer.network.layers) == 1
    assert (inspector.reading.probabilities != before).any()
    assert inspector.sketchpad.strokes


def test_an_answer_of_low_confidence_says_that_it_may_be_no_digit():
    inspector = Inspector()
    draw_one(inspector)

    def advice(*, one: float, seven: float) -> str:
        rest = (1 - one - seven) / 8
        probabilities = np.full(10, rest, np.float32)
        probabilities[[1, 7]] = one, seven
        inspector.answer.show(replace(inspector.reading, probabilities=probabilities))
        return inspector.answer.advice.value

    assert advice(one=0.99, seven=0.01) == ""
    assert advice(one=0.6, seven=0.4) == "It could also be a 7."
    assert advice(one=0.3, seven=0.2).startswith("This may be no digit at all.")


def test_while_drawing_readings_never_queue():
    """A thousand moves in a burst make two readings, the timed one and that of pen-up."""

    async def session() -> int:
        inspector = Inspector()
        readings = []
        read = inspector.recognizer.read
        inspector.recognizer.read = lambda *drawing: readings.append(drawing) or read(*drawing)
        inspector.sketchpad.begin(250, 100)
        for y in range(1000):
            inspector.sketchpad.extend(250, 100 + 0.3 * y)
        assert not readings  # moving only starts the timer
        timer = inspector._timer
        while inspector._timer is timer:
            await asyncio.sleep(0.005)
        assert len(readings) == 1 and inspector.reading.digit == 1
        inspector.sketchpad.extend(250, 420)
        inspector.sketchpad.end()
        assert inspector._timer is None
        return len(readings)

    assert asyncio.run(session()) == 2


def test_an_error_in_a_handler_is_told_calmly_logged_in_full_and_survived(caplog, monkeypatch):
    inspector = Inspector()
    guarded_end = inspector._guard(inspector.sketchpad.end)

    def broken(*_):
        raise DrawingError("The <drawing> is odd.")

    monkeypatch.setattr(inspector.recognizer, "read", broken)
    with caplog.at_level(logging.ERROR, "nnlib.app"):
        inspector.sketchpad.begin(250, 100)
        guarded_end()
    assert "The &lt;drawing&gt; is odd." in inspector.status.value
    assert "Traceback" not in inspector.status.value
    assert "Traceback" in caplog.text
    monkeypatch.undo()
    inspector.sketchpad.clear()
    draw_one(inspector)
    assert inspector.status.value == "" and inspector.answer.digit.value == "1"


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


@pytest.fixture
def page(chromium, request):
    options = getattr(request, "param", {"viewport": {"width": 1280, "height": 800}})
    context = chromium.new_context(**options)
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def ink_on(canvas) -> float:
    """The share of a canvas's pixels that are dark, as the browser has them."""
    return canvas.evaluate(
        """canvas => {
            const {width, height} = canvas;
            const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
            let dark = 0;
            for (let i = 0; i < data.length; i += 4) dark += data[i] < 128 && data[i + 3] > 128;
            return dark / (width * height);
        }"""
    )


def test_draw_with_the_mouse_undo_and_clear(server, page):
    pad = open_pad(page, server[0])
    draw(page, pad, SEVEN)
    wait_for_digit(page, 7)
    thick = ink_on(pad)
    assert 0.03 < thick < 0.2  # strokes of the pen's width, not hair lines
    tensor = page.locator(".nnlib-tensor canvas")
    assert 0.03 < ink_on(tensor) < 0.3
    page.locator(".nnlib-undo").click()
    page.wait_for_function("() => !document.querySelector('.nnlib-empty')")
    wait_for_digit(page, 7)  # without its bar it is still a seven
    page.locator(".nnlib-undo").click()
    wait_for_digit(page, "")
    draw(page, pad, ONE)
    wait_for_digit(page, 1)
    page.locator(".nnlib-clear").click()
    wait_for_digit(page, "")
    assert page.locator(".nnlib-sketchpad.nnlib-empty").count() == 1
    assert ink_on(pad) == 0 and ink_on(tensor) == 0


def test_a_stroke_that_leaves_the_pad_ends_there(server, page):
    pad = open_pad(page, server[0])
    draw(page, pad, [[(0.5, 0.2), (0.5, 0.8), (0.5, 1.3)]], lift=False)
    draw(page, pad, [[(0.5, 1.4), (0.2, 0.5)]], lift=False)  # back, without pressing anew
    page.mouse.up()
    wait_for_digit(page, 1)


@pytest.mark.parametrize("page", [PHONE], indirect=True)
def test_draw_with_a_finger_on_a_phone(server, page):
    pad = open_pad(page, server[0])
    box = pad.bounding_box()
    touch = page.context.new_cdp_session(page)

    def send(kind: str, *place: float) -> None:
        points = [
            {"x": box["x"] + place[0] * box["width"], "y": box["y"] + place[1] * box["height"]}
        ]
        touch.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": points if kind != "touchEnd" else []},
        )

    send("touchStart", 0.5, 0.2)
    for step in range(1, 20):
        send("touchMove", 0.5, 0.2 + 0.03 * step)
    send("touchEnd", 0.5, 0.8)
    wait_for_digit(page, 1)

    # Everything fits the width; the pad and the answer are in view at once.
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(
        "[...document.querySelectorAll('.nnlib-app *')]"
        ".every(e => e.getBoundingClientRect().right <= 391)"
    )
    digit = page.locator(".nnlib-digit").bounding_box()
    assert box["y"] >= 0 and digit["y"] + digit["height"] <= 844


def test_the_value_of_a_pixel_on_demand(server, page):
    draw(page, open_pad(page, server[0]), ONE)
    wait_for_digit(page, 1)
    box = page.locator(".nnlib-tensor canvas").bounding_box()
    assert box["width"] >= 28 * 10  # large enough to see single pixels
    page.mouse.move(box["x"] + box["width"] * 14.5 / 28, box["y"] + box["height"] * 14.5 / 28)
    page.locator(".nnlib-pixel", has_text="row 14, column 14: 1.000").wait_for()


def test_the_page_shows_no_code_and_no_error(server, page):
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    draw(page, open_pad(page, server[0]), SEVEN)
    wait_for_digit(page, 7)
    assert "Inspector" not in page.locator("body").inner_text()
    assert page.locator(".nnlib-diagnostics tbody tr").count() == 3
    assert errors == []


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
