"""Other people's images with labels, from an .npz or a CSV file."""

import os
from pathlib import Path

import numpy as np

from nnlib.datasets.kaggle import LABELED_COLUMNS, read_kaggle_csv
from nnlib.datasets.splits import DataError
from nnlib.files import read_arrays

MAX_BYTES = {"images": 1_000_000_000, "labels": 8_000_000}  # unpacked


def read_labeled_images(path: str | os.PathLike[str]) -> tuple[np.ndarray, np.ndarray]:
    """(images (N, h, w), labels (N,) int64) of a file.

    path: an .npz with `images` (N, h, w) or (N, 784) and `labels` (N,), or a .csv as
        Kaggle's train.csv.
    The images are returned as the file has them. Raises DataError. Nothing in the file is executed.
    """
    path = Path(path)
    if path.suffix == ".csv":
        rows = read_kaggle_csv(path, LABELED_COLUMNS)
        return rows[:, 1:].reshape(-1, 28, 28), rows[:, 0].astype(np.int64)

    def bad(what: str) -> DataError:
        return DataError(f"{path} {what}. It must hold images (N, 28, 28) and labels (N,).")

    try:
        with open(path, "rb") as file:
            arrays = read_arrays(file, MAX_BYTES)
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except Exception as error:  # a damaged zip raises many kinds
        raise bad(f"cannot be read as an .npz: {error}") from None
    images, labels = arrays["images"], arrays["labels"]
    if images.ndim == 2 and images.shape[1] == 784:
        images = images.reshape(-1, 28, 28)
    if images.ndim != 3 or labels.shape != images.shape[:1] or not len(labels):
        raise bad(f"holds images of shape {images.shape} and labels of shape {labels.shape}")
    if labels.dtype.kind not in "biuf" or not np.isin(labels, range(10)).all():
        raise bad("has a label that is not a digit from 0 to 9")
    return images, labels.astype(np.int64)
