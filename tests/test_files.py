"""Atomic writes, and the places of packaged data and of the cache."""

import gzip
import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers import PickleBomb, gzip_bomb, memory_below, npy_header

import nnlib.files
from nnlib.files import (
    app_path,
    atomic_write,
    cache_path,
    check_writable,
    data_path,
    open_bounded,
    read_array,
    read_arrays,
    write_json,
)


class TestAtomicWrite:
    def test_block_that_succeeds_writes_the_file(self, tmp_path):
        with atomic_write(tmp_path / "new.bin") as file:
            file.write(b"one")
            file.write(b"two")
        assert (tmp_path / "new.bin").read_bytes() == b"onetwo"
        assert os.listdir(tmp_path) == ["new.bin"]

    def test_existing_file_is_replaced(self, tmp_path):
        path = tmp_path / "old.bin"
        path.write_bytes(b"a long old content")
        with atomic_write(str(path)) as file:
            file.write(b"new")
            assert path.read_bytes() == b"a long old content"  # until the block ends
        assert path.read_bytes() == b"new"

    def test_missing_folders_are_made(self, tmp_path):
        with atomic_write(tmp_path / "a" / "b" / "new.bin") as file:
            file.write(b"new")
        assert (tmp_path / "a" / "b" / "new.bin").read_bytes() == b"new"

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, MemoryError])
    def test_interruption_leaves_the_old_file_and_nothing_else(self, tmp_path, error):
        path = tmp_path / "old.bin"
        path.write_bytes(b"old")
        with pytest.raises(error), atomic_write(path) as file:
            file.write(b"half of the new cont")
            raise error
        assert path.read_bytes() == b"old"
        assert os.listdir(tmp_path) == ["old.bin"]

    def test_interruption_without_an_old_file_leaves_no_file(self, tmp_path):
        with pytest.raises(ZeroDivisionError), atomic_write(tmp_path / "new.bin") as file:
            file.write(b"half")
            raise ZeroDivisionError
        assert os.listdir(tmp_path) == []

    def test_failure_to_replace_leaves_the_old_file(self, tmp_path, monkeypatch):
        path = tmp_path / "old.bin"
        path.write_bytes(b"old")

        def fail(*_):
            raise PermissionError("in use")

        monkeypatch.setattr(os, "replace", fail)
        with pytest.raises(PermissionError), atomic_write(path) as file:
            file.write(b"new")
        assert path.read_bytes() == b"old"
        assert os.listdir(tmp_path) == ["old.bin"]

    def test_folder_that_is_a_file_raises_os_error(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(OSError), atomic_write(tmp_path / "file" / "new.bin"):
            pytest.fail("the block was entered")

    @pytest.mark.skipif(os.name == "nt", reason="Windows has no permissions for groups")
    def test_file_is_readable_by_everybody(self, tmp_path):
        with atomic_write(tmp_path / "new.bin"):
            pass
        assert (tmp_path / "new.bin").stat().st_mode & 0o777 == 0o644


class TestWriteJson:
    def test_file_holds_indented_json_and_ends_with_a_newline(self, tmp_path):
        value = {"name": "Zoë", "runs": [1, 2.5, None]}
        write_json(tmp_path / "value.json", value)
        text = (tmp_path / "value.json").read_text(encoding="utf-8")
        assert json.loads(text) == value
        assert text == json.dumps(value, indent=1) + "\n"
        assert b"\r" not in (tmp_path / "value.json").read_bytes()

    def test_value_that_is_not_json_leaves_the_old_file(self, tmp_path):
        write_json(tmp_path / "value.json", {"old": 1})
        with pytest.raises(TypeError):
            write_json(tmp_path / "value.json", {"new": object()})
        assert json.loads((tmp_path / "value.json").read_bytes()) == {"old": 1}
        assert os.listdir(tmp_path) == ["value.json"]


# Writes half a file, says so, and waits to be killed.
WRITER = """
import sys, time
from nnlib.files import atomic_write
with atomic_write(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    print("written", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def writer(tmp_path):
    """A process that is writing tmp_path / "new.bin"."""
    command = [sys.executable, "-c", WRITER, str(tmp_path / "new.bin")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline().strip() == b"written"
        yield process
        process.kill()


def write(path, content=b"new"):
    with atomic_write(path) as file:
        file.write(content)


def make_old(path: Path) -> None:
    """As if nobody had written to it for two hours."""
    two_hours_ago = time.time() - 7200
    os.utime(path, (two_hours_ago, two_hours_ago))


class TestKilledWriters:
    def temporary(self, folder) -> list[Path]:
        return [path for path in folder.iterdir() if path.name.startswith(".")]

    def test_old_file_of_a_killed_writer_is_removed(self, tmp_path, writer):
        writer.kill()
        writer.wait()
        [left] = self.temporary(tmp_path)
        assert left.read_bytes() == b"half"
        make_old(left)
        write(tmp_path / "new.bin")
        assert os.listdir(tmp_path) == ["new.bin"]

    def test_recent_file_is_kept(self, tmp_path, writer):
        writer.kill()
        writer.wait()
        write(tmp_path / "new.bin")
        assert len(self.temporary(tmp_path)) == 1

    @pytest.mark.skipif(os.name == "nt", reason="Windows has no flock, and needs none")
    def test_old_file_of_a_living_writer_is_kept(self, tmp_path, writer):
        [held] = self.temporary(tmp_path)
        make_old(held)
        write(tmp_path / "new.bin")
        assert self.temporary(tmp_path) == [held]

    @pytest.mark.parametrize(
        "name",
        [
            ".new.bin-abcdefgh",
            ".new.bin-abc.tmp",
            ".other.bin-abcdefgh.tmp",
            "new.bin-abcdefgh.tmp",
        ],
    )
    def test_other_old_files_are_kept(self, tmp_path, name):
        (tmp_path / name).write_bytes(b"mine")
        make_old(tmp_path / name)
        write(tmp_path / "new.bin")
        assert (tmp_path / name).read_bytes() == b"mine"

    def test_name_is_no_pattern(self, tmp_path):
        (tmp_path / ".a-abcdefgh.tmp").touch()
        make_old(tmp_path / ".a-abcdefgh.tmp")
        write(tmp_path / "[a]")
        assert (tmp_path / ".a-abcdefgh.tmp").exists()


class TestCheckWritable:
    def test_missing_folder_is_made_and_nothing_else(self, tmp_path):
        check_writable(tmp_path / "new" / "file.bin")
        assert os.listdir(tmp_path) == ["new"] and os.listdir(tmp_path / "new") == []

    def test_existing_file_stays_as_it_is(self, tmp_path):
        (tmp_path / "old.bin").write_bytes(b"old")
        check_writable(tmp_path / "old.bin")
        assert (tmp_path / "old.bin").read_bytes() == b"old"

    def test_folder_that_is_a_file_raises_naming_the_file(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(OSError, match=r"file/new\.bin cannot be written: "):
            check_writable(tmp_path / "file" / "new.bin")

    def test_folder_with_the_name_of_the_file_raises(self, tmp_path):
        with pytest.raises(OSError, match="cannot be written: it is a folder"):
            check_writable(tmp_path)


class TestOpenBounded:
    CONTENT = bytes(range(256)) * 1000

    def read(self, path, max_bytes: int) -> bytes:
        with open_bounded(path, max_bytes) as file:
            return file.read()

    def test_content_up_to_the_limit_is_read(self, tmp_path):
        (tmp_path / "a.bin").write_bytes(self.CONTENT)
        assert self.read(tmp_path / "a.bin", len(self.CONTENT)) == self.CONTENT

    def test_gz_is_unpacked_and_zeros_after_it_are_skipped(self, tmp_path):
        half = len(self.CONTENT) // 2
        parts = [gzip.compress(part) for part in (self.CONTENT[:half], b"", self.CONTENT[half:])]
        (tmp_path / "a.gz").write_bytes(b"".join(parts) + bytes(20_000))
        assert self.read(tmp_path / "a.gz", len(self.CONTENT)) == self.CONTENT

    @pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 131_072, 1_000_000])
    def test_gz_of_any_size_is_read_line_by_line(self, tmp_path, size):
        text = (b"line\n" * (size // 5 + 1))[:size]
        (tmp_path / "a.gz").write_bytes(gzip.compress(text))
        with open_bounded(tmp_path / "a.gz", max(size, 100)) as file:
            assert list(file) == text.splitlines(keepends=True)

    @pytest.mark.parametrize("name", ["a.bin", "a.gz"])
    def test_more_than_the_limit_is_refused(self, tmp_path, name):
        packed = gzip.compress(self.CONTENT) if name == "a.gz" else self.CONTENT
        (tmp_path / name).write_bytes(packed)
        with pytest.raises(ValueError, match="the file has more than 255,999 bytes"):
            self.read(tmp_path / name, len(self.CONTENT) - 1)

    def test_bomb_is_refused_when_the_limit_is_reached(self, tmp_path):
        (tmp_path / "a.gz").write_bytes(gzip_bomb(b"", 100_000_000))
        with memory_below(3_000_000), pytest.raises(ValueError, match="more than 1,000,000 bytes"):
            self.read(tmp_path / "a.gz", 1_000_000)

    @pytest.mark.parametrize("name", ["a.bin", "a.gz"])
    def test_file_with_a_hole_of_4_gb_is_refused_unread(self, tmp_path, name):
        with open(tmp_path / name, "wb") as file:
            file.write(gzip.compress(b"short"))
            file.truncate(4_000_000_000)
        with memory_below(1_000_000), pytest.raises(ValueError, match="more than 1,000 bytes"):
            self.read(tmp_path / name, 1000)

    def test_endless_device_is_refused(self):
        if not Path("/dev/zero").exists():
            pytest.skip("there is no /dev/zero")
        with pytest.raises(ValueError, match="more than 1,000,000 bytes"):
            self.read("/dev/zero", 1_000_000)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "truncated"),
            (gzip.compress(CONTENT)[:-1], "truncated"),
            (gzip.compress(CONTENT)[:-5] + b"12345", "damaged"),
            (gzip.compress(CONTENT) + b"more", "damaged"),
            (b"no gzip", "damaged"),
        ],
    )
    def test_damaged_gz_is_refused(self, tmp_path, content, message):
        (tmp_path / "a.gz").write_bytes(content)
        with pytest.raises(ValueError, match=f"the file is {message}"):
            self.read(tmp_path / "a.gz", 10**6)

    def test_missing_file_raises(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            open_bounded(tmp_path / "nothing", 10)


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


class TestReadArray:
    @pytest.mark.parametrize(
        "array",
        [
            np.arange(6, dtype=np.uint8).reshape(2, 3),
            np.arange(6.0).reshape(3, 2).T,
            np.array(3.5),
            np.array("some text"),
            np.zeros((0, 4), np.float32),
            np.arange(3, dtype=">i8"),
            np.arange(100_000).reshape(10, -1),
        ],
        ids=str,
    )
    def test_array_is_that_of_numpy(self, array):
        read = read_array(io.BytesIO(npy(array)), array.nbytes)
        np.testing.assert_array_equal(read, array)
        assert read.dtype == array.dtype and read.flags.writeable

    def test_array_over_the_limit_is_refused_before_it_is_read(self):
        start = io.BytesIO(npy_header((10**12,)))
        with memory_below(10**6), pytest.raises(ValueError, match="array of more than 1,000 bytes"):
            read_array(start, 1000)

    @pytest.mark.parametrize("descr", ["|V2000000000", "<U500000000", "|S2000000000", "<f4,<i4"])
    def test_huge_or_compound_elements_are_refused(self, descr):
        descr = [("a", "<f4")] if "," in descr else descr
        with memory_below(10**6), pytest.raises(ValueError, match=r"plain numbers|more than"):
            read_array(io.BytesIO(npy_header((2,), descr)), 10**8)

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"a letter",
            npy(np.arange(9))[:-1],
            npy_header((-1, -4)) + bytes(16),
            npy_header((0,), "<U0"),
            b"\x93NUMPY\x02\x00" + (4 * 10**9).to_bytes(4, "little"),  # its header has 4 GB
            b"\x93NUMPY\x01\x00" + (9000).to_bytes(2, "little") + b"(" * 9000,
        ],
        ids=range(7),
    )
    def test_damaged_array_is_refused(self, content):
        with memory_below(10**7), pytest.raises(ValueError, match=r"as an array|truncated|plain"):
            read_array(io.BytesIO(content), 10**6)

    def test_pickle_is_refused_and_not_executed(self, tmp_path):
        bomb = PickleBomb(tmp_path / "made by the pickle")
        content = io.BytesIO()
        np.save(content, np.array([bomb], object), allow_pickle=True)
        content.seek(0)
        with pytest.raises(ValueError, match="plain numbers, not object"):
            read_array(content, 10**6)
        assert not bomb.folder.exists()


class TestReadArrays:
    ARRAYS = {"a": np.arange(100), "text": np.array("some text")}  # noqa: RUF012

    def read(self, path, **max_bytes) -> dict[str, np.ndarray]:
        with open(path, "rb") as file:
            return read_arrays(file, max_bytes)

    @pytest.mark.parametrize("savez", [np.savez, np.savez_compressed])
    def test_arrays_of_these_names_are_read(self, tmp_path, savez):
        savez(tmp_path / "a.npz", **self.ARRAYS)
        read = self.read(tmp_path / "a.npz", a=800, text=36)
        assert list(read) == ["a", "text"] and str(read["text"]) == "some text"
        np.testing.assert_array_equal(read["a"], np.arange(100))

    def test_array_that_is_not_asked_for_is_not_looked_at(self, tmp_path):
        np.savez(tmp_path / "a.npz", **self.ARRAYS, bomb=np.array([{}], object))
        assert list(self.read(tmp_path / "a.npz", a=800)) == ["a"]

    def test_larger_array_is_refused(self, tmp_path):
        np.savez(tmp_path / "a.npz", **self.ARRAYS)
        with pytest.raises(ValueError, match="an array of more than 799 bytes"):
            self.read(tmp_path / "a.npz", a=799)

    def test_missing_array_is_named(self, tmp_path):
        np.savez(tmp_path / "a.npz", **self.ARRAYS)
        with pytest.raises(ValueError, match="it has no array 'b'"):
            self.read(tmp_path / "a.npz", a=800, b=800)

    def test_member_that_is_no_array_is_refused(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.writestr("a.npy", b"a letter")
        with pytest.raises(ValueError, match="does not begin as an array"):
            self.read(tmp_path / "a.npz", a=800)

    def test_member_that_is_longer_than_its_array_is_refused(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.writestr("a.npy", npy(np.arange(100)) + b"!")
        with pytest.raises(ValueError, match="'a' is longer than it says"):
            self.read(tmp_path / "a.npz", a=800)

    @pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_packing_without_a_limit_is_refused(self, tmp_path, method):
        """zipfile cannot bound what these unpack to."""
        with zipfile.ZipFile(tmp_path / "a.npz", "w", method) as archive:
            archive.writestr("a.npy", npy(np.arange(100)) + bytes(20_000_000))
        with memory_below(10**6), pytest.raises(ValueError, match="as NumPy does not pack it"):
            self.read(tmp_path / "a.npz", a=800)

    def test_directory_of_many_entries_is_refused_unread(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            for number in range(5_000):
                archive.writestr(str(number), b"")
        with memory_below(10**6), pytest.raises(ValueError, match="no zip, or it is truncated"):
            self.read(tmp_path / "a.npz", a=800)


class TestPlaces:
    def test_data_path_leads_to_the_data_of_the_project(self):
        project = Path(nnlib.files.__file__).parent.parent
        assert data_path() == project / "data"
        assert data_path("models", "robust.npz") == project / "data" / "models" / "robust.npz"
        assert data_path("models", "robust.npz").is_file()

    @pytest.mark.parametrize("name", ["app.ipynb", "voila.json"])
    def test_app_path_leads_to_the_files_of_the_app(self, name):
        assert app_path(name).name == name
        assert app_path(name).is_file()

    def test_cache_path_lies_in_the_users_cache(self, tmp_path, monkeypatch):
        monkeypatch.setattr("nnlib.files.user_cache_path", lambda name, **_: tmp_path / name)
        assert cache_path() == tmp_path / "nnlib"
        assert cache_path("mnist", "file.gz") == tmp_path / "nnlib" / "mnist" / "file.gz"
        assert os.listdir(tmp_path) == []  # nothing is made

    @pytest.mark.parametrize("other_data", [False, True])
    def test_installed_package_has_its_own_copy_of_the_data(self, tmp_path, other_data):
        # A wheel puts the package into site-packages, where another package may have a `data`.
        package = tmp_path / "site-packages" / "nnlib"
        package.mkdir(parents=True)
        if other_data:
            (package.parent / "data").mkdir()
        shutil.copy(nnlib.files.__file__, package)
        installed = load_module(package / "files.py")
        assert installed.data_path("models") == package / "_data" / "models"
        assert installed.app_path("app.ipynb") == package / "_data" / "app.ipynb"


def load_module(path: Path):
    """The module in this file, beside the one that is imported."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
