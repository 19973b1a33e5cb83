"""Join the turns of a batch into the one result that is recorded.

loss            what was back-propagated, the sum over the turns
forward, task   of the first turn, hence of the weights that the batch began with
norms, gains    of each modality from the turn in which it trained
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from asgml.core.modulators.modulation import Key, Modulation
from asgml.core.training.modulation_result import ModulationResult
from asgml.core.types import Forward, Scalar

NORMS = ("before", "after", "clean")
"""Fields of a ModulationResult that are norms by modality, in their order."""


@dataclass(frozen=True)
class TurnResult:
    """Forward pass, losses, modulation and update of a turn, or of all turns of a batch."""

    modalities: tuple[str, ...]
    forward: Forward
    loss: Tensor
    task_loss: Tensor
    modulated: ModulationResult
    updated: Mapping[str, Scalar]


def join_turns(turns: Sequence[TurnResult]) -> TurnResult:
    """Return the result of a batch; that of its turn where there is only one."""
    first = turns[0]
    if len(turns) == 1:
        return first
    norms = [dict(getattr(first.modulated, name)) for name in NORMS]
    for turn in turns:
        for name, joined in zip(NORMS, norms, strict=True):
            joined |= {m: getattr(turn.modulated, name)[m] for m in turn.modalities}
    return replace(
        first,
        modalities=tuple(m for turn in turns for m in turn.modalities),
        loss=torch.stack([turn.loss for turn in turns]).sum(),
        modulated=ModulationResult(_joined_modulation(turns), *norms),
        updated=_joined_update(turns),
    )


def _joined_modulation(turns: Sequence[TurnResult]) -> Modulation:
    """Return the modulation to record: of each modality that of its own turn."""
    joined = turns[0].modulated.modulation
    for turn in turns[1:]:
        later, own = turn.modulated.modulation, turn.modalities
        joined = replace(
            joined,
            gains=_taken(joined.gains, later.gains, own),
            noise=_taken(joined.noise, later.noise, own),
            factors={**joined.factors, **_columns(later.factors, own)},
            readings={**joined.readings, **_columns(later.readings, own)},
            passed={**joined.passed, **{m: later.passed[m] for m in own if m in later.passed}},
        )
    return joined


def _taken(
    earlier: Mapping[Key, Scalar], later: Mapping[Key, Scalar], own: Sequence[str]
) -> dict[Key, Scalar]:
    """Return `earlier` with the entries of these modalities from `later`."""
    kept = {key: value for key, value in earlier.items() if key[0] not in own}
    return kept | {key: value for key, value in later.items() if key[0] in own}


def _columns(values: Mapping[str, Scalar], own: Sequence[str]) -> dict[str, Scalar]:
    """Return the columns of these modalities, `throttle/audio`."""
    ends = tuple(f"/{m}" for m in own)
    return {name: value for name, value in values.items() if name.endswith(ends)}


def _joined_update(turns: Sequence[TurnResult]) -> dict[str, Scalar]:
    """Return the strongest clip of the turns, and the count of skipped updates."""
    factors = [torch.as_tensor(turn.updated["clip_factor"]) for turn in turns]
    device = turns[0].loss.device
    smallest = torch.stack([factor.to(device) for factor in factors]).min()
    return {**turns[-1].updated, "clip_factor": smallest}
