"""The one path of a drawing, from strokes or pixels to a Prediction, whatever is drawn."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlib import Dense, Network, Prediction, Recognizer, recognizer
from nnlib.explain.diagnostics import MEASURES
from nnlib.preprocessing.drawing import DrawingError
from nnlib.preprocessing.mnist_format import center_of_mass
from nnlib.preprocessing.strokes import rasterize, shrink_strokes
from nnlib.files import data_path
from nnlib.preprocessing.images import center_image, check_image, shrink_image
from nnlib.training.recipes import MODELS
from nnlib.training.metrics import loss_and_accuracy
from nnlib.nn.model_file import ModelError
from nnlib.recognition.recognizer import PREPROCESSINGS
from nnlib.recognition.registry import model_names, model_path

ONE = [[[250, 100], [250, 400]]]
SEVEN = [[[160, 110], [340, 110], [220, 400]]]
FOUR = [[[220, 100], [160, 280], [340, 280]], [[290, 180], [280, 410]]]
RING = [[[250 + 90 * np.sin(t), 250 - 140 * np.cos(t)] for t in np.linspace(0, 6.28, 40)]]


def assert_whole(reading: Prediction) -> None:
    """Everything that a Prediction promises."""
    assert reading.probabilities.shape == (10,)
    assert reading.probabilities.dtype == np.float32
    assert reading.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert reading.digit == reading.probabilities.argmax() and type(reading.digit) is int
    assert reading.confidence == reading.probabilities.max()
    assert reading.tensor.shape == (784,) and reading.tensor.dtype == np.float32
    assert reading.tensor.min() >= 0 and 0 < reading.tensor.max() <= 1
    names = [diagnostic.name for diagnostic in reading.diagnostics]
    assert names == list(MEASURES)
    assert all(np.isfinite([d.as_drawn, d.as_read]).all() for d in reading.diagnostics)
    assert reading.as_drawn.shape == (28, 28)
    assert reading.as_drawn.min() >= 0 and reading.as_drawn.max() <= 1 + 1e-12
    assert reading.runner_up != reading.digit and type(reading.runner_up) is int
    assert reading.probabilities[reading.runner_up] == np.sort(reading.probabilities)[-2]


def assert_sentence(error: DrawingError) -> None:
    message = str(error)
    assert message[0].isupper() and message.endswith(".") and len(message.split()) >= 5


def drawing(stroke) -> st.SearchStrategy:
    """A few strokes of this kind, in lists or in arrays."""
    return st.lists(stroke | stroke.map(np.array), max_size=5)


any_float = st.floats(width=64)  # NaN, infinities and all
far_and_near = st.floats(-1e6, 1e6)
pad = st.floats(0, 500)
odd = st.none() | st.booleans() | st.integers() | any_float | st.text(max_size=5) | st.binary()
nested = st.recursive(odd, lambda inner: st.lists(inner, max_size=4), max_leaves=12)
any_strokes = st.one_of(
    drawing(st.lists(st.tuples(pad, pad), max_size=20).map(list)).filter(
        lambda strokes: all(np.ndim(stroke) != 1 or len(stroke) == 0 for stroke in strokes)
    ),
    st.lists(st.lists(st.tuples(far_and_near, far_and_near), max_size=5), max_size=5),
    st.lists(st.lists(st.tuples(any_float, any_float), max_size=3), max_size=3),
    st.lists(st.lists(st.lists(st.integers() | any_float, max_size=3), max_size=3), max_size=3),
    nested,
    st.dictionaries(st.text(max_size=3), nested, max_size=3),
)


class TestStrokes:
    @pytest.mark.parametrize(
        ("digit", "strokes"), [(0, RING), (1, ONE), (4, FOUR), (7, SEVEN)], ids=[0, 1, 4, 7]
    )
    def test_of_a_plain_digit_are_read_as_it(self, deep, digit, strokes):
        reading = deep.read(strokes)
        assert_whole(reading)
        assert reading.digit == digit and reading.confidence > 0.9

    @settings(max_examples=300)
    @given(any_strokes)
    def test_of_any_kind_give_a_reading_or_a_sentence(self, deep, strokes):
        try:
            reading = deep.read(strokes)
        except DrawingError as error:
            assert_sentence(error)
        else:
            assert_whole(reading)

    @pytest.mark.parametrize(
        "strokes",
        [
            [[[250, 250]]],
            [[[0, 0]], [[500, 500]]],
            [[[-300, 2000], [900, -70]]],
            [[[1e6, -1e6], [-1e6, 1e6]]],
            [[[3, 3], [3, 3 + 1e-9]]],
            [[[0, 0], [1.0000001, 0]]],
            [np.random.default_rng(0).random((10_000, 2)) * 500],
            [[[250, 100], [250, 400]], []],
        ],
        ids=["dot", "corners", "outside", "far", "tiny", "one pixel", "10,000", "empty stroke"],
    )
    def test_that_are_odd_are_read_all_the_same(self, deep, strokes):
        assert_whole(deep.read(strokes))

    @pytest.mark.parametrize(
        "strokes", [None, [], [[]], "seven", 7, [[1, 2]], [[[1, np.nan]]], [[[1, np.inf]]]]
    )
    def test_that_are_none_are_refused_with_a_sentence(self, deep, strokes):
        with pytest.raises(DrawingError) as caught:
            deep.read(strokes)
        assert_sentence(caught.value)

    @pytest.mark.parametrize("strokes", [ONE, SEVEN, FOUR, RING])
    @pytest.mark.parametrize(
        ("size", "right", "down"), [(1, 90, -80), (0.1, 400, 20), (0.01, 3, 3), (7, -500, -500)]
    )
    def test_moved_or_scaled_give_the_same_tensor(self, deep, strokes, size, right, down):
        moved = [np.array(stroke) * size + (right, down) for stroke in strokes]
        difference = deep.read(moved).tensor - deep.read(strokes).tensor
        assert np.abs(difference).max() < 1e-4

    @pytest.mark.parametrize("strokes", [ONE, SEVEN, FOUR, RING])
    def test_become_a_tensor_with_its_center_of_mass_at_14_14(self, deep, strokes):
        x, y = center_of_mass(deep.read(strokes).tensor.reshape(28, 28))
        assert np.hypot(x - 14, y - 14) < 0.05

    def test_are_left_as_they_were(self, deep):
        strokes = [np.array(stroke, np.float64) for stroke in FOUR]
        deep.read(strokes)
        for stroke, expected in zip(strokes, FOUR, strict=True):
            np.testing.assert_array_equal(stroke, expected)


class TestCanvasAndPen:
    def test_say_how_it_looked_and_do_not_change_the_answer(self, deep):
        thin, thick = deep.read(SEVEN, canvas=500, pen=5), deep.read(SEVEN, canvas=500, pen=90)
        np.testing.assert_array_equal(thin.tensor, thick.tensor)
        np.testing.assert_array_equal(thin.probabilities, thick.probabilities)
        assert [d.as_read for d in thin.diagnostics] == [d.as_read for d in thick.diagnostics]
        assert thin.diagnostics[0].as_drawn < 0.05 < 0.15 < thick.diagnostics[0].as_drawn

    def test_are_500_and_a_14th_where_nothing_is_said(self, deep):
        assert deep.read(SEVEN).diagnostics == deep.read(SEVEN, 500, 500 / 14).diagnostics
        assert deep.read(SEVEN, 600).diagnostics == deep.read(SEVEN, 600, 600 / 14).diagnostics

    def test_tell_what_was_corrected(self, deep):
        """A small seven in a corner of the pad, thick for its size."""
        small = [np.array(stroke) / 4 for stroke in SEVEN]
        states = {d.name: d.state for d in deep.read(small, pen=20).diagnostics}
        assert states["center offset"] == states["area ratio"] == "corrected"
        assert states["thickness"] == "corrected" and states["aspect"] == "usual"

    def test_leave_what_cannot_be_corrected_unusual(self, deep):
        """A scribble is dense, however it is scaled."""
        x = np.linspace(100, 400, 40)
        scribble = [np.stack([x, 100 + 300 * (np.arange(40) % 2)], axis=1)]
        assert deep.read(scribble).diagnostics[0].state == "unusual"

    @pytest.mark.parametrize("size", [0, -5, np.nan, np.inf, "500", [500]])
    def test_that_are_no_sizes_are_refused_with_a_sentence(self, deep, size):
        for options in ({"canvas": size}, {"pen": size}):
            with pytest.raises(DrawingError) as caught:
                deep.read(SEVEN, **options)
            assert_sentence(caught.value)

    @given(st.floats(), st.floats())
    def test_of_any_size_give_a_reading_or_a_sentence(self, deep, canvas, pen):
        try:
            reading = deep.read(SEVEN, canvas, pen)
        except DrawingError as error:
            assert_sentence(error)
        else:
            assert_whole(reading)


class TestPaths:
    STROKES = tuple(np.array(stroke, np.float64) for stroke in FOUR)

    def test_are_three_of_which_strokes_is_taken(self, deep):
        assert list(PREPROCESSINGS) == ["as-drawn", "mnist", "strokes"]
        usual = deep.read(FOUR, 280, 30)
        assert deep.read(FOUR, 280, 30, path="strokes").tensor.tobytes() == usual.tensor.tobytes()
        tensors = {deep.read(FOUR, 600, 30, path=path).tensor.tobytes() for path in PREPROCESSINGS}
        assert len(tensors) == 3

    @pytest.mark.parametrize("path", ["as-drawn", "mnist"])
    @pytest.mark.parametrize(("canvas", "pen"), [(500, None), (700, 10)])
    def test_give_the_tensor_that_their_name_says(self, deep, path, canvas, pen):
        expected = {
            "as-drawn": shrink_strokes(self.STROKES, canvas, pen),
            "mnist": center_image(shrink_strokes(self.STROKES, canvas, pen, side=112)),
        }[path]
        reading = deep.read(FOUR, canvas, pen, path)
        assert_whole(reading)
        np.testing.assert_array_equal(reading.tensor, expected.ravel().astype(np.float32))

    def test_but_for_strokes_show_the_pen(self, deep):
        for path in PREPROCESSINGS:
            thin, thick = (deep.read(FOUR, 500, pen, path).tensor.sum() for pen in (10, 50))
            assert (thick > 1.5 * thin) == (path != "strokes"), path

    def test_all_report_how_it_looked_as_drawn(self, deep):
        readings = [deep.read(FOUR, 700, 10, path) for path in PREPROCESSINGS]
        shrunk = shrink_strokes(self.STROKES, 700, 10)
        for reading in readings:
            np.testing.assert_array_equal(reading.as_drawn, shrunk)
            for diagnostic in reading.diagnostics:
                assert diagnostic.as_drawn == MEASURES[diagnostic.name].of(shrunk)
            assert [d.as_drawn for d in reading.diagnostics] == [
                d.as_drawn for d in readings[0].diagnostics
            ]
        # Nothing is repaired on the way "as-drawn".
        for diagnostic in readings[0].diagnostics:
            assert diagnostic.as_read == pytest.approx(diagnostic.as_drawn, rel=1e-5)

    @pytest.mark.parametrize("path", ["", "Strokes", "mnist ", None])
    def test_that_are_unknown_are_told_with_the_known(self, deep, path):
        with pytest.raises(ValueError, match=r"no path .* Known are as-drawn, mnist, strokes\."):
            deep.read(FOUR, path=path)

    def test_of_mnist_finds_nothing_where_the_canvas_was_missed(self, deep):
        missed = [[[700, 100], [700, 400]]]
        assert_whole(deep.read(missed))
        with pytest.raises(DrawingError, match="Nothing of the drawing is on its canvas") as caught:
            deep.read(missed, path="mnist")
        assert_sentence(caught.value)


class TestImages:
    def test_are_read_by_the_same_network(self, deep, digits):
        picture = digits.dev.images[0].reshape(28, 28)
        reading = deep.read_image(picture)
        assert_whole(reading)
        assert reading.digit == digits.dev.labels[0]
        for same in (1 - picture, np.round(picture * 255).astype(np.uint8), picture.ravel()):
            np.testing.assert_allclose(deep.read_image(same).tensor, reading.tensor, atol=1e-6)

    def test_of_any_size_and_place_are_cut_out_and_centered(self, deep):
        """A small seven in the corner of a photograph, dark on bright."""
        photograph = np.ones((300, 400))
        strokes = [np.array(stroke) / 6 + (300, 150) for stroke in SEVEN]
        photograph -= 0.6 * rasterize(strokes, 5, side=400)[:300]
        reading = deep.read_image(photograph)
        assert_whole(reading)
        assert reading.digit == 7
        assert center_of_mass(reading.tensor.reshape(28, 28)) == pytest.approx((14, 14), abs=0.1)
        np.testing.assert_array_equal(reading.as_drawn, shrink_image(check_image(photograph)))
        assert {d.name: d.state for d in reading.diagnostics}["center offset"] == "corrected"

    def test_of_mnist_lose_at_most_a_fifth_of_a_point(self, deep, digits):
        """They are cut out and centered once more, which should change next to nothing."""
        images, labels = digits.dev.images[::9], digits.dev.labels[::9]
        straight = np.mean(deep.network.predict(images) == labels)
        answers = [deep.read_image(image).digit for image in images]
        assert np.mean(np.array(answers) == labels) >= straight - 0.002

    @pytest.mark.parametrize("image", [None, "seven", np.zeros((28, 28)), np.zeros((3, 3, 3))])
    def test_that_are_none_are_refused_with_a_sentence(self, deep, image):
        with pytest.raises(DrawingError) as caught:
            deep.read_image(image)
        assert_sentence(caught.value)


def test_the_runner_up_is_the_second_most_probable_digit():
    probabilities = np.array([0.01, 0.02, 0.3, 0.03, 0.04, 0.05, 0.1, 0.4, 0.02, 0.03], np.float32)
    reading = Prediction(7, probabilities, np.zeros(784, np.float32), np.zeros((28, 28)))
    assert (reading.digit, reading.runner_up) == (7, 2)
    assert reading.confidence == pytest.approx(0.4)


@pytest.mark.parametrize("pair", list(itertools.combinations(range(10), 2)))
def test_the_runner_up_is_not_the_answer_where_two_are_equal(pair):
    probabilities = np.zeros(10, np.float32)
    probabilities[list(pair)] = 0.5
    digit = int(probabilities.argmax())
    reading = Prediction(digit, probabilities, np.zeros(784, np.float32), np.zeros((28, 28)))
    assert {reading.digit, reading.runner_up} == set(pair)


class TestModels:
    @pytest.mark.parametrize(
        ("name", "least"), [("softmax", 0.926), ("hidden", 0.978), ("deep", 0.982)]
    )
    def test_of_the_ladder_reach_their_accuracy_on_dev(self, digits, name, least):
        network = Recognizer.load(name).network
        loss, accuracy = loss_and_accuracy(network, digits.dev.images, digits.dev.labels)
        assert accuracy >= least
        # What the file says of itself is what is measured.
        assert network.info["metrics"]["dev_accuracy"] == pytest.approx(accuracy, abs=2e-4)
        assert network.info["metrics"]["dev_loss"] == pytest.approx(loss, abs=1e-3)

    @pytest.mark.parametrize("name", MODELS)
    def test_say_how_they_were_made_and_it_is_the_recipe(self, name):
        info = Network.load(model_path(name)).info
        assert info["name"] == name and info["seed"] == 0
        assert info["recipe"] == MODELS[name].describe()

    def test_are_found_by_name_or_by_path(self, tmp_path):
        Network(Dense(784, 10), seed=5).save(tmp_path / "mine.npz")
        mine = Recognizer.load(tmp_path / "mine.npz")
        assert_whole(mine.read(SEVEN))
        assert model_path("deep") == data_path("models", "deep.npz")

    def test_are_listed_in_the_order_of_the_ladder(self):
        assert model_names() == list(MODELS) == ["softmax", "hidden", "deep", "robust"]

    def test_that_are_not_of_the_ladder_are_listed_behind_it(self, tmp_path, monkeypatch):
        for name in ("other", "deep", "mine", "softmax"):
            (tmp_path / f"{name}.npz").write_bytes(b"")
        monkeypatch.setattr(recognizer, "data_path", lambda *parts: tmp_path)
        assert model_names() == ["softmax", "deep", "mine", "other"]

    def test_that_are_unknown_are_told_with_the_known(self):
        with pytest.raises(FileNotFoundError, match=r"no model 'deeper'.*softmax, hidden, .*deep"):
            Recognizer.load("deeper")

    def test_that_are_damaged_are_told_by_name(self, tmp_path):
        (tmp_path / "mine.npz").write_bytes(b"not a model")
        with pytest.raises(ModelError, match=r"mine\.npz"):
            Recognizer.load(tmp_path / "mine.npz")


def test_deep_reads_nine_in_ten_of_what_people_drew_with_a_pen(deep, pens):
    right = [deep.read(drawing.strokes).digit == drawing.label for drawing in pens[::15]]
    assert np.mean(right) >= 0.90
