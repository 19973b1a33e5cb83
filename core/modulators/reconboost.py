"""ReconBoost: train one modality a stage on what the others leave over, then all together.

Hua et al.: ReconBoost: Boosting Can Achieve Modality Reconcilement, ICML 2024. Formula: RECONBOOST
in core/methods/turns.py. Stages count from the first epoch of the method's window.

Departures from the released code: its head is shared and has a hidden layer, here each modality has
a linear one (fusion.kind=sum); it makes a new optimizer for each stage, here momentum stays; its
ensemble has a learned factor, 1 at first, here 1; its evaluation leaves out a modality whose first
stage is still to come, here all are added. It begins with pretrained unimodal networks where the
command says so, and then every modality counts as trained before stage 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from asgml.core.measures.criterion import factored_loss
from asgml.core.measures.task import loss_of
from asgml.core.modulators.base import Modulator, State
from asgml.core.modulators.turns import Turn
from asgml.core.types import Forward
from asgml.storage.format.knobs import Value


class ReconBoost(Modulator):
    """States one turn a batch: of the stage's modality, or of all that have had a stage."""

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        super().__init__(modalities, options)
        self.epoch = 0

    def begin_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    @property
    def stage(self) -> int:
        """The number of the stage, from 0; below 0 before the window."""
        return self._position()[0]

    @property
    def rectifies(self) -> bool:
        """True in the epochs of a stage in which all modalities train."""
        return self._position()[1] >= int(self.number("stage_epochs"))

    def _position(self) -> tuple[int, int]:
        """Return the stage, and the epoch within it."""
        length = int(self.number("stage_epochs")) + int(self.number("rectify_epochs"))
        return divmod(self.epoch - int(self.options.get("first_epoch", 0)), length)

    def turns(self) -> Sequence[Turn]:
        if self.stage < 0:
            return ()
        if not self.rectifies:
            return (Turn((self.modalities[self.stage % len(self.modalities)],), self.stage_loss),)
        trained = self.modalities[: self.stage + 1]
        # all of them: the plain step, whose fused logits are their sum
        return () if trained == self.modalities else (Turn(trained, self.rectification_loss),)

    def stage_loss(self, forward: Forward) -> Tensor:
        """Return L of the stage's modality.

        With label smoothing and class weights the target of F is the smoothed, weighted label, as
        in factored_loss.
        """
        count, logits = len(self.modalities), forward.unimodal_logits
        modality, before = (self.modalities[(self.stage - back) % count] for back in (0, 1))
        log_p = logits[modality].log_softmax(dim=1)
        others = [logits[m].detach() for m in self.modalities[: self.stage] if m != modality]
        joint = torch.stack(others).sum(dim=0).softmax(dim=1) if others else torch.ones_like(log_p)
        factors = self.number("fit") - self.number("residual") * joint
        loss = factored_loss(forward.batch.criterion, log_p, forward.labels, factors)
        code = self.text("variant", "code") == "code"
        if code:
            loss = loss / log_p.shape[1]
        if self.stage == 0:
            return loss
        p = log_p.exp().detach() if code else log_p.exp()
        distance = (p - logits[before].detach().softmax(dim=1)).square().mean()
        return loss + self.number("agreement") * distance

    def rectification_loss(self, forward: Forward) -> Tensor:
        """Return the task's loss of the modalities that have had a stage, together."""
        logits = [forward.unimodal_logits[m] for m in self.modalities[: self.stage + 1]]
        return loss_of(forward, torch.stack(logits).sum(dim=0))

    def state_dict(self) -> State:
        return {"epoch": self.epoch}

    def load_state_dict(self, state: State) -> None:
        self.epoch = state["epoch"]
