"""Experiments: recipes trained and measured, results files merged, tables in Markdown."""

import json

import pytest

from nnlib import GradientDescent, Network
from nnlib.datasets.splits import Digits, Split
from nnlib.files import data_path, write_json
from nnlib.training.experiments import (
    ablation_table,
    augmentation_table,
    merge_runs,
    models_table,
    read_runs,
    train_and_measure,
)
from nnlib.training.metrics import loss_and_accuracy
from nnlib.training.recipes import Recipe

RECIPES = {
    "one": Recipe((784, 10), GradientDescent(0.1), epochs=1, batch_size=20),
    "two": Recipe((784, 8, 10), GradientDescent(0.1), epochs=2, batch_size=20),
}


@pytest.fixture(scope="module")
def few(digits) -> Digits:
    sizes = ((digits.train, 200), (digits.dev, 90), (digits.test, 80))
    return Digits(*(Split(split.images[:n], split.labels[:n]) for split, n in sizes))


class TestTrainAndMeasure:
    def test_it_measures_every_recipe_seed_and_split(self, few):
        splits = {"dev": few.dev, "pens": few.test}
        runs = train_and_measure(RECIPES, few, (2, 0), splits)
        assert list(runs) == ["one", "two"]
        for name, recipe in RECIPES.items():
            assert [run["seed"] for run in runs[name]] == [2, 0]
            for run in runs[name]:
                network, _ = recipe.train(few, run["seed"], progress=False)
                expected = {"seed": run["seed"]}
                for split, data in splits.items():
                    loss, accuracy = loss_and_accuracy(network, data.images, data.labels)
                    expected |= {split: accuracy, f"{split}_loss": round(loss, 5)}
                assert run == expected

    def test_it_saves_the_networks_of_seed_0(self, few, tmp_path):
        train_and_measure(RECIPES, few, (1, 0), {"dev": few.dev}, save_to=tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["one.npz", "two.npz"]
        for name, recipe in RECIPES.items():
            network = Network.load(tmp_path / f"{name}.npz")
            expected, _ = recipe.train(few, 0, progress=False)
            assert network.parameters.tobytes() == expected.parameters.tobytes()
            assert network.info == expected.info | {"name": name}

    def test_without_seed_0_it_saves_no_network(self, few, tmp_path):
        train_and_measure(RECIPES, few, (1,), {"dev": few.dev}, save_to=tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_progress_goes_to_standard_error(self, few, capsys):
        train_and_measure(RECIPES, few, (0, 1), {})
        out, err = capsys.readouterr()
        assert out == ""
        for name in RECIPES:
            assert f"{name}, seed 0\n" in err and f"{name}, seed 1\n" in err


RUNS = {"one": [{"seed": 0, "dev": 0.9}, {"seed": 1, "dev": 0.8}], "two": [{"seed": 2, "dev": 0.7}]}


class TestReadRuns:
    def test_it_reads_what_was_written(self, tmp_path):
        write_json(tmp_path / "runs.json", {"command": "nnlib reproduce models", "models": RUNS})
        assert read_runs(tmp_path / "runs.json", "models") == RUNS

    def test_a_missing_file_has_no_runs(self, tmp_path):
        assert read_runs(tmp_path / "runs.json", "models") == {}

    @pytest.mark.parametrize(
        ("name", "key"),
        [("models", "models"), ("ablation", "recipes"), ("augmentation", "recipes")],
    )
    def test_it_reads_the_packaged_results(self, name, key):
        runs = read_runs(data_path("results", f"{name}.json"), key)
        assert all(run["seed"] == i for each in runs.values() for i, run in enumerate(each))

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"{",
            b"\xff\xfe",
            b"[]",
            b"7",
            b"{}",
            b'{"recipes": {}}',
            b'{"models": []}',
            b'{"models": null}',
            b'{"models": {"one": 7}}',
            b'{"models": {"one": [7]}}',
            b'{"models": {"one": [{"dev": 0.9}]}}',
            b'{"models": {"one": [{"seed": "0"}]}}',
            pytest.param(b"[" * 100_000, id="nested"),
            pytest.param(b" " * 10_000_001 + b"{}", id="large"),
        ],
    )
    def test_another_file_is_refused_and_left_as_it_is(self, content, tmp_path):
        path = tmp_path / "runs.json"
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"runs\.json is not a results file") as caught:
            read_runs(path, "models")
        assert str(caught.value) == f"{path} is not a results file, and is left as it is."
        assert path.read_bytes() == content


