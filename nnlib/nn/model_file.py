"""The model file: an .npz of two arrays, in which nothing is executed.

parameters  the flat float32 vector of a Network
info        one JSON text: {"format": 2, "layers": [["Dense", {"n_in": 784, …}], …], …}
"""

import json
import os
from typing import Any

import numpy as np

from nnlib.files import atomic_write, read_arrays

FORMAT = 2
# The largest model here has 1,000,000 bytes of parameters, and 10,000 of info.
MAX_BYTES = {"parameters": 64_000_000, "info": 4_000_000}


class ModelError(ValueError):
    """A model file cannot be read; the message says why and what to do."""


def write_model(path: str | os.PathLike[str], parameters: np.ndarray, info: dict[str, Any]) -> None:
    """Write a model file, atomically. info: JSON values.

    Raises ValueError for parameters that are not finite.
    """
    with np.errstate(over="ignore"):
        parameters = parameters.astype(np.float32)
    if not np.isfinite(parameters).all():
        raise ValueError(
            "The model is not saved: some of its parameters are not finite as float32."
        )
    text = json.dumps(info | {"format": FORMAT}, sort_keys=True)
    with atomic_write(path) as file:
        np.savez(file, parameters=parameters, info=np.array(text))


def read_model(path: str | os.PathLike[str]) -> tuple[np.ndarray, dict[str, Any]]:
    """(parameters, info) of a model file; info without its format.

    Raises ModelError for another format, for more than 64 MB, which are not read, or parameters
    that are not finite float32 numbers; other errors for a damaged file.
    """
    with open(path, "rb") as file:
        arrays = read_arrays(file, MAX_BYTES)
    parameters, info = arrays["parameters"], json.loads(str(arrays["info"]))
    if info["format"] != FORMAT:
        raise ModelError(f"it has format {info['format']!r}, and this nnlib reads {FORMAT}")
    if parameters.dtype != np.float32 or parameters.ndim != 1:
        raise ModelError(
            f"its parameters must be one float32 vector, not {parameters.dtype} "
            f"of shape {parameters.shape}"
        )
    if not np.isfinite(parameters).all():
        raise ModelError("some of its parameters are not finite numbers")
    return parameters, {key: value for key, value in info.items() if key != "format"}
