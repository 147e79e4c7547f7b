"""README and data/README.md say what is true."""

import json
import re
from pathlib import Path

import pytest

from nnlib.evaluation import describe_drawings
from nnlib.ladder import LADDER, describe_results

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_the_ladder_is_the_one_that_was_measured():
    results = json.loads((ROOT / "data/results/ladder.json").read_text(encoding="utf-8"))
    assert describe_results(results) in README
    assert all(len(results["models"][name]) == 3 for name in LADDER)  # three seeds


def test_the_table_of_pens_is_the_one_that_was_measured_on_people_nothing_was_tuned_on():
    results = json.loads((ROOT / "data/results/pens.json").read_text(encoding="utf-8"))["results"]
    assert describe_drawings(results) in README
    for result in results:
        assert result["command"].endswith(" --writers 11-30")
        assert list(result["writers"]) == [str(writer) for writer in range(11, 31)]
        assert f"{result['n']:,} digits" in README


def test_the_map_names_what_is_there_and_all_of_it():
    map_ = README.split("## Find your way")[1].split("```")[1]
    named = set(re.findall(r"^\s*([\w.]+(?:/|\.\w+))\s", map_, re.MULTILINE))
    for name in named:
        assert (ROOT / name).exists() or (ROOT / "nnlib" / name).exists(), name
    modules = {path.name for path in (ROOT / "nnlib").glob("*.py")}
    assert modules - named == {"__init__.py", "__main__.py"}


def test_the_table_of_notebooks_links_each_of_them():
    notebooks = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert re.findall(r"\(notebooks/(.*?\.ipynb)\)", README) == notebooks


@pytest.mark.parametrize("page", ["README.md", "data/README.md"])
def test_every_local_link_leads_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert ((ROOT / page).parent / target).exists(), target


def test_every_file_of_data_is_told_of():
    told = (ROOT / "data/README.md").read_text(encoding="utf-8")
    for path in (ROOT / "data").rglob("*"):
        if path.is_file() and path.name != "README.md" and not path.name.startswith("."):
            assert path.name in told, path
