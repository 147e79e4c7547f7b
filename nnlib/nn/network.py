"""A network: layers in a row, over one flat vector of parameters.

    X (N, 784) ─ Dense ─ ReLU ─ Dense ─ … ─▶ logits (N, 10)

All weights come first in the vector, then all biases; every layer sees its own part through
views. So an optimizer step is one line for the whole network, L2 (on weights only) is one
slice, and a saved model is one array.
"""

import copy
import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlib.nn.layers import Layer, Rng
from nnlib.nn.losses import softmax
from nnlib.nn.model_file import ModelError, read_model, write_model


class Network:
    """Layers applied one after the other; the last one's outputs are the logits.

    parameters, gradients: flat arrays of the same shape, weights first, then biases.
    weights, weight_gradients: the views of them that L2 acts on.
    layers: as given. widths: from the input, n_in, to the logits, n_out: (784, 256, 128, 10).
    seed: for the initial weights, which are drawn here, whatever the layers had before; the same
        seed gives the same network.
    dtype: float32 to train, float64 to check gradients.
    info: what `save` writes beside the parameters (a dict of JSON values).

    Raises ValueError for layers that do not fit together or belong to another network.

    >>> network = Network(Dense(784, 128), ReLU(), Dense(128, 10), seed=0)
    >>> network.forward(images).shape
    (N, 10)
    """

    def __init__(self, *layers: Layer, seed: int = 0, dtype: Any = np.float32):
        self.widths = _check_layers(layers)
        self.layers = layers
        self.n_in, self.n_out = self.widths[0], self.widths[-1]
        self.info: dict[str, Any] = {}

        arrays = [
            (layer, name, array) for layer in layers for name, array in layer.parameters.items()
        ]
        arrays.sort(key=lambda item: item[2].ndim < 2)  # weights have two axes or more
        n_weights = sum(array.size for *_, array in arrays if array.ndim >= 2)
        self.parameters = np.zeros(sum(array.size for *_, array in arrays), dtype)
        self.gradients = np.zeros_like(self.parameters)
        self.weights = self.parameters[:n_weights]
        self.weight_gradients = self.gradients[:n_weights]

        start = 0
        for layer, name, array in arrays:
            part = slice(start, start := start + array.size)
            layer.use(
                name,
                self.parameters[part].reshape(array.shape),
                self.gradients[part].reshape(array.shape),
            )
        rng = np.random.default_rng(seed)
        for layer in layers:
            layer.in_network = True
            layer.initialize(rng)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of its parameters, and of all that it computes."""
        return self.parameters.dtype

    @property
    def is_linear(self) -> bool:
        """Whether the logits are a weighted sum of the inputs, plus a constant."""
        return all(layer.is_linear for layer in self.layers)

    def forward(self, X: np.ndarray, training: bool = False, rng: Rng | None = None) -> np.ndarray:
        """Inputs (N, n_in) → logits (N, n_out).

        training: keep what `backward` needs. Otherwise nothing is kept, and threads can share
        the network. rng: the source of dropout's draws in training; without one, dropout does
        nothing.
        """
        X = self._check_input(X)
        for layer in self.layers:
            X = layer.forward(X, training, rng)
        return X

    def backward(self, dlogits: np.ndarray, l2: float = 0.0) -> None:
        """Fill `gradients`, from the loss's gradient at the logits of the last training forward.

        l2: the λ of a penalty λ/2 · ‖W‖² on the loss, whose gradient is λW; on weights,
        not on biases. Raises RuntimeError if there was no forward(X, training=True).
        """
        first, *others = self.layers
        dY = dlogits
        for layer in reversed(others):
            dY = layer.backward(dY)
        first.parameter_gradients(dY)  # its dX, the largest product of all, is not needed
        if l2:
            self.weight_gradients += l2 * self.weights

    def input_gradient(self, X: np.ndarray, dlogits: np.ndarray) -> np.ndarray:
        """The gradient at the inputs, (N, n_in), given that at the logits, (N, n_out).

        Works at inference, without dropout, and leaves the network and `gradients` unchanged.
        """
        layers = [copy.copy(layer) for layer in self.layers]  # the copies share the parameters
        X = self._check_input(X)
        for layer in layers:
            X = layer.forward(X, training=True)
        for layer in reversed(layers):
            dlogits = layer.input_gradient(dlogits)
        return dlogits

    def activations(self, X: np.ndarray) -> list[np.ndarray]:
        """The outputs of the hidden layers, (N, 256) and (N, 128) for 784→256→128→10.

        They are what enters each layer with parameters, except the first.
        """
        X = self._check_input(X)
        entering = []
        for layer in self.layers:
            if layer.parameters:
                entering.append(X)
            X = layer.forward(X)
        return entering[1:]

    def penalty(self, l2: float) -> float:
        """λ/2 · ‖W‖² over all weights."""
        return 0.5 * l2 * float(self.weights @ self.weights)

    def probabilities(self, X: np.ndarray, batch_size: int = 1000) -> np.ndarray:
        """Inputs (N, n_in) → probabilities (N, n_out), each row adding up to 1."""
        X = np.asarray(X)
        parts = [
            softmax(self.forward(X[start : start + batch_size]))
            for start in range(0, max(len(X), 1), batch_size)
        ]
        return np.concatenate(parts)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Inputs (N, n_in) → the most probable class of each, (N,) int64."""
        return self.probabilities(X).argmax(axis=1)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write layers, parameters (as float32) and `info` to an .npz that `Network.load` reads.

        Raises ValueError for parameters that are not finite, and for a reader's own layer with the
        name of one of the library's, which would be loaded in its place.
        """
        for kind in map(type, self.layers):
            known = Layer.kinds[kind.__name__]
            if known is not kind and known.__module__ == Layer.__module__:
                raise ValueError(
                    f"The library has a layer named {kind.__name__} too, which would be loaded in "
                    "place of yours: rename your class."
                )
        layers = [[type(layer).__name__, layer.config()] for layer in self.layers]
        write_model(path, self.parameters, self.info | {"layers": layers})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Network":
        """Read what `save` wrote. Nothing in the file is executed.

        Raises FileNotFoundError, or ModelError for anything but a complete, finite model.
        """
        try:
            parameters, info = read_model(path)
            network = cls(*_build_layers(info.pop("layers"), parameters.size))
        except FileNotFoundError:
            raise FileNotFoundError(f"There is no model file {path}.") from None
        except ModelError as error:
            raise ModelError(
                f"{path} cannot be used: {error}. Train it again, or restore the file."
            ) from None
        except Exception as error:  # a damaged zip, array header or JSON raises many kinds
            raise ModelError(
                f"{path} is not a model that nnlib saved, or it is damaged "
                f"({type(error).__name__}: {error}). Train it again, or restore the file."
            ) from error
        network.parameters[...] = parameters
        network.info = info
        return network

    def __repr__(self) -> str:
        return f"Network({', '.join(map(repr, self.layers))})"

    def __reduce__(self) -> tuple[Any, ...]:
        # For copy and pickle, which would otherwise cut the layers' views off from the vector.
        layers = [(type(layer), layer.config()) for layer in self.layers]
        return _rebuild, (layers, self.parameters, self.info)

    def _check_input(self, X: np.ndarray) -> np.ndarray:
        X = np.asarray(X, self.dtype)
        if X.ndim != 2 or X.shape[1] != self.n_in:
            raise ValueError(
                f"The network takes inputs of shape (N, {self.n_in}), not {X.shape}; "
                f"one image goes in as image.reshape(1, {self.n_in})."
            )
        return X


def _check_layers(layers: Sequence[Layer]) -> tuple[int, ...]:
    """The widths from the input to the logits. Raises ValueError for layers that do not fit."""
    if not any(layer.parameters for layer in layers):
        raise ValueError(
            "A Network needs at least one layer with parameters: Network(Dense(784, 10))."
        )
    if len(set(map(id, layers))) != len(layers):
        raise ValueError("The same layer object is in the network twice: make two.")
    widths: list[int] = []
    before = None
    for layer in layers:
        if layer.in_network:
            raise ValueError(f"{layer} already belongs to another network: make a new layer.")
        if layer.n_in is None or layer.n_out is None:
            continue
        if before is not None and before.n_out != layer.n_in:
            raise ValueError(
                f"{before} gives {before.n_out} numbers, but {layer} takes {layer.n_in}: "
                "make them equal."
            )
        widths += [layer.n_out] if widths else [layer.n_in, layer.n_out]
        before = layer
    if not widths:
        raise ValueError("No layer of the network has a width: give one with n_in and n_out.")
    return tuple(widths)


def _build_layers(descriptions: list[tuple[str, dict[str, Any]]], n_parameters: int) -> list[Layer]:
    """The layers of a model file, none of which is made before their sizes have been checked."""
    n = 0
    for kind, config in descriptions:
        if kind not in Layer.kinds:
            raise ModelError(f"it has a layer of an unknown kind, {kind!r}")
        for shape in Layer.kinds[kind].shapes(config).values():
            if not all(isinstance(length, int) and length > 0 for length in shape):
                raise ModelError(f"it has a layer of the impossible shape {shape}")
            n += math.prod(shape)
    if n != n_parameters:
        raise ModelError(f"its layers need {n:,} parameters, and it holds {n_parameters:,}")
    return [Layer.kinds[kind](**config) for kind, config in descriptions]


def _rebuild(
    layers: list[tuple[type[Layer], dict[str, Any]]], parameters: np.ndarray, info: dict[str, Any]
) -> Network:
    network = Network(*(kind(**config) for kind, config in layers), dtype=parameters.dtype)
    network.parameters[...] = parameters
    network.info = copy.deepcopy(info)
    return network
