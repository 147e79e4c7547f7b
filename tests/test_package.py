"""The package as a whole: what importing it costs, what it offers, and what it depends on."""

import subprocess
import sys
import tomllib
from pathlib import Path

import nnlib

ROOT = Path(nnlib.__file__).parent.parent
HEAVY = {"pandas", "matplotlib", "pooch", "requests", "tqdm", "PIL", "ipywidgets", "ipycanvas"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def loaded_by(code: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after this code."""
    code += "\nimport sys; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_importing_nnlib_loads_nothing_heavy():
    modules = loaded_by("import nnlib")
    assert "numpy" in modules and "nnlib.recognition.recognizer" in modules
    assert not modules & HEAVY


def test_predicting_a_drawing_loads_nothing_heavy():
    code = "from nnlib import Recognizer; Recognizer.load('deep').predict([[[250, 1], [250, 4]]])"
    assert not loaded_by(code) & HEAVY


def test_command_line_starts_with_nothing_heavy():
    assert not loaded_by("import nnlib.cli") & (HEAVY | {"voila", "jupyter_server", "tornado"})


def test_kernel_of_the_app_loads_only_what_it_shows():
    modules = loaded_by("from nnlib.app import Inspector; Inspector()")
    assert not modules & (HEAVY - {"PIL", "ipywidgets", "ipycanvas"})


def test_library_offers_what_a_reader_starts_with():
    names = (
        "load_mnist, Network, Dense, ReLU, Dropout, Adam, fit, Recognizer, softmax, cross_entropy"
    )
    assert "nnlib" in loaded_by(f"from nnlib import {names}")
    assert set(nnlib.__all__) >= set(names.split(", "))
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
    conda, pip = conda_dependencies((ROOT / "environment.yml").read_text(encoding="utf-8"))
    [nbval] = [extra for extra in EXTRAS["test"] if extra.startswith("nbval")]
    assert PROJECT["requires-python"] == ">=3.11"
    assert sorted(conda) == sorted([*PROJECT["dependencies"], nbval, "python>=3.11", "pip"])
    assert pip == ["-e ."]


def test_library_does_not_depend_on_test_tools():
    names = [dependency.partition(">")[0] for dependency in PROJECT["dependencies"]]
    assert not {"nbval", "pytest", "hypothesis", "playwright"} & set(names)


def test_no_extra_installs_pytorch():
    """Tests only compare with it, where it is installed."""
    assert "test" in EXTRAS
    for dependencies in (PROJECT["dependencies"], *EXTRAS.values()):
        assert not any(dependency.startswith("torch") for dependency in dependencies)
