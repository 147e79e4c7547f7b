"""The answer: the digit and how sure the network is, or that it is none."""

import ipywidgets as widgets

from nnlib.app.panels.base import Snapshot, html
from nnlib.recognition.recognizer import Prediction


class AnswerPanel(widgets.VBox):
    """The predicted digit and its probability, or a sentence that the drawing is no digit.

    A digit that is being drawn is not one yet, so the sentence waits until the pen goes up. Then a
    screen reader announces the answer, too.
    """

    def __init__(self) -> None:
        self.digit = html("nnlib-digit")
        self.confidence = html("nnlib-confidence")
        self.doubt = html("nnlib-doubt")
        self.advice = html("nnlib-advice")
        self.live_region = html("nnlib-live-region")
        super().__init__([self.digit, self.confidence, self.doubt, self.advice, self.live_region])
        self.add_class("nnlib-answer")

    def show(self, snapshot: Snapshot | None) -> None:
        is_refused = snapshot is not None and snapshot.pen_up and not snapshot.prediction.is_digit
        self.doubt.layout.display = "" if is_refused else "none"
        if snapshot is None:
            self.digit.value = self.confidence.value = ""
            self.advice.value = "Draw a digit from 0 to 9 on the pad, with mouse, finger or stylus."
            self.live_region.value = "The pad is empty."
            return
        prediction = snapshot.prediction
        if is_refused:
            sentence = f"That doesn't look like a digit. The closest is {prediction.digit}."
            self.digit.value = self.confidence.value = ""
            self.advice.value = 'Open "The most similar training images" to see what comes nearest.'
            self.doubt.value = self.live_region.value = sentence
            return
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
        return f"It is hard to read: a {digit}, or a {runner_up}?"
    if prediction.certainty == "unsure":
        return f"It could also be a {runner_up}."
    return ""
