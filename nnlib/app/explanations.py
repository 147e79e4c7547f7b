"""Panels that explain an answer. Each can be folded away, and then costs nothing.

Every panel has a `title` and `show(moment)`, where None stands for an empty pad.
"""

import functools
from collections.abc import Callable
from dataclasses import replace

import ipywidgets as widgets
import numpy as np

from nnlib.app.panels import Moment, html
from nnlib.app.pictures import Picture, as_svg, bright, grey, row, row_width, signed
from nnlib.diagnostics import MEASURES, Diagnostic, reference
from nnlib.drawing import SIDE
from nnlib.explain import activations, attribution, is_linear
from nnlib.layers import Dense
from nnlib.lookalikes import Lookalikes
from nnlib.network import Network
from nnlib.recognizer import Recognizer, model_names
from nnlib.replay import Replay, first_points, replay
from nnlib.whatif import what_if

Guard = Callable[[Callable[..., None]], Callable[..., None]]


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


class UnusualPanel(widgets.HTML):
    """Each measure of the input, in the histogram of the training images of the answer."""

    title = "Is the input unusual?"

    def __init__(self):
        super().__init__()
        self.add_class("nnlib-diagnostics")

    def show(self, moment: Moment | None) -> None:
        if moment is None:
            rows = [_measure(name, "", "", "", _histogram(name, None)) for name in MEASURES]
            legend = "Grey: what the training images have."
        else:
            rows = [_diagnosed(diagnostic) for diagnostic in moment.reading.diagnostics]
            legend = (
                f"Grey: the training {moment.reading.digit}s. Dashed: this drawing as drawn. "
                "Solid: as the network read it."
            )
        self.value = "".join(rows) + f"<p>{legend}</p>"


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
        self._load = load
        self.add_class("nnlib-ladder")

    def show(self, moment: Moment | None) -> None:
        rows = []
        for name in model_names():
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
        found = self.index.nearest(reading.tensor)
        found += self.index.nearest(reading.tensor, 1, label=reading.runner_up)
        self.picture.show(row([grey(lookalike.image) for lookalike in found]))
        names = [f"a {lookalike.label}, {lookalike.distance:.1f} away" for lookalike in found]
        names[-1] = f"the nearest {reading.runner_up}, {found[-1].distance:.1f} away"
        self.names.value = "".join(f"<span>{name}</span>" for name in names)


class ReplayPanel(widgets.VBox):
    """The strokes again, and what was read after each part of them.

    Made when the pen is lifted: it takes two dozen readings.
    """

    title = "Replay: how the answer came about"

    def __init__(self, guard: Guard):
        self.replay: Replay | None = None
        self._moment: Moment | None = None
        self.sketch, self.plot = html("nnlib-sketch"), html("nnlib-plot")
        self.slider = widgets.IntSlider(min=0, max=0, readout=False)
        self.slider.add_class("nnlib-time")
        self.slider.observe(guard(lambda change: self._draw()), "value")
        self.play = widgets.Play(min=0, max=0, interval=60, show_repeat=False)
        self.play.add_class("nnlib-play")
        widgets.jslink((self.play, "value"), (self.slider, "value"))
        controls = widgets.HBox([self.play, self.slider])
        super().__init__([widgets.HBox([self.sketch, self.plot]), controls])
        self.add_class("nnlib-replay")

    def show(self, moment: Moment | None) -> None:
        if moment is not None and not moment.lifted:
            return
        self._moment = moment
        self.replay = moment and replay(moment.recognizer, moment.drawing.strokes)
        last = len(self.replay.points) - 1 if self.replay else 0
        self.play.max = self.slider.max = last
        if self.slider.value == last:
            self._draw()
        self.play.value = self.slider.value = last

    def _draw(self) -> None:
        if self.replay is None:
            self.sketch.value = self.plot.value = ""
            return
        now = min(self.slider.value, len(self.replay.points) - 1)
        drawing = self._moment.drawing
        strokes = first_points(drawing.strokes, int(self.replay.points[now]))
        self.sketch.value = as_svg(replace(drawing, strokes=strokes))
        self.plot.value = _plot(self.replay, now)


_COLOURS = (
    '<b class="nnlib-for">Blue</b> ink spoke for the digit, '
    '<b class="nnlib-against">orange</b> ink against it.'
)


def _widths(network: Network) -> str:
    """784→256→128→10"""
    dense = [layer for layer in network.layers if isinstance(layer, Dense)]
    return "→".join(map(str, [dense[0].n_in, *(layer.n_out for layer in dense)]))


def _diagnosed(d: Diagnostic) -> str:
    value = f"{d.as_drawn:.2f} drawn, {d.as_read:.2f} read"
    marks = _histogram(d.name, d.digit) + "".join(
        f'<path class="{css_class}" d="M{_place(value, d):.1f} 0V30"/>'
        for css_class, value in (("nnlib-drawn", d.as_drawn), ("nnlib-read", d.as_read))
    )
    advice = {
        "usual": "",
        "corrected": f'<em class="nnlib-corrected">{d.advice}</em>',
        "unusual": f'<em class="nnlib-unusual">Unusual.</em> {d.advice}',
    }[d.state]
    return _measure(d.name, value, f"{d.words}.", advice, marks)


def _measure(name: str, value: str, words: str, advice: str, drawing: str) -> str:
    return (
        f'<div class="nnlib-measure"><b>{name}</b><span>{value} ({MEASURES[name].unit})</span>'
        f'<svg viewBox="0 0 100 30" preserveAspectRatio="none" aria-hidden="true">{drawing}</svg>'
        f"<div>{words} {advice}</div></div>"
    )


@functools.cache
def _histogram(name: str, digit: int | None) -> str:
    """The training images of a digit as one SVG path, 100 wide and 30 high."""
    shares = np.mean([reference(name, d).histogram for d in range(10)], axis=0)
    if digit is not None:
        shares = reference(name, digit).histogram
    width = 100 / len(shares)
    heights = 28 * shares / shares.max()
    steps = "".join(f"V{30 - height:.1f}h{width:.3f}" for height in heights)
    return f'<path class="nnlib-histogram" d="M0 30{steps}V30z"/>'


def _place(value: float, d: Diagnostic) -> float:
    """Where a value is on the histogram; beyond an end, at that end."""
    start, end = d.reference.start, d.reference.end
    return float(np.clip(100 * (value - start) / (end - start), 0.5, 99.5))


def _plot(replay: Replay, now: int) -> str:
    """Ten lines over the points drawn, 200 wide and 100 high; the highest four are named."""
    x = 200 * (replay.points - 1) / max(replay.points[-1] - 1, 1)
    highest = np.argsort(replay.probabilities.max(axis=0))[::-1]
    lines = []
    for rank, digit in list(enumerate(highest))[::-1]:
        y = 100 - 100 * replay.probabilities[:, digit]
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        lines.append(f'<polyline class="nnlib-line-{min(rank, 4)}" points="{points}"/>')
    legend = "".join(
        f'<span class="nnlib-line-{rank}">{digit} '
        f"<em>{100 * replay.probabilities[now, digit]:.0f} %</em></span>"
        for rank, digit in enumerate(highest[:4])
    )
    return (
        '<svg viewBox="0 0 200 100" preserveAspectRatio="none" role="img" aria-label="The '
        f'probability of each digit over the points drawn">{"".join(lines)}'
        f'<path class="nnlib-now" d="M{x[now]:.1f} 0V100"/></svg>'
        f"<div>{legend}</div><small>0 to 100 %, as it was drawn</small>"
    )
