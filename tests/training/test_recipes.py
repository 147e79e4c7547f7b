"""Recipes are data: they compare, pickle, go to JSON and back, and decide a model."""

import hashlib
import json
import pickle
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from nnlib import Adam, Dense, GradientDescent, Momentum, Network, ReLU, fit
from nnlib.datasets.augmentation import Augmentation
from nnlib.datasets.handwriting import with_handwriting
from nnlib.datasets.splits import Digits, Split
from nnlib.datasets.stroke_augmentation import StrokeAugmentation
from nnlib.files import data_path
from nnlib.nn.schedules import CosineDecay, ExponentialDecay
from nnlib.training.metrics import loss_and_accuracy
from nnlib.training.recipes import ABLATION, AUGMENTATIONS, MODELS, Recipe

ALL = MODELS | ABLATION | AUGMENTATIONS
TINY = Recipe(
    widths=(784, 8, 10),
    optimizer=Momentum(0.05, momentum=0.8),
    epochs=2,
    batch_size=20,
    schedule=ExponentialDecay(0.5),
    l2=1e-3,
    init=0.1,
    augmentation=Augmentation(rotation=5, warp=1),
    handwriting=0.5,
)


@pytest.fixture(scope="module")
def few(digits) -> Digits:
    """A few of the digits, with which a tiny recipe is trained in no time."""
    sizes = ((digits.train, 100), (digits.dev, 50), (digits.test, 50))
    splits = (Split(split.images[:n], split.labels[:n]) for split, n in sizes)
    return Digits(*splits, digits.checksums)


class TestData:
    """TINY is among them, with a schedule and an optimizer that no packaged recipe has."""

    @pytest.mark.parametrize("recipe", [*ALL.values(), TINY], ids=[*ALL, "tiny"])
    def test_json_gives_the_recipe_back(self, recipe):
        assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe

    @pytest.mark.parametrize("recipe", [*ALL.values(), TINY], ids=[*ALL, "tiny"])
    def test_a_pickle_gives_the_recipe_back(self, recipe):
        assert pickle.loads(pickle.dumps(recipe)) == recipe

    @pytest.mark.parametrize("recipes", [MODELS, ABLATION, AUGMENTATIONS])
    def test_no_two_recipes_of_a_table_are_equal(self, recipes):
        for (name, recipe), (other_name, other) in combinations(recipes.items(), 2):
            assert recipe != other, (name, other_name)

    def test_one_other_field_makes_another_recipe(self):
        recipe = replace(MODELS["robust"])
        assert recipe == MODELS["robust"] and recipe is not MODELS["robust"]
        for change in (
            {"widths": (784, 11)},
            {"optimizer": GradientDescent(1e-3)},
            {"optimizer": Adam(3e-3)},
            {"epochs": 149},
            {"batch_size": None},
            {"schedule": None},
            {"schedule": ExponentialDecay(0.1)},
            {"l2": 0.0},
            {"init": 0.1},
            {"augmentation": None},
            {"augmentation": Augmentation(warp=0)},
            {"handwriting": 0.0},
            {"optdigits": 0},
            {"unipen": 0},
            {"nondigits": 0},
            {"strokes": StrokeAugmentation(bending=0)},
        ):
            changed = replace(recipe, **change)
            assert changed != recipe
            assert changed.to_json() != recipe.to_json()

    def test_json_names_the_kind_of_each_part(self):
        assert replace(TINY, schedule=CosineDecay()).to_json() == {
            "widths": [784, 8, 10],
            "optimizer": {"kind": "Momentum", "learning_rate": 0.05, "momentum": 0.8},
            "epochs": 2,
            "batch_size": 20,
            "schedule": {"kind": "CosineDecay"},
            "l2": 1e-3,
            "init": 0.1,
            "augmentation": {
                "kind": "Augmentation",
                "rotation": 5,
                "shear": 0.25,
                "scale": 0.15,
                "shift": 0.7,
                "warp": 1,
                "thickness": 0.5,
            },
            "handwriting": 0.5,
            "optdigits": 0,
            "unipen": 0,
            "nondigits": 0,
            "strokes": {
                "kind": "StrokeAugmentation",
                "bending": 0.03,
                "rotation": 6.0,
                "shear": 0.15,
                "scale": 0.13,
                "place": 0.03,
                "joined": 0.15,
                "lifted": 0.1,
                "shortened": 0.3,
                "moved": 0.3,
                "thinnest": 1.5,
                "thickest": 3.4,
            },
        }

    @pytest.mark.parametrize("name", MODELS)
    def test_the_packaged_model_holds_its_recipe(self, name):
        network = Network.load(data_path("models", f"{name}.npz"))
        assert network.info["recipe"] == MODELS[name].to_json()
        assert Recipe.from_json(network.info["recipe"]) == MODELS[name]
        assert repr(network) == repr(MODELS[name].network())


DAMAGED = [
    {"widths": 5},
    {"optimizer": {"kind": "SGD", "learning_rate": 0.1}},
    {"optimizer": {"learning_rate": 0.1}},
    {"optimizer": {"kind": "Adam", "lr": 0.1}},
    {"optimizer": {"kind": "Adam", "learning_rate": -1}},
    {"optimizer": {"kind": "Adam", "learning_rate": "fast"}},
    {"optimizer": {"kind": ["Adam"]}},
    {"schedule": {"kind": "ExponentialDecay", "final": 2}},
    {"prepare": "with_habits"},
]
WRONG_KINDS = [
    {"widths": []},
    {"widths": "784"},
    {"widths": [784, "10"]},
    {"optimizer": "Adam(0.001)"},
    {"optimizer": None},
    {"optimizer": {"kind": "CosineDecay"}},
    {"schedule": {"kind": "Adam"}},
    {"schedule": "cosine_decay"},
    {"augmentation": 3},
    {"epochs": "many"},
    {"l2": None},
    {"handwriting": "half"},
]


