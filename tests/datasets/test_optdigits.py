"""The 1,797 digits of optdigits: enlarged, like MNIST's, and right way up."""

import gzip

import numpy as np
import pytest
from helpers import gzip_bomb, ink_size, memory_below

from nnlib.datasets import optdigits
from nnlib.datasets.optdigits import N_COPIES, load_optdigits, with_optdigits
from nnlib.datasets.splits import DataError, Split
from nnlib.files import data_path
from nnlib.preprocessing.images import crop
from nnlib.preprocessing.mnist_format import center_of_mass

FILE = "optdigits", "digits.csv.gz"


@pytest.fixture(scope="module")
def split():
    return load_optdigits()


@pytest.fixture(scope="module")
def rows():
    """The file: 64 pixels from 0 to 16 and a label in each row."""
    text = gzip.decompress(data_path(*FILE).read_bytes()).decode()
    return np.loadtxt(text.splitlines(), delimiter=",")


def test_file_equals_that_of_scikit_learn(rows):
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    data, target = datasets.load_digits(return_X_y=True)
    np.testing.assert_array_equal(rows, np.column_stack([data, target]))


@pytest.mark.slow
class TestLoadOptdigits:
    """Slow: loading takes 5 seconds."""

    def test_returns_1797_images_in_the_format_of_mnist(self, split):
        assert split.images.shape == (1797, 784) and split.images.dtype == np.float32
        assert split.labels.shape == (1797,) and split.labels.dtype == np.int64
        assert split.images.min() == 0 and split.images.max() <= 1
        assert (split.images.max(axis=1) > 0.9).all()

    def test_labels_are_those_of_the_file(self, split, rows):
        np.testing.assert_array_equal(split.labels, rows[:, 64])
        assert np.bincount(split.labels).min() > 170

    def test_ink_per_row_and_column_matches_the_8_by_8_blocks(self, split, rows):
        correlations = []
        for i in range(0, 1797, 60):
            blocks = rows[i, :64].reshape(8, 8)
            blocks = blocks[blocks.any(axis=1)][:, blocks.any(axis=0)]
            image = crop(split.images[i].reshape(28, 28))
            for axis in (0, 1):
                large, small = image.mean(axis=axis), blocks.mean(axis=axis)
                places = (np.arange(len(small)) + 0.5) * len(large) / len(small) - 0.5
                at_blocks = np.interp(places, np.arange(len(large)), large)
                correlations.append(np.corrcoef(at_blocks, small)[0, 1])
        assert np.mean(correlations) > 0.9 and np.min(correlations) > 0.5

    def test_digits_fill_20_pixels_and_are_centered(self, split):
        for image in split.images.reshape(-1, 28, 28):
            assert center_of_mass(image) == pytest.approx((14, 14), abs=0.05)
            assert 19 <= max(ink_size(image)) <= 21  # 20, and a pixel that is only touched

    def test_digits_are_upright_and_not_mirrored(self, split, deep):
        # A network trained on MNIST recognizes most of them, but few when they are turned.
        def accuracy(images):
            answers = deep.network.predict(np.ascontiguousarray(images).reshape(-1, 784))
            return np.mean(answers == split.labels)

        images = split.images.reshape(-1, 28, 28)
        assert accuracy(images) > 0.88
        for turned in (images[:, :, ::-1], images[:, ::-1], images.transpose(0, 2, 1)):
            assert accuracy(turned) < 0.5


class TestDamagedFile:
    @pytest.fixture
    def path(self, tmp_path, monkeypatch):
        """Where `load_optdigits` looks for its file."""
        monkeypatch.setattr(optdigits, "data_path", tmp_path.joinpath)
        path = tmp_path.joinpath(*FILE)
        path.parent.mkdir()
        return path

    def test_missing_file_is_named_with_the_remedy(self, path):
        with pytest.raises(DataError, match=r"is missing\. Restore it: git checkout") as caught:
            load_optdigits()
        assert str(caught.value).startswith(str(path))

    @pytest.mark.parametrize("place", [0, 4, 3000, -1])
    def test_flipped_bit_is_refused_with_the_remedy(self, path, place):
        damaged = bytearray(data_path(*FILE).read_bytes())
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"is damaged\. Restore it: git checkout") as caught:
            load_optdigits()
        assert str(caught.value).startswith(str(path))

    def test_bomb_is_refused_before_it_is_unpacked(self, path):
        path.write_bytes(gzip_bomb(b"", 100_000_000))
        with memory_below(1_000_000), pytest.raises(DataError, match=r"is damaged\. Restore it"):
            load_optdigits()

    def test_file_with_a_hole_of_4_gb_is_not_read_whole(self, path):
        with open(path, "wb") as file:
            file.write(data_path(*FILE).read_bytes())
            file.truncate(4_000_000_000)
        with memory_below(1_000_000), pytest.raises(DataError, match=r"is damaged\. Restore it"):
            load_optdigits()


class TestWithOptdigits:
    @pytest.fixture
    def others(self, monkeypatch):
        """Three images in place of the 1,797."""
        others = Split(np.eye(3, 784, dtype=np.float32), np.array([4, 5, 6]))
        monkeypatch.setattr(optdigits, "load_optdigits", lambda: others)
        return others

    @pytest.mark.parametrize("copies", [0, 1, 3, None])
    def test_copies_follow_the_training_images(self, digits, others, copies):
        train = Split(digits.train.images[:100], digits.train.labels[:100])
        arguments = () if copies is None else (copies,)
        n = N_COPIES if copies is None else copies
        both = with_optdigits(train, *arguments)
        assert len(both) == len(both.images) == 100 + 3 * n
        np.testing.assert_array_equal(both.images[:100], train.images)
        np.testing.assert_array_equal(both.labels[:100], train.labels)
        np.testing.assert_array_equal(both.images[100:], np.tile(others.images, (n, 1)))
        np.testing.assert_array_equal(both.labels[100:], [4, 5, 6] * n)
        assert both.images.dtype == np.float32 and both.labels.dtype == np.int64
