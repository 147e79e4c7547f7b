"""The exercises of notebook 02."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nnlib.exercises.kinds import Answer, Exercise, Function
from nnlib.nn.losses import softmax

Array = np.ndarray[Any, np.dtype[Any]]


def one_hot(t: Array) -> Array:
    """Labels (N,) → (N, 10), 1 at the label and 0 elsewhere."""
    return np.eye(10, dtype=np.float32)[t]


def cross_entropy(P: Array, Y: Array) -> float:
    """The mean over the batch of -log P[label]."""
    return float(-np.log((P * Y).sum(axis=1)).mean())


def logit_gradient(P: Array, Y: Array) -> Array:
    """The gradient of the mean cross-entropy at the logits."""
    return (P - Y) / len(P)


def parameter_gradients(X: Array, dZ: Array) -> tuple[Array, Array]:
    """The gradients of W and b, from the layer's input and the gradient at its output."""
    return X.T @ dZ, dZ.sum(axis=0)


def gradient_step(parameter: Array, gradient: Array, learning_rate: float) -> None:
    """One step of gradient descent, in place."""
    parameter -= learning_rate * gradient


def fold_mean(W: Array, b: Array, mean: Array) -> Array:
    """The bias that makes a layer for x - mean into one for x."""
    return b - mean @ W


def log_softmax(Z: Array) -> Array:
    """log P for each logit, without computing P."""
    shifted = Z - Z.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _add(parameter: Array, gradient: Array, learning_rate: float) -> None:
    parameter += learning_rate * gradient


def _step_of_one(parameter: Array, gradient: Array, learning_rate: float) -> None:
    parameter -= gradient


def _probabilities(smallest: float = 0.0) -> tuple[Array, Array]:
    P = np.array([[0.125, 0.25, 0.625], [0.5, 0.5 - smallest, smallest]])
    return P, np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])


_X, _DZ = np.arange(20.0).reshape(4, 5) / 7, np.arange(12.0).reshape(4, 3) ** 2 / 50 - 1
_LARGE = np.array([[1000.0, 0.0, -1000.0], [-1000.0, -1001.0, -1002.0]])


def _survives_large_logits(yours: Callable[[Array], Array]) -> str | None:
    for Z in (np.array([[90, 89, 0]], np.float32), _LARGE):
        for row, mine, right in zip(Z, yours(Z.copy()), softmax(Z), strict=True):
            if not np.allclose(mine, right, atol=1e-5):
                alone = yours(row[None].copy())[0]
                if np.allclose(alone, right, atol=1e-5):
                    return "You subtract one maximum from all rows; each row needs its own."
                what = "nan" if np.isnan(mine).any() else "wrong probabilities"
                logits = ", ".join(f"{logit:g}" for logit in row)
                return f"Small logits are right, but the row {logits} gives {what}. " + (
                    "How large are its exponentials?"
                )
    return None


_SMALL = (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10)
_ADDS = (
    "You add a small number to P. That changes the loss, and the gradient no longer matches. Pick "
    "the label's P first."
)
_CUTS = (
    "You cut P off at a small number. Below it the loss is flat, and the gradient no longer "
    "matches. Pick the label's P first."
)

