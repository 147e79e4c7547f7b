"""1,797 digits that 13 people wrote in Turkey, enlarged from 8×8 to 28×28.

"Optical Recognition of Handwritten Digits", E. Alpaydin & C. Kaynak 1998, CC BY 4.0, doi
10.24432/C50P49; see data/README.md.
"""

import gzip
import hashlib

import numpy as np

from nnlib.datasets.splits import DataError, Split
from nnlib.files import data_path
from nnlib.preprocessing.images import normalize_image

FILE = "digits.csv.gz"
SIZE = 57_523  # bytes
SHA256 = "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"
N_COPIES = 4  # so that 1,797 digits have some weight beside the others


def load_optdigits() -> Split:
    """The 1,797 digits as MNIST would have them.

    The originals are 8×8 numbers, each the count of inked pixels in a block of 16. They are
    enlarged smoothly, sharpened, and normalized as every image is. Raises DataError if the
    file is missing or not the original.
    """
    from PIL import Image

    path = data_path("optdigits", FILE)
    try:
        with open(path, "rb") as file:
            packed = file.read(SIZE + 1)  # not more: the checksum refuses longer files anyway
    except FileNotFoundError:
        raise DataError(f"{path} is missing. Restore it: git checkout -- data/optdigits") from None
    if hashlib.sha256(packed).hexdigest() != SHA256:
        raise DataError(f"{path} is damaged. Restore it: git checkout -- data/optdigits")
    rows = np.loadtxt(gzip.decompress(packed).decode().splitlines(), np.float32, delimiter=",")
    images = []
    for blocks in rows[:, :64].reshape(-1, 8, 8) / 16:
        small = Image.fromarray(np.pad(blocks, 1))
        large = np.asarray(small.resize((80, 80), Image.Resampling.BICUBIC), np.float64)
        images.append(normalize_image(np.clip(0.5 + 2 * (large - 0.5), 0, 1)))
    return Split(
        np.array(images, np.float32).reshape(len(images), -1), rows[:, 64].astype(np.int64)
    )


def with_optdigits(train: Split, copies: int = N_COPIES) -> Split:
    """The images of `train`, followed by `copies` copies of those of `load_optdigits`."""
    others = load_optdigits()
    return Split(
        np.concatenate([train.images, *[others.images] * copies]),
        np.concatenate([train.labels, *[others.labels] * copies]),
    )
