"""Kaggle's "Digit Recognizer": MNIST as CSV, one image a row.

train.csv, test.csv ──▶ KaggleDigits(train 35,000 · dev 7,000 · 28,000 images without label)
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nnlib.datasets.splits import DataError, Split, to_float_images

KAGGLE_PAGE = "https://www.kaggle.com/competitions/digit-recognizer/data"
PIXEL_COLUMNS = [f"pixel{i}" for i in range(784)]  # the header of test.csv
LABELED_COLUMNS = ["label", *PIXEL_COLUMNS]  # the header of train.csv


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
    for number, (name, expected) in enumerate(zip(table.columns, header, strict=True), 1):
        if name != expected:
            raise bad(f"names its column {number} {name!r}, not {expected!r}")
    if not isinstance(table.index, pd.RangeIndex):  # pandas took the surplus column for row names
        raise bad("has rows that are longer than its header")
    if table.empty:
        raise bad("has a header, but no rows")

    numbers: np.ndarray = table.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    highest = np.array([9 if name == "label" else 255 for name in header])
    valid = (numbers >= 0) & (numbers <= highest) & (numbers == np.round(numbers))
    if not valid.all():
        row, column = np.argwhere(~valid)[0]
        value: Any = table.iat[row, column]
        limit = highest[column]
        where = f"in row {row + 1} after the header"
        if pd.isna(value):
            raise bad(f"has no {header[column]} {where}")
        raise bad(f"has {header[column]} = {value} {where}, not a whole number from 0 to {limit}")
    return numbers.astype(np.uint8)
