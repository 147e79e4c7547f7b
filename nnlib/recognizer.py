"""The one path of a drawing: strokes or image → tensor → probabilities → Reading.

The app, the command line, the tests and every measurement on drawings call this, and
nobody prepares a drawing anywhere else.
"""

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nnlib.diagnostics import Diagnostic, diagnose
from nnlib.drawing import (
    CANVAS,
    FAINT,
    SIDE,
    DrawingError,
    check_strokes,
    normalise_strokes,
    shrink_strokes,
)
from nnlib.files import data_path
from nnlib.images import centre_image, check_image, normalise_image, shrink_image
from nnlib.network import Network

# What becomes of strokes before the network sees them. The last is what everybody uses; the
# others are there to show what it is worth.
PATHS = {
    "as-drawn": "the canvas shrunk to 28×28",
    "mnist": "its pixels cropped, scaled into 20×20 and centred, as MNIST was made",
    "strokes": "the strokes scaled first and inked afterwards, with a pen like MNIST's",
}
RUNGS = ("softmax", "hidden", "deep", "robust")  # the ladder of models, each better than the last
RASTER = 112  # pixels a side of the canvas that the path "mnist" starts from


@dataclass(frozen=True)
class Reading:
    """What the network made of a drawing.

    digit: the answer. probabilities: (10,) float32, adding up to 1. tensor: (784,) float32
    in [0, 1], exactly what entered the network. as_drawn: (28, 28) in [0, 1], what it would
    have been without any repair.
    """

    digit: int
    probabilities: np.ndarray
    tensor: np.ndarray
    as_drawn: np.ndarray

    @property
    def confidence(self) -> float:
        """The probability of the answer."""
        return float(self.probabilities[self.digit])

    @property
    def runner_up(self) -> int:
        """The second most probable digit."""
        return int(np.argsort(-self.probabilities, kind="stable")[1])

    @functools.cached_property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What is unusual about the input: one `Diagnostic` a measure, when they are asked for."""
        return diagnose(self.as_drawn, self.tensor.reshape(SIDE, SIDE), self.digit)


class Recognizer:
    """Reads drawings with one network.

    >>> Recognizer.load("robust").read([[[250, 100], [250, 400]]]).digit
    1
    """

    def __init__(self, network: Network):
        self.network = network

    @classmethod
    def load(cls, model: str | os.PathLike = "robust") -> "Recognizer":
        """By the name of a model in `data/models/`, or the path of an .npz file.

        Raises FileNotFoundError or ModelError.
        """
        return cls(Network.load(model_path(model)))

    def read(
        self,
        strokes: Sequence,
        canvas: float = CANVAS,
        pen: float | None = None,
        path: str = "strokes",
    ) -> Reading:
        """Read strokes, [[[x, y], …], …] in canvas pixels with y down.

        canvas: the side of the canvas, and pen: the width of the pen on it (canvas / 14 if
        not given). They say how the drawing looked; the answer does not depend on them,
        unless another of `PATHS` is asked for.
        Raises DrawingError for strokes that are empty or not finite, or of which the path
        "mnist" finds nothing on the canvas.
        """
        strokes = check_strokes(strokes)
        as_drawn = shrink_strokes(strokes, canvas, pen)
        if path == "strokes":
            as_read = normalise_strokes(strokes)
        elif path == "mnist":
            raster = shrink_strokes(strokes, canvas, pen, RASTER)
            if raster.max() < FAINT:
                raise DrawingError("Nothing of the drawing is on its canvas.")
            as_read = centre_image(raster)
        elif path == "as-drawn":
            as_read = as_drawn
        else:
            raise ValueError(f"There is no path {path!r}. Known are {', '.join(PATHS)}.")
        return self._read(as_drawn, as_read)

    def read_image(self, image: np.ndarray) -> Reading:
        """Read a grey image, (h, w) uint8 or floats from 0 to 1; its border is paper.

        Raises DrawingError for an image without ink or of another kind.
        """
        image = check_image(image)
        return self._read(shrink_image(image), normalise_image(image))

    def _read(self, as_drawn: np.ndarray, as_read: np.ndarray) -> Reading:
        tensor = as_read.reshape(-1).astype(np.float32)
        probabilities = self.network.probabilities(tensor[None])[0]
        return Reading(int(probabilities.argmax()), probabilities, tensor, as_drawn)


def model_path(model: str | os.PathLike) -> Path:
    """Where the model of that name lies; a path to an .npz file is returned as it is."""
    if str(model).endswith(".npz"):
        return Path(model)
    path = data_path("models", f"{model}.npz")
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no model {str(model)!r}. Known are {', '.join(model_names())}; "
            "or give the path of an .npz file."
        )
    return path


def model_names() -> list[str]:
    """The models in `data/models/`: those of the ladder from the first rung up, then others."""
    names = sorted(path.stem for path in data_path("models").glob("*.npz"))
    return sorted(names, key=lambda name: RUNGS.index(name) if name in RUNGS else len(RUNGS))
