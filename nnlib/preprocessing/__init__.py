"""From a drawing or an image to the 28×28 input of the network.

drawing       Drawing: strokes, canvas, pen; what is accepted
strokes       strokes → 28×28
images        pixels → 28×28
mnist_format  what MNIST's images have in common
"""

from nnlib.preprocessing.drawing import Drawing, DrawingError, check_strokes
from nnlib.preprocessing.images import (
    center_image,
    check_image,
    normalize_image,
    normalize_thickness,
    read_image,
    shrink_image,
    stroke_thickness,
)
from nnlib.preprocessing.mnist_format import center_of_mass
from nnlib.preprocessing.strokes import (
    center_strokes,
    normalize_strokes,
    rasterize,
    shrink_strokes,
)

__all__ = [
    "Drawing",
    "DrawingError",
    "center_image",
    "center_of_mass",
    "center_strokes",
    "check_image",
    "check_strokes",
    "normalize_image",
    "normalize_strokes",
    "normalize_thickness",
    "rasterize",
    "read_image",
    "shrink_image",
    "shrink_strokes",
    "stroke_thickness",
]
