"""Evaluation: the same quantities on any split, computed the same way as in training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from asgml.core.data.base import Split
from asgml.core.data.batches import in_order
from asgml.core.measures.probes import Probes
from asgml.core.measures.task import correct, task_of
from asgml.core.model.model import MultimodalModel
from asgml.core.types import Evaluation, Forward


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
    task = task_of(split)
    meter = task.meter()
    with in_eval_mode(model):
        for batch in in_order(split, batch_size, device):
            forward = model(batch)
            if look is not None:
                look(forward)
            truth = task.truth(forward)
            meter.add(forward.logits, truth)
            _add(totals, "loss", task.loss(forward.logits, truth, "sum"))
            _add(totals, "accuracy", task.correct(forward.logits, truth).sum())
            for m, logits in forward.unimodal_logits.items():
                _add(totals, f"own/{m}", task.correct(logits, truth).sum())
            for m, network in (probes.networks if probes else {}).items():
                _add(
                    totals,
                    f"probe/{m}",
                    correct(network.eval()(forward.features[m].float()), batch.labels).sum(),
                )
    means = {name: float(total) / len(split) for name, total in totals.items()}
    return Evaluation(
        means["loss"],
        means["accuracy"],
        _part(means, "own/"),
        _part(means, "probe/"),
        meter.scores(),
    )


@contextmanager
def in_eval_mode(model: nn.Module) -> Iterator[None]:
    """For as long as the block lasts, also where it fails: a training must not go on without its dropout and batch norm."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def _add(totals: dict[str, Tensor], name: str, value: Tensor) -> None:
    totals[name] = totals[name] + value if name in totals else value


def _part(means: Mapping[str, float], prefix: str) -> dict[str, float]:
    return {
        name.removeprefix(prefix): mean for name, mean in means.items() if name.startswith(prefix)
    }
