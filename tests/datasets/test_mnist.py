"""MNIST: its splits, its files, damaged files, and the download."""

import gzip
import hashlib
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from helpers import gzip_bomb, memory_below

from nnlib.datasets import mnist
from nnlib.datasets.mnist import FILES, download, load_mnist, local_mnist, read_idx, read_mnist
from nnlib.datasets.splits import DataError
from nnlib.files import data_path

NAME = "t10k-labels-idx1-ubyte.gz"  # 4.5 kB, the smallest
FOLDER = data_path("mnist")


class TestLoadMnist:
    @pytest.mark.parametrize(("name", "n"), [("train", 50_000), ("dev", 10_000), ("test", 10_000)])
    def test_splits_have_their_sizes_dtypes_and_ranges(self, digits, name, n):
        split = getattr(digits, name)
        assert split.images.shape == (n, 784) and split.images.dtype == np.float32
        assert split.labels.shape == (n,) and split.labels.dtype == np.int64
        assert split.images.min() == 0 and split.images.max() == 1
        assert split.images.flags.c_contiguous
        assert set(split.labels) == set(range(10))
        assert len(split) == n

    def test_first_labels_are_the_well_known_ones(self, digits):
        assert digits.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
        assert digits.test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]

    def test_train_and_dev_keep_the_order_of_the_file(self, digits):
        images = read_idx(FOLDER / "train-images-idx3-ubyte.gz").reshape(60_000, 784)
        labels = read_idx(FOLDER / "train-labels-idx1-ubyte.gz")
        np.testing.assert_array_equal(digits.train.labels, labels[:50_000])
        np.testing.assert_array_equal(digits.dev.labels, labels[50_000:])
        for split, first in ((digits.train, 0), (digits.dev, 50_000)):
            for i in (0, 1, 9_999):
                expected = images[first + i].astype(np.float32) / 255
                np.testing.assert_array_equal(split.images[i], expected)

    def test_ink_is_1_and_paper_is_0(self, digits):
        images = digits.train.images[:1000].reshape(-1, 28, 28)
        assert images[:, :4].mean() < 0.01 and images[:, 10:18, 10:18].mean() > 0.3

    def test_empty_folder_is_missing_its_first_file(self, tmp_path):
        with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz is missing"):
            load_mnist(tmp_path)

    def test_damaged_file_in_a_folder_is_refused(self, tmp_path):
        for name in FILES:
            shutil.copy(FOLDER / name, tmp_path)
        (tmp_path / NAME).write_bytes(b"half a file")
        with pytest.raises(DataError, match=f"{NAME} cannot be unpacked"):
            load_mnist(tmp_path)


class TestPackagedFiles:
    @pytest.mark.parametrize("name", FILES)
    def test_checksums_are_those_of_the_original_files(self, name):
        sha256, _ = FILES[name]
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == sha256

    @pytest.mark.parametrize("name", FILES)
    def test_checksums_are_in_the_readme_of_the_data(self, name):
        sha256, _ = FILES[name]
        lines = data_path("README.md").read_text(encoding="utf-8").splitlines()
        assert any(name in line and sha256 in line for line in lines)


def replace_bytes(raw: bytes, place: int, new: bytes) -> bytes:
    return raw[:place] + new + raw[place + len(new) :]


class TestReadIdx:
    def test_matches_bytes_written_by_hand(self, tmp_path):
        # 0, 0, 8 for bytes, 2 axes; the axes are 2 and 3 long; six bytes, row by row
        raw = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255])
        (tmp_path / "tiny.gz").write_bytes(gzip.compress(raw))
        array = read_idx(tmp_path / "tiny.gz")
        assert array.dtype == np.uint8
        np.testing.assert_array_equal(array, [[1, 2, 3], [4, 5, 255]])

    def test_file_over_the_limit_is_refused(self, tmp_path):
        raw = bytes([0, 0, 8, 1, 0, 0, 1, 0]) + bytes(256)
        (tmp_path / "tiny.gz").write_bytes(gzip.compress(raw))
        assert read_idx(tmp_path / "tiny.gz", max_bytes=264).shape == (256,)
        with pytest.raises(DataError, match=r"tiny\.gz cannot be unpacked: .* more than 263 bytes"):
            read_idx(tmp_path / "tiny.gz", max_bytes=263)


class TestReadMnist:
    def test_returns_the_bytes_and_needs_no_other_file(self, tmp_path, digits):
        shutil.copy(FOLDER / NAME, tmp_path)
        labels = read_mnist(tmp_path, NAME)
        assert labels.dtype == np.uint8
        np.testing.assert_array_equal(labels, digits.test.labels)


