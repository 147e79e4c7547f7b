"""The figures that more than one notebook shows, and how every figure is shown.

use_style()                     once, at the top of a notebook
show(figure, alt="…")           a figure with a text for those who cannot see it
show_frames(figures, labels, …) a moving figure: a slider over pictures drawn beforehand

Colors can be told apart by the color-blind and carry meaning: blue is positive, orange negative.
Ink is gray. Lines differ in their dashes too, and have their names at their ends.
"""

import io
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

# Okabe & Ito, Color Universal Design (2008)
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#AA4499"
GRAY, BLACK = "#777777", "#222222"
COLORS = (BLUE, ORANGE, GREEN, PURPLE, BLACK)
DASHES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))

# Negative orange, zero white, positive blue: use it with vmin=-a, vmax=a.
DIVERGING = LinearSegmentedColormap.from_list("orange-white-blue", [ORANGE, "#ffffff", BLUE])

WIDTH = 5.6  # inches; at most this wide, the text of a figure is readable on a phone


def use_style() -> None:
    """Set matplotlib's defaults: large text, no frame at the top and on the right."""
    plt.rcParams.update(
        {
            "axes.prop_cycle": cycler(color=COLORS),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlesize": 12,
            "figure.dpi": 110,
            "figure.figsize": (WIDTH, 3.4),
            "font.size": 12,
            "legend.frameon": False,
        }
    )


def show(figure: Figure, alt: str) -> None:
    """Display a figure as a picture, and close it.

    alt: what there is to see, for those who cannot see it; kept with the picture.
    """
    from IPython.display import display

    data = {"image/png": _png(figure), "text/plain": alt}
    display(data, metadata={"image/png": {"alt": alt}}, raw=True)  # type: ignore[no-untyped-call]


def show_frames(
    figures: Iterable[Figure],
    labels: Sequence[object],
    name: str,
    alt: str,
    interval: int = 400,
    still: int = 0,
) -> None:
    """Display a moving figure: a slider and a play button over pictures drawn beforehand.

    figures: one for each label; they are closed. labels: the slider's positions, as text.
    name: what the slider changes. alt: as for `show`. interval: of playing, in milliseconds.
    still: index of the picture that stands in where widgets are not shown.
    All of it happens in the browser, so it moves without a kernel, in a saved notebook too.
    """
    import ipywidgets as widgets
    from IPython.display import display

    pictures = [_png(figure) for figure in figures]
    if len(pictures) != len(labels):
        raise ValueError(f"There are {len(pictures)} figures for {len(labels)} labels.")
    # widgets.Image has no alternative text.
    frames = [
        widgets.HTML(
            f'<img src="data:image/png;base64,{b64encode(png).decode()}" '
            f'alt="{escape(f"{alt} {name}: {label}")}" style="max-width: 100%">'
        )
        for png, label in zip(pictures, labels, strict=True)
    ]
    stack = widgets.Stack(frames, selected_index=0)
    slider = widgets.SelectionSlider(
        options=[(str(label), index) for index, label in enumerate(labels)],
        description=name,
        continuous_update=True,
        style={"description_width": "initial"},
        layout={"width": "auto", "flex": "1 1 auto"},
    )
    play = widgets.Play(max=len(pictures) - 1, interval=interval, show_repeat=False)
    widgets.jslink((play, "value"), (slider, "index"))
    widgets.jslink((slider, "index"), (stack, "selected_index"))
    controls = widgets.HBox([play, slider], layout={"width": "auto", "max_width": "600px"})
    box = widgets.VBox([controls, stack])
    data = {**box._repr_mimebundle_(), "image/png": pictures[still], "text/plain": alt}
    display(data, metadata={"image/png": {"alt": alt}}, raw=True)  # type: ignore[no-untyped-call]


