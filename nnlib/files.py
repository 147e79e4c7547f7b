"""Files: atomic writes, and where packaged data and the user's cache lie."""

import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from platformdirs import user_cache_path

_PACKAGE = Path(__file__).parent
_PROJECT = _PACKAGE.parent
# False for an installed wheel. `data` alone could be a package beside it in site-packages.
_IN_PROJECT = (_PROJECT / "data" / "models").is_dir()


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Write to a temporary file beside `path`, and move it there when the block succeeds.

    If the block raises, the file that was at `path` before stays as it was. Missing folders
    are made. Raises OSError where nothing can be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        os.chmod(temporary, 0o644)  # mkstemp makes files that only their owner can read
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def write_json(path: str | os.PathLike[str], value: object) -> None:
    """Write JSON values to a file, indented, as `atomic_write` does."""
    with atomic_write(path) as file:
        file.write(json.dumps(value, indent=1).encode() + b"\n")


def unpacked_size(path: str | os.PathLike[str]) -> int:
    """How many bytes an .npz says it unpacks to, read without unpacking it."""
    with zipfile.ZipFile(path) as archive:
        return sum(entry.file_size for entry in archive.infolist())


def data_path(*parts: str) -> Path:
    """Where packaged data lie: the project's `data/`, or the wheel's copy of it. Only for reading.

    data_path("models", "robust.npz") is the file of a trained model.
    """
    folder = _PROJECT / "data" if _IN_PROJECT else _PACKAGE / "_data"
    return folder.joinpath(*parts)


def app_path(name: str) -> Path:
    """Where `app.ipynb` and `voila.json` lie: in the project, or in the wheel's copy."""
    return (_PROJECT if _IN_PROJECT else _PACKAGE / "_data") / name


def cache_path(*parts: str) -> Path:
    """A place in the user's cache, for what can be downloaded or computed again."""
    return user_cache_path("nnlib", appauthor=False).joinpath(*parts)