class TestDamagedFile:
    @pytest.fixture
    def path(self, tmp_path):
        """A copy of one file of MNIST, for the tests to damage."""
        return Path(shutil.copy(FOLDER / NAME, tmp_path))

    def error(self, path) -> str:
        with pytest.raises(DataError) as caught:
            read_mnist(path.parent, path.name)
        message = str(caught.value)
        assert message.startswith(f"{path} ")
        assert "Put the original file there" in message and "downloads MNIST" in message
        return message

    def test_missing_file_is_named(self, path):
        path.unlink()
        assert "is missing" in self.error(path)

    def test_empty_file_is_refused(self, path):
        path.write_bytes(b"")
        assert self.error(path)

    def test_truncated_file_is_refused(self, path):
        whole = path.read_bytes()
        for length in (5, 9, 15, 100, len(whole) - 8, len(whole) - 1):
            path.write_bytes(whole[:length])
            assert "truncated" in self.error(path)

    def test_flipped_bit_is_refused(self, path):
        # In the middle decompression fails; at the start (the date) only the checksum does.
        whole = path.read_bytes()
        for place in (*range(12), 100, 2000, len(whole) - 6, len(whole) - 1):
            path.write_bytes(replace_bytes(whole, place, bytes([whole[place] ^ 1])))
            assert self.error(path)

    def test_bomb_is_refused_when_it_is_larger_than_mnist(self, path):
        start = b"\0\0\x08\x01" + (10_000).to_bytes(4, "big")
        path.write_bytes(gzip_bomb(start, 100_000_000))
        with memory_below(2_000_000):
            assert "the file has more than 11,024 bytes" in self.error(path)

    def test_file_that_is_not_gzip_is_refused(self, path):
        path.write_bytes(gzip.decompress(path.read_bytes()))
        assert "cannot be unpacked" in self.error(path)

    @pytest.mark.parametrize("magic", [b"\0\0\x0d\x01", b"PNG!", b"\1\0\x08\x01"])
    def test_wrong_magic_number_is_quoted(self, path, magic):
        raw = replace_bytes(gzip.decompress(path.read_bytes()), 0, magic)
        path.write_bytes(gzip.compress(raw))
        assert f"starts with {magic[:3].hex(' ')}, not 00 00 08" in self.error(path)

    def test_incomplete_header_is_refused(self, path):
        path.write_bytes(gzip.compress(b"\0\0\x08\x03\0\0\0\x01"))
        assert "within its header" in self.error(path)

    @pytest.mark.parametrize("n", [9_999, 10_001, 2**32 - 1])
    def test_shape_that_does_not_match_the_data_is_refused(self, path, n):
        raw = gzip.decompress(path.read_bytes())
        path.write_bytes(gzip.compress(replace_bytes(raw, 4, n.to_bytes(4, "big"))))
        message = self.error(path)
        assert f"{n:,} bytes" in message and "has 10,000" in message

    def test_wrong_shape_is_refused(self, path):
        raw = gzip.decompress(path.read_bytes())
        header = bytes([0, 0, 8, 2]) + (100).to_bytes(4, "big") * 2
        path.write_bytes(gzip.compress(header + raw[8:]))
        assert "holds (100, 100), not (10000,)" in self.error(path)

    def test_file_of_another_name_is_refused(self, path):
        path = path.rename(path.with_name("train-labels-idx1-ubyte.gz"))
        assert "holds (10000,), not (60000,)" in self.error(path)

    def test_single_wrong_label_is_refused(self, path):
        raw = bytearray(gzip.decompress(path.read_bytes()))
        raw[-1] ^= 1
        path.write_bytes(gzip.compress(bytes(raw)))
        assert "does not have the checksum of MNIST" in self.error(path)

    def test_same_labels_packed_again_are_refused(self, path):
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())))
        assert "does not have the checksum of MNIST" in self.error(path)


