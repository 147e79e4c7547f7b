"""The app's widgets, driven directly: no browser, no kernel."""

import asyncio
import logging
from dataclasses import replace

import numpy as np
import pytest

from nnlib import Recognizer
from nnlib.app import Inspector
from nnlib.app.pictures import signed
from nnlib.app.sketchpad import Sketchpad
from nnlib.drawing import DrawingError, read_drawings
from nnlib.explain import activations, attribution
from nnlib.files import data_path
from nnlib.recognizer import model_names
from nnlib.whatif import what_if


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    """Look-alikes are looked for in files of their own, not in the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nnlib.lookalikes.CACHE", tmp_path_factory.mktemp("cache"))
        yield


def stroke(pad: Sketchpad, *points: tuple[float, float]) -> None:
    pad.begin(*points[0])
    for point in points[1:]:
        pad.extend(*point)
    pad.end()


def draw_one(inspector: Inspector) -> None:
    stroke(inspector.sketchpad, (250, 100), (250, 250), (248, 400))


def open_all(inspector: Inspector) -> None:
    for fold in inspector.folds:
        fold.button.value = True


# --- the pad ------------------------------------------------------------------------------


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


@pytest.fixture
def pad():
    return Sketchpad(on_draw=lambda: None, on_done=lambda: None)


def test_undo_takes_back_one_stroke_and_redo_brings_it_again(pad):
    for x in (10, 20, 30):
        stroke(pad, (x, x))
    pad.undo()
    pad.undo()
    assert pad.strokes == [[(10, 10)]]
    pad.redo()
    assert pad.strokes == [[(10, 10)], [(20, 20)]]
    pad.redo()
    pad.redo()  # nothing more was undone: nothing happens
    assert pad.strokes == [[(10, 10)], [(20, 20)], [(30, 30)]]
    for _ in range(5):
        pad.undo()
    assert pad.strokes == []


def test_what_was_undone_is_gone_once_something_else_is_drawn(pad):
    stroke(pad, (10, 10))
    pad.undo()
    stroke(pad, (20, 20))
    pad.redo()
    assert pad.strokes == [[(20, 20)]]


def test_a_drawing_that_was_cleared_or_replaced_can_be_brought_back(pad):
    stroke(pad, (10, 10), (11, 11))
    pad.clear()
    assert pad.strokes == []
    pad.clear()  # of an empty pad is nothing to be undone
    pad.undo()
    assert pad.strokes == [[(10, 10), (11, 11)]]
    pad.load(np.array([[[1, 2], [3, 4]]]))
    assert pad.strokes == [[(1, 2), (3, 4)]]
    pad.undo()
    assert pad.strokes == [[(10, 10), (11, 11)]]
    pad.redo()
    assert pad.strokes == [[(1, 2), (3, 4)]]


def test_undo_in_the_middle_of_a_stroke_ends_it(pad):
    stroke(pad, (10, 10))
    pad.begin(20, 20)
    pad.extend(30, 30)
    pad.undo()
    pad.extend(40, 40)
    assert pad.strokes == [[(10, 10)]]


def test_buttons_are_grey_while_they_would_do_nothing():
    inspector = Inspector()

    def usable() -> list[bool]:
        return [not button.disabled for button in (inspector.undo, inspector.redo)]

    assert usable() == [False, False]
    draw_one(inspector)
    assert usable() == [True, False]
    inspector.undo.click()
    assert usable() == [False, True]
    inspector.redo.click()
    inspector.clear.click()
    assert usable() == [True, False] and inspector.reading is None
    inspector.undo.click()
    assert inspector.reading.digit == 1


def test_an_example_is_drawn_by_its_button_and_can_be_undone():
    inspector = Inspector()
    drawings = list(read_drawings(data_path("examples.jsonl")))
    buttons = inspector.example_buttons
    assert len(buttons) == 12
    draw_one(inspector)
    before = inspector.sketchpad.strokes
    for button, drawing in zip(buttons, drawings, strict=False):
        assert button.tooltip == drawing.note
        button.click()
        shown = inspector.sketchpad.strokes
        assert all(np.array_equal(a, b) for a, b in zip(shown, drawing.strokes, strict=True))
        if drawing.label is not None:
            assert inspector.reading.digit == drawing.label
    for _ in buttons:
        inspector.undo.click()
    assert inspector.sketchpad.strokes == before


# --- the panels ---------------------------------------------------------------------------


def test_the_inspector_shows_one_reading_at_once():
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


def test_what_is_unusual_is_told_in_words_and_marked_in_the_histogram():
    inspector = Inspector()
    inspector.sketchpad.load([[(420, 40), (420, 60)]])  # a tiny 1 in a corner
    text = inspector.unusual.panel.value
    diagnostics = {d.name: d for d in inspector.reading.diagnostics}
    assert len(diagnostics) == 6
    rows = dict(zip(diagnostics, text.split('<div class="nnlib-measure">')[1:], strict=True))
    for name, diagnostic in diagnostics.items():
        row = rows[name]
        assert row.startswith(f"<b>{name}</b>")
        assert f"{diagnostic.as_drawn:.2f} drawn, {diagnostic.as_read:.2f} read" in row
        assert diagnostic.words in row and diagnostic.advice in row
        for mark, value in (("drawn", diagnostic.as_drawn), ("read", diagnostic.as_read)):
            place = float(row.split(f'class="nnlib-{mark}" d="M')[1].split()[0])
            start, end = diagnostic.reference.start, diagnostic.reference.end
            share = (min(max(value, start), end) - start) / (end - start)
            assert place == pytest.approx(100 * share, abs=0.6)
        assert ("nnlib-corrected" in row) == (diagnostic.state == "corrected")
        assert ("nnlib-unusual" in row) == (diagnostic.state == "unusual")
    assert diagnostics["centre offset"].state == "corrected"
    assert diagnostics["thickness"].words == "thicker than all the training 1s"


def test_what_if_tells_only_the_steps_that_change_something():
    inspector = Inspector()
    inspector.sketchpad.load(inspector.examples[0].strokes)  # a small 5 in a corner
    panel, moment = inspector.what_if.panel, inspector.moment
    steps = what_if(moment.recognizer, moment.drawing, moment.reading)
    told = [step.matters for step in steps]
    assert any(told) and not all(told)
    for step in steps:
        assert (f"<p>{step.sentence}</p>" in panel.told.value) == step.matters
    as_drawn = panel.picture.pixels[:, :28]
    assert (as_drawn == 255 - np.round(255 * moment.reading.as_drawn)[..., None]).mean() > 0.99
    inspector.sketchpad.load([[(250, 70), (250, 250), (250, 430)]])
    assert panel.told.value == "<p>Nothing of this changes the answer: it stays 1.</p>"


def test_the_ladder_shows_what_every_model_answers():
    inspector = Inspector()
    open_all(inspector)
    inspector.sketchpad.load(inspector.examples[8].strokes)  # a wide 8, on which they differ
    rows = inspector.ladder.panel.value.split("<tr>")[1:]
    answers = []
    for name, row in zip(model_names(), rows, strict=True):
        reading = Recognizer.load(name).read(inspector.examples[8].strokes)
        assert row.startswith(f"<th>{name}<small>784→")
        assert f"<b>{reading.digit}</b>" in row and f"{reading.confidence:.1%}</td>" in row
        answers.append(reading.digit)
    assert len(set(answers)) > 1


@pytest.mark.parametrize("model", ["softmax", "robust"])
def test_where_it_looked_is_the_attribution_of_both_digits(model):
    inspector = Inspector()
    inspector.model.value = model
    draw_one(inspector)
    panel, reading = inspector.where.panel, inspector.reading
    network, ink = inspector.recognizer.network, reading.tensor.reshape(28, 28)
    digits = (reading.digit, reading.runner_up)
    maps = [attribution(network, reading.tensor, digit).reshape(28, 28) for digit in digits]
    limit = np.abs(maps).max()
    assert (panel.picture.pixels[:, :28] == signed(maps[0], limit, ink)).all()
    assert (panel.picture.pixels[:, -28:] == signed(maps[1], limit, ink)).all()
    assert f"{digits[0]}, the answer" in panel.names.value
    assert f"{digits[1]}, the runner-up" in panel.names.value
    assert panel.note.value.endswith("these are its terms.") == (model == "softmax")


@pytest.mark.parametrize(
    ("model", "widths"), [("softmax", []), ("hidden", [128]), ("robust", [256, 128])]
)
def test_inside_shows_how_active_each_hidden_unit_is(model, widths):
    inspector = Inspector()
    open_all(inspector)
    inspector.model.value = model
    draw_one(inspector)
    panel = inspector.inside.panel
    layers = activations(inspector.recognizer.network, inspector.reading.tensor)
    assert [len(layer) for layer in layers] == widths
    for place, layer in enumerate(layers):
        active = np.count_nonzero(layer)
        assert f"layer {place + 1}: {active} of {len(layer)} active" in panel.names.value
        # White where a unit is silent; a unit of 128 is two pixels high.
        pixels = panel.pictures[place].pixels
        silent = (pixels == 255).all(axis=2)[:: 256 // len(layer)]
        assert (silent.ravel() | (layer > 0)).all()
        assert 0 < (~silent).sum() <= active
        strongest = pixels[:: 256 // len(layer)].reshape(-1, 3)[layer.argmax()]
        assert list(strongest) == [0, 114, 178]
    for picture in panel.pictures[len(layers) :]:
        assert (picture.pixels == 255).all()
    assert ("no hidden layer" in panel.names.value) == (not layers)


def test_look_alikes_are_the_three_nearest_and_the_nearest_of_the_runner_up():
    inspector = Inspector()
    open_all(inspector)
    draw_one(inspector)
    panel, reading = inspector.lookalikes.panel, inspector.reading
    found = panel.index.nearest(reading.tensor)
    found += panel.index.nearest(reading.tensor, 1, label=reading.runner_up)
    for place, lookalike in enumerate(found):
        assert f"{lookalike.label}, {lookalike.distance:.1f} away" in panel.names.value
        shown = panel.picture.pixels[:, 32 * place : 32 * place + 28, 0]
        assert (shown == 255 - np.round(255 * lookalike.image)).mean() > 0.99
    assert f"the nearest {reading.runner_up}" in panel.names.value


def test_where_the_training_images_are_missing_the_panel_says_how_to_get_them(
    monkeypatch, tmp_path
):
    monkeypatch.setattr("nnlib.lookalikes.CACHE", tmp_path)
    monkeypatch.setattr("nnlib.lookalikes.local_mnist", lambda: None)
    inspector = Inspector()
    open_all(inspector)
    draw_one(inspector)
    assert "not on this machine" in inspector.lookalikes.panel.names.value
    assert inspector.status.value == ""


def test_the_replay_follows_its_slider():
    inspector = Inspector()
    open_all(inspector)
    inspector.sketchpad.load(inspector.examples[1].strokes)  # a crossed 7: bar last
    panel, reading = inspector.replay.panel, inspector.reading
    last = len(panel.replay.points) - 1
    assert panel.slider.value == panel.slider.max == panel.play.max == last > 10
    assert np.allclose(panel.replay.probabilities[-1], reading.probabilities, atol=1e-6)
    assert panel.sketch.value.count("<polyline") == 2
    assert f"7 <em>{100 * reading.probabilities[7]:.0f} %" in panel.plot.value
    end = panel.plot.value
    panel.slider.value = 0
    assert panel.sketch.value.count("<polyline") == 1
    assert panel.plot.value != end and 'class="nnlib-now" d="M0.0 ' in panel.plot.value
    inspector.sketchpad.clear()
    assert panel.sketch.value == panel.plot.value == ""
    assert panel.slider.max == 0


def test_every_panel_is_empty_again_when_the_pad_is():
    inspector = Inspector()
    open_all(inspector)

    def shown() -> list[str]:
        widgets, texts = list(inspector.children), []
        while widgets:
            widget = widgets.pop()
            widgets.extend(getattr(widget, "children", ()))
            texts.append(str(getattr(widget, "value", "")))
        return texts

    before = shown()
    draw_one(inspector)
    assert shown() != before
    inspector.sketchpad.clear()
    assert shown() == before
    for panel in (inspector.what_if, inspector.where, inspector.lookalikes):
        assert (panel.panel.picture.pixels == 255).all()


def test_a_folded_panel_costs_nothing_and_shows_the_present_when_it_is_opened():
    inspector = Inspector()
    for fold in inspector.folds:
        fold.button.value = False
    calls = []
    for fold in inspector.folds:
        show = fold.panel.show
        fold.panel.show = lambda moment, show=show: calls.append(moment) or show(moment)
    draw_one(inspector)
    assert calls == []
    for number, fold in enumerate(inspector.folds, 1):
        assert fold.panel.layout.display == "none"
        fold.button.value = True
        assert calls == [inspector.moment] * number
        assert fold.panel.layout.display is None


def test_a_screen_reader_hears_the_answer_when_the_pen_is_lifted():
    async def session() -> None:
        inspector = Inspector()
        assert inspector.answer.spoken.value == "The pad is empty."
        inspector.sketchpad.begin(250, 100)
        for y in range(120, 400, 20):
            inspector.sketchpad.extend(250, y)
        while inspector._timer is not None:
            await asyncio.sleep(0.005)
        assert inspector.answer.digit.value == "1"
        assert inspector.answer.spoken.value == "The pad is empty."  # no chatter while drawing
        assert "href" not in inspector.take_away.value
        inspector.sketchpad.end()
        assert inspector.answer.spoken.value.startswith("1, 100% sure.")

    asyncio.run(session())


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
        reading = replace(inspector.reading, probabilities=probabilities)
        inspector.answer.show(replace(inspector.moment, reading=reading))
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


def test_an_error_in_one_panel_leaves_the_others_and_the_pad_alone(caplog, monkeypatch):
    inspector = Inspector()

    def broken(moment):
        raise RuntimeError("secret path /home/somebody")

    monkeypatch.setattr(inspector.what_if.panel, "show", broken)
    with caplog.at_level(logging.ERROR, "nnlib.app"):
        draw_one(inspector)
    assert inspector.answer.digit.value == "1"
    assert "training 1s" in inspector.unusual.panel.value
    assert "href" in inspector.take_away.value
    assert inspector.status.value.count("<p>") == 1 and "secret" not in inspector.status.value
    assert "secret" in caplog.text and "Traceback" in caplog.text
    monkeypatch.undo()
    inspector.sketchpad.undo()
    assert inspector.status.value == ""


def test_while_drawing_the_panels_take_turns_with_each_other_and_with_the_pen():
    """Two panels a reading, and between them whatever the pen does."""

    async def session() -> None:
        inspector = Inspector()
        order = []
        for fold in inspector.folds:
            fold.panel.show = lambda moment, title=fold.panel.title: order.append(title)
            fold.button.value = True
        while inspector._rest is not None:  # until the empty pad has been shown
            await asyncio.sleep(0.001)
        order.clear()
        inspector.sketchpad.begin(250, 100)
        inspector.sketchpad.extend(250, 300)
        while not order:
            await asyncio.sleep(0.001)
        order.append("move")
        inspector.sketchpad.extend(250, 310)
        while len(order) < 3:
            await asyncio.sleep(0.001)
        assert order[1] == "move"
        titles = {fold.panel.title for fold in inspector.folds}
        while not titles <= set(order):  # each has its turn before long
            assert len(order) < 2 * len(titles) + 2
            inspector.sketchpad.extend(250, 310)
            await asyncio.sleep(0.001)
        inspector.sketchpad.end()
        seen = len(order)
        while inspector._rest is not None:
            await asyncio.sleep(0.001)
        assert set(order[seen:]) == titles  # all of them when the pen is up

    asyncio.run(session())
