"""MNIST as its authors published it, and what is said of files that are not."""

import gzip
import hashlib
import os
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from nnlib import data, load_mnist
from nnlib.datasets.arrays import read_labeled_images
from nnlib.datasets.kaggle import PIXEL_COLUMNS
from nnlib.datasets.mnist import FILES, download, local_mnist, read_idx, read_mnist
from nnlib.datasets.splits import DataError
from nnlib.files import data_path

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
        images = read_idx(data_path / "train-images-idx3-ubyte.gz").reshape(60_000, 784)
        labels = read_idx(data_path / "train-labels-idx1-ubyte.gz")
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
            assert hashlib.sha256((data_path / name).read_bytes()).hexdigest() == sha256

    def test_has_its_checksums_in_the_readme_of_the_data(self):
        text = (data_path.parent / "README.md").read_text(encoding="utf-8")
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
        return Path(shutil.copy(data_path / NAME, tmp_path))

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


class TestOneFile:
    def test_is_read_as_bytes(self, digits):
        labels = read_mnist(data_path, NAME)
        assert labels.dtype == np.uint8
        np.testing.assert_array_equal(labels, digits.test.labels)

    def test_needs_none_of_the_others(self, tmp_path, digits):
        shutil.copy(data_path / NAME, tmp_path)
        np.testing.assert_array_equal(read_mnist(tmp_path, NAME), digits.test.labels)

    def test_that_is_missing_is_told_by_name(self, tmp_path):
        with pytest.raises(DataError, match="is missing") as caught:
            read_mnist(tmp_path, NAME)
        assert str(caught.value).startswith(str(tmp_path / NAME))

    def test_of_another_shape_is_refused(self, tmp_path):
        shutil.copy(data_path / NAME, tmp_path / "train-labels-idx1-ubyte.gz")
        with pytest.raises(DataError, match=r"holds \(10000,\), not \(60000,\)"):
            read_mnist(tmp_path, "train-labels-idx1-ubyte.gz")

    def test_with_another_checksum_is_refused(self, tmp_path):
        """The same labels, packed anew: whatever is not the file of its authors is told."""
        (tmp_path / NAME).write_bytes(gzip.compress(gzip.decompress((data_path / NAME).read_bytes())))
        with pytest.raises(DataError, match="does not have the checksum of MNIST"):
            read_mnist(tmp_path, NAME)


class TestTheFolderOnThisMachine:
    """Two places, of which none, one or both have files."""

    @pytest.fixture(autouse=True)
    def places(self, tmp_path, monkeypatch):
        monkeypatch.setattr(data, "FOLDER", tmp_path / "project")
        monkeypatch.setattr(data, "CACHE", tmp_path / "cache")
        self.project, self.cache = tmp_path / "project", tmp_path / "cache" / "mnist"

    def fill(self, folder: Path, names=tuple(FILES)) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            (folder / name).touch()

    def test_is_none_where_there_are_no_files(self):
        assert local_mnist() is None
        self.fill(self.project, ())
        self.fill(self.cache, ())
        assert local_mnist() is None

    def test_is_the_projects_if_it_has_them(self):
        self.fill(self.project)
        assert local_mnist() == self.project
        self.fill(self.cache)
        assert local_mnist() == self.project

    def test_is_the_cache_if_only_that_has_them(self):
        self.fill(self.cache)
        assert local_mnist() == self.cache

    @pytest.mark.parametrize("missing", FILES)
    def test_is_none_that_lacks_a_file(self, missing):
        some = [name for name in FILES if name != missing]
        self.fill(self.project, some)
        self.fill(self.cache, some)
        assert local_mnist() is None
        self.fill(self.cache, [missing])
        assert local_mnist() == self.cache
        self.fill(self.project, [missing])
        assert local_mnist() == self.project

    def test_is_none_that_has_a_folder_in_the_place_of_a_file(self):
        self.fill(self.project)
        (self.project / NAME).unlink()
        (self.project / NAME).mkdir()
        assert local_mnist() is None

    def test_is_what_mnist_is_loaded_from(self, monkeypatch, digits):
        monkeypatch.setattr(data, "download", lambda: pytest.fail("there was no need to"))
        self.cache.mkdir(parents=True)
        for name in FILES:
            shutil.copy(data_path / name, self.cache)
        np.testing.assert_array_equal(load_mnist().test.labels, digits.test.labels)

    def test_and_if_there_is_none_mnist_is_downloaded(self, monkeypatch, digits):
        downloads = []
        monkeypatch.setattr(data, "download", lambda: downloads.append(1) or data_path)
        np.testing.assert_array_equal(load_mnist().test.labels, digits.test.labels)
        assert downloads == [1]

    def test_is_where_a_download_goes(self, monkeypatch):
        """Whatever was downloaded is found the next time."""

        def retrieve(url, known_hash, name, folder, **_):
            self.fill(folder, [name])

        monkeypatch.setattr("pooch.retrieve", retrieve)
        assert download() == local_mnist() == self.cache


