"""The wheel, installed in a new environment and used outside the repository."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import psutil
import pytest
from browser import free_port

import nnlib
from nnlib.datasets import unipen, write_drawings
from nnlib.preprocessing import Drawing, check_strokes

pytestmark = pytest.mark.slow

ROOT = Path(nnlib.__file__).parent.parent
SCRIPTS = "Scripts" if os.name == "nt" else "bin"
DRAWINGS = [
    Drawing(check_strokes([[[160, 110], [340, 110], [220, 400]]]), 7, writer=1),
    Drawing(check_strokes([[[250, 100], [250, 400]]]), 1, writer=2),
]


def call(*command: str | Path, cwd: Path | None = None) -> str:
    """What a command prints; its errors if it fails. PYTHONPATH is not passed on to it."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment = clean | {"PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, encoding="utf-8"
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout.strip()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    call(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory) -> Path:
    """A virtual environment with the wheel, and with this one's other packages.

    The other packages are neither downloaded nor copied: a .pth file appends their folders to
    the module search path, behind the wheel. The .pth file of an editable nnlib in those folders
    is not read.
    """
    folder = tmp_path_factory.mktemp("environment")
    call(sys.executable, "-m", "venv", folder)
    shutil.copytree(  # what packages install for Jupyter; nnlib's own template is the wheel's
        Path(sys.prefix, "share", "jupyter"),
        folder / "share" / "jupyter",
        ignore=shutil.ignore_patterns("nnlib"),
    )
    python = folder / SCRIPTS / "python"
    call(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel)
    packages = Path(call(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"))
    others = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages / "zz-third-party.pth").write_text("\n".join(sorted(others)), encoding="utf-8")
    return folder


@pytest.fixture
def elsewhere(environment, tmp_path, monkeypatch) -> Path:
    """A working directory outside the repository, with a file of drawings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)  # for the app, and its kernel
    write_drawings("mine.jsonl", DRAWINGS)
    return tmp_path


def run(environment: Path, *arguments: str) -> str:
    """What `nnlib …` of the environment prints."""
    return call(environment / SCRIPTS / "nnlib", *arguments)


def tree_hash(folder: Path) -> str:
    """A hash of the names and contents of all files below a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return digest.hexdigest()


def test_wheel_contains_the_app_and_models_not_mnist(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    models = {f"nnlib/_data/models/{name}.npz" for name in ("softmax", "hidden", "deep", "robust")}
    files = {"app.ipynb", "voila.json", "reference.json", "examples.jsonl"}
    files |= {f"unipen/{name}" for name in unipen.FILES}
    static = {f"nnlib/app/static/{name}" for name in ("style.css", "access.js", "watchdog.js")}
    assert names >= models | static | {"nnlib/py.typed"} | {f"nnlib/_data/{f}" for f in files}
    assert not [name for name in names if "idx" in name or name.startswith("tests")]


def test_wheel_is_smaller_than_10_mb(wheel):
    assert wheel.stat().st_size < 10_000_000


def test_environment_imports_the_nnlib_of_the_wheel(environment, elsewhere):
    file = call(environment / SCRIPTS / "python", "-c", "import nnlib; print(nnlib.__file__)")
    assert environment in Path(file).parents


def test_wheel_predicts_and_evaluates_drawings(environment, elsewhere):
    lines = run(environment, "predict", "mine.jsonl").splitlines()
    assert [line[0] for line in lines] == ["7", "1"]
    command = ("evaluate", "robust", "--drawings", "mine.jsonl", "--json")
    answer = json.loads(run(environment, *command))
    assert (answer["n"], answer["accuracy"]) == (2, 1.0)
    assert list(answer["writers"]) == ["1", "2"]


def test_wheel_writes_only_below_working_directory(environment, elsewhere):
    before = tree_hash(environment)
    run(environment, "reproduce", "pens", "mine.jsonl")
    assert tree_hash(environment) == before
    written = [path for path in elsewhere.rglob("*") if path.is_file()]
    assert {path.relative_to(elsewhere).as_posix() for path in written} == {
        "mine.jsonl",
        "data/results/pens.json",
    }


def test_app_of_the_wheel_renders_the_widgets(environment, elsewhere):
    port = free_port()
    command = [environment / SCRIPTS / "nnlib", "app", "--no-browser", f"--port={port}"]
    with (elsewhere / "log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        status, page = get_when_up(f"http://127.0.0.1:{port}/", server)
        assert status == 200, (elsewhere / "log").read_text()
        assert "Draw a digit" in page
        assert "Getting the pad ready" in page  # the page is the template of the wheel
        assert "application/vnd.jupyter.widget-view+json" in page
        assert "There was an error when executing cell" not in page
        kernels = [
            process
            for process in psutil.Process(server.pid).children(recursive=True)
            if "ipykernel_launcher" in process.cmdline()
        ]
        assert kernels
        assert all(environment in Path(kernel.cmdline()[0]).parents for kernel in kernels)
    finally:
        server.terminate()
        server.wait(timeout=30)


def get_when_up(address: str, server: subprocess.Popen) -> tuple[int, str]:
    """Status and text of a page, asked for until its server answers; a minute in all."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + 60
    while True:
        try:
            with opener.open(address, timeout=60) as response:
                page = b""
                # Voila keeps the connection alive while it waits, so a time-out alone never ends.
                while chunk := response.read1():
                    assert time.monotonic() < deadline, f"The page does not end: {page[-500:]}"
                    page += chunk
                return response.status, page.decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.2)
