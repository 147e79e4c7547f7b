"""Writing a file so that nobody ever sees half of one."""

import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """Write to a temporary file beside `path`, and move it there when the block ends well.

    If the block raises, what stood at `path` before still stands there.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        os.chmod(temporary, 0o644)  # mkstemp's files are for their owner only
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def unpacked_size(path: str | os.PathLike) -> int:
    """Bytes that an .npz promises to unpack to, known before any of it is unpacked."""
    with zipfile.ZipFile(path) as archive:
        return sum(entry.file_size for entry in archive.infolist())


def data_path(*parts: str) -> Path:
    """A file of the project's `data/`, or, in an installed wheel, of the copy inside it."""
    package = Path(__file__).parent
    project = package.parent / "data"
    folder = project if (project / "models").is_dir() else package / "_data"
    return folder.joinpath(*parts)
