"""MSES: stop a modality's encoder early, once its own validation loss no longer falls.

Fujimori, Endo, Kawai, Mochizuki: Modality-specific Learning Rate Control for Multimodal
Classification, ACPR 2019. Formula: MSES in core/methods/rates.py. Any number of modalities.

As in AGM's repository the whole model goes back to the epoch in which the stopped modality was at
its best, and then trains on without it; the optimizer's momentum stays, there it goes back too. A
gradient of 0 still leaves momentum and weight decay to the optimizer. Where every modality has been
stopped, that script ends; here the fusion trains on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from asgml.core.modulators.base import Modulator, State
from asgml.core.modulators.context import MethodContext
from asgml.core.modulators.modulation import Modulation
from asgml.core.types import Backward, Evaluation
from asgml.storage.format.knobs import Value

PREVIOUS = 0.6
"""Weight of the loss of the evaluation before, in the loss that is compared."""


class Mses(Modulator):
    """Watches every modality, also outside of its window, and stops it inside of it."""

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        super().__init__(modalities, options)
        self.previous: dict[str, float] = {}
        self.least: dict[str, float] = {}
        self.best_epoch: dict[str, int] = {}
        self.stopped: dict[str, bool] = dict.fromkeys(self.modalities, False)
        self.snapshots: dict[int, dict[str, Tensor]] = {}
        self.restore_from = -1

    def attach(self, context: MethodContext) -> None:
        self.model = context.model

    def end_epoch(self, epoch: int, val: Evaluation) -> None:
        for m in self.modalities:
            loss = val.unimodal_loss[m]
            compared = PREVIOUS * self.previous.get(m, loss) + (1 - PREVIOUS) * loss
            self.previous[m] = loss
            if m not in self.least or compared < self.least[m]:
                self.least[m], self.best_epoch[m] = compared, epoch
        self._keep_snapshots(epoch)
        for m in self.modalities:
            if not self.stopped[m] and epoch - self.best_epoch[m] > self.number("patience"):
                self.stopped[m] = True
                self.restore_from = self.best_epoch[m]

    def _keep_snapshots(self, epoch: int) -> None:
        """Keep the weights of the best epoch of each modality that may still be stopped."""
        if self.options["restore"] == "no":
            return
        wanted = {best for m, best in self.best_epoch.items() if not self.stopped[m]}
        if epoch in wanted:
            state = self.model.state_dict()
            self.snapshots[epoch] = {name: value.detach().clone() for name, value in state.items()}
        self.snapshots = {best: kept for best, kept in self.snapshots.items() if best in wanted}

    @torch.no_grad()
    def before_epoch(self, epoch: int, strength: float) -> None:
        """Go back, by `strength` of the way, to the best epoch of what was stopped last."""
        best = self.snapshots.get(self.restore_from, {})
        for name, value in self.model.state_dict().items():
            if name in best and value.is_floating_point():
                value.lerp_(best[name].to(value.device), strength)
        self.restore_from = -1

    def modulate(self, backward: Backward) -> Modulation:
        return Modulation(gains={(m, "all"): 0.0 for m, ended in self.stopped.items() if ended})

    def state_dict(self) -> State:
        return {
            "previous": dict(self.previous),
            "least": dict(self.least),
            "best_epoch": dict(self.best_epoch),
            "stopped": dict(self.stopped),
            "snapshots": dict(self.snapshots),
            "restore_from": self.restore_from,
        }

    def load_state_dict(self, state: State) -> None:
        self.previous, self.least = dict(state["previous"]), dict(state["least"])
        self.best_epoch, self.stopped = dict(state["best_epoch"]), dict(state["stopped"])
        self.snapshots = dict(state["snapshots"])
        self.restore_from = int(state["restore_from"])
