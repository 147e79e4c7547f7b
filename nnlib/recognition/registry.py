"""Which models there are, and where their files lie."""

import os
from pathlib import Path

from nnlib.files import data_path
from nnlib.training.recipes import MODELS

DEFAULT_MODEL = "robust"


def model_path(model: str | os.PathLike[str]) -> Path:
    """The file of the model of that name; the path of an .npz file is returned as it is.

    Raises FileNotFoundError for an unknown name.
    """
    if str(model).endswith(".npz"):
        return Path(model)
    path = data_path("models", f"{model}.npz")
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no model {str(model)!r}. Known are {', '.join(model_names())}; "
            "or give the path of an .npz file."
        )
    return path


def model_names() -> list[str]:
    """The models in `data/models/`: first those with a recipe, in that order, then others."""
    names = sorted(path.stem for path in data_path("models").glob("*.npz"))
    order = list(MODELS)
    return sorted(names, key=lambda name: order.index(name) if name in order else len(order))
