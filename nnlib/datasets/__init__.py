"""Where images, labels and drawings come from.

splits         Split, Digits: images with labels; augmented batches
mnist          MNIST's files → Digits
kaggle         Kaggle's CSV → KaggleDigits
optdigits      1,797 digits that 13 other people wrote
arrays         other people's images from .npz or CSV
drawings_file  drawings, one a line
unipen         UCI's pen digits → drawings
augmentation   random changes of images while training
handwriting    variants of 1, 4, 7 and 9 that MNIST hardly has
"""

from nnlib.datasets.arrays import read_labeled_images
from nnlib.datasets.augmentation import Augmentation, adjust_thickness, bilinear_sample
from nnlib.datasets.drawings_file import read_drawings, write_drawings
from nnlib.datasets.handwriting import with_handwriting
from nnlib.datasets.kaggle import KaggleDigits, load_kaggle
from nnlib.datasets.mnist import load_mnist, read_idx
from nnlib.datasets.optdigits import load_optdigits, with_optdigits
from nnlib.datasets.splits import DataError, Digits, Split
from nnlib.datasets.unipen import read_unipen

__all__ = [
    "Augmentation",
    "DataError",
    "Digits",
    "KaggleDigits",
    "Split",
    "adjust_thickness",
    "bilinear_sample",
    "load_kaggle",
    "load_mnist",
    "load_optdigits",
    "read_drawings",
    "read_idx",
    "read_labeled_images",
    "read_unipen",
    "with_handwriting",
    "with_optdigits",
    "write_drawings",
]