NEW = {"two": [{"seed": 2, "dev": 0.75}, {"seed": 1, "dev": 0.65}], "three": []}


class TestMergeRuns:
    def test_a_new_run_replaces_the_one_of_its_seed(self):
        assert merge_runs(RUNS, NEW) == {
            "one": RUNS["one"],
            "two": [{"seed": 1, "dev": 0.65}, {"seed": 2, "dev": 0.75}],
            "three": [],
        }

    def test_a_run_of_another_seed_is_kept(self):
        merged = merge_runs(RUNS, {"one": [{"seed": 2, "dev": 0.1}]})
        assert merged == RUNS | {"one": [*RUNS["one"], {"seed": 2, "dev": 0.1}]}

    def test_known_names_keep_their_places(self):
        assert list(merge_runs(RUNS, {"zero": [], "one": []})) == ["one", "two", "zero"]

    def test_the_arguments_are_not_changed(self):
        before = json.dumps([RUNS, NEW])
        merge_runs(RUNS, NEW)
        assert json.dumps([RUNS, NEW]) == before

    def test_merging_with_nothing_changes_nothing(self):
        assert merge_runs({}, RUNS) == merge_runs(RUNS, {}) == RUNS


def runs(**measured: list[float]) -> list[dict]:
    """One run for each value: runs(dev=[0.9, 0.8]) are two."""
    values = zip(*measured.values(), strict=True)
    return [{"seed": i} | dict(zip(measured, v, strict=True)) for i, v in enumerate(values)]


class TestTables:
    def test_models_by_hand(self):
        """In the order of the recipes, and without a model that has no recipe."""
        results = {
            "other": runs(dev=[0.5], test=[0.5]),
            "deep": runs(dev=[0.98], test=[0.97]),
            "softmax": runs(dev=[0.92, 0.93], test=[0.91, 0.915]),
        }
        # The standard deviation of 92 and 93 is 1 / √2, that of 91 and 91.5 half of it.
        assert models_table({"models": results}).splitlines() == [
            "| model | layers | dev | test |",
            "|---|---|---|---|",
            "| `softmax` | 784→10 | 92.50 ± 0.71 % | 91.25 ± 0.35 % |",
            "| `deep` | 784→256→128→10 | 98.00 % | 97.00 % |",
        ]

    def test_ablation_by_hand(self):
        results = {
            "deep, complete": runs(dev=[0.98, 0.97], dev_loss=[0.05, 0.07], train=[1, 0.99]),
            "no L2": runs(dev=[0.975], dev_loss=[0.08123], train=[1]),
        }
        assert ablation_table({"recipes": results}).splitlines() == [
            "| recipe | dev accuracy | dev loss | train accuracy |",
            "|---|---|---|---|",
            "| deep, complete | 97.50 ± 0.71 % | 0.0600 | 99.50% |",
            "| no L2 | 97.50 % | 0.0812 | 100.00% |",
        ]

    def test_augmentation_by_hand(self):
        results = {
            "everything": runs(dev=[0.99], pens=[0.96]),
            "no warp": runs(dev=[0.99, 0.98], pens=[0.94, 0.94]),
        }
        assert augmentation_table({"recipes": results}).splitlines() == [
            "| trained with | dev | pens |",
            "|---|---|---|",
            "| everything | 99.00 % | 96.00 % |",
            "| no warp | 98.50 ± 0.71 % | 94.00 ± 0.00 % |",
        ]
