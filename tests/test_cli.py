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
from nnlib.augment import Augmentation
from nnlib.data import PIXELS, Digits, Split
from nnlib.drawing import Drawing, check_strokes, normalise_strokes, read_drawings, write_drawings
from nnlib.evaluation import as_split, evaluate_drawings, evaluate_images
from nnlib.files import data_path
from nnlib.metrics import confusion_matrix, evaluate
from nnlib.optimizers import GradientDescent, cosine_decay

ROOT = Path(nnlib.__file__).parent.parent
SEVEN = [[[160, 110], [340, 110], [220, 400]]]
ONE = [[[250, 100], [250, 400]]]
FOUR = [[[220, 100], [160, 280], [340, 280]], [[290, 180], [280, 410]]]


def run(*arguments) -> subprocess.CompletedProcess:
    """`python -m nnlib …`, as somebody would type it."""
    command = [sys.executable, "-m", "nnlib", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")


def printed(capsys, *arguments) -> str:
    """What a command prints, run in this process, where it is quick."""
    cli.main([str(argument) for argument in arguments])
    return capsys.readouterr().out


def refused(capsys, *arguments) -> str:
    """The sentence with which a command ends that cannot go on."""
    with pytest.raises(SystemExit) as caught:
        cli.main([str(argument) for argument in arguments])
    assert capsys.readouterr().out == ""
    assert caught.value.code.startswith("nnlib: ")  # printed, with the exit code 1
    return caught.value.code


@pytest.fixture
def seven() -> np.ndarray:
    """A picture of a seven, bright on dark."""
    return normalise_strokes([np.array(stroke, np.float64) for stroke in SEVEN])


COMMANDS = (
    "train",
    "evaluate",
    "predict",
    "convert",
    "ladder",
    "ablation",
    "augmentation",
    "reference",
)


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


class TestEvaluateDrawings:
    # `deep` reads all of them right; one is labelled wrong.
    DRAWINGS = (
        Drawing(check_strokes(SEVEN), 7, 1),
        Drawing(check_strokes(SEVEN), 1, 2, canvas=400, pen=10),
        Drawing(check_strokes(ONE), 1, 2),
        Drawing(check_strokes(FOUR), 4, 3, canvas=900),
        Drawing(check_strokes(ONE), 1),
    )

    @pytest.fixture
    def file(self, tmp_path):
        path = tmp_path / "mine.jsonl.gz"
        write_drawings(path, self.DRAWINGS)
        return path

    def test_prints_one_json_object_and_nothing_else(self, file, deep):
        result = run("evaluate", "deep", "--drawings", file, "--json")
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.count("\n") == 1
        answer = json.loads(result.stdout)
        assert answer["n"] == 5 and answer["accuracy"] == 0.8
        assert answer["model"] == "deep" and answer["path"] == "strokes"
        assert answer["digits"]["1"] == {"n": 3, "accuracy": pytest.approx(2 / 3)}
        assert answer["writers"]["2"] == {"n": 2, "accuracy": 0.5}
        assert np.argwhere(answer["confusion"]).tolist() == [[1, 1], [1, 7], [4, 4], [7, 7]]
        assert answer.items() >= evaluate_drawings(deep, self.DRAWINGS).items()

    def test_prints_tables_for_people(self, file, capsys):
        lines = printed(capsys, "evaluate", "deep", "--drawings", file).splitlines()
        assert lines[0] == "deep on 5 of mine.jsonl.gz, strokes"
        assert lines[1] == "accuracy 80.00%"
        tables = [line.split() for line in lines]
        assert tables[tables.index(["writer", "n", "accuracy"]) + 2] == ["2", "2", "50.00%"]
        assert tables[tables.index(["digit", "n", "accuracy"]) + 1] == ["1", "3", "66.67%"]
        label_1 = lines[-9].split()
        assert label_1 == ["1", "·", "2", "·", "·", "·", "·", "·", "1", "·", "·"]

    @pytest.mark.parametrize("path", ["as-drawn", "mnist", "strokes"])
    def test_goes_every_path(self, file, deep, path, capsys):
        command = ("evaluate", "deep", "--drawings", file, "--path", path)
        answer = json.loads(printed(capsys, *command, "--json"))
        assert answer["path"] == path
        assert answer.items() >= evaluate_drawings(deep, self.DRAWINGS, path).items()
        assert f"mine.jsonl.gz, {path}\n" in printed(capsys, *command)

    @pytest.mark.parametrize(
        ("writers", "n"), [("1-2", 3), ("2-3", 3), ("2", 2), ("1-1", 1), ("1-100", 4)]
    )
    def test_takes_only_the_writers_that_are_asked_for(self, file, writers, n, capsys):
        command = ("evaluate", "deep", "--drawings", file, "--writers", writers, "--json")
        answer = json.loads(printed(capsys, *command))
        assert answer["n"] == sum(writer["n"] for writer in answer["writers"].values()) == n

    def test_refuses_writers_that_drew_nothing(self, file, capsys):
        command = ("evaluate", "deep", "--drawings", file, "--writers", "50-60")
        assert "There is no drawing to evaluate" in refused(capsys, *command)

    def test_refuses_drawings_without_a_label(self, file, capsys):
        write_drawings(file, [self.DRAWINGS[0], Drawing(check_strokes(ONE))])
        sentence = refused(capsys, "evaluate", "deep", "--drawings", file)
        assert sentence == 'nnlib: Drawing 2 has no "label" to compare the answer with.'

    @pytest.mark.parametrize("option", [["--path", "mnist"], ["--writers", "1-2"]])
    def test_refuses_what_says_nothing_of_images(self, option, capsys):
        for images in ([], ["--images", "theirs.npz"]):
            sentence = refused(capsys, "evaluate", "deep", *images, *option)
            assert "--path and --writers say something of drawings" in sentence


class TestEvaluateImages:
    @pytest.mark.parametrize("name", ["theirs.npz", "theirs.csv"])
    def test_reads_arrays_and_csv(self, tmp_path, digits, deep, name, capsys):
        images = np.round(digits.dev.images[:20] * 255).astype(np.uint8)
        labels = (digits.dev.labels[:20] + (np.arange(20) < 5)) % 10  # five are labelled wrong
        if name.endswith("csv"):
            rows = [["label", *PIXELS], *np.column_stack([labels, images]).tolist()]
            text = "\n".join(",".join(map(str, row)) for row in rows)
            (tmp_path / name).write_text(text)
        else:
            np.savez(tmp_path / name, images=images.reshape(20, 28, 28), labels=labels)
        answer = json.loads(
            printed(capsys, "evaluate", "deep", "--images", tmp_path / name, "--json")
        )
        assert answer["n"] == 20 and answer["accuracy"] == 0.75
        assert answer["data"] == name and "writers" not in answer
        expected = evaluate_images(deep, images.reshape(20, 28, 28), labels)
        assert answer.items() >= expected.items()

        text = printed(capsys, "evaluate", "deep", "--images", tmp_path / name)
        assert text.startswith(f"deep on 20 of {name}\naccuracy 75.00%\n\ndigit ")

    def test_refuses_images_that_cannot_be_read_by_number(self, tmp_path, capsys):
        np.savez(tmp_path / "empty.npz", images=np.zeros((2, 28, 28)), labels=np.zeros(2))
        sentence = refused(capsys, "evaluate", "deep", "--images", tmp_path / "empty.npz")
        assert sentence.startswith("nnlib: Image 1: The image shows no ink")

    def test_refuses_other_files(self, tmp_path, capsys):
        (tmp_path / "letter.npz").write_text("Dear all")
        sentence = refused(capsys, "evaluate", "deep", "--images", tmp_path / "letter.npz")
        assert "letter.npz cannot be read as an .npz" in sentence


class TestSave:
    @pytest.fixture
    def drawings(self, tmp_path):
        write_drawings(tmp_path / "mine.jsonl", TestEvaluateDrawings.DRAWINGS)
        return tmp_path / "mine.jsonl"

    def test_writes_what_is_printed(self, tmp_path, drawings, capsys):
        saved = tmp_path / "new folder" / "pens.json"
        command = ("evaluate", "deep", "--drawings", drawings, "--writers", "1-2")
        answer = json.loads(printed(capsys, *command, "--save", saved, "--json"))
        expected = (
            "python -m nnlib evaluate deep --drawings mine.jsonl --path strokes --writers 1-2"
        )
        assert answer["command"] == expected
        assert json.loads(saved.read_text(encoding="utf-8")) == {"results": [answer]}

    def test_replaces_the_result_of_the_same_command_and_keeps_the_others(
        self, tmp_path, drawings, capsys
    ):
        saved = tmp_path / "pens.json"
        for path in ("strokes", "as-drawn", "mnist"):
            arguments = ("evaluate", "deep", "--drawings", drawings, "--path", path)
            printed(capsys, *arguments, "--save", saved)
        before = json.loads(saved.read_text(encoding="utf-8"))["results"]
        assert [result["path"] for result in before] == ["as-drawn", "mnist", "strokes"]

        write_drawings(drawings, TestEvaluateDrawings.DRAWINGS[:2])
        printed(capsys, "evaluate", "deep", "--drawings", drawings, "--save", saved)
        after = json.loads(saved.read_text(encoding="utf-8"))["results"]
        assert after[:2] == before[:2]
        assert [result["n"] for result in after] == [5, 5, 2]

    @pytest.mark.parametrize(
        "content", ["A letter.", "", "[]", "{}", '{"results": 5}', '{"results": [{"n": 3}]}']
    )
    def test_refuses_a_file_of_something_else_and_leaves_it_as_it_is(
        self, tmp_path, drawings, content, capsys
    ):
        (tmp_path / "other.json").write_text(content)
        command = ("evaluate", "deep", "--drawings", drawings, "--save", tmp_path / "other.json")
        sentence = refused(capsys, *command)
        assert sentence.endswith("other.json is not a file of results, and is left as it is.")
        assert (tmp_path / "other.json").read_text() == content


class TestConvert:
    def originals(self, tmp_path) -> list[Path]:
        paths = [tmp_path / "pendigits-orig.tra", tmp_path / "pendigits-orig.tes"]
        for path, label in zip(paths, (4, 9), strict=True):
            path.write_text(
                f'.SEGMENT DIGIT 0-1 ? "{label}"\n.COMMENT {label} 12 1\n'
                ".PEN_DOWN\n 100 400\n 100 200\n.PEN_UP\n" * 2
            )
        return paths

    @pytest.mark.parametrize("name", ["pens.jsonl", "pens.jsonl.gz"])
    def test_makes_one_drawings_file_of_several(self, tmp_path, name, capsys):
        out = tmp_path / name
        text = printed(capsys, "convert", *self.originals(tmp_path), out)
        assert text == f"{out}: 4 drawings\n"
        drawings = list(read_drawings(out))
        assert [drawing.label for drawing in drawings] == [4, 4, 9, 9]
        assert {drawing.writer for drawing in drawings} == {12}
        assert drawings[3].strokes[0].tolist() == [[100, 100], [100, 300]]

    @pytest.mark.parametrize("name", ["pens.json", "pens", "pens.gz", "pens.tra"])
    def test_refuses_to_write_another_kind_of_file(self, tmp_path, name, capsys):
        paths = self.originals(tmp_path)
        sentence = refused(capsys, "convert", *paths, tmp_path / name)
        assert sentence.endswith(f"{name} must end in .jsonl or .jsonl.gz.")
        assert sorted(tmp_path.iterdir()) == sorted(paths)

    def test_leaves_nothing_behind_where_one_is_damaged(self, tmp_path, capsys):
        paths = self.originals(tmp_path)
        paths[1].write_text(paths[1].read_text() + "x y z\n.PEN_DOWN\nx y z\n")
        sentence = refused(capsys, "convert", *paths, tmp_path / "pens.jsonl")
        assert "pendigits-orig.tes, line 15: a point is two numbers" in sentence
        assert sorted(tmp_path.iterdir()) == sorted(paths)


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
        lines = printed(capsys, "predict", path, "--model", "deep").splitlines()
        assert [line[0] for line in lines] == ["7", "1", "7"]

        printed_json = printed(capsys, "predict", path, "--model", "deep", "--json")
        (answer,) = json.loads(printed_json).values()
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

    @pytest.mark.skipif(
        not data_path("models", "robust.npz").is_file(), reason="robust is not trained yet"
    )
    def test_asks_robust_where_none_is_named(self, tmp_path, seven, capsys):
        np.save(tmp_path / "seven.npy", seven)
        predictions = json.loads(printed(capsys, "predict", tmp_path / "seven.npy", "--json"))
        expected = Recognizer.load("robust").read_image(seven).confidence
        assert predictions["predictions"][0]["confidence"] == expected


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
            (["evaluate", "deep", "--path", "mnist"], None, "add --drawings FILE"),
            (["evaluate", "deep", "--drawings", "{file}.jsonl"], None, "There is no drawings file"),
            (["evaluate", "deep", "--images", "{file}.npz"], None, "There is no file"),
            (["convert", "{file}.tra", "{file}.jsonl"], None, "There is no file"),
            (["convert", "{file}.Z", "{file}.jsonl"], b"\x1f\x9d\x90", "it is packed: gzip -d"),
            (["augmentation", "{file}.jsonl"], None, "There is no drawings file"),
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
        "arguments",
        [
            [],
            ["paint"],
            ["train"],
            ["train", "deeper"],
            ["evaluate"],
            ["evaluate", "deep", "--drawings", "a.jsonl", "--images", "b.npz"],
            ["evaluate", "deep", "--drawings", "a.jsonl", "--path", "best"],
            ["evaluate", "deep", "--drawings", "a.jsonl", "--writers", "all"],
            ["predict"],
            ["convert", "a.tra"],
            ["augmentation"],
        ],
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
    def few(self, monkeypatch, digits, tmp_path):
        """A ladder that is climbed in a second, with a tenth of the digits.

        All is written below tmp_path, and nothing into the project's data/.
        """
        monkeypatch.setattr(cli, "data_path", lambda *parts: tmp_path.joinpath(*parts))
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

    def test_of_the_whole_ladder_is_written_down_and_shown(self, tmp_path, few, capsys):
        cli.main(["ladder", "--seeds", "1", "0"])
        results = json.loads((tmp_path / "results" / "ladder.json").read_text(encoding="utf-8"))
        assert list(results["models"]) == ["softmax", "deep"]
        runs = results["models"]["softmax"]
        assert [run["seed"] for run in runs] == [0, 1]
        network = ladder.train("softmax", few, seed=1, progress=False)[0]
        for split in ("dev", "test"):
            data = getattr(few, split)
            loss, accuracy = evaluate(network, data.images, data.labels)
            assert runs[1][split] == accuracy
            assert runs[1][f"{split}_loss"] == pytest.approx(loss, abs=1e-5)

        out = capsys.readouterr().out
        mean = 50 * (runs[0]["dev"] + runs[1]["dev"])
        spread = 100 * abs(runs[0]["dev"] - runs[1]["dev"]) / 2**0.5
        assert f"| `softmax` | 784→16→10 | {mean:.2f} ± {spread:.2f} % |" in out

    def test_of_the_whole_ladder_keeps_the_models_of_seed_0(self, tmp_path):
        cli.main(["ladder", "--seeds", "1", "0"])
        cli.main(["train", "softmax", "deep", "--out", str(tmp_path / "trained")])
        written = sorted(path.name for path in (tmp_path / "models").iterdir())
        assert written == ["deep.npz", "softmax.npz"]
        for name in written:
            expected = (tmp_path / "trained" / name).read_bytes()
            assert (tmp_path / "models" / name).read_bytes() == expected

    def test_of_one_rung_keeps_what_was_measured_of_others(self, tmp_path, few):
        path = tmp_path / "results" / "ladder.json"
        cli.main(["ladder", "--seeds", "1", "2"])
        before = json.loads(path.read_text(encoding="utf-8"))["models"]
        ladder.LADDER["deep"] = replace(ladder.LADDER["deep"], l2=0.5)
        cli.main(["ladder", "deep", "--seeds", "0", "2"])
        after = json.loads(path.read_text(encoding="utf-8"))["models"]
        assert list(after) == ["softmax", "deep"] and after["softmax"] == before["softmax"]
        assert [run["seed"] for run in after["deep"]] == [0, 1, 2]
        assert after["deep"][1] == before["deep"][0] and after["deep"][2] != before["deep"][1]
        with pytest.raises(SystemExit, match=r"no model 'deeper'. Known are softmax, deep\."):
            cli.main(["ladder", "deeper"])

    def test_of_the_ladder_without_seed_0_keeps_no_model(self, tmp_path):
        cli.main(["ladder", "--seeds", "2"])
        assert [path.name for path in tmp_path.iterdir()] == ["results"]

    def test_goes_into_data_models_where_nothing_is_said(self, tmp_path, capsys):
        cli.main(["train", "softmax"])
        assert (tmp_path / "models" / "softmax.npz").is_file()

    def test_of_the_ablation_is_written_down_and_shown(self, tmp_path, monkeypatch, few, capsys):
        deep = ladder.LADDER["deep"]
        recipes = {"complete": deep, "no L2": replace(deep, l2=0.0)}
        monkeypatch.setattr(ladder, "ABLATION", recipes)
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

    @pytest.mark.parametrize(("writers", "n"), [(None, 5), ("1-2", 3)])
    def test_of_the_augmentations_is_written_down_and_shown(
        self, tmp_path, monkeypatch, few, writers, n, capsys
    ):
        deep, drawings = ladder.LADDER["deep"], TestEvaluateDrawings.DRAWINGS
        write_drawings(tmp_path / "mine.jsonl", drawings)
        recipes = {
            "everything": replace(deep, augment=Augmentation()),
            "MNIST, as it is": replace(deep, augment=None),
        }
        monkeypatch.setattr(ladder, "AUGMENTATIONS", recipes)
        only = ["--writers", writers] if writers else []
        cli.main(["augmentation", str(tmp_path / "mine.jsonl"), *only, "--seeds", "4"])
        out = capsys.readouterr().out

        written = (tmp_path / "results" / "augmentation.json").read_text(encoding="utf-8")
        results = json.loads(written)
        assert results["command"] == " ".join(["python -m nnlib augmentation mine.jsonl", *only])
        pens = as_split(drawings[:n])
        for name, recipe in recipes.items():
            network = recipe.train(few, seed=4, progress=False)[0]
            (measured,) = results["recipes"][name]
            assert measured["seed"] == 4
            for split, data in (("dev", few.dev), ("pens", pens)):
                loss, accuracy = evaluate(network, data.images, data.labels)
                assert measured[split] == accuracy
                assert measured[f"{split}_loss"] == pytest.approx(loss, abs=1e-5)
            dev, right = 100 * measured["dev"], 100 * measured["pens"]
            assert f"| {name} | {dev:.2f} % | {right:.2f} % |" in out
        everything, plain = results["recipes"].values()
        assert everything[0]["dev_loss"] != plain[0]["dev_loss"]

    def test_of_the_augmentations_needs_labelled_drawings(self, tmp_path, capsys):
        """And says so before it trains for an hour."""
        write_drawings(tmp_path / "mine.jsonl", [Drawing(check_strokes(SEVEN))])
        sentence = refused(capsys, "augmentation", tmp_path / "mine.jsonl")
        assert sentence == 'nnlib: Drawing 1 has no "label" to compare the answer with.'
        sentence = refused(capsys, "augmentation", tmp_path / "mine.jsonl", "--writers", "1-9")
        assert sentence == "nnlib: There is no drawing to evaluate."


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