def show_network(widths: Sequence[int], names: Sequence[str] = (), shown: int = 7) -> Figure:
    """A network of dense layers: a column of units per layer, and the shapes of W and b.

    widths: units of each layer, the input first, such as (784, 128, 10). names: a word for
    each. shown: at most so many units are drawn; dots stand for the others.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 3.6), layout="constrained")
    columns = []
    for x, width in enumerate(widths):
        n = width if width <= shown + 3 else shown
        heights = np.linspace(1, -1, n) * min(1, n / (shown + 1))
        gap = width > n
        columns.append([(x, y) for i, y in enumerate(heights) if not (gap and i == n // 2)])
        axis.text(x, -1.32, f"{width}", ha="center", va="top", weight="bold")
        if names:
            axis.text(x, -1.62, names[x], ha="center", va="top")
        if gap:
            axis.text(x, 0, "⋮", ha="center", va="center", size=16)
    for number, (left, right) in enumerate(pairwise(columns), start=1):
        for a in left:
            for b in right:
                axis.plot(*zip(a, b, strict=True), color=GRAY, linewidth=0.4, alpha=0.5, zorder=0)
        suffix = "" if len(widths) == 2 else str(number)
        n_in, n_out = widths[number - 1], widths[number]
        text = f"W{suffix} ({n_in}, {n_out})\nb{suffix} ({n_out},)"
        axis.text(number - 0.5, 1.3, text, ha="center", va="bottom", size=11)
    for column, color in zip(columns, _layer_colors(len(widths)), strict=True):
        x, y = np.transpose(column)
        axis.scatter(x, y, s=130, color=color, edgecolor=BLACK, zorder=2)
    axis.set(xlim=(-0.35, len(widths) - 0.65), ylim=(-1.95, 1.95))
    axis.axis("off")
    return figure


def show_images(
    images: Sequence[np.ndarray] | np.ndarray,
    titles: Sequence[str] = (),
    columns: int = 10,
    width: float = WIDTH,
) -> Figure:
    """Images, each (784,) or (28, 28), as a grid, ink black on white.

    titles: a short text over each image. width: of the figure, in inches.
    """
    images = [np.reshape(image, (28, 28)) for image in images]
    figure, axes = _grid(len(images), columns, width, 1.25 if len(titles) else 1.0)
    for index, (image, axis) in enumerate(zip(images, axes.ravel(), strict=False)):
        axis.imshow(image, cmap="gray_r", vmin=0, vmax=1)
        if index < len(titles):
            axis.set_title(titles[index], fontsize=11)
    return figure


def show_curves(
    curves: Mapping[str, Sequence[float]],
    xlabel: str,
    ylabel: str,
    x: Sequence[float] | None = None,
    log: bool = False,
) -> Figure:
    """Named curves over x, each with its own color and dashes, and its name at the end.

    x: 1, 2, 3 … if not given. log: a logarithmic y axis.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 3.4), layout="constrained")
    for number, values in enumerate(curves.values()):
        places = np.arange(1, len(values) + 1) if x is None else np.asarray(x)
        dashes = DASHES[number % len(DASHES)]
        color = COLORS[number % len(COLORS)]
        axis.plot(places, np.asarray(values), linestyle=dashes, color=color, linewidth=1.8)
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
        lowest = max(end, lowest + 14)
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
    figure, axis = plt.subplots(figsize=(5.4, 5), layout="constrained")
    darkest = max(mistakes.max(), 1)
    axis.imshow(mistakes, cmap="Oranges", vmin=0, vmax=1.2 * darkest)
    for label, answer in zip(*np.nonzero(mistakes), strict=True):
        count = mistakes[label, answer]
        color = "white" if count > 0.6 * darkest else BLACK
        axis.text(answer, label, count, color=color, ha="center", va="center", fontsize=11)
    axis.set_xticks(range(10))
    axis.set_yticks(range(10))
    axis.set_xlabel("predicted")
    axis.set_ylabel("label")
    return figure


def show_weights(weights: np.ndarray, titles: Sequence[str] = (), columns: int = 5) -> Figure:
    """The columns of W (784, K) as 28×28 pictures: blue positive, orange negative, white zero."""
    pictures = np.asarray(weights).T.reshape(-1, 28, 28)
    figure, axes = _grid(len(pictures), columns, WIDTH, 1.2)
    limit = np.abs(pictures).max() or 1.0
    for index, (picture, axis) in enumerate(zip(pictures, axes.ravel(), strict=False)):
        drawn = axis.imshow(picture, cmap=DIVERGING, vmin=-limit, vmax=limit)
        axis.set_title(titles[index] if index < len(titles) else str(index), fontsize=11)
    figure.colorbar(drawn, ax=axes, shrink=0.6, label="weight")
    return figure


def _png(figure: Figure) -> bytes:
    """The figure as PNG; it is closed, so that no other cell shows it again.

    256 colors are enough, and take a quarter of the space in the notebook.
    """
    from PIL import Image

    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=plt.rcParams["figure.dpi"], facecolor="white")
    plt.close(figure)
    small = Image.open(file).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    png = io.BytesIO()
    small.save(png, format="png", optimize=True)
    return png.getvalue()


def _layer_colors(n: int) -> list[Any]:
    """White for the input, light blue for hidden layers, blue for the output."""
    return ["white", *["#9ecae9"] * (n - 2), BLUE]


def _grid(n: int, columns: int, width: float, stretch: float) -> tuple[Figure, np.ndarray]:
    """Axes for n pictures, without ticks; each is `stretch` times as high as wide."""
    columns = min(columns, n)
    rows = -(-n // columns)
    size = (width, width / columns * rows * stretch)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for axis in axes.ravel():
        axis.axis("off")
    return figure, axes
