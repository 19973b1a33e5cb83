"""Evaluation: the same quantities on any split, computed the same way as in training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from core.batches import in_order
from core.data.base import Split
from core.model import MultimodalModel
from core.probes import Probes
from core.types import Forward


@dataclass(frozen=True)
class Evaluation:
    """Means over a split. Losses in nat, accuracies in [0, 1]; by modality: its own logits, and its probe (empty without probes)."""

    loss: float
    accuracy: float
    own_accuracy: Mapping[str, float]
    probe_accuracy: Mapping[str, float]


@torch.no_grad()
def evaluate(
    model: MultimodalModel,
    probes: Probes | None,
    split: Split,
    batch_size: int,
    device: torch.device,
    look: Callable[[Forward], None] | None = None,
) -> Evaluation:
    """Evaluates the model in eval mode and puts it back as it was. Draws no random number. `look` is shown every batch."""
    totals: dict[str, Tensor] = {}
    with in_eval_mode(model):
        for batch in in_order(split, batch_size, device):
            forward = model(batch)
            if look is not None:
                look(forward)
            _add(totals, "loss", functional.cross_entropy(forward.logits, batch.labels, reduction="sum"))
            _add(totals, "accuracy", correct(forward.logits, batch.labels).sum())
            for m, logits in forward.alone.items():
                _add(totals, f"own/{m}", correct(logits, batch.labels).sum())
            for m, network in (probes.networks if probes else {}).items():
                _add(totals, f"probe/{m}", correct(network.eval()(forward.features[m].float()), batch.labels).sum())
    means = {name: float(total) / len(split) for name, total in totals.items()}
    return Evaluation(means["loss"], means["accuracy"], _part(means, "own/"), _part(means, "probe/"))


@contextmanager
def in_eval_mode(model: nn.Module) -> Iterator[None]:
    """For as long as the block lasts, also where it fails: a training must not go on without its dropout and batch norm."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def correct(logits: Float[Tensor, "B C"], labels: Int[Tensor, "B"]) -> Float[Tensor, "B"]:
    """1 where the largest logit is the true class, else 0."""
    return (logits.argmax(dim=1) == labels).float()


def _add(totals: dict[str, Tensor], name: str, value: Tensor) -> None:
    totals[name] = totals[name] + value if name in totals else value


def _part(means: Mapping[str, float], prefix: str) -> dict[str, float]:
    return {name.removeprefix(prefix): mean for name, mean in means.items() if name.startswith(prefix)}
