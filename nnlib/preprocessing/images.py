"""From an image of a digit to the 28×28 image that MNIST would have made of it.

    file ──▶ gray pixels ──▶ ink, 0 where the paper is ──▶ cropped, scaled, centered

The same steps as `nnlib.preprocessing.strokes`, on pixels.
"""

import io
import os
import warnings
from pathlib import Path

import numpy as np

from nnlib.files import open_bounded, read_array
from nnlib.preprocessing.drawing import DrawingError
from nnlib.preprocessing.mnist_format import BOX, CENTER, INK_THRESHOLD, SIDE, center_of_mass

MAX_IMAGE_SIDE = 4_096  # pixels per side
MAX_IMAGE_BYTES = 70_000_000  # of a file: four for each pixel
# Each scan of a progressive JPEG costs a pass over the pixels. There are about ten; what cameras
# append to the image, such as a short film, may look like some more.
MAX_SCANS = 300
# Pillow knows many more. It gives EPS to Ghostscript, which executes it.
IMAGE_FORMATS = ("PNG", "JPEG", "GIF", "BMP")
# Pixels: the 5th and 95th percentile of the strokes in MNIST's training images.
MIN_THICKNESS, MAX_THICKNESS = 1.8, 3.8


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """The gray pixels (h, w) of a .npy file as they are, or of an image file as uint8.

    Other formats than PNG, JPEG, GIF and BMP are refused, whatever the file's name. Transparent
    pixels are taken to be white. Raises DrawingError. Nothing in the file is executed, and an
    image that is too large is refused before it is unpacked.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        if Path(path).suffix == ".npy":
            with open(path, "rb") as file:
                return read_array(file, MAX_IMAGE_SIDE**2 * 8)  # float64
        with open_bounded(path, MAX_IMAGE_BYTES) as file:
            content = file.read()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Pillow finds strange, but reads
            with Image.open(io.BytesIO(content), formats=IMAGE_FORMATS) as image:
                if max(image.size) > MAX_IMAGE_SIDE:
                    raise Image.DecompressionBombError
                if image.format == "JPEG" and content.count(b"\xff\xda") > MAX_SCANS:
                    raise DrawingError(f"it has more than {MAX_SCANS} scans: save it as a PNG")
                rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return np.asarray(Image.alpha_composite(white, rgba).convert("L"))
    except FileNotFoundError:
        raise DrawingError(f"There is no file {path}.") from None
    except Image.DecompressionBombError:  # Pillow's own limit is higher
        raise DrawingError(
            f"{path} cannot be read as an image: it has more than {MAX_IMAGE_SIDE} pixels per "
            "side; make it smaller."
        ) from None
    except UnidentifiedImageError:
        raise DrawingError(
            f"{path} cannot be read as an image: it is damaged, or none of "
            f"{', '.join(IMAGE_FORMATS)}; save it as a PNG."
        ) from None
    except Exception as error:  # Pillow raises many kinds for a damaged file
        raise DrawingError(f"{path} cannot be read as an image: {error}") from None


def check_image(image: np.ndarray) -> np.ndarray:
    """A gray image → ink (h, w) float64, from 0 where the paper is to 1 where it is inked.

    image: (h, w), or (784,) for 28×28; uint8, or floats from 0 to 1. The border is taken
    to be paper, so dark ink on bright paper and bright ink on dark paper both work.
    Raises DrawingError for other shapes and values, and for an image of one color.
    """
    try:
        image = np.asarray(image)
    except ValueError:
        raise DrawingError("An image must have rows of equal length.") from None
    if image.shape == (SIDE * SIDE,):
        image = image.reshape(SIDE, SIDE)
    if image.ndim != 2 or min(image.shape) < 1 or max(image.shape) > MAX_IMAGE_SIDE:
        raise DrawingError(
            f"An image must be gray, of shape (height, width) up to {MAX_IMAGE_SIDE} each, "
            f"not {image.shape}."
        )
    if image.dtype.kind not in "buif":
        raise DrawingError(f"An image must hold numbers, not {image.dtype}.")
    image = image.astype(np.float64) / (255 if image.dtype == np.uint8 else 1)
    if not ((image >= 0) & (image <= 1)).all():  # false for NaN too
        raise DrawingError("An image must hold bytes, or numbers from 0 to 1.")
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    paper = np.median(border)
    if paper > 0.5:
        image, paper = 1 - image, 1 - paper
    ink = np.clip(image - paper, 0, None)
    if ink.max() < INK_THRESHOLD:
        raise DrawingError("The image shows no ink: all of it is about as bright as its border.")
    return ink / ink.max()


def normalize_image(image: np.ndarray) -> np.ndarray:
    """Ink (h, w), from `check_image` → (28, 28) as MNIST would have it."""
    return center_image(normalize_thickness(image))


def normalize_thickness(image: np.ndarray) -> np.ndarray:
    """Ink (h, w) of any size, not all 0 → the same, with strokes as thick as MNIST's.

    An image whose strokes are within MNIST's range is returned unchanged. Any other is redrawn
    at about 80 pixels, with its outline moved in or out until the thickness reaches the nearer
    end of the range. If nothing would be left, the image is returned unchanged too.
    """
    from PIL import Image

    digit = crop(image)
    size = max(digit.shape)
    relative = stroke_thickness(digit) / size
    wanted = float(np.clip(relative, MIN_THICKNESS / BOX, MAX_THICKNESS / BOX))
    if wanted == relative:
        return image
    large = 80
    height, width = (max(1, round(large * n / size)) for n in digit.shape)
    pixels = Image.fromarray(digit.astype(np.float32))
    pixels = pixels.resize((width, height), Image.Resampling.BILINEAR)
    inked = np.pad(np.asarray(pixels), large // 4) > 0.5
    # The center line keeps its length, so a thicker pen makes the whole digit larger.
    pen = relative * large
    outward = (wanted * (large - pen) / (1 - wanted) - pen) / 2
    reach = int(abs(outward)) + 2  # farther away than this, a pixel stays what it is
    within = np.where(inked, _distance(inked, reach) - 0.5, 0.5 - _distance(~inked, reach))
    redrawn = np.clip(within + outward + 0.5, 0, 1)
    return redrawn if redrawn.max() > 0.5 else image


def center_image(image: np.ndarray) -> np.ndarray:
    """Ink (h, w) → (28, 28) as MNIST was made: cropped, scaled to 20, centered."""
    digit = crop(image)
    x, y = center_of_mass(digit)
    step = max(digit.shape) / BOX  # pixels of the digit for one of the result
    return _shrink(digit, x + 0.5 - (CENTER + 0.5) * step, y + 0.5 - (CENTER + 0.5) * step, step)


def stroke_thickness(image: np.ndarray) -> float:
    """The width of the strokes, in pixels: twice the ink over the length of its outline.

    A stroke of width w and length l has ink w·l and an outline of about 2·l. The length of
    the outline is the sum of the magnitudes of the ink's gradient, in which a gray edge counts
    as much as a sharp one (the coarea formula, Federer 1959). 0 without ink.
    """
    bordered = np.pad(image, 1)
    right, down = np.diff(bordered, axis=1), np.diff(bordered, axis=0)
    outline = np.hypot(right[1:] + right[:-1], down[:, 1:] + down[:, :-1]).sum() / 2
    return float(2 * image.sum() / outline) if outline else 0.0


def shrink_image(image: np.ndarray) -> np.ndarray:
    """The whole image shrunk to (28, 28), as drawn: nothing is moved or scaled."""
    height, width = image.shape
    step = max(image.shape) / SIDE
    return _shrink(image, (width - SIDE * step) / 2, (height - SIDE * step) / 2, step)


def crop(image: np.ndarray) -> np.ndarray:
    """The smallest box that holds all ink above 0.1; of shape (0, 0) if there is none."""
    rows = np.flatnonzero((image > INK_THRESHOLD).any(axis=1))
    columns = np.flatnonzero((image > INK_THRESHOLD).any(axis=0))
    if not len(rows):
        return image[:0, :0]
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _distance(inside: np.ndarray, reach: int) -> np.ndarray:
    """The distance in pixels from the middle of each pixel to that of the nearest one not inside.

    Exact up to `reach`; what is farther away gets some larger value. Squared distances along
    columns first, then along rows of those (Felzenszwalb & Huttenlocher 2012).
    """
    squared = np.where(inside, 1e6, 0.0)
    for _ in range(2):
        nearest = squared.copy()
        for shift in range(1, min(reach, len(squared) - 1) + 1):
            further = squared + shift**2
            np.minimum(nearest[shift:], further[:-shift], out=nearest[shift:])
            np.minimum(nearest[:-shift], further[shift:], out=nearest[:-shift])
        squared = nearest.T
    return np.sqrt(squared)


def _shrink(image: np.ndarray, left: float, top: float, step: float) -> np.ndarray:
    """(28, 28) whose pixels each average a square of `step` by `step` pixels of the image.

    left, top: where the first square begins, from the image's corner; outside the image there
    is paper. Averaging is separable: one small matrix for each axis.
    """

    def average(begin: float, length: int) -> np.ndarray:
        edges = begin + step * np.arange(SIDE + 1)
        pixels = np.arange(length)
        overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
        return np.clip(overlap, 0, None) / step  # (28, length)

    return average(top, image.shape[0]) @ image @ average(left, image.shape[1]).T
