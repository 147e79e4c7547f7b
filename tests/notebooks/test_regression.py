"""A broken gradient fails the notebooks, and not only the tests of the layers.

The mask of ReLU, taken from its output with >=, is always true. A network still learns with it,
so a test of accuracy passes; the gradient check that the reader runs in notebook 03 must fail.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = "03-add-a-hidden-layer.ipynb"
CELL = "check-gradients"  # the id of the cell that runs nnlib's own gradient check

MASK = "self._mask = X > 0"
BROKEN_MASK = "self._mask = np.maximum(X, 0) >= 0"


@pytest.fixture
def project(tmp_path) -> Path:
    """A copy of the library, and of the notebook up to and including the gradient check."""
    shutil.copytree(ROOT / "nnlib", tmp_path / "nnlib")
    shutil.copytree(ROOT / "data" / "models", tmp_path / "data" / "models")
    for name in ("reference.json", "examples.jsonl"):
        shutil.copy(ROOT / "data" / name, tmp_path / "data")
    shutil.copytree(ROOT / "data" / "mnist", tmp_path / "data" / "mnist")
    notebook = nbformat.read(ROOT / "notebooks" / NOTEBOOK, as_version=4)
    last = [cell.id for cell in notebook.cells].index(CELL)
    notebook.cells = notebook.cells[: last + 1]
    (tmp_path / "notebooks").mkdir()
    nbformat.write(notebook, tmp_path / "notebooks" / NOTEBOOK)
    return tmp_path


def run_notebook(project: Path) -> subprocess.CompletedProcess:
    """`pytest --nbval` on the notebook, which imports the library of the copy."""
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-q"]
    command += ["-p", "no:cacheprovider", "--rootdir", ".", f"notebooks/{NOTEBOOK}"]
    paths = [str(project), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, timeout=120
    )


@pytest.mark.slow
def test_a_wrong_relu_mask_fails_the_gradient_check(project):
    unbroken = run_notebook(project)
    assert unbroken.returncode == 0, unbroken.stdout

    layers = project / "nnlib" / "nn" / "layers.py"
    source = layers.read_text("utf-8")
    assert source.count(MASK) == 1
    layers.write_text(source.replace(MASK, BROKEN_MASK), "utf-8")

    broken = run_notebook(project)
    assert broken.returncode == 1, broken.stdout
    # nbval counts code cells from 0, and the gradient check is the last of the copy.
    cells = nbformat.read(project / "notebooks" / NOTEBOOK, as_version=4).cells
    last = sum(cell.cell_type == "code" for cell in cells) - 1
    assert re.search(rf"FAILED notebooks/{NOTEBOOK}::Cell {last}\s", broken.stdout)
    assert f"1 failed, {last} passed" in broken.stdout
    assert "nnlib's backward is wrong" in broken.stdout
