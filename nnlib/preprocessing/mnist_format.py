"""The format of MNIST's images (LeCun et al. 1998), which every input is given.

Places on the 28×28 grid are given as an index: the middle of the first pixel is (0, 0).
"""

import numpy as np

SIDE = 28  # pixels
BOX = 20.0  # pixels: the longer side of the digit
CENTER = 14.0  # index, in both directions: the mean center of mass of the training images
PEN_WIDTH = 2.4  # pixels: the median thickness of the strokes in the training images
INK_THRESHOLD = 0.1  # ink below this does not count as part of the digit


def center_of_mass(image: np.ndarray) -> tuple[float, float]:
    """(x, y), as an index, of an image (height, width) with some ink."""
    total = image.sum()
    height, width = image.shape
    return (
        float(image.sum(axis=0) @ np.arange(width) / total),
        float(image.sum(axis=1) @ np.arange(height) / total),
    )
