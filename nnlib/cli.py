"""The command line: `nnlib COMMAND …`, the same as `python -m nnlib COMMAND …`.

Every command but `app`, `serve` and `predict` is a function that returns one JSON object; `main`
prints it, as JSON or as text for people, on standard output. Progress and errors go to standard
error. An error is one sentence, and the exit code is then 1.

Commands read packaged data, and write below the working directory or where `--out` says.
"""

import argparse
import itertools
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from io import TextIOWrapper
from pathlib import Path, PureWindowsPath
from typing import Any, TypeVar

from nnlib.datasets.arrays import read_labeled_images
from nnlib.datasets.drawings_file import read_drawings, write_drawings
from nnlib.datasets.mnist import load_mnist
from nnlib.datasets.pendigits import read_pendigits
from nnlib.datasets.unipen_originals import DIGITS, LETTERS, read_unipen_folder
from nnlib.explain.diagnostics import measure_training_data
from nnlib.files import check_writable, write_json
from nnlib.nn.network import Network
from nnlib.preprocessing.drawing import Drawing
from nnlib.preprocessing.images import IMAGE_FORMATS, read_image
from nnlib.recognition.evaluation import (
    drawings_to_split,
    evaluate_drawings,
    evaluate_images,
    evaluate_split,
    pens_table,
)
from nnlib.recognition.recognizer import PREPROCESSINGS, Prediction, Recognizer
from nnlib.recognition.registry import DEFAULT_MODEL
from nnlib.training import recipes
from nnlib.training.checkpoint import Checkpoint
from nnlib.training.experiments import (
    ablation_table,
    augmentation_table,
    merge_runs,
    models_table,
    read_runs,
    train_and_measure,
)
from nnlib.training.recipes import Recipe

Result = dict[str, Any]  # JSON values
Commands = Any  # what add_subparsers returns: argparse has no public name for its type

MODEL_HELP = "a model's name, or the path of an .npz"
DRAWINGS_HELP = "labeled drawings, .jsonl or .jsonl.gz"
SEED_HELP = "random seed for initial weights, batch order and augmentation"
Item = TypeVar("Item")


