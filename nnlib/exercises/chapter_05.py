"""The exercises of notebook 05."""

import numpy as np

from nnlib.datasets.augmentation import bilinear_sample
from nnlib.exercises.kinds import Answer, Exercise, Function
from nnlib.preprocessing.mnist_format import BOX, CENTER, INK_THRESHOLD, SIDE

ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE].reshape(2, -1)
MIDDLE = (SIDE - 1) / 2  # of the frame


def _pen_after(pen: float, extent: float) -> float:
    return BOX * pen / (extent + pen)


def _center_by_box(
    images: np.ndarray, middle: float = MIDDLE, ink: float = INK_THRESHOLD, direction: float = 1
) -> np.ndarray:
    x, y = _box_middles(images, ink)
    return _moved(images, direction * (middle - x), direction * (middle - y))


def _box_middles(images: np.ndarray, ink: float = INK_THRESHOLD) -> tuple[np.ndarray, np.ndarray]:
    inked = images.reshape(-1, SIDE, SIDE) > ink
    return _line_middles(inked, axis=1), _line_middles(inked, axis=2)


def _line_middles(inked: np.ndarray, axis: int) -> np.ndarray:
    """The middle between the first and the last column (axis 1) or row (2) that has ink."""
    inked = np.asarray(inked.any(axis=axis))
    return (inked.argmax(axis=1) + SIDE - 1 - inked[:, ::-1].argmax(axis=1)) / 2


def _moved(images: np.ndarray, dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    x, y = COLUMNS - np.reshape(dx, (-1, 1)), ROWS - np.reshape(dy, (-1, 1))
    return bilinear_sample(images, x.astype(np.float32), y.astype(np.float32))


def _center_by_mass(images: np.ndarray) -> np.ndarray:
    total = images.sum(axis=1)
    return _moved(images, CENTER - images @ COLUMNS / total, CENTER - images @ ROWS / total)


def _exchange_x_and_y(images: np.ndarray) -> np.ndarray:
    x, y = _box_middles(images)
    return _moved(images, MIDDLE - y, MIDDLE - x)


def _move_all_alike(images: np.ndarray) -> np.ndarray:
    x, y = _box_middles(images.max(axis=0, keepdims=True))
    return _moved(images, np.repeat(MIDDLE - x, len(images)), np.repeat(MIDDLE - y, len(images)))


def _box_cases() -> list[tuple[np.ndarray]]:
    """Four small drawings, none in the middle, heavier on one side, with faint ink around."""
    images = np.zeros((4, SIDE, SIDE), np.float32)
    images[0, 4:12, 3:6] = 1
    images[0, 11, 3:15] = 1
    images[1, 10:25, 20] = 0.8
    images[1, 10:13, 12:20] = 0.5
    images[2, 20:23, 6:15] = 1
    images[2, 15:20, 6] = 0.3
    images[2, 2, 25] = 0.05
    images[3, 2:9, 14:25] = 0.6
    images[3, 9:14, 24] = 1
    return [(images.reshape(-1, SIDE * SIDE),)]


EXERCISES: dict[str, Exercise] = {
    "pen after the repair": Function(
        (
            "How long is the ink of a straight line of length e, drawn with a round pen of width "
            "p? Look at its two ends.",
            "All of the ink is scaled by one factor, so that its longer side becomes 20 pixels. "
            "The width of the pen is scaled by the same factor.",
        ),
        library=_pen_after,
        cases=lambda: [(10.0, 150.0), (500 / 14, 105.0), (60.0, 120.0)],
        mistakes=(
            (
                lambda pen, extent: BOX * pen / extent,
                "The ink is longer than its center line: half a pen at either end.",
            ),
            (
                lambda pen, extent: BOX * pen / (extent + 2 * pen),
                "The ink is not that long: only half a pen is added at either end.",
            ),
            (
                lambda pen, extent: BOX * pen / (extent + pen / 2),
                "Half a pen is added at either end, and there are two ends.",
            ),
            (
                lambda pen, extent: BOX / (extent + pen),
                "That is the factor by which the drawing is scaled. What becomes of the pen?",
            ),
            (
                lambda pen, extent: (extent + pen) * pen / BOX,
                "The factor is upside down: a drawing larger than 20 pixels shrinks.",
            ),
        ),
    ),
    "which disguise": Answer(
        (
            "Compare each set with plain, line by line. Which of its numbers have changed, and "
            "which have not?",
            "Which of the three disguises leaves the amount of ink as it is? Which adds ink, "
            "and which takes it away?",
        ),
        expected={"A": "shrunk", "B": "thick", "C": "moved"},
        mistakes=(
            (
                {"A": "moved", "B": "moved", "C": "shrunk"},
                "Look at its stroke density: does this disguise change the amount of ink?",
            ),
            (
                {"A": "thick", "B": "shrunk", "C": "thick"},
                "Look at its thickness, and hold it against that of the plain images.",
            ),
        ),
    ),
    "center by the box": Function(
        (
            "Which columns have any ink above 0.1? The box goes from the first of them to the "
            "last, and its middle is halfway between. Then the same for the rows.",
            "argmax of booleans finds the first True of each row, and on the reversed array, "
            "[:, ::-1], the last. place needs how far to move: where to, minus where it is.",
        ),
        library=_center_by_box,
        cases=_box_cases,
        tolerance=1e-3,
        mistakes=(
            (_center_by_mass, "That centers by mass. The box does not care where most ink is."),
            (
                lambda images: _center_by_box(images, middle=CENTER),
                "The box is moved to 14. The middle of the frame lies between 13 and 14.",
            ),
            (
                lambda images: _center_by_box(images, middle=SIDE / 2 - 1),
                "The box is moved to 13. The middle of the frame lies between 13 and 14.",
            ),
            (
                lambda images: _center_by_box(images, ink=0),
                "The box holds faint ink too. Only ink above 0.1 counts.",
            ),
            (
                lambda images: _center_by_box(images, direction=-1),
                "It moves the wrong way: where to, minus where it is.",
            ),
            (_exchange_x_and_y, "x and y are exchanged: x counts columns, y counts rows."),
            (_move_all_alike, "All images are moved alike. Each has a box of its own."),
            (lambda images: images, "Nothing is moved."),
        ),
    ),
    "people needed": Answer(
        (
            "The standard error of a mean over k people is s divided by the square root of k. "
            "Which k makes it half a point?",
            "Solve for the square root of k first, then square both sides. np.ceil rounds up.",
        ),
        expected=lambda s: np.ceil((s / 0.5) ** 2),
        mistakes=(
            (lambda s: s / 0.5, "That is the square root of the number of people."),
            (lambda s: np.ceil(s / 0.5), "That is the square root of the number of people."),
            (lambda s: np.ceil(s**2 / 0.5), "The half point has to be squared too."),
            (lambda s: s**2 / 0.5, "The half point has to be squared too."),
            (lambda s: (s / 0.5) ** 2, "A part of a person cannot write: round up."),
            (lambda s: np.floor((s / 0.5) ** 2), "Round up: with one person less it is too few."),
        ),
    ),
}
