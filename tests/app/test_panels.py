"""What each panel shows, one at a time and without a browser."""

import os
import re
from dataclasses import replace

import numpy as np
import pytest

from nnlib.app.images import AGAINST, FOR
from nnlib.app.panels.activations import ActivationsPanel
from nnlib.app.panels.answer import AnswerPanel
from nnlib.app.panels.attribution import AttributionPanel
from nnlib.app.panels.bars import BarsPanel
from nnlib.app.panels.base import Snapshot
from nnlib.app.panels.diagnostics import DiagnosticsPanel
from nnlib.app.panels.input import InputPanel
from nnlib.app.panels.models import ModelsPanel
from nnlib.app.panels.neighbors import NeighborsPanel
from nnlib.app.panels.replay import ReplayPanel
from nnlib.app.panels.what_if import WhatIfPanel
from nnlib.datasets.drawings_file import read_drawings
from nnlib.explain.what_if import what_if
from nnlib.files import data_path
from nnlib.nn import Dense, Network
from nnlib.preprocessing.drawing import Drawing, check_strokes
from nnlib.recognition import Recognizer, model_names

WHITE = [255, 255, 255]
ONE = Drawing(check_strokes([[[250, 100], [250, 250], [248, 400]]]))


def unguarded(handler):
    return handler


@pytest.fixture(scope="module")
def examples():
    return list(read_drawings(data_path("examples.jsonl")))


def snapshot(recognizer: Recognizer, drawing: Drawing) -> Snapshot:
    prediction = recognizer.predict(drawing.strokes, drawing.canvas, drawing.pen)
    return Snapshot(drawing, recognizer, prediction)


# --- the answer, the bars and the input ------------------------------------------------------


def test_answer_panel_shows_digit_and_confidence(robust):
    panel, shown = AnswerPanel(), snapshot(robust, ONE)
    panel.show(shown)
    assert panel.digit.value == "1"
    assert panel.confidence.value == f"{shown.prediction.confidence:.1%} sure"


@pytest.mark.parametrize(
    ("one", "seven", "advice"),
    [
        (0.99, 0.01, ""),
        (0.60, 0.40, "It could also be a 7."),
        (0.30, 0.20, "It is hard to read: a 1, or a 7?"),
    ],
)
def test_answer_panel_advises_where_confidence_is_low(robust, one, seven, advice):
    probabilities = np.full(10, (1 - one - seven) / 8, np.float32)
    probabilities[[1, 7]] = one, seven
    shown = snapshot(robust, ONE)
    prediction = replace(shown.prediction, probabilities=probabilities)
    panel = AnswerPanel()
    panel.show(replace(shown, prediction=prediction))
    assert panel.advice.value == advice
    assert panel.live_region.value.endswith(f"sure. {advice}")


def test_answer_panel_says_that_it_is_no_digit_when_the_pen_goes_up(robust):
    panel, shown = AnswerPanel(), snapshot(robust, ONE)
    refused = replace(shown, prediction=replace(shown.prediction, digit_probability=0.3))
    panel.show(replace(refused, pen_up=False))
    assert (panel.digit.value, panel.doubt.layout.display) == ("1", "none")
    panel.show(replace(refused, pen_up=True))
    assert panel.doubt.value == "That doesn't look like a digit. The closest is 1."
    assert panel.live_region.value == panel.doubt.value
    assert (panel.digit.value, panel.confidence.value, panel.doubt.layout.display) == ("", "", "")
    panel.show(None)
    assert panel.doubt.layout.display == "none"


def test_bars_are_pale_where_it_is_no_digit(robust):
    panel, shown = BarsPanel(), snapshot(robust, ONE)
    for digit_probability, is_pale in ((0.3, True), (0.9, False)):
        prediction = replace(shown.prediction, digit_probability=digit_probability)
        panel.show(replace(shown, prediction=prediction))
        assert ("nnlib-pale" in panel._dom_classes) is is_pale


def test_answer_panel_without_drawing_asks_for_one():
    panel = AnswerPanel()
    panel.show(None)
    assert panel.digit.value == panel.confidence.value == ""
    assert panel.advice.value.startswith("Draw a digit")


