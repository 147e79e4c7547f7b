"""The three measures by hand, and the reference that they are held against."""

import json

import numpy as np
import pytest

from nnlib.data import Split
from nnlib.diagnostics import (
    MEASURES,
    Diagnostic,
    area_ratio,
    centre_offset,
    diagnose,
    measure_training_data,
    stroke_density,
)
from nnlib.files import data_path


def image(ink: dict[tuple[int, int], float]) -> np.ndarray:
    """A 28×28 image from {(x, y): ink}."""
    result = np.zeros((28, 28))
    for (x, y), value in ink.items():
        result[y, x] = value
    return result


class TestMeasures:
    def test_of_paper_are_all_zero(self):
        assert [measure(image({})) for measure in MEASURES.values()] == [0, 0, 0]

    def test_of_one_pixel_in_the_centre(self):
        dot = image({(14, 14): 1})
        measured = [measure(dot) for measure in MEASURES.values()]
        assert measured == pytest.approx([1 / 784, 0, 1 / 784])

    def test_of_solid_ink(self):
        solid = np.ones((28, 28))
        # The middle of 28 pixels is index 13.5: half a pixel off, both ways.
        measured = [measure(solid) for measure in MEASURES.values()]
        assert measured == pytest.approx([1, 0.5 * 2**0.5, 1])

    def test_density_is_the_mean_ink(self):
        assert stroke_density(image({(3, 4): 0.5, (20, 9): 1, (7, 7): 0.25})) == 1.75 / 784

    def test_offset_is_the_distance_of_the_centre_of_mass(self):
        # The centre of mass is at (18, 17), and 4² + 3² = 5².
        assert centre_offset(image({(16, 15): 1, (20, 19): 1})) == pytest.approx(5)
        # Three quarters of the ink at x = 10 and one at x = 18 balance at x = 12.
        assert centre_offset(image({(10, 14): 0.9, (18, 14): 0.3})) == pytest.approx(2)

    def test_area_is_the_box_around_all_but_faint_ink(self):
        corners = {(3, 5): 1, (7, 10): 0.11}  # 5 wide, 6 high
        assert area_ratio(image(corners)) == 30 / 784
        assert area_ratio(image(corners | {(27, 27): 0.09})) == 30 / 784


@pytest.mark.parametrize(
    ("as_drawn", "as_read", "state"),
    [
        (0.3, 0.3, "usual"),
        (0.2, 0.4, "usual"),  # the ends belong to the range
        (0.1, 0.3, "corrected"),
        (0.5, 0.2, "corrected"),
        (0.3, 0.5, "unusual"),
        (0.3, 0.1, "unusual"),
        (0.5, 0.5, "unusual"),
    ],
)
def test_what_was_repaired_is_corrected_and_what_was_not_is_unusual(as_drawn, as_read, state):
    assert Diagnostic("stroke density", as_drawn, as_read, low=0.2, high=0.4).state == state


class TestReference:
    def test_ranges_go_from_the_5th_to_the_95th_percentile(self):
        # 21 images of each digit, inked evenly with 0, 0.01, …, 0.20. A twentieth of them
        # lies below 0.01 and a twentieth above 0.19.
        inks = np.repeat(np.arange(21) / 100, 10).astype(np.float32)
        train = Split(np.repeat(inks[:, None], 784, axis=1), np.tile(np.arange(10), 21))
        reference = measure_training_data(train)
        assert list(reference["digits"]) == [str(digit) for digit in range(10)]
        for ranges in reference["digits"].values():
            assert ranges["stroke density"] == pytest.approx([0.01, 0.19], abs=2e-4)
            assert ranges["centre offset"] == pytest.approx([0, 0.7071], abs=2e-4)
            assert ranges["area ratio"] == pytest.approx([0, 1])

    def test_each_digit_has_ranges_of_its_own(self):
        labels = np.arange(10)
        train = Split(np.repeat(labels[:, None] / 10, 784, axis=1).astype(np.float32), labels)
        for digit, ranges in measure_training_data(train)["digits"].items():
            assert ranges["stroke density"] == pytest.approx([int(digit) / 10] * 2, abs=2e-4)

    def test_in_the_project_is_what_the_training_images_give(self, digits):
        committed = json.loads(data_path("reference.json").read_text(encoding="utf-8"))
        measured = measure_training_data(digits.train)
        assert committed["percentiles"] == list(measured["percentiles"]) == [5, 95]
        assert committed["digits"].keys() == measured["digits"].keys()
        for digit, ranges in measured["digits"].items():
            for name, expected in ranges.items():
                assert committed["digits"][digit][name] == pytest.approx(expected, abs=1e-3)

    @pytest.mark.parametrize("digit", [1, 2])
    def test_calls_nine_in_ten_of_the_training_images_usual(self, digits, digit):
        images = digits.train.images[digits.train.labels == digit].reshape(-1, 28, 28)
        found = [diagnose(image, image, digit) for image in images]
        for diagnostics, share in zip(zip(*found, strict=True), (0.90, 0.95, 0.90), strict=True):
            usual = np.mean([diagnostic.state == "usual" for diagnostic in diagnostics])
            assert share - 0.01 < usual < share + 0.06  # many images share the ends of a range


def test_a_diagnosis_measures_both_images_against_the_digits_own_ranges():
    drawn, read = image({(2, 2): 1}), image({(14, 12): 1, (14, 16): 1})
    ranges = json.loads(data_path("reference.json").read_text(encoding="utf-8"))["digits"]["1"]
    for diagnostic, (name, measure) in zip(diagnose(drawn, read, 1), MEASURES.items(), strict=True):
        assert diagnostic.name == name
        assert (diagnostic.as_drawn, diagnostic.as_read) == (measure(drawn), measure(read))
        assert [diagnostic.low, diagnostic.high] == ranges[name]
