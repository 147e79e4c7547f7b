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
def robust():
    return Recognizer.load("robust")


@pytest.fixture(scope="session")
def pens():
    """What people drew with a pen, from the file that NNLIB_PENS names."""
    path = os.environ.get("NNLIB_PENS")
    if not path:
        pytest.skip("NNLIB_PENS names no drawings file: no pen drawings are tested")
    return list(read_drawings(path))


@pytest.fixture(scope="session")
def torch():
    """PyTorch, to compare with. Without it these tests are skipped, except in CI."""
    torch = second_opinion("torch", "PyTorch", "pip install torch")
    torch.set_num_threads(1)  # the arrays are small, and the tests run in several processes
    return torch


@pytest.fixture(scope="session")
def ndimage():
    """SciPy's image processing, to compare with; the same rule."""
    return second_opinion("scipy.ndimage", "SciPy", "pip install scipy")


def second_opinion(module: str, name: str, remedy: str):
    """Another library that computes the same; skips the test where it is not installed."""
    if os.environ.get("CI"):
        return importlib.import_module(module)
    reason = f"{name} is not installed: nothing is compared with it ({remedy})"
    return pytest.importorskip(module, reason=reason)