def test_bars_panel_shows_the_ten_probabilities(robust):
    panel, shown = BarsPanel(), snapshot(robust, ONE)
    panel.show(shown)
    bars = panel.value.split('<div class="nnlib-bar')[1:]
    assert len(bars) == 10
    for digit, (bar, probability) in enumerate(
        zip(bars, shown.prediction.probabilities, strict=True)
    ):
        assert f"<b>{digit}</b>" in bar and f"width:{probability:.1%}" in bar
        assert f"<em>{probability:.1%}</em>" in bar
        assert ("nnlib-best" in bar) == (digit == 1)


def test_input_panel_shows_the_input_black_on_white(robust):
    panel, shown = InputPanel(unguarded), snapshot(robust, ONE)
    panel.show(shown)
    assert (panel.input == shown.prediction.input).all()
    expected = 255 * (1 - shown.prediction.input)
    np.testing.assert_allclose(panel.picture.pixels[..., 0], expected, atol=0.51)


def test_input_panel_tells_the_value_pointed_at(robust):
    panel, shown = InputPanel(unguarded), snapshot(robust, ONE)
    panel.show(shown)
    row, column = divmod(int(shown.prediction.input.argmax()), 28)
    panel.point_at(column + 0.5, row + 0.5)
    assert panel.pixel_value.value == f"row {row}, column {column}: 1.000"
    panel.show(None)
    assert panel.pixel_value.value == f"row {row}, column {column}: 0.000"


def test_input_panel_gives_a_hint_off_the_pixels():
    panel = InputPanel(unguarded)
    for leave in (lambda: panel.point_at(28.0, -0.1), panel.point_away):
        panel.point_at(3.0, 4.0)
        assert panel.pixel_value.value.startswith("row 4, column 3")
        leave()
        assert panel.pixel_value.value == panel.hint


# --- the panels that explain the answer ------------------------------------------------------


def diagnostics_of(recognizer: Recognizer, *points: tuple[float, float]) -> dict[str, str]:
    """The rows of the diagnostics of one stroke, by name."""
    panel = DiagnosticsPanel()
    panel.show(snapshot(recognizer, Drawing(check_strokes([points]))))
    rows = panel.value.split('<div class="nnlib-measure"><b>')[1:]
    return {row.split("</b>")[0]: row for row in rows}


@pytest.fixture(scope="module")
def measures(robust):
    """The rows for a tiny upright 1 in a corner."""
    return diagnostics_of(robust, (420, 40), (420, 60))


def test_diagnostics_panel_has_a_row_for_each_measure(measures):
    assert list(measures) == [
        "stroke density", "center offset", "area ratio", "thickness", "slant", "aspect",
    ]  # fmt: skip
    for row in measures.values():
        assert "% of the training 1s" in row or "all the training 1s" in row


def test_diagnostics_panel_marks_what_was_corrected(measures):
    assert "nnlib-corrected" in measures["center offset"]
    assert "nnlib-corrected" not in measures["slant"]


def test_diagnostics_panel_marks_what_is_unusual(robust):
    rows = diagnostics_of(robust, (430, 150), (70, 350))  # a line that is almost lying
    assert '<em class="nnlib-unusual">Unusual.</em> Draw it more upright.' in rows["slant"]


def test_diagnostics_panel_marks_values_in_the_histogram(measures):
    def mark(name: str, css_class: str) -> float:
        return float(re.search(rf'class="{css_class}" d="M([\d.]+) ', measures[name])[1])

    # Drawn far from the center, beyond the end of the histogram, and then moved to it.
    assert mark("center offset", "nnlib-mark-drawn") == 99.5
    assert mark("center offset", "nnlib-mark-input") < 10
    # Upright in both; the training 1s lean to the right.
    upright = mark("slant", "nnlib-mark-drawn")
    assert 0 < upright < 50
    assert mark("slant", "nnlib-mark-input") == pytest.approx(upright, abs=2)


def test_diagnostics_panel_without_drawing_shows_all_digits():
    panel = DiagnosticsPanel()
    panel.show(None)
    assert panel.value.count('class="nnlib-histogram"') == 6
    assert "nnlib-mark" not in panel.value


def test_what_if_panel_tells_only_what_matters(robust, examples):
    shown = snapshot(robust, examples[0])  # a small 5 in a corner
    panel = WhatIfPanel(unguarded)
    panel.show(shown)
    steps = what_if(robust, shown.drawing, shown.prediction)
    assert 0 < sum(step.matters for step in steps) < len(steps)
    for step in steps:
        assert (f"<p>{step.sentence}</p>" in panel.sentences.value) == step.matters


