"""Atomic writes, and the places of packaged data and of the cache."""

import importlib.util
import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

import nnlib.files
from nnlib.files import app_path, atomic_write, cache_path, data_path, unpacked_size, write_json


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


class TestUnpackedSize:
    @pytest.mark.parametrize("savez", [np.savez, np.savez_compressed])
    def test_is_the_sum_over_the_arrays(self, tmp_path, savez):
        savez(tmp_path / "arrays.npz", a=np.zeros(100_000), b=np.zeros(10, np.uint8))
        # Each array has a header of 128 bytes.
        assert unpacked_size(tmp_path / "arrays.npz") == 800_000 + 10 + 2 * 128

    def test_file_that_is_not_a_zip_raises_an_error(self, tmp_path):
        (tmp_path / "arrays.npz").write_bytes(b"a letter")
        with pytest.raises(zipfile.BadZipFile):
            unpacked_size(tmp_path / "arrays.npz")


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
