"""Replay: what was the answer after each part of a drawing?"""

from dataclasses import dataclass

import numpy as np

from nnlib.recognition.recognizer import Recognizer

N_FRAMES = 16  # of a replay, at most


@dataclass(frozen=True, eq=False)
class Replay:
    """points: (T,), how many points had been drawn. probabilities: (T, 10), at that time."""

    points: np.ndarray
    probabilities: np.ndarray


def replay(recognizer: Recognizer, strokes: list[np.ndarray]) -> Replay:
    """Recognize the drawing as it was at up to 16 moments, evenly spaced in points.

    Each part is preprocessed as the whole is: scaled, inked and centered.
    """
    count = sum(map(len, strokes))
    points = np.unique(np.linspace(1, count, N_FRAMES).round().astype(int))
    inputs = [recognizer.preprocess(first_points(strokes, n)) for n in points]
    return Replay(points, recognizer.probabilities(inputs))


def first_points(strokes: list[np.ndarray], count: int) -> list[np.ndarray]:
    """The strokes as they were when `count` points had been drawn."""
    part = []
    for stroke in strokes:
        if count <= 0:
            break
        part.append(stroke[:count])
        count -= len(stroke)
    return part
