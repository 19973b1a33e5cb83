"""Does imbalance emerge in the built-in data? Each modality alone, then all together, trained by plain SGD.

    uv run python benchmarks/imbalance.py --seeds 3

Test accuracies. `alone` is a network of that modality only; `own` are its logits inside the joint network, the exact part
it has in the linear head; `probe` is a linear classifier fitted to its features in the joint network. A modality is
under-trained where `own` and `probe` lie below `alone`. The second table is two modalities of one kind, equally hard.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from core.data import Dataset, Split, load_data
from core.model import MultimodalModel, make_model
from core.types import Batch

CASES: dict[str, dict[str, Any]] = {
    "built-in: audio and visual": {},
    "equal: two voices": {"modalities": {"left": "audio", "right": "audio"}},
    "equal: two faces": {"modalities": {"left": "visual", "right": "visual"}},
}


def train(data: Dataset, modalities: Iterable[str], seed: int, epochs: int, lr: float) -> MultimodalModel:
    """Plain training with one joint loss: SGD with momentum, batches of 64."""
    torch.manual_seed(seed)
    shapes = {m: data.shapes[m] for m in modalities}
    model = make_model(shapes, len(data.classes), {}, "concat", 512, "split")
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, weight_decay=1e-4)
    split = data.splits["train"]
    for _ in range(epochs):
        for rows in torch.randperm(len(split)).split(64):
            optimizer.zero_grad()
            forward = model(_batch(split, shapes, rows))
            cross_entropy(forward.logits, forward.labels).backward()
            optimizer.step()
    return model.eval()


@torch.no_grad()
def look(model: MultimodalModel, split: Split) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
    """Fused logits, each modality's own logits, and its features, over a whole split."""
    forward = model(_batch(split, model.modalities, torch.arange(len(split))))
    return forward.logits, dict(forward.alone), dict(forward.features)


def probe(train_features: Tensor, train_labels: Tensor, features: Tensor, labels: Tensor) -> float:
    """Test accuracy of a logistic regression with a little weight decay, fitted to standardised features."""
    mean, std = train_features.mean(0), train_features.std(0) + 1e-6
    x, weights = (train_features - mean) / std, torch.zeros(train_features.shape[1] + 1, int(labels.max()) + 1)
    weights.requires_grad_(True)
    optimizer = torch.optim.LBFGS([weights], max_iter=100)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = cross_entropy(x @ weights[1:] + weights[0], train_labels) + 1e-3 * weights[1:].square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return accuracy((features - mean) / std @ weights[1:] + weights[0], labels)


def accuracy(logits: Tensor, labels: Tensor) -> float:
    return float((logits.argmax(1) == labels).float().mean())


def measure(options: dict[str, Any], seed: int, epochs: int, lr: float) -> dict[str, float]:
    """All accuracies of one case with one seed, of the data and of the training."""
    data = load_data("synthetic", options, seed)
    test, training = data.splits["test"], data.splits["train"]
    found = {}
    for m in data.modalities:
        logits, _, _ = look(train(data, [m], seed, epochs, lr), test)
        found[f"{m} alone"] = accuracy(logits, test.labels)
    joint = train(data, data.modalities, seed, epochs, lr)
    logits, own, features = look(joint, test)
    _, _, train_features = look(joint, training)
    found["joint"] = accuracy(logits, test.labels)
    for m in data.modalities:
        found[f"{m} own"] = accuracy(own[m], test.labels)
        found[f"{m} probe"] = probe(train_features[m], training.labels, features[m], test.labels)
    return found


def _batch(split: Split, modalities: Iterable[str], rows: Tensor) -> Batch:
    return Batch({m: split.inputs[m][rows] for m in modalities}, split.labels[rows])


def report(case: str, options: dict[str, Any], seeds: int, epochs: int, lr: float) -> None:
    start = time.perf_counter()
    results = [measure(options, seed, epochs, lr) for seed in range(seeds)]
    print(f"\n{case}: {seeds} seeds, {epochs} epochs, lr {lr:g}, {time.perf_counter() - start:.0f} s")
    for name in results[0]:
        values = np.array([result[name] for result in results])
        print(f"  {name:14} {values.mean():.3f} ± {values.std(ddof=1) if seeds > 1 else 0:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--lr", type=float, default=0.02)
    arguments = parser.parse_args()
    for case, options in CASES.items():
        report(case, options, arguments.seeds, arguments.epochs, arguments.lr)


if __name__ == "__main__":
    main()