def test_what_if_panel_shows_the_drawing_as_drawn_first(robust, examples):
    shown = snapshot(robust, examples[0])
    panel = WhatIfPanel(unguarded)
    panel.show(shown)
    as_drawn, as_input = panel.picture.pixels[:, :28, 0], panel.picture.pixels[:, 96:124, 0]
    np.testing.assert_allclose(as_drawn, 255 * (1 - shown.prediction.as_drawn), atol=0.51)
    np.testing.assert_allclose(as_input, 255 * (1 - shown.prediction.input), atol=0.51)


def test_what_if_panel_says_when_nothing_matters(robust):
    panel = WhatIfPanel(unguarded)
    panel.show(snapshot(robust, Drawing(check_strokes([[[250, 70], [250, 250], [250, 430]]]))))
    assert panel.sentences.value == "<p>None of these changes the answer: it stays 1.</p>"


def test_models_panel_shows_the_answer_of_every_model(robust, examples):
    panel = ModelsPanel(Recognizer.load)
    panel.show(snapshot(robust, examples[8]))  # a wide 8, on which they differ
    rows = panel.value.split("<tr>")[1:]
    digits = []
    for name, row in zip(model_names(), rows, strict=True):
        prediction = Recognizer.load(name).predict(examples[8].strokes)
        assert row.startswith(f"<th>{name}<small>784→")
        assert f"<b>{prediction.digit}</b>" in row
        assert f"{prediction.confidence:.1%}</td>" in row
        digits.append(prediction.digit)
    assert len(set(digits)) > 1


def test_models_panel_names_the_layers():
    panel = ModelsPanel(Recognizer.load)
    panel.show(None)
    assert "softmax<small>784→10<" in panel.value
    assert "robust<small>784→256→128→11<" in panel.value


@pytest.fixture(scope="module")
def top_is_three():
    """A linear model: ink in the upper half counts for 3, in the lower half against it.

    For 5 it is the other way round, and weaker.
    """
    network = Network(Dense(784, 10))
    network.parameters[:] = 0
    W = network.layers[0].W
    W[: 14 * 28, 3], W[14 * 28 :, 3] = 1.0, -0.5
    W[: 14 * 28, 5], W[14 * 28 :, 5] = -0.2, 0.4
    return Recognizer(network)


def test_attribution_panel_colors_pixels_by_their_sign(top_is_three):
    panel, shown = AttributionPanel(unguarded), snapshot(top_is_three, ONE)
    panel.show(shown)
    assert shown.prediction.digit == 3
    red, _, blue = panel.picture.pixels.astype(int).transpose(2, 0, 1)
    full = shown.prediction.input == 1
    answer, runner_up = blue[:, :28] - red[:, :28], blue[:, -28:] - red[:, -28:]
    assert (answer[:14][full[:14]] > 0).all() and (answer[14:][full[14:]] < 0).all()
    assert (runner_up[:14][full[:14]] < 0).all()
    empty = shown.prediction.input == 0
    assert (answer[empty] == 0).all() and (runner_up[empty] == 0).all()


def test_attribution_panel_gives_the_largest_the_full_color(top_is_three):
    panel = AttributionPanel(unguarded)
    panel.show(snapshot(top_is_three, ONE))
    colors = panel.picture.pixels.reshape(-1, 3).tolist()
    assert FOR.tolist() in colors and AGAINST.tolist() not in colors


def test_attribution_panel_names_both_digits(top_is_three):
    panel, shown = AttributionPanel(unguarded), snapshot(top_is_three, ONE)
    panel.show(shown)
    assert "<span>3, the answer</span>" in panel.captions.value
    assert f"<span>{shown.prediction.runner_up}, the runner-up</span>" in panel.captions.value


@pytest.mark.parametrize(("model", "exact"), [("softmax", True), ("hidden", False)])
def test_attribution_panel_says_whether_it_is_exact(model, exact):
    panel = AttributionPanel(unguarded)
    panel.show(snapshot(Recognizer.load(model), ONE))
    assert ("Exact:" in panel.note.value) == exact
    assert ("as long as" in panel.note.value) != exact


