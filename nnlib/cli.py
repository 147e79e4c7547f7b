"""The command line: python -m nnlib train | evaluate | predict | ladder | ablation | reference.

Results go to standard output, progress and errors to standard error. An error is one
sentence, and the exit code is then 1.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from nnlib import ladder, metrics
from nnlib.data import load_mnist
from nnlib.diagnostics import measure_training_data
from nnlib.drawing import read_drawings
from nnlib.files import data_path, replacing
from nnlib.images import read_image
from nnlib.network import Network
from nnlib.recognizer import Reading, Recognizer, model_path


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
    command = commands.add_parser("evaluate", help="measure a model on the 10,000 test images")
    command.add_argument("name", metavar="NAME", help=known)
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.set_defaults(run=_evaluate)

    command = commands.add_parser("predict", help="read digits from a file")
    kinds = "an image (PNG, …), a 28×28 .npy, or drawings (.jsonl, .jsonl.gz)"
    command.add_argument("file", metavar="FILE", help=kinds)
    command.add_argument("--model", default="deep", help=f"{known} (default deep)")
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.set_defaults(run=_predict)

    what = "train every model with several seeds; write data/results/ladder.json"
    command = commands.add_parser("ladder", help=what)
    command.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="N")
    command.set_defaults(run=_ladder)

    what = "train `deep` with one ingredient left out; write data/results/ablation.json"
    command = commands.add_parser("ablation", help=what)
    command.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="N")
    command.set_defaults(run=_ablation)

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
    network = Network.load(model_path(options.name))
    test = load_mnist().test
    loss, accuracy = metrics.evaluate(network, test.images, test.labels)
    confusion = metrics.confusion_matrix(network.predict(test.images), test.labels)
    if options.json:
        result = {"model": options.name, "data": "MNIST test", "n": len(test)}
        result |= {"accuracy": accuracy, "loss": loss, "confusion": confusion.tolist()}
        print(json.dumps(result))
        return
    print(f"{options.name} on the {len(test):,} test images of MNIST")
    print(f"accuracy {accuracy:.2%}, loss {loss:.4f}\n")
    print("label   read as" + "".join(f"{digit:>6}" for digit in range(10)))
    for digit, row in enumerate(confusion):
        print(f"{digit:>5}{'':10}" + "".join(f"{count or '·':>6}" for count in row))


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
        second = int(np.argsort(reading.probabilities)[-2])
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
    digits = load_mnist()
    models: dict[str, list[dict]] = {}
    for name in ladder.LADDER:
        models[name] = []
        for seed in options.seeds:
            network, _ = ladder.train(name, digits, seed)
            run = {"seed": seed}
            for split in ("dev", "test"):
                data = getattr(digits, split)
                run[split] = metrics.evaluate(network, data.images, data.labels)[1]
            models[name].append(run)
    results = {"command": "python -m nnlib ladder", "models": models}
    _write_json(data_path("results", "ladder.json"), results)
    print(ladder.describe_results(results))


def _ablation(options: argparse.Namespace) -> None:
    digits = load_mnist()
    recipes: dict[str, list[dict]] = {}
    for name, recipe in ladder.ABLATION.items():
        recipes[name] = []
        for seed in options.seeds:
            network, _ = recipe.train(digits, seed)
            run = {"seed": seed}
            for split in ("train", "dev"):
                data = getattr(digits, split)
                loss, accuracy = metrics.evaluate(network, data.images, data.labels)
                run |= {split: accuracy, f"{split}_loss": round(loss, 5)}
            recipes[name].append(run)
    results = {"command": "python -m nnlib ablation", "recipes": recipes}
    _write_json(data_path("results", "ablation.json"), results)
    print(ladder.describe_ablation(results))


def _reference(options: argparse.Namespace) -> None:
    reference = {"command": "python -m nnlib reference"}
    reference |= measure_training_data(load_mnist().train)
    _write_json(data_path("reference.json"), reference)


def _write_json(path: Path, value: dict) -> None:
    with replacing(path) as file:
        file.write(json.dumps(value, indent=1).encode() + b"\n")
    print(f"wrote {path}", file=sys.stderr)
