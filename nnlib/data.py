"""MNIST: 70,000 handwritten digits of 28×28 pixels, in the IDX files of its authors.

    data/mnist/*.gz ──▶ Digits(train 50,000 · dev 10,000 · test 10,000)
    Kaggle's CSV    ──▶ KaggleDigits(train 35,000 · dev 7,000 · 28,000 images without label)

An IDX file is a magic number (0, 0, type, number of axes), the length of each axis as a
big-endian 32-bit integer, then the bytes (LeCun, Cortes & Burges 1998).
"""

import gzip
import hashlib
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from nnlib.files import unpacked_size

FOLDER = Path(__file__).parent.parent / "data" / "mnist"
CACHE = user_cache_path("nnlib", appauthor=False)

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

DEV = 10_000  # the last of the training images, in file order

KAGGLE = "https://www.kaggle.com/competitions/digit-recognizer/data"
LARGEST_NPZ = 1_000_000_000  # bytes, unpacked
PIXELS = [f"pixel{i}" for i in range(784)]  # the header of Kaggle's test.csv


class DataError(ValueError):
    """A data file is missing or not what it should be; the message says what to do."""


@dataclass(frozen=True)
class Split:
    """Images (N, 784) float32 in [0, 1], ink 1 on paper 0, and labels (N,) int64."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"Split({len(self):,} images)"


@dataclass(frozen=True)
class Digits:
    """train to learn from, dev to choose by, test to be looked at once."""

    train: Split
    dev: Split
    test: Split


@dataclass(frozen=True)
class KaggleDigits:
    """train to learn from, dev to choose by; test_images (N, 784) have no labels.

    Kaggle keeps those labels, and scores the answers that are sent in.
    """

    train: Split
    dev: Split
    test_images: np.ndarray


def load_mnist(folder: str | os.PathLike | None = None) -> Digits:
    """MNIST as train (the first 50,000 training images), dev (the last 10,000) and test.

    folder: where the four .gz files lie; without one, `data/mnist/` of the project, or
        where that is missing a download into the user's cache.
    Every file's SHA-256 is checked. Raises DataError, naming the file.
    """
    folder = Path(folder) if folder is not None else local_mnist() or download()
    images, labels, test_images, test_labels = (read_mnist(folder, name) for name in FILES)
    split = len(labels) - DEV
    return Digits(
        train=_split(images[:split], labels[:split]),
        dev=_split(images[split:], labels[split:]),
        test=_split(test_images, test_labels),
    )


def read_mnist(folder: Path, name: str) -> np.ndarray:
    """The uint8 array in one of `FILES`, whose checksum must be right. Raises DataError."""
    sha256, shape = FILES[name]
    array = read_idx(folder / name)
    if array.shape != shape:
        raise DataError(_bad(folder / name, f"holds {array.shape}, not {shape}"))
    if hashlib.sha256((folder / name).read_bytes()).hexdigest() != sha256:
        raise DataError(_bad(folder / name, "does not have the checksum of MNIST"))
    return array


def local_mnist() -> Path | None:
    """The folder of MNIST's four files on this machine: the project's, or what was downloaded."""
    for folder in (FOLDER, CACHE / "mnist"):
        if all((folder / name).is_file() for name in FILES):
            return folder
    return None


def load_kaggle(folder: str | os.PathLike) -> KaggleDigits:
    """Kaggle's "Digit Recognizer": MNIST as CSV, one image a row.

    folder: where `train.csv` lies (header label,pixel0,…,pixel783) and, if it is wanted,
        `test.csv` (the same without label).
    dev is the last sixth of train.csv in file order, the same share as of MNIST. Without a
    test.csv, test_images has shape (0, 784).
    Raises DataError, naming the file, and for a wrong value its row and column.
    """
    folder = Path(folder)
    rows = _read_kaggle(folder / "train.csv", ["label", *PIXELS])
    dev = len(rows) // 6
    if not dev:
        raise DataError(
            f"{folder / 'train.csv'} has {len(rows)} rows; 6 are least, for one in dev."
        )
    has_test = (folder / "test.csv").exists()
    test = _read_kaggle(folder / "test.csv", PIXELS) if has_test else rows[:0, 1:]
    return KaggleDigits(
        train=_split(rows[:-dev, 1:], rows[:-dev, 0]),
        dev=_split(rows[-dev:, 1:], rows[-dev:, 0]),
        test_images=as_ink(test),
    )


def read_labelled(path: str | os.PathLike) -> tuple[np.ndarray, np.ndarray]:
    """Other people's images: (images (N, h, w), labels (N,) int64).

    path: an .npz with `images` (N, h, w) or (N, 784) and `labels` (N,), or a .csv as
        Kaggle's train.csv.
    The images come as they are in the file. Raises DataError; nothing in it is executed.
    """
    path = Path(path)
    if path.suffix == ".csv":
        rows = _read_kaggle(path, ["label", *PIXELS])
        return rows[:, 1:].reshape(-1, 28, 28), rows[:, 0].astype(np.int64)

    def bad(what: str) -> DataError:
        return DataError(f"{path} {what}. It must hold images (N, 28, 28) and labels (N,).")

    try:
        unpacked = unpacked_size(path)
        if unpacked > LARGEST_NPZ:
            raise bad(f"unpacks to {unpacked:,} bytes; {LARGEST_NPZ:,} is most")
        with np.load(path, allow_pickle=False) as arrays:
            images, labels = arrays["images"], arrays["labels"]
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except DataError:
        raise
    except KeyError as error:
        raise bad(f"cannot be used: {error.args[0]}") from None
    except Exception as error:  # zip and array header each fail in a dozen ways
        raise bad(f"cannot be read as an .npz ({error})") from None
    if images.ndim == 2 and images.shape[1] == 784:
        images = images.reshape(-1, 28, 28)
    if images.ndim != 3 or labels.shape != images.shape[:1] or not len(labels):
        raise bad(f"holds images of shape {images.shape} and labels of shape {labels.shape}")
    if labels.dtype.kind not in "biuf" or not np.isin(labels, range(10)).all():
        raise bad("has a label that is not a digit from 0 to 9")
    return images, labels.astype(np.int64)


def read_idx(path: str | os.PathLike) -> np.ndarray:
    """The uint8 array of any shape in a gzipped IDX file. Raises DataError."""
    try:
        raw = gzip.decompress(Path(path).read_bytes())
    except FileNotFoundError:
        raise DataError(_bad(path, "is missing")) from None
    except EOFError:
        raise DataError(_bad(path, "ends too early: it is truncated")) from None
    except (OSError, zlib.error) as error:
        raise DataError(_bad(path, f"cannot be unpacked ({error})")) from None
    if len(raw) < 4 or raw[:3] != b"\0\0\x08":
        raise DataError(
            _bad(path, f"starts with {raw[:3].hex(' ')}, not 00 00 08, IDX's mark for bytes")
        )
    header = 4 + 4 * raw[3]
    if len(raw) < header:
        raise DataError(_bad(path, "ends within its header"))
    shape = struct.unpack(f">{raw[3]}I", raw[4:header])
    size = int(np.prod(shape, dtype=object)) if shape else 1
    if len(raw) != header + size:
        raise DataError(
            _bad(path, f"promises {size:,} bytes of shape {shape} and has {len(raw) - header:,}")
        )
    return np.frombuffer(raw, np.uint8, offset=header).reshape(shape)


def download(mirrors: tuple[str, ...] = MIRRORS, folder: str | os.PathLike | None = None) -> Path:
    """Fetch the four files into the user's cache, if they are not there yet.

    mirrors: addresses tried in turn, file by file. folder: another place than the cache.
    A progress bar shows on standard error. Returns the folder.
    Raises DataError with every mirror's failure where none could serve a file.
    """
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")
    folder = Path(folder) if folder is not None else CACHE / "mnist"
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


def _read_kaggle(path: Path, header: list[str]) -> np.ndarray:
    """The rows of one of Kaggle's files, uint8 (rows, columns). Raises DataError."""
    import pandas as pd

    def bad(what: str) -> DataError:
        return DataError(
            f"{path} {what}. Download digit-recognizer.zip anew from {KAGGLE} and unpack it "
            f"into {path.parent}."
        )

    try:
        table = pd.read_csv(path, low_memory=False)
    except FileNotFoundError:
        raise bad("is missing") from None
    except pd.errors.EmptyDataError:
        raise bad("is empty") from None
    except (OSError, ValueError) as error:  # pandas' ParserError is a ValueError
        raise bad(f"cannot be read as CSV ({str(error).strip()})") from None
    if len(table.columns) != len(header):
        raise bad(f"has {len(table.columns)} columns, not {len(header)}")
    for place, (name, expected) in enumerate(zip(table.columns, header, strict=True), 1):
        if name != expected:
            raise bad(f"names its column {place} {name!r}, not {expected!r}")
    if not isinstance(table.index, pd.RangeIndex):  # pandas made the surplus column a row name
        raise bad("has rows that are longer than its header")
    if table.empty:
        raise bad("has a header, but no rows")

    numbers = table.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    highest = np.array([9 if name == "label" else 255 for name in header])
    right = (numbers >= 0) & (numbers <= highest) & (numbers == np.round(numbers))
    if not right.all():
        row, column = np.argwhere(~right)[0]
        value, limit = table.iat[row, column], highest[column]
        where = f"in row {row + 1} after the header"
        if pd.isna(value):
            raise bad(f"has no {header[column]} {where}")
        raise bad(f"has {header[column]} = {value} {where}, not a whole number from 0 to {limit}")
    return numbers.astype(np.uint8)


def _split(images: np.ndarray, labels: np.ndarray) -> Split:
    return Split(as_ink(images), labels.astype(np.int64))


def as_ink(images: np.ndarray) -> np.ndarray:
    """Bytes (N, …) → (N, 784) float32 in [0, 1]."""
    ink = images.reshape(len(images), 784).astype(np.float32, order="C")
    ink /= 255
    return ink


def _bad(path: str | os.PathLike, what: str) -> str:
    return (
        f"{path} {what}. Restore the file (git checkout -- data/mnist), or delete its folder "
        "and nnlib downloads MNIST anew."
    )
