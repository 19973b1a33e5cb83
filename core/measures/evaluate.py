"""Evaluation of a split: the quantities of a training step, computed in eval mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from asgml.core.data.base import Split
from asgml.core.data.loading.batches import in_order
from asgml.core.measures.probes import Probes
from asgml.core.measures.task import correct, task_of
from asgml.core.measures.task_base import Task
from asgml.core.model.model import MultimodalModel
from asgml.core.types import Evaluation, Forward

Totals = dict[str, Tensor]


@torch.no_grad()
def evaluate(
    model: MultimodalModel,
    probes: Probes | None,
    split: Split,
    batch_size: int,
    device: torch.device,
    on_batch: Callable[[Forward], None] | None = None,
) -> Evaluation:
    """Return means over `split`; `on_batch` is called with the forward pass of every batch.

    The model is evaluated in eval mode and left in the mode it was in. No random number is drawn.
    """
    task = task_of(split)
    meter, totals = task.meter(), Totals()
    with in_eval_mode(model):
        for batch in in_order(split, batch_size, device):
            forward = model(batch)
            if on_batch is not None:
                on_batch(forward)
            meter.add(forward.logits, task.truth(forward))
            _add_outputs(totals, task, forward)
            if probes is not None:
                _add_probes(totals, probes, forward)
    # One copy from the device at the end: until here every total is a tensor where the model is.
    means = {name: float(total) / len(split) for name, total in totals.items()}
    return Evaluation(
        means["loss"],
        means["accuracy"],
        _by_modality(means, "unimodal"),
        _by_modality(means, "probe"),
        meter.scores(),
        _by_modality(means, "unimodal_loss"),
    )


@contextmanager
def in_eval_mode(model: nn.Module) -> Iterator[None]:
    """Put the model in eval mode for the block, and back into its own mode at the end.

    Also where the block raises: a training must not go on without dropout and batch statistics.
    """
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def _add_outputs(totals: Totals, task: Task, forward: Forward) -> None:
    truth = task.truth(forward)
    _add(totals, "loss", task.loss(forward.logits, truth, "sum"))
    _add(totals, "accuracy", task.correct(forward.logits, truth).sum())
    for m, logits in forward.unimodal_logits.items():
        _add(totals, f"unimodal/{m}", task.correct(logits, truth).sum())
        _add(totals, f"unimodal_loss/{m}", task.loss(logits, truth, "sum"))


def _add_probes(totals: Totals, probes: Probes, forward: Forward) -> None:
    for m, network in probes.networks.items():
        logits = network.eval()(forward.features[m].float())
        _add(totals, f"probe/{m}", correct(logits, forward.batch.labels).sum())


def _add(totals: Totals, name: str, value: Tensor) -> None:
    totals[name] = totals[name] + value if name in totals else value


def _by_modality(means: Mapping[str, float], metric: str) -> dict[str, float]:
    """Return {modality: mean} from {"metric/modality": mean}."""
    prefix = f"{metric}/"
    return {
        name.removeprefix(prefix): mean for name, mean in means.items() if name.startswith(prefix)
    }
