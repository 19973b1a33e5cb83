"""Rows: from what a step, a probe evaluation or an epoch made to numbers under their column names."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from core.evaluate import Evaluation, correct
from core.modulators.arl import mean_entropy
from core.modulators.modulation import Modulation
from core.modulators.ogm import discrepancy_ratio, true_class_scores
from core.types import Forward, ProbeReading, Scalar


def per_modality(metric: str, values: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """{"grad_norm/audio": …} from {"audio": …}."""
    return {f"{metric}/{m}": value for m, value in values.items()}


@torch.no_grad()
def step_row(forward: Forward, before: Mapping[str, Tensor], after: Mapping[str, Tensor], modulation: Modulation) -> dict[str, Scalar]:
    """What a step did to each modality. `before` and `after` are gradient norms; a method that is not there has factor 1."""
    modalities = tuple(forward.alone)
    own = torch.stack([logits.detach().float() for logits in forward.alone.values()])
    discrepancy = discrepancy_ratio(true_class_scores(forward)).unbind()
    ones = dict.fromkeys(modalities, 1.0)
    return {
        "accuracy": correct(forward.logits, forward.labels).mean(),
        **per_modality("grad_norm", before),
        **per_modality("grad_norm_after", after),
        **per_modality("gain", {m: modulation.gain(m) for m in modalities}),
        **per_modality("noise", {m: modulation.noise_level(m) for m in modalities}),
        **per_modality("boost_scale", ones),
        **per_modality("throttle", ones),
        **per_modality("discrepancy", dict(zip(modalities, discrepancy, strict=True))),
        **per_modality("own_loss", dict(zip(modalities, own_losses(own, forward.labels).unbind(), strict=True))),
        **per_modality("own_entropy", dict(zip(modalities, mean_entropy(own).unbind(), strict=True))),
        **per_modality("own_accuracy", {m: correct(logits, forward.labels).mean() for m, logits in zip(modalities, own, strict=True)}),
        **modulation.factors,
        **modulation.readings,
    }


def own_losses(own: Float[Tensor, "M B C"], labels: Tensor) -> Float[Tensor, "M"]:
    """Cross-entropy of each modality's own logits."""
    repeated = labels.expand(len(own), -1)
    return functional.cross_entropy(own.flatten(0, 1), repeated.reshape(-1), reduction="none").view(len(own), -1).mean(dim=1)


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
        **per_modality("val_own_accuracy", val.own_accuracy),
        **per_modality("val_probe_accuracy", val.probe_accuracy),
    }


def test_row(test: Evaluation) -> dict[str, Scalar]:
    """The test split, where it was asked for."""
    return {"test_accuracy": test.accuracy, **per_modality("test_own_accuracy", test.own_accuracy)}
