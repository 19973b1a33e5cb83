"""Build the modulator that the training step calls from the methods that a configuration names."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from asgml.core.config.live_settings import LiveSettings
from asgml.core.config.run_settings import RunSettings
from asgml.core.methods.spec import Method
from asgml.core.modulators.base import Modulator
from asgml.core.modulators.composition import Composed
from asgml.core.modulators.unimodal_loss import UnimodalLoss
from asgml.core.modulators.user_modulator import ModulatorError, load_user_class, owner_of
from asgml.core.modulators.window import Windowed
from asgml.core.user_file import error_in_file


def make_modulator(
    config: RunSettings, live_settings: LiveSettings, modalities: Sequence[str]
) -> Composed:
    """Return the unimodal losses and all methods of a run as one modulator, each in its window.

    Raise ModulatorError where a user's modulator cannot be made.
    """
    # Losses are added in this order: another one would change the last bits.
    members: dict[str, Modulator] = {
        "loss": UnimodalLoss(modalities, live_settings.options("loss"))
    }
    for method in config.methods:
        made = load_class(method)(modalities, live_settings.options(method.name))
        members[method.name] = Windowed(made) if method.settings else made
    if config.modulator:
        owner, user = _make_user_modulator(config.modulator, live_settings, modalities)
        members[owner] = user
    return Composed(modalities, members)


def load_class(method: Method) -> type[Modulator]:
    """Import the class of a method."""
    module, _, name = method.target.partition(":")
    found: type[Modulator] = getattr(importlib.import_module(module), name)
    return found


def _make_user_modulator(
    target: str, live_settings: LiveSettings, modalities: Sequence[str]
) -> tuple[str, Modulator]:
    user = load_user_class(target)
    owner = owner_of(user)
    try:
        return owner, Windowed(user(modalities, live_settings.options(owner)))
    except Exception as error:
        reason = error_in_file(error)
        raise ModulatorError(f"modulator {target!r} cannot be made: {reason}") from error
