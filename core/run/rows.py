"""Rows: from what a step, a probe evaluation or an epoch made to numbers under their column names."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from asgml.core.measures.task import task_of
from asgml.core.measures.unimodal import discrepancy_ratio, mean_entropy, true_class_scores
from asgml.core.modulators.modulation import Modulation
from asgml.core.types import Evaluation, Forward, ProbeReading, Scalar


def per_modality(metric: str, values: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """{"grad_norm/audio": …} from {"audio": …}."""
    return {f"{metric}/{m}": value for m, value in values.items()}


@torch.no_grad()
def step_row(
    forward: Forward,
    before: Mapping[str, Tensor],
    after: Mapping[str, Tensor],
    modulation: Modulation,
) -> dict[str, Scalar]:
    """What a step did to each modality. `before` and `after` are gradient norms; a method that is not there has factor 1."""
    modalities = tuple(forward.unimodal_logits)
    own = torch.stack([logits.detach().float() for logits in forward.unimodal_logits.values()])
    task = task_of(forward.batch)
    truth = task.truth(forward)
    ones = dict.fromkeys(modalities, 1.0)
    return {
        "accuracy": task.correct(forward.logits, truth).mean(),
        **per_modality("grad_norm", before),
        **per_modality("grad_norm_after", after),
        **per_modality("gain", {m: modulation.gain(m) for m in modalities}),
        **per_modality("noise", {m: modulation.noise_level(m) for m in modalities}),
        **per_modality("boost_scale", ones),
        **per_modality("throttle", ones),
        **per_modality(
            "own_loss",
            dict(zip(modalities, task.unimodal_losses(own, truth).unbind(), strict=True)),
        ),
        **per_modality(
            "own_accuracy",
            {
                m: task.correct(logits, truth).mean()
                for m, logits in zip(modalities, own, strict=True)
            },
        ),
        **(class_columns(forward) if task.gives_class_scores else {}),
        **modulation.factors,
        **modulation.readings,
    }


def class_columns(forward: Forward) -> dict[str, Scalar]:
    """What the probabilities of classes tell of each modality: its discrepancy ratio, and how sure it is."""
    own = torch.stack([logits.detach().float() for logits in forward.unimodal_logits.values()])
    measured = {
        "discrepancy": discrepancy_ratio(true_class_scores(forward)),
        "own_entropy": mean_entropy(own),
    }
    return {
        f"{name}/{m}": value
        for name, values in measured.items()
        for m, value in zip(forward.unimodal_logits, values.unbind(), strict=True)
    }


def probe_row(reading: ProbeReading, gap: float) -> dict[str, Scalar]:
    """What the probes saw."""
    return {
        **per_modality("probe_accuracy", reading.accuracy),
        **per_modality("probe_loss", reading.loss),
        **per_modality("utilization", reading.utilization),
        "utilization_gap": gap,
    }


def validation_row(val: Evaluation) -> dict[str, Scalar]:
    """The validation split, the only one that chooses a model."""
    return {
        "val_loss": val.loss,
        "val_accuracy": val.accuracy,
        **per_modality("val_own_accuracy", val.unimodal_accuracy),
        **per_modality("val_probe_accuracy", val.probe_accuracy),
        **{f"val_{name}": score for name, score in val.scores.items()},
    }


def test_row(test: Evaluation) -> dict[str, Scalar]:
    """The test split, where it was asked for."""
    return {
        "test_accuracy": test.accuracy,
        **per_modality("test_own_accuracy", test.unimodal_accuracy),
        **{f"test_{name}": score for name, score in test.scores.items()},
    }


def chosen_row(chosen: Evaluation) -> dict[str, Scalar]:
    """The test split, with the model that the validation split chose: the numbers to report."""
    found = {"accuracy": chosen.accuracy, **chosen.scores}
    return {f"test_{name}_at_best_val": value for name, value in found.items()}
