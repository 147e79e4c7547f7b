"""Is the input unusual? Each measure of it in the histogram of the training images."""

import functools

import ipywidgets as widgets
import numpy as np

from nnlib.app.panels.base import Snapshot
from nnlib.explain.diagnostics import MEASURES, Diagnostic, diagnose, reference


class DiagnosticsPanel(widgets.HTML):
    """Each measure of the input in the histogram of the training images of the predicted digit."""

    title = "Is the input unusual?"

    def __init__(self) -> None:
        super().__init__()
        self.add_class("nnlib-diagnostics")

    def show(self, snapshot: Snapshot | None) -> None:
        if snapshot is None:
            rows = [_row(name, "", "", _histogram(name, None)) for name in MEASURES]
            legend = "Gray: the training images."
        else:
            rows = [_diagnosed(diagnostic) for diagnostic in diagnose(snapshot.prediction)]
            legend = (
                f"Gray: the training {snapshot.prediction.digit}s. Dashed: your drawing. "
                "Solid: the input that the network sees."
            )
        self.value = "".join(rows) + f"<p>{legend}</p>"


def _diagnosed(d: Diagnostic) -> str:
    value = f"{d.as_drawn:.2f} drawn, {d.input:.2f} input"
    marks = "".join(
        f'<path class="{css_class}" d="M{_position(value, d):.1f} 0V30"/>'
        for css_class, value in (("nnlib-mark-drawn", d.as_drawn), ("nnlib-mark-input", d.input))
    )
    advice = {
        "usual": "",
        "corrected": f'<em class="nnlib-corrected">{d.advice}</em>',
        "unusual": f'<em class="nnlib-unusual">Unusual.</em> {d.advice}',
    }[d.state]
    return _row(d.name, value, f"{d.summary}. {advice}", _histogram(d.name, d.digit) + marks)


def _row(name: str, value: str, text: str, svg: str) -> str:
    return (
        f'<div class="nnlib-measure"><b>{name}</b><span>{value} ({MEASURES[name].unit})</span>'
        f'<svg viewBox="0 0 100 30" preserveAspectRatio="none" aria-hidden="true">{svg}</svg>'
        f"<div>{text}</div></div>"
    )


@functools.cache
def _histogram(name: str, digit: int | None) -> str:
    """The training images of a digit, or of all, as one SVG path, 100 wide and 30 high."""
    digits = range(10) if digit is None else [digit]
    frequencies = np.mean([reference(name, each).histogram for each in digits], axis=0)
    width = 100 / len(frequencies)
    heights = 28 * frequencies / frequencies.max()
    steps = "".join(f"V{30 - height:.1f}h{width:.3f}" for height in heights)
    return f'<path class="nnlib-histogram" d="M0 30{steps}V30z"/>'


def _position(value: float, d: Diagnostic) -> float:
    """The x of a value in its histogram; values outside are shown at the end."""
    start, end = d.reference.start, d.reference.end
    return float(np.clip(100 * (value - start) / (end - start), 0.5, 99.5))
