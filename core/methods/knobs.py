"""Build the settings of methods: one short constructor a type, and the settings many share.

Light: loads no torch.
"""

from __future__ import annotations

from asgml.core.methods.spec import ENDLESS
from asgml.storage.format.knobs import Applies, Knob


def number(
    name: str,
    initial: float,
    low: float,
    high: float | None,
    step: float | None,
    help: str,
    applies: Applies = "step",
) -> Knob:
    return Knob(name, "float", initial, help, low, high, step, applies=applies)


def integer(
    name: str,
    initial: int,
    low: int,
    high: int | None,
    step: int | None,
    help: str,
    applies: Applies = "step",
) -> Knob:
    return Knob(name, "int", initial, help, low, high, step, applies=applies)


def count(name: str, initial: int, low: int, help: str) -> Knob:
    """Return an integer from `low` on, of which a change acts from the next epoch on."""
    return integer(name, initial, low, None, 1, help, applies="epoch")


def choice(name: str, initial: str, choices: str, help: str) -> Knob:
    return Knob(name, "choice", initial, help, choices=tuple(choices.split()))


def flag(name: str, initial: bool, help: str) -> Knob:
    return Knob(name, "bool", initial, help)


def text(name: str, help: str) -> Knob:
    return Knob(name, "text", "", help)


SHARE = "how much of the method acts: 0 is plain training, 1 the whole method"
"""Help of a strength that has a halfway."""


# fmt: off
def window_knobs(
    owner: str, last: int = ENDLESS, first: int = 0, strength: str = SHARE
) -> tuple[Knob, ...]:
    """Return the settings that every method has: the epochs in which it acts, and how strongly.

    `strength` is the help of that knob.
    """
    return (
        number(f"{owner}.strength", 1.0, 0, 1, 0.1, strength),
        count(f"{owner}.first_epoch", first, 0,
              "first epoch in which the method acts, counted from 0"),
        count(f"{owner}.last_epoch", last, ENDLESS,
              "last epoch in which the method acts, inclusive; -1 is no end"),
    )


def ramp_option(
    owner: str, help: str = "epochs over which the method grows to its whole strength"
) -> Knob:
    return integer(f"{owner}.ramp_epochs", 0, 0, None, 1, help)


def gamma_knob(owner: str, initial: float) -> Knob:
    return number(f"{owner}.gamma", initial, 0, 10, 0.1, "weight of the unimodal losses")


def via_option(owner: str) -> Knob:
    return choice(f"{owner}.via", "gradient", "gradient lr",
                  "gradient: multiply the encoder's gradient; "
                  "lr: multiply its learning rate, which adam does not cancel")


def scope_option(owner: str, initial: str = "encoder") -> Knob:
    return choice(f"{owner}.scope", initial, "encoder encoder+head",
                  "what a gain acts on: the encoder, or also the modality's columns of the fusion "
                  "and its own unimodal head, where there are such")


def kernel_options(owner: str) -> tuple[Knob, ...]:
    """Return the options of a method that acts on kernels, in OGM's tradition."""
    return (
        choice(f"{owner}.params", "auto", "auto conv4d ndim2 all",
               "parameters that are modulated: auto is the encoder kind's own rule "
               "(4-D convolution kernels, or weights of 2-D and more)"),
        scope_option(owner),
        ramp_option(owner),
    )
# fmt: on
