"""Panels that explain an answer. Each can be folded away, and then costs nothing.

Every panel has a `title` and `show(moment)`, where None stands for an empty pad.
"""

import functools
from collections.abc import Callable
from html import escape

import ipywidgets as widgets
import numpy as np

from nnlib.app.panels import Guard, Moment, html
from nnlib.app.pictures import Picture, bright, grey, row, row_width, signed
from nnlib.data import DataError
from nnlib.drawing import SIDE
from nnlib.explain import activations, attribution, is_linear
from nnlib.layers import Dense
from nnlib.lookalikes import Lookalikes
from nnlib.network import Network
from nnlib.recognizer import Recognizer, model_names
from nnlib.whatif import what_if


class Fold(widgets.VBox):
    """A panel under a button with its title, which shows and hides it.

    While it is folded, nothing is computed for it.
    """

    def __init__(self, panel: widgets.Widget, is_open: bool, guard: Guard):
        self.panel = panel
        self._moment: Moment | None = None
        self.button = widgets.ToggleButton(is_open, description=panel.title)
        self.button.add_class("nnlib-fold")
        self.button.observe(guard(lambda change: self._turn()), "value")
        super().__init__([self.button, panel])
        self._turn()

    def show(self, moment: Moment | None) -> None:
        self._moment = moment
        if self.button.value:
            self.panel.show(moment)

    def _turn(self) -> None:
        self.panel.layout.display = None if self.button.value else "none"
        self.show(self._moment)


class WhatIfPanel(widgets.VBox):
    """The same drawing read again in other forms; told is only what changes something."""

    title = "What if?"
    forms = ("as drawn", "centred", "scaled", "as read", "thinner", "thicker")

    def __init__(self):
        self.picture = Picture(SIDE, row_width(len(self.forms), SIDE))
        names = html("nnlib-names")
        names.value = "".join(f"<span>{form}</span>" for form in self.forms)
        self.told = html("nnlib-sentences")
        super().__init__([self.picture, names, self.told])
        self.add_class("nnlib-what-if")

    def show(self, moment: Moment | None) -> None:
        if moment is None:
            self.picture.clear()
            self.told.value = "The drawing is read again as it was drawn, repaired, and inked anew."
            return
        steps = what_if(moment.recognizer, moment.drawing, moment.reading)
        centring, scaling, repair, thinner, thicker = steps
        variants = (repair.before, centring.after, scaling.after, repair.after,
                    thinner.after, thicker.after)  # fmt: skip
        self.picture.show(row([grey(variant.image) for variant in variants]))
        told = [step.sentence for step in steps if step.matters]
        self.told.value = "".join(f"<p>{sentence}</p>" for sentence in told) or (
            f"<p>Nothing of this changes the answer: it stays {moment.reading.digit}.</p>"
        )


class LadderPanel(widgets.HTML):
    """What every model answers.

    load: from the name of a model to its Recognizer.
    """

    title = "The ladder: what each model says"

    def __init__(self, load: Callable[[str], Recognizer]):
        super().__init__()
        self._load, self._names = load, model_names()
        self.add_class("nnlib-ladder")

    def show(self, moment: Moment | None) -> None:
        rows = []
        for name in self._names:
            network = self._load(name).network
            digit, percent, share = "", "", 0.0
            if moment is not None:
                probabilities = network.probabilities(moment.reading.tensor[None])[0]
                digit, share = str(probabilities.argmax()), float(probabilities.max())
                percent = f"{share:.1%}"
            rows.append(
                f"<tr><th>{name}<small>{_widths(network)}</small></th><td><b>{digit}</b></td>"
                f'<td class="nnlib-share"><i><span style="width:{share:.1%}"></span></i></td>'
                f"<td>{percent}</td></tr>"
            )
        self.value = f"<table>{''.join(rows)}</table>"


