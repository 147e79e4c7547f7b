"""Learning-rate schedules, by hand."""

import pickle

import numpy as np
import pytest

from nnlib.nn.schedules import CosineDecay, ExponentialDecay


def test_cosine_decay_goes_from_1_to_0_along_half_a_cosine():
    factors = [CosineDecay()(progress) for progress in (0, 1 / 3, 1 / 2, 2 / 3, 1)]
    np.testing.assert_allclose(factors, [1, 0.75, 0.5, 0.25, 0], atol=1e-15)


def test_exponential_decay_has_the_same_ratio_everywhere():
    schedule = ExponentialDecay(0.01)
    np.testing.assert_allclose([schedule(p) for p in (0, 0.25, 0.5, 1)], [1, 10**-0.5, 0.1, 0.01])


@pytest.mark.parametrize("final", [0, -1, 1.5, float("nan")])
def test_exponential_decay_outside_0_to_1_is_refused(final):
    with pytest.raises(ValueError, match="0 < final ≤ 1"):
        ExponentialDecay(final)


def test_schedules_are_data():
    """They can be compared and pickled, and their repr says what they are."""
    for schedule in (CosineDecay(), ExponentialDecay(0.1)):
        assert pickle.loads(pickle.dumps(schedule)) == schedule == eval(repr(schedule))
    assert ExponentialDecay(0.1) != ExponentialDecay(0.2) != CosineDecay()
