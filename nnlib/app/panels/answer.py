"""The answer: the digit, how sure the network is, and advice if it is not."""

import ipywidgets as widgets

from nnlib.app.panels.base import Snapshot, html
from nnlib.recognition.recognizer import Prediction


class AnswerPanel(widgets.VBox):
    """The predicted digit and its probability, with a sentence of advice where it is low.

    A screen reader announces the answer when the pen goes up, not while drawing.
    """

    def __init__(self) -> None:
        self.digit = html("nnlib-digit")
        self.confidence = html("nnlib-confidence")
        self.advice = html("nnlib-advice")
        self.live_region = html("nnlib-live-region")
        super().__init__([self.digit, self.confidence, self.advice, self.live_region])
        self.add_class("nnlib-answer")

    def show(self, snapshot: Snapshot | None) -> None:
        if snapshot is None:
            self.digit.value = self.confidence.value = ""
            self.advice.value = "Draw a digit from 0 to 9 on the pad, with mouse, finger or stylus."
            self.live_region.value = "The pad is empty."
            return
        prediction = snapshot.prediction
        advice = _advice(prediction)
        self.digit.value = str(prediction.digit)
        self.confidence.value = f"{prediction.confidence:.1%} sure"
        self.advice.value = advice
        if snapshot.pen_up:
            self.live_region.value = (
                f"{prediction.digit}, {prediction.confidence:.0%} sure. {advice}"
            )


def _advice(prediction: Prediction) -> str:
    digit, runner_up = prediction.digit, prediction.runner_up
    if prediction.certainty == "doubtful":
        return f"This may not be a digit. The closest are {digit} and {runner_up}."
    if prediction.certainty == "unsure":
        return f"It could also be a {runner_up}."
    return ""
