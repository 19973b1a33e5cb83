"""Data of your own: a class with the names of its classes, and a split of samples by name.

    asgml train --data my_data.py:Postcards
    asgml train --data my_data.py:Postcards --set data.options.samples=400

These samples are generated; yours would be read from files in __getitem__. A split with `labels` is
read by batch, in `workers` processes; without, it is read once into memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

LENGTH = 8
SEEDS = {"train": 0, "val": 1, "test": 2}
SHADES = (0.2, 0.5, 0.8)


class Postcards:
    """A picture whose brightness tells the place, and a text whose tokens do."""

    classes = ("sea", "forest", "town")
    workers = 0

    def __init__(self, samples: int = 120) -> None:
        """Take the options of the data, `data.options.samples` and so on."""
        self.samples = samples

    def split(self, name: str) -> Cards:
        """Return the samples of train, val or test. None for val takes a tenth of train."""
        count = self.samples if name == "train" else self.samples // 2
        return Cards(count, SEEDS[name])


class Cards(Sequence[Mapping[str, Tensor]]):
    """The samples of one split."""

    def __init__(self, count: int, seed: int) -> None:
        self.seed = seed
        self.labels = [number % len(Postcards.classes) for number in range(count)]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, number: int) -> dict[str, Tensor]:  # type: ignore[override]
        """Return named tensors of the same shapes for every sample: floats, or whole numbers."""
        label = self.labels[number]
        draw = np.random.default_rng([self.seed, number])
        image = draw.normal(SHADES[label], 0.2, (3, 32, 32)).clip(0, 1)
        words = 1 + 10 * label + draw.integers(0, 12, LENGTH)
        words[draw.integers(4, LENGTH) :] = 0  # padding
        return {"image": torch.tensor(image), "text": torch.tensor(words)}
