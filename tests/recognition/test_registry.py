"""Which models there are, how they are found, and that they are what their recipes make."""

from pathlib import Path

import pytest
from helpers import DIGITS

from nnlib.files import data_path
from nnlib.nn.layers import Dense
from nnlib.nn.model_file import ModelError
from nnlib.nn.network import Network
from nnlib.recognition.recognizer import Recognizer
from nnlib.recognition.registry import DEFAULT_MODEL, model_names, model_path
from nnlib.training.recipes import MODELS, Recipe


@pytest.fixture
def models(tmp_path, monkeypatch) -> Path:
    """A folder that stands in for `data/models/`, empty at first."""
    monkeypatch.setattr("nnlib.recognition.registry.data_path", lambda *parts: tmp_path)
    return tmp_path


class TestModelNames:
    def test_packaged_models_are_in_the_order_of_the_recipes(self):
        assert model_names() == list(MODELS) == ["softmax", "hidden", "deep", "robust"]

    def test_models_without_a_recipe_come_last_sorted(self, models):
        for name in ("other", "deep", "mine", "softmax"):
            (models / f"{name}.npz").touch()
        (models / "notes.txt").touch()
        assert model_names() == ["softmax", "deep", "mine", "other"]

    def test_empty_folder_has_no_models(self, models):
        assert model_names() == []


class TestModelPath:
    def test_name_gives_the_packaged_file(self):
        assert model_path("deep") == data_path("models", "deep.npz")

    @pytest.mark.parametrize("kind", [str, Path])
    def test_path_of_an_npz_file_is_returned_as_it_is(self, kind):
        assert model_path(kind("somewhere/deep.npz")) == Path("somewhere/deep.npz")

    def test_unknown_name_raises_with_the_known(self):
        with pytest.raises(FileNotFoundError, match="no model 'deeper'") as caught:
            model_path("deeper")
        assert "Known are softmax, hidden, deep, robust;" in str(caught.value)


class TestLoad:
    def test_default_model_is_robust(self):
        assert DEFAULT_MODEL == "robust"
        assert Recognizer.load().network.info["name"] == "robust"

    @pytest.mark.parametrize("kind", [str, Path])
    def test_path_gives_the_model_in_that_file(self, tmp_path, kind):
        network = Network(Dense(784, 10), seed=5)
        network.save(tmp_path / "mine.npz")
        mine = Recognizer.load(kind(tmp_path / "mine.npz"))
        assert mine.network.parameters.tobytes() == network.parameters.tobytes()
        assert mine.predict(DIGITS[7]).digit in range(10)

    def test_unknown_name_raises_with_the_known(self):
        with pytest.raises(FileNotFoundError, match=r"no model 'deeper'.*softmax, hidden, .*deep"):
            Recognizer.load("deeper")

    def test_missing_file_raises_with_its_path(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"mine\.npz"):
            Recognizer.load(tmp_path / "mine.npz")

    def test_damaged_file_raises_with_its_path(self, tmp_path):
        (tmp_path / "mine.npz").write_bytes(b"not a model")
        with pytest.raises(ModelError, match=r"mine\.npz"):
            Recognizer.load(tmp_path / "mine.npz")


@pytest.mark.parametrize("name", MODELS)
def test_model_file_records_its_name_seed_and_recipe(name):
    network = Recognizer.load(name).network
    assert network.info["name"] == name and network.info["seed"] == 0
    assert Recipe.from_json(network.info["recipe"]) == MODELS[name]
    assert network.widths == MODELS[name].widths
