"""Where images, labels and drawings come from.

splits               Split, Digits: images with labels; augmented batches
mnist                MNIST's files → Digits
kaggle               Kaggle's CSV → KaggleDigits
optdigits            1,797 digits that 13 other people wrote
arrays               other people's images from .npz or CSV
drawings_file        drawings, one a line
pendigits            UCI's pen digits → drawings
unipen               digits and letters of people of several countries, as drawings
unipen_originals     the distribution that they are from → drawings
augmentation         random changes of images while training
stroke_augmentation  random changes of strokes
handwriting          variants of 1, 4, 7 and 9 that MNIST hardly has
nondigits            drawings of what is no digit
"""

from nnlib.datasets.arrays import read_labeled_images
from nnlib.datasets.augmentation import Augmentation, adjust_thickness, bilinear_sample
from nnlib.datasets.drawings_file import read_drawings, write_drawings
from nnlib.datasets.handwriting import with_handwriting
from nnlib.datasets.kaggle import KaggleDigits, load_kaggle
from nnlib.datasets.mnist import load_mnist, read_idx
from nnlib.datasets.nondigits import make_nondigits
from nnlib.datasets.optdigits import load_optdigits, with_optdigits
from nnlib.datasets.pendigits import read_pendigits
from nnlib.datasets.splits import DataError, Digits, Split
from nnlib.datasets.stroke_augmentation import StrokeAugmentation, with_drawings
from nnlib.datasets.unipen import load_unipen_digits, load_unipen_letters

__all__ = [
    "Augmentation",
    "DataError",
    "Digits",
    "KaggleDigits",
    "Split",
    "StrokeAugmentation",
    "adjust_thickness",
    "bilinear_sample",
    "load_kaggle",
    "load_mnist",
    "load_optdigits",
    "load_unipen_digits",
    "load_unipen_letters",
    "make_nondigits",
    "read_drawings",
    "read_idx",
    "read_labeled_images",
    "read_pendigits",
    "with_drawings",
    "with_handwriting",
    "with_optdigits",
    "write_drawings",
]
