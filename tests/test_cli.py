"""The command line: results on standard output, everything else on standard error."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import nnlib
from nnlib import Dense, Network, Recognizer, ReLU, cli, fit, ladder
from nnlib.data import Digits, Split
from nnlib.drawing import normalise_strokes
from nnlib.files import data_path
from nnlib.metrics import confusion_matrix, evaluate
from nnlib.optimizers import GradientDescent, cosine_decay

ROOT = Path(nnlib.__file__).parent.parent
SEVEN = [[[160, 110], [340, 110], [220, 400]]]
ONE = [[[250, 100], [250, 400]]]


def run(*arguments) -> subprocess.CompletedProcess:
    """`python -m nnlib …`, as somebody would type it."""
    command = [sys.executable, "-m", "nnlib", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")


def printed(capsys, *arguments) -> str:
    """What a command prints, run in this process, where it is quick."""
    cli.main([str(argument) for argument in arguments])
    return capsys.readouterr().out


@pytest.fixture
def seven() -> np.ndarray:
    """A picture of a seven, bright on dark."""
    return normalise_strokes([np.array(stroke, np.float64) for stroke in SEVEN])


COMMANDS = ("train", "evaluate", "predict", "ladder", "ablation", "reference")


class TestHelp:
    @pytest.mark.parametrize("command", [[], *([command] for command in COMMANDS)])
    def test_is_there_for_every_command(self, command, capsys):
        with pytest.raises(SystemExit) as caught:
            cli.main([*command, "--help"])
        out, err = capsys.readouterr()
        assert caught.value.code == 0 and err == ""
        assert out.startswith(" ".join(["usage: python -m nnlib", *command]))

    def test_names_every_command(self):
        result = run("--help")
        assert result.returncode == 0
        for command in COMMANDS:
            assert f"\n    {command}" in result.stdout


class TestEvaluate:
    def test_prints_one_json_object_and_nothing_else(self, digits):
        result = run("evaluate", "softmax", "--json")
        assert (result.returncode, result.stderr) == (0, "")
        answer = json.loads(result.stdout)
        assert result.stdout.count("\n") == 1

        network = Recognizer.load("softmax").network
        images, labels = digits.test.images, digits.test.labels
        loss, accuracy = evaluate(network, images, labels)
        assert answer["n"] == 10_000
        assert answer["accuracy"] == pytest.approx(accuracy)
        assert answer["loss"] == pytest.approx(loss)
        expected = confusion_matrix(network.predict(images), labels)
        np.testing.assert_array_equal(answer["confusion"], expected)

    @pytest.mark.parametrize("name", ["hidden", "deep"])
    def test_agrees_with_the_metrics_for_every_model(self, name, digits, capsys):
        answer = json.loads(printed(capsys, "evaluate", name, "--json"))
        network = Recognizer.load(name).network
        accuracy = evaluate(network, digits.test.images, digits.test.labels)[1]
        assert answer["accuracy"] == pytest.approx(accuracy)
        assert np.trace(answer["confusion"]) == round(accuracy * 10_000)

    def test_takes_the_path_of_a_model(self, capsys):
        path = data_path("models", "softmax.npz")
        by_path = json.loads(printed(capsys, "evaluate", path, "--json"))
        by_name = json.loads(printed(capsys, "evaluate", "softmax", "--json"))
        assert by_path["accuracy"] == by_name["accuracy"]

    def test_prints_a_table_for_people(self, capsys):
        answer = json.loads(printed(capsys, "evaluate", "softmax", "--json"))
        text = printed(capsys, "evaluate", "softmax")
        assert f"accuracy {answer['accuracy']:.2%}" in text
        rows = [line.split() for line in text.splitlines()[-10:]]
        assert [int(row[0]) for row in rows] == list(range(10))
        counts = [[int(count.replace("·", "0")) for count in row[1:]] for row in rows]
        assert counts == answer["confusion"]


class TestPredict:
    def test_reads_a_png(self, tmp_path, seven):
        Image.fromarray(np.round(255 - 255 * seven).astype(np.uint8)).save(tmp_path / "seven.png")
        result = run("predict", tmp_path / "seven.png")
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.startswith("7  ") and result.stdout.count("\n") == 1

    def test_reads_an_array(self, tmp_path, seven, capsys):
        np.save(tmp_path / "seven.npy", seven)
        assert printed(capsys, "predict", tmp_path / "seven.npy").startswith("7  ")

    def test_reads_drawings_line_by_line(self, tmp_path, deep, capsys):
        path = tmp_path / "drawings.jsonl"
        path.write_text("".join(json.dumps({"strokes": s}) + "\n" for s in (SEVEN, ONE, SEVEN)))
        lines = printed(capsys, "predict", path).splitlines()
        assert [line[0] for line in lines] == ["7", "1", "7"]

        (answer,) = json.loads(printed(capsys, "predict", path, "--json")).values()
        for prediction, strokes in zip(answer, (SEVEN, ONE, SEVEN), strict=True):
            reading = deep.read(strokes)
            assert prediction["digit"] == reading.digit
            assert prediction["confidence"] == pytest.approx(reading.confidence)
            assert prediction["probabilities"] == pytest.approx(reading.probabilities.tolist())

    def test_prints_one_json_object(self, tmp_path, seven):
        np.save(tmp_path / "seven.npy", seven)
        result = run("predict", tmp_path / "seven.npy", "--json")
        assert (result.returncode, result.stderr) == (0, "")
        assert [p["digit"] for p in json.loads(result.stdout)["predictions"]] == [7]

    def test_asks_the_model_that_is_named(self, tmp_path, seven, capsys):
        np.save(tmp_path / "seven.npy", seven)
        answers = {
            name: printed(capsys, "predict", tmp_path / "seven.npy", "--model", name, "--json")
            for name in ("softmax", "deep")
        }
        expected = Recognizer.load("softmax").read_image(seven).confidence
        assert json.loads(answers["softmax"])["predictions"][0]["confidence"] == expected
        assert answers["softmax"] != answers["deep"]


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "content", "sentence"),
        [
            (["evaluate", "deeper"], None, "There is no model 'deeper'"),
            (["evaluate", "{file}.npz"], None, "There is no model file"),
            (["evaluate", "{file}.npz"], b"not a model", "is not a model that nnlib saved"),
            (["predict", "{file}.png"], None, "There is no file"),
            (["predict", "{file}.png"], b"not an image", "cannot be read as an image"),
            (["predict", "{file}.npy"], b"not an array", "cannot be read as an image"),
            (["predict", "{file}.jsonl"], None, "There is no drawings file"),
            (["predict", "{file}.jsonl"], b'{"strokes": [[[1, 2]]]}\n{"strokes": []}', "line 2"),
            (["predict", "{file}.jsonl", "--model", "deeper"], b"", "There is no model"),
        ],
    )
    def test_are_one_sentence_on_standard_error(self, tmp_path, arguments, content, sentence):
        file = tmp_path / "file"
        arguments = [argument.format(file=file) for argument in arguments]
        if content is not None:
            Path(arguments[1]).write_bytes(content)
        result = run(*arguments)
        assert result.returncode == 1
        assert result.stdout == ""
        assert result.stderr.startswith("nnlib: ") and result.stderr.count("\n") == 1
        assert sentence in result.stderr and "Traceback" not in result.stderr

    @pytest.mark.parametrize(
        "arguments", [[], ["paint"], ["train"], ["train", "deeper"], ["evaluate"], ["predict"]]
    )
    def test_of_usage_show_the_usage(self, arguments, capsys):
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        out, err = capsys.readouterr()
        assert caught.value.code == 2 and out == ""
        assert err.startswith("usage: python -m nnlib")

    def test_in_the_data_are_told_the_same_way(self, monkeypatch, capsys):
        def missing():
            raise nnlib.data.DataError("train-images-idx3-ubyte.gz is missing.")

        monkeypatch.setattr(cli, "load_mnist", missing)
        with pytest.raises(SystemExit, match=r"nnlib: train-images-idx3-ubyte\.gz is missing\."):
            cli.main(["evaluate", "softmax", "--json"])
        assert capsys.readouterr().out == ""

    def test_include_an_interruption(self, monkeypatch):
        def interrupted():
            raise KeyboardInterrupt

        monkeypatch.setattr(cli, "load_mnist", interrupted)
        with pytest.raises(SystemExit, match="nnlib: interrupted"):
            cli.main(["train", "softmax"])


class TestTraining:
    @pytest.fixture(autouse=True)
    def few(self, monkeypatch, digits):
        """A ladder that is climbed in a second, with a tenth of the digits."""
        one = ladder.Recipe((784, 16, 10), lambda: GradientDescent(0.1), epochs=1, batch_size=20)
        monkeypatch.setattr(ladder, "LADDER", {"softmax": one, "deep": replace(one, l2=0.1)})
        splits = (digits.train, digits.dev, digits.test)
        few = Digits(*(Split(s.images[::10], s.labels[::10]) for s in splits))
        monkeypatch.setattr(cli, "load_mnist", lambda: few)
        return few

    def test_writes_a_model_that_can_be_used(self, tmp_path, few, capsys):
        cli.main(["train", "softmax", "deep", "--out", str(tmp_path)])
        out, err = capsys.readouterr()
        assert "training" in err
        assert sorted(path.name for path in tmp_path.iterdir()) == ["deep.npz", "softmax.npz"]
        network = Network.load(tmp_path / "softmax.npz")
        accuracy = evaluate(network, few.dev.images, few.dev.labels)[1]
        assert accuracy > 0.8
        assert out.splitlines()[0] == f"{tmp_path / 'softmax.npz'}: {accuracy:.2%} right on dev"
        assert network.info["recipe"] == ladder.LADDER["softmax"].describe()
        assert network.info["metrics"]["dev_accuracy"] == pytest.approx(accuracy, abs=1e-4)

    def test_follows_every_line_of_the_recipe(self, few):
        recipe = replace(ladder.LADDER["deep"], schedule=cosine_decay, init=0.1)
        ladder.LADDER["deep"] = recipe
        trained, history = ladder.train("deep", few, seed=3, progress=False)
        network = Network(Dense(784, 16, 0.1), ReLU(), Dense(16, 10, 0.1), seed=3)
        expected = fit(
            network,
            few.train,
            few.dev,
            GradientDescent(0.1),
            cosine_decay,
            l2=0.1,
            epochs=1,
            batch_size=20,
            seed=3,
            progress=False,
        )
        assert trained.parameters.tobytes() == network.parameters.tobytes()
        assert history["loss"].tolist() == expected["loss"].tolist()
        assert trained.info["recipe"]["schedule"] == "cosine_decay"

    def test_gives_the_same_file_twice_and_another_for_another_seed(self, tmp_path):
        for folder in ("first", "second"):
            cli.main(["train", "softmax", "--out", str(tmp_path / folder)])
        cli.main(["train", "softmax", "--seed", "1", "--out", str(tmp_path / "second")])
        first = (tmp_path / "first" / "softmax.npz").read_bytes()
        assert (tmp_path / "second" / "softmax.npz").read_bytes() == first
        assert (tmp_path / "second" / "softmax-seed1.npz").read_bytes() != first

    def test_of_the_whole_ladder_is_written_down_and_shown(
        self, tmp_path, monkeypatch, few, capsys
    ):
        monkeypatch.setattr(cli, "data_path", lambda *parts: tmp_path.joinpath(*parts))
        cli.main(["ladder", "--seeds", "0", "1"])
        results = json.loads((tmp_path / "results" / "ladder.json").read_text(encoding="utf-8"))
        assert list(results["models"]) == ["softmax", "deep"]
        runs = results["models"]["softmax"]
        assert [run["seed"] for run in runs] == [0, 1]
        network = ladder.train("softmax", few, seed=1, progress=False)[0]
        for split in ("dev", "test"):
            data = getattr(few, split)
            assert runs[1][split] == evaluate(network, data.images, data.labels)[1]

        out = capsys.readouterr().out
        mean = 50 * (runs[0]["dev"] + runs[1]["dev"])
        spread = 100 * abs(runs[0]["dev"] - runs[1]["dev"]) / 2**0.5
        assert f"| `softmax` | 784→16→10 | {mean:.2f} ± {spread:.2f} % |" in out

    def test_of_the_ablation_is_written_down_and_shown(self, tmp_path, monkeypatch, few, capsys):
        deep = ladder.LADDER["deep"]
        recipes = {"complete": deep, "no L2": replace(deep, l2=0.0)}
        monkeypatch.setattr(ladder, "ABLATION", recipes)
        monkeypatch.setattr(cli, "data_path", lambda *parts: tmp_path.joinpath(*parts))
        cli.main(["ablation", "--seeds", "4"])
        out = capsys.readouterr().out
        written = (tmp_path / "results" / "ablation.json").read_text(encoding="utf-8")
        results = json.loads(written)["recipes"]
        for name, recipe in recipes.items():
            network = recipe.train(few, seed=4, progress=False)[0]
            loss, accuracy = evaluate(network, few.dev.images, few.dev.labels)
            assert [run["seed"] for run in results[name]] == [4]
            assert results[name][0]["dev"] == accuracy
            assert results[name][0]["dev_loss"] == pytest.approx(loss, abs=1e-5)
            assert f"| {name} | {100 * accuracy:.2f} % | {loss:.4f} |" in out


def test_reference_writes_what_the_training_images_measure(tmp_path, monkeypatch, digits, capsys):
    measured = {"percentiles": [5, 95], "digits": {}}
    monkeypatch.setattr(cli, "data_path", lambda *parts: tmp_path.joinpath(*parts))
    monkeypatch.setattr(cli, "load_mnist", lambda: digits)
    monkeypatch.setattr(
        cli, "measure_training_data", lambda split: measured if split is digits.train else None
    )
    cli.main(["reference"])
    written = json.loads((tmp_path / "reference.json").read_text(encoding="utf-8"))
    assert written == {"command": "python -m nnlib reference"} | measured
    assert capsys.readouterr() == ("", f"wrote {tmp_path / 'reference.json'}\n")
