"""Kaggle's CSV of MNIST, and what is said of files that are not."""

import numpy as np
import pandas as pd
import pytest

from nnlib import load_kaggle
from nnlib.datasets.kaggle import KAGGLE_PAGE, PIXEL_COLUMNS
from nnlib.datasets.splits import DataError


def written(folder, images, labels=None, name="train.csv"):
    """A file in Kaggle's format, from images (N, 784) of bytes."""
    table = pd.DataFrame(images, columns=PIXEL_COLUMNS)
    if labels is not None:
        table.insert(0, "label", labels)
    table.to_csv(folder / name, index=False)
    return table


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (12, 784))


@pytest.fixture
def table(tmp_path, pixels):
    """train.csv of 12 rows, written to tmp_path, as a table to be damaged."""
    return written(tmp_path, pixels, np.arange(12) % 10)


class TestKaggle:
    def test_gives_the_images_of_mnist(self, tmp_path, digits):
        images = np.rint(digits.train.images[:60] * 255).astype(int)
        written(tmp_path, images, digits.train.labels[:60])
        written(tmp_path, images[:5], name="test.csv")
        kaggle = load_kaggle(tmp_path)
        assert len(kaggle.train) == 50 and len(kaggle.dev) == 10
        np.testing.assert_array_equal(kaggle.train.images, digits.train.images[:50])
        np.testing.assert_array_equal(kaggle.train.labels, digits.train.labels[:50])
        np.testing.assert_array_equal(kaggle.dev.images, digits.train.images[50:60])
        np.testing.assert_array_equal(kaggle.dev.labels, digits.train.labels[50:60])
        np.testing.assert_array_equal(kaggle.test_images, digits.train.images[:5])

    def test_has_the_types_of_mnist(self, tmp_path, table):
        kaggle = load_kaggle(str(tmp_path))
        for split in (kaggle.train, kaggle.dev):
            assert split.images.dtype == np.float32 and split.labels.dtype == np.int64
            assert split.images.flags.c_contiguous

    def test_needs_no_test_file(self, tmp_path, table):
        images = load_kaggle(tmp_path).test_images
        assert images.shape == (0, 784) and images.dtype == np.float32

    @pytest.mark.parametrize(("rows", "dev"), [(6, 1), (11, 1), (12, 2)])
    def test_takes_the_last_sixth_as_dev(self, tmp_path, pixels, rows, dev):
        written(tmp_path, pixels[:rows], np.arange(rows) % 10)
        kaggle = load_kaggle(tmp_path)
        assert len(kaggle.train) == rows - dev
        assert kaggle.dev.labels.tolist() == [i % 10 for i in range(rows)][-dev:]


class TestADamagedFile:
    def refused(self, folder, name="train.csv") -> str:
        with pytest.raises(DataError) as caught:
            load_kaggle(folder)
        message = str(caught.value)
        assert str(folder / name) in message
        return message

    def saved_and_refused(self, folder, table) -> str:
        table.to_csv(folder / "train.csv", index=False)
        message = self.refused(folder)
        assert KAGGLE_PAGE in message
        return message

    def test_missing(self, tmp_path):
        message = self.refused(tmp_path)
        assert "is missing" in message and KAGGLE_PAGE in message

    def test_empty(self, tmp_path):
        (tmp_path / "train.csv").write_text("")
        assert "is empty" in self.refused(tmp_path)

    def test_a_folder_instead_of_a_file(self, tmp_path):
        (tmp_path / "train.csv").mkdir()
        assert "cannot be read" in self.refused(tmp_path)

    def test_not_text(self, tmp_path):
        (tmp_path / "train.csv").write_bytes(b"PK\x03\x04\xff\xfe\x80")
        assert "cannot be read as CSV" in self.refused(tmp_path)

    def test_header_alone(self, tmp_path, table):
        assert "no rows" in self.saved_and_refused(tmp_path, table[:0])

    def test_fewer_rows_than_make_a_dev(self, tmp_path, table):
        table[:5].to_csv(tmp_path / "train.csv", index=False)
        assert "has 5 rows" in self.refused(tmp_path)

    def test_another_header(self, tmp_path, table):
        message = self.saved_and_refused(tmp_path, table.rename(columns={"pixel3": "p3"}))
        assert "column 5 'p3', not 'pixel3'" in message

    def test_no_header(self, tmp_path, table):
        table.to_csv(tmp_path / "train.csv", index=False, header=False)
        assert "not 'label'" in self.refused(tmp_path)

    def test_a_column_too_few(self, tmp_path, table):
        message = self.saved_and_refused(tmp_path, table.drop(columns="pixel783"))
        assert "has 784 columns, not 785" in message

    def test_rows_longer_than_the_header(self, tmp_path, table):
        lines = (tmp_path / "train.csv").read_text().splitlines()
        (tmp_path / "train.csv").write_text("\n".join([lines[0], *(s + ",0" for s in lines[1:])]))
        assert "longer than its header" in self.refused(tmp_path)

    def test_one_row_longer_than_the_others(self, tmp_path, table):
        lines = (tmp_path / "train.csv").read_text().splitlines()
        (tmp_path / "train.csv").write_text("\n".join([*lines[:8], lines[8] + ",0", *lines[9:]]))
        assert "line 9" in self.refused(tmp_path)

    def test_a_row_that_ends_early(self, tmp_path, table):
        text = (tmp_path / "train.csv").read_text().rstrip("\n")
        (tmp_path / "train.csv").write_text(text.rpartition(",")[0] + "\n")
        assert "has no pixel783 in row 12 after the header" in self.refused(tmp_path)

    def test_a_missing_label(self, tmp_path, table):
        table["label"] = table["label"].astype(object)
        table.loc[3, "label"] = None
        message = self.saved_and_refused(tmp_path, table)
        assert "has no label in row 4 after the header" in message

    @pytest.mark.parametrize("value", [256, -1, 0.5, "ink", "inf"])
    def test_a_pixel_that_is_no_byte(self, tmp_path, table, value):
        table["pixel7"] = table["pixel7"].astype(object)
        table.loc[2, "pixel7"] = value
        message = self.saved_and_refused(tmp_path, table)
        assert f"pixel7 = {value} in row 3 after the header" in message
        assert "from 0 to 255" in message

    def test_a_label_that_is_no_digit(self, tmp_path, table):
        table.loc[0, "label"] = 10
        message = self.saved_and_refused(tmp_path, table)
        assert "label = 10 in row 1 after the header" in message and "from 0 to 9" in message

    def test_a_test_file_with_labels(self, tmp_path, pixels, table):
        written(tmp_path, pixels, np.zeros(12, int), name="test.csv")
        assert "has 785 columns, not 784" in self.refused(tmp_path, "test.csv")
