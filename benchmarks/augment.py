"""How many images per second does the augmentation of `robust` make?

    python benchmarks/augment.py [rounds]

It takes turns with its bilinear sampling alone, and with PyTorch's (`grid_sample`) at the same
coordinates.
"""

import sys
import time

import numpy as np

from nnlib import load_mnist
from nnlib.datasets.augmentation import Augmentation, bilinear_sample

BATCH, IMAGES = 128, 12_800


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    images = load_mnist().train.images[:IMAGES]
    rng = np.random.default_rng(0)
    augmentation = Augmentation()
    y, x = np.mgrid[:28, :28].reshape(2, 1, 784).astype(np.float32)
    x = x + rng.uniform(-2, 2, (BATCH, 784)).astype(np.float32)
    y = y + rng.uniform(-2, 2, (BATCH, 784)).astype(np.float32)
    contenders = {
        "Augmentation": lambda batch: augmentation(batch, rng),
        "its sampling alone": lambda batch: bilinear_sample(batch, x, y),
    }
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: nothing to compare the sampling with.")
    else:
        grid = torch.from_numpy(np.stack([x, y], -1).reshape(BATCH, 28, 28, 2) / 13.5 - 1)
        contenders["PyTorch's grid_sample"] = lambda batch: torch.nn.functional.grid_sample(
            torch.from_numpy(batch).view(-1, 1, 28, 28), grid, align_corners=True
        )

    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            started = time.perf_counter()
            for first in range(0, IMAGES, BATCH):
                contender(images[first : first + BATCH])
            seconds[name].append(time.perf_counter() - started)
    ours = np.median(seconds["Augmentation"])
    print(f"{'':<24}{'images/s':>10}{'× ours':>8}   median of {rounds} rounds of {IMAGES:,}")
    for name, times in seconds.items():
        median = np.median(times)
        print(f"{name:<24}{IMAGES / median:>10,.0f}{ours / median:>8.2f}")


if __name__ == "__main__":
    main()
