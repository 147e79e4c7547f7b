"""What if the drawing were centered, scaled, or drawn with another pen?"""

import ipywidgets as widgets

from nnlib.app.guard import Guard
from nnlib.app.images import Picture, gray, row, row_width
from nnlib.app.panels.base import Snapshot, html
from nnlib.explain.what_if import VARIANT_NAMES, variants_of, what_if
from nnlib.preprocessing.mnist_format import SIDE


class WhatIfPanel(widgets.VBox):
    """The drawing in six forms, and a sentence for each change that matters to the answer."""

    title = "What if?"

    def __init__(self, guard: Guard) -> None:
        self.picture = Picture(SIDE, row_width(len(VARIANT_NAMES), SIDE), guard)
        captions = html("nnlib-captions")
        captions.value = "".join(f"<span>{name}</span>" for name in VARIANT_NAMES)
        self.sentences = html("nnlib-sentences")
        super().__init__([self.picture, captions, self.sentences])
        self.add_class("nnlib-what-if")

    def show(self, snapshot: Snapshot | None) -> None:
        if snapshot is None:
            self.picture.clear()
            self.sentences.value = (
                "Here you see what the answer would be if the drawing were not centered and "
                "scaled, or were drawn with another pen."
            )
            return
        prediction = snapshot.prediction
        steps = what_if(snapshot.recognizer, snapshot.drawing, prediction)
        self.picture.show(row([gray(variant.image) for variant in variants_of(steps)]))
        sentences = [step.sentence for step in steps if step.matters]
        self.sentences.value = "".join(f"<p>{sentence}</p>" for sentence in sentences) or (
            f"<p>None of these changes the answer: it stays {prediction.digit}.</p>"
        )
