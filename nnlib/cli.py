"""The command line: python -m nnlib train | evaluate | predict | convert | ladder | ….

Results go to standard output, progress and errors to standard error. An error is one
sentence, and the exit code is then 1.
"""

import argparse
import itertools
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from nnlib import ladder, metrics
from nnlib.data import Digits, Split, load_mnist, read_labelled
from nnlib.diagnostics import measure_training_data
from nnlib.drawing import Drawing, read_drawings, write_drawings
from nnlib.evaluation import as_split, evaluate_drawings, evaluate_images
from nnlib.files import data_path, replacing
from nnlib.images import read_image
from nnlib.recognizer import PATHS, Reading, Recognizer
from nnlib.unipen import read_unipen


def main(arguments: list[str] | None = None) -> None:
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except (ValueError, ArithmeticError, OSError) as error:
        sys.exit(f"nnlib: {error}")
    except KeyboardInterrupt:
        sys.exit("nnlib: interrupted")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m nnlib", description="Handwritten digits, recognised in NumPy alone."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    command = commands.add_parser("train", help="train models of the ladder and save them")
    names = ", ".join(ladder.LADDER)
    command.add_argument("names", nargs="+", choices=ladder.LADDER, metavar="NAME", help=names)
    command.add_argument("--seed", type=int, default=0, help="of weights and batches (default 0)")
    where = "where NAME.npz goes (default: data/models)"
    command.add_argument("--out", type=Path, default=data_path("models"), help=where)
    command.set_defaults(run=_train)

    known = "a model's name, or the path of an .npz"
    what = "measure a model on MNIST's test images, on drawings or on other images"
    command = commands.add_parser("evaluate", help=what)
    command.add_argument("name", metavar="NAME", help=known)
    data = command.add_mutually_exclusive_group()
    data.add_argument("--drawings", type=Path, metavar="FILE", help="labelled .jsonl, .jsonl.gz")
    what = ".npz of images (N, 28, 28) and labels (N,), or a .csv like Kaggle's train.csv"
    data.add_argument("--images", type=Path, metavar="FILE", help=what)
    what = "how drawings become 28×28: " + "; ".join(f"{k}, {v}" for k, v in PATHS.items())
    command.add_argument("--path", choices=PATHS, default="strokes", help=what)
    what = "only drawings of these writers, such as 11-30"
    command.add_argument("--writers", type=_range, metavar="FIRST-LAST", help=what)
    command.add_argument("--json", action="store_true", help="print one JSON object")
    what = "add the result to a JSON file of results (see data/results/pens.json)"
    command.add_argument("--save", type=Path, metavar="FILE", help=what)
    command.set_defaults(run=_evaluate)

    command = commands.add_parser("predict", help="read digits from a file")
    kinds = "an image (PNG, …), a 28×28 .npy, or drawings (.jsonl, .jsonl.gz)"
    command.add_argument("file", metavar="FILE", help=kinds)
    command.add_argument("--model", default="robust", help=f"{known} (default robust)")
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.set_defaults(run=_predict)

    what = "make a drawings file of UCI's pen digits (pendigits-orig.tra, .tes)"
    command = commands.add_parser("convert", help=what)
    command.add_argument("files", nargs="+", type=Path, metavar="FILE", help="unpacked originals")
    command.add_argument("out", type=Path, metavar="OUT", help="a .jsonl or .jsonl.gz to write")
    command.set_defaults(run=_convert)

    what = "train every model with several seeds; keep seed 0's, write data/results/ladder.json"
    command = commands.add_parser("ladder", help=what)
    which = "only these; what the file says of other models and seeds is kept (default: all)"
    command.add_argument("names", nargs="*", metavar="NAME", help=which)
    command.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="N")
    command.set_defaults(run=_ladder)

    what = "train `deep` with one ingredient left out; write data/results/ablation.json"
    command = commands.add_parser("ablation", help=what)
    command.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="N")
    command.set_defaults(run=_ablation)

    what = "the same for `robust`, short, and pen drawings; write data/results/augmentation.json"
    command = commands.add_parser("augmentation", help=what)
    command.add_argument("drawings", type=Path, metavar="FILE", help="labelled .jsonl, .jsonl.gz")
    what = "measure on these writers' drawings only, such as 11-30"
    command.add_argument("--writers", type=_range, metavar="FIRST-LAST", help=what)
    command.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="N")
    command.set_defaults(run=_augmentation)

    what = "measure the training images; write data/reference.json"
    command = commands.add_parser("reference", help=what)
    command.set_defaults(run=_reference)
    return parser


