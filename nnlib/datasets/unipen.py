"""7,530 digits and 3,120 letters that people of several countries wrote on tablets, as strokes.

UNIPEN train_r01_v07 (I. Guyon et al. 1994; International Unipen Foundation 1999, CC BY 4.0, doi
10.5281/zenodo.1195803); see data/README.md. `unipen_originals` reads the distribution itself.
"""

import hashlib
import json
from functools import cache

from nnlib.datasets.drawings_file import read_drawings
from nnlib.datasets.splits import DataError
from nnlib.files import data_path, open_bounded
from nnlib.preprocessing.drawing import Drawing, DrawingError

FILES = ("digits.jsonl.gz", "letters.jsonl.gz", "wrong-labels.json")
MAX_LIST_BYTES = 1_000_000


@cache
def load_unipen_digits() -> tuple[Drawing, ...]:
    """The digits, without those of which the label is plainly wrong (`wrong-labels.json`).

    writer: "institution:name". Raises DataError if a file is missing or damaged.
    """
    drawings = _read("digits.jsonl.gz")
    path = data_path("unipen", "wrong-labels.json")
    try:
        with open_bounded(path, MAX_LIST_BYTES) as file:
            wrong = {int(number) for number in dict(json.loads(file.read()))}
    except (OSError, ValueError, TypeError, RecursionError):
        raise DataError(f"{path} is damaged. Restore it: git checkout -- data/unipen") from None
    return tuple(d for number, d in enumerate(drawings, 1) if number not in wrong)


@cache
def load_unipen_letters() -> tuple[Drawing, ...]:
    """The letters, 60 of each of A to Z and a to z, with the letter as `note`.

    The label is `NO_DIGIT`, and None for letters that are digits in somebody's hand, such as O and
    l. Raises DataError if the file is missing or damaged.
    """
    return _read("letters.jsonl.gz")


def unipen_checksums() -> dict[str, str]:
    """The SHA-256 of each of the three files."""
    return {
        f"unipen/{name}": hashlib.sha256(data_path("unipen", name).read_bytes()).hexdigest()
        for name in FILES
    }


def _read(name: str) -> tuple[Drawing, ...]:
    path = data_path("unipen", name)
    try:
        return tuple(read_drawings(path))
    except DrawingError as error:
        raise DataError(f"{error}. Restore it: git checkout -- data/unipen") from None
