"""MNIST as its authors published it, and what is said of files that are not."""

import gzip
import hashlib
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from nnlib import data, load_mnist
from nnlib.data import FILES, FOLDER, DataError, download, read_idx

NAME = "t10k-labels-idx1-ubyte.gz"  # 4.5 kB, the smallest


class TestMNIST:
    @pytest.mark.parametrize(("name", "n"), [("train", 50_000), ("dev", 10_000), ("test", 10_000)])
    def test_has_images_of_784_floats_and_their_labels(self, digits, name, n):
        split = getattr(digits, name)
        assert split.images.shape == (n, 784) and split.images.dtype == np.float32
        assert split.labels.shape == (n,) and split.labels.dtype == np.int64
        assert split.images.min() == 0 and split.images.max() == 1
        assert split.images.flags.c_contiguous
        assert set(split.labels) == set(range(10))
        assert len(split) == n and repr(split) == f"Split({n:,} images)"

    def test_begins_with_the_labels_that_everybody_knows(self, digits):
        assert digits.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
        assert digits.test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]

    def test_is_split_in_file_order(self, digits):
        images = read_idx(FOLDER / "train-images-idx3-ubyte.gz").reshape(60_000, 784)
        labels = read_idx(FOLDER / "train-labels-idx1-ubyte.gz")
        np.testing.assert_array_equal(digits.train.labels, labels[:50_000])
        np.testing.assert_array_equal(digits.dev.labels, labels[50_000:])
        for split, first in ((digits.train, 0), (digits.dev, 50_000)):
            for i in (0, 1, 9_999):
                expected = images[first + i].astype(np.float32) / 255
                np.testing.assert_array_equal(split.images[i], expected)

    def test_has_bright_ink_on_dark_paper(self, digits):
        images = digits.train.images[:1000].reshape(-1, 28, 28)
        assert images[:, :4].mean() < 0.01 and images[:, 10:18, 10:18].mean() > 0.3

    def test_lies_in_the_project_as_its_authors_published_it(self):
        for name, (sha256, _) in FILES.items():
            assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == sha256

    def test_has_its_checksums_in_the_readme_of_the_data(self):
        text = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
        lines = text.splitlines()
        for name, (sha256, _) in FILES.items():
            assert any(name in line and sha256 in line for line in lines), name


def test_read_idx_by_hand(tmp_path):
    # 0, 0, 8 for bytes, 2 axes; the axes are 2 and 3 long; six bytes, row by row
    raw = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255])
    (tmp_path / "tiny.gz").write_bytes(gzip.compress(raw))
    np.testing.assert_array_equal(read_idx(tmp_path / "tiny.gz"), [[1, 2, 3], [4, 5, 255]])


def with_bytes(raw: bytes, place: int, new: bytes) -> bytes:
    return raw[:place] + new + raw[place + len(new) :]


class TestADamagedFile:
    @pytest.fixture
    def path(self, tmp_path, monkeypatch):
        """One good file of MNIST, alone, so that nothing else needs to be read."""
        monkeypatch.setattr(data, "FILES", {NAME: FILES[NAME]})
        return Path(shutil.copy(FOLDER / NAME, tmp_path))

    def refused(self, path) -> str:
        with pytest.raises(DataError) as caught:
            load_mnist(path.parent)
        message = str(caught.value)
        assert message.startswith(str(path))
        assert "Restore the file" in message and "downloads MNIST anew" in message
        return message

    def test_that_is_missing(self, path):
        path.unlink()
        assert "is missing" in self.refused(path)

    def test_that_is_empty(self, path):
        path.write_bytes(b"")
        self.refused(path)

    def test_that_is_truncated_anywhere(self, path):
        whole = path.read_bytes()
        for length in (5, 9, 15, 100, len(whole) - 8, len(whole) - 1):
            path.write_bytes(whole[:length])
            assert "truncated" in self.refused(path)

    def test_that_has_a_flipped_bit_anywhere(self, path):
        """In the middle the decompression fails, at the start (the date) only the checksum."""
        whole = path.read_bytes()
        for place in (*range(12), 100, 2000, len(whole) - 6, len(whole) - 1):
            path.write_bytes(with_bytes(whole, place, bytes([whole[place] ^ 1])))
            self.refused(path)

    def test_that_is_no_gzip(self, path):
        path.write_bytes(gzip.decompress(path.read_bytes()))
        assert "cannot be unpacked" in self.refused(path)

    @pytest.mark.parametrize("magic", [b"\0\0\x0d\x01", b"PNG!", b"\1\0\x08\x01"])
    def test_that_has_the_wrong_magic_number(self, path, magic):
        raw = with_bytes(gzip.decompress(path.read_bytes()), 0, magic)
        path.write_bytes(gzip.compress(raw))
        assert f"starts with {magic[:3].hex(' ')}, not 00 00 08" in self.refused(path)

    def test_that_ends_within_its_header(self, path):
        path.write_bytes(gzip.compress(b"\0\0\x08\x03\0\0\0\x01"))
        assert "within its header" in self.refused(path)

    def test_that_promises_more_or_less_than_it_has(self, path):
        raw = gzip.decompress(path.read_bytes())
        for n in (9_999, 10_001, 2**32 - 1):
            path.write_bytes(gzip.compress(with_bytes(raw, 4, n.to_bytes(4, "big"))))
            message = self.refused(path)
            assert f"promises {n:,} bytes" in message and "has 10,000" in message

    def test_that_has_the_wrong_shape(self, path):
        raw = gzip.decompress(path.read_bytes())
        header = bytes([0, 0, 8, 2]) + (100).to_bytes(4, "big") * 2
        path.write_bytes(gzip.compress(header + raw[8:]))
        assert "holds (100, 100), not (10000,)" in self.refused(path)

    def test_that_has_one_wrong_label(self, path):
        raw = bytearray(gzip.decompress(path.read_bytes()))
        raw[-1] ^= 1
        path.write_bytes(gzip.compress(bytes(raw)))
        assert "checksum" in self.refused(path)