def _train(options: argparse.Namespace) -> None:
    digits = load_mnist()
    for name in options.names:
        network, _ = ladder.train(name, digits, options.seed)
        path = options.out / f"{name}{f'-seed{options.seed}' if options.seed else ''}.npz"
        network.save(path)
        print(f"{path}: {network.info['metrics']['dev_accuracy']:.2%} right on dev")


def _evaluate(options: argparse.Namespace) -> None:
    if not options.drawings and (options.path != "strokes" or options.writers):
        raise ValueError("--path and --writers say something of drawings: add --drawings FILE.")
    saved = _read_results(options.save) if options.save else []
    command = f"python -m nnlib evaluate {options.name}"
    recognizer = Recognizer.load(options.name)
    if options.drawings:
        command += f" --drawings {options.drawings.name} --path {options.path}"
        command += _writers_option(options.writers)
        drawings = _drawings_of(options.drawings, options.writers)
        data = f"{options.drawings.name}, {options.path}"
        result = evaluate_drawings(recognizer, drawings, options.path) | {"path": options.path}
    elif options.images:
        command += f" --images {options.images.name}"
        data = options.images.name
        images, labels = read_labelled(options.images)
        result = evaluate_images(recognizer, _progress(images), labels)
    else:
        data, test = "MNIST test", load_mnist().test
        loss, accuracy = metrics.evaluate(recognizer.network, test.images, test.labels)
        answers = recognizer.network.predict(test.images)
        confusion = metrics.confusion_matrix(answers, test.labels).tolist()
        result = {"n": len(test), "accuracy": accuracy, "loss": loss, "confusion": confusion}
    result = {"command": command, "model": options.name, "data": data} | result
    if options.save:
        others = [other for other in saved if other["command"] != command]
        results = sorted([*others, result], key=lambda other: other["command"])
        _write_json(options.save, {"results": results})
    print(json.dumps(result) if options.json else _describe(result))


def _describe(result: dict) -> str:
    """What `evaluate` found, as tables for people."""
    lines = [f"{result['model']} on {result['n']:,} of {result['data']}"]
    loss = f", loss {result['loss']:.4f}" if "loss" in result else ""
    lines.append(f"accuracy {result['accuracy']:.2%}{loss}")
    for kind in ("writer", "digit"):
        if table := result.get(f"{kind}s"):
            lines += ["", f"{kind:<8}{'n':>6}  accuracy"]
            lines += [f"{k:<8}{v['n']:>6}  {v['accuracy']:8.2%}" for k, v in table.items()]
    lines += ["", "label   read as" + "".join(f"{digit:>6}" for digit in range(10))]
    for digit, row in enumerate(result["confusion"]):
        lines.append(f"{digit:>5}{'':10}" + "".join(f"{count or '·':>6}" for count in row))
    return "\n".join(lines)


def _read_results(path: Path) -> list[dict]:
    """What is in a file of results; nothing if there is none."""
    try:
        results = json.loads(path.read_text(encoding="utf-8"))["results"]
        if all(isinstance(result["command"], str) for result in results):
            return results
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError):
        pass
    raise ValueError(f"{path} is not a file of results, and is left as it is.")


def _writers_option(writers: tuple[int, int] | None) -> str:
    """The option as somebody would type it, for the command that a result names."""
    return f" --writers {writers[0]}-{writers[1]}" if writers else ""


def _drawings_of(file: Path, writers: tuple[int, int] | None) -> Iterator[Drawing]:
    for drawing in _progress(read_drawings(file)):
        if writers is None or drawing.writer in range(writers[0], writers[1] + 1):
            yield drawing


def _progress(items: Iterable) -> Iterable:
    """A bar on standard error, where that is a terminal."""
    from tqdm import tqdm

    return tqdm(items, unit=" read", leave=False, disable=None)


