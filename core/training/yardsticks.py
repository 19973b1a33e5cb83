"""The yardsticks of stored runs: how well each encoder's frozen features predict, read anew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from asgml.core.data.base import Dataset
from asgml.core.measures.frozen_features import yardsticks
from asgml.core.run.trained_model import load_best_model
from asgml.core.run.unimodal_reference import best_results, open_foreign, trained_manifest
from asgml.core.training.ensemble import data_of


@dataclass(frozen=True)
class Yardsticks:
    """Of the best network of a run: the yardstick of each encoder, and its own accuracy.

    `chance`: share of the most frequent class. All on the validation split.
    """

    accuracy: dict[str, float]
    val_accuracy: float
    chance: float


class RunYardsticks:
    """Reads the yardsticks of many runs; runs on the same data share it in memory."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._known: dict[str, Dataset] = {}

    def read(self, path: Path) -> Yardsticks:
        """Return the yardsticks of the run at `path`.

        Raise ReferenceRunError where it has no best network, DataError where its data is gone.
        """
        what = f"the run {path}"
        run = open_foreign(path, what)
        manifest = trained_manifest(run, what)
        step, val_accuracy, _ = best_results(run, what)
        key = f"{manifest.config.get('data')} {list(manifest.modalities)}"
        if key not in self._known:
            self._known = {**self._known, key: data_of(run, manifest)}
        data = self._known[key]
        model = load_best_model(run, step, data, what).to(self._device)
        labels = data.splits["val"].labels
        chance = float(torch.bincount(labels).max() / len(labels))
        return Yardsticks(yardsticks(model, data, self._device), val_accuracy, chance)
