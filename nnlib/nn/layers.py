"""The layers of a network: each has its own parameters, forward pass and derivative.

    X ── forward ──▶ Y            what the layer computes
    dX ◀── backward ── dY         the chain rule: from the loss's gradient at Y to that at X

Arrays hold one example per row: X is (N, n_in), Y is (N, n_out). `dY` is the gradient of the
loss with respect to Y and has its shape; the same holds for every name with a `d` in front.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

Rng = np.random.Generator


class Layer:
    """What a Network needs to know of a layer. A new kind of layer is one subclass.

    Every layer defines `forward` and `input_gradient`; one with arguments also `config`; one with
    parameters also `shapes`, `initialize` and `parameter_gradients`, and calls `allocate` at the
    end of its `__init__`. Nothing else in the library asks what kind a layer is.

    n_in, n_out: the width of its input and output; None if it takes any width and keeps it.
    is_linear: whether Y is a weighted sum of X (plus a constant) outside of training.
    in_network: whether a Network has laid out its parameters.
    """

    kinds: ClassVar[dict[str, type["Layer"]]] = {}  # every subclass by its name, for model files
    n_in: int | None = None
    n_out: int | None = None
    is_linear = False
    in_network = False

    def __init_subclass__(cls) -> None:
        known = Layer.kinds.get(cls.__name__)
        # A reader's own ReLU must not replace this module's where model files are loaded.
        if known is None or known.__module__ != __name__:
            Layer.kinds[cls.__name__] = cls

    @staticmethod
    def shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        """The shape of each parameter of a layer with this `config`.

        Static, so that a model file's sizes can be checked before any array is made.
        """
        return {}

    def config(self) -> dict[str, Any]:
        """The arguments that make this layer again, as JSON values."""
        return {}

    def initialize(self, rng: Rng) -> None:
        """Draw new parameters."""

    def forward(self, X: np.ndarray, training: bool = False, rng: Rng | None = None) -> np.ndarray:
        """X (N, n_in) → Y (N, n_out).

        training: keep what backward needs. Otherwise nothing is kept, so threads can share
        the layer. rng: the source of random draws in training; without one, dropout does
        nothing.
        """
        raise NotImplementedError

    def backward(self, dY: np.ndarray) -> np.ndarray:
        """Fill `gradients` and return dX, for the last forward in training.

        Raises RuntimeError if there was none.
        """
        self.parameter_gradients(dY)
        return self.input_gradient(dY)

    def parameter_gradients(self, dY: np.ndarray) -> None:
        """Fill `gradients`."""

    def input_gradient(self, dY: np.ndarray) -> np.ndarray:
        """dX."""
        raise NotImplementedError

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        """Name → array. Weights have two or more axes, biases one."""
        return {name: getattr(self, name) for name in self.shapes(self.config())}

    @property
    def gradients(self) -> dict[str, np.ndarray]:
        """Name → the loss's gradient with respect to that parameter, of the same shape."""
        return {name: getattr(self, f"d{name}") for name in self.shapes(self.config())}

    def use(self, name: str, parameter: np.ndarray, gradient: np.ndarray) -> None:
        """Compute with these arrays for the parameter of that name from now on."""
        setattr(self, name, parameter)
        setattr(self, f"d{name}", gradient)

    def allocate(self) -> None:
        """Make parameters, drawn with seed 0. A Network draws them again with its own seed."""
        for name, shape in self.shapes(self.config()).items():
            self.use(name, np.zeros(shape, np.float32), np.zeros(shape, np.float32))
        self.initialize(np.random.default_rng(0))

    def __repr__(self) -> str:
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.config().items())
        return f"{type(self).__name__}({arguments})"