class TestLocalMnist:
    """Two places, the project and the cache, either of which may have files."""

    @pytest.fixture(autouse=True)
    def folders(self, tmp_path, monkeypatch):
        monkeypatch.setattr(mnist, "data_path", (tmp_path / "project").joinpath)
        monkeypatch.setattr("nnlib.files.user_cache_path", lambda *_, **__: tmp_path / "cache")
        self.project, self.cache = tmp_path / "project" / "mnist", tmp_path / "cache" / "mnist"

    def fill(self, folder: Path, names=tuple(FILES)) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            (folder / name).touch()

    def test_without_files_is_none(self):
        assert local_mnist() is None
        self.fill(self.project, ())
        self.fill(self.cache, ())
        assert local_mnist() is None

    def test_in_the_project_is_preferred(self):
        self.fill(self.project)
        assert local_mnist() == self.project
        self.fill(self.cache)
        assert local_mnist() == self.project

    def test_in_the_cache_alone_is_the_cache(self):
        self.fill(self.cache)
        assert local_mnist() == self.cache

    @pytest.mark.parametrize("missing", FILES)
    def test_folder_without_one_of_the_files_does_not_count(self, missing):
        some = [name for name in FILES if name != missing]
        self.fill(self.project, some)
        self.fill(self.cache, some)
        assert local_mnist() is None
        self.fill(self.cache, [missing])
        assert local_mnist() == self.cache
        self.fill(self.project, [missing])
        assert local_mnist() == self.project

    def test_folder_with_the_name_of_a_file_does_not_count(self):
        self.fill(self.project)
        (self.project / NAME).unlink()
        (self.project / NAME).mkdir()
        assert local_mnist() is None

    def test_load_mnist_reads_the_cache_without_a_download(self, monkeypatch, digits):
        monkeypatch.setattr(mnist, "download", lambda: pytest.fail("downloaded"))
        shutil.copytree(FOLDER, self.cache)
        np.testing.assert_array_equal(load_mnist().test.labels, digits.test.labels)

    def test_load_mnist_downloads_where_there_are_no_files(self, monkeypatch, digits):
        downloads = []
        monkeypatch.setattr(mnist, "download", lambda: downloads.append(1) or FOLDER)
        np.testing.assert_array_equal(load_mnist().test.labels, digits.test.labels)
        assert downloads == [1]

    def test_download_is_found_afterwards(self, monkeypatch):
        def retrieve(url, known_hash, name, folder, **_):
            self.fill(folder, [name])

        monkeypatch.setattr("pooch.retrieve", retrieve)
        assert download() == local_mnist() == self.cache


class TestDownload:
    """From a local server with two mirrors: in one the file is damaged."""

    @pytest.fixture
    def server(self, tmp_path, monkeypatch):
        monkeypatch.setattr(mnist, "FILES", {NAME: FILES[NAME]})
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        web = tmp_path / "web"
        (web / "good").mkdir(parents=True)
        (web / "damaged").mkdir()
        shutil.copy(FOLDER / NAME, web / "good")
        (web / "damaged" / NAME).write_bytes(b"half a file")
        requests = []

        class Handler(SimpleHTTPRequestHandler):
            def __init__(self, *arguments):
                super().__init__(*arguments, directory=web)

            def log_request(self, *arguments):
                requests.append(self.path)

            def log_message(self, *arguments):
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            server.address = f"http://127.0.0.1:{server.server_port}/"
            server.requests = requests
            yield server
            server.shutdown()
            thread.join()

    @pytest.fixture
    def cache(self, tmp_path):
        return tmp_path / "cache"

    def is_good(self, path) -> bool:
        return path.read_bytes() == (FOLDER / NAME).read_bytes()

    def test_fetches_files_with_progress_on_stderr_only(self, server, cache, capsys):
        assert download((server.address + "good/",), cache) == cache
        assert self.is_good(cache / NAME)
        out, err = capsys.readouterr()
        assert out == "" and "100%" in err

    def test_second_download_fetches_nothing(self, server, cache):
        for _ in range(2):
            download((server.address + "good/",), cache)
        assert len(server.requests) == 1

    @pytest.mark.parametrize("first", ["missing/", "damaged/"])
    def test_next_mirror_is_tried_if_the_first_fails(self, server, cache, first):
        download((server.address + first, server.address + "good/"), cache)
        assert self.is_good(cache / NAME)
        assert server.requests == [f"/{first}{NAME}", f"/good/{NAME}"]

    def test_error_lists_every_mirror_if_all_fail(self, server, cache):
        mirrors = (server.address + "missing/", server.address + "damaged/", "http://127.0.0.1:0/")
        with pytest.raises(DataError) as caught:
            download(mirrors, cache)
        for mirror in mirrors:
            assert mirror + NAME in str(caught.value)
        assert f"put the four MNIST files into {cache}" in str(caught.value)
        assert not (cache / NAME).exists()

    def test_damaged_file_in_the_cache_is_replaced(self, server, cache):
        cache.mkdir()
        (cache / NAME).write_bytes(b"half a file")
        download((server.address + "good/",), cache)
        assert self.is_good(cache / NAME)
