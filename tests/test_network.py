"""The network: one flat vector under its layers, and a file that can be trusted."""

import io
import json
import os
import re
import tracemalloc
import zipfile

import numpy as np
import pytest

from nnlib import Dense, Dropout, Network, ReLU, softmax
from nnlib.network import ModelError


def small(seed=0) -> Network:
    network = Network(Dense(3, 4), ReLU(), Dropout(0.5), Dense(4, 2), seed=seed)
    network.info = {"name": "small", "metrics": {"dev_accuracy": 0.5}}
    return network


class TestOneFlatVector:
    def test_holds_all_weights_and_then_all_biases(self):
        network = small()
        first, last = network.layers[0], network.layers[-1]
        parts = [first.W.ravel(), last.W.ravel(), first.b, last.b]
        np.testing.assert_array_equal(network.parameters, np.concatenate(parts))
        np.testing.assert_array_equal(network.weights, np.concatenate(parts[:2]))

    def test_is_what_the_layers_compute_with(self):
        network = small()
        network.parameters[...] = np.arange(26)
        np.testing.assert_array_equal(network.layers[0].W, np.arange(12).reshape(3, 4))
        np.testing.assert_array_equal(network.layers[-1].b, [24, 25])

    def test_of_gradients_is_filled_by_the_layers_in_the_same_order(self):
        network = small()
        network.forward(np.ones((5, 3)))
        network.backward(np.ones((5, 2), np.float32))
        first, last = network.layers[0], network.layers[-1]
        parts = [first.dW.ravel(), last.dW.ravel(), first.db, last.db]
        np.testing.assert_array_equal(network.gradients, np.concatenate(parts))
        assert last.db.tolist() == [5, 5]


def test_forward_by_hand():
    network = Network(Dense(2, 2), ReLU(), Dense(2, 1))
    first, _, last = network.layers
    first.W[...], first.b[...] = [[1, -1], [2, 1]], [0, 1]
    last.W[...], last.b[...] = [[3], [4]], [0.5]
    # (2, 1) → (2 + 2, -2 + 1 + 1) = (4, 0) → ReLU → 3 · 4 + 4 · 0 + 0.5
    # (0, -2) → (-4, -2 + 1) = (-4, -1) → ReLU → (0, 0) → 0.5
    np.testing.assert_array_equal(network.forward([[2, 1], [0, -2]]), [[12.5], [0.5]])


def test_l2_acts_on_weights_and_not_on_biases():
    network = Network(Dense(2, 2))
    network.parameters[...] = [1, 2, 3, 4, 50, 60]
    assert network.penalty(0.1) == pytest.approx(0.1 / 2 * (1 + 4 + 9 + 16))
    network.forward(np.zeros((1, 2)))  # so that the data's own gradient of W is zero
    network.backward(np.zeros((1, 2), np.float32), l2=0.1)
    np.testing.assert_allclose(network.gradients, [0.1, 0.2, 0.3, 0.4, 0, 0], rtol=1e-6)


def test_the_seed_decides_the_first_weights():
    assert small(seed=1).parameters.tobytes() == small(seed=1).parameters.tobytes()
    assert (small(seed=1).weights != small(seed=2).weights).all()


def test_float32_is_for_training_and_float64_for_checks():
    assert small().forward(np.ones((1, 3))).dtype == np.float32
    exact = Network(Dense(3, 2), dtype=np.float64)
    assert exact.dtype == exact.forward(np.ones((1, 3), np.float32)).dtype == np.float64


def test_probabilities_are_the_softmax_of_the_logits_in_batches_of_any_size():
    network, X = small(), np.random.default_rng(0).normal(size=(10, 3))
    expected = softmax(network.forward(X))
    for batch_size in (1, 3, 10, 99):
        np.testing.assert_allclose(network.probabilities(X, batch_size), expected, rtol=1e-6)
    assert network.probabilities(X[:0]).shape == (0, 2)


