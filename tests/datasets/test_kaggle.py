"""Kaggle's CSV of MNIST, and what the errors say about damaged files."""

import numpy as np
import pandas as pd
import pytest
from helpers import memory_below

from nnlib.datasets import kaggle
from nnlib.datasets.kaggle import (
    KAGGLE_PAGE,
    LABELED_COLUMNS,
    PIXEL_COLUMNS,
    load_kaggle,
    read_kaggle_csv,
)
from nnlib.datasets.splits import DataError


def write(folder, images, labels=None, name="train.csv") -> pd.DataFrame:
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
    """The table of a train.csv with 12 rows, which lies in tmp_path."""
    return write(tmp_path, pixels, np.arange(12) % 10)


class TestLoadKaggle:
    def test_images_and_labels_equal_those_of_mnist(self, tmp_path, digits):
        images = np.rint(digits.train.images[:60] * 255).astype(int)
        write(tmp_path, images, digits.train.labels[:60])
        write(tmp_path, images[:5], name="test.csv")
        kaggle = load_kaggle(tmp_path)
        assert len(kaggle.train) == 50 and len(kaggle.dev) == 10
        np.testing.assert_array_equal(kaggle.train.images, digits.train.images[:50])
        np.testing.assert_array_equal(kaggle.train.labels, digits.train.labels[:50])
        np.testing.assert_array_equal(kaggle.dev.images, digits.train.images[50:60])
        np.testing.assert_array_equal(kaggle.dev.labels, digits.train.labels[50:60])
        np.testing.assert_array_equal(kaggle.test_images, digits.train.images[:5])

    def test_dtypes_are_those_of_mnist(self, tmp_path, table):
        kaggle = load_kaggle(str(tmp_path))
        for split in (kaggle.train, kaggle.dev):
            assert split.images.dtype == np.float32 and split.labels.dtype == np.int64
            assert split.images.flags.c_contiguous

    def test_without_test_csv_there_are_no_test_images(self, tmp_path, table):
        images = load_kaggle(tmp_path).test_images
        assert images.shape == (0, 784) and images.dtype == np.float32

    @pytest.mark.parametrize(("rows", "dev"), [(6, 1), (11, 1), (12, 2)])
    def test_dev_is_the_last_sixth(self, tmp_path, pixels, rows, dev):
        write(tmp_path, pixels[:rows], np.arange(rows) % 10)
        kaggle = load_kaggle(tmp_path)
        assert len(kaggle.train) == rows - dev
        assert kaggle.dev.labels.tolist() == [i % 10 for i in range(rows)][-dev:]


