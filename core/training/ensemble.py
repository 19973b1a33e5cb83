"""An ensemble of trained runs: the mean of what their best networks predict for a split.

In a classification the probabilities (softmax) are averaged, in a regression the outputs. Every
network sees the samples as its own run decoded them; the samples must be the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from asgml.core.config.run_settings import RunSettings
from asgml.core.data.base import Dataset, load_data, select_modalities
from asgml.core.data.loading.batches import in_order
from asgml.core.measures.task import make_task
from asgml.core.run.trained_model import load_best_model, stored_config
from asgml.core.run.unimodal_reference import (
    ReferenceRunError,
    best_results,
    open_foreign,
    refuse_other_classes,
    trained_manifest,
)
from asgml.storage.format.manifest import Manifest
from asgml.storage.read.reader import Run


@dataclass(frozen=True)
class Member:
    """A run of the ensemble: its modalities, its best validation accuracy, and on this split."""

    path: str
    modalities: tuple[str, ...]
    val_accuracy: float
    accuracy: float


@dataclass(frozen=True)
class Ensemble:
    """The accuracy of the members together on a split, and of each."""

    split: str
    averaged: str
    members: tuple[Member, ...]
    accuracy: float


def evaluate_ensemble(
    paths: Sequence[Path], split: str, device: torch.device, batch_size: int = 256
) -> Ensemble:
    """Return the accuracy of the mean prediction of these runs on a split.

    Raise ReferenceRunError where a run cannot take part, DataError where its data is gone.
    """
    runs = [_opened(path) for path in paths]
    _refuse_different_data(runs)
    datasets = [data_of(run, manifest) for run, manifest in runs]
    _refuse_different_samples(runs, datasets, split)
    task = make_task(datasets[0])
    total: Tensor | None = None
    members = []
    for (run, manifest), data in zip(runs, datasets, strict=True):
        what = _what(run)
        step, val_accuracy, _ = best_results(run, what)
        model = load_best_model(run, step, data, what).to(device)
        outputs, truth = predict(model, data, split, batch_size, device)
        correct = task.correct(outputs, truth).double().mean()
        members.append(
            Member(
                str(run.paths.root.resolve()),
                tuple(manifest.modalities),
                val_accuracy,
                float(correct),
            )
        )
        opinion = outputs.softmax(dim=1) if task.gives_class_scores else outputs
        total = opinion if total is None else total + opinion
    assert total is not None
    accuracy = float(task.correct(total / len(runs), truth).double().mean())
    averaged = "softmax" if task.gives_class_scores else "output"
    return Ensemble(split, averaged, tuple(members), accuracy)


@torch.no_grad()
def predict(
    model: torch.nn.Module, data: Dataset, split: str, batch_size: int, device: torch.device
) -> tuple[Float[Tensor, "N C"], Tensor]:
    """Return the fused outputs of a network for a split, in float64, and what they should be."""
    task = make_task(data)
    outputs, truths = [], []
    for batch in in_order(data.splits[split], batch_size, device):
        forward = model(batch)
        outputs.append(forward.logits.double())
        truths.append(task.truth(forward))
    return torch.cat(outputs), torch.cat(truths)


def _opened(path: Path) -> tuple[Run, Manifest]:
    run = open_foreign(path, f"the run {path}")
    return run, trained_manifest(run, _what(run))


def _what(run: Run) -> str:
    return f"the run {run.paths.root}"


def data_of(run: Run, manifest: Manifest) -> Dataset:
    """Return the data that a run was trained on, read again as it was then."""
    config: RunSettings = stored_config(manifest.config, _what(run))
    data = load_data(config.data.name, config.data.options, config.data.seed)
    data = select_modalities(data, config.modalities)
    if list(data.modalities) != list(manifest.modalities):
        raise ReferenceRunError(
            f"{_what(run)} was trained on {', '.join(manifest.modalities)}, and its data now has "
            f"{', '.join(data.modalities)}; put the old data back"
        )
    return data


def _refuse_different_data(runs: Sequence[tuple[Run, Manifest]]) -> None:
    """Raise ReferenceRunError unless all runs recorded the same classes, sizes and content."""
    (first, manifest), *others = runs
    for run, other in others:
        refuse_other_classes(other, tuple(manifest.classes), _what(run))
        for key, name in (("sha256", "content"), ("counts", "sizes"), ("val", "validation part")):
            ours, theirs = manifest.data.get(key), other.data.get(key)
            if ours != theirs:
                raise ReferenceRunError(
                    f"{_what(run)} has other data than {first.paths.name}: its {name} is "
                    f"{str(theirs)[:60]}, expected {str(ours)[:60]}"
                )


def _refuse_different_samples(
    runs: Sequence[tuple[Run, Manifest]], datasets: Sequence[Dataset], split: str
) -> None:
    """Raise ReferenceRunError unless the labels of the split are the same in all data sets."""
    for (run, manifest), data in zip(runs, datasets, strict=True):
        recorded = manifest.data.get("sha256")
        if recorded is not None and recorded != data.info.get("sha256"):
            raise ReferenceRunError(
                f"{_what(run)} was trained on other data than {data.name} holds now; "
                "put the old data back"
            )
        ours, theirs = datasets[0].splits[split].labels, data.splits[split].labels
        if not torch.equal(ours, theirs):
            raise ReferenceRunError(
                f"{_what(run)} has other samples in {split} than {runs[0][0].paths.name}"
            )
