"""Every exercise of the notebooks, answered as readers do: rightly, not at all, and wrongly.

An exercise cell needs the cells tagged `setup` before it, and the exercises before it, solved.
The typical wrong answers stand in mistakes_01.py and so on: the cell, and a part of the reply.
"""

import ast
import contextlib
import importlib
import io
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from test_notebooks import NOTEBOOKS, read

import nnlib.exercises

HERE = Path(__file__).parent
CHAPTERS = [path for path in NOTEBOOKS if (HERE / f"mistakes_{path.name[:2]}.py").exists()]


@dataclass
class Exercise:
    """An exercise of a notebook. before: the cells it needs. check: the cells that check it."""

    id: str
    before: list[str]
    source: str
    check: str
    solution: str | None
    is_prediction: bool


def exercises_of(path: Path) -> list[Exercise]:
    cells = read(path)
    before, found = [], []
    for number, cell in enumerate(cells):
        source, tags = "".join(cell["source"]), cell["metadata"].get("tags", [])
        if "setup" in tags:
            before.append(source)
        if "exercise" not in tags:
            continue
        names = set(assigned(source))
        checks = [
            "".join(other["source"])
            for other in cells[number:]
            if "check" in other["metadata"].get("tags", []) and names & read_names(other)
        ]
        solution = next(
            (
                match[1]
                for other in cells[number:]
                if (match := re.search(r"(?s)<summary>Solution.*?```python\n(.*?)```",
                                       "".join(other["source"])))
            ),
            None,
        )  # fmt: skip
        is_prediction = "prediction" in tags
        solution = None if is_prediction else solution
        check = "\n".join(checks[:1])
        found.append(Exercise(cell["id"], list(before), source, check, solution, is_prediction))
        if solution is not None:
            before.append(solution)
    return found


def assigned(source: str) -> list[str]:
    """The names that a cell defines."""
    tree = ast.parse(source)
    definitions = (ast.FunctionDef, ast.ClassDef)
    named = [node.name for node in tree.body if isinstance(node, definitions)]
    return named + names_in(tree, ast.Store)


def read_names(cell: dict) -> set[str]:
    return set(names_in(ast.parse("".join(cell["source"])), ast.Load))


def names_in(tree: ast.AST, context: type) -> list[str]:
    names = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    return [name.id for name in names if isinstance(name.ctx, context)]


CASES = [(path, exercise) for path in CHAPTERS for exercise in exercises_of(path)]
WRITTEN = [
    pytest.param(path, exercise, id=f"{path.name[:2]}-{exercise.id}")
    for path, exercise in CASES
    if not exercise.is_prediction
]


@pytest.fixture(scope="module")
def namespaces() -> dict:
    """Per notebook and number of cells run, the names that they have defined."""
    return {}


def reply(path: Path, exercise: Exercise, answer: str, namespaces: dict, monkeypatch) -> str:
    """What is printed when `answer` stands in the exercise's cell."""
    monkeypatch.chdir(path.parent)
    monkeypatch.setattr(nnlib.exercises, "_hints_shown", {})
    monkeypatch.setattr(nnlib.exercises, "_wrong_tries", {})
    names: dict = {}
    for count in range(1, len(exercise.before) + 1):
        key = (path, *exercise.before[:count])
        if key not in namespaces:
            with contextlib.redirect_stdout(io.StringIO()):
                run(exercise.before[count - 1], names)
            namespaces[key] = dict(names)
        names = dict(namespaces[key])
    with contextlib.redirect_stdout(io.StringIO()):
        run(answer, names)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        run(exercise.check, names)
    return printed.getvalue()


def run(source: str, names: dict) -> None:
    exec(compile(source, "<cell>", "exec"), names)


@pytest.mark.parametrize(("path", "exercise"), WRITTEN)
def test_the_folded_solution_is_right(path, exercise, namespaces, monkeypatch):
    assert exercise.solution is not None, "no folded solution"
    printed = reply(path, exercise, exercise.solution, namespaces, monkeypatch)
    assert "right." in printed and "not right" not in printed, printed
    assert "not answered" not in printed, printed


@pytest.mark.parametrize(("path", "exercise"), WRITTEN)
def test_an_empty_answer_is_not_answered_yet(path, exercise, namespaces, monkeypatch):
    assert "..." in exercise.source
    printed = reply(path, exercise, exercise.source, namespaces, monkeypatch)
    assert "not answered yet" in printed and "right" not in printed, printed


@pytest.mark.parametrize(("path", "exercise"), WRITTEN)
def test_typical_mistakes_are_named(path, exercise, namespaces, monkeypatch):
    module = importlib.import_module(f"mistakes_{path.name[:2]}")
    mistakes = module.MISTAKES.get(exercise.id, [])
    assert len(mistakes) >= 2, "at least two typical mistakes"
    for answer, expected in mistakes:
        printed = reply(path, exercise, answer, namespaces, monkeypatch)
        assert expected in printed and "not right yet" in printed, (answer, printed)
        assert "ask for a hint" in printed and "Traceback" not in printed, printed


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.name)
def test_no_mistake_is_kept_for_an_exercise_that_is_gone(path):
    module = importlib.import_module(f"mistakes_{path.name[:2]}")
    assert module.MISTAKES.keys() <= {exercise.id for exercise in exercises_of(path)}


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.name)
def test_the_reader_can_ask_for_a_hint(path):
    """Replies name show_hint, so it must be there."""
    first = exercises_of(path)[0]
    assert any("show_hint" in source for source in first.before)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.name)
def test_check_cells_only_call_the_checker(path):
    """No expected value stands in an exercise's cells, and nothing is computed in them."""
    for cell in read(path):
        if "check" not in cell["metadata"].get("tags", []):
            continue
        for statement in ast.parse("".join(cell["source"])).body:
            call = statement.value
            assert isinstance(call, ast.Call), cell["id"]
            assert call.func.id in ("check_answer", "check_function", "check_prediction")
            values = [*call.args, *(keyword.value for keyword in call.keywords)]
            for node in (node for value in values for node in ast.walk(value)):
                allowed = (ast.Name, ast.Attribute, ast.Tuple, ast.Dict, ast.Load, ast.Constant)
                assert isinstance(node, allowed), (cell["id"], ast.dump(node))
                if isinstance(node, ast.Constant):
                    assert isinstance(node.value, str), (cell["id"], node.value)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.name)
def test_predictions_come_before_their_measurement(path):
    """The guess stands above the cell that measures, whose output is folded."""
    cells = read(path)
    ids = [cell["id"] for cell in cells]
    for exercise in exercises_of(path):
        if not exercise.is_prediction:
            continue
        assert "check_prediction" in exercise.check, exercise.id
        guess = ids.index(exercise.id)
        check = next(
            number
            for number, cell in enumerate(cells)
            if number > guess and "".join(cell["source"]) in exercise.check and cell["source"]
        )
        between = [cell for cell in cells[guess + 1 : check] if cell["cell_type"] == "code"]
        folded = [c for c in between if "hide-output" in c["metadata"].get("tags", [])]
        assert folded, f"{exercise.id}: no folded measurement between guess and verdict"


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.name)
def test_a_folded_answer_does_not_show_through(path):
    """JupyterLab shows the first line of a folded output beside the dots that open it."""
    for cell in read(path):
        if "hide-output" in cell["metadata"].get("tags", []) and cell["outputs"]:
            first = cell["outputs"][0]
            is_figure = "image/png" in first.get("data", {})
            assert is_figure or "".join(first.get("text", "")).startswith("Measured:"), cell["id"]
