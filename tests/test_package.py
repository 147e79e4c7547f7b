"""The package as a whole: what importing it costs, what it offers, and what it depends on."""

import subprocess
import sys
import tomllib
from pathlib import Path

import nnlib

ROOT = Path(nnlib.__file__).parent.parent
HEAVY = {"pandas", "matplotlib", "pooch", "requests", "tqdm", "PIL", "ipywidgets", "ipycanvas"}


def loaded_by(code: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after this code."""
    code += "\nimport sys; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_importing_nnlib_loads_nothing_heavy():
    modules = loaded_by("import nnlib")
    assert "numpy" in modules and "nnlib.recognizer" in modules
    assert not modules & HEAVY


def test_reading_a_drawing_loads_nothing_heavy():
    read = "from nnlib import Recognizer; Recognizer.load('deep').read([[[250, 100], [250, 400]]])"
    assert not loaded_by(read) & HEAVY


def test_the_command_line_starts_with_nothing_heavy():
    assert not loaded_by("import nnlib.cli") & HEAVY


def test_the_kernel_of_the_app_loads_only_what_it_shows():
    modules = loaded_by("from nnlib.app import Inspector; Inspector()")
    assert not modules & (HEAVY - {"PIL", "ipywidgets", "ipycanvas"})


def test_the_face_of_the_library_is_there():
    code = "from nnlib import load_mnist, Network, Dense, ReLU, Dropout, Adam, fit, Recognizer"
    assert "nnlib" in loaded_by(code)
    assert all(hasattr(nnlib, name) for name in nnlib.__all__)


def conda_dependencies(text: str) -> tuple[list[str], list[str]]:
    """The lists under `dependencies:` and under its `pip:`, from an environment.yml."""
    conda, pip = [], []
    lines = text.partition("\ndependencies:\n")[2].splitlines()
    for line in lines:
        item = line.partition("#")[0].strip()
        if not item.startswith("- ") or item == "- pip:":
            continue
        (pip if line.startswith("      ") else conda).append(item.removeprefix("- "))
    return conda, pip


def test_pip_and_conda_install_the_same():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    conda, pip = conda_dependencies((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert project["requires-python"] == ">=3.11"
    assert sorted(conda) == sorted([*project["dependencies"], "python>=3.11", "pip"])
    assert pip == ["-e ."]


def test_nothing_that_is_installed_brings_pytorch():
    """It is only ever a second opinion."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert "test" in extras
    for dependencies in (project["dependencies"], *extras.values()):
        assert not any(dependency.startswith("torch") for dependency in dependencies)
