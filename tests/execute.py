"""Run notebooks and save them with their outputs, as the tests will compare them.

python tests/execute.py                         app.ipynb and everything in notebooks/
python tests/execute.py notebooks/03-*.ipynb    only these
"""

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent


def execute(path: Path) -> None:
    """Run a notebook from top to bottom in its own folder; keep only what readers see."""
    os.environ["NNLIB_MY_DIGIT"] = "no-such-digit.jsonl"  # the recorded digit, as in the tests
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        coalesce_streams=True,
    )
    client.execute()
    widgets = notebook.metadata.get("widgets")  # moving figures need their pictures
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    if widgets and has_moving_figure(notebook):
        notebook.metadata["widgets"] = widgets
    for cell in notebook.cells:
        cell.metadata = {k: v for k, v in cell.metadata.items() if k in ("tags", "jupyter")}
    nbformat.write(notebook, path)
    print(f"{path}: executed")


def has_moving_figure(notebook: nbformat.NotebookNode) -> bool:
    """Whether a cell shows widgets with a picture that stands in for them (`show_frames`)."""
    shown = (output for cell in notebook.cells for output in cell.get("outputs", []))
    kinds = (set(output.get("data", {})) for output in shown)
    return any({"image/png", "application/vnd.jupyter.widget-view+json"} <= kind for kind in kinds)


def main(names: list[str]) -> None:
    paths = [Path(name) for name in names]
    for path in paths or [ROOT / "app.ipynb", *sorted((ROOT / "notebooks").glob("*.ipynb"))]:
        execute(path.resolve())


if __name__ == "__main__":
    main(sys.argv[1:])
