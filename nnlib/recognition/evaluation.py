"""How accurate a model is: on MNIST, on drawings, on other people's images.

All results have one format, of JSON values: n, accuracy (0 to 1), digits (label → {n, accuracy}),
confusion (counts, row = label, column = predicted), and for drawings also preprocessing and
writers (writer → {n, accuracy}); for a split also loss.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nnlib.datasets.splits import Split
from nnlib.nn.losses import cross_entropy
from nnlib.preprocessing.drawing import Drawing, DrawingError, check_strokes
from nnlib.recognition.recognizer import PREPROCESSINGS, Recognizer
from nnlib.training.metrics import accuracy, confusion_matrix
from nnlib.training.recipes import MODELS

Result = dict[str, Any]


def evaluate_split(recognizer: Recognizer, split: Split) -> Result:
    """Accuracy and loss on images that are already inputs, such as MNIST's test images."""
    logits = recognizer.network.forward(split.images)
    loss, _ = cross_entropy(logits, split.labels)
    return _compare(logits.argmax(axis=1), split.labels) | {"loss": loss}


def evaluate_drawings(
    recognizer: Recognizer, drawings: Iterable[Drawing], preprocessing: str = "strokes"
) -> Result:
    """Recognize every drawing, and compare the answer with its label.

    preprocessing: one of `PREPROCESSINGS`. Writers are those of the drawings that name one.
    Raises DrawingError for a drawing without a label or that cannot be used, and where there
    is none.
    """
    labels: list[int] = []
    writers: list[int | str | None] = []

    def labeled() -> Iterator[Drawing]:
        for number, drawing in enumerate(drawings, 1):
            labels.append(_label(number, drawing))
            writers.append(drawing.writer)
            yield drawing

    predictions = recognizer.predict_each(labeled(), preprocessing)
    answers = [prediction.digit for prediction in predictions]
    _check_not_empty(labels)
    result = _compare(answers, labels) | {"preprocessing": preprocessing}
    return result | {"writers": _by(writers, answers, labels)}


def evaluate_images(
    recognizer: Recognizer, images: Iterable[np.ndarray], labels: Sequence[int] | np.ndarray
) -> Result:
    """Recognize gray images, each as `Recognizer.predict_image` takes it, and compare.

    Raises DrawingError for an image that cannot be used, ValueError for different numbers of
    images and labels, and for none.
    """
    answers = []
    for number, image in enumerate(images, 1):
        try:
            answers.append(recognizer.predict_image(image).digit)
        except DrawingError as error:
            raise DrawingError(f"Image {number}: {error}") from None
    return _compare(answers, labels)


def drawings_to_split(drawings: Sequence[Drawing]) -> Split:
    """Labeled drawings as a Split of inputs, on which networks can be measured directly.

    Raises DrawingError for a drawing without a label or strokes, and where there is none.
    """
    labels = [_label(number, drawing) for number, drawing in enumerate(drawings, 1)]
    _check_not_empty(labels)
    images = [Recognizer.preprocess(check_strokes(drawing.strokes)).ravel() for drawing in drawings]
    return Split(np.array(images, np.float32), np.array(labels, np.int64))


def pens_table(results: Sequence[Mapping[str, Any]]) -> str:
    """What `nnlib reproduce pens` measured, as a table in Markdown."""
    accuracies = {(r["model"], r["preprocessing"]): r["accuracy"] for r in results}
    lines = [f"| model | {' | '.join(PREPROCESSINGS)} |", "|---" * (1 + len(PREPROCESSINGS)) + "|"]
    for model in MODELS:
        row = [accuracies.get((model, preprocessing)) for preprocessing in PREPROCESSINGS]
        if any(value is not None for value in row):
            cells = ["" if value is None else f"{value:.1%}" for value in row]
            lines.append(f"| `{model}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def _label(number: int, drawing: Drawing) -> int:
    if drawing.label is None:
        raise DrawingError(f'Drawing {number} has no "label" to compare the answer with.')
    return drawing.label


def _check_not_empty(labels: Sequence[int]) -> None:
    if not labels:
        raise DrawingError("There is no drawing to evaluate.")


def _compare(answers: Sequence[int] | np.ndarray, labels: Sequence[int] | np.ndarray) -> Result:
    return {
        "n": len(labels),
        "accuracy": accuracy(answers, labels),
        "digits": _by(labels, answers, labels),
        "confusion": confusion_matrix(answers, labels).tolist(),
    }


def _by(
    groups: Iterable[Any],
    answers: Iterable[int] | np.ndarray,
    labels: Iterable[int] | np.ndarray,
) -> Result:
    """The accuracy of each group, in order; what belongs to none (None) is left out."""
    members: dict[Any, list[bool]] = {}
    for group, answer, label in zip(groups, answers, labels, strict=True):
        if group is not None:
            members.setdefault(group, []).append(bool(answer == label))
    names = sorted(members, key=lambda name: (isinstance(name, str), name))
    return {
        str(name): {"n": len(members[name]), "accuracy": float(np.mean(members[name]))}
        for name in names
    }
