"""What a data set is to the trainer, and how a name or a path becomes one."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:  # listing the data sets should not cost the three seconds of importing torch
    from torch import Tensor

SPLITS = ("train", "val", "test")

# Data sets by name. Every other word given as data is the path of a file in the arrays format (DATA.md).
NAMED = {
    "synthetic": "core.data.synthetic:load",
}
FROM_PATH = "core.data.arrays:load"


class DataError(Exception):
    """The data cannot be used. The message is one line: what was found, what is expected, what to do."""


@dataclass(frozen=True)
class Split:
    """One part of a data set: N samples, the first axis of every tensor."""

    inputs: dict[str, Tensor]  # modality -> float32 (N, …)
    labels: Tensor  # int64 (N,)

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """A whole data set in memory. `shapes` are those of one sample; `info` is JSON: counts, source, statistics."""

    name: str
    modalities: tuple[str, ...]
    classes: tuple[str, ...]
    shapes: dict[str, tuple[int, ...]]
    splits: dict[str, Split]
    info: dict[str, Any]


Loader = Callable[[str, Mapping[str, Any], int], Dataset]


def load_data(spec: str, options: Mapping[str, Any] | None = None, seed: int = 0) -> Dataset:
    """The data set called `spec`, or the one in the file `spec`. The same arguments give the same tensors."""
    module, _, function = NAMED.get(spec, FROM_PATH).partition(":")
    loader = cast(Loader, getattr(importlib.import_module(module), function))
    return loader(spec, options or {}, seed)
