"""A drawing again, from its first point to its last: what was the answer on the way?"""

from dataclasses import dataclass

import numpy as np

from nnlib.drawing import normalise_strokes
from nnlib.recognizer import Recognizer

MOMENTS = 16  # of a replay, at most


@dataclass(frozen=True)
class Replay:
    """points: (T,), how many points had been drawn. probabilities: (T, 10), what was read then."""

    points: np.ndarray
    probabilities: np.ndarray


def replay(recognizer: Recognizer, strokes: list[np.ndarray]) -> Replay:
    """Read the drawing as it was after a first part of its points, at up to 16 moments.

    Each is read as the whole is: scaled, inked and centred by what is there so far.
    """
    count = sum(map(len, strokes))
    points = np.unique(np.linspace(1, count, MOMENTS).round().astype(int))
    tensors = [normalise_strokes(first_points(strokes, n)).reshape(-1) for n in points]
    return Replay(points, recognizer.network.probabilities(np.array(tensors)))


def first_points(strokes: list[np.ndarray], count: int) -> list[np.ndarray]:
    """The strokes as they were when `count` points had been drawn."""
    part = []
    for stroke in strokes:
        if count <= 0:
            break
        part.append(stroke[:count])
        count -= len(stroke)
    return part
