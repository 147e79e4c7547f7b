"""The nearest training images: against brute force, and where the index's files lie."""

import os
import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pooch
import pytest
from helpers import DIGITS, PickleBomb, memory_below

from nnlib.datasets.mnist import FILES as MNIST_FILES
from nnlib.datasets.mnist import local_mnist
from nnlib.datasets.splits import DataError
from nnlib.explain import neighbors
from nnlib.explain.neighbors import N_CANDIDATES, N_COMPONENTS, NeighborIndex
from nnlib.preprocessing.drawing import check_strokes
from nnlib.preprocessing.strokes import normalize_strokes

FLOAT32_SIZE = 50_000 * 784 * 4  # bytes of all training images as float32: 157 MB


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The file of the index of MNIST, and the most memory (bytes) that making it took."""
    path = tmp_path_factory.mktemp("cache") / "neighbors.bin"
    tracemalloc.start()
    NeighborIndex(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return path, peak


@pytest.fixture(scope="module")
def index(built):
    return NeighborIndex(built[0])


@pytest.fixture
def small(monkeypatch) -> np.ndarray:
    """Instead of MNIST's, 105 images of noise, of which the last five are for dev."""
    images = np.random.default_rng(0).integers(0, 256, (105, 28, 28), np.uint8)
    labels = np.arange(105, dtype=np.uint8) % 10
    monkeypatch.setattr(neighbors, "local_mnist", lambda: Path("mnist"))
    monkeypatch.setattr(
        neighbors, "read_mnist", lambda folder, name: images if "images" in name else labels
    )
    monkeypatch.setattr(neighbors, "N_DEV", 5)
    # The basis may be any, and this one costs nothing.
    monkeypatch.setattr(np.linalg, "eigh", lambda matrix: (None, np.eye(784, dtype="f4")))
    return images


def inked(strokes) -> np.ndarray:
    return normalize_strokes(check_strokes(strokes)).astype(np.float32)


def inputs(kind: str, dev: np.ndarray) -> np.ndarray:
    """Inputs (N, 28, 28) of that kind."""
    rng = np.random.default_rng(0)
    if kind == "dev":
        return dev[:8].reshape(-1, 28, 28)
    if kind == "drawings":
        return np.array([inked(strokes) for strokes in DIGITS.values()])
    if kind == "scribbles":
        return np.array([inked([rng.uniform(0, 500, (n, 2))]) for n in (1, 2, 3, 5, 8, 20, 100)])
    # What no drawing looks like: here the 64 components say least, and most images are compared.
    noise = [rng.random(784) < 0.1, rng.random(784), np.eye(784)[0], np.zeros(784)]
    return np.array(noise, np.float32).reshape(-1, 28, 28)


