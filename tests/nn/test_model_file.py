"""The model file: it gives back the same network, or is refused in a sentence."""

import io
import json
import re
import tracemalloc
import zipfile

import numpy as np
import pytest
from helpers import PickleBomb, npy_header

from nnlib import Dense, Dropout, Network, ReLU
from nnlib.nn.model_file import ModelError


def small(seed=0) -> Network:
    network = Network(Dense(3, 4, init=0.1), ReLU(), Dropout(0.5), Dense(4, 2), seed=seed)
    network.info = {"name": "small", "metrics": {"dev_accuracy": 0.5}}
    return network


class TestSaveAndLoad:
    def test_they_restore_the_network(self, tmp_path):
        network = small()
        network.save(tmp_path / "small.npz")
        loaded = Network.load(tmp_path / "small.npz")
        assert loaded.parameters.tobytes() == network.parameters.tobytes()
        assert loaded.parameters.dtype == np.float32
        assert repr(loaded) == repr(network)
        X = np.random.default_rng(0).random((5, 3))
        np.testing.assert_array_equal(loaded.forward(X), network.forward(X))

    def test_they_restore_info(self, tmp_path):
        network = small()
        network.save(tmp_path / "small.npz")
        assert Network.load(tmp_path / "small.npz").info == network.info

    @pytest.mark.parametrize("init", ["he", 0.01, 0.0])
    def test_they_restore_init(self, init, tmp_path):
        Network(Dense(3, 2, init=init)).save(tmp_path / "model.npz")
        (layer,) = Network.load(tmp_path / "model.npz").layers
        assert layer.init == init and layer.config() == {"n_in": 3, "n_out": 2, "init": init}

    def test_the_loaded_layers_share_the_flat_vector(self, tmp_path):
        small().save(tmp_path / "small.npz")
        loaded = Network.load(tmp_path / "small.npz")
        loaded.parameters[...] = 1
        assert (loaded.layers[0].W == 1).all()

    def test_the_same_network_gives_the_same_bytes(self, tmp_path):
        small().save(tmp_path / "a.npz")
        small().save(tmp_path / "b.npz")
        loaded = Network.load(tmp_path / "a.npz")
        loaded.info = dict(reversed(loaded.info.items()))  # the same in another order
        loaded.save(tmp_path / "c.npz")
        first = (tmp_path / "a.npz").read_bytes()
        assert first == (tmp_path / "b.npz").read_bytes() == (tmp_path / "c.npz").read_bytes()

    def test_numpy_alone_can_read_the_file(self, tmp_path):
        small().save(tmp_path / "small.npz")
        with np.load(tmp_path / "small.npz", allow_pickle=False) as arrays:
            assert set(arrays) == {"info", "parameters"}
            np.testing.assert_array_equal(arrays["parameters"], small().parameters)
            info = json.loads(str(arrays["info"]))
        assert info["format"] == 2
        assert info["layers"] == [
            ["Dense", {"n_in": 3, "n_out": 4, "init": 0.1}],
            ["ReLU", {}],
            ["Dropout", {"p": 0.5}],
            ["Dense", {"n_in": 4, "n_out": 2, "init": "he"}],
        ]
        assert info["name"] == "small"

    def test_a_missing_folder_is_made(self, tmp_path):
        small().save(tmp_path / "new" / "small.npz")
        assert Network.load(tmp_path / "new" / "small.npz").n_in == 3

    @pytest.mark.parametrize("key", ["layers", "format"])
    def test_no_key_of_info_makes_the_file_unreadable(self, key, tmp_path):
        network = small()
        network.info = {key: 9}
        network.save(tmp_path / "small.npz")
        assert repr(Network.load(tmp_path / "small.npz")) == repr(network)

    def test_a_float64_network_is_saved_as_float32(self, tmp_path):
        network = Network(Dense(3, 2), dtype=np.float64)
        network.save(tmp_path / "exact.npz")
        loaded = Network.load(tmp_path / "exact.npz")
        assert loaded.dtype == np.float32
        np.testing.assert_array_equal(loaded.parameters, network.parameters.astype(np.float32))


class TestSaveThatFails:
    @pytest.fixture
    def path(self, tmp_path):
        path = tmp_path / "small.npz"
        small(seed=1).save(path)
        return path

    def test_a_full_disk_leaves_the_old_file(self, path, monkeypatch):
        def fills_the_disk(file, **arrays):
            file.write(b"PK half a model")
            raise OSError("No space left on device")

        before = path.read_bytes()
        monkeypatch.setattr(np, "savez", fills_the_disk)
        with pytest.raises(OSError, match="No space"):
            small(seed=2).save(path)
        assert path.read_bytes() == before
        assert list(path.parent.iterdir()) == [path]

    @pytest.mark.parametrize(
        ("dtype", "value"),
        [
            (np.float32, np.nan),
            (np.float32, np.inf),
            (np.float64, 1e300),
        ],
    )
    def test_parameters_that_are_not_finite_leave_the_old_file(self, path, dtype, value):
        before, network = path.read_bytes(), Network(Dense(3, 2), dtype=dtype)
        network.parameters[5] = value
        with pytest.raises(ValueError, match="not finite"):
            network.save(path)
        assert path.read_bytes() == before

    def test_an_info_that_is_not_json_leaves_the_old_file(self, path):
        before, network = path.read_bytes(), small(seed=2)
        network.info = {"optimizer": object()}
        with pytest.raises(TypeError):
            network.save(path)
        assert path.read_bytes() == before
        assert list(path.parent.iterdir()) == [path]


