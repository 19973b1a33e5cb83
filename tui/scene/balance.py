"""The balance of a moment: the numbers of each modality, the gap between them, the modulators."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from asgml.storage.read.probe_gap import NO_GAP, Gap


@dataclass(frozen=True)
class ModalityBalance:
    """One modality in the balance panel. NaN where the run does not record the number.

    `faults` names the fields that were measured and are NaN.
    """

    modality: str
    probe_accuracy: float
    unimodal_accuracy: float
    grad_norm: float
    grad_norm_after: float
    gain: float
    boost_scale: float
    discrepancy: float
    alone: float = math.nan  # best validation accuracy of the modality trained alone
    inside: float = math.nan  # validation accuracy of the modality inside the joint model
    noise_share: float = math.nan  # share of noise in the squared length of the step
    faults: frozenset[str] = field(default=frozenset(), kw_only=True)


@dataclass(frozen=True)
class ModulatorStatus:
    """A modulator, whether it acts now, and the epochs in which it does."""

    name: str
    summary: str
    open: bool
    window: str


@dataclass(frozen=True)
class BalanceSummary:
    """The modalities side by side, and the gap between them."""

    modalities: tuple[ModalityBalance, ...] = ()
    gap: Gap = NO_GAP
    modulators: tuple[ModulatorStatus, ...] = ()


NO_BALANCE = BalanceSummary()
