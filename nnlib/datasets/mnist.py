"""MNIST: 70,000 handwritten digits of 28×28 pixels, in the IDX files of its authors.

    data/mnist/*.gz ──▶ Digits(train 50,000 · dev 10,000 · test 10,000)

An IDX file is a magic number (0, 0, type, number of axes), the length of each axis as a
big-endian 32-bit integer, then the bytes (LeCun, Cortes & Burges 1998).
"""

import hashlib
import math
import os
import struct
from pathlib import Path

import numpy as np

from nnlib.datasets.splits import DataError, Digits, Split
from nnlib.files import cache_path, data_path, open_bounded

# The files as their authors published them: name → (SHA-256, shape of the array).
FILES = {
    "train-images-idx3-ubyte.gz": (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        (60_000, 28, 28),
    ),
    "train-labels-idx1-ubyte.gz": (
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        (60_000,),
    ),
    "t10k-images-idx3-ubyte.gz": (
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        (10_000, 28, 28),
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        (10_000,),
    ),
}

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)

MAX_IDX_BYTES = 600_000_000  # unpacked; the largest file of EMNIST has 547 MB
N_DEV = 10_000  # dev is the last of the training images, in file order


def load_mnist(folder: str | os.PathLike[str] | None = None) -> Digits:
    """MNIST as train (the first 50,000 training images), dev (the last 10,000) and test.

    folder: where the four .gz files lie; without one, `data/mnist/` of the project, or
        where that is missing a download into the user's cache.
    Every file's SHA-256 is checked. Raises DataError, naming the file.
    """
    folder = Path(folder) if folder is not None else local_mnist() or download()
    images, labels, test_images, test_labels = (read_mnist(folder, name) for name in FILES)
    first_dev = len(labels) - N_DEV
    return Digits(
        train=Split.from_bytes(images[:first_dev], labels[:first_dev]),
        dev=Split.from_bytes(images[first_dev:], labels[first_dev:]),
        test=Split.from_bytes(test_images, test_labels),
        checksums={name: sha256 for name, (sha256, _) in FILES.items()},
    )


def read_mnist(folder: Path, name: str) -> np.ndarray:
    """The uint8 array in one of `FILES`, whose checksum must be right. Raises DataError."""
    sha256, shape = FILES[name]
    array = read_idx(folder / name, max_bytes=1024 + math.prod(shape))  # 1024: of its header
    if array.shape != shape:
        raise DataError(_bad(folder / name, f"holds {array.shape}, not {shape}"))
    if hashlib.sha256((folder / name).read_bytes()).hexdigest() != sha256:
        raise DataError(_bad(folder / name, "does not have the checksum of MNIST"))
    return array


def local_mnist() -> Path | None:
    """The folder of MNIST's four files on this machine: the project's, or what was downloaded."""
    for folder in (data_path("mnist"), cache_path("mnist")):
        if all((folder / name).is_file() for name in FILES):
            return folder
    return None


def read_idx(path: str | os.PathLike[str], max_bytes: int = MAX_IDX_BYTES) -> np.ndarray:
    """The uint8 array of any shape in a gzipped IDX file.

    Raises DataError, for a file that unpacks to more than `max_bytes` as soon as it does.
    """
    try:
        with open_bounded(path, max_bytes) as file:
            raw = file.read()
    except FileNotFoundError:
        raise DataError(_bad(path, "is missing")) from None
    except (OSError, ValueError) as error:
        raise DataError(_bad(path, f"cannot be unpacked: {error}")) from None
    if len(raw) < 4 or raw[:3] != b"\0\0\x08":
        raise DataError(
            _bad(path, f"starts with {raw[:3].hex(' ')}, not 00 00 08, IDX's mark for bytes")
        )
    header = 4 + 4 * raw[3]
    if len(raw) < header:
        raise DataError(_bad(path, "ends within its header"))
    shape = struct.unpack(f">{raw[3]}I", raw[4:header])
    size = math.prod(shape)
    if len(raw) != header + size:
        raise DataError(
            _bad(path, f"should hold {size:,} bytes of shape {shape} and has {len(raw) - header:,}")
        )
    return np.frombuffer(raw, np.uint8, offset=header).reshape(shape)


def download(
    mirrors: tuple[str, ...] = MIRRORS, folder: str | os.PathLike[str] | None = None
) -> Path:
    """Fetch the four files into the user's cache, if they are not there yet.

    mirrors: addresses tried in turn, file by file. folder: another place than the cache.
    A progress bar shows on standard error. Returns the folder.
    Raises DataError with every mirror's failure where none could serve a file.
    """
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")
    folder = Path(folder) if folder is not None else cache_path("mnist")
    for name, (sha256, _) in FILES.items():
        failures = []
        for mirror in mirrors:
            try:
                pooch.retrieve(mirror + name, sha256, name, folder, progressbar=True)
                break
            except (requests.RequestException, OSError, ValueError) as error:
                failures.append(f"{mirror}{name}: {error}")
        else:
            raise DataError(
                f"{name} could not be downloaded. Check the network, or put the four MNIST files "
                f"into {folder} yourself. What was tried: " + "; ".join(failures)
            )
    return folder


def _bad(path: str | os.PathLike[str], what: str) -> str:
    return (
        f"{path} {what}. Put the original file there (in a clone: git checkout -- data/mnist), or "
        "call load_mnist() without a folder, which downloads MNIST if it is missing."
    )