def main(arguments: list[str] | None = None) -> None:
    """Run one command. Raises SystemExit where it fails. arguments: those of the process."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # some consoles cannot print ± or →
    parser = _parser()
    options, flags = parser.parse_known_args(arguments)
    serve = getattr(options, "serve", None)  # takes flags that only Voila knows
    if flags and serve is None:
        parser.error(f"unrecognized arguments: {' '.join(flags)}")
    try:
        if serve is not None:
            serve(flags)
            return
        result = options.run(options)
    except (ValueError, ArithmeticError, OSError) as error:
        sys.exit(f"nnlib: {error}")
    except KeyboardInterrupt:
        sys.exit("nnlib: interrupted")
    if result is not None:
        print(json.dumps(result) if options.json else options.text(result))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nnlib", description="Handwritten digits, recognized in NumPy alone."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for add in (
        _add_app,
        _add_serve,
        _add_train,
        _add_evaluate,
        _add_predict,
        _add_convert,
        _add_reproduce,
    ):
        add(commands)
    return parser


def _add_app(commands: Commands) -> None:
    command = commands.add_parser(
        "app",
        help="open the drawing app",
        usage="nnlib app [-h] [VOILA FLAGS …]",
        description="Open the drawing app in a browser. All further flags go to Voila, such as "
        "--port=8867 and --no-browser; `voila --help-all` lists them.",
        allow_abbrev=False,
    )
    command.set_defaults(serve=_serve_app)


def _add_serve(commands: Commands) -> None:
    command = commands.add_parser(
        "serve",
        help="serve the app and REST to strangers",
        usage="nnlib serve [-h] [--model=MODEL] [--hosts=NAME] [--max-visitors=N] [FLAGS …]",
        description="Serve the drawing app, and REST beside it, with limits on everything: see "
        'README, "Put it on the internet". All flags of Voila work too, such as --port=8866 and '
        "--base_url=/digits/; `nnlib serve --help-all` lists them.",
        allow_abbrev=False,
    )
    command.set_defaults(serve=_serve_strangers)


def _add_train(commands: Commands) -> None:
    command = _command_parser(commands, "train", "train models and save them")
    command.add_argument(
        "models",
        nargs="+",
        type=_trainable,
        metavar="NAME|MODEL.npz",
        help=f"a recipe ({', '.join(recipes.MODELS)}), or the path of a model to train once more",
    )
    command.add_argument(
        "--seed",
        type=_seed,
        metavar="N",
        help=f"{SEED_HELP} (default: 0, or the seed of MODEL.npz)",
    )
    command.add_argument(
        "--out",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="where NAME.npz, or NAME-seedN.npz, is written (default: the working directory)",
    )
    command.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE.npz",
        help="write the state of training to this file after every epoch; if it is there, resume "
        "from it, with the same result as without an interruption (only for one model)",
    )
    command.set_defaults(run=_train, text=_training_text)


def _add_evaluate(commands: Commands) -> None:
    what = "measure a model on MNIST's test images, on drawings or on other images"
    command = _command_parser(commands, "evaluate", what)
    command.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    data = command.add_mutually_exclusive_group()
    data.add_argument("--drawings", type=Path, metavar="FILE", help=DRAWINGS_HELP)
    data.add_argument(
        "--images",
        type=Path,
        metavar="FILE",
        help=".npz of images (N, 28, 28) and labels (N,), or a .csv like Kaggle's train.csv",
    )
    _add_preprocessing(command)
    _add_writers(command)
    command.set_defaults(run=_evaluate, text=_evaluation_text)


def _add_predict(commands: Commands) -> None:
    command = _command_parser(commands, "predict", "recognize the digits of a file")
    command.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help=f"an image ({', '.join(IMAGE_FORMATS)}), a 28×28 .npy, or drawings (.jsonl, "
        ".jsonl.gz)",
    )
    command.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="MODEL",
        help=f"{MODEL_HELP} (default: {DEFAULT_MODEL})",
    )
    _add_preprocessing(command)
    command.set_defaults(run=_predict)


def _add_convert(commands: Commands) -> None:
    what = "make a drawings file of UCI's pen digits (pendigits-orig.tra, .tes), or of the digits "
    what += "in a folder of UNIPEN's distribution (train_r01_v07)"
    command = _command_parser(commands, "convert", what)
    what = "unpacked originals: UCI's files, or UNIPEN's folder"
    command.add_argument("files", nargs="+", type=Path, metavar="FILE", help=what)
    command.add_argument("out", type=Path, metavar="OUT", help="a .jsonl or .jsonl.gz to write")
    what = "the letters A to Z and a to z of a folder, instead of its digits"
    command.add_argument("--letters", action="store_true", help=what)
    command.set_defaults(run=_convert, text=_conversion_text)


def _add_reproduce(commands: Commands) -> None:
    what = "measure again what README and the notebooks report"
    command = commands.add_parser("reproduce", help=what, description=what)
    studies = command.add_subparsers(metavar="WHAT", required=True)

    what = "train every model with several seeds; write FOLDER/results/models.json, and the "
    study = _command_parser(studies, "models", what + "models of seed 0 to FOLDER/models")
    what = "only these; what the file has of other models and seeds is kept (default: all)"
    study.add_argument("names", nargs="*", type=_recipe_name, metavar="NAME", help=what)
    _add_seeds_and_out(study)
    study.set_defaults(run=_reproduce_models, text=models_table)

    what = "train `deep` with one ingredient left out; write FOLDER/results/ablation.json"
    study = _command_parser(studies, "ablation", what)
    _add_seeds_and_out(study)
    study.set_defaults(run=_reproduce_ablation, text=ablation_table)

    what = "train `robust` briefly with one ingredient left out, and measure it on drawings; "
    study = _command_parser(
        studies, "augmentation", what + "write FOLDER/results/augmentation.json"
    )
    study.add_argument("drawings", type=Path, metavar="DRAWINGS", help=DRAWINGS_HELP)
    _add_writers(study)
    _add_seeds_and_out(study)
    study.set_defaults(run=_reproduce_augmentation, text=augmentation_table)

    what = "measure every model on drawings, with every preprocessing; write "
    study = _command_parser(studies, "pens", what + "FOLDER/results/pens.json")
    study.add_argument("drawings", type=Path, metavar="DRAWINGS", help=DRAWINGS_HELP)
    _add_writers(study)
    _add_out(study)
    study.set_defaults(run=_reproduce_pens, text=lambda result: pens_table(result["results"]))

    what = "measure the training images; write FOLDER/reference.json"
    study = _command_parser(studies, "reference", what)
    _add_out(study)
    study.set_defaults(run=_reproduce_reference, text=_reference_text)


def _command_parser(commands: Commands, name: str, what: str) -> argparse.ArgumentParser:
    """The parser of a command that can print JSON."""
    command = commands.add_parser(name, help=what, description=what)
    command.add_argument("--json", action="store_true", help="print one JSON object")
    return command


def _add_preprocessing(command: argparse.ArgumentParser) -> None:
    what = "how drawings become 28×28 inputs (default: strokes): "
    what += "; ".join(f"{name}: {meaning}" for name, meaning in PREPROCESSINGS.items())
    command.add_argument("--preprocessing", choices=PREPROCESSINGS, help=what)


def _add_writers(command: argparse.ArgumentParser) -> None:
    what = "only the drawings of these writers, such as 11-30"
    command.add_argument("--writers", type=_range, metavar="A-B", help=what)


def _add_seeds_and_out(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--seeds",
        type=_seed,
        nargs="+",
        default=[0, 1, 2],
        metavar="N",
        help=f"{SEED_HELP} (default: 0 1 2)",
    )
    _add_out(command)


def _add_out(command: argparse.ArgumentParser) -> None:
    what = "the folder that results and models are written to (default: data)"
    command.add_argument("--out", type=Path, default=Path("data"), metavar="FOLDER", help=what)


def _serve_app(flags: list[str]) -> None:
    from nnlib.server.launch import launch

    launch(flags)


def _serve_strangers(flags: list[str]) -> None:
    from nnlib.server.serve import serve

    serve(flags)


def _train(options: argparse.Namespace) -> Result:
    plans = [_training_plan(model, options.seed, options.out) for model in options.models]
    files = [path for *_, path in plans]
    callbacks = []
    if options.checkpoint:
        if len(plans) > 1 or options.checkpoint.resolve() == files[0].resolve():
            raise ValueError("--checkpoint takes one model, and another file than the model's.")
        files.append(options.checkpoint)
        callbacks.append(Checkpoint(options.checkpoint))
    for path in files:  # before training, which takes long
        check_writable(path)
    digits = load_mnist()
    trained = []
    for name, recipe, seed, path in plans:
        _report(f"{name}, seed {seed}")
        network, _ = recipe.train(digits, seed, callbacks=callbacks)
        network.info["name"] = name
        _save(network, path)
        _report(f"wrote {path}")
        metrics = network.info["metrics"]
        trained.append({"model": name, "seed": seed, "path": str(path)} | metrics)
    return {"models": trained}


def _save(network: Network, path: Path) -> None:
    """Save a trained network; to the temporary folder if that fails, so that it is not lost."""
    try:
        network.save(path)
    except OSError as error:
        rescued = Path(tempfile.mkdtemp(prefix="nnlib-"), path.name)
        network.save(rescued)
        raise OSError(f"{path} cannot be written: {error}. The model is in {rescued}.") from None


def _training_plan(model: str, seed: int | None, out: Path) -> tuple[str, Recipe, int, Path]:
    """Name, recipe, seed and file of a model to train, by its recipe or as another was trained."""
    if model in recipes.MODELS:
        name, recipe, seed = model, recipes.MODELS[model], seed or 0
    else:
        network = Network.load(model)
        info = network.info
        if "recipe" not in info:
            raise ValueError(f"{model} does not contain the recipe that it was trained by.")
        recipe = Recipe.from_json(info["recipe"])
        if recipe.widths != network.widths:
            raise ValueError(f"{model} contains the recipe of another network.")
        name = info.get("name", "")
        if not (isinstance(name, str) and name and PureWindowsPath(name).name == name):
            name = Path(model).stem  # a name with folders in it would lead out of `out`
        seed = info.get("seed", 0) if seed is None else seed
        if not (isinstance(seed, int) and seed >= 0):
            raise ValueError(f"{model} was trained with no usable seed: add --seed N.")
    path = out / (f"{name}-seed{seed}.npz" if seed else f"{name}.npz")
    if Path(model).is_file() and path.is_file() and path.samefile(model):
        raise ValueError(f"Training would overwrite {model}: add --out FOLDER.")
    return name, recipe, seed, path


def _training_text(result: Result) -> str:
    lines = [f"{m['path']}: dev accuracy {m['dev_accuracy']:.2%}" for m in result["models"]]
    return "\n".join(lines)


def _evaluate(options: argparse.Namespace) -> Result:
    if not options.drawings and (options.preprocessing or options.writers):
        raise ValueError("--preprocessing and --writers only apply to drawings: add --drawings.")
    recognizer = Recognizer.load(options.model)
    if options.drawings:
        drawings = _read(options.drawings, options.writers)
        data = options.drawings.name
        measured = evaluate_drawings(recognizer, drawings, options.preprocessing or "strokes")
    elif options.images:
        data = options.images.name
        images, labels = read_labeled_images(options.images)
        measured = evaluate_images(recognizer, _progress(images), labels)
    else:
        data = "MNIST test"
        measured = evaluate_split(recognizer, load_mnist().test)
    return {"model": options.model, "data": data} | measured


def _evaluation_text(result: Result) -> str:
    """What `evaluate` measured, as tables for people."""
    drawn = "preprocessing" in result
    kind = f"drawings, preprocessing {result['preprocessing']}" if drawn else "images"
    lines = [f"{result['model']} on {result['data']}: {result['n']:,} {kind}"]
    loss = f", loss {result['loss']:.4f}" if "loss" in result else ""
    lines.append(f"accuracy {result['accuracy']:.2%}{loss}")
    lines.append(
        f"refused {result['refused']:.2%}, calibration error {result['calibration_error']:.2%}"
    )
    if nondigits := result.get("nondigits"):
        lines.append(
            f"of {nondigits['n']:,} that are no digits, refused {nondigits['refused']:.2%}"
        )
    for group in ("writer", "digit"):
        if table := result.get(f"{group}s"):
            lines += ["", f"{group:<8}{'n':>6}  accuracy"]
            lines += [f"{k:<8}{v['n']:>6}  {v['accuracy']:8.2%}" for k, v in table.items()]
    lines += ["", f"{'label':<8}{'answer':>6}" + "".join(f"{digit:>6}" for digit in range(10))]
    for digit, row in enumerate(result["confusion"]):
        lines.append(f"{digit:<14}" + "".join(f"{count or '·':>6}" for count in row))
    return "\n".join(lines)


def _predict(options: argparse.Namespace) -> None:
    """Print each answer as soon as it is known: a file may hold any number of drawings."""
    recognizer = Recognizer.load(options.model)
    predictions: Iterable[Prediction]
    if options.file.name.endswith((".jsonl", ".jsonl.gz")):
        drawings = read_drawings(options.file)
        predictions = recognizer.predict_each(drawings, options.preprocessing or "strokes")
    elif options.preprocessing:
        raise ValueError("--preprocessing only applies to drawings, not to images.")
    else:
        predictions = [recognizer.predict_image(read_image(options.file))]
    if not options.json:
        for prediction in predictions:
            print(_prediction_text(prediction))
        return
    start = json.dumps({"model": options.model})[:-1] + ', "predictions": ['
    for prediction in predictions:
        answer = {
            "digit": prediction.digit,
            "confidence": prediction.confidence,
            "probabilities": prediction.probabilities.tolist(),
            "is_digit": prediction.is_digit,
            "digit_probability": prediction.digit_probability,
        }
        print(start + json.dumps(answer), end="")
        start = ", "
    print("]}" if start == ", " else start + "]}")


def _prediction_text(prediction: Prediction) -> str:
    second = prediction.runner_up
    if not prediction.is_digit:
        doubt = _percent(1 - prediction.digit_probability)
        return f"no digit  {doubt:>8}   (closest: {prediction.digit})"
    return (
        f"{prediction.digit}  {_percent(prediction.confidence):>8}"
        f"   (second: {second}, {_percent(float(prediction.probabilities[second]))})"
    )


def _percent(probability: float) -> str:
    """To one decimal, but never 0 % or 100 %, which no probability of a network is."""
    if probability > 0.999:
        return "> 99.9 %"
    return f"{probability:.1%}".replace("%", " %") if probability >= 0.001 else "< 0.1 %"


def _convert(options: argparse.Namespace) -> Result:
    if not options.out.name.endswith((".jsonl", ".jsonl.gz")):
        raise ValueError(f"{options.out} must end in .jsonl or .jsonl.gz.")
    if options.letters and not all(path.is_dir() for path in options.files):
        raise ValueError("--letters only applies to a folder of UNIPEN's distribution.")
    characters = LETTERS if options.letters else DIGITS
    skipped: Counter[str] = Counter()
    originals = (
        read_unipen_folder(path, characters, skipped) if path.is_dir() else read_pendigits(path)
        for path in options.files
    )
    drawings = itertools.chain.from_iterable(originals)
    result = {"path": str(options.out), "n": write_drawings(options.out, _progress(drawings))}
    return result | ({"skipped": dict(skipped)} if skipped else {})


def _conversion_text(result: Result) -> str:
    lines = [f"{result['path']}: {result['n']:,} drawings"]
    for reason, n in result.get("skipped", {}).items():
        lines.append(f"left out: {n:,} segments ({reason})")
    return "\n".join(lines)


def _reproduce_models(options: argparse.Namespace) -> Result:
    path = options.out / "results" / "models.json"
    kept = read_runs(path, "models") if options.names else {}
    chosen = {name: recipes.MODELS[name] for name in options.names or recipes.MODELS}
    digits = load_mnist()
    splits = {"dev": digits.dev, "test": digits.test}
    runs = train_and_measure(chosen, digits, options.seeds, splits, options.out / "models")
    return _write(path, {"command": "nnlib reproduce models", "models": merge_runs(kept, runs)})


def _reproduce_ablation(options: argparse.Namespace) -> Result:
    digits = load_mnist()
    splits = {"train": digits.train, "dev": digits.dev}
    runs = train_and_measure(recipes.ABLATION, digits, options.seeds, splits)
    result = {"command": "nnlib reproduce ablation", "recipes": runs}
    return _write(options.out / "results" / "ablation.json", result)


def _reproduce_augmentation(options: argparse.Namespace) -> Result:
    pens = drawings_to_split(list(_read(options.drawings, options.writers)))
    digits = load_mnist()
    splits = {"dev": digits.dev, "pens": pens}
    runs = train_and_measure(recipes.AUGMENTATIONS, digits, options.seeds, splits)
    result = {"command": _command("augmentation", options), "recipes": runs}
    return _write(options.out / "results" / "augmentation.json", result)


def _reproduce_pens(options: argparse.Namespace) -> Result:
    drawings = list(_read(options.drawings, options.writers))
    results = []
    for name in recipes.MODELS:
        recognizer = Recognizer.load(name)
        for preprocessing in PREPROCESSINGS:
            _report(f"{name}, {preprocessing}")
            measured = evaluate_drawings(recognizer, drawings, preprocessing)
            results.append({"model": name, "preprocessing": preprocessing} | measured)
    result = {"command": _command("pens", options), "results": results}
    return _write(options.out / "results" / "pens.json", result)


def _reproduce_reference(options: argparse.Namespace) -> Result:
    measured = measure_training_data(load_mnist().train)
    result = {"command": "nnlib reproduce reference"} | measured
    return _write(options.out / "reference.json", result)


def _reference_text(result: Result) -> str:
    return f"measured for each digit: {', '.join(result['measures'])}"


def _command(study: str, options: argparse.Namespace) -> str:
    """The command that a results file names, with the drawings' file but not its folder."""
    writers = f" --writers {options.writers[0]}-{options.writers[1]}" if options.writers else ""
    return f"nnlib reproduce {study} {options.drawings.name}{writers}"


def _write(path: Path, result: Result) -> Result:
    write_json(path, result)
    _report(f"wrote {path}")
    return result


def _read(file: Path, writers: tuple[int, int] | None) -> Iterator[Drawing]:
    """The drawings of a file, or only those of the writers from the first to the last."""
    for drawing in _progress(read_drawings(file)):
        if writers is None or drawing.writer in range(writers[0], writers[1] + 1):
            yield drawing


def _progress(items: Iterable[Item]) -> Iterable[Item]:
    """The same items, with a progress bar on standard error where that is a terminal."""
    from tqdm import tqdm

    return tqdm(items, leave=False, disable=None)


def _report(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def _recipe_name(text: str) -> str:
    if text not in recipes.MODELS:
        known = ", ".join(recipes.MODELS)
        raise argparse.ArgumentTypeError(f"there is no recipe {text!r}; known are {known}")
    return text


def _trainable(text: str) -> str:
    return text if text.endswith(".npz") else _recipe_name(text)


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 up")
    return int(text)


def _range(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    try:
        return int(first), int(last or first)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a range such as 11-30") from None
