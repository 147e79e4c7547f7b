"""How right a model is on drawings and on other people's images.

Every one of them goes the way of the app, through a `Recognizer`.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from nnlib.data import Split
from nnlib.drawing import Drawing, DrawingError, normalise_strokes
from nnlib.metrics import accuracy, confusion_matrix
from nnlib.recognizer import PATHS, RUNGS, Recognizer

NOTHING = "There is no drawing to evaluate."


def evaluate_drawings(
    recognizer: Recognizer, drawings: Iterable[Drawing], path: str = "strokes"
) -> dict:
    """Read every drawing by one of `nnlib.recognizer.PATHS`, and compare with its label.

    Returns JSON values: n, accuracy (0 to 1); digits, label → {n, accuracy}; writers, the
    same by writer, of the drawings that name one; confusion, counts with a row a label and a
    column an answer. Raises DrawingError for a drawing without a label or that cannot be
    read, and where there is none.
    """
    answers, labels, writers = [], [], []
    for number, drawing in enumerate(drawings, 1):
        label = _label(number, drawing)
        try:
            reading = recognizer.read(drawing.strokes, drawing.canvas, drawing.pen, path)
        except DrawingError as error:
            raise DrawingError(f"Drawing {number}: {error}") from None
        answers.append(reading.digit)
        labels.append(label)
        writers.append(drawing.writer)
    if not labels:
        raise DrawingError(NOTHING)
    return _compare(answers, labels) | {"writers": _by(writers, answers, labels)}


def evaluate_images(recognizer: Recognizer, images: Iterable, labels: Sequence[int]) -> dict:
    """Read grey images, each as `Recognizer.read_image` takes it, and compare with the labels.

    Returns what `evaluate_drawings` does, but for writers. Raises DrawingError for an image
    that cannot be read.
    """
    answers = []
    for number, image in enumerate(images, 1):
        try:
            answers.append(recognizer.read_image(image).digit)
        except DrawingError as error:
            raise DrawingError(f"Image {number}: {error}") from None
    return _compare(answers, labels)


def describe_drawings(results: list[dict]) -> str:
    """A table in Markdown, a row a model and a column a path, of what `evaluate` saved."""
    accuracies = {(r["model"], r["path"]): r["accuracy"] for r in results if "path" in r}
    models = [name for name in RUNGS if any(model == name for model, _ in accuracies)]
    lines = [f"| model | {' | '.join(PATHS)} |", "|---" * (1 + len(PATHS)) + "|"]
    for model in models:
        row = [accuracies.get((model, path)) for path in PATHS]
        cells = [f"{accuracy:.1%}" if accuracy is not None else "" for accuracy in row]
        lines.append(f"| `{model}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def as_split(drawings: Sequence[Drawing]) -> Split:
    """Labelled drawings as a network sees them, to measure many networks on.

    Raises DrawingError for a drawing without a label, and where there is none.
    """
    labels = [_label(number, drawing) for number, drawing in enumerate(drawings, 1)]
    if not labels:
        raise DrawingError(NOTHING)
    images = [normalise_strokes(drawing.strokes).ravel() for drawing in drawings]
    return Split(np.array(images, np.float32), np.array(labels, np.int64))


def _label(number: int, drawing: Drawing) -> int:
    if drawing.label is None:
        raise DrawingError(f'Drawing {number} has no "label" to compare the answer with.')
    return drawing.label


def _compare(answers: Sequence[int], labels: Sequence[int]) -> dict:
    return {
        "n": len(labels),
        "accuracy": accuracy(answers, labels),
        "digits": _by(labels, answers, labels),
        "confusion": confusion_matrix(answers, labels).tolist(),
    }


def _by(groups: Sequence, answers: Sequence[int], labels: Sequence[int]) -> dict:
    """The accuracy of each group, in order; what belongs to none (None) is left out."""
    members: dict = {}
    for group, answer, label in zip(groups, answers, labels, strict=True):
        if group is not None:
            members.setdefault(group, []).append(answer == label)
    names = sorted(members, key=lambda name: (isinstance(name, str), name))
    return {
        str(name): {"n": len(members[name]), "accuracy": float(np.mean(members[name]))}
        for name in names
    }