class TestDamagedJson:
    @pytest.mark.parametrize("values", [None, [], "softmax", 3, {}], ids=repr)
    def test_other_values_are_refused_with_a_sentence(self, values):
        with pytest.raises(ValueError, match=r"^This is not a recipe that nnlib wrote: .+\.$"):
            Recipe.from_json(values)

    @pytest.mark.parametrize("missing", ["widths", "optimizer", "epochs"])
    def test_a_missing_field_is_refused_by_name(self, missing):
        values = MODELS["robust"].to_json()
        del values[missing]
        with pytest.raises(ValueError, match=rf"not a recipe .*{missing}"):
            Recipe.from_json(values)

    @pytest.mark.parametrize(
        "change",
        [*DAMAGED, *WRONG_KINDS],
        ids=str,
    )
    def test_a_wrong_field_is_refused_with_a_sentence(self, change):
        with pytest.raises(ValueError, match=r"\.$"):
            Recipe.from_json(MODELS["robust"].to_json() | change)


class TestTrainingData:
    def test_every_ingredient_is_added(self, few, monkeypatch):
        monkeypatch.setattr("nnlib.datasets.optdigits.load_optdigits", lambda: few.test)
        recipe = replace(TINY, augmentation=None, optdigits=2)
        made = recipe.training_data(few.train)
        changed = with_handwriting(few.train, 0.5)
        assert (changed.images != few.train.images).any()
        images = [changed.images, few.test.images, few.test.images]
        labels = [changed.labels, few.test.labels, few.test.labels]
        np.testing.assert_array_equal(made.images, np.concatenate(images))
        np.testing.assert_array_equal(made.labels, np.concatenate(labels))

    def test_augmentation_changes_the_batches(self, few):
        recipe = replace(TINY, handwriting=0.0)
        made, plain = (
            split.batch(slice(9), np.random.default_rng(1))[0]
            for split in (recipe.training_data(few.train), few.train)
        )
        expected = TINY.augmentation(plain, np.random.default_rng(1))
        np.testing.assert_array_equal(made, expected)

    def test_without_ingredients_it_is_mnist(self, few):
        assert MODELS["deep"].training_data(few.train) is few.train


class TestTraining:
    def test_it_follows_every_line_of_the_recipe(self, few):
        trained, history = TINY.train(few, seed=3, progress=False)
        network = Network(Dense(784, 8, 0.1), ReLU(), Dense(8, 10, 0.1), seed=3)
        expected = fit(
            network,
            with_handwriting(few.train, 0.5).augmented(Augmentation(rotation=5, warp=1)),
            few.dev,
            Momentum(0.05, momentum=0.8),
            ExponentialDecay(0.5),
            l2=1e-3,
            epochs=2,
            batch_size=20,
            seed=3,
            progress=False,
        )
        assert trained.parameters.tobytes() == network.parameters.tobytes()
        assert history.drop(columns="seconds").equals(expected.drop(columns="seconds"))

    def test_info_says_how_the_model_was_made(self, few):
        network, history = TINY.train(few, seed=3, progress=False)
        loss, accuracy = loss_and_accuracy(network, few.dev.images, few.dev.labels)
        assert network.info["seed"] == 3
        assert network.info["recipe"] == TINY.to_json()
        assert network.info["metrics"] == {
            "dev_accuracy": round(accuracy, 4),
            "dev_loss": round(loss, 4),
        }
        assert accuracy == history["dev_accuracy"].max()
        assert network.info["dataset"] == few.checksums and len(few.checksums) == 4
        json.dumps(network.info)

    def test_info_names_optdigits_only_if_they_are_used(self, few, monkeypatch):
        monkeypatch.setattr("nnlib.datasets.optdigits.load_optdigits", lambda: few.test)
        network, _ = replace(TINY, optdigits=1, epochs=1).train(few, progress=False)
        packed = data_path("optdigits", "digits.csv.gz").read_bytes()
        others = set(network.info["dataset"].items()) - set(few.checksums.items())
        assert [checksum for _, checksum in others] == [hashlib.sha256(packed).hexdigest()]

    def test_a_saved_model_is_trained_again_from_its_file(self, few, tmp_path):
        first, again = tmp_path / "first.npz", tmp_path / "again.npz"
        TINY.train(few, seed=3, progress=False)[0].save(first)
        info = Network.load(first).info
        network, _ = Recipe.from_json(info["recipe"]).train(few, info["seed"], progress=False)
        network.save(again)
        assert again.read_bytes() == first.read_bytes()

    def test_another_seed_gives_another_model(self, few):
        models = [TINY.train(few, seed, progress=False)[0] for seed in (0, 1)]
        assert (models[0].weights != models[1].weights).any()

    def test_training_leaves_the_recipe_unchanged(self, few):
        """Momentum has a state, and the second training must not start with that of the first."""
        recipe = replace(TINY)
        first, _ = recipe.train(few, progress=False)
        assert recipe == TINY and recipe.optimizer.v is None
        second, _ = recipe.train(few, progress=False)
        assert second.parameters.tobytes() == first.parameters.tobytes()

    def test_progress_is_shown_only_if_asked_for(self, few, capsys):
        TINY.train(few, progress=False)
        assert capsys.readouterr() == ("", "")
        TINY.train(few)
        out, err = capsys.readouterr()
        assert out == "" and "training" in err
