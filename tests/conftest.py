"""What several of the test files share."""

import importlib
import os

import pytest
from hypothesis import settings

from nnlib import Recognizer, load_mnist
from nnlib.datasets.drawings_file import read_drawings

# The same examples in every run: a test that fails, fails for everybody.
settings.register_profile("nnlib", deadline=None, derandomize=True)
settings.load_profile("nnlib")


@pytest.fixture(scope="session")
def digits():
    return load_mnist()


@pytest.fixture(scope="session")
def deep():
    return Recognizer.load("deep")


@pytest.fixture(scope="session")
def pens():
    """What people drew with a pen, from the file that the environment names."""
    path = os.environ.get("NNLIB_PENS")
    if not path:
        pytest.skip("NNLIB_PENS names no drawings file: nothing is read that people drew")
    return list(read_drawings(path))


@pytest.fixture(scope="session")
def torch():
    """PyTorch, a second opinion. Whoever has none skips these tests, but CI must have it."""
    return second_opinion("torch", "PyTorch", "pip install torch")


@pytest.fixture(scope="session")
def ndimage():
    """SciPy's image processing, a second opinion on ours; the same rule."""
    return second_opinion("scipy.ndimage", "SciPy", "pip install scipy")


def second_opinion(module: str, name: str, remedy: str):
    if os.environ.get("CI"):
        return importlib.import_module(module)
    reason = f"{name} is not installed: nothing is compared with it ({remedy})"
    return pytest.importorskip(module, reason=reason)
