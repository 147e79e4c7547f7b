"""The nearest training images: against brute force, and where their files lie."""

import os
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pooch
import pytest
from test_drawing import DIGITS

from nnlib import data, lookalikes
from nnlib.datasets.splits import DataError
from nnlib.preprocessing.drawing import check_strokes
from nnlib.preprocessing.strokes import normalize_strokes
from nnlib.explain.neighbors import N_CANDIDATES, N_COMPONENTS, NeighborIndex

FILES = {"images.npy", "codes.npy", "labels.npy", "mean.npy", "basis.npy"}
AS_FLOATS = 50_000 * 784 * 4  # bytes: 157 MB


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the index of MNIST, and the most memory (bytes) that making it took."""
    folder = tmp_path_factory.mktemp("cache") / "lookalikes"
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
    monkeypatch.setattr(lookalikes, "DEV", 5)
    # Every basis will do, and this one takes no arithmetic.
    monkeypatch.setattr(np.linalg, "eigh", lambda matrix: (None, np.eye(784, dtype="f4")))
    monkeypatch.setattr(
        lookalikes, "read_mnist", lambda folder, name: images if "images" in name else labels
    )
    return images


def inked(strokes) -> np.ndarray:
    return normalize_strokes(check_strokes(strokes)).reshape(784).astype(np.float32)


def tensors(kind: str, dev: np.ndarray) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    if kind == "dev":
        return list(dev[:8])
    if kind == "drawings":
        return [inked(strokes) for strokes in DIGITS.values()]
    if kind == "scribbles":
        return [inked([rng.uniform(0, 500, (n, 2))]) for n in (1, 2, 3, 5, 8, 20, 100)]
    # What no drawing looks like. Here the 64 components say least, and most must be looked at.
    noise = [rng.random(784) < 0.1, rng.random(784), np.eye(784)[0], np.zeros(784)]
    return [tensor.astype(np.float32) for tensor in noise]


def brute_force(images: np.ndarray, tensor: np.ndarray) -> np.ndarray:
    """The distance of every image, in all 784 pixels."""
    parts = (images[start : start + 1000] - tensor for start in range(0, len(images), 1000))
    return np.sqrt(np.concatenate([(part * part).sum(axis=1) for part in parts]))


class TestNearest:
    @pytest.mark.parametrize("kind", ["dev", "drawings", "scribbles", "noise"])
    def test_are_the_nearest_of_all_training_images(self, index, digits, kind):
        """Indices are not compared, for two images may be equally far away."""
        train = digits.train
        for number, tensor in enumerate(tensors(kind, digits.dev.images)):
            away, label = brute_force(train.images, tensor), number % 10
            for found, among in (
                (index.nearest(tensor), away),
                (index.nearest(tensor, 1), away),
                (index.nearest(tensor, 20, label), away[train.labels == label]),
                (index.nearest(tensor, 1, label), away[train.labels == label]),
            ):
                distances = [lookalike.distance for lookalike in found]
                expected = np.sort(among)[: len(found)]
                np.testing.assert_allclose(distances, expected, rtol=1e-5)
                indices = [lookalike.index for lookalike in found]
                np.testing.assert_allclose(away[indices], distances, rtol=1e-5)
                assert len(set(indices)) == len(found)

    def test_are_as_many_as_asked_for(self, index, digits):
        tensor = digits.dev.images[0]
        assert len(index.nearest(tensor)) == 3
        for count in (1, 2, N_CANDIDATES):
            assert len(index.nearest(tensor, count)) == count

    def test_come_with_their_images_and_labels(self, index, digits):
        for tensor in digits.dev.images[:20]:
            for lookalike in index.nearest(tensor):
                image = digits.train.images[lookalike.index].reshape(28, 28)
                np.testing.assert_allclose(lookalike.image, image, atol=1e-7)
                assert lookalike.image.shape == (28, 28)
                assert lookalike.label == digits.train.labels[lookalike.index]
                assert type(lookalike.index) is type(lookalike.label) is int
                assert type(lookalike.distance) is float

    @pytest.mark.parametrize("label", range(10))
    def test_have_the_label_that_was_asked_for(self, index, digits, label):
        found = index.nearest(digits.dev.images[3], 5, label=label)
        assert [lookalike.label for lookalike in found] == [label] * 5

    def test_of_a_training_image_begin_with_itself(self, index, digits):
        for i in range(0, 50_000, 997):
            first, second, _ = index.nearest(digits.train.images[i])
            assert (first.index, first.distance) == (i, 0)
            assert second.distance > 0

    def test_of_a_training_image_is_itself_where_only_one_is_asked_for(self, index, digits):
        """All that is nearer than nothing at all: rounding must not lose it."""
        for i in range(0, 50_000, 997):
            label = int(digits.train.labels[i])
            for found in (
                index.nearest(digits.train.images[i], 1),
                index.nearest(digits.train.images[i], 1, label=label),
            ):
                assert [(one.index, one.distance) for one in found] == [(i, 0)]

    def test_by_hand(self, tmp_path, small):
        # From a blank tensor, √(0.6² + 0.8²) = 1 and √(4 · 1²) = 2; noise is about 16 away.
        small[41], small[70] = 0, 0
        small[41, 3, 3:5] = 153, 204
        small[70, :2, :2] = 255
        found = NeighborIndex(tmp_path / "small").nearest(np.zeros(784, np.float32))
        assert [lookalike.index for lookalike in found[:2]] == [41, 70]
        assert [lookalike.label for lookalike in found[:2]] == [1, 0]
        assert [lookalike.distance for lookalike in found[:2]] == pytest.approx([1, 2])
        assert found[0].image[3, 3:5].tolist() == pytest.approx([0.6, 0.8])
        assert found[2].distance > 10

    def test_do_not_depend_on_how_precise_the_tensor_is(self, index):
        tensor = inked(DIGITS[8])
        tensor.setflags(write=False)
        for one, other in zip(
            index.nearest(tensor), index.nearest(tensor.astype(np.float64)), strict=True
        ):
            assert one.index == other.index
            assert one.distance == pytest.approx(other.distance)


class TestTheFiles:
    def test_hold_the_training_images_and_none_of_dev(self, index, digits):
        assert index.images.shape == (50_000, 784)
        np.testing.assert_array_equal(index.images[::500], digits.train.images[::500] * 255)
        np.testing.assert_array_equal(index.labels, digits.train.labels)

    def test_are_mapped_into_memory_and_cannot_be_changed(self, index):
        for array, dtype, width in ((index.images, "uint8", 784), (index.codes, "float32", 64)):
            assert isinstance(array, np.memmap)
            assert (array.dtype, array.shape[1]) == (dtype, width)
            with pytest.raises(ValueError, match="read-only"):
                array[0, 0] = 1

    def test_project_without_making_a_distance_longer(self, index):
        """All that pruning needs: columns at right angles and of length 1."""
        assert index.basis.shape == (784, N_COMPONENTS)
        np.testing.assert_allclose(index.basis.T @ index.basis, np.eye(N_COMPONENTS), atol=1e-5)

    def test_are_never_in_memory_as_floats(self, built, index):
        assert built[1] < AS_FLOATS
        drawing = inked(DIGITS[3])
        tracemalloc.start()
        index.nearest(drawing)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < AS_FLOATS / 10

    def test_are_made_once(self, built, index, monkeypatch):
        folder, before = built[0], {file: file.stat() for file in built[0].iterdir()}
        monkeypatch.setattr(lookalikes, "read_mnist", lambda *_: pytest.fail("MNIST is read"))
        again = NeighborIndex(folder)
        assert {file: file.stat().st_mtime_ns for file in folder.iterdir()} == {
            file: stat.st_mtime_ns for file, stat in before.items()
        }
        tensor = inked(DIGITS[5])
        one, other = ([found.index for found in i.nearest(tensor)] for i in (index, again))
        assert one == other

    def test_are_all_that_is_left_behind(self, built):
        assert {file.name for file in built[0].iterdir()} == FILES
        assert list(built[0].parent.iterdir()) == [built[0]]

    def test_lie_in_the_cache_where_nothing_else_is_said(self, tmp_path, small, monkeypatch):
        cache = tmp_path / "neither this" / "nor this is there yet"
        monkeypatch.setattr(lookalikes, "CACHE", cache)
        NeighborIndex()
        (folder,) = cache.iterdir()
        assert {file.name for file in folder.iterdir()} == FILES

    @pytest.mark.parametrize("error", [OSError("No space left on device"), KeyboardInterrupt()])
    @pytest.mark.parametrize("file", range(len(FILES)))
    def test_are_all_there_or_none(self, tmp_path, small, monkeypatch, file, error):
        """Whatever stops the making, and wherever, the next attempt finds a clean place."""
        folder, saved = tmp_path / "lookalikes", []

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
            assert "cannot be written: No space left on device." in str(caught.value)
        assert len(saved) == file and list(tmp_path.iterdir()) == []
        assert NeighborIndex(folder).images.shape == (100, 784)

    def test_say_where_they_cannot_be_written(self, tmp_path, small):
        (tmp_path / "cache").write_text("This is a letter.")  # a file, and not a folder
        with pytest.raises(DataError, match=r"need 52 MB in .*cache, which cannot be written"):
            NeighborIndex(tmp_path / "cache" / "lookalikes")
        assert (tmp_path / "cache").read_text() == "This is a letter."

    def test_take_as_much_room_as_is_said(self, built):
        assert sum(file.stat().st_size for file in built[0].iterdir()) == pytest.approx(52e6, 0.01)

    def test_may_be_made_by_two_at_once(self, tmp_path, small, monkeypatch):
        """Both see that there are none, and make them. One is later, and takes the other's."""
        folder, together, read = (
            tmp_path / "lookalikes",
            threading.Barrier(2),
            lookalikes.read_mnist,
        )

        def wait_and_read(mnist, name):
            together.wait(timeout=30)
            return read(mnist, name)

        monkeypatch.setattr(lookalikes, "read_mnist", wait_and_read)
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

    def test_of_another_kernel_that_was_faster_stay(self, tmp_path, small, monkeypatch):
        folder = tmp_path / "lookalikes"
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
    def test_that_are_pickles_are_refused_and_not_executed(self, tmp_path, name):
        made = tmp_path / "made by the pickle"

        class Bomb:
            def __reduce__(self):
                return os.mkdir, (str(made),)

        for file in FILES - {name}:
            np.save(tmp_path / file, np.zeros((2, 2), np.float32))
        np.save(tmp_path / name, np.array([[Bomb()]], object), allow_pickle=True)
        with pytest.raises(ValueError):
            NeighborIndex(tmp_path)
        assert not made.exists()


