"""Run notebooks and save them with their outputs, as the tests will compare them.

python tests/execute.py                         app.ipynb and everything in notebooks/
python tests/execute.py notebooks/03-*.ipynb    only these
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent


def execute(path: Path) -> None:
    """Run a notebook from top to bottom in its own folder; keep only what readers see."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        coalesce_streams=True,
    )
    client.execute()
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata = {k: v for k, v in cell.metadata.items() if k in ("tags", "jupyter")}
    nbformat.write(notebook, path)
    print(f"{path}: executed")


def main(names: list[str]) -> None:
    paths = [Path(name) for name in names]
    for path in paths or [ROOT / "app.ipynb", *sorted((ROOT / "notebooks").glob("*.ipynb"))]:
        execute(path.resolve())


if __name__ == "__main__":
    main(sys.argv[1:])
