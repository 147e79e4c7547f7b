"""Errors in handlers: reported to the visitor and to the log, and nothing stops."""

import ast
import logging
import re

import numpy as np
import pytest
from browser import ROOT

from nnlib.app import Inspector
from nnlib.app.guard import log, log_to_terminal
from nnlib.preprocessing.drawing import DrawingError

STROKES = [[(250, 100), (250, 250), (248, 400)]]

# The methods of ipywidgets and ipycanvas that take a handler which the browser calls.
REGISTERING = re.compile(r"on_click|observe|on_client_ready|on_(mouse|touch|key)_\w+")


def unguarded(source: str) -> list[str]:
    """The calls in `source` that register a handler without wrapping it in a guard."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if REGISTERING.fullmatch(node.func.attr):
            handler = node.args[0]
            name = ast.unparse(handler.func) if isinstance(handler, ast.Call) else ""
            if name not in ("guard", "self._guard"):
                found.append(ast.unparse(node))
    return found


def test_every_handler_of_the_browser_is_guarded():
    sources = [path.read_text(encoding="utf-8") for path in ROOT.glob("nnlib/app/**/*.py")]
    assert sum(len(re.findall(r"\.(on_[a-z_]+|observe)\(", source)) for source in sources) > 15
    assert [call for source in sources for call in unguarded(source)] == []
    assert unguarded("button.on_click(lambda _: self.undo())") != []


@pytest.fixture
def broken(monkeypatch):
    """An Inspector with a drawing, on which the next prediction fails."""
    inspector = Inspector()
    inspector.sketchpad.load(STROKES)

    def fail(*arguments):
        raise DrawingError("The <drawing> is odd.")

    monkeypatch.setattr(inspector.recognizer, "predict", fail)
    return inspector


def test_error_in_a_handler_shows_a_sentence_and_is_logged(broken, caplog):
    broken.undo.click()
    with caplog.at_level(logging.ERROR, "nnlib.app"):
        broken.redo.click()
    assert "The &lt;drawing&gt; is odd." in broken.status.value
    assert "Traceback" not in broken.status.value
    assert "Traceback" in caplog.text


def test_app_works_on_after_an_error(broken, monkeypatch):
    broken.undo.click()
    broken.redo.click()
    monkeypatch.undo()
    broken.clear.click()
    assert broken.status.value == ""
    broken.undo.click()
    assert broken.status.value == "" and broken.answer.digit.value == "1"


def test_error_in_one_panel_leaves_the_others_alone(caplog, monkeypatch):
    inspector = Inspector()

    def fail(snapshot):
        raise RuntimeError("secret path /home/somebody")

    monkeypatch.setattr(inspector.what_if.panel, "show", fail)
    with caplog.at_level(logging.ERROR, "nnlib.app"):
        inspector.sketchpad.load(STROKES)
    assert inspector.answer.digit.value == "1"
    assert "training 1s" in inspector.diagnostics.panel.value
    assert "href" in inspector.export.value
    assert inspector.status.value.count("<p>") == 1
    assert "secret" not in inspector.status.value
    assert "secret" in caplog.text and "Traceback" in caplog.text
    monkeypatch.undo()
    inspector.undo.click()
    assert inspector.status.value == ""


def send_event(canvas, **message) -> None:
    """Hand a message of the browser to a canvas, as ipycanvas does."""
    canvas._handle_frontend_event(None, message, [])


def test_error_when_a_canvas_appears_is_reported(monkeypatch):
    inspector = Inspector()

    def fail(pixels):
        raise ValueError("The canvas is gone.")

    canvas = inspector.input.picture.canvas
    monkeypatch.setattr(canvas, "put_image_data", fail)
    send_event(canvas, event="client_ready")
    assert "The canvas is gone." in inspector.status.value


def test_error_when_a_pixel_is_pointed_at_is_reported():
    inspector = Inspector()
    inspector.input.input = np.zeros((2, 2))
    send_event(inspector.input.picture.canvas, event="mouse_move", x=20.0, y=20.0)
    assert "Something went wrong" in inspector.status.value


def test_log_has_one_handler_however_many_apps_there_are(monkeypatch):
    monkeypatch.setattr(log, "handlers", [])
    Inspector()
    Inspector()
    assert len(log.handlers) == 1


def test_log_of_an_application_keeps_its_handlers(monkeypatch):
    own = logging.NullHandler()
    monkeypatch.setattr(log, "handlers", [own])
    log_to_terminal()
    assert log.handlers == [own]
