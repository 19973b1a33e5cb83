"""What a data set is to the trainer, and how a name or a path becomes one."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast, runtime_checkable

if TYPE_CHECKING:  # listing the data sets should not cost the three seconds of importing torch
    from torch import Generator, Tensor

SPLITS = ("train", "val", "test")

# Data sets by name. One that is read from files takes their folder behind a colon, as in cremad:/data/CREMA-D. Every other
# word given as data is the path of a file in the arrays format (DATA.md).
NAMED = {
    "synthetic": "asgml.core.data.synthetic.emotions:load",
    "cremad": "asgml.core.data.datasets.cremad:load",
    "ave": "asgml.core.data.datasets.ave:load",
    "ks": "asgml.core.data.datasets.kinetics_sounds:load",
    "vggsound": "asgml.core.data.datasets.vggsound:load",
    "ucf101": "asgml.core.data.datasets.ucf101:load",
    "mosi": "asgml.core.data.datasets.affect:load",
    "mosei": "asgml.core.data.datasets.affect:load",
    "avmnist": "asgml.core.data.datasets.avmnist:load",
}
FROM_PATH = "asgml.core.data.arrays:load"


class DataError(Exception):
    """The data cannot be used. The message is one line: what was found, what is expected, what to do."""


@runtime_checkable
class View(Protocol):
    """How a modality as it is stored becomes what its network sees: (B, …) to float32 (B, …), on the device of its input.

    With a generator, which lives on the CPU, it is the view of training and may augment; without, that of evaluation.
    """

    def __call__(self, stored: Tensor, generator: Generator | None) -> Tensor: ...


@runtime_checkable
class Rows(Protocol):
    """Samples that stay on disk. They read the same in any process, in any order."""

    @property
    def workers(self) -> int:
        """Processes that should read at the same time; 0 where reading is quicker than passing the result on."""
        ...

    @property
    def nbytes(self) -> int | None:
        """Bytes of all samples as stored, where all can be read in a moment, so that they may move to the GPU; else None."""
        ...

    def __len__(self) -> int: ...

    def read(self, numbers: Sequence[int]) -> dict[str, Tensor]:
        """Modality -> (len(numbers), …) as stored. Raises DataError, one line that names the file."""
        ...


@dataclass(frozen=True)
class Split:
    """One part of a data set: N samples, in memory (`inputs`) or read from disk batch by batch (`rows`).

    A modality with a view is stored as uint8, float16 or float32 and becomes float32 in its view; one without is float32.
    """

    inputs: dict[str, Tensor]  # modality -> (N, …); empty where rows read them
    labels: Tensor  # int64 (N,)
    rows: Rows | None = None
    views: Mapping[str, View] = field(default_factory=dict)
    targets: Tensor | None = None  # float32 (N,), the numbers that a regression predicts

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """A whole data set. `shapes` are those of one sample as its network sees it; `info` is JSON: counts, source, statistics.

    `info["warnings"]` are sentences that a run on it tells at its start. Where the splits have targets, the task is to predict
    them: classes and labels are then their signs.
    """

    name: str
    modalities: tuple[str, ...]
    classes: tuple[str, ...]
    shapes: dict[str, tuple[int, ...]]
    splits: dict[str, Split]
    info: dict[str, Any]

    @property
    def task(self) -> Literal["classification", "regression"]:
        return "classification" if self.splits["train"].targets is None else "regression"


Loader = Callable[[str, Mapping[str, Any], int], Dataset]


def split_name(spec: str) -> tuple[str, str | None]:
    """The named data set and the folder behind its colon, or "" and the whole word, which is then a path."""
    name, colon, path = spec.partition(":")
    return (name, path if colon else None) if name in NAMED else ("", spec)


def load_data(spec: str, options: Mapping[str, Any] | None = None, seed: int = 0) -> Dataset:
    """The data set called `spec`, or the one in the file `spec`. The same arguments give the same tensors."""
    module, _, function = NAMED.get(split_name(spec)[0], FROM_PATH).partition(":")
    loader = cast(Loader, getattr(importlib.import_module(module), function))
    return loader(spec, options or {}, seed)