class Dense(Layer):
    """A fully connected layer: every output is a weighted sum of every input.

    Y = X W + b, with W (n_in, n_out) and b (n_out,).

    init: how W is drawn (b starts at zero). "he" is a normal distribution with standard
        deviation √(2 / n_in), which keeps the size of the signal from layer to layer
        under ReLU (He et al. 2015); a number is the standard deviation itself: 0 starts
        from zeros.
    """

    is_linear = True
    n_in: int
    n_out: int
    W: np.ndarray
    b: np.ndarray
    dW: np.ndarray
    db: np.ndarray

    def __init__(self, n_in: int, n_out: int, init: str | float = "he"):
        for name, width in (("n_in", n_in), ("n_out", n_out)):
            if not isinstance(width, int | np.integer) or width < 1:
                raise ValueError(f"Dense needs {name} to be a whole number ≥ 1, not {width!r}.")
        if init != "he" and not (isinstance(init, int | float) and 0 <= init < np.inf):
            raise ValueError(f'Dense needs init to be "he" or a standard deviation, not {init!r}.')
        self.n_in, self.n_out, self.init = int(n_in), int(n_out), init
        self._X: np.ndarray | None = None
        self.allocate()

    @staticmethod
    def shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        return {"W": (config["n_in"], config["n_out"]), "b": (config["n_out"],)}

    def config(self) -> dict[str, Any]:
        return {"n_in": self.n_in, "n_out": self.n_out, "init": self.init}

    def initialize(self, rng: Rng) -> None:
        deviation = np.sqrt(2 / self.n_in) if self.init == "he" else float(self.init)
        self.W[...] = rng.normal(0.0, deviation, self.W.shape)
        self.b[...] = 0.0

    def forward(self, X: np.ndarray, training: bool = False, rng: Rng | None = None) -> np.ndarray:
        """Y = X W + b."""
        if training:
            self._X = X  # (N, n_in)
        Y = X @ self.W  # (N, n_in) @ (n_in, n_out) = (N, n_out)
        Y += self.b
        return Y

    def parameter_gradients(self, dY: np.ndarray) -> None:
        """dW = Xᵀ dY, db = Σ dY over the batch."""
        X = _kept(self, self._X)
        np.matmul(X.T, dY, out=self.dW)  # (n_in, N) @ (N, n_out)
        np.sum(dY, axis=0, out=self.db)

    def input_gradient(self, dY: np.ndarray) -> np.ndarray:
        """dX = dY Wᵀ."""
        return dY @ self.W.T  # (N, n_out) @ (n_out, n_in) = (N, n_in)

    def __repr__(self) -> str:
        init = "" if self.init == "he" else f", init={self.init!r}"
        return f"Dense({self.n_in}, {self.n_out}{init})"


class ReLU(Layer):
    """Keep what is positive, set the rest to zero: Y = max(X, 0)."""

    _mask: np.ndarray | None = None

    def forward(self, X: np.ndarray, training: bool = False, rng: Rng | None = None) -> np.ndarray:
        """Y = max(X, 0)."""
        if training:
            self._mask = X > 0
        return np.maximum(X, 0)

    def input_gradient(self, dY: np.ndarray) -> np.ndarray:
        """dX = dY where the input was positive, 0 elsewhere (at 0 itself too)."""
        return dY * _kept(self, self._mask)


class Dropout(Layer):
    """In training, set each unit to zero with probability p (Srivastava et al. 2014).

    The others are scaled by 1 / (1 - p), so that the expected signal is the same with and
    without dropout, and nothing needs to be scaled at inference.
    """

    is_linear = True  # outside of training it does nothing
    _scale: np.ndarray | None = None  # (N, width): 0 or 1 / (1 - p); or 1, if nothing was drawn

    def __init__(self, p: float = 0.5):
        if not 0 <= p < 1:
            raise ValueError(f"Dropout needs a probability 0 ≤ p < 1, not {p!r}.")
        self.p = float(p)

    def config(self) -> dict[str, Any]:
        return {"p": self.p}

    def forward(self, X: np.ndarray, training: bool = False, rng: Rng | None = None) -> np.ndarray:
        """Y = X times a random mask / (1 - p) in training with an rng; otherwise Y = X."""
        if not training:
            return X
        if rng is None or self.p == 0:
            self._scale = np.ones((), X.dtype)
            return X
        kept = rng.random(X.shape, dtype=np.float32) >= self.p
        self._scale = kept * X.dtype.type(1 / (1 - self.p))
        return X * self._scale

    def input_gradient(self, dY: np.ndarray) -> np.ndarray:
        """dX = dY times the mask and scale that the forward pass drew."""
        return dY * _kept(self, self._scale)

    def __repr__(self) -> str:
        return f"Dropout({self.p:g})"


def _kept(layer: Layer, array: np.ndarray | None) -> np.ndarray:
    """What the last forward in training kept for backward."""
    if array is None:
        raise RuntimeError(
            f"{layer} has nothing to go backward from: call forward(X, training=True) first."
        )
    return array
