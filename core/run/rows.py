"""Rows: numbers of a step, a probe evaluation or an epoch, under their column names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from asgml.core.measures.task import task_of
from asgml.core.measures.unimodal import discrepancy_ratio, mean_entropy, true_class_scores
from asgml.core.modulators.modulation import Modulation
from asgml.core.types import Evaluation, Forward, ProbeReading, Scalar
from asgml.storage.format.reference import Reference


def per_modality(metric: str, values: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return {"grad_norm/audio": …} from {"audio": …}."""
    return {f"{metric}/{m}": value for m, value in values.items()}


@torch.no_grad()
def step_row(
    forward: Forward,
    before: Mapping[str, Tensor],
    after: Mapping[str, Tensor],
    clean: Mapping[str, Tensor],
    modulation: Modulation,
) -> dict[str, Scalar]:
    """Return the columns of a step.

    `before` and `after` are the encoders' gradient norms; `clean` is `after` without the noise.

    The factor of a method that is not in the run is 1.
    """
    modalities = tuple(forward.unimodal_logits)
    unimodal = _stacked(forward)
    task = task_of(forward.batch)
    truth = task.truth(forward)
    ones = dict.fromkeys(modalities, 1.0)
    return {
        "accuracy": task.correct(forward.logits, truth).mean(),
        **per_modality("grad_norm", before),
        **per_modality("grad_norm_after", after),
        **per_modality("grad_norm_clean", clean),
        **per_modality("head_gain", {m: modulation.head_gain(m) for m in modalities}),
        **per_modality("gain", {m: modulation.gain(m) for m in modalities}),
        **per_modality("noise", {m: modulation.noise_level(m) for m in modalities}),
        **per_modality("boost_scale", ones),
        **per_modality("throttle", ones),
        **_by_modality("own_loss", forward, task.unimodal_losses(unimodal, truth).unbind()),
        **_by_modality(
            "own_accuracy", forward, [task.correct(logits, truth).mean() for logits in unimodal]
        ),
        **(class_columns(forward) if task.gives_class_scores else {}),
        # after the ones: a method of the run replaces the factor 1 by its own
        **modulation.factors,
        **modulation.readings,
    }


def class_columns(forward: Forward) -> dict[str, Scalar]:
    """Return discrepancy ratio and entropy (nat) of each modality's own class probabilities."""
    ratios = discrepancy_ratio(true_class_scores(forward))
    return {
        **_by_modality("discrepancy", forward, ratios.unbind()),
        **_by_modality("own_entropy", forward, mean_entropy(_stacked(forward)).unbind()),
    }


def _by_modality(metric: str, forward: Forward, values: Sequence[Tensor]) -> dict[str, Scalar]:
    """Name values that are in the order of the modalities."""
    return per_modality(metric, dict(zip(forward.unimodal_logits, values, strict=True)))


def _stacked(forward: Forward) -> Float[Tensor, "M B C"]:
    """Return the logits of all modalities in float32, without their graph."""
    return torch.stack([logits.detach().float() for logits in forward.unimodal_logits.values()])


def probe_row(reading: ProbeReading, gap: float) -> dict[str, Scalar]:
    """Return the columns of a probe evaluation."""
    return {
        **per_modality("probe_accuracy", reading.accuracy),
        **per_modality("probe_loss", reading.loss),
        **per_modality("utilization", reading.utilization),
        "utilization_gap": gap,
    }


def validation_row(val: Evaluation) -> dict[str, Scalar]:
    """Return the columns of the validation split, the only one that selects a model."""
    return {
        "val_loss": val.loss,
        "val_accuracy": val.accuracy,
        **per_modality("val_own_accuracy", val.unimodal_accuracy),
        **per_modality("val_probe_accuracy", val.probe_accuracy),
        **{f"val_{name}": score for name, score in val.scores.items()},
    }


def reference_row(val: Evaluation, references: Mapping[str, Reference]) -> dict[str, Scalar]:
    """Return each modality alone beside itself inside the joint model; none without references."""
    alone = {m: reference.val_accuracy for m, reference in references.items()}
    inside = {"unimodal_gap": val.unimodal_accuracy, "encoder_gap": val.probe_accuracy}
    row = per_modality("unimodal_reference", alone)
    for name, accuracies in inside.items():
        # without probes nothing is known of the encoders
        gaps = {m: alone[m] - accuracies[m] for m in alone if m in accuracies}
        row |= per_modality(name, gaps)
    return row


def test_row(test: Evaluation) -> dict[str, Scalar]:
    """Return the columns of the test split."""
    return {
        "test_accuracy": test.accuracy,
        **per_modality("test_own_accuracy", test.unimodal_accuracy),
        **{f"test_{name}": score for name, score in test.scores.items()},
    }


def chosen_row(chosen: Evaluation) -> dict[str, Scalar]:
    """Return the test columns of the model selected by validation: the numbers to report."""
    scores = {"accuracy": chosen.accuracy, **chosen.scores}
    return {f"test_{name}_at_best_val": value for name, value in scores.items()}