def test_predict_gives_the_most_probable_digit():
    network = Network(Dense(2, 2, init=0))
    network.layers[0].W[...] = [[1, 0], [0, 1]]
    digits = network.predict(np.array([[3.0, 1.0], [1.0, 3.0]]))
    assert digits.tolist() == [0, 1] and digits.dtype == np.int64


def test_use_draws_no_dropout_and_training_does():
    network, X = small(), np.ones((20, 3))
    np.testing.assert_array_equal(network.forward(X), network.forward(X))
    rng = np.random.default_rng(0)
    assert (network.forward(X, rng) != network.forward(X, rng)).any()


def test_the_repr_is_the_code_that_makes_the_network():
    network = Network(Dense(784, 128, init=0.01), ReLU(), Dropout(0.2), Dense(128, 10))
    text = "Network(Dense(784, 128, init=0.01), ReLU(), Dropout(0.2), Dense(128, 10))"
    assert repr(network) == text == repr(eval(text))


@pytest.mark.parametrize("shape", [(784,), (28, 28), (5, 783), (1, 28, 28)])
def test_images_of_another_shape_are_refused_with_the_shape_to_give(shape):
    with pytest.raises(ValueError, match=r"\(N, 784\).*reshape\(1, 784\)"):
        Network(Dense(784, 10)).forward(np.zeros(shape))


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        (lambda: [], "at least one Dense"),
        (lambda: [ReLU()], "at least one Dense"),
        (lambda: [Dense(4, 3), ReLU(), Dense(5, 2)], "gives 3 .* takes 5"),
        (lambda: [Dense(4, 4)] * 2, "stands twice"),
    ],
)
def test_layers_that_do_not_fit_are_refused(layers, sentence):
    with pytest.raises(ValueError, match=sentence):
        Network(*layers())


class TestSaveAndLoad:
    def test_give_back_the_same_network(self, tmp_path):
        network = small()
        network.save(tmp_path / "small.npz")
        loaded = Network.load(tmp_path / "small.npz")
        assert loaded.parameters.tobytes() == network.parameters.tobytes()
        assert loaded.parameters.dtype == np.float32
        assert repr(loaded) == repr(network)
        X = np.random.default_rng(0).random((5, 3))
        np.testing.assert_array_equal(loaded.forward(X), network.forward(X))

    def test_give_back_the_same_info(self, tmp_path):
        network = small()
        network.save(tmp_path / "small.npz")
        assert Network.load(tmp_path / "small.npz").info == network.info

    def test_give_a_network_that_learns_on(self, tmp_path):
        """The loaded layers still share the flat vector."""
        small().save(tmp_path / "small.npz")
        loaded = Network.load(tmp_path / "small.npz")
        loaded.parameters[...] = 1
        assert (loaded.layers[0].W == 1).all()

    def test_write_the_same_bytes_every_time(self, tmp_path):
        small().save(tmp_path / "a.npz")
        small().save(tmp_path / "b.npz")
        loaded = Network.load(tmp_path / "a.npz")
        loaded.info = dict(reversed(loaded.info.items()))  # the same, told in another order
        loaded.save(tmp_path / "c.npz")
        first = (tmp_path / "a.npz").read_bytes()
        assert first == (tmp_path / "b.npz").read_bytes() == (tmp_path / "c.npz").read_bytes()

    def test_write_a_file_that_numpy_alone_can_read(self, tmp_path):
        small().save(tmp_path / "small.npz")
        with np.load(tmp_path / "small.npz", allow_pickle=False) as arrays:
            np.testing.assert_array_equal(arrays["parameters"], small().parameters)
            info = json.loads(str(arrays["info"]))
        assert info["layers"] == [["Dense", 3, 4], ["ReLU"], ["Dropout", 0.5], ["Dense", 4, 2]]
        assert info["name"] == "small"

    def test_make_the_folder_that_is_missing(self, tmp_path):
        small().save(tmp_path / "new" / "small.npz")
        assert Network.load(tmp_path / "new" / "small.npz").n_in == 3


