"""The app as one widget, driven without a browser or a kernel."""

import asyncio

import pytest

from nnlib.app import Inspector
from nnlib.datasets.drawings_file import read_drawings
from nnlib.files import data_path

ONE = [[(250, 100), (250, 250), (248, 400)]]  # in pixels of the pad


@pytest.fixture
def inspector():
    return Inspector()


def open_all(inspector: Inspector) -> None:
    for collapsible in inspector.collapsibles:
        collapsible.button.value = True


def test_undo_and_redo_buttons_are_disabled_when_useless(inspector):
    def enabled() -> list[bool]:
        return [not button.disabled for button in (inspector.undo, inspector.redo)]

    assert enabled() == [False, False]
    inspector.sketchpad.load(ONE)
    assert enabled() == [True, False]
    inspector.undo.click()
    assert enabled() == [False, True]
    inspector.redo.click()
    inspector.clear.click()
    assert enabled() == [True, False] and inspector.prediction is None
    inspector.undo.click()
    assert inspector.prediction.digit == 1


def test_each_example_button_draws_its_example(inspector):
    drawings = list(read_drawings(data_path("examples.jsonl")))
    buttons = inspector.examples.children
    assert len(buttons) == 12
    for button, drawing in zip(buttons, drawings, strict=False):
        assert button.tooltip == drawing.note
        button.click()
        assert inspector.sketchpad.strokes == [
            [tuple(point) for point in stroke.tolist()] for stroke in drawing.strokes
        ]


def test_undo_after_an_example_brings_the_drawing_back(inspector):
    inspector.sketchpad.load(ONE)
    inspector.examples.children[0].click()
    inspector.undo.click()
    assert inspector.sketchpad.strokes == ONE


def test_example_buttons_show_different_drawings(inspector):
    rules = inspector.examples.thumbnails_css().splitlines()
    assert len(set(rules)) == 12
    for index, rule in enumerate(rules):
        assert rule.startswith(f".nnlib-example-{index} {{ background-image: url('data:image/svg")


def test_another_model_predicts_the_same_drawing_again(inspector):
    inspector.sketchpad.load(ONE)
    before = inspector.prediction.probabilities
    inspector.model_choice.value = "softmax"
    assert inspector.recognizer.network.widths == (784, 10)
    assert (inspector.prediction.probabilities != before).any()
    assert inspector.sketchpad.strokes == ONE


def test_cleared_pad_empties_every_panel(inspector):
    open_all(inspector)

    def texts() -> list[str]:
        pending, found = list(inspector.children), []
        while pending:
            widget = pending.pop()
            pending.extend(getattr(widget, "children", ()))
            found.append(str(getattr(widget, "value", "")))
        return found

    empty = texts()
    inspector.sketchpad.load(ONE)
    assert texts() != empty
    inspector.sketchpad.clear()
    assert texts() == empty
    for collapsible in (inspector.what_if, inspector.attribution, inspector.neighbors):
        assert (collapsible.panel.picture.pixels == 255).all()


def test_closed_panels_are_not_computed_until_opened(inspector, monkeypatch):
    calls = []
    for collapsible in inspector.collapsibles:
        collapsible.button.value = False
        monkeypatch.setattr(collapsible.panel, "show", calls.append)
    inspector.sketchpad.load(ONE)
    assert calls == []
    for number, collapsible in enumerate(inspector.collapsibles, 1):
        assert collapsible.panel.layout.display == "none"
        collapsible.button.value = True
        assert calls == [inspector.snapshot] * number
        assert collapsible.panel.layout.display is None


def test_screen_reader_hears_the_answer_only_after_pen_up():
    async def session() -> None:
        inspector = Inspector()
        pad, answer = inspector.sketchpad, inspector.answer
        assert answer.live_region.value == "The pad is empty."
        pad.begin(250, 100)
        for y in range(120, 400, 20):
            pad.extend(250, y)
        while inspector.scheduler.busy:
            await asyncio.sleep(0.005)
        assert answer.digit.value == "1"
        assert answer.live_region.value == "The pad is empty."
        pad.end()
        assert answer.live_region.value.startswith("1, 100% sure.")

    asyncio.run(session())


def test_drawing_can_be_saved_only_after_pen_up():
    async def session() -> None:
        inspector = Inspector()
        inspector.sketchpad.begin(250, 100)
        inspector.sketchpad.extend(250, 400)
        while inspector.scheduler.busy:
            await asyncio.sleep(0.005)
        assert inspector.prediction is not None and "href" not in inspector.export.value
        inspector.sketchpad.end()
        while inspector.scheduler.busy:
            await asyncio.sleep(0.005)
        assert "href" in inspector.export.value

    asyncio.run(session())


def test_heartbeat_counts_the_presses_of_the_page(inspector):
    ping, pong = inspector.children[-2:]
    assert pong.value == "0"
    ping.click()
    ping.click()
    assert pong.value == "2"
