"""How long does an epoch of `deep` take, and how long do its matrix products alone?

    python benchmarks/epoch.py [rounds]

An epoch is 50,000 images in batches of 128 through 784→256→128→10 in float32, with Adam and
L2. Where PyTorch (CPU, the same recipe, tensors sliced) and scikit-learn (MLPClassifier) are
installed, their epochs are timed too.

Each contender has its own process, because thread pools in one process slow each other down.
They take turns, one epoch at a time. The ratio to the matrix products is computed within each
round, so that it does not depend on how the speed of the machine changes.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from subprocess import PIPE

import numpy as np

from nnlib import Adam, fit, load_mnist
from nnlib.datasets.splits import Split
from nnlib.training.recipes import MODELS

WIDTHS, BATCH = MODELS["deep"].widths, 128


def products(train: Split) -> Callable[[], None]:
    """The matrix products of an epoch, and nothing else: three forward, five backward."""
    rng = np.random.default_rng(0)
    layers = [
        (
            rng.random((BATCH, n_in), np.float32),  # X
            rng.random((n_in, n_out), np.float32),  # W
            rng.random((BATCH, n_out), np.float32),  # dY
            np.empty((n_in, n_out), np.float32),  # dW
        )
        for n_in, n_out in pairwise(WIDTHS)
    ]

    def epoch() -> None:
        for _ in range(len(train) // BATCH):
            for X, W, _, _ in layers:
                X @ W
            for number, (X, W, dY, dW) in enumerate(layers):
                np.matmul(X.T, dY, out=dW)
                if number:  # nothing needs the gradient at the images
                    dY @ W.T

    return epoch


def ours(train: Split) -> Callable[[], None]:
    network, optimizer = MODELS["deep"].network(), Adam(2e-3)
    return lambda: fit(
        network, train, optimizer=optimizer, l2=5e-4, epochs=1, batch_size=BATCH, progress=False
    )


def pytorch(train: Split) -> Callable[[], None]:
    import torch
    from torch.nn import Linear, ReLU, Sequential

    torch.manual_seed(0)
    # Weights that only L2 still changes become so small (denormal) that processors compute with
    # them many times slower. Without this, epochs take three times as long from the fifth on.
    torch.set_flush_denormal(True)
    a, b, c, d = WIDTHS
    network = Sequential(Linear(a, b), ReLU(), Linear(b, c), ReLU(), Linear(c, d))
    adam = torch.optim.Adam(network.parameters(), lr=2e-3, weight_decay=5e-4, fused=True)
    images, labels = torch.from_numpy(train.images), torch.from_numpy(train.labels)

    def epoch() -> None:
        order = torch.randperm(len(images))
        for start in range(0, len(images), BATCH):
            batch = order[start : start + BATCH]
            adam.zero_grad()
            torch.nn.functional.cross_entropy(network(images[batch]), labels[batch]).backward()
            adam.step()

    return epoch


def scikit_learn(train: Split) -> Callable[[], None]:
    from sklearn.neural_network import MLPClassifier

    classifier = MLPClassifier(WIDTHS[1:-1], alpha=5e-4, batch_size=BATCH, random_state=0)
    return lambda: classifier.partial_fit(train.images, train.labels, classes=np.arange(10))


CONTENDERS = {
    "matrix products alone": products,
    "nnlib": ours,
    "PyTorch": pytorch,
    "scikit-learn": scikit_learn,
}


def work(name: str) -> None:
    """A contender's process: train one epoch per line of standard input, and print its seconds."""
    epoch = CONTENDERS[name](load_mnist().train)
    for _ in sys.stdin:
        started = time.perf_counter()
        epoch()
        print(time.perf_counter() - started, flush=True)


def main(rounds: int = 7) -> None:
    processes = {}
    for name in CONTENDERS:
        command = [sys.executable, __file__, "--work", name]
        processes[name] = subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True)
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for number in range(rounds + 1):
        for name, process in processes.items():
            if process.poll() is None:
                process.stdin.write("\n")
                process.stdin.flush()
                answer = process.stdout.readline()
                if answer and number:  # the first round warms up
                    seconds[name].append(float(answer))
    alone = seconds["matrix products alone"]
    for name, process in processes.items():
        error = process.communicate()[1].strip().splitlines()
        if seconds[name]:
            ratio = statistics.median(a / b for a, b in zip(seconds[name], alone, strict=True))
            print(f"{name:22} median {statistics.median(seconds[name]):5.2f} s   {ratio:4.1f} ×")
        else:
            print(f"{name:22} not measured: {error[-1]}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(sys.argv[2])
    else:
        main(*map(int, sys.argv[1:]))
