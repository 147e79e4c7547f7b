"""Files: atomic writes, bounded reads, and where packaged data and the user's cache lie.

No file is trusted. `open_bounded`, `read_array` and `read_arrays` check sizes before they unpack
anything, and execute nothing.
"""

import contextlib
import glob
import io
import json
import math
import os
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
from platformdirs import user_cache_path

_PACKAGE = Path(__file__).parent
_PROJECT = _PACKAGE.parent
# False for an installed wheel. `data` alone could be a package beside it in site-packages.
_IN_PROJECT = (_PROJECT / "data" / "models").is_dir()

_STALE_SECONDS = 3600  # a temporary file is removed if nobody has written to it for so long
_PACKED_BYTES = 8_192  # that are read of a .gz at a time
_UNPACKED_BYTES = 65_536  # that are unpacked at a time
_MAX_DIRECTORY_BYTES = 65_536  # of an .npz; that is enough for a thousand arrays


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Write to a temporary file beside `path`, and move it there when the block succeeds.

    If the block raises, the file that was at `path` before stays as it was. Missing folders
    are made, and what killed writers of the same file have left is removed. Raises OSError
    where nothing can be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_stale(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            with contextlib.suppress(OSError):  # some network file systems have no locks
                _lock(file)
            yield file
        os.chmod(temporary, 0o644)  # mkstemp makes files that only their owner can read
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise OSError, naming the file, where `atomic_write` could not write it now.

    For what computes long before it writes. Missing folders are made.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise IsADirectoryError("it is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent) as file:
            file.write(bytes(4096))  # on a full disk, an empty file could still be made
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror or error}.") from None


def remove_stale(path: str | os.PathLike[str]) -> None:
    """Remove the temporary files of `atomic_write` that killed writers of `path` have left.

    These have not been written to for an hour, and no living process has locked them.
    """
    path = Path(path)
    for left in path.parent.glob(f".{glob.escape(path.name)}-????????.tmp"):
        with contextlib.suppress(OSError):  # where another process is faster, or holds the lock
            if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                with open(left, "rb") as file:
                    _lock(file)
                left.unlink()


def _lock(file: IO[bytes]) -> None:
    """Lock the file until it is closed. Raises OSError if another process has locked it."""
    try:
        import fcntl
    except ImportError:  # Windows removes no file that is open, so it needs no lock
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def write_json(path: str | os.PathLike[str], value: object) -> None:
    """Write JSON values to a file, indented, as `atomic_write` does."""
    with atomic_write(path) as file:
        file.write(json.dumps(value, indent=1).encode() + b"\n")


def open_bounded(path: str | os.PathLike[str], max_bytes: int) -> BinaryIO:
    """Open a file for reading; that of a .gz is unpacked while it is read.

    Reading raises ValueError where the file, packed or unpacked, has more than `max_bytes`, and
    for a damaged .gz. Its message is a clause such as "the file is truncated".
    """
    return io.BufferedReader(_BoundedReader(path, max_bytes))


class _BoundedReader(io.RawIOBase):
    """The raw file of `open_bounded`."""

    def __init__(self, path: str | os.PathLike[str], max_bytes: int):
        self._left = self._max_bytes = max_bytes
        self._file = open(path, "rb")  # noqa: SIM115
        if os.fstat(self._file.fileno()).st_size > max_bytes:
            self._file.close()
            raise self._too_large()
        self._pieces = self._unpack() if Path(path).suffix == ".gz" else self._read()
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._piece:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._piece = memoryview(piece)
        n = min(len(buffer), len(self._piece))
        if n > self._left:
            raise self._too_large()
        self._left -= n
        buffer[:n], self._piece = self._piece[:n], self._piece[n:]
        return n

    def readall(self) -> bytes:
        return b"".join(iter(lambda: self.read(_UNPACKED_BYTES), b""))  # faster than the usual one

    def close(self) -> None:
        self._file.close()
        super().close()

    def _read(self) -> Iterator[bytes]:
        while piece := self._file.read(_UNPACKED_BYTES):
            yield piece

    def _unpack(self) -> Iterator[bytes]:
        member = zlib.decompressobj(wbits=31)  # 31: of gzip
        try:
            while packed := self._file.read(_PACKED_BYTES):
                piece = b""
                while packed or len(piece) == _UNPACKED_BYTES:
                    if member.eof:  # a .gz may have several members, and zeros after the last
                        packed = packed.lstrip(b"\0")
                        if not packed:
                            break
                        member = zlib.decompressobj(wbits=31)
                    piece = member.decompress(packed, _UNPACKED_BYTES)
                    yield piece
                    packed = member.unused_data if member.eof else member.unconsumed_tail
        except zlib.error as error:
            raise ValueError(f"the file is damaged ({error})") from None
        if not member.eof:
            raise ValueError("the file is truncated")

    def _too_large(self) -> ValueError:
        return ValueError(f"the file has more than {self._max_bytes:,} bytes")


def read_arrays(file: BinaryIO, max_bytes: Mapping[str, int]) -> dict[str, np.ndarray]:
    """The arrays of these names in an .npz; everything else in it is skipped.

    max_bytes: name → how many bytes the array may have. Raises ValueError for anything but
    arrays as `read_array` takes them, and other errors for a damaged file.
    """
    _check_directory(file)
    arrays = {}
    with zipfile.ZipFile(file) as archive:
        for name, limit in max_bytes.items():
            if f"{name}.npy" not in archive.namelist():
                raise ValueError(f"it has no array {name!r}")
            entry = archive.getinfo(f"{name}.npy")
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError(f"its array {name!r} is packed as NumPy does not pack it")
            with archive.open(entry) as member:
                arrays[name] = read_array(member, limit)
                if member.read(1):  # to its end, where the checksum is compared
                    raise ValueError(f"its array {name!r} is longer than it says")
    return arrays


def _check_directory(file: BinaryIO) -> None:
    """Raise ValueError for a zip with a directory that would fill the memory, or without one."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - 42))
    end = file.read().rjust(42, b"\0")
    # The last 22 bytes end with the directory's size, its place, and the length of a comment. In
    # the 20 bytes before, a zip of more than 4 GB has another size.
    directory = int.from_bytes(end[-10:-6], "little")
    is_usual = end[-22:-18] == b"PK\5\6" and end[-2:] == b"\0\0" and end[:4] != b"PK\6\7"
    if not is_usual or directory > _MAX_DIRECTORY_BYTES:
        raise ValueError("it is no zip, or it is truncated")


def read_array(file: Any, max_bytes: int) -> np.ndarray:
    """The array of an .npy, from a binary file; it may hold plain numbers or text.

    Raises ValueError for other arrays and for more than `max_bytes`, before reading them, and for
    a damaged or truncated file.
    """
    try:
        # Only format 1.0, which NumPy writes for plain arrays, bounds the size of its header.
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError
        shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
        if min(shape, default=0) < 0:
            raise ValueError
    except Exception:  # a damaged header raises many kinds
        raise ValueError("it does not begin as an array of NumPy, or it is damaged") from None
    if dtype.kind not in "biufcU" or not dtype.itemsize:
        raise ValueError(f"it must hold plain numbers, not {dtype.name}")
    size = math.prod(shape) * dtype.itemsize
    if size > max_bytes:
        raise ValueError(f"it has an array of more than {max_bytes:,} bytes")
    array = np.empty(math.prod(shape), dtype)
    left = array.view(np.uint8).data
    while left:
        n = file.readinto(left[:_UNPACKED_BYTES])  # a zip's member needs that much memory besides
        if not n:
            raise ValueError("it is truncated")
        left = left[n:]
    return array.reshape(shape, order="F" if is_fortran else "C")


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
