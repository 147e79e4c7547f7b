"""Kaggle's "Digit Recognizer": MNIST as CSV, one image a row.

train.csv, test.csv ──▶ KaggleDigits(train 35,000 · dev 7,000 · 28,000 images without label)
"""

import os
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlib.datasets.splits import DataError, Split, to_float_images
from nnlib.files import open_bounded

if TYPE_CHECKING:
    import pandas as pd

KAGGLE_PAGE = "https://www.kaggle.com/competitions/digit-recognizer/data"
PIXEL_COLUMNS = [f"pixel{i}" for i in range(784)]  # the header of test.csv
LABELED_COLUMNS = ["label", *PIXEL_COLUMNS]  # the header of train.csv
MAX_FILE_BYTES = 500_000_000  # train.csv has 77 MB
MAX_LINE_BYTES = 20_000  # the header has 7,000
N_ROWS = 5_000  # parsed at a time


@dataclass(frozen=True)
class KaggleDigits:
    """train to learn from, dev to choose by; test_images (N, 784) have no labels.

    Kaggle keeps those labels, and scores the answers that are sent in.
    """

    train: Split
    dev: Split
    test_images: np.ndarray


def load_kaggle(folder: str | os.PathLike[str]) -> KaggleDigits:
    """Kaggle's digits as train, dev and the images without label.

    folder: where `train.csv` lies (header label,pixel0,…,pixel783) and, if it is wanted,
        `test.csv` (the same without label).
    dev is the last sixth of train.csv in file order, the same fraction as of MNIST. Without a
    test.csv, test_images has shape (0, 784).
    Raises DataError, naming the file, and for a wrong value its row and column.
    """
    folder = Path(folder)
    rows = read_kaggle_csv(folder / "train.csv", LABELED_COLUMNS)
    n_dev = len(rows) // 6
    if not n_dev:
        raise DataError(
            f"{folder / 'train.csv'} has {len(rows)} rows; at least 6 are needed, for one in dev."
        )
    has_test = (folder / "test.csv").exists()
    test = read_kaggle_csv(folder / "test.csv", PIXEL_COLUMNS) if has_test else rows[:0, 1:]
    return KaggleDigits(
        train=Split.from_bytes(rows[:-n_dev, 1:], rows[:-n_dev, 0]),
        dev=Split.from_bytes(rows[-n_dev:, 1:], rows[-n_dev:, 0]),
        test_images=to_float_images(test),
    )


def read_kaggle_csv(path: Path, header: list[str]) -> np.ndarray:
    """The rows of one of Kaggle's files, uint8 (rows, columns).

    header: the columns that it must have. Raises DataError, naming row and column.
    """
    import pandas as pd

    def bad(what: str) -> DataError:
        return DataError(
            f"{path} {what}. Download digit-recognizer.zip again from {KAGGLE_PAGE} and unpack it "
            f"into {path.parent}."
        )

    images = []
    try:
        _check_lines(path)
        _check_names(list(pd.read_csv(path, nrows=0).columns), header)
        for table in pd.read_csv(path, chunksize=N_ROWS, low_memory=False):
            images.append(_to_bytes(table, header))
    except FileNotFoundError:
        raise bad("is missing") from None
    except pd.errors.EmptyDataError:
        raise bad("is empty") from None
    except DataError as error:
        raise bad(str(error)) from None
    except (OSError, ValueError) as error:  # pandas' ParserError is a ValueError
        raise bad(f"cannot be read as CSV ({str(error).strip()})") from None
    if not any(map(len, images)):
        raise bad("has a header, but no rows")
    return np.concatenate(images)


def _check_lines(path: Path) -> None:
    """Raise DataError for lines that are longer than usual, with which pandas may take forever."""
    with open_bounded(path, MAX_FILE_BYTES) as file:
        number, commas = 0, 0
        while line := file.readline(MAX_LINE_BYTES):
            number += 1
            if len(line) == MAX_LINE_BYTES:
                raise DataError(f"has more than {MAX_LINE_BYTES:,} bytes in line {number}")
            if number == 1:
                commas = line.count(b",")
            elif line.count(b",") > commas:
                raise DataError(f"has a line {number} that is longer than its header")


def _check_names(names: list[str], header: list[str]) -> None:
    if len(names) != len(header):
        raise DataError(f"has {len(names)} columns, not {len(header)}")
    for number, (name, expected) in enumerate(zip(names, header, strict=True), 1):
        if name != expected:
            raise DataError(f"names its column {number} {shorten(name, 30)!r}, not {expected!r}")


def _to_bytes(table: "pd.DataFrame", header: list[str]) -> np.ndarray:
    """Some rows of the file as uint8. Raises DataError, naming row and column."""
    import pandas as pd

    if not isinstance(table.index, pd.RangeIndex):  # pandas took the surplus column for row names
        raise DataError("has rows that are longer than its header")
    numbers: np.ndarray = table.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    highest = np.array([9 if name == "label" else 255 for name in header])
    valid = (numbers >= 0) & (numbers <= highest) & (numbers == np.round(numbers))
    if not valid.all():
        row, column = np.argwhere(~valid)[0]
        value: Any = table.iat[row, column]
        limit = highest[column]
        where = f"in row {table.index[row] + 1} after the header"
        if pd.isna(value):
            raise DataError(f"has no {header[column]} {where}")
        value = shorten(str(value), 30)
        raise DataError(
            f"has {header[column]} = {value} {where}, not a whole number from 0 to {limit}"
        )
    return numbers.astype(np.uint8)
