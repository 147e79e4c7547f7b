"""A network: layers in a row, over one flat vector of parameters.

    X (N, 784) ─ Dense ─ ReLU ─ Dense ─ … ─▶ logits (N, 10)

All weights come first in the vector, then all biases; every layer sees its own part
through views. So an optimizer step is one line for the whole network, L2 (on weights
only) is one slice, and a saved model is one array.
"""

import json
import os
from itertools import pairwise

import numpy as np

from nnlib.files import replacing, unpacked_size
from nnlib.layers import Dense, Dropout, ReLU, Rng
from nnlib.losses import softmax

FORMAT = 1
LARGEST_FILE = 64_000_000  # bytes unpacked; the largest model of the ladder has 1,000,000


class ModelError(ValueError):
    """A model file cannot be read; the message says why and what to do."""


class Network:
    """Layers applied one after the other; the last one's output are the logits.

    parameters, gradients: flat arrays of the same shape, weights first, then biases.
    weights: the view of the parameters that L2 acts on.
    seed: the draw of the first weights; the same seed gives the same network.
    dtype: float32 to train, float64 to check gradients.
    info: what `save` writes beside the parameters (a dict of plain JSON values).

    >>> network = Network(Dense(784, 128), ReLU(), Dense(128, 10), seed=0)
    >>> network.forward(images).shape
    (N, 10)
    """

    def __init__(self, *layers: Dense | ReLU | Dropout, seed: int = 0, dtype=np.float32):
        dense = [layer for layer in layers if isinstance(layer, Dense)]
        if not dense:
            raise ValueError("A Network needs at least one Dense layer: Network(Dense(784, 10)).")
        for before, after in pairwise(dense):
            if before.n_out != after.n_in:
                raise ValueError(
                    f"{before} gives {before.n_out} numbers, but {after} takes {after.n_in}: "
                    "make them equal."
                )
        if len(set(map(id, layers))) != len(layers):
            raise ValueError("The same layer object stands twice in the network: make two.")
        self.layers = layers
        self.n_in, self.n_out = dense[0].n_in, dense[-1].n_out
        self.info: dict = {}

        n_weights = sum(layer.n_in * layer.n_out for layer in dense)
        n_biases = sum(layer.n_out for layer in dense)
        self.parameters = np.zeros(n_weights + n_biases, dtype)
        self.gradients = np.zeros_like(self.parameters)
        self.weights = self.parameters[:n_weights]
        self.weight_gradients = self.gradients[:n_weights]

        rng = np.random.default_rng(seed)
        w, b = 0, n_weights
        for layer in dense:
            W = slice(w, w := w + layer.n_in * layer.n_out)
            bias = slice(b, b := b + layer.n_out)
            shape = (layer.n_in, layer.n_out)
            layer.W, layer.dW = self.parameters[W].reshape(shape), self.gradients[W].reshape(shape)
            layer.b, layer.db = self.parameters[bias], self.gradients[bias]
            layer.initialise(rng)

    @property
    def dtype(self) -> np.dtype:
        return self.parameters.dtype

    def forward(self, X: np.ndarray, rng: Rng | None = None) -> np.ndarray:
        """Images (N, n_in) in [0, 1] → logits (N, n_out). Give `rng` in training only."""
        X = np.asarray(X, self.dtype)
        if X.ndim != 2 or X.shape[1] != self.n_in:
            raise ValueError(
                f"The network takes images of shape (N, {self.n_in}), not {X.shape}; "
                f"one image goes in as image.reshape(1, {self.n_in})."
            )
        for layer in self.layers:
            X = layer.forward(X, rng)
        return X

    def backward(self, dlogits: np.ndarray, l2: float = 0.0) -> None:
        """Fill `gradients`, from the loss's gradient at the logits of the last forward.

        l2: the λ of a penalty λ/2 · ‖W‖² on the loss, whose gradient is λW; on weights,
        not on biases.
        """
        dY = dlogits
        for layer in reversed(self.layers[1:]):
            dY = layer.backward(dY)
        first = self.layers[0]
        first.backward(dY, need_dX=False) if isinstance(first, Dense) else first.backward(dY)
        if l2:
            self.weight_gradients += l2 * self.weights

    def penalty(self, l2: float) -> float:
        """λ/2 · ‖W‖² over all weights."""
        return 0.5 * l2 * float(self.weights @ self.weights)

    def probabilities(self, X: np.ndarray, batch_size: int = 1000) -> np.ndarray:
        """Images (N, n_in) → probabilities (N, n_out), each row adding up to 1."""
        X = np.asarray(X)
        parts = [
            softmax(self.forward(X[start : start + batch_size]))
            for start in range(0, max(len(X), 1), batch_size)
        ]
        return np.concatenate(parts)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Images (N, n_in) → the most probable digit of each, (N,) int64."""
        return self.probabilities(X).argmax(axis=1)

    def save(self, path: str | os.PathLike) -> None:
        """Write the parameters and `info` to an .npz that `Network.load` reads.

        The file holds two arrays: `parameters`, and `info`, one JSON text.
        """
        info = {"format": FORMAT, "layers": [_describe(layer) for layer in self.layers]}
        text = json.dumps(info | self.info, sort_keys=True)
        with replacing(path) as file:
            np.savez(file, parameters=self.parameters, info=np.array(text))

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Network":
        """Read what `save` wrote. Nothing in the file is executed.

        Raises FileNotFoundError, or ModelError for anything but a whole, finite model.
        """
        try:
            unpacked = unpacked_size(path)
            if unpacked > LARGEST_FILE:
                raise ModelError(f"it unpacks to {unpacked:,} bytes, more than {LARGEST_FILE:,}")
            with np.load(path, allow_pickle=False) as arrays:
                parameters, info = arrays["parameters"], json.loads(str(arrays["info"]))
            if info["format"] != FORMAT:
                raise ModelError(f"it has format {info['format']!r}, and this nnlib reads {FORMAT}")
            layers = [_build(layer) for layer in info["layers"]]
            dense = [layer for layer in layers if isinstance(layer, Dense)]
            n = sum((layer.n_in + 1) * layer.n_out for layer in dense)
            if parameters.dtype != np.float32 or parameters.shape != (n,):
                raise ModelError(
                    f"its layers need {n:,} float32 parameters, and it "
                    f"holds {parameters.dtype} of shape {parameters.shape}"
                )
            if not np.isfinite(parameters).all():
                raise ModelError("some of its parameters are not finite numbers")
            network = cls(*layers)
        except FileNotFoundError:
            raise FileNotFoundError(f"There is no model file {path}.") from None
        except ModelError as error:
            raise ModelError(
                f"{path} cannot be used: {error}. Train it again, or restore the file."
            ) from None
        except Exception as error:  # zip, array header and JSON each fail in a dozen ways
            raise ModelError(
                f"{path} is not a model that nnlib saved, or it is damaged "
                f"({type(error).__name__}: {error}). Train it again, or restore the file."
            ) from error
        network.parameters[...] = parameters
        network.info = {key: info[key] for key in info if key not in ("format", "layers")}
        return network

    def __repr__(self) -> str:
        return f"Network({', '.join(map(repr, self.layers))})"


def _describe(layer: Dense | ReLU | Dropout) -> list:
    """A layer as JSON: ["Dense", 784, 128], ["ReLU"], ["Dropout", 0.5]."""
    if isinstance(layer, Dense):
        return ["Dense", layer.n_in, layer.n_out]
    return ["Dropout", layer.p] if isinstance(layer, Dropout) else ["ReLU"]


def _build(description: list) -> Dense | ReLU | Dropout:
    kind, *arguments = description
    kinds = {"Dense": Dense, "ReLU": ReLU, "Dropout": Dropout}
    if kind not in kinds:
        raise ModelError(f"it has a layer of a kind unknown here, {kind!r}")
    if kind == "Dense" and not all(0 < n <= 10_000 for n in arguments):
        raise ModelError(f"it has a layer of the impossible size {arguments}")
    return kinds[kind](*arguments)
