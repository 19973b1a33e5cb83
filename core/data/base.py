"""The contract between a data set and the trainer, and the step from a name or a path to one."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast, runtime_checkable

from asgml.core.data.catalogue import DATA_SETS

if TYPE_CHECKING:  # listing the data sets should not cost the three seconds of importing torch
    from torch import Generator, Tensor

SPLITS = ("train", "val", "test")
# Loaders by name: naming or checking a data set should not import one, and torch with it.
FROM_CLIPS = "asgml.core.data.datasets.clip_loader:load"
FROM_PATH = "asgml.core.data.arrays.array_dataset:load"
FROM_CLASS = "asgml.core.data.datasets.user_data:load"


class DataError(Exception):
    """Data that cannot be used. The message is one line: what was found, expected, and to do."""


@runtime_checkable
class View(Protocol):
    """The step from a modality as stored to what its network sees, float32 on the input's device.

    With a generator, which lives on the CPU, it is the view of training and may augment; without,
    that of evaluation.
    """

    def __call__(self, stored: Tensor, generator: Generator | None) -> Tensor: ...


@runtime_checkable
class Rows(Protocol):
    """Samples that stay on disk. They read the same in any process, in any order."""

    @property
    def workers(self) -> int:
        """Return how many processes should read at once; 0: reading is quicker than sending."""
        ...

    @property
    def nbytes(self) -> int | None:
        """Return the bytes of all samples as stored, None where reading them all takes long.

        With a number, all samples may move to the GPU at once.
        """
        ...

    def __len__(self) -> int: ...

    def read(self, numbers: Sequence[int]) -> dict[str, Tensor]:
        """Return modality -> (len(numbers), …) as stored. Raise DataError that names the file."""
        ...

    def only(self, modalities: Sequence[str]) -> Rows:
        """Return the same samples with these modalities alone; the others are not read."""
        ...


@dataclass(frozen=True)
class Split:
    """One split of a data set: N samples, in memory (`inputs`) or read from disk by batch (`rows`).

    A modality with a view is stored as uint8, float16 or float32 and becomes float32 in its view;
    one without is float32.
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
    """A whole data set. `shapes` are those of one sample as its network sees it.

    `info` is JSON: counts, source, statistics; a run prints its `info["warnings"]` at the start.
    Where the splits have targets, the task is to predict them: classes and labels are their signs.
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
    """Return the data set's name and the path behind its colon; "" and `spec` for a mere path."""
    name, colon, path = spec.partition(":")
    return (name, path if colon else None) if name in DATA_SETS else ("", spec)


def is_class(spec: str) -> bool:
    """Return True for FILE.py:CLASS, a class of the user's own."""
    file, colon, name = spec.rpartition(":")
    return bool(colon) and file.endswith(".py") and name.isidentifier()


def load_data(spec: str, options: Mapping[str, Any] | None = None, seed: int = 0) -> Dataset:
    """Return the data set `spec`: a catalogued name, NAME:PATH, FILE.py:CLASS or a file of arrays.

    The same arguments give the same tensors. Raise DataError.
    """
    row = DATA_SETS.get(split_name(spec)[0])
    if row is None:
        target = FROM_CLASS if is_class(spec) else FROM_PATH
    else:
        target = FROM_CLIPS if row.clips else row.loader
    return cast(Loader, import_target(target))(spec, options or {}, seed)


def select_modalities(data: Dataset, modalities: Sequence[str]) -> Dataset:
    """Return the same samples with these modalities alone, in this order; all where none is named.

    `info["unused"]` names the others. Raise DataError for an unknown modality.
    """
    if not modalities:
        return data
    for m in modalities:
        if m not in data.modalities:
            raise DataError(f"modalities names {m!r}: {data.name} has {', '.join(data.modalities)}")
    unused = [m for m in data.modalities if m not in modalities]
    return replace(
        data,
        modalities=tuple(modalities),
        shapes={m: data.shapes[m] for m in modalities},
        splits={name: _selected(split, modalities) for name, split in data.splits.items()},
        info={**data.info, "unused": unused},
    )


def _selected(split: Split, modalities: Sequence[str]) -> Split:
    return replace(
        split,
        inputs={m: split.inputs[m] for m in modalities if m in split.inputs},
        rows=None if split.rows is None else split.rows.only(modalities),
        views={m: split.views[m] for m in modalities if m in split.views},
    )


def import_target(target: str) -> Any:
    """Return what "module:name" names."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
