"""Explaining an answer leaves the network as it was, even in the middle of training."""

import numpy as np
import pytest
from helpers import DIGITS

from nnlib.explain.attribution import attribution
from nnlib.explain.diagnostics import diagnose
from nnlib.explain.replay import replay
from nnlib.explain.what_if import what_if
from nnlib.nn.layers import Dense, Dropout, ReLU
from nnlib.nn.network import Network
from nnlib.preprocessing.drawing import Drawing, check_strokes
from nnlib.recognition.recognizer import Recognizer

DRAWING = Drawing(check_strokes(DIGITS[4]), canvas=600, pen=20)

EXPLANATIONS = {
    "attribution": lambda recognizer, prediction: attribution(
        recognizer.network, prediction.input, prediction.digit
    ),
    "activations": lambda recognizer, prediction: recognizer.network.activations(
        prediction.input.reshape(1, -1)
    ),
    "what_if": lambda recognizer, prediction: what_if(recognizer, DRAWING, prediction),
    "replay": lambda recognizer, prediction: replay(recognizer, DRAWING.strokes),
    "diagnose": lambda recognizer, prediction: diagnose(prediction),
}


@pytest.mark.parametrize("explain", EXPLANATIONS.values(), ids=EXPLANATIONS)
class TestExplaining:
    @pytest.fixture
    def network(self) -> Network:
        return Network(Dense(784, 20), ReLU(), Dropout(0.5), Dense(20, 10), seed=1)

    def test_parameters_and_answers_are_not_changed(self, network, explain):
        recognizer = Recognizer(network)
        prediction = recognizer.predict(DRAWING.strokes)
        parameters = network.parameters.copy()
        assert explain(recognizer, prediction) is not None
        assert network.parameters.tobytes() == parameters.tobytes()
        again = recognizer.predict(DRAWING.strokes)
        assert again.probabilities.tobytes() == prediction.probabilities.tobytes()

    def test_gradients_are_not_changed(self, network, explain):
        recognizer = Recognizer(network)
        network.gradients[...] = np.arange(len(network.gradients))
        explain(recognizer, recognizer.predict(DRAWING.strokes))
        assert (network.gradients == np.arange(len(network.gradients))).all()

    def test_backward_still_belongs_to_the_training_forward(self, network, digits, explain):
        """The layers still hold what they kept for it, masks of ReLU and dropout included."""
        images, dlogits = digits.dev.images[:8], np.ones((8, 10), np.float32)
        dlogits[:, ::2] = -1
        network.forward(images, training=True, rng=np.random.default_rng(0))
        network.backward(dlogits)
        expected = network.gradients.copy()
        network.gradients[...] = 0
        recognizer = Recognizer(network)
        explain(recognizer, recognizer.predict(DRAWING.strokes))
        network.backward(dlogits)
        assert expected.any() and network.gradients.tobytes() == expected.tobytes()

    def test_explaining_does_not_count_as_a_training_forward(self, network, explain):
        recognizer = Recognizer(network)
        explain(recognizer, recognizer.predict(DRAWING.strokes))
        with pytest.raises(RuntimeError, match=r"forward\(X, training=True\)"):
            network.backward(np.ones((1, 10), np.float32))
