"""More hands than MNIST's, for a network that is to read people whom it has never seen.

    MNIST ──▶ some 1s get a flag and a foot, 4s a short stem, 7s a bar, 9s a hooked tail
          ──▶ digits from another country, enlarged from 8×8

MNIST was written in one country, by people who were taught to write alike; these are
habits of others.
"""

import gzip
import hashlib
from collections.abc import Callable

import numpy as np

from nnlib.data import DataError, Split
from nnlib.drawing import SIDE, ink
from nnlib.files import data_path
from nnlib.images import centre_image, normalise_image, thickness

OPTDIGITS = "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"  # SHA-256
REPEATS = 8  # how often the 1,797 digits stand beside MNIST's 50,000
SHARE = 0.5  # of MNIST's 1s, 4s, 7s and 9s that are given another habit


def more_hands(train: Split) -> Split:
    """Both of what follows."""
    return with_optdigits(with_habits(train))


def with_habits(train: Split, seed: int = 0) -> Split:
    """A copy in which a share of the 1s, 4s, 7s and 9s is written as other hands write them."""
    rng = np.random.default_rng(seed)
    images = train.images.copy()
    for label, habit in HABITS.items():
        for i in np.flatnonzero(train.labels == label):
            if rng.random() < SHARE:
                image = habit(images[i].reshape(SIDE, SIDE), rng)
                images[i] = centre_image(image).reshape(-1)
    return Split(images, train.labels)


def with_optdigits(train: Split) -> Split:
    """The images, and behind them those of `load_optdigits`, several times over."""
    others = load_optdigits()
    return Split(
        np.concatenate([train.images, *[others.images] * REPEATS]),
        np.concatenate([train.labels, *[others.labels] * REPEATS]),
    )


def load_optdigits() -> Split:
    """1,797 digits of 13 people in Turkey, as MNIST would have them.

    The originals are 8×8 blocks of a bitmap, each the number of inked pixels of 16
    (E. Alpaydin & C. Kaynak 1998; see data/README.md). They are enlarged smoothly,
    sharpened, and go the way of every image. Raises DataError for a file that is missing
    or not the original.
    """
    from PIL import Image

    path = data_path("optdigits", "digits.csv.gz")
    try:
        packed = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path} is missing. Restore it: git checkout -- data/optdigits") from None
    if hashlib.sha256(packed).hexdigest() != OPTDIGITS:
        raise DataError(f"{path} is damaged. Restore it: git checkout -- data/optdigits")
    rows = np.loadtxt(gzip.decompress(packed).decode().splitlines(), np.float32, delimiter=",")
    images = []
    for blocks in rows[:, :64].reshape(-1, 8, 8) / 16:
        small = Image.fromarray(np.pad(blocks, 1))
        large = np.asarray(small.resize((80, 80), Image.Resampling.BICUBIC), np.float64)
        images.append(normalise_image(np.clip(0.5 + 2 * (large - 0.5), 0, 1)))
    images = np.array(images, np.float32).reshape(len(images), -1)
    return Split(images, rows[:, 64].astype(np.int64))


# Where a habit adds a stroke, (n, 2) as index, it is drawn from where the ink of the image is.
# The ranges are pixels of a digit that is about 20 high.


def flag(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """From the top of a 1, down to the left."""
    top, _ = _ends(image)
    angle, length = np.deg2rad(rng.uniform(20, 70)), rng.uniform(4, 13)
    return np.array([top, top + length * np.array([-np.cos(angle), np.sin(angle)])])


def foot(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A short line below a 1, or hardly any."""
    _, (x, y) = _ends(image)
    tilt = rng.uniform(-1, 1)
    return np.array([[x - rng.uniform(0, 6), y + tilt], [x + rng.uniform(0, 5), y - tilt]])


def bar(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Across the stem of a 7, somewhere near its middle."""
    (_, top), (_, bottom) = _ends(image)
    y = top + (bottom - top) * rng.uniform(0.4, 0.7)
    x = _middle(image, round(y)) + rng.uniform(-1.5, 1.5)
    half, tilt = rng.uniform(2.5, 7), rng.uniform(-1.5, 1.5)
    return np.array([[x - half, y + tilt], [x + half, y - tilt]])


def hook(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """From the lower end of a 9, to the left and up again."""
    _, (x, y) = _ends(image)
    width, depth, rise = rng.uniform(4, 12), rng.uniform(0, 2), rng.uniform(0.5, 4)
    along = np.array([0, 0.3, 0.7, 1])
    return np.stack([x - width * along, y + depth * np.array([0, 1, 0.9, 1]) - rise * along**4], 1)


def shorten(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A 4, as tall as before, whose stem ends soon below its crossbar (the row with most ink)."""
    (_, top), (_, bottom) = _ends(image)
    crossbar = image.sum(axis=1).argmax()
    below = min(crossbar + rng.uniform(2, 6), bottom)
    row = np.linspace(top, below, round(bottom - top) + 1)
    stretched = np.zeros_like(image)
    upper = row.astype(int)
    share = (row - upper)[:, None]
    taken = (1 - share) * image[upper] + share * image[np.minimum(upper + 1, SIDE - 1)]
    stretched[round(top) : round(bottom) + 1] = taken
    return stretched


def _adding(*habits: Callable) -> Callable:
    """The habit of drawing these strokes besides, with the pen of the image."""

    def habit(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        strokes = [stroke(image, rng) for stroke in habits]
        return np.maximum(image, ink(strokes, thickness(image)))

    return habit


HABITS = {1: _adding(flag, foot), 4: shorten, 7: _adding(bar), 9: _adding(hook)}


def _ends(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(x, y) of the middle of the ink in the highest row that has some, and in the lowest."""
    rows = np.flatnonzero((image > 0.5 * image.max()).any(axis=1))
    top, bottom = rows[0], rows[-1]
    # A pen's tip is half its width inside the edge of its ink.
    return (
        np.array([_middle(image, top), top + 1.0]),
        np.array([_middle(image, bottom), bottom - 1.0]),
    )


def _middle(image: np.ndarray, row: int) -> float:
    """x of the middle of the ink in a row; the middle of the image where there is none."""
    line = image[row]
    return float(line @ np.arange(SIDE) / line.sum()) if line.any() else SIDE / 2
