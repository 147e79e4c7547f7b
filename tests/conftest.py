"""What several of the test files share."""

import importlib
import os

import pytest
from hypothesis import settings

from nnlib import Recognizer, load_mnist

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
def torch():
    """PyTorch, a second opinion. Whoever has none skips these tests, but CI must have it."""
    if os.environ.get("CI"):
        return importlib.import_module("torch")
    return pytest.importorskip(
        "torch", reason="PyTorch is not installed: nothing is compared with it (pip install torch)"
    )
