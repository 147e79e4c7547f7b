"""README and data/README.md say what is true."""

import json
import re
from pathlib import Path

import pytest

from nnlib.recognition.evaluation import pens_table
from nnlib.training.experiments import models_table
from nnlib.training.recipes import MODELS

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", "data/README.md", "deploy/README.md", "CONTRIBUTING.md"]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def results(name: str) -> dict:
    return json.loads((ROOT / "data" / "results" / name).read_text(encoding="utf-8"))


def test_readme_table_of_models_is_the_measured_one():
    measured = results("models.json")
    assert models_table(measured) in README
    assert all(len(measured["models"][name]) == 3 for name in MODELS)  # three seeds


def test_readme_table_of_pens_is_the_measured_one():
    measured = results("pens.json")
    assert measured["command"].endswith(" --writers 11-30")  # nothing was chosen on these people
    assert pens_table(measured["results"]) in README
    for result in measured["results"]:
        assert list(result["writers"]) == [str(writer) for writer in range(11, 31)]
        assert f"{result['n']:,} digits" in README


def test_readme_map_names_every_module():
    map_ = README.split("## Find your way")[1].split("```")[1]
    named = re.findall(r"^( *)([\w.]+(?:/|\.\w+))\s", map_, re.MULTILINE)
    folders: list[str] = []
    places = set()
    for indent, name in named:
        depth = len(indent) // 2
        folders[depth:] = [name]
        places.add("".join(folders[: depth + 1]))
    for place in places:
        assert (ROOT / place).exists(), place
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "nnlib").rglob("*.py")}
    in_map = {m for m in modules if "/app/" not in m}
    assert in_map - places == {m for m in in_map if Path(m).stem.startswith("__")}


def test_readme_table_of_notebooks_links_each_of_them():
    notebooks = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert re.findall(r"\(notebooks/(.*?\.ipynb)\)", README) == notebooks


@pytest.mark.parametrize("page", PAGES)
def test_local_links_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert ((ROOT / page).parent / target).exists(), target


def test_data_readme_mentions_every_file():
    text = (ROOT / "data/README.md").read_text(encoding="utf-8")
    for path in (ROOT / "data").rglob("*"):
        if path.is_file() and path.name != "README.md" and not path.name.startswith("."):
            assert path.name in text, path


@pytest.mark.parametrize("page", PAGES)
def test_commands_in_readme_are_commands(page, capsys):
    from nnlib.cli import main

    text = (ROOT / page).read_text(encoding="utf-8")
    commands = set(re.findall(r"(?:^|`)nnlib ([a-z]+)", text, re.MULTILINE))
    for command in commands - {"app"}:  # whose help is Voila's
        with pytest.raises(SystemExit) as end:
            main([command, "--help"])
        assert end.value.code == 0, command
    capsys.readouterr()
