"""Strokes or image → 28×28 input → probabilities → Prediction.

The app, the command line and every measurement on drawings preprocess them here. Only
`nnlib.explain.what_if` makes other forms of a drawing, to show what preprocessing is worth.
"""

import functools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from nnlib.nn.losses import softmax
from nnlib.nn.model_file import ModelError
from nnlib.nn.network import Network
from nnlib.preprocessing.drawing import (
    CANVAS_SIDE,
    NO_DIGIT,
    Drawing,
    DrawingError,
    check_sizes,
    check_strokes,
)
from nnlib.preprocessing.images import center_image, check_image, normalize_image, shrink_image
from nnlib.preprocessing.mnist_format import INK_THRESHOLD, PEN_WIDTH, SIDE
from nnlib.preprocessing.strokes import normalize_strokes, shrink_strokes
from nnlib.recognition.registry import DEFAULT_MODEL, model_path

# How strokes become an input. "strokes" is the default; the others are for comparison.
PREPROCESSINGS = {
    "as-drawn": "the canvas shrunk to 28×28",
    "mnist": "the canvas's pixels cropped, scaled into 20×20 and centered, as MNIST was made",
    "strokes": "the strokes scaled first and inked afterwards, with a pen like MNIST's",
}
BATCH_SIZE = 1000  # drawings that go through the network together
CANVAS_RESOLUTION = 112  # pixels per side of the canvas that the preprocessing "mnist" starts from

