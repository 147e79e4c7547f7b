"""The temperature and the calibration error, against definitions, by hand and by properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlib.nn.losses import cross_entropy, softmax
from nnlib.training.calibration import calibration_error, fit_temperature


def draw(n: int, temperature: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are `temperature` times too large, and labels drawn from the true P."""
    rng = np.random.default_rng(seed)
    logits = 3 * rng.normal(size=(n, 10))
    P = softmax(logits)
    labels = (rng.random((n, 1)) > P.cumsum(axis=1)).sum(axis=1)
    return temperature * logits, np.minimum(labels, 9)


class TestFitTemperature:
    @pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
    def test_finds_the_temperature_that_labels_were_drawn_with(self, temperature):
        assert fit_temperature(*draw(20_000, temperature)) == pytest.approx(temperature, rel=0.03)

    @given(st.integers(0, 1000), st.floats(0.3, 4))
    def test_no_other_temperature_has_a_lower_loss(self, seed, temperature):
        logits, labels = draw(200, temperature, seed)
        T = fit_temperature(logits, labels)
        best = cross_entropy(logits / T, labels)[0]
        for other in (0.9 * T, 1.1 * T):
            assert cross_entropy(logits / other, labels)[0] >= best - 1e-12

    def test_stays_within_bounds_where_every_answer_is_right_or_wrong(self):
        logits = 5.0 * np.eye(10)
        right, wrong = np.arange(10), (np.arange(10) + 1) % 10
        assert 0.01 <= fit_temperature(logits, right) < 0.2  # P is 1 in floats from there on
        assert fit_temperature(logits, wrong) == pytest.approx(100, rel=0.01)


class TestCalibrationError:
    def test_by_hand(self):
        """Two bins: 0.9 sure and half right, 0.6 sure and all right."""
        confidence = np.array([0.9, 0.9, 0.6, 0.6])
        is_right = np.array([True, False, True, True])
        assert calibration_error(confidence, is_right) == pytest.approx((0.4 + 0.4) / 2)

    def test_is_near_zero_where_confidence_is_the_accuracy(self):
        rng = np.random.default_rng(0)
        confidence = rng.random(100_000)
        assert calibration_error(confidence, rng.random(100_000) < confidence) < 0.01

    def test_all_sure_and_all_right_is_zero(self):
        assert calibration_error(np.ones(5), np.ones(5, bool)) == 0
