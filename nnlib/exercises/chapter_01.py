"""The exercises of notebook 01."""

from typing import Any

import numpy as np

from nnlib.exercises.kinds import Answer, Arguments, Exercise, Function
from nnlib.preprocessing.mnist_format import center_of_mass


def big_endian(four: bytes) -> int:
    """The number that four bytes stand for, the most significant first."""
    return int.from_bytes(four, "big")


def class_means(X: np.ndarray, t: np.ndarray) -> np.ndarray:
    """The mean (10, pixels) of the images X (N, pixels) with each label, t (N,)."""
    return np.array([X[t == k].mean(axis=0, dtype=np.float64) for k in range(10)])


def neighbors_agree(near: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Whether (N,) at least nine of ten labels near (N, 10) are the one said (N,)."""
    return (near == said[:, None]).sum(axis=1) >= 9


def layer_of_means(M: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """W (pixels, 10) and b (10,): X W + b is largest for the nearest of the means M."""
    return M.T, -(M**2).sum(axis=1) / 2


def _image_cases() -> list[Arguments]:
    rng = np.random.default_rng(0)
    dumbbell = np.array([[0.0, 0, 0], [1, 0, 3], [0, 0, 0]])
    return [(dumbbell,), (rng.random((4, 6)),), (rng.random((28, 28)),)]


def _labeled_cases() -> list[Arguments]:
    rng = np.random.default_rng(0)
    t = rng.permutation(np.repeat(np.arange(10), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]))
    as_many = rng.permutation(np.repeat(np.arange(10), 3))  # of each; a wrong axis then stacks, too
    return [(rng.random((30, 6)), as_many), (rng.random((len(t), 6)), t)]


def _neighbor_cases() -> list[Arguments]:
    said = np.array([5, 3, 3, 3, 3, 3, 3, 3, 3, 3])
    near = np.repeat(said[:, None], 10, axis=1)
    for row, others in enumerate((0, 1, 2, 5, 10, 1, 0, 3, 9, 2)):
        near[row, 10 - others :] = (said[row] + 3) % 10
    return [(near, said), (near[:4].copy(), said[:4].copy())]


def _weigh(image: np.ndarray, in_columns: np.ndarray, in_rows: np.ndarray) -> tuple[float, float]:
    height, width = image.shape
    return float(in_columns @ np.arange(width)), float(in_rows @ np.arange(height))


class _AnySize(Function):
    """A function of an image of any size: a fixed 28 in it is an error worth a sentence."""

    def problem(self, yours: Any) -> str | None:
        found = super().problem(yours)
        if found is not None and "ValueError" in found and "28" in found:
            found += " The image can have another size: take it from image.shape."
        return found


class _Layer(Function):
    """A function that returns W and b: what is said of them names them."""

    def problem(self, yours: Any) -> str | None:
        found = super().problem(yours)
        if found is None:
            return None
        for number, name in enumerate("Wb", start=1):
            found = found.replace(
                f"Number {number} of the 2: This is the transpose.",
                f"{name} is the transpose of what it should be.",
            ).replace(f"Number {number} of the 2", name)
        return found


def _without_total(image: np.ndarray) -> tuple[float, float]:
    return _weigh(image, image.sum(axis=0), image.sum(axis=1))


def _divided_by_pixels(image: np.ndarray) -> tuple[float, float]:
    x, y = _without_total(image)
    return x / image.size, y / image.size


def _mean_of_products(image: np.ndarray) -> tuple[float, float]:
    x, y = _without_total(image)
    return x / image.shape[1], y / image.shape[0]


def _with_most_ink(image: np.ndarray) -> tuple[int, int]:
    return int(image.sum(axis=0).argmax()), int(image.sum(axis=1).argmax())


def _counted_from_one(image: np.ndarray) -> tuple[float, float]:
    x, y = center_of_mass(image)
    return x + 1, y + 1


def _sums(X: np.ndarray, t: np.ndarray) -> np.ndarray:
    return np.array([X[t == k].sum(axis=0) for k in range(10)])


NOT_WHOLE = "The row is not whole: count only the full rows before number 300."
NO_BIAS = "b must not be zero: which part of z_k has no x?"
GAIN = 0.983 - 0.980
SIGMA_1, SIGMA_2 = np.sqrt(0.980 * 0.020 / 10_000), np.sqrt(0.983 * 0.017 / 10_000)

EXERCISES: dict[str, Exercise] = {
    "flat index": Answer(
        expected=(10, 20),
        hints=(
            "Each row holds 28 numbers. How many full rows come before number 300?",
            "divmod(a, b) gives quotient and remainder at once.",
        ),
        mistakes=(
            ((20, 10), "Row and column are swapped."),
            ((11, 21), "Counting starts at 0, not at 1."),
            ((11, 20), "Rows are counted from 0, not from 1."),
            ((10, 19), "Pixels are counted from 0: the first of a row is in column 0."),
            ((10, 21), "Columns are counted from 0, not from 1."),
            ((300 / 28, 20), NOT_WHOLE),
            ((10.71, 20), NOT_WHOLE),
            ((10.7, 20), NOT_WHOLE),
            ((280, 20), "280 is the number of the row's first pixel. Which row is it?"),
            (("10", "20"), "That is text. Write numbers, without quotation marks."),
            ((300 / 28, 300 % 28 / 28), "Row and column are whole numbers."),
        ),
    ),
    "bytes to number": Function(
        library=big_endian,
        cases=lambda: [
            (bytes([0, 0, 0, 28]),),
            (bytes([0, 0, 234, 96]),),
            (bytes([1, 2, 3, 4]),),
        ],
        hints=(
            "In 0, 0, 1, 2 the 1 counts 256. What does a 1 in front of it count?",
            "In 4711 the digits count 1000, 100, 10 and 1. Put powers of 256 in their places.",
        ),
        mistakes=(
            (
                lambda four: int.from_bytes(four, "little"),
                "Here the last byte counts most. In this format the first one does.",
            ),
            (
                lambda four: 256 * four[2] + four[3],
                "Only the last two bytes are used. All four of them count.",
            ),
            (sum, "The bytes are only added up. Each has its own power of 256."),
            (
                lambda four: sum(b * 255 ** (3 - i) for i, b in enumerate(four)),
                "A byte has 256 values, 0 to 255: the factor is 256.",
            ),
            (
                lambda four: sum(b * 10 ** (3 - i) for i, b in enumerate(four)),
                "A byte has 256 values, not ten: the factor is 256.",
            ),
            (
                lambda four: sum(b * 256 ** (4 - i) for i, b in enumerate(four)),
                "Each power of 256 is one too high: the last byte counts as it is.",
            ),
        ),
        tolerance=1e-9,
    ),
    "wrong reads": Answer(
        expected={"B": "header", "C": "rows", "D": "axes"},
        choices=("header", "rows", "axes"),
        hints=(
            "Look at how much each row is shifted against its place in picture A.",
            "One mistake shifts all rows alike, one each row a bit more, and one mirrors.",
        ),
        mistakes=(
            (
                {"B": "rows", "C": "header"},
                "A header shifts all rows alike; a wrong row length shifts each a bit more.",
            ),
            (
                {"B": "axes", "C": "axes"},
                "Swapped axes mirror a picture about its diagonal. Is this one mirrored?",
            ),
            ({"D": "rows"}, "With a wrong row length the rows drift. Do they here?"),
            ({"D": "header"}, "A header would shift the picture. Is this one only shifted?"),
        ),
    ),
    "center of mass": _AnySize(
        library=center_of_mass,
        cases=_image_cases,
        hints=(
            "Multiply each column's ink by the column's number, np.arange(width), and add up.",
            "What remains is to divide by all the ink of the image.",
        ),
        mistakes=(
            (lambda image: center_of_mass(image.T), "The two are swapped: the column comes first."),
            (_without_total, "The sums are right, but not divided by all the ink."),
            (_divided_by_pixels, "It is divided by the number of pixels, not by all the ink."),
            (
                _mean_of_products,
                "The mean divides by the number of columns or rows. Divide by all the ink.",
            ),
            (
                lambda image: (image.sum(axis=0).mean(), image.sum(axis=1).mean()),
                "That is the average ink of a column, not the average position.",
            ),
            (_with_most_ink, "That is the column with the most ink, not the average column."),
            (
                lambda image: center_of_mass(image)[0],
                "Only the column came back: return column, row.",
            ),
            (_counted_from_one, "Columns and rows are counted from 0: np.arange(width)."),
            (
                lambda image: center_of_mass((image > 0).astype(float)),
                "Every inked pixel counts the same here. It should count as much as its ink.",
            ),
        ),
    ),
    "class means": Function(
        library=class_means,
        cases=_labeled_cases,
        hints=(
            "X[t == k] has one image per row. Which axis runs over the images?",
            "From the shape (N_k, pixels), mean should leave (pixels,). Which axis goes?",
        ),
        mistakes=(
            (
                lambda X, t: np.array([X[t == k].mean(axis=1) for k in range(10)]),
                "This axis runs over the pixels: it leaves one number per image, not per pixel.",
            ),
            (_sums, "These are the sums. Divide by the number of images in the class."),
            (
                lambda X, t: _sums(X, t) / len(X),
                "The sum is divided by the number of all images, not by those with label k.",
            ),
            (
                lambda X, t: np.array([X.mean(axis=0)] * 10),
                "All ten rows are the mean of all images. Select those with label k.",
            ),
            (
                lambda X, t: np.array([X[t == k].mean() for k in range(10)]),
                "There is only one number per class, over all its pixels. Give mean an axis.",
            ),
        ),
    ),
    "neighbors agree": Function(
        library=neighbors_agree,
        cases=_neighbor_cases,
        hints=(
            "Compare each row of near with its own label. Which shape must said have for that?",
            "said[:, None] is a column. Comparing gives (N, 10); count along the neighbors.",
        ),
        mistakes=(
            (
                lambda near, said: (near == said).sum(axis=1) >= 9,
                "Each row is compared with all of said. Make said a column: said[:, None].",
            ),
            (
                lambda near, said: (near == said[:, None]).sum(axis=1) > 9,
                "At least nine: with nine that agree it is true, too.",
            ),
            (
                lambda near, said: (near == said[:, None]).sum(axis=1) == 9,
                "At least nine: with ten that agree it is true, too.",
            ),
            (
                lambda near, said: (near == said[:, None]).sum(axis=0) >= 9,
                "That counts along the images. Count along the ten neighbors of each.",
            ),
            (
                lambda near, said: (near == said[:, None]).sum(axis=1),
                "That is how many agree. Are they at least nine?",
            ),
            (
                lambda near, said: near == said[:, None],
                "That is one answer for each neighbor. Count them for each image.",
            ),
            (
                lambda near, said: (near == said[:, None]).any(axis=1),
                "One neighbor that agrees is enough here. Count them.",
            ),
            (
                lambda near, said: (near == said[:, None]).mean(axis=1) >= 9,
                "A mean of true and false is at most 1. Use sum, or compare with 0.9.",
            ),
        ),
    ),
    "layer of means": _Layer(
        library=layer_of_means,
        cases=lambda: [(np.random.default_rng(0).random((10, 6)),)],
        hints=(
            "Compare z_k with entry k of x W + b: which part depends on x, and which does not?",
            "Column k of W is m_k. b_k is the part without x, with its sign and its ½.",
        ),
        mistakes=(
            (
                lambda M: (M, -(M**2).sum(axis=1) / 2),
                "W is the transpose of what it should be: it needs one column per class.",
            ),
            (lambda M: (M.T, (M**2).sum(axis=1) / 2), "The sign of b is wrong."),
            (lambda M: (M.T, np.zeros(10)), NO_BIAS),
            (lambda M: (M.T, 0), NO_BIAS),
            (lambda M: (M.T, -(M**2).sum(axis=1)), "The ½ is missing in b."),
            (
                lambda M: (M.T, -np.linalg.norm(M, axis=1) / 2),
                "b has the length of m_k; its square is asked for.",
            ),
            (
                lambda M: (-2 * M.T, (M**2).sum(axis=1)),
                "This score is smallest for the nearest mean. Divide by −2, as in the text.",
            ),
            (
                lambda M: (2 * M.T, -(M**2).sum(axis=1)),
                "This is twice the score: it names the same class, but the text has it halved.",
            ),
        ),
    ),
    "standard errors": Answer(
        expected=GAIN / np.hypot(SIGMA_1, SIGMA_2),
        hints=(
            "The variance of an accuracy a on n images is a (1 − a) / n, the square of σ.",
            "Add both variances, take the root, and see how often it fits into the difference.",
        ),
        mistakes=(
            (GAIN / SIGMA_1, "That compares with the error of one accuracy; both have one."),
            (GAIN / SIGMA_2, "That compares with the error of one accuracy; both have one."),
            (
                GAIN / (SIGMA_1 + SIGMA_2),
                "The standard errors are added. Add the variances, then take the root.",
            ),
            (
                GAIN / (SIGMA_1**2 + SIGMA_2**2),
                "The square root is missing: you divided by a variance.",
            ),
            (
                100 * GAIN / np.hypot(SIGMA_1, SIGMA_2),
                "The difference is in percent, its error is a fraction.",
            ),
            (
                np.hypot(SIGMA_1, SIGMA_2),
                "This small, it is the difference or its standard error. Divide one by the other.",
            ),
        ),
        tolerance=0.02,
    ),
    "splits that leak": Answer(
        expected={"A": "clean", "B": "leaks", "C": "leaks", "D": "clean", "E": "leaks"},
        choices=("leaks", "clean"),
        hints=(
            "Think of one person with 120 images in a row. Where does each way put them?",
            "It is clean if all images of a person end up on the same side.",
        ),
        mistakes=(
            (
                {"A": "leaks"},
                "This file, unlike MNIST, is not shuffled: where are one person's images in it?",
            ),
            ({"B": "clean"}, "Chance picks images here, not people."),
            ({"C": "clean"}, "Neighbors in the file are mostly by the same person."),
            ({"D": "leaks"}, "Chance picks people here. Can a person be on both sides?"),
            ({"E": "clean"}, "And where are the other images of that person?"),
        ),
    ),
}
