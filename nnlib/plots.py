"""The figures that more than one notebook shows. Each returns its matplotlib Figure.

None of them needs color: ink is black on white, signed values differ in lightness and have a
number, lines differ in their dashes and have a name at their end.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

DASHES = ("-", "--", ":", "-.")


def show_images(
    images: Sequence[np.ndarray] | np.ndarray,
    titles: Sequence[str] = (),
    columns: int = 10,
    width: float = 9.0,
) -> Figure:
    """Images, each (784,) or (28, 28), as a grid, ink black on white.

    titles: a short text over each image. width: of the figure, in inches.
    """
    images = [np.reshape(image, (28, 28)) for image in images]
    figure, axes = _grid(len(images), columns, width, 1.25 if len(titles) else 1.0)
    for index, (image, axis) in enumerate(zip(images, axes.ravel(), strict=False)):
        axis.imshow(image, cmap="gray_r", vmin=0, vmax=1)
        if index < len(titles):
            axis.set_title(titles[index], fontsize=9)
    return figure


def show_curves(
    curves: Mapping[str, Sequence[float]],
    xlabel: str,
    ylabel: str,
    x: Sequence[float] | None = None,
    log: bool = False,
) -> Figure:
    """Named curves over x, each with its own dashes and its name at the end.

    x: 1, 2, 3 … if not given. log: a logarithmic y axis.
    """
    figure, axis = plt.subplots(figsize=(7.5, 4), layout="constrained")
    for number, values in enumerate(curves.values()):
        places = np.arange(1, len(values) + 1) if x is None else np.asarray(x)
        axis.plot(places, np.asarray(values), DASHES[number % len(DASHES)], linewidth=1.8)
    if log:
        axis.set_yscale("log")
    axis.set_xlabel(xlabel)
    axis.set_ylabel(ylabel)
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.3)

    # The names are at the ends of the curves, from the lowest up, moved apart where they would
    # overlap.
    figure.draw_without_rendering()  # needed to know where the ends are
    points = 72 / figure.dpi
    last = [tuple(np.asarray(line.get_xydata())[-1]) for line in axis.lines]
    ends = [axis.transData.transform(place)[1] * points for place in last]
    lowest = -np.inf
    for end, place, name, line in sorted(
        zip(ends, last, curves, axis.lines, strict=True), key=lambda curve: curve[0]
    ):
        lowest = max(end, lowest + 12)
        axis.annotate(
            name,
            place,
            xytext=(6, lowest - end),
            textcoords="offset points",
            color=line.get_color(),
            va="center",
            annotation_clip=False,
        )
    return figure


def show_confusion(confusion: np.ndarray) -> Figure:
    """Mistakes by shade and number; correct answers are left blank.

    confusion: counts (10, 10), row = label, column = answer.
    """
    mistakes = np.array(confusion)
    np.fill_diagonal(mistakes, 0)
    figure, axis = plt.subplots(figsize=(5.5, 5), layout="constrained")
    axis.imshow(mistakes, cmap="gray_r", vmin=0, vmax=1.6 * max(mistakes.max(), 1))
    for label, answer in zip(*np.nonzero(mistakes), strict=True):
        axis.text(answer, label, mistakes[label, answer], ha="center", va="center", fontsize=8)
    axis.set_xticks(range(10))
    axis.set_yticks(range(10))
    axis.set_xlabel("predicted")
    axis.set_ylabel("label")
    return figure


def show_weights(weights: np.ndarray, titles: Sequence[str] = (), columns: int = 5) -> Figure:
    """The columns of W (784, K) as 28×28 pictures.

    Black is positive, white negative, middle gray zero.
    """
    pictures = np.asarray(weights).T.reshape(-1, 28, 28)
    figure, axes = _grid(len(pictures), columns, 8.0, 1.12)
    limit = np.abs(pictures).max() or 1.0
    for index, (picture, axis) in enumerate(zip(pictures, axes.ravel(), strict=False)):
        drawn = axis.imshow(picture, cmap="gray_r", vmin=-limit, vmax=limit)
        axis.set_title(titles[index] if index < len(titles) else str(index), fontsize=9)
    figure.colorbar(drawn, ax=axes, shrink=0.6, label="weight")
    return figure


def _grid(n: int, columns: int, width: float, stretch: float) -> tuple[Figure, np.ndarray]:
    """Axes for n pictures, without ticks; each is `stretch` times as high as wide."""
    columns = min(columns, n)
    rows = -(-n // columns)
    size = (width, width / columns * rows * stretch)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for axis in axes.ravel():
        axis.axis("off")
    return figure, axes
