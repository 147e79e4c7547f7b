"""Splits, their batches, and batches that are changed at random."""

import numpy as np
import pytest

from nnlib.datasets.splits import Split, to_float_images


@pytest.fixture
def split():
    images = np.random.default_rng(0).random((20, 784), np.float32)
    return Split(images, np.arange(20) % 10)


def add_noise(images, rng) -> np.ndarray:
    return images + rng.random(images.shape, np.float32)


class TestSplit:
    def test_length_and_repr_tell_the_number_of_images(self, split):
        assert len(split) == 20 and repr(split) == "Split(20 images)"
        large = Split(np.empty((1234, 0)), np.zeros(1234))
        assert repr(large) == "Split(1,234 images)"

    def test_from_bytes_converts_images_and_labels(self):
        images = np.random.default_rng(0).integers(0, 256, (3, 28, 28), np.uint8)
        split = Split.from_bytes(images, np.array([3, 1, 4], np.uint8))
        assert split.images.shape == (3, 784) and split.images.dtype == np.float32
        np.testing.assert_array_equal(split.images, images.reshape(3, 784).astype("f4") / 255)
        assert split.labels.tolist() == [3, 1, 4] and split.labels.dtype == np.int64

    @pytest.mark.parametrize("rows", [np.array([4, 0, 19, 4]), slice(5, 8), slice(0, 0)])
    def test_batch_returns_images_and_labels_of_the_rows(self, split, rows):
        images, labels = split.batch(rows, np.random.default_rng(0))
        np.testing.assert_array_equal(images, split.images[rows])
        np.testing.assert_array_equal(labels, split.labels[rows])

    def test_batch_draws_no_random_numbers(self, split):
        rng = np.random.default_rng(0)
        split.batch(slice(10), rng)
        assert rng.random() == np.random.default_rng(0).random()


class TestAugmentedSplit:
    @pytest.mark.parametrize("rows", [np.array([4, 0, 19, 4]), slice(5, 8)])
    def test_batch_changes_the_images_of_the_rows(self, split, rows):
        images, labels = split.augmented(add_noise).batch(rows, np.random.default_rng(7))
        expected = add_noise(split.images[rows], np.random.default_rng(7))
        np.testing.assert_array_equal(images, expected)
        np.testing.assert_array_equal(labels, split.labels[rows])

    def test_every_batch_is_changed_anew(self, split):
        augmented, rng = split.augmented(add_noise), np.random.default_rng(0)
        first, second = (augmented.batch(slice(10), rng)[0] for _ in range(2))
        assert (first != second).all()

    def test_images_and_labels_stay_as_they_were(self, split):
        before = split.images.tobytes()
        augmented = split.augmented(add_noise)
        augmented.batch(slice(10), np.random.default_rng(0))
        assert augmented.images is split.images and augmented.labels is split.labels
        assert split.images.tobytes() == before

    def test_is_a_split_of_the_same_length(self, split):
        augmented = split.augmented(add_noise)
        assert isinstance(augmented, Split) and len(augmented) == 20
        assert repr(augmented) == "AugmentedSplit(20 images)"


class TestToFloatImages:
    @pytest.mark.parametrize("shape", [(256, 784), (256, 28, 28)])
    def test_bytes_become_float32_from_0_to_1(self, shape):
        images = np.zeros(shape, np.uint8)
        images.reshape(256, 784)[:, 5] = np.arange(256)
        result = to_float_images(images)
        assert result.shape == (256, 784) and result.dtype == np.float32
        np.testing.assert_array_equal(result[:, 5], np.arange(256, dtype=np.float32) / 255)
        assert result[0].max() == 0 and result[255].max() == 1

    def test_result_is_contiguous_whatever_the_argument(self):
        images = np.ones((784, 3), np.uint8).T
        assert to_float_images(images).flags.c_contiguous

    def test_does_not_write_to_its_argument(self):
        images = np.full((3, 784), 255, np.float32)
        to_float_images(images)
        assert (images == 255).all()

    def test_no_images_give_an_empty_array(self):
        assert to_float_images(np.empty((0, 784), np.uint8)).shape == (0, 784)