EXERCISES: dict[str, Exercise] = {
    "softmax": Function(
        library=softmax,
        cases=lambda: [
            (np.log([[1.0, 2.0, 5.0], [4.0, 4.0, 2.0]]),),
        ],
        judge=_survives_large_logits,
        hints=(
            "You may subtract a number from all logits of a row. Which number makes the largest "
            "exponent 0?",
            "Take maximum and sum with axis=1 and keepdims=True, so that each row has its own.",
        ),
        mistakes=(
            (
                lambda Z: np.exp(Z - Z.max(axis=1, keepdims=True)),
                "Its rows do not sum to 1: the division is missing.",
            ),
            (lambda Z: np.exp(Z), "Its rows do not sum to 1: the division is missing."),
            (
                lambda Z: np.exp(Z - Z.max()) / np.exp(Z - Z.max()).sum(),
                "All numbers together sum to 1; each row should.",
            ),
            (
                lambda Z: np.exp(Z) / np.exp(Z).sum(axis=0),
                "Its columns sum to 1; its rows should. Look at the axis.",
            ),
            (
                lambda Z: np.exp(Z - Z.max()) / np.exp(Z - Z.max()).sum(axis=0),
                "Its columns sum to 1; its rows should. Look at the axis.",
            ),
        ),
    ),
    "one-hot": Function(
        library=one_hot,
        cases=lambda: [(np.array([3, 0, 9, 3, 1]),), (np.array([7]),)],
        hints=(
            "np.eye(10) has ten rows. What does its row 3 look like?",
            "An array of labels can be an index: A[t] picks a row of A for each label.",
        ),
        mistakes=(
            (
                lambda t: np.eye(10)[t - 1],
                "Every 1 stands one place too far to the left. The digits start at 0.",
            ),
        ),
    ),
    "cross-entropy": Function(
        library=cross_entropy,
        cases=lambda: [
            _probabilities(0.2),
            _probabilities(),
            (np.array([[1e-8, 1 - 1e-8, 0.0]]), np.array([[1.0, 0.0, 0.0]])),
        ],
        hints=(
            "First one number per image: the probability of its label. P * Y leaves only that one "
            "in each row.",
            "Sum P * Y over each row, take the logarithm, then the mean. Take the logarithm last, "
            "since 0 · log 0 is nan.",
        ),
        mistakes=(
            (
                lambda P, Y: -(np.log(np.maximum(P, 1e-300)) * Y).mean(),
                "The mean is taken over all N · K numbers; it should be over the N images.",
            ),
            (
                lambda P, Y: -np.log((P * Y).mean(axis=1)).mean(),
                "The label's probability is divided by K: sum P * Y over each row.",
            ),
            (
                lambda P, Y: -np.log((P * Y).sum(axis=1)).sum(),
                "That is the sum over the batch; the mean is asked for. Is the 1/N missing?",
            ),
            (
                lambda P, Y: -np.log((P * Y).sum(axis=1).mean()),
                "That is the logarithm of the mean; the mean of the logarithms is asked for.",
            ),
            (
                lambda P, Y: (1 - (P * Y).sum(axis=1)).mean(),
                "That is the mean of 1 - p. Where is the logarithm?",
            ),
            *(
                (lambda P, Y, small=small: -np.log((P * Y).sum(axis=1) + small).mean(), _ADDS)
                for small in _SMALL
            ),
            *(
                (
                    lambda P, Y, small=small: -np.log(np.maximum((P * Y).sum(1), small)).mean(),
                    _CUTS,
                )
                for small in _SMALL
            ),
        ),
    ),
    "logit gradient": Function(
        library=logit_gradient,
        cases=lambda: [_probabilities()],
        hints=(
            "For a single image it is the difference that you saw in the moving figure.",
            "The mean over N images weighs each of them with 1/N.",
        ),
        mistakes=(
            (
                lambda P, Y: (P - Y).mean(axis=0),
                "Each image keeps its own row; the mean is only the 1/N.",
            ),
            (
                lambda P, Y: (P - Y) / P.size,
                "It is divided by N · K; the mean is over the N images.",
            ),
            (
                lambda P, Y: (Y - P) / len(P),
                "The sign is wrong: that is the push, and the gradient points the other way.",
            ),
            (
                lambda P, Y: Y - P,
                "The sign is wrong (that is the push; the gradient points the other way), and the "
                "1/N is missing.",
            ),
        ),
    ),
    "tiny gradient": Answer(
        expected=((-2, 1, 1), (2, 2, -4)),
        hints=(
            "Pixel 1 is 0 in image 2, so only image 1 counts for the first row.",
            "How much ink has pixel 2 in image 2?",
        ),
        mistakes=(
            (((-2, 1, 1), (1, 1, -2)), "The second pixel's ink is not 1."),
            (((-4, 2, 2), (4, 4, -8)), "It is twice too large: the 1/N is in dZ already."),
            (
                ((-1 / 3, 1 / 6, 1 / 6), (1 / 3, 1 / 3, -2 / 3)),
                "That is dW; six times it is asked for.",
            ),
            (((-2, 2), (1, 2), (1, -4)), "This is the transpose: a row for each pixel, please."),
        ),
    ),
    "parameter gradients": Function(
        library=parameter_gradients,
        cases=lambda: [(_X, _DZ)],
        hints=(
            "Write the shapes under the arrays. From (N, D) and (N, K), which product is (D, K)?",
            "Both sums run over the images, the N in the shapes.",
        ),
        mistakes=(
            (lambda X, dZ: (dZ.T @ X, dZ.sum(axis=0)), "dW is the transpose of what it should be."),
            (
                lambda X, dZ: (X.T @ dZ, dZ.mean(axis=0)),
                "dW is right, but db is divided by N once too often: the 1/N is in dZ already.",
            ),
            (
                lambda X, dZ: (X.T @ dZ / len(X), dZ.sum(axis=0)),
                "db is right, but dW is divided by N once too often: the 1/N is in dZ already.",
            ),
            (
                lambda X, dZ: (X.T @ dZ / len(X), dZ.mean(axis=0)),
                "Both are divided by N once too often: the 1/N is in dZ already.",
            ),
            (
                lambda X, dZ: (X.T @ dZ, dZ.sum()),
                "dW is right, but db is one number. A bias for each class: sum over one axis.",
            ),
            (
                lambda X, dZ: (X.T @ dZ, dZ.sum(axis=1)),
                "dW is right, but db has a number for each image. Sum over the other axis.",
            ),
        ),
    ),
    "gradient step": Function(
        library=gradient_step,
        cases=lambda: [
            (np.array([[1.0, -2.0, 3.0], [0.5, 0.0, 1.0]]), np.arange(6.0).reshape(2, 3), 0.5),
            (np.zeros(3), np.array([1.0, -1.0, 0.5]), 0.1),
        ],
        changes_input=True,
        hints=(
            "Write down the two numbers for one weight: it is 3, its gradient is 2, the learning "
            "rate 0.5. Where should it go?",
            "parameter -= … subtracts in place. The loss should fall, so go against the "
            "gradient, and use the learning rate.",
        ),
        mistakes=(
            (_add, "It climbs: the sign is wrong."),
            (_step_of_one, "The learning rate is not used."),
            (
                lambda parameter, gradient, learning_rate: parameter.__iadd__(gradient),
                "It climbs: the sign is wrong. And the learning rate is not used.",
            ),
        ),
    ),
    "learning rate limit": Answer(
        expected=0.5,
        hints=(
            "A direction shrinks as long as 1 - ηκ lies between -1 and 1.",
            "Work out the limit of each direction. Both have to shrink: which limit counts?",
        ),
        mistakes=(
            ((0.5, 8), "One rate has to serve both directions: give one number."),
            ((8, 0.5), "One rate has to serve both directions: give one number."),
            (8, "Up to there the shallow direction shrinks. What does the steep one do?"),
            (
                0.25,
                "There the steep direction arrives in one step. A little beyond, it overshoots, "
                "but still comes closer.",
            ),
            (4, "There the shallow direction arrives in one step. What does the steep one do?"),
            (2, "Is that 2/κ? For which κ?"),
        ),
    ),
    "fold mean": Function(
        library=fold_mean,
        cases=lambda: [
            (np.arange(6.0).reshape(3, 2) / 4, np.array([1.0, -1.0]), np.array([0.5, 0.25, 2.0]))
        ],
        hints=(
            "Multiply (x - mean) W + b out. Which terms do not contain x?",
            "mean @ W is (784,) @ (784, 10), and so ten numbers.",
        ),
        mistakes=(
            (lambda W, b, mean: b + mean @ W, "The sign of the mean's part is wrong."),
            (lambda W, b, mean: -mean @ W, "The old bias is lost."),
            (lambda W, b, mean: mean @ W, "The old bias is lost, and the sign is wrong."),
            (lambda W, b, mean: b - mean.mean() * W.sum(axis=0), "Each pixel has its own mean."),
        ),
    ),
    "doubled logits": Answer(
        expected=(1 / 30, 4 / 30, 25 / 30),
        tolerance=0.006,  # two decimals are enough on paper
        hints=(
            "What is the exponential of 2 ln 5? It is not 10.",
            "The three exponentials are whole numbers. Divide each by their sum.",
        ),
        mistakes=(
            (
                (0.125, 0.25, 0.625),
                "These are the old ones. Adding changes nothing, but doubling is not adding.",
            ),
            ((1 / 17, 4 / 17, 10 / 17), "The sum is not 1. What is the exponential of 2 ln 5?"),
            ((2 / 16, 4 / 16, 10 / 16), "These are the old ones. What is e to the 2 ln 5?"),
            ((0.25, 0.5, 1.25), "They sum to 2: probabilities sum to 1."),
            ((1, 4, 25), "These are the exponentials. Now divide by their sum."),
        ),
    ),
    "log-softmax": Function(
        library=log_softmax,
        cases=lambda: [(np.log([[1.0, 2.0, 5.0], [4.0, 4.0, 2.0]]),), (_LARGE,)],
        hints=(
            "The logarithm of a quotient is a difference: log P = z - log of the sum.",
            "Shift the row by its maximum first, as in softmax, and use the shifted logits in both "
            "terms.",
        ),
        mistakes=(
            (softmax, "These are the probabilities; their logarithms are asked for."),
            (
                lambda Z: (
                    Z - np.log(np.exp(Z - Z.max(axis=1, keepdims=True)).sum(1, keepdims=True))
                ),
                "The logits are shifted in the sum, but not in front of it.",
            ),
            (
                lambda Z: np.log(softmax(Z)),
                "There is an inf in it: some P rounded to 0 before its logarithm was taken.",
            ),
        ),
    ),
}
