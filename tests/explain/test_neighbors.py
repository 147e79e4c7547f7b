"""The nearest training images: against brute force, and where the index's files lie."""

import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pooch
import pytest
from helpers import DIGITS, PickleBomb

from nnlib.datasets.mnist import FILES as MNIST_FILES
from nnlib.datasets.mnist import local_mnist
from nnlib.datasets.splits import DataError
from nnlib.explain import neighbors
from nnlib.explain.neighbors import N_CANDIDATES, N_COMPONENTS, NeighborIndex
from nnlib.preprocessing.drawing import check_strokes
from nnlib.preprocessing.strokes import normalize_strokes

FILES = {"images.npy", "codes.npy", "labels.npy", "mean.npy", "basis.npy"}
FLOAT32_SIZE = 50_000 * 784 * 4  # bytes of all training images as float32: 157 MB


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the index of MNIST, and the most memory (bytes) that making it took."""
    folder = tmp_path_factory.mktemp("cache") / "neighbors"
    tracemalloc.start()
    NeighborIndex(folder)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return folder, peak


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
        found = NeighborIndex(tmp_path / "small").nearest(np.zeros((28, 28), np.float32))
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


class TestFiles:
    def test_index_holds_the_training_images_without_dev(self, index, digits):
        assert index.images.shape == (50_000, 784)
        np.testing.assert_array_equal(index.images[::500], digits.train.images[::500] * 255)
        np.testing.assert_array_equal(index.labels, digits.train.labels)

    def test_arrays_are_mapped_into_memory_and_read_only(self, index):
        for array, dtype, width in ((index.images, "uint8", 784), (index.codes, "float32", 64)):
            assert isinstance(array, np.memmap)
            assert (array.dtype, array.shape[1]) == (dtype, width)
            with pytest.raises(ValueError, match="read-only"):
                array[0, 0] = 1

    def test_basis_is_orthonormal(self, index):
        """So a projection never makes a distance longer, which is all that pruning needs."""
        assert index.basis.shape == (784, N_COMPONENTS)
        np.testing.assert_allclose(index.basis.T @ index.basis, np.eye(N_COMPONENTS), atol=1e-5)

    def test_images_are_never_all_in_memory_as_floats(self, built, index):
        assert built[1] < FLOAT32_SIZE
        image = inked(DIGITS[3])
        tracemalloc.start()
        index.nearest(image)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < FLOAT32_SIZE / 10

    def test_existing_files_are_used_again(self, built, index, monkeypatch):
        folder, before = built[0], {file: file.stat() for file in built[0].iterdir()}
        monkeypatch.setattr(neighbors, "read_mnist", lambda *_: pytest.fail("MNIST is read"))
        again = NeighborIndex(folder)
        assert {file: file.stat().st_mtime_ns for file in folder.iterdir()} == {
            file: stat.st_mtime_ns for file, stat in before.items()
        }
        image = inked(DIGITS[5])
        one, other = ([found.index for found in i.nearest(image)] for i in (index, again))
        assert one == other

    def test_nothing_else_is_left_behind(self, built):
        assert {file.name for file in built[0].iterdir()} == FILES
        assert list(built[0].parent.iterdir()) == [built[0]]

    def test_default_folder_is_in_the_user_cache(self, tmp_path, small, monkeypatch):
        cache = tmp_path / "neither this" / "nor this is there yet"
        monkeypatch.setattr("nnlib.files.user_cache_path", lambda *names, **options: cache)
        NeighborIndex()
        (folder,) = cache.iterdir()
        assert folder.name == f"neighbors-{N_COMPONENTS}"
        assert {file.name for file in folder.iterdir()} == FILES

    @pytest.mark.parametrize("error", [OSError("No space left on device"), KeyboardInterrupt()])
    @pytest.mark.parametrize("file", range(len(FILES)))
    def test_interrupted_writing_leaves_nothing(self, tmp_path, small, monkeypatch, file, error):
        """Whatever stops it, at whichever file, the next attempt finds a clean place."""
        folder, saved = tmp_path / "neighbors", []

        def save(path, array, save=np.save):
            if len(saved) == file:
                Path(path).write_bytes(b"half a file")
                raise error
            save(path, array)
            saved.append(path)

        with monkeypatch.context() as broken:
            broken.setattr(np, "save", save)
            with pytest.raises((DataError, KeyboardInterrupt)) as caught:
                NeighborIndex(folder)
        if isinstance(error, OSError):
            assert "and cannot: No space left on device." in str(caught.value)
        assert len(saved) == file and list(tmp_path.iterdir()) == []
        assert NeighborIndex(folder).images.shape == (100, 784)

    def test_unwritable_folder_raises_with_place_and_size(self, tmp_path, small):
        (tmp_path / "cache").write_text("This is a letter.")  # a file, and not a folder
        message = r"needs to write 52 MB into .*cache, and cannot"
        with pytest.raises(DataError, match=message):
            NeighborIndex(tmp_path / "cache" / "neighbors")
        assert (tmp_path / "cache").read_text() == "This is a letter."

    def test_size_is_what_the_error_message_says(self, built):
        assert sum(file.stat().st_size for file in built[0].iterdir()) == pytest.approx(52e6, 0.01)

    def test_two_kernels_may_write_at_once(self, tmp_path, small, monkeypatch):
        """Both find no files, and make them. The later one takes the other's."""
        folder, both, read = tmp_path / "neighbors", threading.Barrier(2), neighbors.read_mnist

        def wait_and_read(mnist, name):
            both.wait(timeout=30)
            return read(mnist, name)

        monkeypatch.setattr(neighbors, "read_mnist", wait_and_read)
        made = []
        kernels = [
            threading.Thread(target=lambda: made.append(NeighborIndex(folder))) for _ in range(2)
        ]
        for kernel in kernels:
            kernel.start()
        for kernel in kernels:
            kernel.join()
        assert [index.images.shape for index in made] == [(100, 784)] * 2
        assert list(tmp_path.iterdir()) == [folder]

    def test_files_of_a_faster_kernel_are_kept(self, tmp_path, small, monkeypatch):
        folder = tmp_path / "neighbors"
        NeighborIndex(tmp_path / "of another")

        def save(path, array, save=np.save):
            if not folder.exists():
                (tmp_path / "of another").rename(folder)
            save(path, np.zeros_like(array))  # what must not be found

        with monkeypatch.context() as slow:
            slow.setattr(np, "save", save)
            index = NeighborIndex(folder)
        np.testing.assert_array_equal(index.images, small[:100].reshape(100, 784))
        assert list(tmp_path.iterdir()) == [folder]

    @pytest.mark.parametrize("name", sorted(FILES))
    def test_pickled_arrays_are_refused_and_not_executed(self, tmp_path, name):
        folder, made = tmp_path / "neighbors", tmp_path / "made by the pickle"
        folder.mkdir()
        for file in FILES - {name}:
            np.save(folder / file, np.zeros((2, 2), np.float32))
        np.save(folder / name, np.array([[PickleBomb(made)]], object), allow_pickle=True)
        with pytest.raises(ValueError):
            NeighborIndex(folder)
        assert not made.exists()


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
        assert NeighborIndex().images.shape == (100, 784)

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
        assert [file for file in tmp_path.rglob("*.npy")] == []
        assert list(tmp_path.iterdir()) == [tmp_path / place]

    def test_index_that_is_there_needs_no_mnist(self, built):
        assert len(NeighborIndex(built[0]).labels) == 50_000