class WherePanel(widgets.VBox):
    """Which ink spoke for the answer and the runner-up, and which against them."""

    title = "Where it looked"

    def __init__(self):
        self.picture = Picture(SIDE, row_width(2, SIDE))
        self.names = html("nnlib-names")
        self.note = html("nnlib-note")
        super().__init__([self.picture, self.names, self.note])
        self.add_class("nnlib-where")

    def show(self, moment: Moment | None) -> None:
        if moment is None:
            self.picture.clear()
            self.names.value = "<span>the answer</span><span>the runner-up</span>"
            self.note.value = _COLOURS
            return
        reading, network = moment.reading, moment.recognizer.network
        digits = (reading.digit, reading.runner_up)
        maps = [attribution(network, reading.tensor, digit) for digit in digits]
        limit, ink = np.abs(maps).max(), reading.tensor.reshape(SIDE, SIDE)
        self.picture.show(row([signed(map.reshape(SIDE, SIDE), limit, ink) for map in maps]))
        self.names.value = (
            f"<span>{digits[0]}, the answer</span><span>{digits[1]}, the runner-up</span>"
        )
        exactness = (
            "Exact: this model is one weighted sum, and these are its terms."
            if is_linear(network)
            else "Input × gradient: exact for the weighted sum that this network is for this "
            "very input, and only for that."
        )
        self.note.value = f"{_COLOURS} {exactness}"


class InsidePanel(widgets.VBox):
    """How strongly each hidden unit answers, as one small image a layer."""

    title = "Inside: the hidden layers"
    width = 16  # units in a row of an image

    def __init__(self):
        self.pictures = [Picture(self.width, self.width) for _ in range(2)]
        self.names = html("nnlib-names")
        super().__init__([widgets.HBox(self.pictures), self.names])
        self.add_class("nnlib-inside")

    def show(self, moment: Moment | None) -> None:
        layers = [] if moment is None else self._layers(moment)
        names = []
        for place, picture in enumerate(self.pictures):
            units = layers[place] if place < len(layers) else np.zeros(0)
            rows = np.pad(units, (0, -len(units) % self.width)).reshape(-1, self.width)
            picture.show(bright(rows.repeat(self.width // max(len(rows), 1), axis=0)))
            active = f"layer {place + 1}: {np.count_nonzero(units)} of {len(units)} active"
            names.append(f"<span>{active if len(units) else ''}</span>")
        if moment is not None and not layers:
            names = ["<span>This model has no hidden layer.</span>"]
        self.names.value = "".join(names)

    def _layers(self, moment: Moment) -> list[np.ndarray]:
        return activations(moment.recognizer.network, moment.reading.tensor)


class LookalikesPanel(widgets.VBox):
    """The nearest training images, and the nearest of the runner-up's."""

    title = "Look-alikes among 50,000 training images"

    def __init__(self):
        self.picture = Picture(SIDE, row_width(4, SIDE))
        self.names = html("nnlib-names")
        super().__init__([self.picture, self.names])
        self.add_class("nnlib-lookalikes")

    @functools.cached_property
    def index(self) -> Lookalikes:
        """Opened when it is first needed."""
        return Lookalikes()

    def show(self, moment: Moment | None) -> None:
        if moment is None:
            self.picture.clear()
            self.names.value = "<span>nearest</span><span>2nd</span><span>3rd</span><span></span>"
            return
        reading = moment.reading
        try:
            index = self.index
        except DataError as error:
            self.names.value = escape(str(error))
            return
        found = index.nearest(reading.tensor)
        found += index.nearest(reading.tensor, 1, label=reading.runner_up)
        self.picture.show(row([grey(lookalike.image) for lookalike in found]))
        names = [f"a {lookalike.label}, {lookalike.distance:.1f} away" for lookalike in found]
        names[-1] = f"the nearest {reading.runner_up}, {found[-1].distance:.1f} away"
        self.names.value = "".join(f"<span>{name}</span>" for name in names)


_COLOURS = (
    '<b class="nnlib-for">Blue</b> ink spoke for the digit, '
    '<b class="nnlib-against">orange</b> ink against it.'
)


def _widths(network: Network) -> str:
    """784→256→128→10"""
    dense = [layer for layer in network.layers if isinstance(layer, Dense)]
    return "→".join(map(str, [dense[0].n_in, *(layer.n_out for layer in dense)]))