def dense(n_in=3, n_out=2, **others) -> list:
    """A Dense layer as a model file has it."""
    return ["Dense", {"n_in": n_in, "n_out": n_out} | others]


GOOD_INFO = {"format": 2, "layers": [dense()]}
GOOD_PARAMETERS = np.zeros(8, np.float32)


def info_with(**changes) -> np.ndarray:
    return np.array(json.dumps(GOOD_INFO | changes))


def zip_of(path, parameters: bytes, **options) -> None:
    """A model file with good info and these bytes as parameters.npy."""
    info = io.BytesIO()
    np.save(info, info_with())
    with zipfile.ZipFile(path, "w", **options) as archive:
        archive.writestr("parameters.npy", parameters)
        archive.writestr("info.npy", info.getvalue())


def refused(path, *, peak: int | None = None) -> str:
    """The message of a load that must fail with ModelError and name the file.

    peak: how many bytes the load may allocate.
    """
    tracemalloc.start()
    try:
        with pytest.raises(ModelError) as caught:
            Network.load(path)
        allocated = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert message.startswith(f"{path} ")
    assert message.endswith("Train it again, or restore the file.")
    assert peak is None or allocated < peak
    return message


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.npz"


def test_a_good_file_is_read(path):
    """The control of the tests below."""
    np.savez(path, info=info_with(), parameters=GOOD_PARAMETERS)
    assert repr(Network.load(path)) == "Network(Dense(3, 2))"


