"""The command line: results on standard output, everything else on standard error."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import DIGITS, Interrupt, memory_below
from PIL import Image

import nnlib
from nnlib import Network, Recognizer, cli
from nnlib.datasets import Augmentation, DataError, Digits, Split, read_drawings, write_drawings
from nnlib.datasets.kaggle import PIXEL_COLUMNS
from nnlib.files import data_path
from nnlib.nn import GradientDescent
from nnlib.preprocessing import Drawing, check_strokes, normalize_strokes
from nnlib.preprocessing.drawing import NO_DIGIT
from nnlib.recognition import (
    PREPROCESSINGS,
    drawings_to_split,
    evaluate_drawings,
    evaluate_images,
    evaluate_split,
)
from nnlib.training import recipes
from nnlib.training.metrics import loss_and_accuracy
from nnlib.training.recipes import Recipe

ROOT = Path(nnlib.__file__).parent.parent
COMMANDS = ("app", "serve", "train", "evaluate", "predict", "convert", "reproduce")
STUDIES = ("models", "ablation", "augmentation", "pens", "reference")
ONE, FOUR, SEVEN = (check_strokes(DIGITS[digit]) for digit in (1, 4, 7))
# `deep` recognizes all of them; one is labeled wrong.
DRAWINGS = (
    Drawing(SEVEN, 7, 1),
    Drawing(SEVEN, 1, 2, canvas=400, pen=10),
    Drawing(ONE, 1, 2),
    Drawing(FOUR, 4, 3, canvas=900),
    Drawing(ONE, 1),
)


def run(*arguments) -> subprocess.CompletedProcess:
    """`python -m nnlib …` in a process of its own."""
    command = [sys.executable, "-m", "nnlib", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")


def printed(capsys, *arguments) -> str:
    """What a command prints; it runs in this process, which is quicker."""
    capsys.readouterr()
    cli.main([str(argument) for argument in arguments])
    return capsys.readouterr().out


def result_of(capsys, *arguments) -> dict:
    """The JSON object that a command prints."""
    return json.loads(printed(capsys, *arguments, "--json"))


def refused(capsys, *arguments) -> str:
    """The sentence of a command that fails."""
    with pytest.raises(SystemExit) as caught:
        cli.main([str(argument) for argument in arguments])
    assert capsys.readouterr().out == ""
    assert caught.value.code.startswith("nnlib: ")  # Python prints it, and exits with 1
    return caught.value.code


def written_below(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def read_json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture
def seven() -> np.ndarray:
    """An image of a seven, bright on dark."""
    return normalize_strokes(SEVEN)


@pytest.fixture
def mine(tmp_path) -> Path:
    """A file of labeled drawings."""
    write_drawings(tmp_path / "mine.jsonl", DRAWINGS)
    return tmp_path / "mine.jsonl"


class TestHelp:
    @pytest.mark.parametrize(
        "command",
        [[], *([command] for command in COMMANDS), *(["reproduce", study] for study in STUDIES)],
        ids=" ".join,
    )
    def test_help_of_every_command_is_printed(self, command, capsys):
        with pytest.raises(SystemExit) as caught:
            cli.main([*command, "--help"])
        out, err = capsys.readouterr()
        assert caught.value.code == 0 and err == ""
        assert out.startswith(" ".join(["usage: nnlib", *command]))

    def test_help_of_the_module_lists_every_command(self):
        result = run("--help")
        assert result.returncode == 0
        for command in COMMANDS:
            assert f"\n    {command}" in result.stdout

    @pytest.mark.parametrize("command", [*COMMANDS[2:6], *STUDIES])
    def test_every_command_but_app_has_json(self, command, capsys):
        prefix = ["reproduce"] if command in STUDIES else []
        with pytest.raises(SystemExit):
            cli.main([*prefix, command, "--help"])
        assert "--json" in capsys.readouterr().out


class TestApp:
    def test_app_passes_all_flags_to_voila(self, monkeypatch, capsys):
        flags = ["--port", "8867", "--no-browser", "--Voila.ip=0.0.0.0"]
        launched = []
        monkeypatch.setattr("nnlib.server.launch.launch", launched.append)
        assert printed(capsys, "app", *flags) == ""
        assert launched == [flags]

    def test_app_with_another_notebook_is_refused(self, capsys):
        sentence = refused(capsys, "app", "mine.ipynb")
        assert "more than 1 argument" in sentence and "mine.ipynb" in sentence


class TestEvaluate:
    def test_evaluate_prints_one_json_object(self, digits):
        result = run("evaluate", "softmax", "--json")
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.count("\n") == 1
        answer = json.loads(result.stdout)
        assert answer["n"] == 10_000 and answer["model"] == "softmax"
        assert answer.items() >= evaluate_split(Recognizer.load("softmax"), digits.test).items()

    @pytest.mark.parametrize("name", ["hidden", "deep"])
    def test_evaluate_agrees_with_the_metrics(self, name, digits, capsys):
        answer = result_of(capsys, "evaluate", name)
        network = Recognizer.load(name).network
        loss, accuracy = loss_and_accuracy(network, digits.test.images, digits.test.labels)
        assert answer["accuracy"] == pytest.approx(accuracy)
        assert answer["loss"] == pytest.approx(loss, rel=0.01)  # which knows no temperature
        assert np.trace(answer["confusion"]) == round(accuracy * 10_000)

    def test_evaluate_by_path_is_the_same_as_by_name(self, capsys):
        by_path = result_of(capsys, "evaluate", data_path("models", "softmax.npz"))
        by_name = result_of(capsys, "evaluate", "softmax")
        assert by_path["confusion"] == by_name["confusion"]

    def test_evaluate_without_json_prints_tables(self, capsys):
        answer = result_of(capsys, "evaluate", "softmax")
        text = printed(capsys, "evaluate", "softmax")
        assert text.startswith("softmax on MNIST test: 10,000 images\n")
        assert f"accuracy {answer['accuracy']:.2%}, loss {answer['loss']:.4f}\n" in text
        rows = [line.split() for line in text.splitlines()[-10:]]
        assert [int(row[0]) for row in rows] == list(range(10))
        counts = [[int(count.replace("·", "0")) for count in row[1:]] for row in rows]
        assert counts == answer["confusion"]


class TestEvaluateDrawings:
    def test_evaluate_drawings_prints_one_json_object(self, mine, deep):
        result = run("evaluate", "deep", "--drawings", mine, "--json")
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.count("\n") == 1
        answer = json.loads(result.stdout)
        assert answer["n"] == 5 and answer["accuracy"] == 0.8
        assert answer["model"] == "deep" and answer["preprocessing"] == "strokes"
        assert answer["digits"]["1"] == {"n": 3, "accuracy": pytest.approx(2 / 3), "refused": 0.0}
        assert answer["writers"]["2"] == {"n": 2, "accuracy": 0.5, "refused": 0.0}
        assert np.argwhere(answer["confusion"]).tolist() == [[1, 1], [1, 7], [4, 4], [7, 7]]
        assert answer.items() >= evaluate_drawings(deep, DRAWINGS).items()

    def test_evaluate_drawings_prints_tables_for_people(self, mine, capsys):
        lines = printed(capsys, "evaluate", "deep", "--drawings", mine).splitlines()
        assert lines[0] == "deep on mine.jsonl: 5 drawings, preprocessing strokes"
        assert lines[1] == "accuracy 80.00%"
        tables = [line.split() for line in lines]
        assert tables[tables.index(["writer", "n", "accuracy"]) + 2] == ["2", "2", "50.00%"]
        assert tables[tables.index(["digit", "n", "accuracy"]) + 1] == ["1", "3", "66.67%"]
        label_1 = lines[-9].split()
        assert label_1 == ["1", "·", "2", "·", "·", "·", "·", "·", "1", "·", "·"]

    @pytest.mark.parametrize("preprocessing", PREPROCESSINGS)
    def test_evaluate_uses_the_chosen_preprocessing(self, mine, deep, preprocessing, capsys):
        command = ("evaluate", "deep", "--drawings", mine, "--preprocessing", preprocessing)
        answer = result_of(capsys, *command)
        assert answer["preprocessing"] == preprocessing
        assert answer.items() >= evaluate_drawings(deep, DRAWINGS, preprocessing).items()

    @pytest.mark.parametrize(
        ("writers", "n"), [("1-2", 3), ("2-3", 3), ("2", 2), ("1-1", 1), ("1-100", 4)]
    )
    def test_evaluate_takes_only_the_chosen_writers(self, mine, writers, n, capsys):
        answer = result_of(capsys, "evaluate", "deep", "--drawings", mine, "--writers", writers)
        assert answer["n"] == sum(writer["n"] for writer in answer["writers"].values()) == n

    def test_evaluate_without_a_matching_writer_is_refused(self, mine, capsys):
        sentence = refused(capsys, "evaluate", "deep", "--drawings", mine, "--writers", "50-60")
        assert sentence == "nnlib: There is no drawing to evaluate."

    def test_evaluate_without_a_label_is_refused(self, mine, capsys):
        write_drawings(mine, [DRAWINGS[0], Drawing(ONE)])
        sentence = refused(capsys, "evaluate", "deep", "--drawings", mine)
        assert sentence == 'nnlib: Drawing 2 has no "label" to compare the answer with.'

    @pytest.mark.parametrize(
        "option",
        [["--preprocessing", "mnist"], ["--preprocessing", "strokes"], ["--writers", "1-2"]],
    )
    def test_options_of_drawings_are_refused_for_images(self, option, capsys):
        for images in ([], ["--images", "theirs.npz"]):
            sentence = refused(capsys, "evaluate", "deep", *images, *option)
            assert "only apply to drawings: add --drawings" in sentence


class TestEvaluateImages:
    @pytest.mark.parametrize("name", ["theirs.npz", "theirs.csv"])
    def test_evaluate_reads_arrays_and_csv(self, tmp_path, digits, deep, name, capsys):
        images = np.round(digits.dev.images[:20] * 255).astype(np.uint8)
        labels = (digits.dev.labels[:20] + (np.arange(20) < 5)) % 10  # five are labeled wrong
        if name.endswith("csv"):
            rows = [["label", *PIXEL_COLUMNS], *np.column_stack([labels, images]).tolist()]
            text = "\n".join(",".join(map(str, row)) for row in rows)
            (tmp_path / name).write_text(text)
        else:
            np.savez(tmp_path / name, images=images.reshape(20, 28, 28), labels=labels)
        answer = result_of(capsys, "evaluate", "deep", "--images", tmp_path / name)
        assert answer["n"] == 20 and answer["accuracy"] == 0.75
        assert answer["data"] == name and "writers" not in answer
        expected = evaluate_images(deep, images.reshape(20, 28, 28), labels)
        assert answer.items() >= expected.items()

        text = printed(capsys, "evaluate", "deep", "--images", tmp_path / name)
        assert text.startswith(f"deep on {name}: 20 images\naccuracy 75.00%\nrefused 0.00%, ")

    def test_evaluate_names_the_unusable_image(self, tmp_path, capsys):
        np.savez(tmp_path / "empty.npz", images=np.zeros((2, 28, 28)), labels=np.zeros(2))
        sentence = refused(capsys, "evaluate", "deep", "--images", tmp_path / "empty.npz")
        assert sentence.startswith("nnlib: Image 1: ")

    def test_evaluate_refuses_other_files(self, tmp_path, capsys):
        (tmp_path / "letter.npz").write_text("Dear all")
        sentence = refused(capsys, "evaluate", "deep", "--images", tmp_path / "letter.npz")
        assert "letter.npz cannot be read as an .npz" in sentence


class TestConvert:
    @pytest.fixture
    def originals(self, tmp_path) -> list[Path]:
        paths = [tmp_path / "pendigits-orig.tra", tmp_path / "pendigits-orig.tes"]
        for path, label in zip(paths, (4, 9), strict=True):
            path.write_text(
                f'.SEGMENT DIGIT 0-1 ? "{label}"\n.COMMENT {label} 12 1\n'
                ".PEN_DOWN\n 100 400\n 100 200\n.PEN_UP\n" * 2
            )
        return paths

    @pytest.mark.parametrize("name", ["pens.jsonl", "pens.jsonl.gz"])
    def test_convert_makes_one_drawings_file(self, tmp_path, originals, name, capsys):
        out = tmp_path / name
        assert printed(capsys, "convert", *originals, out) == f"{out}: 4 drawings\n"
        drawings = list(read_drawings(out))
        assert [drawing.label for drawing in drawings] == [4, 4, 9, 9]
        assert {drawing.writer for drawing in drawings} == {12}
        assert drawings[3].strokes[0].tolist() == [[100, 100], [100, 300]]

    def test_convert_prints_one_json_object(self, tmp_path, originals, capsys):
        out = tmp_path / "pens.jsonl"
        assert result_of(capsys, "convert", *originals, out) == {"path": str(out), "n": 4}

    @pytest.mark.parametrize("name", ["pens.json", "pens", "pens.gz", "pens.tra"])
    def test_convert_to_another_kind_of_file_is_refused(self, tmp_path, originals, name, capsys):
        sentence = refused(capsys, "convert", *originals, tmp_path / name)
        assert sentence.endswith(f"{name} must end in .jsonl or .jsonl.gz.")
        assert sorted(tmp_path.iterdir()) == sorted(originals)

    def test_convert_of_a_damaged_file_writes_nothing(self, tmp_path, originals, capsys):
        originals[1].write_text(originals[1].read_text() + "x y z\n.PEN_DOWN\nx y z\n")
        sentence = refused(capsys, "convert", *originals, tmp_path / "pens.jsonl")
        assert "pendigits-orig.tes, line 15: a point is two numbers" in sentence
        assert sorted(tmp_path.iterdir()) == sorted(originals)

    @pytest.fixture
    def unipen(self, tmp_path) -> Path:
        """A folder of UNIPEN with a 4, an l, an A, and a 5 and a B that have no strokes."""
        segments = tmp_path / "train_r01_v07" / "data" / "1a" / "aga" / "x.dat"
        strokes = tmp_path / "train_r01_v07" / "include" / "aga" / "x.dat"
        for path in (segments, strokes):
            path.parent.mkdir(parents=True)
        segments.write_text(
            '.INCLUDE aga/x.dat\n.SEGMENT CHARACTER 0 ? "4"\n.SEGMENT CHARACTER 0 ? "l"\n'
            '.SEGMENT CHARACTER 0 ? "A"\n.SEGMENT CHARACTER 1 ? "5"\n.SEGMENT CHARACTER 1 ? "B"\n'
        )
        strokes.write_text(".WRITER_ID Ann\n.PEN_DOWN\n10 40\n10 20\n20 20\n.PEN_UP\n")
        return tmp_path / "train_r01_v07"

    def test_convert_takes_the_digits_of_a_folder(self, tmp_path, unipen, capsys):
        out = tmp_path / "digits.jsonl.gz"
        text = f"{out}: 1 drawings\nleft out: 1 segments (a component is missing)\n"
        assert printed(capsys, "convert", unipen, out) == text
        [four] = read_drawings(out)
        assert (four.label, four.note, four.writer) == (4, None, "aga:Ann")
        assert four.strokes[0].tolist() == [[100, 100], [100, 400], [250, 400]]

    def test_convert_takes_the_letters_of_a_folder(self, tmp_path, unipen, capsys):
        out = tmp_path / "letters.jsonl"
        result = result_of(capsys, "convert", "--letters", unipen, out)
        skipped = {"a component is missing": 1}
        assert result == {"path": str(out), "n": 2, "skipped": skipped}
        small_l, a = read_drawings(out)
        assert (small_l.label, small_l.note) == (None, "l")
        assert (a.label, a.note) == (NO_DIGIT, "A")

    def test_convert_takes_files_and_folders(self, tmp_path, unipen, originals, capsys):
        out = tmp_path / "digits.jsonl"
        assert result_of(capsys, "convert", *originals, unipen, out)["n"] == 5

    def test_letters_of_a_file_are_refused(self, tmp_path, originals, capsys):
        sentence = refused(capsys, "convert", "--letters", *originals, tmp_path / "pens.jsonl")
        assert sentence == "nnlib: --letters only applies to a folder of UNIPEN's distribution."

    def test_convert_of_another_folder_writes_nothing(self, tmp_path, originals, capsys):
        folder = tmp_path / "empty"
        folder.mkdir()
        sentence = refused(capsys, "convert", folder, tmp_path / "pens.jsonl")
        assert "empty has no characters from 0123456789 in UNIPEN's format" in sentence
        assert sorted(tmp_path.iterdir()) == sorted([folder, *originals])


class TestPredict:
    def test_predict_reads_a_png(self, tmp_path, seven):
        Image.fromarray(np.round(255 - 255 * seven).astype(np.uint8)).save(tmp_path / "seven.png")
        result = run("predict", tmp_path / "seven.png")
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.startswith("7  ") and result.stdout.count("\n") == 1

    def test_predict_reads_an_array(self, tmp_path, seven, capsys):
        np.save(tmp_path / "seven.npy", seven)
        assert printed(capsys, "predict", tmp_path / "seven.npy").startswith("7  ")

    def test_predict_reads_drawings_in_order(self, mine, deep, capsys):
        lines = printed(capsys, "predict", mine, "--model", "deep").splitlines()
        assert [line[0] for line in lines] == ["7", "7", "1", "4", "1"]

        answer = result_of(capsys, "predict", mine, "--model", "deep")
        assert answer["model"] == "deep"
        for found, drawing in zip(answer["predictions"], DRAWINGS, strict=True):
            expected = deep.predict(drawing.strokes)
            assert found["digit"] == expected.digit
            assert found["confidence"] == pytest.approx(expected.confidence)
            # Products of one row and of many rows are rounded differently.
            assert found["probabilities"] == pytest.approx(expected.probabilities, rel=1e-4)

    def test_predict_uses_the_chosen_preprocessing(self, mine, deep, capsys):
        command = ("predict", mine, "--model", "deep", "--preprocessing", "as-drawn")
        found = result_of(capsys, *command)["predictions"][1]
        drawing = DRAWINGS[1]
        expected = deep.predict(drawing.strokes, drawing.canvas, drawing.pen, "as-drawn")
        assert found["probabilities"] == pytest.approx(expected.probabilities, rel=1e-4)
        assert found["probabilities"] != pytest.approx(deep.predict(SEVEN).probabilities, rel=0.01)

    def test_preprocessing_is_refused_for_an_image(self, tmp_path, seven, capsys):
        np.save(tmp_path / "seven.npy", seven)
        command = ("predict", tmp_path / "seven.npy", "--preprocessing", "mnist")
        assert "only applies to drawings" in refused(capsys, *command)

    def test_predict_prints_one_json_object(self, tmp_path, seven):
        np.save(tmp_path / "seven.npy", seven)
        result = run("predict", tmp_path / "seven.npy", "--json")
        assert (result.returncode, result.stderr) == (0, "")
        assert [p["digit"] for p in json.loads(result.stdout)["predictions"]] == [7]

    def test_predict_without_a_model_asks_robust(self, tmp_path, seven, capsys):
        np.save(tmp_path / "seven.npy", seven)
        answer = result_of(capsys, "predict", tmp_path / "seven.npy")
        expected = Recognizer.load("robust").predict_image(seven).confidence
        assert answer["model"] == "robust"
        assert answer["predictions"][0]["confidence"] == expected

    @pytest.mark.parametrize("n", [0, 1, 1_003])
    @pytest.mark.parametrize("name", ["some.jsonl", "some.jsonl.gz"])
    def test_predict_prints_any_number_as_one_object(self, tmp_path, n, name, capsys):
        write_drawings(tmp_path / name, [DRAWINGS[i % 5] for i in range(n)])
        text = printed(capsys, "predict", tmp_path / name, "--model", "deep", "--json")
        answer = json.loads(text)
        assert text == json.dumps(answer) + "\n"
        assert list(answer) == ["model", "predictions"] and len(answer["predictions"]) == n
        lines = printed(capsys, "predict", tmp_path / name, "--model", "deep").splitlines()
        assert [int(line[0]) for line in lines] == [p["digit"] for p in answer["predictions"]]

    def test_predict_of_many_drawings_takes_little_memory(self, tmp_path, monkeypatch):
        write_drawings(tmp_path / "many.jsonl", [Drawing(ONE)] * 2_000)
        image = np.zeros((28, 28))  # inking all of them would take long
        monkeypatch.setattr(Recognizer, "preprocess", staticmethod(lambda *_: image.copy()))
        monkeypatch.setattr("nnlib.recognition.recognizer.BATCH_SIZE", 20)
        monkeypatch.setattr(sys, "stdout", open(os.devnull, "w"))  # noqa: SIM115
        with memory_below(10_000_000):  # all inputs together would have 19 MB
            cli.main(["predict", str(tmp_path / "many.jsonl"), "--json"])

    def test_predict_prints_answers_before_the_rest_is_read(self, tmp_path, capsys):
        write_drawings(tmp_path / "some.jsonl", [DRAWINGS[0]] * 1_000)
        with open(tmp_path / "some.jsonl", "a") as file:
            file.write("nonsense\n")
        with pytest.raises(SystemExit, match=r"some\.jsonl, line 1001: "):
            cli.main(["predict", str(tmp_path / "some.jsonl"), "--model", "deep"])
        assert capsys.readouterr().out.count("\n7") == 999

    def test_predict_never_prints_0_or_100_percent(self, tmp_path, capsys):
        write_drawings(tmp_path / "ones.jsonl", [Drawing(ONE)])
        text = printed(capsys, "predict", tmp_path / "ones.jsonl")
        assert "> 99.9 %" in text and "< 0.1 %" in text


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "content", "sentence"),
        [
            (["evaluate", "deeper"], None, "There is no model 'deeper'"),
            (["evaluate", "{file}.npz"], None, "There is no model file"),
            (["evaluate", "{file}.npz"], b"not a model", "is not a model that nnlib saved"),
            (["train", "{file}.npz"], None, "There is no model file"),
            (["predict", "{file}.png"], None, "There is no file"),
            (["predict", "{file}.png"], b"not an image", "cannot be read as an image"),
            (["predict", "{file}.png"], b"%!PS-Adobe-3.0 EPSF-3.0\n", "none of PNG, JPEG, GIF"),
            (["predict", "{file}.jsonl"], b"[" * 100_000, "its JSON is nested too deeply"),
            (["convert", "{file}.tra", "{file}.jsonl"], bytes(10**6), "longer than 1,000 char"),
            (["predict", "{file}.npy"], b"not an array", "cannot be read as an image"),
            (["predict", "{file}.jsonl"], None, "There is no drawings file"),
            (["predict", "{file}.jsonl"], b'{"strokes": [[[1, 2]]]}\n{"strokes": []}', "line 2"),
            (["predict", "{file}.jsonl", "--model", "deeper"], b"", "There is no model"),
            (["evaluate", "deep", "--writers", "1-2"], None, "add --drawings"),
            (["evaluate", "deep", "--drawings", "{file}.jsonl"], None, "There is no drawings file"),
            (["evaluate", "deep", "--images", "{file}.npz"], None, "There is no file"),
            (["convert", "{file}.tra", "{file}.jsonl"], None, "There is no file"),
            (["convert", "{file}.Z", "{file}.jsonl"], b"\x1f\x9d\x90", "it is packed: gzip -d"),
            (["reproduce", "augmentation", "{file}.jsonl"], None, "There is no drawings file"),
            (["reproduce", "pens", "{file}.jsonl"], None, "There is no drawings file"),
        ],
    )
    def test_an_error_is_one_sentence_on_stderr(self, tmp_path, arguments, content, sentence):
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
            ["train", "deep", "--seed", "-1"],
            ["evaluate"],
            ["evaluate", "deep", "--port=8867"],
            ["evaluate", "deep", "--drawings", "a.jsonl", "--images", "b.npz"],
            ["evaluate", "deep", "--drawings", "a.jsonl", "--preprocessing", "best"],
            ["evaluate", "deep", "--drawings", "a.jsonl", "--writers", "all"],
            ["predict"],
            ["convert", "a.tra"],
            ["reproduce"],
            ["reproduce", "models", "deeper"],
            ["reproduce", "models", "--seeds", "zero"],
            ["reproduce", "augmentation"],
            ["reproduce", "pens"],
        ],
        ids=" ".join,
    )
    def test_wrong_arguments_print_the_usage(self, arguments, capsys):
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        out, err = capsys.readouterr()
        assert caught.value.code == 2 and out == ""
        assert err.startswith("usage: nnlib")

    def test_unknown_recipe_is_answered_with_the_known_ones(self, capsys):
        with pytest.raises(SystemExit):
            cli.main(["train", "deeper"])
        err = capsys.readouterr().err
        assert "there is no recipe 'deeper'; known are softmax, hidden, deep, robust" in err

    def test_missing_data_is_one_sentence(self, monkeypatch, capsys):
        def missing():
            raise DataError("train-images-idx3-ubyte.gz is missing.")

        monkeypatch.setattr(cli, "load_mnist", missing)
        sentence = refused(capsys, "evaluate", "softmax", "--json")
        assert sentence == "nnlib: train-images-idx3-ubyte.gz is missing."

    def test_interruption_is_one_sentence(self, monkeypatch, capsys):
        def interrupted():
            raise KeyboardInterrupt

        monkeypatch.setattr(cli, "load_mnist", interrupted)
        assert refused(capsys, "train", "softmax") == "nnlib: interrupted"


@pytest.fixture
def few(monkeypatch, digits, tmp_path):
    """Small recipes for `softmax` and `deep`, and a tenth of the digits; they train in a second.

    Commands run in an empty working directory, and must not change the packaged data.
    """
    packaged = {path: path.stat().st_mtime_ns for path in data_path().rglob("*")}
    monkeypatch.chdir(tmp_path)
    one = Recipe((784, 16, 10), GradientDescent(0.1), epochs=1, batch_size=20)
    models = dict(recipes.MODELS)
    recipes.MODELS.clear()
    recipes.MODELS.update(softmax=one, deep=replace(one, l2=0.1))
    splits = (digits.train, digits.dev, digits.test)
    few = Digits(*(Split(s.images[::10], s.labels[::10]) for s in splits))
    monkeypatch.setattr(cli, "load_mnist", lambda: few)
    yield few
    recipes.MODELS.clear()
    recipes.MODELS.update(models)
    assert {path: path.stat().st_mtime_ns for path in data_path().rglob("*")} == packaged


class TestTrain:
    def test_train_writes_models_that_can_be_used(self, tmp_path, few, capsys):
        cli.main(["train", "softmax", "deep", "--out", "new"])
        out, err = capsys.readouterr()
        assert "training" in err and f"wrote {Path('new', 'softmax.npz')}" in err
        assert written_below(tmp_path) == ["new/deep.npz", "new/softmax.npz"]
        network = Network.load(Path("new", "softmax.npz"))
        accuracy = loss_and_accuracy(network, few.dev.images, few.dev.labels)[1]
        assert accuracy > 0.8
        expected = f"{Path('new', 'softmax.npz')}: dev accuracy {accuracy:.2%}"
        assert out.splitlines()[0] == expected
        assert Recipe.from_json(network.info["recipe"]) == recipes.MODELS["softmax"]
        assert network.info["name"] == "softmax"

    def test_train_writes_to_the_working_directory(self, tmp_path, few, capsys):
        answer = result_of(capsys, "train", "softmax")
        assert written_below(tmp_path) == ["softmax.npz"]
        metrics = Network.load("softmax.npz").info["metrics"]
        trained = {"model": "softmax", "seed": 0, "path": "softmax.npz"} | metrics
        assert answer == {"models": [trained]}

    def test_same_seed_gives_the_same_file(self, few):
        for folder in ("first", "second"):
            cli.main(["train", "softmax", "--out", folder])
        cli.main(["train", "softmax", "--seed", "1", "--out", "second"])
        first = Path("first", "softmax.npz").read_bytes()
        assert Path("second", "softmax.npz").read_bytes() == first
        assert Path("second", "softmax-seed1.npz").read_bytes() != first

    def test_train_of_a_file_repeats_its_training(self, tmp_path, few):
        cli.main(["train", "deep", "--seed", "3"])
        recipes.MODELS["deep"] = replace(recipes.MODELS["deep"], l2=0.5)  # the file's one counts
        cli.main(["train", "deep-seed3.npz", "--out", "again"])
        assert written_below(tmp_path) == ["again/deep-seed3.npz", "deep-seed3.npz"]
        again = Path("again", "deep-seed3.npz").read_bytes()
        assert again == Path("deep-seed3.npz").read_bytes()

    def test_train_of_a_file_accepts_another_seed(self, tmp_path, few):
        cli.main(["train", "deep"])
        cli.main(["train", "deep.npz", "--seed", "1"])
        cli.main(["train", "deep", "--seed", "1", "--out", "expected"])
        expected = Path("expected", "deep-seed1.npz").read_bytes()
        assert Path("deep-seed1.npz").read_bytes() == expected

    def test_train_does_not_overwrite_its_own_source(self, few, capsys):
        cli.main(["train", "deep"])
        capsys.readouterr()
        sentence = refused(capsys, "train", "deep.npz")
        assert sentence == "nnlib: Training would overwrite deep.npz: add --out FOLDER."

    def test_train_of_a_file_without_recipe_is_refused(self, few, capsys):
        recipes.MODELS["deep"].network().save("untrained.npz")
        sentence = refused(capsys, "train", "untrained.npz")
        assert "untrained.npz does not contain the recipe" in sentence

    def test_train_tries_its_folder_before_training(self, tmp_path, few, monkeypatch, capsys):
        monkeypatch.setattr(Recipe, "train", lambda *_, **__: pytest.fail("it trained"))
        Path("file").touch()
        Path("softmax.npz").mkdir()
        sentence = refused(capsys, "train", "softmax", "--out", "file")
        assert sentence.startswith(f"nnlib: {Path('file', 'softmax.npz')} cannot be written: ")
        sentence = refused(capsys, "train", "deep", "softmax")
        assert sentence == "nnlib: softmax.npz cannot be written: it is a folder."
        sentence = refused(capsys, "train", "deep", "--checkpoint", "file/run.npz")
        assert sentence.startswith(f"nnlib: {Path('file', 'run.npz')} cannot be written: ")

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
    def test_train_into_a_read_only_folder_is_refused(self, tmp_path, few, capsys):
        Path("locked").mkdir(mode=0o555)
        sentence = refused(capsys, "train", "deep", "--out", "locked")
        assert "deep.npz cannot be written: Permission denied" in sentence

    def test_model_that_cannot_be_saved_is_rescued(self, tmp_path, few, monkeypatch, capsys):
        """Such as when the disk was filled while it was trained."""
        rescue, save = tmp_path / "rescue", Network.save
        rescue.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(rescue))

        def fails_here(network, path):
            if rescue not in Path(path).parents:
                raise OSError("No space left on device")
            save(network, path)

        monkeypatch.setattr(Network, "save", fails_here)
        sentence = refused(capsys, "train", "softmax")
        [model] = rescue.rglob("*.npz")
        assert sentence.startswith("nnlib: softmax.npz cannot be written: No space left on device")
        assert sentence.endswith(f"The model is in {model}.")
        assert Network.load(model).info["name"] == "softmax"

    @pytest.mark.parametrize(
        ("info", "name"),
        [
            ({"name": "../escaped"}, "mine.npz"),
            ({"name": "..\\escaped"}, "mine.npz"),
            ({"name": "/tmp/escaped"}, "mine.npz"),
            ({"name": ["deep"]}, "mine.npz"),
            ({"name": ""}, "mine.npz"),
            ({"name": "other"}, "other.npz"),
        ],
    )
    def test_name_in_a_file_leads_to_no_other_folder(self, tmp_path, few, info, name):
        network = recipes.MODELS["softmax"].network()
        network.info = {"recipe": recipes.MODELS["softmax"].to_json()} | info
        network.save("mine.npz")
        cli.main(["train", "mine.npz", "--out", "new"])
        assert written_below(tmp_path) == ["mine.npz", f"new/{name}"]

    @pytest.mark.parametrize(
        ("info", "sentence"),
        [
            ({"recipe": {"widths": [784, 10**9, 10]}}, "contains the recipe of another network"),
            ({"recipe": {"epochs": [[[[[[[[[1]]]]]]]]]}}, "A recipe cannot have epochs = [[["),
            ({"seed": "zero"}, "was trained with no usable seed: add --seed N"),
            ({"seed": -1}, "was trained with no usable seed: add --seed N"),
        ],
    )
    def test_strange_info_is_refused(self, few, info, sentence, capsys):
        recipe = recipes.MODELS["softmax"]
        network = recipe.network()
        network.info = info | {"recipe": recipe.to_json() | info.get("recipe", {})}
        network.save("strange.npz")
        assert sentence in refused(capsys, "train", "strange.npz", "--out", "new")


class TestTrainWithCheckpoint:
    @pytest.fixture
    def longer(self, few) -> Recipe:
        """Three epochs, with augmentation."""
        deep = replace(recipes.MODELS["deep"], epochs=3, augmentation=Augmentation())
        recipes.MODELS["deep"] = deep
        return deep

    @pytest.mark.parametrize("epochs", [0, 1, 2])
    def test_interrupted_training_resumes_to_the_same_file(self, longer, epochs, monkeypatch):
        cli.main(["train", "deep", "--seed", "1", "--out", "straight"])
        command = ["train", "deep", "--seed", "1", "--checkpoint", "run.npz"]
        train = Recipe.train

        def interrupted(recipe, *arguments, callbacks, **options):
            return train(recipe, *arguments, callbacks=[*callbacks, Interrupt(epochs)], **options)

        with monkeypatch.context() as patch, pytest.raises(SystemExit, match="interrupted"):
            patch.setattr(Recipe, "train", interrupted)
            cli.main(command)
        assert not Path("deep-seed1.npz").exists() and Path("run.npz").exists() == (epochs > 0)
        cli.main(command)
        expected = Path("straight", "deep-seed1.npz").read_bytes()
        assert Path("deep-seed1.npz").read_bytes() == expected

    def test_checkpoint_of_another_run_is_refused(self, longer, capsys):
        cli.main(["train", "deep", "--checkpoint", "run.npz"])
        capsys.readouterr()
        sentence = refused(capsys, "train", "deep", "--seed", "1", "--checkpoint", "run.npz")
        assert "run.npz is the checkpoint of another run: seed was 0 and is now 1" in sentence
        assert not Path("deep-seed1.npz").exists()

    def test_checkpoint_is_for_one_model_and_another_file(self, longer, capsys):
        message = "--checkpoint takes one model, and another file than the model's"
        for models, path in ((["deep", "softmax"], "run.npz"), (["deep"], "./deep.npz")):
            assert message in refused(capsys, "train", *models, "--checkpoint", path)


class TestReproduceModels:
    def test_models_are_written_below_working_directory(self, tmp_path, few):
        cli.main(["reproduce", "models", "--seeds", "1", "0"])
        cli.main(["train", "softmax", "deep", "--out", "trained"])
        assert written_below(tmp_path / "data") == [
            "models/deep.npz",
            "models/softmax.npz",
            "results/models.json",
        ]
        for name in ("deep.npz", "softmax.npz"):
            expected = Path("trained", name).read_bytes()
            assert Path("data", "models", name).read_bytes() == expected

    def test_models_are_measured_on_dev_and_test(self, few, capsys):
        text = printed(capsys, "reproduce", "models", "--seeds", "0", "1", "--out", "here")
        results = read_json(Path("here", "results", "models.json"))
        assert results["command"] == "nnlib reproduce models"
        assert list(results["models"]) == ["softmax", "deep"]
        runs = results["models"]["softmax"]
        assert [run["seed"] for run in runs] == [0, 1]
        network, _ = recipes.MODELS["softmax"].train(few, seed=1, progress=False)
        for split in ("dev", "test"):
            data = getattr(few, split)
            loss, accuracy = loss_and_accuracy(network, data.images, data.labels)
            assert runs[1][split] == accuracy
            assert runs[1][f"{split}_loss"] == pytest.approx(loss, abs=1e-5)
        mean = 50 * (runs[0]["dev"] + runs[1]["dev"])
        spread = 100 * abs(runs[0]["dev"] - runs[1]["dev"]) / 2**0.5
        assert f"| `softmax` | 784→16→10 | {mean:.2f} ± {spread:.2f} % |" in text

    def test_json_is_the_results_file(self, few, capsys):
        answer = result_of(capsys, "reproduce", "models", "softmax", "--seeds", "2")
        assert answer == read_json(Path("data", "results", "models.json"))

    def test_one_model_keeps_the_results_of_others(self, few, capsys):
        path = Path("data", "results", "models.json")
        cli.main(["reproduce", "models", "--seeds", "1", "2"])
        before = read_json(path)["models"]
        recipes.MODELS["deep"] = replace(recipes.MODELS["deep"], l2=0.5)
        cli.main(["reproduce", "models", "deep", "--seeds", "0", "2"])
        after = read_json(path)["models"]
        assert list(after) == ["softmax", "deep"] and after["softmax"] == before["softmax"]
        assert [run["seed"] for run in after["deep"]] == [0, 1, 2]
        assert after["deep"][1] == before["deep"][0] and after["deep"][2] != before["deep"][1]

    def test_one_model_needs_no_results_file(self, few):
        cli.main(["reproduce", "models", "deep", "--seeds", "2"])
        assert list(read_json(Path("data", "results", "models.json"))["models"]) == ["deep"]

    @pytest.mark.parametrize(
        "content", ["A letter.", "", "[]", "{}", '{"models": 5}', '{"models": {"deep": [{}]}}']
    )
    def test_wrong_results_file_is_refused_before_training(self, few, monkeypatch, content, capsys):
        path = Path("data", "results", "models.json")
        path.parent.mkdir(parents=True)
        path.write_text(content)
        monkeypatch.setattr(cli, "train_and_measure", lambda *_: pytest.fail("it trained"))
        sentence = refused(capsys, "reproduce", "models", "deep")
        assert sentence.endswith("models.json is not a results file, and is left as it is.")
        assert path.read_text() == content

    def test_without_seed_0_no_model_is_written(self, tmp_path, few):
        cli.main(["reproduce", "models", "--seeds", "2"])
        assert written_below(tmp_path) == ["data/results/models.json"]


class TestReproduceStudies:
    def test_ablation_measures_every_recipe(self, tmp_path, monkeypatch, few, capsys):
        deep = recipes.MODELS["deep"]
        chosen = {"complete": deep, "no L2": replace(deep, l2=0.0)}
        monkeypatch.setattr(recipes, "ABLATION", chosen)
        text = printed(capsys, "reproduce", "ablation", "--seeds", "4")
        assert written_below(tmp_path) == ["data/results/ablation.json"]
        results = read_json(Path("data", "results", "ablation.json"))
        assert results["command"] == "nnlib reproduce ablation"
        for name, recipe in chosen.items():
            network, _ = recipe.train(few, seed=4, progress=False)
            loss, accuracy = loss_and_accuracy(network, few.dev.images, few.dev.labels)
            [run] = results["recipes"][name]
            assert run["seed"] == 4 and run["dev"] == accuracy
            assert run["dev_loss"] == pytest.approx(loss, abs=1e-5)
            assert f"| {name} | {100 * accuracy:.2f} % | {loss:.4f} |" in text

    @pytest.mark.parametrize(("writers", "n"), [(None, 5), ("1-2", 3)])
    def test_augmentation_measures_dev_and_drawings(
        self, monkeypatch, few, mine, writers, n, capsys
    ):
        deep = recipes.MODELS["deep"]
        chosen = {"everything": replace(deep, augmentation=Augmentation()), "plain": deep}
        monkeypatch.setattr(recipes, "AUGMENTATIONS", chosen)
        only = ["--writers", writers] if writers else []
        command = ["reproduce", "augmentation", mine, *only, "--seeds", "4", "--out", "here"]
        text = printed(capsys, *command)
        results = read_json(Path("here", "results", "augmentation.json"))
        assert results["command"] == " ".join(["nnlib reproduce augmentation mine.jsonl", *only])
        pens = drawings_to_split(DRAWINGS[:n])
        for name, recipe in chosen.items():
            network, _ = recipe.train(few, seed=4, progress=False)
            [run] = results["recipes"][name]
            assert run["seed"] == 4
            for split, data in (("dev", few.dev), ("pens", pens)):
                loss, accuracy = loss_and_accuracy(network, data.images, data.labels)
                assert run[split] == accuracy
                assert run[f"{split}_loss"] == pytest.approx(loss, abs=1e-5)
            assert f"| {name} | {100 * run['dev']:.2f} % | {100 * run['pens']:.2f} % |" in text

    def test_augmentation_checks_labels_before_training(self, tmp_path, few, capsys):
        write_drawings(tmp_path / "mine.jsonl", [Drawing(SEVEN)])
        sentence = refused(capsys, "reproduce", "augmentation", "mine.jsonl")
        assert sentence == 'nnlib: Drawing 1 has no "label" to compare the answer with.'
        sentence = refused(capsys, "reproduce", "augmentation", "mine.jsonl", "--writers", "1-9")
        assert sentence == "nnlib: There is no drawing to evaluate."

    def test_pens_evaluates_every_model_and_preprocessing(self, few, mine, deep, capsys):
        text = printed(capsys, "reproduce", "pens", mine, "--writers", "1-2")
        results = read_json(Path("data", "results", "pens.json"))
        assert results["command"] == "nnlib reproduce pens mine.jsonl --writers 1-2"
        cases = [(model, way) for model in ("softmax", "deep") for way in PREPROCESSINGS]
        assert [(r["model"], r["preprocessing"]) for r in results["results"]] == cases
        found = results["results"][cases.index(("deep", "mnist"))]
        assert found == {"model": "deep"} | evaluate_drawings(deep, DRAWINGS[:3], "mnist")
        assert "| model | as-drawn | mnist | strokes |" in text and "| `deep` | " in text

    def test_reference_measures_the_training_images(self, monkeypatch, few, capsys):
        measured = {"measures": {"slant": {"range": [0, 1]}}}
        monkeypatch.setattr(
            cli, "measure_training_data", lambda split: measured if split is few.train else None
        )
        text = printed(capsys, "reproduce", "reference", "--out", "here")
        written = read_json(Path("here", "reference.json"))
        assert written == {"command": "nnlib reproduce reference"} | measured
        assert text == "measured for each digit: slant\n"