def test_an_empty_folder_is_missing_its_first_file(tmp_path):
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz is missing"):
        load_mnist(tmp_path)


def test_without_the_projects_folder_mnist_is_downloaded(tmp_path, monkeypatch, digits):
    monkeypatch.setattr(data, "FOLDER", tmp_path / "nowhere")
    monkeypatch.setattr(data, "download", lambda: FOLDER)
    np.testing.assert_array_equal(load_mnist().test.labels, digits.test.labels)


class TestDownload:
    """From a server of our own, with a good mirror and one whose file is damaged."""

    @pytest.fixture
    def server(self, tmp_path, monkeypatch):
        monkeypatch.setattr(data, "FILES", {NAME: FILES[NAME]})
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        web = tmp_path / "web"
        (web / "good").mkdir(parents=True)
        (web / "damaged").mkdir()
        shutil.copy(FOLDER / NAME, web / "good")
        (web / "damaged" / NAME).write_bytes(b"half a file")

        class Handler(SimpleHTTPRequestHandler):
            asked: list[str] = []  # noqa: RUF012 (the fixture's own class)

            def __init__(self, *arguments):
                super().__init__(*arguments, directory=web)

            def log_request(self, *arguments):
                self.asked.append(self.path)

            def log_message(self, *arguments):
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            server.address = f"http://127.0.0.1:{server.server_port}/"
            server.asked = Handler.asked
            yield server
            server.shutdown()
            thread.join()

    def test_fetches_the_files_and_says_so_on_standard_error_only(self, server, tmp_path, capsys):
        folder = download((server.address + "good/",), tmp_path / "cache")
        assert folder == tmp_path / "cache"
        assert (folder / NAME).read_bytes() == (FOLDER / NAME).read_bytes()
        out, err = capsys.readouterr()
        assert out == "" and "100%" in err

    def test_fetches_nothing_twice(self, server, tmp_path):
        for _ in range(2):
            download((server.address + "good/",), tmp_path / "cache")
        assert len(server.asked) == 1

    @pytest.mark.parametrize("first", ["missing/", "damaged/"])
    def test_falls_through_to_the_next_mirror(self, server, tmp_path, first):
        mirrors = (server.address + first, server.address + "good/")
        folder = download(mirrors, tmp_path / "cache")
        assert (folder / NAME).read_bytes() == (FOLDER / NAME).read_bytes()
        assert server.asked == [f"/{first}{NAME}", f"/good/{NAME}"]

    def test_lists_what_was_tried_where_every_mirror_fails(self, server, tmp_path):
        mirrors = tuple(server.address + place for place in ("missing/", "damaged/"))
        with pytest.raises(DataError) as caught:
            download((*mirrors, "http://127.0.0.1:0/"), tmp_path / "cache")
        message = str(caught.value)
        for mirror in (*mirrors, "http://127.0.0.1:0/"):
            assert mirror + NAME in message
        assert f"put the four MNIST files into {tmp_path / 'cache'}" in message
        assert not (tmp_path / "cache" / NAME).exists()

    def test_mends_a_damaged_file_in_the_cache(self, server, tmp_path):
        (tmp_path / "cache").mkdir()
        (tmp_path / "cache" / NAME).write_bytes(b"half a file")
        folder = download((server.address + "good/",), tmp_path / "cache")
        assert (folder / NAME).read_bytes() == (FOLDER / NAME).read_bytes()
