"""Experiments: several recipes with several seeds, measured, kept in a file, shown as a table.

A results file is {"command": the command that wrote it, KEY: {name: [run, run, …]}}, where a run
is {"seed": 0, "dev": accuracy, "dev_loss": loss, …} and KEY is "models" or "recipes".
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnlib.datasets.splits import Digits, Split
from nnlib.files import open_bounded
from nnlib.preprocessing.drawing import NO_DIGIT
from nnlib.training.metrics import loss_and_accuracy
from nnlib.training.recipes import MODELS, Recipe

Runs = dict[str, list[dict[str, Any]]]  # the name of a recipe → its runs, one for each seed

MAX_RESULTS_BYTES = 10_000_000


def train_and_measure(
    recipes: Mapping[str, Recipe],
    digits: Digits,
    seeds: Sequence[int],
    splits: Mapping[str, Split],
    save_to: Path | None = None,
) -> Runs:
    """Train each recipe with each seed, and measure accuracy and loss on each split.

    save_to: a folder for the networks of seed 0, NAME.npz. Progress goes to standard error.
    """
    runs: Runs = {}
    for name, recipe in recipes.items():
        runs[name] = []
        for seed in seeds:
            print(f"{name}, seed {seed}", file=sys.stderr)
            network, _ = recipe.train(digits, seed)
            if save_to is not None and seed == 0:
                network.info["name"] = name
                network.save(save_to / f"{name}.npz")
            run: dict[str, Any] = {"seed": seed}
            for split, data in splits.items():
                loss, accuracy = loss_and_accuracy(
                    network, data.images, data.labels, n_classes=NO_DIGIT
                )
                run |= {split: accuracy, f"{split}_loss": round(loss, 5)}
            runs[name].append(run)
    return runs


def read_runs(path: str | os.PathLike[str], key: str) -> Runs:
    """The runs in a results file; none if the file is not there.

    Raises ValueError for another kind of file, so that it is not overwritten.
    """
    try:
        with open_bounded(path, MAX_RESULTS_BYTES) as file:
            runs: Runs = json.loads(file.read())[key]
        if all(isinstance(run["seed"], int) for each in runs.values() for run in each):
            return runs
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise ValueError(f"{path} is not a results file, and is left as it is.")


def merge_runs(old: Runs, new: Runs) -> Runs:
    """All runs of both; of two with the same name and seed, the new one."""
    merged = dict(old)
    for name, runs in new.items():
        seeds = {run["seed"] for run in runs}
        others = [run for run in old.get(name, []) if run["seed"] not in seeds]
        merged[name] = sorted([*others, *runs], key=lambda run: run["seed"])
    return merged


def models_table(results: Mapping[str, Any]) -> str:
    """What `nnlib reproduce models` measured, as a table in Markdown."""
    lines = ["| model | layers | dev | test |", "|---|---|---|---|"]
    for name, recipe in MODELS.items():
        if runs := results["models"].get(name):
            layers = "→".join(map(str, recipe.widths))
            dev, test = (
                _mean_and_spread([run[split] for run in runs]) for split in ("dev", "test")
            )
            lines.append(f"| `{name}` | {layers} | {dev} | {test} |")
    return "\n".join(lines)


def ablation_table(results: Mapping[str, Any]) -> str:
    """What `nnlib reproduce ablation` measured, as a table in Markdown."""
    lines = ["| recipe | dev accuracy | dev loss | train accuracy |", "|---|---|---|---|"]
    for name, runs in results["recipes"].items():
        dev = _mean_and_spread([run["dev"] for run in runs])
        dev_loss, train = (np.mean([run[key] for run in runs]) for key in ("dev_loss", "train"))
        lines.append(f"| {name} | {dev} | {dev_loss:.4f} | {train:.2%} |")
    return "\n".join(lines)


def augmentation_table(results: Mapping[str, Any]) -> str:
    """What `nnlib reproduce augmentation` measured, as a table in Markdown."""
    lines = ["| trained with | dev | pens |", "|---|---|---|"]
    for name, runs in results["recipes"].items():
        dev, pens = (_mean_and_spread([run[key] for run in runs]) for key in ("dev", "pens"))
        lines.append(f"| {name} | {dev} | {pens} |")
    return "\n".join(lines)


def _mean_and_spread(accuracies: list[float]) -> str:
    """In percent, with the standard deviation where there is more than one run."""
    spread = f" ± {100 * np.std(accuracies, ddof=1):.2f}" if len(accuracies) > 1 else ""
    return f"{100 * np.mean(accuracies):.2f}{spread} %"
