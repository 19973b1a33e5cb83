"""The yardstick of an encoder: a logistic regression on its frozen features.

The same yardstick for an encoder alone and inside a joint model: trained on the features of the
training split, read on those of validation. What it reads is what the encoder holds, whatever head
stood behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from asgml.core.data.base import Dataset
from asgml.core.data.loading.batches import in_order
from asgml.core.model.model import MultimodalModel

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

Features = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
MOST_SAMPLES = 20_000
"""Training samples beyond which every k-th is taken: more change the regression little."""
STRENGTH = 1.0
"""C of the regression on standardised features. Fixed: chosen on validation it would flatter."""


def yardsticks(
    model: MultimodalModel, data: Dataset, device: torch.device, batch_size: int = 256
) -> dict[str, float]:
    """Return the validation accuracy of the yardstick on each encoder, {m: accuracy}.

    In a regression the labels are the signs of the targets. NaN where an encoder gives features
    that are not finite.
    """
    train, train_labels = features_of(model, data, "train", batch_size, device)
    val, val_labels = features_of(model, data, "val", batch_size, device)
    step = -(-len(train_labels) // MOST_SAMPLES)
    return {m: _accuracy(train[m][::step], train_labels[::step], val[m], val_labels) for m in train}


@torch.no_grad()
def features_of(
    model: MultimodalModel, data: Dataset, split: str, batch_size: int, device: torch.device
) -> tuple[dict[str, Features], Labels]:
    """Return the features of each modality, {m: (N, D)}, and the labels (N,) of a split."""
    gathered: dict[str, list[Features]] = {m: [] for m in model.modalities}
    labels: list[Labels] = []
    for batch in in_order(data.splits[split], batch_size, device):
        for m, features in model.encode_batch(batch).items():
            gathered[m].append(features.double().cpu().numpy())
        labels.append(batch.labels.cpu().numpy())
    joined: Mapping[str, Features] = {m: np.concatenate(each) for m, each in gathered.items()}
    return dict(joined), np.concatenate(labels)


def _accuracy(train: Features, labels: Labels, val: Features, truth: Labels) -> float:
    if not (np.isfinite(train).all() and np.isfinite(val).all()):
        return float("nan")
    if len(np.unique(labels)) < 2:
        return float((truth == labels[0]).mean())
    return float(_regression().fit(train, labels).score(val, truth))


def _regression() -> Pipeline:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=1000))
