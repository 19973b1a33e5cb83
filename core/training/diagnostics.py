"""Diagnostics: measures of a training for its charts alone. No method reads them.

No random number is drawn and no bit of the training changes, whether they are on or off.

    G_m = n_m / mean_j n_j                 relative gradient; n_m is a moving average (0.1) of the
                                           gradient norm, from 0
    D_m = d_m / mean_j d_j                 relative descent; d_m = |unimodal loss - that of 10
                                           steps before|
    c_m = cos(dL_task, dCE(z_m, y))        conflict cosine of the gradients in encoder m;
                                           costs two more backward passes
    U_m = |change of theta_m| / |theta_m|  update ratio of one optimizer step, at the probes' steps

G and D are those of ASGML v1, before any modulation; both are 1 for all where their mean is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from asgml.core.config.live_settings import LiveSettings
from asgml.core.measures.gradients import Gradients, conflict_cosine, gradient_pairs, total_norm
from asgml.core.measures.task import sum_of_unimodal_losses
from asgml.core.modulators.learning_speed import SpeedTracker
from asgml.core.run.rows import per_modality
from asgml.core.types import Forward, ParameterGroup, Scalar

GradientPair = tuple[Gradients, Gradients]
"""The gradients of task and unimodal loss in one encoder."""

SMALLEST_MEAN = 1e-8
"""A mean below this counts as 0: nothing is divided by it."""


class Diagnostics:
    """Measures taken at each step, every `diagnose.every` steps, and at the probes' steps."""

    def __init__(self, groups: Mapping[str, ParameterGroup], live_settings: LiveSettings) -> None:
        self.groups = groups
        self.live_settings = live_settings
        self.tracker = SpeedTracker(len(groups))
        self.pairs: dict[str, GradientPair] = {}
        self.update_ratio: dict[str, Scalar] = {}

    def before_backward(
        self, step: int, forward: Forward, task_loss: Tensor, scale_loss: Callable[[Tensor], Tensor]
    ) -> None:
        """Add the gradients of both losses of a micro-batch to those of its step, where due."""
        every = int(self.live_settings.values["diagnose.every"])
        trained = any(group.kernels + group.others for group in self.groups.values())
        if not every or step % every or not trained:
            return
        unimodal_loss = sum_of_unimodal_losses(forward)
        pairs = gradient_pairs(scale_loss(task_loss), scale_loss(unimodal_loss), self.groups)
        if self.pairs:  # of the step's earlier micro-batches
            pairs = {m: _added(pair, self.pairs[m]) for m, pair in pairs.items()}
        self.pairs = pairs

    @contextmanager
    def measure_update(self, due: bool) -> Iterator[None]:
        """Set `update_ratio` from the optimizer step in the block where due, else to nothing."""
        before = {m: _weights(group) for m, group in self.groups.items()} if due else {}
        yield
        self.update_ratio = {
            m: change_ratio(weights, _weights(self.groups[m], copied=False))
            for m, weights in before.items()
        }

    def step_columns(
        self, row: Mapping[str, Scalar], *, left_out: bool = False
    ) -> dict[str, Scalar]:
        """Return G, D and, where measured, c, from this step's row and those before it.

        Of a step whose update is left out nothing is taken, and {} returned.
        """
        if left_out:
            self.pairs = {}
            return {}
        norms, losses = (
            torch.stack([torch.as_tensor(row[f"{name}/{m}"]) for m in self.groups])
            for name in ("grad_norm", "own_loss")
        )
        self.tracker.track(norms, losses)
        descents = (self.tracker.losses[0].to(losses.device) - self.tracker.losses[-1]).abs()
        cosines = {m: conflict_cosine(g0, g1) for m, (g0, g1) in self.pairs.items()}
        self.pairs = {}
        return {
            **self._by_modality("relative_gradient", self.tracker.norms),
            **self._by_modality("relative_descent", descents),
            **per_modality("conflict_cosine", cosines),
        }

    def probe_columns(self) -> dict[str, Scalar]:
        """Return U as measured at this probe step."""
        return per_modality("update_ratio", self.update_ratio)

    def _by_modality(self, name: str, values: Float[Tensor, "M"]) -> dict[str, Scalar]:
        relative = relative_to_mean(values).unbind()
        return per_modality(name, dict(zip(self.groups, relative, strict=True)))

    def state_dict(self) -> dict[str, Any]:
        return self.tracker.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.tracker.load_state_dict(state)


def relative_to_mean(values: Float[Tensor, "M"]) -> Float[Tensor, "M"]:
    """Divide each by the mean of all; 1 for all where the mean is 0."""
    mean = values.mean()
    return torch.where(mean < SMALLEST_MEAN, torch.ones_like(values), values / mean)


@torch.no_grad()
def change_ratio(before: Sequence[Tensor], after: Sequence[Tensor]) -> Scalar:
    """Return |after - before| / |before|, all tensors together; 0 for a frozen encoder."""
    if not before:
        return 0.0
    size = total_norm(before)
    change = total_norm(torch._foreach_sub(list(after), list(before)))
    return torch.where(size > 0, change / size, torch.zeros_like(size))


def _weights(group: ParameterGroup, *, copied: bool = True) -> list[Tensor]:
    present = [parameter.detach() for parameter in group.kernels + group.others]
    return [weight.clone() for weight in present] if copied else present


def _added(pair: GradientPair, earlier: GradientPair) -> GradientPair:
    (g0, g1), (h0, h1) = pair, earlier
    return [h + g for h, g in zip(h0, g0, strict=True)], [
        h + g for h, g in zip(h1, g1, strict=True)
    ]