class TestDownload:
    """From a server of our own, with a good mirror and one whose file is damaged."""

    @pytest.fixture
    def server(self, tmp_path, monkeypatch):
        monkeypatch.setattr(data, "FILES", {NAME: FILES[NAME]})
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        web = tmp_path / "web"
        (web / "good").mkdir(parents=True)
        (web / "damaged").mkdir()
        shutil.copy(data_path / NAME, web / "good")
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
        assert (folder / NAME).read_bytes() == (data_path / NAME).read_bytes()
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
        assert (folder / NAME).read_bytes() == (data_path / NAME).read_bytes()
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
        assert (folder / NAME).read_bytes() == (data_path / NAME).read_bytes()


class TestLabeledImages:
    IMAGES = np.random.default_rng(0).integers(0, 256, (5, 28, 28), np.uint8)
    LABELS = (0, 9, 3, 3, 7)

    def saved(self, path, **arrays) -> Path:
        np.savez(path, **{"images": self.IMAGES, "labels": np.array(self.LABELS)} | arrays)
        return path

    @pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
    @pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64])
    def test_come_as_they_are_in_the_file(self, tmp_path, save, kind):
        images = self.IMAGES if kind == np.uint8 else (self.IMAGES / 255).astype(kind)
        save(tmp_path / "theirs.npz", images=images, labels=np.array(self.LABELS))
        read, labels = read_labeled_images(tmp_path / "theirs.npz")
        assert read.dtype == kind
        np.testing.assert_array_equal(read, images)
        np.testing.assert_array_equal(labels, self.LABELS)

    def test_may_have_any_size(self, tmp_path):
        path = self.saved(tmp_path / "theirs.npz", images=np.zeros((5, 64, 48)))
        assert read_labeled_images(path)[0].shape == (5, 64, 48)

    def test_may_be_rows_of_784(self, tmp_path):
        path = self.saved(tmp_path / "theirs.npz", images=self.IMAGES.reshape(5, 784))
        np.testing.assert_array_equal(read_labeled_images(path)[0], self.IMAGES)

    @pytest.mark.parametrize("kind", [np.uint8, np.int32, np.float32, np.float64])
    def test_have_int64_labels_of_whatever_kind_they_were(self, tmp_path, kind):
        path = self.saved(tmp_path / "theirs.npz", labels=np.array(self.LABELS, kind))
        labels = read_labeled_images(path)[1]
        assert labels.dtype == np.int64
        np.testing.assert_array_equal(labels, self.LABELS)

    def test_may_come_as_kaggles_csv(self, tmp_path):
        rows = [",".join(["label", *PIXEL_COLUMNS])]
        for label, image in zip(self.LABELS, self.IMAGES, strict=True):
            rows.append(",".join(map(str, [label, *image.ravel()])))
        (tmp_path / "train.csv").write_text("\n".join(rows))
        images, labels = read_labeled_images(tmp_path / "train.csv")
        np.testing.assert_array_equal(images, self.IMAGES)
        assert labels.tolist() == list(self.LABELS) and labels.dtype == np.int64

    @pytest.mark.parametrize("name", ["theirs.npz", "theirs.csv"])
    def test_that_are_missing_are_told_by_name(self, tmp_path, name):
        with pytest.raises(DataError, match=name):
            read_labeled_images(tmp_path / name)

    @pytest.mark.parametrize(
        ("arrays", "sentence"),
        [
            ({"labels": np.arange(4)}, r"\(5, 28, 28\) and labels of shape \(4,\)"),
            ({"labels": np.zeros((5, 10))}, r"labels of shape \(5, 10\)"),
            ({"labels": np.array(3)}, r"labels of shape \(\)"),
            ({"images": np.zeros((5, 783))}, r"images of shape \(5, 783\)"),
            ({"images": np.zeros((5, 28, 28, 3))}, r"images of shape \(5, 28, 28, 3\)"),
            ({"images": np.zeros((0, 784)), "labels": np.zeros(0)}, r"images of shape \(0, "),
            ({"labels": np.array([0, 1, 2, 3, 10])}, "a label that is not a digit"),
            ({"labels": np.array([0, 1, 2, 3, -1])}, "a label that is not a digit"),
            ({"labels": np.array([0, 1, 2, 3, 4.5])}, "a label that is not a digit"),
            ({"labels": np.array([0, 1, 2, 3, np.nan])}, "a label that is not a digit"),
            ({"labels": np.array(list("01234"))}, "a label that is not a digit"),
            ({"labels": np.arange(5) * 1j}, "a label that is not a digit"),
        ],
    )
    def test_that_do_not_fit_are_told_by_name(self, tmp_path, arrays, sentence):
        path = self.saved(tmp_path / "theirs.npz", **arrays)
        with pytest.raises(DataError, match=sentence) as caught:
            read_labeled_images(path)
        assert str(caught.value).startswith(f"{path} ")
        assert str(caught.value).endswith("It must hold images (N, 28, 28) and labels (N,).")

    @pytest.mark.parametrize("missing", ["images", "labels"])
    def test_without_one_of_the_arrays_are_refused(self, tmp_path, missing):
        arrays = {"images": self.IMAGES, "labels": np.array(self.LABELS)}
        del arrays[missing]
        np.savez(tmp_path / "theirs.npz", **arrays)
        with pytest.raises(DataError, match=rf"theirs\.npz cannot be used: .*{missing}"):
            read_labeled_images(tmp_path / "theirs.npz")

    @pytest.mark.parametrize("content", [b"", b"PK\3\4", b"a letter", b"\x93NUMPY\1\0v\0{"])
    def test_that_are_no_npz_are_refused(self, tmp_path, content):
        (tmp_path / "theirs.npz").write_bytes(content)
        with pytest.raises(DataError, match=r"theirs\.npz cannot be read as an \.npz"):
            read_labeled_images(tmp_path / "theirs.npz")

    def test_that_are_pickles_are_refused_and_not_executed(self, tmp_path):
        folder = tmp_path / "made by the pickle"

        class Bomb:
            def __reduce__(self):
                return os.mkdir, (str(folder),)

        path = self.saved(tmp_path / "bomb.npz", images=np.array([Bomb()] * 5, object))
        with pytest.raises(DataError, match=r"bomb\.npz cannot be read .*allow_pickle"):
            read_labeled_images(path)
        assert not folder.exists()

    def test_that_are_huge_are_refused_before_they_are_unpacked(self, tmp_path, monkeypatch):
        path = tmp_path / "huge.npz"
        np.savez_compressed(path, images=np.zeros((5, 1000, 1000)), labels=np.arange(5))
        assert path.stat().st_size < 100_000
        monkeypatch.setattr(data, "LARGEST_NPZ", 1_000_000)
        monkeypatch.setattr(data.np, "load", None)  # it is not even opened
        with pytest.raises(DataError, match=r"unpacks to 40,000,\d{3} bytes; 1,000,000 is most"):
            read_labeled_images(path)

    def test_that_are_damaged_anywhere_are_read_or_refused_and_nothing_else(self, tmp_path):
        path = tmp_path / "theirs.npz"
        whole, refused = self.saved(path).read_bytes(), 0
        for place in range(0, len(whole), 61):
            damaged = bytearray(whole)
            damaged[place] ^= 0x55
            for content in (damaged, whole[:place]):
                path.write_bytes(content)
                try:
                    images, labels = read_labeled_images(path)
                    np.testing.assert_array_equal(images, self.IMAGES)
                    np.testing.assert_array_equal(labels, self.LABELS)
                except DataError:
                    refused += 1
        assert refused > len(whole) / 61 * 1.5
