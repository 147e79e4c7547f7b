"""The CSS classes of the app: what Python and JavaScript set, and what the style sheet styles."""

import re

from browser import ROOT

APP = ROOT / "nnlib" / "app"
CLASS = re.compile(r"\bnnlib(?:-[a-z]+)+")  # without a number at the end, as in nnlib-line-0

# Scripts outside the app rely on these, so they stay whether they are styled or not.
HANDLES = {
    f"nnlib-{name}"
    for name in (
        "app", "sketchpad", "digit", "confidence", "bars", "input", "diagnostics", "undo", "redo",
        "clear", "status", "digit-pad",
    )
}  # fmt: skip


def classes(*patterns: str) -> set[str]:
    paths = [path for pattern in patterns for path in APP.glob(pattern)]
    assert paths
    return {name for path in paths for name in CLASS.findall(path.read_text(encoding="utf-8"))}


def test_every_styled_class_is_set_by_python_or_a_script():
    assert classes("static/style.css") - classes("**/*.py", "static/*.js") == set()


def test_every_class_set_by_python_is_used():
    used = classes("static/style.css", "static/*.js") | HANDLES
    assert classes("**/*.py") - used == set()


def test_every_class_in_a_script_is_set_somewhere():
    assert classes("static/*.js") - classes("**/*.py") == {"nnlib-disconnected"}  # by itself


def test_every_handle_is_set():
    assert HANDLES - classes("**/*.py") == set()
