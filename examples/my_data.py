"""Data of your own: a class with the names of its classes, and a split of samples by name.

    asgml data check examples/my_data.py:Postcards
    asgml train --data examples/my_data.py:Postcards --set data.options.samples=400

These samples are generated; yours would be read from files in __getitem__. A split with `labels` is
read by batch, in `workers` processes; without, it is read once into memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

LENGTH, VOCABULARY = 8, 40
SEEDS = {"train": 0, "val": 1, "test": 2}
SHADES = (0.2, 0.5, 0.8)


class Postcards:
    """A picture whose brightness tells the place, and a text whose words do."""

    classes = ("sea", "forest", "town")
    workers = 0

    def __init__(self, samples: int = 120, tokens: bool = False) -> None:
        """Take the options of the data. A text is the counts of its words, or their tokens."""
        self.samples, self.tokens = samples, tokens

    def split(self, name: str) -> Cards:
        """Return the samples of train, val or test. None for val takes a tenth of train."""
        count = self.samples if name == "train" else self.samples // 2
        return Cards(count, SEEDS[name], self.tokens)


class Cards(Sequence[Mapping[str, Tensor | int]]):
    """The samples of one split."""

    def __init__(self, count: int, seed: int, tokens: bool) -> None:
        self.seed, self.tokens = seed, tokens
        self.labels = [number % len(Postcards.classes) for number in range(count)]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, number: int) -> dict[str, Tensor | int]:  # type: ignore[override]
        """Return the label and named tensors, in the same shapes for every sample."""
        label = self.labels[number]
        draw = np.random.default_rng([self.seed, number])
        image = draw.normal(SHADES[label], 0.2, (3, 32, 32)).clip(0, 1)
        words = 1 + 10 * label + draw.integers(0, 12, LENGTH)
        words[draw.integers(4, LENGTH) :] = 0  # padding
        # whole numbers are for an encoder of your own, such as my_text_encoder.py
        text = words if self.tokens else np.bincount(words, minlength=VOCABULARY).astype("float32")
        return {"label": label, "image": torch.tensor(image), "text": torch.tensor(text)}