MIN_DIGIT = 0.5  # below this probability of being a digit, the answer is "no digit"
MIN_SURE = 0.8  # from this probability on the answer is "sure"
MIN_UNSURE = 0.5  # and from this on "unsure"; below it is "doubtful"


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the network answers for a drawing or an image.

    digit: the answer. probabilities: (10,) float32, adding up to 1: of each digit, if it is one.
    input: (28, 28) float32 in [0, 1], exactly what entered the network. draw: makes `as_drawn`.
    digit_probability: that it is a digit at all; 1 from a network that knows nothing but digits.
    """

    digit: int
    probabilities: np.ndarray
    input: np.ndarray
    draw: Callable[[], np.ndarray] = field(repr=False)
    digit_probability: float = 1.0

    @property
    def is_digit(self) -> bool:
        """Whether it is more probably a digit than not."""
        return self.digit_probability >= MIN_DIGIT

    @property
    def confidence(self) -> float:
        """The probability of the answer, if it is a digit."""
        return float(self.probabilities[self.digit])

    @property
    def runner_up(self) -> int:
        """The second most probable digit."""
        return int(np.argsort(-self.probabilities, kind="stable")[1])

    @property
    def certainty(self) -> Literal["sure", "unsure", "doubtful"]:
        """Whether the confidence is at least 80 %, at least 50 %, or less."""
        if self.confidence >= MIN_SURE:
            return "sure"
        return "unsure" if self.confidence >= MIN_UNSURE else "doubtful"

    @functools.cached_property
    def as_drawn(self) -> np.ndarray:
        """(28, 28) in [0, 1]: what the input would have been without any preprocessing.

        Computed when it is first asked for.
        """
        return self.draw()


class Recognizer:
    """Recognizes drawings and images with one network, of 784 inputs and 10 or 11 outputs.

    The eleventh output, where there is one, says "no digit". The logits are divided by the
    temperature in the network's info (Guo et al. 2017), so that an answer that is 90 % sure is
    right nine times of ten.

    Raises ValueError for a network of other widths, and for a temperature that is not positive.

    >>> Recognizer.load("robust").predict([[[250, 100], [250, 400]]]).digit
    1
    """

    def __init__(self, network: Network):
        if network.n_in != SIDE * SIDE or network.n_out not in (NO_DIGIT, NO_DIGIT + 1):
            raise ValueError(
                f"It has {network.n_in} inputs and {network.n_out} outputs; to recognize digits it "
                f"needs {SIDE * SIDE} and 10, or 11."
            )
        self.network = network
        self.temperature = network.info.get("temperature", 1.0)
        is_number = isinstance(self.temperature, int | float)
        if not (is_number and 0.01 <= self.temperature <= 100):
            raise ValueError(
                f"Its temperature must be a number from 0.01 to 100, not {self.temperature!r:.20}."
            )

    @classmethod
    def load(cls, model: str | os.PathLike[str] = DEFAULT_MODEL) -> "Recognizer":
        """By the name of a model in `data/models/`, or the path of an .npz file.

        Raises FileNotFoundError or ModelError.
        """
        path = model_path(model)
        network = Network.load(path)
        try:
            return cls(network)
        except ValueError as error:
            raise ModelError(f"{path} is no model of digits. {error}") from None

    def predict(
        self,
        strokes: Sequence[Any],
        canvas: float = CANVAS_SIDE,
        pen: float | None = None,
        preprocessing: str = "strokes",
    ) -> Prediction:
        """Recognize strokes, [[[x, y], …], …] in canvas pixels with y down.

        canvas: the side of the canvas, and pen: the width of the pen on it (canvas / 14 if
        not given). They say how the drawing looked; the answer does not depend on them unless
        another of `PREPROCESSINGS` is chosen.
        Raises DrawingError for strokes that are empty or not finite, for sizes that are not
        positive numbers, and where the preprocessing "mnist" finds no ink on the canvas.
        """
        image, draw = self._prepare(strokes, canvas, pen, preprocessing)
        return self._predict([image], [draw])[0]

    def predict_many(
        self, drawings: Iterable[Drawing], preprocessing: str = "strokes"
    ) -> list[Prediction]:
        """The Prediction of each drawing, which go through the network together.

        Raises DrawingError for the first drawing that cannot be used, naming its number.
        """
        return list(self.predict_each(drawings, preprocessing))

    def predict_each(
        self, drawings: Iterable[Drawing], preprocessing: str = "strokes"
    ) -> Iterator[Prediction]:
        """What `predict_many` returns, one after the other: there may be any number of drawings.

        A thousand at a time go through the network together.
        """
        images: list[np.ndarray] = []
        draws: list[Callable[[], np.ndarray]] = []
        for number, drawing in enumerate(drawings, 1):
            strokes, canvas, pen = drawing.strokes, drawing.canvas, drawing.pen
            try:
                image, draw = self._prepare(strokes, canvas, pen, preprocessing)
            except DrawingError as error:
                raise DrawingError(f"Drawing {number}: {error}") from None
            images.append(image)
            draws.append(draw)
            if len(images) == BATCH_SIZE:
                yield from self._predict(images, draws)
                images, draws = [], []
        yield from self._predict(images, draws)

    def predict_image(self, image: np.ndarray) -> Prediction:
        """Recognize a gray image, (h, w) uint8 or floats from 0 to 1; its border is paper.

        Raises DrawingError for an image without ink or of another kind.
        """
        image = check_image(image)
        return self._predict([normalize_image(image)], [functools.partial(shrink_image, image)])[0]

    @staticmethod
    def preprocess(
        strokes: list[np.ndarray],
        canvas: float = CANVAS_SIDE,
        pen: float | None = None,
        preprocessing: str = "strokes",
        pen_width: float = PEN_WIDTH,
    ) -> np.ndarray:
        """Strokes, as `check_strokes` returns them → (28, 28) float64, the input.

        pen_width: in pixels of the input, for the preprocessing "strokes".
        Raises ValueError for an unknown preprocessing, DrawingError as `predict` does.
        """
        if preprocessing == "strokes":
            return normalize_strokes(strokes, pen_width)
        if preprocessing == "mnist":
            pixels = shrink_strokes(strokes, canvas, pen, CANVAS_RESOLUTION)
            if pixels.max() < INK_THRESHOLD:
                raise DrawingError("Nothing of the drawing is on its canvas.")
            return center_image(pixels)
        if preprocessing == "as-drawn":
            return shrink_strokes(strokes, canvas, pen)
        raise ValueError(
            f"There is no preprocessing {preprocessing!r}. Known are {', '.join(PREPROCESSINGS)}."
        )

    def probabilities(self, inputs: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
        """Inputs, N of (28, 28) → the probabilities of the digits (N, 10)."""
        return self.answer(inputs)[0]

    def answer(self, inputs: Sequence[np.ndarray] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Inputs, N of (28, 28) → the probabilities of the digits (N, 10), and being one (N,)."""
        X = _as_inputs(inputs).reshape(-1, SIDE * SIDE)
        logits = np.concatenate(
            [self.network.forward(X[i : i + BATCH_SIZE]) for i in range(0, len(X), BATCH_SIZE)]
        )
        logits /= self.temperature
        return softmax(logits[:, :NO_DIGIT]), 1 - softmax(logits)[:, NO_DIGIT:].sum(axis=1)

    def _prepare(
        self, strokes: Sequence[Any], canvas: float, pen: float | None, preprocessing: str
    ) -> tuple[np.ndarray, Callable[[], np.ndarray]]:
        """Check a drawing; return its input, and what makes `as_drawn`."""
        strokes = check_strokes(strokes)
        canvas, pen = check_sizes(canvas, pen)
        image = self.preprocess(strokes, canvas, pen, preprocessing)
        return image, functools.partial(shrink_strokes, strokes, canvas, pen)

    def _predict(
        self, images: Sequence[np.ndarray], draws: Sequence[Callable[[], np.ndarray]]
    ) -> list[Prediction]:
        if not images:
            return []
        inputs = _as_inputs(images)
        return [
            Prediction(int(row.argmax()), row, image, draw, float(digit_probability))
            for row, digit_probability, image, draw in zip(
                *self.answer(inputs), inputs, draws, strict=True
            )
        ]


def _as_inputs(images: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    return np.asarray(images, np.float32).reshape(-1, SIDE, SIDE)
