"""The notebooks as files: nbval can compare them, and readers find the sections they know.

Whether they run and print what they show is tested by `pytest --nbval`.
"""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ALL = [ROOT / "app.ipynb", *NOTEBOOKS]


def read(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


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