class TestASaveThatFails:
    @pytest.fixture
    def path(self, tmp_path):
        path = tmp_path / "small.npz"
        small(seed=1).save(path)
        return path

    def test_halfway_leaves_the_old_file_and_nothing_else(self, path, monkeypatch):
        def fills_the_disk(file, **arrays):
            file.write(b"PK half a model")
            raise OSError("No space left on device")

        before = path.read_bytes()
        monkeypatch.setattr(np, "savez", fills_the_disk)
        with pytest.raises(OSError, match="No space"):
            small(seed=2).save(path)
        assert path.read_bytes() == before
        assert list(path.parent.iterdir()) == [path]

    def test_because_info_is_no_json_leaves_the_old_file(self, path):
        before, network = path.read_bytes(), small(seed=2)
        network.info = {"optimizer": object()}
        with pytest.raises(TypeError):
            network.save(path)
        assert path.read_bytes() == before
        assert list(path.parent.iterdir()) == [path]


GOOD_INFO = {"format": 1, "layers": [["Dense", 3, 2]]}
GOOD_PARAMETERS = np.zeros(8, np.float32)


def info_with(**changes) -> np.ndarray:
    return np.array(json.dumps(GOOD_INFO | changes))


def npy_header(shape) -> bytes:
    """An .npy file that promises float32s of this shape, and ends there."""
    header = str({"descr": "<f4", "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


def refused(path) -> str:
    """The message of a load that must fail with ModelError, and name the file."""
    with pytest.raises(ModelError) as caught:
        Network.load(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


class TestAFileThatIsNoModel:
    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "model.npz"

    def test_is_one_that_is_missing(self, path):
        with pytest.raises(FileNotFoundError, match=r"no model file .*model\.npz"):
            Network.load(path)

    @pytest.mark.parametrize("content", [b"", b"This is a letter.\n", b"PK\x03\x04", bytes(1000)])
    def test_is_one_with_something_else_in_it(self, path, content):
        path.write_bytes(content)
        refused(path)

    def test_is_a_folder(self, path):
        path.mkdir()
        refused(path)

    def test_is_one_cut_off_anywhere(self, path):
        small().save(path)
        whole = path.read_bytes()
        for length in range(0, len(whole), 7):
            path.write_bytes(whole[:length])
            refused(path)

    def test_is_one_with_a_bit_flipped_anywhere_that_matters(self, path):
        """Most flips are refused. A zip has bytes that say nothing (a date, the system it was
        made on): with one of those flipped it may load, but only as the same network."""
        Network(Dense(1, 1), seed=1).save(path)
        whole, network = path.read_bytes(), Network.load(path)
        read = 0
        for place in range(len(whole)):
            for bit in (0, 6):
                damaged = bytearray(whole)
                damaged[place] ^= 1 << bit
                path.write_bytes(damaged)
                try:
                    loaded = Network.load(path)
                except ModelError as error:
                    assert str(path) in str(error)
                    continue
                read += 1
                assert loaded.parameters.tobytes() == network.parameters.tobytes()
                assert repr(loaded) == repr(network)
                assert loaded.info == network.info
        assert read < 0.4 * 2 * len(whole)

    def test_is_a_pickle_in_disguise(self, path):
        """A pickle can run any code when it is loaded. This one would make a folder."""
        folder = path.parent / "made by the pickle"

        class Bomb:
            def __reduce__(self):
                return os.mkdir, (str(folder),)

        np.savez(path, info=info_with(), parameters=np.array([Bomb()], object))
        refused(path)
        path.write_bytes(np.array([Bomb()], object).dumps())
        refused(path)
        assert not folder.exists()

    def test_is_one_that_would_unpack_to_gigabytes(self, path):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("parameters.npy", bytes(100_000_000))
        assert path.stat().st_size < 200_000
        assert "100,000,000 bytes" in refused(path)

    @pytest.mark.parametrize("shape", [(10**12,), (10**30,), (-8,), (9,), (10**6, 10**6)])
    def test_is_one_whose_header_promises_more_than_there_is(self, path, shape):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("parameters.npy", npy_header(shape) + bytes(32))
            info = io.BytesIO()
            np.save(info, info_with())
            archive.writestr("info.npy", info.getvalue())
        refused(path)

    @pytest.mark.parametrize(
        "content", [b"no array", b"\x93NUMPY\x01\x00\x08\x00{'a': (((", npy_header(())[:20]]
    )
    def test_is_one_whose_arrays_are_none(self, path, content):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("parameters.npy", content)
            info = io.BytesIO()
            np.save(info, info_with())
            archive.writestr("info.npy", info.getvalue())
        refused(path)

    @pytest.mark.parametrize(
        ("info", "parameters", "complaint"),
        [
            (info_with(format=2), GOOD_PARAMETERS, "format 2"),
            (info_with(layers=[["Conv", 3, 2]]), GOOD_PARAMETERS, "unknown here, 'Conv'"),
            (info_with(layers=[["Dense", 3, 10**9]]), GOOD_PARAMETERS, "impossible size"),
            (info_with(layers=[["Dense", 3, -2]]), GOOD_PARAMETERS, "impossible size"),
            (info_with(layers=[["Dense", 3]]), GOOD_PARAMETERS, ""),
            (info_with(layers=[["Dense", "3", 2]]), GOOD_PARAMETERS, ""),
            (info_with(layers=[["Dropout", 2], ["Dense", 3, 2]]), GOOD_PARAMETERS, ""),
            (info_with(layers=[["Dense", 3, 2], ["Dense", 3, 2]]), GOOD_PARAMETERS, ""),
            (info_with(layers=[]), GOOD_PARAMETERS, ""),
            (info_with(layers=None), GOOD_PARAMETERS, ""),
            (info_with(layers=[3]), GOOD_PARAMETERS, ""),
            (info_with(), np.zeros(7, np.float32), "need 8 .* holds float32 of shape \\(7,\\)"),
            (info_with(), np.zeros(9, np.float32), "need 8"),
            (info_with(), np.zeros((2, 4), np.float32), "need 8"),
            (info_with(), np.zeros(8, np.float64), "float64"),
            (info_with(), np.full(8, np.nan, np.float32), "not finite"),
            (info_with(), np.full(8, np.inf, np.float32), "not finite"),
            (np.array("{"), GOOD_PARAMETERS, ""),
            (np.array("[1]"), GOOD_PARAMETERS, ""),
            (np.array("{}"), GOOD_PARAMETERS, ""),
            (np.array("[" * 100_000), GOOD_PARAMETERS, ""),
            (np.zeros(3), GOOD_PARAMETERS, ""),
        ],
    )
    def test_is_one_with_another_meaning(self, path, info, parameters, complaint):
        np.savez(path, info=info, parameters=parameters)
        assert re.search(complaint, refused(path))

    @pytest.mark.parametrize("missing", ["info", "parameters"])
    def test_is_one_without_an_array(self, path, missing):
        arrays = {"info": info_with(), "parameters": GOOD_PARAMETERS}
        del arrays[missing]
        np.savez(path, **arrays)
        refused(path)

    def test_is_refused_before_a_network_too_large_for_it_is_made(self, path):
        np.savez(path, info=info_with(layers=[["Dense", 4000, 4000]]), parameters=GOOD_PARAMETERS)
        tracemalloc.start()
        try:
            refused(path)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 4_000_000  # and not the 64,000,000 bytes of its weights


def test_the_control_of_these_tests_a_good_file_is_read(tmp_path):
    np.savez(tmp_path / "model.npz", info=info_with(), parameters=GOOD_PARAMETERS)
    assert repr(Network.load(tmp_path / "model.npz")) == "Network(Dense(3, 2))"
