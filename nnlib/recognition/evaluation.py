"""How accurate a model is: on MNIST, on drawings, on other people's images.

All results have one format, of JSON values: n, accuracy (0 to 1; of the most probable digits,
refused or not), refused (the fraction called no digit), digits (label → {n, accuracy, refused}),
confusion (counts, row = label, column = predicted), calibration_error; for drawings also
preprocessing and writers (as digits); for a split also loss. Drawings labeled "none" are counted
apart, as nondigits ({n, refused}).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nnlib.datasets.splits import Split
from nnlib.preprocessing.drawing import NO_DIGIT, Drawing, DrawingError, check_strokes
from nnlib.recognition.recognizer import MIN_DIGIT, PREPROCESSINGS, Prediction, Recognizer
from nnlib.training.calibration import calibration_error
from nnlib.training.metrics import accuracy, confusion_matrix
from nnlib.training.recipes import MODELS

Result = dict[str, Any]


def evaluate_split(recognizer: Recognizer, split: Split) -> Result:
    """Accuracy and loss on images that are already inputs, such as MNIST's test images."""
    probabilities, digit_probabilities = recognizer.answer(split.images)
    of_label = probabilities[np.arange(len(split)), split.labels]
    loss = -float(np.mean(np.log(np.maximum(of_label, np.finfo(np.float32).tiny))))
    return _compare(probabilities, digit_probabilities, split.labels) | {"loss": loss}


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

    answers = _collect(recognizer.predict_each(labeled(), preprocessing))
    _check_not_empty(labels)
    return _compare(*answers, labels, writers) | {"preprocessing": preprocessing}


def evaluate_images(
    recognizer: Recognizer, images: Iterable[np.ndarray], labels: Sequence[int] | np.ndarray
) -> Result:
    """Recognize gray images, each as `Recognizer.predict_image` takes it, and compare.

    Raises DrawingError for an image that cannot be used, ValueError for different numbers of
    images and labels, and for none.
    """

    def predictions() -> Iterator[Prediction]:
        for number, image in enumerate(images, 1):
            try:
                yield recognizer.predict_image(image)
            except DrawingError as error:
                raise DrawingError(f"Image {number}: {error}") from None

    return _compare(*_collect(predictions()), labels)


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


def _collect(predictions: Iterable[Prediction]) -> tuple[np.ndarray, np.ndarray]:
    """The probabilities of the digits (N, 10), and of being one (N,)."""
    rows = [(*p.probabilities, p.digit_probability) for p in predictions]
    answers = np.array(rows, np.float32).reshape(-1, 11)
    return answers[:, :10], answers[:, 10]


def _compare(
    probabilities: np.ndarray,
    digit_probabilities: np.ndarray,
    labels: Sequence[int] | np.ndarray,
    writers: Sequence[int | str | None] | None = None,
) -> Result:
    """The result, in the format above. Raises ValueError where there is no digit."""
    labels, refused = np.asarray(labels), digit_probabilities < MIN_DIGIT
    if len(labels) != len(refused):
        raise ValueError(f"There are {len(refused)} images and {len(labels)} labels.")
    result: Result = {}
    if (is_none := labels == NO_DIGIT).any():
        result["nondigits"] = {"n": int(is_none.sum()), "refused": _mean(refused[is_none])}
    digits = ~is_none
    probabilities, labels, refused = probabilities[digits], labels[digits], refused[digits]
    answers = probabilities.argmax(axis=1)
    is_right = answers == labels
    result |= {
        "n": len(labels),
        "accuracy": accuracy(answers, labels),
        "digits": _by(labels, is_right, refused),
        "confusion": confusion_matrix(answers, labels).tolist(),
        "refused": _mean(refused),
        "calibration_error": calibration_error(probabilities.max(axis=1), is_right),
    }
    if writers is not None:
        of_digits = [writer for writer, digit in zip(writers, digits, strict=True) if digit]
        result["writers"] = _by(of_digits, is_right, refused)
    return result


def _by(groups: Iterable[Any], is_right: np.ndarray, refused: np.ndarray) -> Result:
    """The accuracy of each group, in order; what belongs to none (None) is left out."""
    members: dict[Any, list[int]] = {}
    for i, group in enumerate(groups):
        if group is not None:
            members.setdefault(group, []).append(i)
    names = sorted(members, key=lambda name: (isinstance(name, str), name))
    return {
        str(name): {
            "n": len(members[name]),
            "accuracy": _mean(is_right[members[name]]),
            "refused": _mean(refused[members[name]]),
        }
        for name in names
    }


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values))