def _range(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    try:
        return int(first), int(last or first)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a range such as 11-30") from None


def _convert(options: argparse.Namespace) -> None:
    if not options.out.name.endswith((".jsonl", ".jsonl.gz")):
        raise ValueError(f"{options.out} must end in .jsonl or .jsonl.gz.")
    drawings = itertools.chain.from_iterable(map(read_unipen, options.files))
    print(f"{options.out}: {write_drawings(options.out, _progress(drawings)):,} drawings")


def _predict(options: argparse.Namespace) -> None:
    recognizer = Recognizer.load(options.model)
    if options.file.endswith((".jsonl", ".jsonl.gz")):
        readings = [
            recognizer.read(drawing.strokes, drawing.canvas, drawing.pen)
            for drawing in read_drawings(options.file)
        ]
    else:
        readings = [recognizer.read_image(read_image(options.file))]
    if options.json:
        print(json.dumps({"predictions": [_as_json(reading) for reading in readings]}))
        return
    for reading in readings:
        second = reading.runner_up
        print(
            f"{reading.digit}  {reading.confidence:.1%}"
            f"   (then {second}, {reading.probabilities[second]:.1%})"
        )


def _as_json(reading: Reading) -> dict:
    return {
        "digit": reading.digit,
        "confidence": reading.confidence,
        "probabilities": reading.probabilities.tolist(),
    }


def _ladder(options: argparse.Namespace) -> None:
    for name in options.names:
        if name not in ladder.LADDER:
            raise ValueError(f"There is no model {name!r}. Known are {', '.join(ladder.LADDER)}.")
    digits = load_mnist()
    splits = {"dev": digits.dev, "test": digits.test}
    chosen = {name: ladder.LADDER[name] for name in options.names or ladder.LADDER}
    path = data_path("results", "ladder.json")
    measured = _train_all(chosen, digits, options.seeds, splits, data_path("models"))
    models = json.loads(path.read_text(encoding="utf-8"))["models"] if options.names else {}
    for name, runs in measured.items():
        others = [run for run in models.get(name, []) if run["seed"] not in options.seeds]
        models[name] = sorted([*others, *runs], key=lambda run: run["seed"])
    models = {name: models[name] for name in ladder.LADDER if name in models}
    results = {"command": "python -m nnlib ladder", "models": models}
    _write_json(path, results)
    print(ladder.describe_results(results))


def _ablation(options: argparse.Namespace) -> None:
    digits = load_mnist()
    splits = {"train": digits.train, "dev": digits.dev}
    recipes = _train_all(ladder.ABLATION, digits, options.seeds, splits)
    results = {"command": "python -m nnlib ablation", "recipes": recipes}
    _write_json(data_path("results", "ablation.json"), results)
    print(ladder.describe_ablation(results))


def _augmentation(options: argparse.Namespace) -> None:
    command = f"python -m nnlib augmentation {options.drawings.name}"
    command += _writers_option(options.writers)
    drawings = list(_drawings_of(options.drawings, options.writers))
    pens, digits = as_split(drawings), load_mnist()
    splits = {"dev": digits.dev, "pens": pens}
    recipes = _train_all(ladder.AUGMENTATIONS, digits, options.seeds, splits)
    results = {"command": command, "recipes": recipes}
    _write_json(data_path("results", "augmentation.json"), results)
    print(ladder.describe_augmentation(results))


def _train_all(
    recipes: dict[str, ladder.Recipe],
    digits: Digits,
    seeds: list[int],
    splits: dict[str, Split],
    save_to: Path | None = None,
) -> dict[str, list[dict]]:
    """Train each recipe with each seed, and measure accuracy and loss on each split.

    save_to: a folder for the networks of seed 0.
    """
    measured: dict[str, list[dict]] = {}
    for name, recipe in recipes.items():
        measured[name] = []
        for seed in seeds:
            print(f"{name}, seed {seed}", file=sys.stderr)
            network, _ = recipe.train(digits, seed)
            if save_to is not None and seed == 0:
                network.info["name"] = name
                network.save(save_to / f"{name}.npz")
            run = {"seed": seed}
            for split, data in splits.items():
                loss, accuracy = metrics.evaluate(network, data.images, data.labels)
                run |= {split: accuracy, f"{split}_loss": round(loss, 5)}
            measured[name].append(run)
    return measured


def _reference(options: argparse.Namespace) -> None:
    reference = {"command": "python -m nnlib reference"}
    reference |= measure_training_data(load_mnist().train)
    _write_json(data_path("reference.json"), reference)


def _write_json(path: Path, value: dict) -> None:
    with replacing(path) as file:
        file.write(json.dumps(value, indent=1).encode() + b"\n")
    print(f"wrote {path}", file=sys.stderr)
