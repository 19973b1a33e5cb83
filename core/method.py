"""What a method is to the program: its name, where it acts, what it needs, its knobs. Light: importing this loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from storage.knobs import Knob

ENDLESS = -1
"""The last epoch of a window that stays open."""


@dataclass(frozen=True)
class Method:
    """One row. `target` is "module:Class", imported only by the trainer; `acts` says when in the step it changes what."""

    name: str
    target: str
    summary: str
    acts: Literal["nothing", "after backward"]
    source: str
    formula: str
    needs: str = "nothing"
    knobs: tuple[Knob, ...] = ()
    options: tuple[Knob, ...] = ()

    @property
    def settings(self) -> tuple[Knob, ...]:
        """Everything in the method's configuration section: live knobs first, then what is fixed for a run."""
        return self.knobs + self.options


def window_knobs(owner: str, last: int) -> tuple[Knob, ...]:
    """The settings that any method has: the epochs it acts in, and how strongly."""
    return (
        Knob(f"{owner}.strength", "float", 1.0, "how much of the method acts: 0 is plain training, 1 the whole method", 0, 1, 0.1),
        Knob(f"{owner}.first_epoch", "int", 0, "first epoch in which the method acts, counted from 0", 0, None, 1, applies="epoch"),
        Knob(
            f"{owner}.last_epoch",
            "int",
            last,
            "last epoch in which the method acts, inclusive; -1 is no end",
            ENDLESS,
            None,
            1,
            applies="epoch",
        ),
    )


def ramp_option(owner: str) -> Knob:
    return Knob(f"{owner}.ramp_epochs", "int", 0, "epochs over which the method grows to its whole strength", 0, None, 1)
