"""Other people's images from .npz and CSV files, and which files are refused."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers import PickleBomb, memory_below, npy_header

from nnlib.datasets.arrays import read_labeled_images
from nnlib.datasets.kaggle import PIXEL_COLUMNS
from nnlib.datasets.splits import DataError

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 28, 28), np.uint8)
LABELS = np.array([0, 9, 3, 3, 7])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "theirs.npz"


def save(path, **arrays) -> Path:
    """An .npz of IMAGES and LABELS, or of what replaces them."""
    np.savez(path, **{"images": IMAGES, "labels": LABELS} | arrays)
    return path


class TestReadLabeledImages:
    @pytest.mark.parametrize("savez", [np.savez, np.savez_compressed])
    @pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
    def test_images_keep_their_values_and_dtype(self, path, savez, dtype):
        expected = IMAGES if dtype == np.uint8 else (IMAGES / 255).astype(dtype)
        savez(path, images=expected, labels=LABELS)
        images, labels = read_labeled_images(path)
        assert images.dtype == dtype
        np.testing.assert_array_equal(images, expected)
        np.testing.assert_array_equal(labels, LABELS)

    def test_images_may_have_any_size(self, path):
        save(path, images=np.zeros((5, 64, 48)))
        assert read_labeled_images(path)[0].shape == (5, 64, 48)

    def test_rows_of_784_become_28_by_28(self, path):
        save(path, images=IMAGES.reshape(5, 784))
        np.testing.assert_array_equal(read_labeled_images(path)[0], IMAGES)

    @pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32, np.float64])
    def test_labels_of_any_dtype_become_int64(self, path, dtype):
        save(path, labels=LABELS.astype(dtype))
        labels = read_labeled_images(str(path))[1]
        assert labels.dtype == np.int64
        np.testing.assert_array_equal(labels, LABELS)

    def test_csv_of_kaggle_is_read(self, tmp_path):
        rows = [",".join(["label", *PIXEL_COLUMNS])]
        for label, image in zip(LABELS, IMAGES, strict=True):
            rows.append(",".join(map(str, [label, *image.ravel()])))
        (tmp_path / "train.csv").write_text("\n".join(rows))
        images, labels = read_labeled_images(tmp_path / "train.csv")
        np.testing.assert_array_equal(images, IMAGES)
        np.testing.assert_array_equal(labels, LABELS)
        assert labels.dtype == np.int64

    @pytest.mark.parametrize("name", ["theirs.npz", "theirs.csv"])
    def test_missing_file_is_named(self, tmp_path, name):
        with pytest.raises(DataError, match=name):
            read_labeled_images(tmp_path / name)

    @pytest.mark.parametrize(
        ("arrays", "message"),
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
    def test_unusable_arrays_are_refused_naming_the_file(self, path, arrays, message):
        save(path, **arrays)
        with pytest.raises(DataError, match=message) as caught:
            read_labeled_images(path)
        assert str(caught.value).startswith(f"{path} ")
        assert str(caught.value).endswith("It must hold images (N, 28, 28) and labels (N,).")

    @pytest.mark.parametrize("missing", ["images", "labels"])
    def test_file_without_one_of_the_arrays_is_refused(self, path, missing):
        both = {"images": IMAGES, "labels": LABELS}
        del both[missing]
        np.savez(path, **both)
        with pytest.raises(DataError, match=rf"theirs\.npz cannot be read .* no array .{missing}"):
            read_labeled_images(path)

    @pytest.mark.parametrize("content", [b"", b"PK\3\4", b"a letter", b"\x93NUMPY\1\0v\0{"])
    def test_file_of_another_kind_is_refused(self, path, content):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"theirs\.npz cannot be read as an \.npz"):
            read_labeled_images(path)

    def test_pickle_is_refused_and_not_executed(self, tmp_path):
        bomb = PickleBomb(tmp_path / "made by the pickle")
        path = save(tmp_path / "bomb.npz", images=np.array([bomb] * 5, object))
        with pytest.raises(DataError, match=r"bomb\.npz cannot be read .* numbers, not object"):
            read_labeled_images(path)
        assert not bomb.folder.exists()

    @pytest.mark.parametrize(("images", "labels"), [(10**10, 5), (5, 10**8)])
    def test_huge_file_is_refused_before_it_is_unpacked(self, path, images, labels):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("images.npy", npy_header((images,), "|u1") + bytes(images % 10**10))
            archive.writestr("labels.npy", npy_header((labels,), "|u1") + bytes(5))
        with memory_below(10**7), pytest.raises(DataError, match=r"array of more than [18],000,"):
            read_labeled_images(path)

    @pytest.mark.parametrize("member", ["images", "labels"])
    def test_member_that_is_no_array_is_refused(self, path, member):
        with zipfile.ZipFile(save(path), "a") as archive:
            archive.writestr("theirs.txt", b"a letter")
        assert len(read_labeled_images(path)[1]) == 5
        both = {"images": IMAGES, "labels": LABELS}
        del both[member]
        np.savez(path, **both)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(f"{member}.npy", b"a letter")
        with pytest.raises(DataError, match=r"theirs\.npz cannot be read .* as an array"):
            read_labeled_images(path)

    def test_damaged_file_is_read_correctly_or_refused(self, path):
        whole, refused = save(path).read_bytes(), 0
        for place in range(0, len(whole), 61):
            damaged = bytearray(whole)
            damaged[place] ^= 0x55
            for content in (damaged, whole[:place]):
                path.write_bytes(content)
                try:
                    images, labels = read_labeled_images(path)
                    np.testing.assert_array_equal(images, IMAGES)
                    np.testing.assert_array_equal(labels, LABELS)
                except DataError:
                    refused += 1
        assert refused > len(whole) / 61 * 1.5