class TestWithoutMNIST:
    @pytest.fixture(autouse=True)
    def nowhere(self, tmp_path, monkeypatch):
        monkeypatch.setattr(data, "FOLDER", tmp_path / "project")
        monkeypatch.setattr(data, "CACHE", tmp_path / "cache")
        monkeypatch.setattr(lookalikes, "CACHE", tmp_path / "cache")
        monkeypatch.setattr(data, "download", lambda *_: pytest.fail("download is called"))
        monkeypatch.setattr(pooch, "retrieve", lambda *_, **__: pytest.fail("pooch is called"))

    def test_says_how_to_fetch_it_and_fetches_nothing(self, tmp_path):
        with pytest.raises(DataError, match="not on this machine") as caught:
            NeighborIndex()
        assert "python -c 'import nnlib; nnlib.load_mnist()'" in str(caught.value)
        assert list(tmp_path.iterdir()) == []

    def test_finds_what_was_downloaded_before(self, tmp_path, small):
        (tmp_path / "cache" / "mnist").mkdir(parents=True)
        for name in data.FILES:
            (tmp_path / "cache" / "mnist" / name).touch()
        assert NeighborIndex().images.shape == (100, 784)

    def test_makes_nothing_of_a_damaged_one(self, tmp_path):
        (tmp_path / "project").mkdir()
        for name in data.FILES:
            (tmp_path / "project" / name).write_bytes(b"half a file")
        with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz cannot be unpacked"):
            NeighborIndex()
        assert list(tmp_path.iterdir()) == [tmp_path / "project"]

    def test_needs_it_only_to_make_the_files(self, built):
        assert len(NeighborIndex(built[0]).labels) == 50_000