@pytest.mark.parametrize(
    ("model", "widths"), [("softmax", []), ("hidden", [128]), ("robust", [256, 128])]
)
def test_activations_panel_shows_each_hidden_unit(model, widths):
    panel = ActivationsPanel(unguarded)
    panel.show(snapshot(Recognizer.load(model), ONE))
    found = re.findall(r"layer (\d): (\d+) of (\d+) active", panel.captions.value)
    assert [int(units) for _, _, units in found] == widths
    for picture, (_, active, units) in zip(panel.pictures, found, strict=False):
        squares = picture.pixels[:: 256 // int(units)]  # a unit of 128 is two pixels high
        colored = (squares != 255).any(axis=2).sum()
        # A unit that is hardly active is white when its color is rounded.
        assert 0.8 * int(active) <= colored <= int(active)
        assert FOR.tolist() in squares.reshape(-1, 3).tolist()
    for picture in panel.pictures[len(widths) :]:
        assert (picture.pixels == 255).all()
    assert ("no hidden layer" in panel.captions.value) == (not widths)


def test_neighbors_panel_shows_images_at_their_distance(robust):
    panel, shown = NeighborsPanel(unguarded), snapshot(robust, ONE)
    panel.show(shown)
    distances = [float(text) for text in re.findall(r"([\d.]+) away", panel.captions.value)]
    assert len(distances) == 4 and distances[:3] == sorted(distances[:3])
    for index, distance in enumerate(distances):
        image = 1 - panel.picture.pixels[:, 32 * index : 32 * index + 28, 0] / 255
        assert np.linalg.norm(image - shown.prediction.input) == pytest.approx(distance, abs=0.1)
    assert panel.captions.value.startswith("<span>a 1, ")
    assert f"the nearest {shown.prediction.runner_up}, " in panel.captions.value


def test_neighbors_panel_without_mnist_says_how_to_get_it(robust, monkeypatch, tmp_path):
    monkeypatch.setattr("nnlib.files.user_cache_path", lambda *names, **options: tmp_path)
    monkeypatch.setattr("nnlib.explain.neighbors.local_mnist", lambda: None)
    panel = NeighborsPanel(unguarded)
    panel.show(snapshot(robust, ONE))
    assert "not on this machine" in panel.captions.value


def test_neighbors_panel_survives_a_truncated_file(robust, monkeypatch, tmp_path):
    monkeypatch.setattr("nnlib.files.user_cache_path", lambda *names, **options: tmp_path)
    panel, shown = NeighborsPanel(unguarded), snapshot(robust, ONE)
    panel.show(shown)
    captions = panel.captions.value
    [file] = tmp_path.iterdir()
    os.truncate(file, 1000)
    panel.show(shown)
    assert panel.captions.value == captions and "away" in captions
    os.truncate(file, 1000)
    with monkeypatch.context() as without_mnist:
        without_mnist.setattr("nnlib.explain.neighbors.local_mnist", lambda: None)
        panel.show(shown)
        assert "not on this machine" in panel.captions.value
    panel.show(shown)
    assert panel.captions.value == captions


@pytest.fixture
def replayed(robust, examples):
    """The replay of a crossed 7 (the bar comes last), and its prediction."""
    panel, shown = ReplayPanel(unguarded), snapshot(robust, examples[1])
    panel.show(shown)
    return panel, shown.prediction


def test_replay_panel_starts_at_the_whole_drawing(replayed):
    panel, prediction = replayed
    last = len(panel.replay.points) - 1
    assert panel.slider.value == panel.slider.max == panel.play.max == last > 10
    np.testing.assert_allclose(panel.replay.probabilities[-1], prediction.probabilities, atol=1e-6)
    assert panel.sketch.value.count("<polyline") == 2
    assert f"7 <em>{100 * prediction.probabilities[7]:.0f} %" in panel.plot.value


def test_replay_panel_follows_its_slider(replayed):
    panel, _ = replayed
    whole = panel.plot.value
    panel.slider.value = 0
    assert panel.sketch.value.count("<polyline") == 1
    assert panel.plot.value != whole
    assert 'class="nnlib-cursor" d="M0.0 ' in panel.plot.value


def test_replay_panel_without_drawing_is_empty(replayed):
    panel, _ = replayed
    panel.show(None)
    assert panel.sketch.value == panel.plot.value == ""
    assert panel.slider.max == 0


def test_replay_panel_waits_for_pen_up(replayed, robust):
    panel, _ = replayed
    before = panel.plot.value
    panel.show(replace(snapshot(robust, ONE), pen_up=False))
    assert panel.plot.value == before
