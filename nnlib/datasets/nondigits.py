"""Drawings of what is no digit, made from lines and curves: shapes, scribbles, pairs of digits.

What they have in common is only that nobody would read one as a digit. A network that is shown
them, and letters, learns to say so of others too.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from nnlib.preprocessing.drawing import NO_DIGIT, Drawing
from nnlib.preprocessing.strokes import bounds

SIZE = 300.0  # about as high as the drawings are, on a canvas of 500
MARGIN = 100.0
Strokes = list[np.ndarray]
Points = Sequence[tuple[float, float]]


def make_nondigits(
    digits: Sequence[Drawing], n_of_each: int, seed: int = 0, without: Sequence[str] = ()
) -> list[Drawing]:
    """n drawings of each kind in `KINDS`, with the kind as `note`.

    digits: drawings from which pairs are made. without: kinds to leave out.
    """
    rng = np.random.default_rng(seed)
    drawings = []
    for kind in KINDS:
        if kind in without:
            continue
        for _ in range(n_of_each * WEIGHTS.get(kind, 1)):
            strokes = two_digits(digits, rng) if kind == "pair" else SHAPES[kind](rng)
            drawings.append(Drawing(place(strokes, rng), NO_DIGIT, note=kind))
    return drawings


def place(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    """Strokes in units of their height → on the canvas, with an unsteady hand."""
    low, high = bounds(strokes)
    scale = SIZE / max(float((high - low).max()), 0.5)
    placed = []
    for stroke in strokes:
        shaking = rng.normal(0, 0.3, stroke.shape).cumsum(axis=0)
        placed.append((stroke - low) * scale + MARGIN + shaking)
    return placed


# Shapes, about 1 high. Each takes a generator and returns strokes.


def line(*corners: tuple[float, float], n: int = 10) -> np.ndarray:
    """One stroke along straight lines, with n points on each."""
    ends = np.asarray(corners, np.float64)
    return np.concatenate([np.linspace(a, b, n) for a, b in pairwise(ends)])


def arc(
    x: float, y: float, rx: float, ry: float, start: float = 0.0, end: float = 1.0
) -> np.ndarray:
    """One stroke along an ellipse around (x, y), from `start` to `end` turns."""
    angles = 2 * np.pi * np.linspace(start, end, 40)
    return np.stack([x + rx * np.cos(angles), y + ry * np.sin(angles)], axis=1)


def square(rng: np.random.Generator) -> Strokes:
    width = rng.uniform(0.8, 1.4)
    return [line((0, 0), (width, 0), (width, 1), (0, 1), (0, 0))]


def triangle(rng: np.random.Generator) -> Strokes:
    return [line((rng.uniform(0.3, 0.7), 0), (1, 1), (0, 1), (0.5, 0))]


def diamond(rng: np.random.Generator) -> Strokes:
    width = rng.uniform(0.6, 1.2)
    return [line((width / 2, 0), (width, 0.5), (width / 2, 1), (0, 0.5), (width / 2, 0))]


def house(rng: np.random.Generator) -> Strokes:
    eaves = rng.uniform(0.35, 0.55)
    return [line((0, 1), (0, eaves), (0.5, 0), (1, eaves), (1, 1), (0, 1))]


def heart(rng: np.random.Generator) -> Strokes:
    t = np.linspace(0, 2 * np.pi, 60)
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return [np.stack([rng.uniform(0.8, 1.2) * x, -y], axis=1) / 30]


def star(rng: np.random.Generator) -> Strokes:
    turn = rng.uniform(-0.3, 0.3)
    angles = turn - np.pi / 2 + np.arange(6) * 4 * np.pi / 5
    return [line(*zip(np.cos(angles) / 2, np.sin(angles) / 2, strict=True))]


def arrow(rng: np.random.Generator) -> Strokes:
    head = rng.uniform(0.2, 0.4)
    shaft = line((0, 0.5), (1, 0.5))
    tip = line((1 - head, 0.5 - head), (1, 0.5), (1 - head, 0.5 + head))
    angle = rng.integers(4) * np.pi / 2 + rng.uniform(-0.3, 0.3)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return [shaft @ turn, tip @ turn]


def smiley(rng: np.random.Generator) -> Strokes:
    eyes = [arc(x, 0.38, 0.03, 0.05) for x in (0.35, 0.65)]
    return [
        arc(0.5, 0.5, rng.uniform(0.45, 0.55), 0.5),
        *eyes,
        arc(0.5, 0.55, 0.25, 0.2, 0.05, 0.45),
    ]


def plus(rng: np.random.Generator) -> Strokes:
    y = rng.uniform(0.4, 0.6)
    return [line((0.5, 0), (0.5, 1)), line((0, y), (1, y))]


def cross(rng: np.random.Generator) -> Strokes:
    width = rng.uniform(0.7, 1.2)
    return [line((0, 0), (width, 1)), line((width, 0), (0, 1))]


def hash_sign(rng: np.random.Generator) -> Strokes:
    slant = rng.uniform(0, 0.15)
    upright = [line((x + slant, 0), (x, 1)) for x in (0.33, 0.66)]
    return [*upright, *(line((0, y), (1, y)) for y in (0.33, 0.66))]


def check_mark(rng: np.random.Generator) -> Strokes:
    return [line((0, rng.uniform(0.4, 0.7)), (0.35, 1), (1, 0))]


def wave(rng: np.random.Generator) -> Strokes:
    x = np.linspace(0, 1, 60)
    return [np.stack([x, rng.uniform(0.08, 0.2) * np.sin(2 * np.pi * rng.uniform(1.5, 4) * x)], 1)]


def zigzag(rng: np.random.Generator) -> Strokes:
    n, height = int(rng.integers(4, 8)), rng.uniform(0.3, 0.8)
    return [line(*[(i / n, (i % 2) * height) for i in range(n + 1)])]


def spiral(rng: np.random.Generator) -> Strokes:
    t = np.linspace(0, 2 * np.pi * rng.uniform(2.2, 4), 90)
    return [np.stack([t * np.cos(t), t * np.sin(t)], axis=1) / t[-1]]


def equals_sign(rng: np.random.Generator) -> Strokes:
    return [line((0, y), (1, y + rng.uniform(-0.05, 0.05))) for y in (0.3, 0.6)]


def rings(rng: np.random.Generator) -> Strokes:
    inner = rng.uniform(0.12, 0.35)
    return [arc(0.5, 0.5, 0.5, 0.5), arc(0.5, 0.5, inner, inner)]


def question_mark(rng: np.random.Generator) -> Strokes:
    hook = arc(0.5, 0.3, rng.uniform(0.22, 0.32), 0.3, -0.5, 0.22)
    return [np.concatenate([hook, line(tuple(hook[-1]), (0.5, 0.75))]), np.array([[0.5, 1.0]])]


def lightning(rng: np.random.Generator) -> Strokes:
    return [line((0.6, 0), (rng.uniform(0.1, 0.3), 0.55), (0.7, 0.5), (0.3, 1))]


def percent_sign(rng: np.random.Generator) -> Strokes:
    radius = rng.uniform(0.12, 0.18)
    return [line((1, 0), (0, 1)), arc(0.15, 0.15, radius, radius), arc(0.85, 0.85, radius, radius)]


def at_sign(rng: np.random.Generator) -> Strokes:
    return [arc(0.5, 0.5, 0.2, 0.2), arc(0.5, 0.5, 0.5, rng.uniform(0.4, 0.5), -0.03, 0.9)]


def tally(rng: np.random.Generator) -> Strokes:
    places = 0.3 * np.arange(rng.integers(2, 5))
    return [line((x + rng.uniform(-0.05, 0.05), 0), (x, 1)) for x in places]


def flat_line(rng: np.random.Generator) -> Strokes:
    return [line((0, 0), (1, rng.uniform(-0.5, 0.5)))]


def dots(rng: np.random.Generator) -> Strokes:
    return [rng.random((1, 2)) for _ in range(rng.integers(2, 7))]


def scribble(rng: np.random.Generator) -> Strokes:
    """A wandering line, straight lines to and fro, or loops."""
    kind = rng.integers(3)
    if kind == 0:
        steps = rng.normal(0, 1, (rng.integers(25, 90), 2))
        for i in range(1, len(steps)):
            steps[i] = 0.75 * steps[i - 1] + 0.66 * steps[i]
        return [np.clip(steps.cumsum(axis=0) / 10, -0.6, 0.6)]
    if kind == 1:
        return [line(*map(tuple, rng.random((rng.integers(6, 14), 2))))]
    turns = int(rng.integers(3, 8))
    t = np.linspace(0, 2 * np.pi * turns, 20 * turns)
    (width, height), drift = rng.uniform(0.3, 1, 2), np.linspace(0, rng.uniform(0.3, 2), len(t))
    x, y = np.cos(t + rng.uniform(0, 6)), np.sin(t * rng.uniform(0.8, 1.2))
    return [np.stack([width * x + drift, height * y], axis=1) / 2]


def two_digits(digits: Sequence[Drawing], rng: np.random.Generator) -> Strokes:
    """Two of the drawings side by side, about as high as each other."""
    pair: Strokes = []
    right = 0.0
    for i in rng.integers(len(digits), size=2):
        strokes = digits[i].strokes
        low, high = bounds(strokes)
        width, height = high - low
        scale = rng.uniform(0.9, 1.1) / max(height, 0.3 * width, 1.0)
        corner = np.array([right, rng.uniform(-0.1, 0.1)])
        pair += [(stroke - low) * scale + corner for stroke in strokes]
        right += width * scale + rng.uniform(0.03, 0.35)
    return pair


SHAPES: dict[str, Callable[[np.random.Generator], Strokes]] = {
    make.__name__.replace("_", " "): make
    for make in (
        square, triangle, diamond, house, heart, star, arrow, smiley, plus, cross, hash_sign,
        check_mark, wave, zigzag, spiral, equals_sign, rings, question_mark, lightning,
        percent_sign, at_sign, tally, flat_line, dots, scribble,
    )
}  # fmt: skip
KINDS = (*SHAPES, "pair")
WEIGHTS = {"scribble": 12, "pair": 12}  # of which there are more
