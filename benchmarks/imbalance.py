"""The imbalance in the built-in data: each modality alone, all, and all with a method.

    OMP_NUM_THREADS=1 uv run python benchmarks/imbalance.py --seeds 3

Test accuracies of the last model, mean and standard deviation over seeds of data and training.
`alone` is a network of that modality only. Inside the joint network, `probe` is a logistic
regression fitted to a modality's features, `own` is the largest of its unimodal logits (its exact
part of the linear head), and `own, centred` the same when the constant part of the features, which
says nothing about a sample, is shared out equally as the bias is. A modality is under-trained where
`probe` and `own, centred` lie below `alone`. In the cases called equal nothing needs balancing.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from asgml.core.config.run_config import make_config
from asgml.core.data import Dataset, Split, load_data
from asgml.core.model.model import MultimodalModel
from asgml.core.run.manifest_builder import make_manifest
from asgml.core.training.components import make_components
from asgml.core.training.trainer import Trainer
from asgml.core.types import Batch, Forward
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.status import State

CASES: dict[str, dict[str, Any]] = {
    "usual": {},
    "equal voices": {"modalities": {"left": "audio", "right": "audio"}},
    "equal faces": {"modalities": {"left": "visual", "right": "visual"}},
    "all six": {"modalities": 6},
}
CPU = torch.device("cpu")


def train(data: Dataset, method: str, seed: int, protocol: dict[str, Any]) -> MultimodalModel:
    """Train in a temporary folder; return the model of the last epoch."""
    config = make_config(
        {"method": method, "seed": seed, "device": "cpu", "eval": {"test": "never"}, **protocol}
    )
    with tempfile.TemporaryDirectory() as folder:
        paths = RunPaths(Path(folder))
        manifest = make_manifest("imbalance", config, data, CPU)
        components = make_components(config, paths, data, manifest, CPU)
        components.run.open()
        end = Trainer(components).train()
        components.run.close(end)
    assert end is State.FINISHED
    return components.model.eval()


@torch.no_grad()
def forward_of(model: MultimodalModel, split: Split) -> Forward:
    return model(Batch(split.inputs, split.labels))


def accuracies_of(model: MultimodalModel, data: Dataset) -> dict[str, float]:
    """Return the accuracies of one network on the test split."""
    before, after = forward_of(model, data.splits["train"]), forward_of(model, data.splits["test"])
    labels, found = after.labels, {"joint": accuracy(after.logits, after.labels)}
    for m in data.modalities:
        constant = before.unimodal_logits[m].mean(0) - before.logits.mean(0) / len(data.modalities)
        found[f"{m}: probe"] = probe(before.features[m], before.labels, after.features[m], labels)
        found[f"{m}: own"] = accuracy(after.unimodal_logits[m], labels)
        found[f"{m}: own, centred"] = accuracy(after.unimodal_logits[m] - constant, labels)
    return found


def accuracy(logits: Tensor, labels: Tensor) -> float:
    return float((logits.argmax(1) == labels).float().mean())


def probe(train_features: Tensor, train_labels: Tensor, features: Tensor, labels: Tensor) -> float:
    """Return the test accuracy of a logistic regression on standardised features."""
    mean, std = train_features.mean(0), train_features.std(0) + 1e-6
    x = (train_features - mean) / std
    weights = torch.zeros(x.shape[1] + 1, int(train_labels.max()) + 1, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=100)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = cross_entropy(x @ weights[1:] + weights[0], train_labels)
        loss = loss + 1e-3 * weights[1:].square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return accuracy((features - mean) / std @ weights[1:] + weights[0], labels)


def measure(
    case: str, methods: Sequence[str], seed: int, protocol: dict[str, Any]
) -> dict[str, dict[str, float]]:
    """Return {row: {column: accuracy}} of one seed; rows are the modalities and the methods."""
    options = CASES[case]
    data = load_data("synthetic", options, seed)
    rows = {}
    for m in data.modalities:
        alone = _only(data, m)
        tested = forward_of(train(alone, "baseline", seed, protocol), alone.splits["test"])
        rows[f"{m} alone"] = {"": accuracy(tested.logits, tested.labels)}
    for method in methods:
        rows[method] = accuracies_of(train(data, method, seed, protocol), data)
    return rows


def _only(data: Dataset, modality: str) -> Dataset:
    """Return the same samples with one modality."""
    splits = {
        name: Split({modality: split.inputs[modality]}, split.labels)
        for name, split in data.splits.items()
    }
    return Dataset(
        data.name, (modality,), data.classes, {modality: data.shapes[modality]}, splits, data.info
    )


def report(case: str, methods: Sequence[str], seeds: int, protocol: dict[str, Any]) -> None:
    began = time.perf_counter()
    results = [measure(case, methods, seed, protocol) for seed in range(seeds)]
    print(f"\n{case} ({seeds} seeds, {time.perf_counter() - began:.0f} s)", flush=True)
    for row, columns in results[0].items():
        for column in columns:
            values = np.array([result[row][column] for result in results])
            spread = values.std(ddof=1) if seeds > 1 else 0.0
            print(f"  {row:14} {column:22} {values.mean():.3f} ± {spread:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--case", action="append", choices=list(CASES))
    parser.add_argument("--method", action="append")
    given = parser.parse_args()
    torch.set_num_threads(1)
    protocol: dict[str, Any] = {
        "epochs": given.epochs,
        "optimizer": {"lr": given.lr, "decay_every": max(given.epochs * 3 // 4, 1)},
        # four to five evaluations an epoch, as the usual 20 gives on 105 batches; here are 13
        "probe": {"eval_freq": 3},
    }
    for case in given.case or CASES:
        report(case, given.method or ["baseline", "ogm_ge+boost"], given.seeds, protocol)


if __name__ == "__main__":
    main()
