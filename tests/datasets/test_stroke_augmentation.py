"""Augmented strokes: what each setting changes, and drawings as training examples."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import DIGITS

from nnlib.datasets.splits import Split
from nnlib.datasets.stroke_augmentation import StrokeAugmentation, bend, resample, with_drawings
from nnlib.preprocessing.drawing import NO_DIGIT, Drawing, check_strokes
from nnlib.preprocessing.images import stroke_thickness
from nnlib.preprocessing.strokes import normalize_strokes

NOTHING = StrokeAugmentation(
    bending=0, rotation=0, shear=0, scale=0, place=0, joined=0, lifted=0, shortened=0, moved=0,
    thinnest=2.2, thickest=2.2,
)  # fmt: skip
FOUR = check_strokes(DIGITS[4])  # in two strokes


def change(strokes, seed=0, **settings) -> list[np.ndarray]:
    return replace(NOTHING, **settings).change(strokes, np.random.default_rng(seed))


def many(strokes, **settings) -> list[list[np.ndarray]]:
    return [change(strokes, seed, **settings) for seed in range(30)]


class TestStrokeAugmentation:
    @pytest.mark.parametrize("digit", range(10))
    def test_without_changes_the_image_is_the_same(self, digit):
        strokes = check_strokes(DIGITS[digit])
        image = NOTHING(strokes, np.random.default_rng(0))
        # Resampling cuts corners by less than a pixel.
        assert abs(image - normalize_strokes(strokes, 2.2)).mean() < 0.02

    def test_same_seed_gives_the_same_and_another_seed_does_not(self):
        images = [StrokeAugmentation()(FOUR, np.random.default_rng(seed)) for seed in (1, 1, 2)]
        np.testing.assert_array_equal(images[0], images[1])
        assert abs(images[0] - images[2]).max() > 0.1

    def test_strokes_given_are_not_changed(self):
        before = [stroke.copy() for stroke in FOUR]
        StrokeAugmentation()(FOUR, np.random.default_rng(0))
        for stroke, copy in zip(FOUR, before, strict=True):
            np.testing.assert_array_equal(stroke, copy)

    def test_pen_is_as_wide_as_asked(self):
        thin, thick = (
            stroke_thickness(
                replace(NOTHING, thinnest=w, thickest=w)(FOUR, np.random.default_rng(0))
            )
            for w in (1.5, 3.4)
        )
        assert thick - thin > 1

    def test_joined_lifted_and_shortened_strokes(self):
        near = [np.array([[0.0, 0], [0, 100]]), np.array([[10.0, 100], [100, 100]])]
        far = [np.array([[0.0, 0], [0, 100]]), np.array([[90.0, 0], [100, 100]])]
        assert {len(strokes) for strokes in many(near, joined=1)} == {1}
        assert {len(strokes) for strokes in many(far, joined=1)} == {2}
        assert {len(strokes) for strokes in many(near, lifted=1)} == {3}
        lengths = [sum(map(len, strokes)) for strokes in many(near, shortened=1)]
        assert min(lengths) < max(lengths) == sum(map(len, change(near)))

    @pytest.mark.parametrize(
        ("setting", "value"),
        [("bending", 0.05), ("rotation", 10), ("shear", 0.2), ("scale", 0.2)],
    )
    def test_setting_changes_the_shape(self, setting, value):
        image, plain = (normalize_strokes(s) for s in (change(FOUR, 3, **{setting: value}), FOUR))
        assert abs(image - plain).max() > 0.2

    def test_dots_and_single_points_survive(self):
        for strokes in ([np.array([[5.0, 5]])], [np.array([[5.0, 5], [5, 5]]), FOUR[0]]):
            for seed in range(20):
                image = StrokeAugmentation()(strokes, np.random.default_rng(seed))
                assert np.isfinite(image).all() and image.max() > 0.2


def test_resampled_points_lie_on_the_stroke_at_equal_distances():
    stroke = np.array([[0.0, 0], [30, 0], [30, 40]])
    points = resample(stroke, 7)
    steps = np.hypot(*np.diff(points, axis=0).T)
    assert steps.max() <= 7
    np.testing.assert_array_equal(points[[0, -1]], stroke[[0, -1]])
    assert all(y == pytest.approx(0) or x == pytest.approx(30) for x, y in points)


def test_bending_moves_neighbors_together():
    stroke = np.stack([np.linspace(0, 100, 50), np.zeros(50)], axis=1)
    (bent,) = bend([stroke], 3, np.random.default_rng(0))
    moved = bent - stroke
    assert moved.std() > 0.5
    assert abs(np.diff(moved, axis=0)).max() < 2


DRAWINGS = [Drawing(check_strokes(DIGITS[d]), label) for d, label in ((1, 1), (4, NO_DIGIT))]


class TestWithDrawings:
    @pytest.fixture
    def varied(self):
        train = Split(np.linspace(0, 1, 3 * 784, dtype=np.float32).reshape(3, 784), np.arange(3))
        return with_drawings(train, DRAWINGS, 5, StrokeAugmentation(), n_variants=4)

    def test_examples_follow_those_of_train(self, varied):
        assert len(varied) == 8 and varied.is_complete
        assert varied.labels[:3].tolist() == [0, 1, 2]
        assert sorted(varied.labels[3:7].tolist()) == [1, 1, NO_DIGIT, NO_DIGIT]

    def test_batch_takes_a_variant_of_the_drawing(self, varied):
        rng, row = np.random.default_rng(0), 3
        drawing = DRAWINGS[0 if varied.labels[row] == 1 else 1]
        seen = {varied.batch(np.array([row]), rng)[0].tobytes() for _ in range(60)}
        assert len(seen) == 4
        plain = np.rint(255 * normalize_strokes(drawing.strokes)).astype(np.float32) / 255
        assert plain.tobytes() in seen

    def test_images_of_train_stay_what_they_were(self, varied):
        images, labels = varied.batch(slice(0, 3), np.random.default_rng(0))
        expected = np.linspace(0, 1, 3 * 784, dtype=np.float32).reshape(3, 784)
        assert abs(images - expected).max() <= 0.5 / 255 + 1e-6
        assert labels.tolist() == [0, 1, 2]

    def test_more_drawings_can_follow(self, varied):
        more = with_drawings(varied, DRAWINGS[:1], 2, StrokeAugmentation(), n_variants=3)
        assert len(more) == 10 and more.is_complete
        images, labels = more.batch(np.array([8, 9]), np.random.default_rng(0))
        assert labels.tolist() == [1, 1] and images.max() > 0.9

    def test_missing_images_are_noticed(self, varied):
        assert not replace(varied, images=varied.images[:-1]).is_complete
        assert not replace(varied, first=varied.first[:-1]).is_complete
