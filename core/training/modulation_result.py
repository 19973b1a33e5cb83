"""The result of a modulation: gradient norms of the encoders before it, after it, without noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from asgml.core.measures.gradients import EncoderNorms
from asgml.core.modulators.modulation import Modulation
from asgml.core.run.rows import step_row
from asgml.core.types import Forward, Scalar

Norms = Mapping[str, Tensor]


@dataclass(frozen=True)
class ModulationResult:
    """The modulation of a step, and the encoders' gradient norms before and after it.

    `clean` are those after it, without the noise that it added.
    """

    modulation: Modulation
    before: Norms
    after: Norms
    clean: Norms

    def row(self, forward: Forward) -> dict[str, Scalar]:
        """Return its columns of the table `steps`."""
        return step_row(forward, self.before, self.after, self.clean, self.modulation)


def clean_norm(
    modulation: Modulation, modality: str, before: EncoderNorms, after: Tensor
) -> Tensor:
    """Return the norm of an encoder's gradient after modulation, without the noise.

    It follows from the gains and the norms before: no gradient is read for it, except where another
    method gave directions.
    """
    if not any(noisy == modality for noisy, _ in modulation.noise):
        return after
    if modality in modulation.directions:
        directions = list(modulation.directions[modality])
        by_tensor = torch.stack(torch._foreach_norm(directions))
        before = replace(before, by_tensor=by_tensor)
    rest = modulation.gains.get((modality, "all"), 1.0)
    return before.scaled(rest * modulation.gains.get((modality, "kernels"), 1.0), rest)
