"""A method of your own: the largest gradient of a step is multiplied by a level, a live knob.

    asgml train --method baseline --modulator examples/my_modulator.py:Half
    asgml ctl latest set half.level=0.25

The knob appears in the dashboard, with half.strength and a window of epochs as every method has
them.
"""

from __future__ import annotations

from asgml import Knob, Modulation, Modulator
from asgml.core.types import Backward


class Half(Modulator):
    """Halve the gradient of the modality whose gradient is largest."""

    knobs = (Knob("half.level", "float", 0.5, "what is left of the largest gradient", 0, 1, 0.05),)

    def modulate(self, backward: Backward) -> Modulation:
        largest = max(backward.norms, key=lambda modality: float(backward.norms[modality]))
        return Modulation(gains={(largest, "all"): self.number("level")})
