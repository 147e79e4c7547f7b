"""The layers of a network: each knows its own forward pass and its own derivative.

    X ── forward ──▶ Y            what the layer computes
    dX ◀── backward ── dY         the chain rule: from the loss's gradient at Y to that at X

Arrays hold one example a row: X is (N, n_in), Y is (N, n_out). `dY` is the gradient
of the loss with respect to Y, and has Y's shape; so with every other `d…`.

`forward` remembers what `backward` will need. Its `rng` is given in training only:
without one nothing is random, and the layer computes what it will compute in use.
"""

import numpy as np

Rng = np.random.Generator


class Dense:
    """A fully connected layer: every output is a weighted sum of every input.

    Y = X W + b, with W (n_in, n_out) and b (n_out,). The arrays W, b and their gradients
    dW, db are views into the flat vectors of the `Network` that the layer belongs to.

    init: how W is drawn (b starts at zero). "he" is a normal distribution with standard
        deviation √(2 / n_in), which keeps the size of the signal from layer to layer
        under ReLU (He et al. 2015); a number is the standard deviation itself, so that
        0 starts from zeros and 0.01 is the plain small start.
    """

    def __init__(self, n_in: int, n_out: int, init: str | float = "he"):
        for name, width in (("n_in", n_in), ("n_out", n_out)):
            if not isinstance(width, int | np.integer) or width < 1:
                raise ValueError(f"Dense needs {name} to be a whole number ≥ 1, not {width!r}.")
        if init != "he" and not (isinstance(init, int | float) and 0 <= init < np.inf):
            raise ValueError(f'Dense needs init to be "he" or a standard deviation, not {init!r}.')
        self.n_in, self.n_out, self.init = int(n_in), int(n_out), init

    def initialise(self, rng: Rng) -> None:
        """Draw new weights and set the biases to zero."""
        deviation = np.sqrt(2 / self.n_in) if self.init == "he" else self.init
        self.W[...] = rng.normal(0.0, deviation, self.W.shape)
        self.b[...] = 0.0

    def forward(self, X: np.ndarray, rng: Rng | None = None) -> np.ndarray:
        self.X = X  # (N, n_in)
        Y = X @ self.W  # (N, n_in) @ (n_in, n_out) = (N, n_out)
        Y += self.b
        return Y

    def backward(self, dY: np.ndarray, need_dX: bool = True) -> np.ndarray | None:
        """dW = Xᵀ dY, db = Σ dY over the batch, dX = dY Wᵀ.

        The first layer of a network has no use for dX, its largest product: need_dX=False
        leaves it out.
        """
        np.matmul(self.X.T, dY, out=self.dW)  # (n_in, N) @ (N, n_out)
        np.sum(dY, axis=0, out=self.db)
        return dY @ self.W.T if need_dX else None  # (N, n_out) @ (n_out, n_in) = (N, n_in)

    def __repr__(self) -> str:
        init = "" if self.init == "he" else f", init={self.init!r}"
        return f"Dense({self.n_in}, {self.n_out}{init})"


class ReLU:
    """Keep what is positive, set the rest to zero: Y = max(X, 0)."""

    def forward(self, X: np.ndarray, rng: Rng | None = None) -> np.ndarray:
        self.mask = X > 0
        return np.maximum(X, 0)

    def backward(self, dY: np.ndarray) -> np.ndarray:
        """dX = dY where the input was positive, 0 elsewhere (at 0 itself too)."""
        return dY * self.mask

    def __repr__(self) -> str:
        return "ReLU()"


class Dropout:
    """In training, silence each unit with probability p (Srivastava et al. 2014).

    The survivors are scaled by 1 / (1 - p), so that the expected signal is the same with
    and without dropout and nothing needs to be scaled when the network is used.
    """

    def __init__(self, p: float = 0.5):
        if not 0 <= p < 1:
            raise ValueError(f"Dropout needs a probability 0 ≤ p < 1, not {p!r}.")
        self.p = float(p)

    def forward(self, X: np.ndarray, rng: Rng | None = None) -> np.ndarray:
        self.scale = None
        if rng is None or self.p == 0:
            return X
        kept = rng.random(X.shape, dtype=np.float32) >= self.p
        self.scale = kept * X.dtype.type(1 / (1 - self.p))
        return X * self.scale

    def backward(self, dY: np.ndarray) -> np.ndarray:
        """dX = dY times the same mask and scale that the forward pass drew."""
        return dY if self.scale is None else dY * self.scale

    def __repr__(self) -> str:
        return f"Dropout({self.p:g})"