def brute_force(images: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """The distance from each query to every image, over all 784 pixels, in float64."""
    queries = queries.reshape(len(queries), 784).astype(np.float64)
    parts = []
    for start in range(0, len(images), 5000):
        part = images[start : start + 5000].astype(np.float64)
        squared = (part**2).sum(axis=1) - 2 * queries @ part.T + (queries**2).sum(axis=1)[:, None]
        parts.append(np.sqrt(np.maximum(squared, 0)))
    return np.concatenate(parts, axis=1)


class TestNearest:
    @pytest.mark.parametrize(
        "kind", ["dev", "drawings", "scribbles", pytest.param("noise", marks=pytest.mark.slow)]
    )
    def test_distances_are_the_smallest_of_all_images(self, index, digits, kind):
        """Indices are not compared, because two images may be equally far away."""
        train, queries = digits.train, inputs(kind, digits.dev.images)
        for number, (image, away) in enumerate(
            zip(queries, brute_force(train.images, queries), strict=True)
        ):
            label = number % 10
            for found, among in (
                (index.nearest(image), away),
                (index.nearest(image, 1), away),
                (index.nearest(image, 20, label), away[train.labels == label]),
                (index.nearest(image, 1, label), away[train.labels == label]),
            ):
                distances = [neighbor.distance for neighbor in found]
                expected = np.sort(among)[: len(found)]
                np.testing.assert_allclose(distances, expected, rtol=1e-5)
                indices = [neighbor.index for neighbor in found]
                np.testing.assert_allclose(away[indices], distances, rtol=1e-5)
                assert len(set(indices)) == len(found)

    def test_count_is_3_unless_given(self, index, digits):
        image = digits.dev.images[0].reshape(28, 28)
        assert len(index.nearest(image)) == 3
        for count in (1, 2, N_CANDIDATES):
            assert len(index.nearest(image, count)) == count

    @pytest.mark.parametrize("count", [0, -1, N_CANDIDATES + 1])
    def test_count_out_of_range_raises(self, index, count):
        with pytest.raises(ValueError, match=f"from 1 to {N_CANDIDATES}, not {count}"):
            index.nearest(inked(DIGITS[3]), count)

    def test_neighbors_have_their_images_and_labels(self, index, digits):
        for image in digits.dev.images[:20].reshape(-1, 28, 28):
            for neighbor in index.nearest(image):
                expected = digits.train.images[neighbor.index].reshape(28, 28)
                np.testing.assert_allclose(neighbor.image, expected, atol=1e-7)
                assert neighbor.image.shape == (28, 28)
                assert neighbor.label == digits.train.labels[neighbor.index]
                assert type(neighbor.index) is type(neighbor.label) is int
                assert type(neighbor.distance) is float

    @pytest.mark.parametrize("label", range(10))
    def test_label_restricts_the_neighbors(self, index, digits, label):
        found = index.nearest(digits.dev.images[3].reshape(28, 28), 5, label=label)
        assert [neighbor.label for neighbor in found] == [label] * 5

    def test_nearest_to_a_training_image_is_itself(self, index, digits):
        for i in range(0, 50_000, 997):
            first, second, _ = index.nearest(digits.train.images[i].reshape(28, 28))
            assert (first.index, first.distance) == (i, 0)
            assert second.distance > 0

    def test_single_nearest_at_distance_0_is_found(self, index, digits):
        """Rounding must not exclude it."""
        for i in range(0, 50_000, 997):
            image, label = digits.train.images[i].reshape(28, 28), int(digits.train.labels[i])
            for found in (index.nearest(image, 1), index.nearest(image, 1, label=label)):
                assert [(one.index, one.distance) for one in found] == [(i, 0)]

    def test_nearest_by_hand(self, tmp_path, small):
        # From a blank input, √(0.6² + 0.8²) = 1 and √(4 · 1²) = 2; noise is about 16 away.
        small[41], small[70] = 0, 0
        small[41, 3, 3:5] = 153, 204
        small[70, :2, :2] = 255
        found = NeighborIndex(tmp_path / "small.bin").nearest(np.zeros((28, 28), np.float32))
        assert [neighbor.index for neighbor in found[:2]] == [41, 70]
        assert [neighbor.label for neighbor in found[:2]] == [1, 0]
        assert [neighbor.distance for neighbor in found[:2]] == pytest.approx([1, 2])
        assert found[0].image[3, 3:5].tolist() == pytest.approx([0.6, 0.8])
        assert found[2].distance > 10

    def test_float32_and_float64_inputs_agree(self, index):
        image = inked(DIGITS[8])
        image.setflags(write=False)
        for one, other in zip(
            index.nearest(image), index.nearest(image.astype(np.float64)), strict=True
        ):
            assert one.index == other.index
            assert one.distance == pytest.approx(other.distance)


def images_of(index) -> np.ndarray:
    """All images of an index, as bytes."""
    return index._images(np.arange(len(index.labels)))


class TestFile:
    def test_index_holds_the_training_images_without_dev(self, index, digits):
        images = images_of(index)
        assert images.shape == (50_000, 784) and images.dtype == np.uint8
        np.testing.assert_array_equal(images[::500], digits.train.images[::500] * 255)
        np.testing.assert_array_equal(index.labels, digits.train.labels)

    def test_basis_is_orthonormal(self, index):
        """So a projection never makes a distance longer, which is all that pruning needs."""
        assert index.basis.shape == (784, N_COMPONENTS)
        np.testing.assert_allclose(index.basis.T @ index.basis, np.eye(N_COMPONENTS), atol=1e-5)

    def test_images_are_never_all_in_memory(self, built):
        assert built[1] < FLOAT32_SIZE
        with memory_below(6_000_000):
            index = NeighborIndex(built[0])
            index.nearest(inked(DIGITS[3]))

    def test_noise_takes_little_memory_too(self, index):
        """Almost all images are compared with it."""
        noise = np.random.default_rng(0).random((28, 28), np.float32)
        with memory_below(60_000_000):
            index.nearest(noise)

    def test_existing_file_is_used_again(self, built, index, monkeypatch):
        path, before = built[0], built[0].stat()
        monkeypatch.setattr(neighbors, "read_mnist", lambda *_: pytest.fail("MNIST is read"))
        again = NeighborIndex(path)
        assert path.stat().st_mtime_ns == before.st_mtime_ns
        image = inked(DIGITS[5])
        one, other = ([found.index for found in i.nearest(image)] for i in (index, again))
        assert one == other

    def test_nothing_else_is_left_behind(self, built):
        assert list(built[0].parent.iterdir()) == [built[0]]

    def test_default_file_is_in_the_user_cache(self, tmp_path, small, monkeypatch):
        cache = tmp_path / "neither this" / "nor this is there yet"
        monkeypatch.setattr("nnlib.files.user_cache_path", lambda *names, **options: cache)
        NeighborIndex()
        assert [path.name for path in cache.iterdir()] == [f"neighbors-{N_COMPONENTS}.bin"]

    @pytest.mark.parametrize("error", [OSError("No space left on device"), KeyboardInterrupt()])
    @pytest.mark.parametrize("array", range(3))
    def test_interrupted_writing_leaves_nothing(self, tmp_path, small, monkeypatch, array, error):
        """Whatever stops it, at whichever array, the next attempt finds a clean place."""
        path, saved = tmp_path / "neighbors.bin", []

        def save(file, content, save=np.save):
            if len(saved) == array:
                file.write(b"half an array")
                raise error
            save(file, content)
            saved.append(content)

        with monkeypatch.context() as broken:
            broken.setattr(np, "save", save)
            with pytest.raises((DataError, KeyboardInterrupt)) as caught:
                NeighborIndex(path)
        if isinstance(error, OSError):
            assert "and cannot: No space left on device." in str(caught.value)
        assert len(saved) == array and list(tmp_path.iterdir()) == []
        assert len(NeighborIndex(path).labels) == 100

    def test_unwritable_folder_raises_with_place_and_size(self, tmp_path, small):
        (tmp_path / "cache").write_text("This is a letter.")  # a file, and not a folder
        message = r"needs to write 52 MB into .*cache, and cannot"
        with pytest.raises(DataError, match=message):
            NeighborIndex(tmp_path / "cache" / "neighbors.bin")
        assert (tmp_path / "cache").read_text() == "This is a letter."

    def test_size_is_what_the_error_message_says(self, built):
        assert built[0].stat().st_size == pytest.approx(52e6, 0.01)

    def test_two_kernels_may_write_at_once(self, tmp_path, small, monkeypatch):
        """Both find no file, and make it."""
        path, both, read = tmp_path / "neighbors.bin", threading.Barrier(2), neighbors.read_mnist

        def wait_and_read(mnist, name):
            both.wait(timeout=30)
            return read(mnist, name)

        monkeypatch.setattr(neighbors, "read_mnist", wait_and_read)
        made = []
        kernels = [
            threading.Thread(target=lambda: made.append(NeighborIndex(path))) for _ in range(2)
        ]
        for kernel in kernels:
            kernel.start()
        for kernel in kernels:
            kernel.join()
        assert [images_of(index).shape for index in made] == [(100, 784)] * 2
        assert list(tmp_path.iterdir()) == [path]

    def test_threads_may_share_an_index(self, tmp_path, small):
        index = NeighborIndex(tmp_path / "neighbors.bin")
        queries = [to_image(small[i]) for i in range(40)]
        expected = [index.nearest(query)[1].distance for query in queries]
        found: dict[int, float] = {}

        def search(i):
            found[i] = index.nearest(queries[i])[1].distance

        threads = [threading.Thread(target=search, args=(i,)) for i in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [found[i] for i in range(40)] == expected


def to_image(pixels: np.ndarray) -> np.ndarray:
    return (pixels / 255).astype(np.float32)


# What may happen to the file.
DAMAGES = {
    "removed": lambda path: path.unlink(),
    "empty": lambda path: os.truncate(path, 0),
    "header only": lambda path: os.truncate(path, 100),
    "half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "a byte short": lambda path: os.truncate(path, path.stat().st_size - 1),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "too long": lambda path: path.write_bytes(path.read_bytes() + b"more"),
    "a letter": lambda path: path.write_text("This is a letter."),
}


class TestDamagedFile:
    @pytest.fixture
    def path(self, tmp_path, small):
        NeighborIndex(tmp_path / "neighbors.bin")
        return tmp_path / "neighbors.bin"

    @pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
    def test_damaged_file_is_made_again(self, path, small, damage):
        whole = path.read_bytes()
        damage(path)
        index = NeighborIndex(path)
        assert path.read_bytes() == whole
        assert index.nearest(to_image(small[7]))[0].index == 7
        assert list(path.parent.iterdir()) == [path]

    @pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
    def test_file_damaged_under_a_live_index_harms_nobody(self, path, small, damage):
        """A mapped file would kill the process here (SIGBUS)."""
        index = NeighborIndex(path)
        damage(path)
        if damage is not DAMAGES["zeros"]:  # of the right size, they look like other images
            assert index.nearest(to_image(small[7]))[0].index == 7
        assert index.nearest(to_image(small[7]))[0].image.shape == (28, 28)
        assert NeighborIndex(path).nearest(to_image(small[7]))[0].index == 7

    def test_file_of_another_process_is_not_mixed_with_this_one(self, path, small):
        index, expected = NeighborIndex(path), small[:100].reshape(100, 784).copy()
        small[...] = 255 - small
        path.unlink()
        NeighborIndex(path)
        np.testing.assert_array_equal(images_of(index), expected)

    def test_damage_that_cannot_be_mended_is_a_sentence(self, path, small, monkeypatch):
        index = NeighborIndex(path)
        os.truncate(path, 100)
        monkeypatch.setattr(neighbors, "local_mnist", lambda: None)
        for use in (lambda: index.nearest(to_image(small[7])), lambda: NeighborIndex(path)):
            with pytest.raises(DataError, match="not on this machine"):
                use()

    def test_temporary_file_of_a_killed_maker_is_removed(self, path):
        """Also when another process has made the index meanwhile."""
        left = path.with_name(f".{path.name}-abcdefgh.tmp")
        left.write_bytes(b"half an index")
        NeighborIndex(path)
        assert left.exists()  # it may be of a living process
        two_hours_ago = time.time() - 7200
        os.utime(left, (two_hours_ago, two_hours_ago))
        NeighborIndex(path)
        assert list(path.parent.iterdir()) == [path]

    def test_pickled_arrays_are_not_executed(self, path, tmp_path):
        whole, made = path.read_bytes(), tmp_path / "made by the pickle"
        with open(path, "wb") as file:
            np.save(file, np.array([PickleBomb(made)], object), allow_pickle=True)
        NeighborIndex(path)
        assert path.read_bytes() == whole and not made.exists()


class TestWithoutMNIST:
    @pytest.fixture(autouse=True)
    def no_mnist(self, tmp_path, monkeypatch):
        project, cache = tmp_path / "project", tmp_path / "cache"
        monkeypatch.setattr("nnlib.datasets.mnist.data_path", project.joinpath)
        monkeypatch.setattr("nnlib.files.user_cache_path", lambda *names, **options: cache)
        monkeypatch.setattr(pooch, "retrieve", lambda *_, **__: pytest.fail("pooch is called"))

    def test_error_says_how_to_download_it(self, tmp_path):
        with pytest.raises(DataError, match="not on this machine") as caught:
            NeighborIndex()
        assert "python -c 'import nnlib; nnlib.load_mnist()'" in str(caught.value)
        assert list(tmp_path.iterdir()) == []

    def test_downloaded_mnist_is_found(self, tmp_path, small, monkeypatch):
        monkeypatch.setattr(neighbors, "local_mnist", local_mnist)  # not that of `small`
        folder = tmp_path / "cache" / "mnist"
        folder.mkdir(parents=True)
        for name in MNIST_FILES:
            (folder / name).touch()
        assert len(NeighborIndex().labels) == 100

    @pytest.mark.parametrize("place", ["project", "cache"])
    def test_damaged_files_raise_and_nothing_is_made(self, tmp_path, place):
        """Both places of MNIST are looked at: the project and what was downloaded before."""
        folder = tmp_path / place / "mnist"
        folder.mkdir(parents=True)
        for name in MNIST_FILES:
            (folder / name).write_bytes(b"half a file")
        message = rf"{place}/mnist/train-images-idx3-ubyte\.gz cannot be unpacked"
        with pytest.raises(DataError, match=message):
            NeighborIndex()
        assert [file for file in tmp_path.rglob("*.bin")] == []
        assert list(tmp_path.iterdir()) == [tmp_path / place]

    def test_index_that_is_there_needs_no_mnist(self, built):
        assert len(NeighborIndex(built[0]).labels) == 50_000
