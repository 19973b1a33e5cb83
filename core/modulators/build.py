"""From a method's name to the modulator that the trainer calls."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from asgml.core.config.config import RunConfig, RunSettings
from asgml.core.config.live_settings import LiveSettings
from asgml.core.methods.registry import METHODS
from asgml.core.methods.spec import ENDLESS, Method, ramp_option, window_knobs
from asgml.core.modulators.base import Composed, Modulator, Windowed
from asgml.core.modulators.unimodal_loss import UnimodalLoss
from asgml.storage.format.knobs import Knob


class ModulatorError(ValueError):
    """A user's modulator that cannot be loaded. One line for a person."""


def make_modulator(
    config: RunSettings, live_settings: LiveSettings, modalities: Sequence[str]
) -> Composed:
    """All of a run's methods as one modulator, each in its window; the unimodal losses and a user's own among them."""
    parts: dict[str, Modulator] = {"loss": UnimodalLoss(modalities, live_settings.options("loss"))}
    for method in config.methods:
        made = load_class(method)(modalities, live_settings.options(method.name))
        parts[method.name] = Windowed(made) if method.settings else made
    if config.modulator:
        user = load_user_class(config.modulator)
        owner = owner_of(user)
        try:
            parts[owner] = Windowed(user(modalities, live_settings.options(owner)))
        except Exception as error:
            raise ModulatorError(
                f"modulator {config.modulator!r} cannot be made: {_told(error)}"
            ) from error
    return Composed(modalities, parts)


def load_class(method: Method) -> type[Modulator]:
    module, _, name = method.target.partition(":")
    found: type[Modulator] = getattr(importlib.import_module(module), name)
    return found


@cache
def load_user_class(target: str) -> type[Modulator]:
    """The class that `path/to/mine.py:Mine` names; its file is run once. Raises ModulatorError with what is wrong with it."""
    file, _, name = target.rpartition(":")
    path = Path(file)
    if not name or not path.is_file():
        raise ModulatorError(f"modulator {target!r}: expected FILE.py:CLASS with an existing file")
    spec = importlib.util.spec_from_file_location(f"asgml_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ModulatorError(f"modulator {target!r}: {path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ModulatorError(f"modulator {target!r} cannot be loaded: {_told(error)}") from error
    found = getattr(module, name, None)
    if not isinstance(found, type) or not issubclass(found, Modulator):
        raise ModulatorError(
            f"modulator {target!r}: {path} has no class {name} that derives from asgml.core.modulators.base.Modulator"
        )
    if owner_of(found) in {*METHODS, *RunConfig.model_fields}:
        raise ModulatorError(
            f"modulator {target!r}: {owner_of(found)} is the name of a part of the program; give the class another one"
        )
    return found


def _told(error: Exception) -> str:
    """What went wrong in a user's file and where, in one line."""
    line = (
        error.lineno
        if isinstance(error, SyntaxError)
        else traceback.extract_tb(error.__traceback__)[-1].lineno
    )
    message = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
    return f"{type(error).__name__}: {message} (line {line})"


def owner_of(user: type[Modulator]) -> str:
    """The name that a user's modulator goes by, and that its knobs start with."""
    return user.__name__.lower()


def user_knobs(config: RunSettings) -> list[Knob]:
    """What a user's modulator brings to the live_settings: its own knobs, and the window that every method has."""
    if not config.modulator:
        return []
    user = load_user_class(config.modulator)
    owner = owner_of(user)
    wrong = [knob.name for knob in user.knobs if knob.owner != owner]
    if wrong:
        raise ModulatorError(
            f"modulator {config.modulator!r}: knob {wrong[0]!r} must be named {owner}.NAME after its class"
        )
    return [*user.knobs, *window_knobs(owner, ENDLESS), ramp_option(owner)]