class TestDamagedFile:
    def test_a_missing_file_is_reported(self, path):
        with pytest.raises(FileNotFoundError, match=r"no model file .*model\.npz"):
            Network.load(path)

    @pytest.mark.parametrize("content", [b"", b"This is a letter.\n", b"PK\x03\x04", bytes(1000)])
    def test_other_content_is_refused(self, path, content):
        path.write_bytes(content)
        refused(path)

    def test_a_folder_is_refused(self, path):
        path.mkdir()
        refused(path)

    def test_a_truncated_file_is_refused(self, path):
        small().save(path)
        whole = path.read_bytes()
        for length in range(0, len(whole), 7):
            path.write_bytes(whole[:length])
            refused(path)

    def test_a_flipped_bit_never_changes_the_network(self, path):
        """Most flips are refused. A zip has bytes without meaning (a date, the system it was
        made on): with one of those flipped it may load, but only as the same network."""
        Network(Dense(1, 1), seed=1).save(path)
        whole, network = path.read_bytes(), Network.load(path)
        read = 0
        for place in range(len(whole)):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << place % 8
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
        assert read < 0.4 * len(whole)

    @pytest.mark.parametrize(
        "content", [b"no array", b"\x93NUMPY\x01\x00\x08\x00{'a': (((", npy_header(())[:20]]
    )
    def test_entries_that_are_no_arrays_are_refused(self, path, content):
        zip_of(path, content)
        refused(path)

    @pytest.mark.parametrize("missing", ["info", "parameters"])
    def test_a_missing_array_is_refused(self, path, missing):
        arrays = {"info": info_with(), "parameters": GOOD_PARAMETERS}
        del arrays[missing]
        np.savez(path, **arrays)
        refused(path)

    @pytest.mark.parametrize(
        ("info", "parameters", "complaint"),
        [
            (info_with(format=3), GOOD_PARAMETERS, "format 3, and this nnlib reads 2"),
            (info_with(layers=[["Conv", {}]]), GOOD_PARAMETERS, "used: it has .*'Conv'"),
            (info_with(layers=[["Layer", {}]]), GOOD_PARAMETERS, "unknown kind, 'Layer'"),
            (info_with(layers=[[["Dense"], {}]]), GOOD_PARAMETERS, ""),
            (info_with(layers=[["Dense", {"n_in": 3}]]), GOOD_PARAMETERS, ""),
            (info_with(layers=[["Dense", [3, 2]]]), GOOD_PARAMETERS, ""),
            (info_with(layers=[["Dense"]]), GOOD_PARAMETERS, ""),
            (info_with(layers=[dense(3, -2)]), GOOD_PARAMETERS, "impossible shape"),
            (info_with(layers=[dense(-5, -2)]), GOOD_PARAMETERS, ""),
            (info_with(layers=[dense(3.0, 2)]), GOOD_PARAMETERS, "impossible shape"),
            (info_with(layers=[dense("3", 2)]), GOOD_PARAMETERS, ""),
            (info_with(layers=[dense(bias=True)]), GOOD_PARAMETERS, ""),
            (info_with(layers=[dense(init="xavier")]), GOOD_PARAMETERS, "init"),
            (info_with(layers=[dense(init=[0])]), GOOD_PARAMETERS, "init"),
            (info_with(layers=[["Dropout", {"p": 2}], dense()]), GOOD_PARAMETERS, "0 ≤ p < 1"),
            (info_with(layers=[dense(1, 2), dense(1, 2)]), GOOD_PARAMETERS, "gives 2 .* takes 1"),
            (info_with(layers=[]), GOOD_PARAMETERS, ""),
            (info_with(layers=None), GOOD_PARAMETERS, ""),
            (info_with(layers=[3]), GOOD_PARAMETERS, ""),
            (info_with(), np.zeros(7, np.float32), "need 8 parameters, and it holds 7"),
            (info_with(), np.zeros(9, np.float32), "need 8 parameters, and it holds 9"),
            (info_with(), np.zeros((2, 4), np.float32), r"float32 of shape \(2, 4\)"),
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
    def test_another_meaning_is_refused(self, path, info, parameters, complaint):
        np.savez(path, info=info, parameters=parameters)
        assert re.search(complaint, refused(path))

    def test_format_1_is_refused_with_a_sentence(self, path):
        layers = [["Dense", 3, 2], ["ReLU"], ["Dropout", 0.5]]
        np.savez(path, info=info_with(format=1, layers=layers), parameters=GOOD_PARAMETERS)
        assert "it has format 1, and this nnlib reads 2." in refused(path)


MB = 1_000_000


class TestHostileFile:
    """It is refused before it costs memory, and nothing in it is executed."""

    def test_a_pickle_is_never_executed(self, path):
        folder = path.parent / "made by the pickle"
        bomb = np.array([PickleBomb(folder)], object)
        for arrays in (
            {"info": info_with(), "parameters": bomb},
            {"info": bomb, "parameters": GOOD_PARAMETERS},
        ):
            np.savez(path, **arrays)
            refused(path)
        path.write_bytes(bomb.dumps())
        refused(path)
        assert not folder.exists()

    def test_a_zip_bomb_is_refused_before_unpacking(self, path):
        zip_of(path, npy_header((17_500_000,)) + bytes(70 * MB), compression=zipfile.ZIP_DEFLATED)
        assert path.stat().st_size < 200_000
        assert "an array of more than 64,000,000 bytes" in refused(path, peak=MB)

    def test_a_zip_bomb_that_hides_its_size_is_refused(self, path):
        content = npy_header((8,)) + bytes(50 * MB)
        zip_of(path, content, compression=zipfile.ZIP_DEFLATED)
        size = len(content).to_bytes(4, "little")
        packed = path.read_bytes()
        assert packed.count(size) == 2  # in the entry and in the directory
        path.write_bytes(packed.replace(size, (2000).to_bytes(4, "little")))
        refused(path, peak=4 * MB)

    def test_a_member_packed_without_a_limit_is_refused(self, path):
        zip_of(path, npy_header((8,)) + bytes(20 * MB), compression=zipfile.ZIP_BZIP2)
        assert "as NumPy does not pack it" in refused(path, peak=MB)

    def test_a_text_that_would_fill_the_memory_is_refused(self, path):
        np.savez_compressed(path, info=np.array("[" * 2 * MB), parameters=GOOD_PARAMETERS)
        assert "an array of more than 4,000,000 bytes" in refused(path, peak=MB)

    @pytest.mark.parametrize("shape", [(10**12,), (10**30,), (-8,), (9,), (10**6, 10**6)])
    def test_a_header_that_promises_too_much_is_refused(self, path, shape):
        zip_of(path, npy_header(shape) + bytes(32))
        refused(path)

    @pytest.mark.parametrize(
        "layers",
        [
            [dense(4000, 4000)],
            [dense(3, 10**9)],
            [dense(10**40, 10**40)],
            [dense(4000, 4000), dense(4000, 2), dense()],
            [dense(-4000, 4000)],
            [dense(float("inf"), 2)],
            [dense(float("nan"), 2)],
        ],
        ids=str,
    )
    def test_a_huge_layer_is_refused_before_it_is_made(self, path, layers):
        np.savez(path, info=info_with(layers=layers), parameters=GOOD_PARAMETERS)
        refused(path, peak=MB)

    @pytest.mark.parametrize(
        "layers",
        [
            # 16,004,000 - 16,004,000 + 8 parameters
            [dense(4000, 4000), dense(-4002, 4000), dense()],
            # "a" * 50,000,000 and [1] * 10,000,000
            [dense("a", 50 * MB)],
            [dense([1], 10 * MB)],
        ],
        ids=str,
    )
    def test_sizes_are_checked_one_by_one(self, path, layers):
        np.savez(path, info=info_with(layers=layers), parameters=GOOD_PARAMETERS)
        refused(path, peak=MB)
