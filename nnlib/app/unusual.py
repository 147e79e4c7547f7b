"""Is the input unusual? Each measure in the histogram of the training images of the answer."""

import functools

import ipywidgets as widgets
import numpy as np

from nnlib.app.panels import Moment
from nnlib.diagnostics import MEASURES, Diagnostic, reference


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
    """The training images of a digit, or of all, as one SVG path, 100 wide and 30 high."""
    digits = range(10) if digit is None else [digit]
    shares = np.mean([reference(name, each).histogram for each in digits], axis=0)
    width = 100 / len(shares)
    heights = 28 * shares / shares.max()
    steps = "".join(f"V{30 - height:.1f}h{width:.3f}" for height in heights)
    return f'<path class="nnlib-histogram" d="M0 30{steps}V30z"/>'


def _place(value: float, d: Diagnostic) -> float:
    """Where a value is on the histogram; beyond an end, at that end."""
    start, end = d.reference.start, d.reference.end
    return float(np.clip(100 * (value - start) / (end - start), 0.5, 99.5))
