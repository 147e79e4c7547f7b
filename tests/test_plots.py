"""The shared figures show what they are given, and and can be read by those who see no color."""

import io

import matplotlib
import numpy as np
import pytest

matplotlib.use("agg")  # no window

import matplotlib.pyplot as plt
from PIL import Image

from nnlib.plots import (
    BLUE,
    DIVERGING,
    ORANGE,
    show,
    show_confusion,
    show_curves,
    show_frames,
    show_images,
    show_network,
    show_weights,
    use_style,
)


@pytest.fixture
def displayed(monkeypatch) -> list:
    """What has been displayed: data and metadata by MIME type."""
    found: list = []

    def display(data, metadata, raw):
        found.append((data, metadata))

    monkeypatch.setattr("IPython.display.display", display)
    return found


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_images_are_shown_in_rows_with_their_titles():
    images = np.random.default_rng(0).random((7, 784))
    axes = show_images(images, titles=[f"image {i}" for i in range(7)], columns=3).axes
    assert len(axes) == 9  # three rows of three, two of them blank
    shown = [axis.images[0].get_array() for axis in axes if axis.images]
    np.testing.assert_array_equal(np.reshape(shown, (7, 784)), images)
    assert [axis.get_title() for axis in axes] == [f"image {i}" for i in range(7)] + ["", ""]
    assert all(axis.images[0].get_clim() == (0, 1) for axis in axes[:7])  # ink 1 is black in each


def test_curves_differ_in_dashes_and_their_names_are_apart():
    curves = {"train": [3, 2, 1.00], "dev": [3, 2.5, 1.01], "test": [3, 2.8, 0.99]}
    figure = show_curves(curves, "epoch", "loss (nats)")
    (axis,) = figure.axes
    assert len({line.get_linestyle() for line in axis.lines}) == 3
    for line, values in zip(axis.lines, curves.values(), strict=True):
        np.testing.assert_array_equal(line.get_xydata(), np.stack([[1, 2, 3], values], axis=1))
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("epoch", "loss (nats)")
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in axis.texts]
    assert {text.get_text() for text in axis.texts} == set(curves)
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])


def test_the_confusion_shows_only_mistakes():
    confusion = np.diag(np.arange(100, 110))
    confusion[4, 9] = 12
    (axis,) = show_confusion(confusion).axes
    assert [(text.get_text(), text.get_position()) for text in axis.texts] == [("12", (9, 4))]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("predicted", "label")
    assert confusion[0, 0] == 100  # the counts that were given are not changed


def test_weights_share_one_scale_centered_on_zero():
    weights = np.zeros((784, 3))
    weights[0, 0], weights[1, 1] = 2.0, -4.0
    figure = show_weights(weights, columns=3)
    pictures = [axis.images[0] for axis in figure.axes if axis.images]
    assert [picture.get_clim() for picture in pictures[:3]] == [(-4, 4)] * 3
    np.testing.assert_array_equal(pictures[1].get_array().ravel(), weights[:, 1])


def test_signs_have_the_colors_that_the_texts_name():
    assert [matplotlib.colors.to_hex(DIVERGING(x)).upper() for x in (0.0, 1.0)] == [ORANGE, BLUE]
    np.testing.assert_allclose(DIVERGING(0.5)[:3], 1, atol=0.01)


def test_a_network_shows_the_shape_of_every_array():
    (axis,) = show_network((784, 256, 10), ("in", "mid", "out")).axes
    texts = {text.get_text() for text in axis.texts}
    assert {"W1 (784, 256)\nb1 (256,)", "W2 (256, 10)\nb2 (10,)", "784", "in", "out"} <= texts
    (axis,) = show_network((784, 10)).axes
    assert "W (784, 10)\nb (10,)" in {text.get_text() for text in axis.texts}


def test_a_shown_figure_has_alternative_text_and_is_closed(displayed):
    figure = show_images(np.zeros((1, 784)))
    show(figure, alt="An empty image.")
    ((data, metadata),) = displayed
    assert data["text/plain"] == metadata["image/png"]["alt"] == "An empty image."
    assert Image.open(io.BytesIO(data["image/png"])).width > 100
    assert figure.number not in plt.get_fignums()


def test_a_moving_figure_is_a_slider_over_pictures(displayed):
    use_style()
    figures = (show_images(np.full((1, 784), ink)) for ink in (0.0, 0.5, 1.0))
    show_frames(figures, ["none", "half", "full"], name="ink", alt="A square of ink.")
    ((data, metadata),) = displayed
    assert data["text/plain"] == metadata["image/png"]["alt"] == "A square of ink."
    assert "application/vnd.jupyter.widget-view+json" in data
    first = np.asarray(Image.open(io.BytesIO(data["image/png"])).convert("L"))
    assert first.min() > 250  # what stands in where widgets are not shown
    assert not plt.get_fignums()


def test_any_picture_may_stand_in_for_a_moving_figure(displayed):
    figures = (show_images(np.full((1, 784), ink)) for ink in (0.0, 1.0))
    show_frames(figures, ["none", "full"], name="ink", alt="Ink.", still=-1)
    last = np.asarray(Image.open(io.BytesIO(displayed[0][0]["image/png"])).convert("L"))
    assert last.min() < 5


def test_a_moving_figure_needs_a_label_for_each_picture():
    with pytest.raises(ValueError, match="1 figures for 2 labels"):
        show_frames([show_images(np.zeros((1, 784)))], ["a", "b"], name="x", alt="y")