class TestDamagedCsv:
    def error(self, folder, name="train.csv") -> str:
        """The error of `load_kaggle`, which must name the file."""
        with pytest.raises(DataError) as caught:
            load_kaggle(folder)
        message = str(caught.value)
        assert message.startswith(f"{folder / name} ")
        return message

    def error_of_table(self, folder, table) -> str:
        """The error if this table is train.csv; it must say where to get another."""
        table.to_csv(folder / "train.csv", index=False)
        message = self.error(folder)
        assert KAGGLE_PAGE in message
        return message

    def test_missing_file_is_refused_with_the_download_page(self, tmp_path):
        message = self.error(tmp_path)
        assert "is missing" in message and KAGGLE_PAGE in message

    def test_empty_file_is_refused(self, tmp_path):
        (tmp_path / "train.csv").write_text("")
        assert "is empty" in self.error(tmp_path)

    def test_folder_instead_of_a_file_is_refused(self, tmp_path):
        (tmp_path / "train.csv").mkdir()
        assert "cannot be read" in self.error(tmp_path)

    def test_file_that_is_not_text_is_refused(self, tmp_path):
        (tmp_path / "train.csv").write_bytes(b"PK\x03\x04\xff\xfe\x80")
        assert "cannot be read as CSV" in self.error(tmp_path)

    def test_header_without_rows_is_refused(self, tmp_path, table):
        assert "no rows" in self.error_of_table(tmp_path, table[:0])

    def test_too_few_rows_for_a_dev_split_are_refused(self, tmp_path, table):
        table[:5].to_csv(tmp_path / "train.csv", index=False)
        message = self.error(tmp_path)
        assert "has 5 rows; at least 6 are needed" in message

    def test_wrong_column_name_is_quoted(self, tmp_path, table):
        message = self.error_of_table(tmp_path, table.rename(columns={"pixel3": "p3"}))
        assert "column 5 'p3', not 'pixel3'" in message

    def test_missing_header_is_refused(self, tmp_path, table):
        table.to_csv(tmp_path / "train.csv", index=False, header=False)
        assert "not 'label'" in self.error(tmp_path)

    def test_missing_column_is_refused(self, tmp_path, table):
        message = self.error_of_table(tmp_path, table.drop(columns="pixel783"))
        assert "has 784 columns, not 785" in message

    def test_rows_longer_than_the_header_are_refused(self, tmp_path, table):
        header, *rows = (tmp_path / "train.csv").read_text().splitlines()
        longer = "\n".join([header, *(row + ",0" for row in rows)])
        (tmp_path / "train.csv").write_text(longer)
        assert "longer than its header" in self.error(tmp_path)

    def test_one_longer_row_is_named_by_its_line(self, tmp_path, table):
        lines = (tmp_path / "train.csv").read_text().splitlines()
        lines[8] += ",0"
        (tmp_path / "train.csv").write_text("\n".join(lines))
        assert "line 9" in self.error(tmp_path)

    def test_truncated_last_row_is_named_with_its_column(self, tmp_path, table):
        text = (tmp_path / "train.csv").read_text().rstrip("\n")
        (tmp_path / "train.csv").write_text(text.rpartition(",")[0] + "\n")
        assert "has no pixel783 in row 12 after the header" in self.error(tmp_path)

    def test_missing_label_is_named_by_its_row(self, tmp_path, table):
        table["label"] = table["label"].astype(object)
        table.loc[3, "label"] = None
        message = self.error_of_table(tmp_path, table)
        assert "has no label in row 4 after the header" in message

    @pytest.mark.parametrize("value", [256, -1, 0.5, "ink", "inf"])
    def test_pixel_that_is_not_a_byte_is_quoted(self, tmp_path, table, value):
        table["pixel7"] = table["pixel7"].astype(object)
        table.loc[2, "pixel7"] = value
        message = self.error_of_table(tmp_path, table)
        assert f"pixel7 = {value} in row 3 after the header" in message
        assert "from 0 to 255" in message

    def test_label_that_is_not_a_digit_is_quoted(self, tmp_path, table):
        table.loc[0, "label"] = 10
        message = self.error_of_table(tmp_path, table)
        assert "label = 10 in row 1 after the header" in message and "from 0 to 9" in message

    def test_test_csv_with_labels_is_refused(self, tmp_path, pixels, table):
        write(tmp_path, pixels, np.zeros(12, int), name="test.csv")
        assert "has 785 columns, not 784" in self.error(tmp_path, "test.csv")

    @pytest.mark.parametrize("line", [1, 2, 13])
    def test_line_of_a_million_columns_is_refused(self, tmp_path, table, line):
        lines = (tmp_path / "train.csv").read_text().splitlines()
        lines[line - 1] = ",".join(["1"] * 1_000_000)
        (tmp_path / "train.csv").write_text("\n".join(lines))
        with memory_below(10**7):
            assert f"has more than 20,000 bytes in line {line}." in self.error(tmp_path)

    def test_first_row_with_many_surplus_columns_is_refused(self, tmp_path, table):
        """pandas would take them for names of rows."""
        header, *rows = (tmp_path / "train.csv").read_text().splitlines()
        longer = "\n".join([header, rows[0] + ",0" * 5_000, *rows])
        (tmp_path / "train.csv").write_text(longer)
        assert "has a line 2 that is longer than its header" in self.error(tmp_path)

    def test_file_over_the_limit_is_refused(self, tmp_path, table, monkeypatch):
        monkeypatch.setattr(kaggle, "MAX_FILE_BYTES", 1000)
        assert "the file has more than 1,000 bytes" in self.error(tmp_path)

    def test_wrong_value_is_quoted_only_in_part(self, tmp_path, table):
        table["pixel7"] = table["pixel7"].astype(object)
        table.loc[2, "pixel7"] = "a" * 10_000
        assert len(self.error_of_table(tmp_path, table)) < 500


def test_rows_are_read_in_parts(tmp_path, pixels, monkeypatch):
    write(tmp_path, pixels, np.arange(12) % 10)
    whole = read_kaggle_csv(tmp_path / "train.csv", LABELED_COLUMNS)
    monkeypatch.setattr(kaggle, "N_ROWS", 5)
    parts = read_kaggle_csv(tmp_path / "train.csv", LABELED_COLUMNS)
    assert parts.dtype == np.uint8
    np.testing.assert_array_equal(parts, whole)
    np.testing.assert_array_equal(parts[:, 1:], pixels)
    pixels[7, 3] = 256
    write(tmp_path, pixels, np.arange(12) % 10)
    with pytest.raises(DataError, match="pixel3 = 256 in row 8 after the header"):
        read_kaggle_csv(tmp_path / "train.csv", LABELED_COLUMNS)
