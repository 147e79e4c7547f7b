"""The notebooks as files: nbval can compare them, and readers find the sections they know.

Whether they run and print what they show is tested by `pytest --nbval`.
"""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
APPENDICES = sorted((ROOT / "notebooks").glob("a*.ipynb"))
ALL = [ROOT / "app.ipynb", *NOTEBOOKS, *APPENDICES]


WIDGET_STATE = "application/vnd.jupyter.widget-state+json"


def read(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


# What JupyterLab folds, and the tags by which a book does.
FOLDED = {
    "source_hidden": {"hide-input", "hide-cell"},
    "outputs_hidden": {"hide-output", "hide-cell"},
}


def has_alt(output: dict) -> bool:
    """Whether an output that is an image says in words what it shows."""
    alt = output.get("metadata", {}).get("image/png", {}).get("alt", "")
    return "image/png" not in output.get("data", {}) or len(alt) >= 20


def complaints(path: Path, cells: list[dict]) -> list[str]:
    """What is wrong with a notebook, cell by cell."""
    found = []
    for number, cell in enumerate(cells):
        source = "".join(cell["source"])
        text = source + json.dumps(cell.get("outputs", []))
        if re.search(r"(?<![\w.])(/home/|/root/|/Users/|/work/|/tmp/|[A-Z]:\\\\Users)", text):
            found.append(f"cell {number} has a path of one machine")
        if cell["cell_type"] != "code" or not source.strip():
            continue
        tags = cell["metadata"].get("tags", [])
        if cell["execution_count"] is None:
            found.append(f"cell {number} was never executed: nbval would not compare it")
        if any(output["output_type"] == "error" for output in cell["outputs"]):
            found.append(f"cell {number} shows an error")
        if "nbval-ignore-output" in tags and not re.search(r"^\s*assert ", source, re.MULTILINE):
            found.append(f"cell {number} is ignored and asserts nothing")
        if {"nbval-skip", "nbval-raises-exception"} & set(tags):
            found.append(f"cell {number} is skipped, or allowed to fail")
        if not all(map(has_alt, cell["outputs"])):
            found.append(f"cell {number} has an image without alternative text")
        folded = cell["metadata"].get("jupyter", {})
        by_tags = {key: bool(set(tags) & hiding) for key, hiding in FOLDED.items()}
        if any(folded.get(key, False) != fold for key, fold in by_tags.items()):
            found.append(f"cell {number} is not folded as its tags say")
        if any(len(json.dumps(output)) > 300_000 for output in cell["outputs"]):
            found.append(f"cell {number} has an output of more than 300 kB")
    if path.exists() and path.stat().st_size > 2_000_000:
        found.append("the notebook has more than 2 MB")
    return found


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_a_notebook_has_no_complaints(path):
    assert complaints(path, read(path)) == []


def cell(source: str, tags: tuple[str, ...] = (), count: int | None = 1, outputs=()) -> dict:
    return {
        "cell_type": "code",
        "source": [source],
        "metadata": {"tags": list(tags)},
        "execution_count": count,
        "outputs": list(outputs),
    }


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (cell("1 + 1", count=None), "never executed"),
        (cell("1 / 0", outputs=[{"output_type": "error"}]), "an error"),
        (cell("fit()", tags=("nbval-ignore-output",)), "asserts nothing"),
        (cell("1", tags=("nbval-skip",)), "skipped"),
        (cell("1", tags=("hide-output",)), "not folded"),
        (
            cell("plot()", outputs=[{"output_type": "display_data", "data": {"image/png": "…"}}]),
            "without alternative text",
        ),
        (cell("open('/home/ada/x')"), "machine"),
        (cell("1", outputs=[{"output_type": "stream", "text": "x" * 300_001}]), "300 kB"),
    ],
)
def test_a_bad_cell_is_found(bad, complaint):
    """The control of the test above."""
    (found,) = complaints(Path("nowhere.ipynb"), [cell("1 + 1"), bad])
    assert complaint in found and "cell 1" in found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_has_all_sections_in_order(path):
    cells = read(path)
    prose = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    places = [
        prose.find(heading)
        for heading in ("What you'll do", "What you'll learn", "What you'll need",
                        "Check yourself", "In practice", "Further reading")
    ]  # fmt: skip
    assert -1 not in places and places == sorted(places)
    assert re.search(r"(?m)^# .+", "".join(cells[0]["source"]))
    exercises = sum("exercise" in c["metadata"].get("tags", []) for c in cells)
    assert exercises >= 4
    assert prose.count("<details>") == prose.count("</details>") >= 4


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_links_its_neighbors_and_real_files(path):
    prose = [cell["source"] for cell in read(path) if cell["cell_type"] == "markdown"]
    text = "\n".join("".join(source) for source in prose)
    number = NOTEBOOKS.index(path)
    for neighbor in NOTEBOOKS[max(number - 1, 0) : number] + NOTEBOOKS[number + 1 : number + 2]:
        assert f"({neighbor.name})" in text
    for target in re.findall(r"\]\((?!https?:|attachment:)([^)#]+)\)", text):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_moving_figure_moves_without_a_kernel(path):
    """Its slider and its pictures are in the notebook, tied to each other in the browser."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    saved = notebook["metadata"].get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    links = [ends(model) for model in saved.values() if model["model_name"] == "LinkModel"]
    moving = 0
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "application/vnd.jupyter.widget-view+json" not in data or "image/png" not in data:
                continue
            moving += 1
            controls, stack = children(saved, data["application/vnd.jupyter.widget-view+json"])
            play, slider = children(saved, controls)
            for tied in (
                ((play["id"], "value"), (slider["id"], "index")),
                ((slider["id"], "index"), (stack["id"], "selected_index")),
            ):
                assert tied in links
            pictures = children(saved, stack)
            assert len(pictures) == len(slider["state"]["_options_labels"]) >= 5
            assert all(" alt=" in picture["state"]["value"] for picture in pictures)
    if path.name[:2] in ("02", "03", "04"):
        assert moving >= 1


def children(saved: dict, model: dict) -> list[dict]:
    """The saved models of a box's children, each with its id."""
    ids = [name.removeprefix("IPY_MODEL_") for name in saved[model_id(model)]["state"]["children"]]
    return [{"id": name, **saved[name]} for name in ids]


def model_id(model: dict) -> str:
    return model.get("model_id") or model["id"]


def ends(link: dict) -> tuple[tuple[str, str], ...]:
    """The two traits that a link ties: (id of the model, name of the trait)."""
    both = (link["state"][end] for end in ("source", "target"))
    return tuple((model.removeprefix("IPY_MODEL_"), trait) for model, trait in both)
