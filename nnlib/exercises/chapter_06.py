"""The exercises of notebook 06."""

from collections.abc import Callable

import numpy as np

from nnlib.exercises.diagnosis import is_unanswered
from nnlib.exercises.kinds import Answer, Exercise, Function, NotAnswered
from nnlib.preprocessing.mnist_format import CENTER
from nnlib.preprocessing.strokes import rasterize

N_COEFFICIENTS = 19  # 1, x, y and sixteen bumps
FROM_MIDDLE = 3.0  # pixels: so far a slash may pass the middle of its zero

RUN_A, RUN_B = np.array([[95.1, 95.6, 94.9], [95.5, 95.3, 95.9]])
TO = np.array([[0.8, 0.2], [0.0, 1.25]])  # where the ink goes


def _coefficients(*first: float) -> np.ndarray:
    return np.array([*first, *[0.0] * (N_COEFFICIENTS - len(first))])


def _over_error(ddof: int = 1, n: float = 3) -> float:
    error = np.sqrt((RUN_A.var(ddof=ddof) + RUN_B.var(ddof=ddof)) / n)
    return float((RUN_B.mean() - RUN_A.mean()) / error)


def _box(image: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the ink."""
    inked = image > 0.5 * image.max()
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    return columns[0], rows[0], columns[-1], rows[-1]


def _slash(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    left, top, right, bottom = _box(image)
    share = np.array([0.2, 0.8]) + rng.uniform(-0.1, 0.1, 2)
    x, y = left + share * (right - left), bottom - share * (bottom - top)
    return np.stack([x, y], axis=1)


def _zeros() -> list[np.ndarray]:
    """Zeros of different sizes and places, as images (28, 28)."""
    angle = np.linspace(0, 2 * np.pi, 40)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    middles, radii = [(14, 14), (10, 17), (16, 12), (13, 16)], [(6, 9), (4, 8), (8, 8), (5, 10)]
    return [
        rasterize([np.array(middle) + circle * radius], 2.4).astype(np.float32)
        for middle, radius in zip(middles, radii, strict=True)
    ]


def _judge_slash(slash: Callable[[np.ndarray, np.random.Generator], object]) -> str | None:
    """What is wrong with the strokes that cross zeros."""
    rng = np.random.default_rng(0)
    crossed = []
    for image in _zeros():
        result = slash(image.copy(), rng)
        if is_unanswered(result):
            raise NotAnswered
        if result is None:
            return "It is None. Does the function end with a return?"
        try:
            points = np.asarray(result, dtype=float)
        except (TypeError, ValueError):
            return "Two points are asked for, [[x, y], [x, y]]; these are no four numbers."
        if points.shape != (2, 2):
            return f"Its shape is {points.shape}. Two points, [[x, y], [x, y]], have (2, 2)."
        crossed.append((points, _box(image)))
    problems = [_problem_of_slash(points, box) for points, box in crossed]
    if not any(problems):
        return None
    for sentence, change in (
        ("x and y are exchanged: x counts columns, y counts rows.", lambda p, _: p[:, ::-1]),
        ("The lower left end comes first, and lower means a larger y.", lambda p, _: p[::-1]),
        (
            "It runs from the upper left to the lower right: y points down.",
            lambda p, box: np.stack([p[:, 0], box[1] + box[3] - p[:, 1]], axis=1),
        ),
    ):
        if not any(_problem_of_slash(change(points, box), box) for points, box in crossed):
            return sentence
    return next(problem for problem in problems if problem)


def _problem_of_slash(points: np.ndarray, box: tuple[int, int, int, int]) -> str | None:
    left, top, right, bottom = box
    middle = np.array([left + right, top + bottom]) / 2
    (x, y), (end_x, end_y) = points
    if not (left - 1 <= min(x, end_x) and max(x, end_x) <= right + 1):
        return "An end lies to the left or right of the box of the ink."
    if not (top - 1 <= min(y, end_y) and max(y, end_y) <= bottom + 1):
        return "An end lies above or below the box of the ink."
    if not (x < middle[0] and y > middle[1]):
        return "Its first point is not in the lower left quarter of the box."
    if not (end_x > middle[0] and end_y < middle[1]):
        return "Its second point is not in the upper right quarter of the box."
    if np.abs(points.mean(axis=0) - middle).max() > FROM_MIDDLE:
        return "It passes the middle of the box at a distance. Are both ends equally far from it?"
    return None


EXERCISES: dict[str, Exercise] = {
    "four pixels": Answer(
        (
            "Take the four pixels one by one. Where does the pixel in row 9, column 9 look, and "
            "how far is that from the ink?",
            "Between two columns, a = 0.25 of the way: the left one counts 1 - a, the right one "
            "a. The same with b = 0.5 for the rows; multiply the two.",
        ),
        expected=[[0.125, 0.375], [0.125, 0.375]],
        mistakes=(
            ([[0, 0], [0, 0.375]], "This ink moves right and down. Which pixels look at it?"),
            ([[0.375, 0.125], [0.375, 0.125]], "Which column looks closer to column 10?"),
            ([[0.125, 0.125], [0.375, 0.375]], "Rows and columns are exchanged."),
            ([[0, 0], [0, 1]], "That would be the image itself. Where do its pixels look?"),
            ([[0.25, 0.75], [0.25, 0.75]], "The columns are right. And between the rows?"),
            ([[0.5, 0.5], [0.5, 0.5]], "The rows are right. And between the columns?"),
            ([[0.25, 0.25], [0.25, 0.25]], "The place is not in the middle of the four pixels."),
        ),
    ),
    "inverse map": Answer(
        (
            "The friend's matrix says where ink goes. To look is to go back: from the new place "
            "to the old one.",
            "Undo the last step first: y was multiplied by 1.25. Then take away from x what y "
            "had added, and undo the 0.8.",
        ),
        expected=np.linalg.inv(TO),
        tolerance=1e-3,
        mistakes=(
            (TO, "That is where the ink goes. You are asked where to look."),
            (np.array([[1.25, 0.2], [0, 0.8]]), "What was added to x has to be taken away."),
            (np.array([[1.25, 5], [0, 0.8]]), "1 over each number is not the inverse matrix."),
            (np.array([[1.25, 0], [0, 0.8]]), "x depends on y too."),
            (
                np.array([[1.25, -0.25], [0, 0.8]]),
                "What was added to x was 0.2 times the old y. You know only the new one.",
            ),
            (
                np.array([[1.25, -0.2 * 0.8], [0, 0.8]]),
                "Undo the 0.8 last: it divides all of x, what was taken away included.",
            ),
            (
                np.array([[1.25, -0.2], [0, 1.25]]),
                "The y was multiplied by 1.25: how is that undone?",
            ),
        ),
    ),
    "thinner row": Answer(
        (
            "Thinner: first write down the least of each pixel and its two neighbors.",
            "An amount of -0.5 goes halfway from the row as it was to that row of the least.",
        ),
        expected=[0, 0.1, 0.6, 0.3, 0],
        mistakes=(
            ([0, 0, 0.2, 0, 0], "That is thickness -1, the least. Half the way is asked for."),
            ([0.1, 0.6, 1, 0.8, 0.3], "That is thicker: it takes the most of the neighbors."),
            ([0.2, 1, 1, 1, 0.6], "That is the most of the neighbors. Thinner takes the least."),
            ([0, 0.1, 0.5, 0.3, 0], "That is half of each pixel's ink. Ask its neighbors."),
        ),
    ),
    "mirror": Answer(
        (
            "The numbers stand for x' = c0 + c1·x + c2·y + …, where x and y are measured from "
            "the center. Where should the pixel in the middle look?",
            "The pixel one to the right of the center should look one to the left of it. What "
            "is c1 then? The bumps are for warps.",
        ),
        expected=_coefficients(CENTER, -1),
        mistakes=(
            (_coefficients(0, -1), "The result is a place in the image. The center is at (14, 14)"),
            (_coefficients(13.5, -1), "The center of BASIS is where MNIST's mass is, not at 13.5."),
            (_coefficients(28, -1), "x is measured from the center, not from the left border."),
            (_coefficients(27, -1), "x is measured from the center, not from the left border."),
            (_coefficients(CENTER, 1), "That looks where each pixel is: nothing changes."),
            (_coefficients(-CENTER, -1), "The center has to look at the center, which is inside."),
            (_coefficients(CENTER, 0, -1), "That is y in place of x: the order is 1, x, y."),
            (_coefficients(), "All pixels look at column 0. Begin with the center."),
        ),
    ),
    "slash": Function(
        (
            "box(image) gives left, top, right, bottom. The lower left end is a little to the "
            "right of left, and a little above bottom, where y is smaller.",
            "Take a share of the box, such as 0.2 for the first end and 0.8 for the second: x is "
            "left plus that share of the width, y is bottom minus that share of the height.",
        ),
        library=_slash,
        judge=_judge_slash,
    ),
    "gain or luck": Answer(
        (
            "Above the line stands the mean of b minus the mean of a. Below it stands the square "
            "root of the formula, with a.var(ddof=1) for the square of s.",
            "Add the two variances, divide by the number of seeds, and take the root of that.",
        ),
        expected=_over_error(),
        tolerance=0.005,
        mistakes=(
            (_over_error(ddof=0), "The variances divide by 3 here. ddof=1 makes it 2."),
            (_over_error(n=1), "Means of three vary less than single runs: the 3 is missing."),
            (_over_error(n=6), "The variance is divided by 3, not by 6."),
            (
                _over_error() * np.sqrt(RUN_A.var(ddof=1) + RUN_B.var(ddof=1))
                / (RUN_A.std(ddof=1) + RUN_B.std(ddof=1)),
                "It is variances that add up, not standard deviations.",
            ),
            (float(RUN_B.mean() - RUN_A.mean()), "That is the difference. Now over its error."),
            (
                float((RUN_B.mean() - RUN_A.mean()) / _over_error()),
                "That is the standard error. How many of these is the difference?",
            ),
        ),
    ),
}  # fmt: skip
