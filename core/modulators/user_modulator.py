"""Load the modulator of a user from a Python file, and declare its knobs."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import ModuleType

from asgml.core.config.run_config import RunConfig
from asgml.core.config.run_settings import RunSettings
from asgml.core.methods.knobs import ramp_option, window_knobs
from asgml.core.methods.registry import METHODS
from asgml.core.modulators.base import Modulator
from asgml.core.user_file import error_in_file, run_file
from asgml.storage.format.knobs import Knob


class ModulatorError(ValueError):
    """A user's modulator that cannot be loaded. The message is one line."""


RENAMED_HOOKS = {"feed": "before_fusion", "prepare": "before_epoch"}
"""Hooks of version 0.1.0: they would never be called, so they are refused."""
HOOKS = (
    "modulate",
    "loss",
    "before_fusion",
    "joint_features",
    "before_backward",
    "before_epoch",
    "end_epoch",
    "observe",
    "turns",
    "repeats",
)
"""Hooks of which a modulator that does anything defines one."""

BARE_NAMES = ("app", "core", "storage", "tui")
"""Top-level packages of version 0.1.0."""


@cache
def load_user_class(target: str) -> type[Modulator]:
    """Return the class that `path/to/mine.py:Mine` names; its file is run once.

    Raise ModulatorError with the reason where that fails.
    """
    file, _, name = target.rpartition(":")
    path = Path(file)
    if not name or not path.is_file():
        raise ModulatorError(f"modulator {target!r}: expected FILE.py:CLASS with an existing file")
    found = getattr(_run_file(target, path), name, None)
    if not isinstance(found, type) or not issubclass(found, Modulator):
        raise ModulatorError(
            f"modulator {target!r}: {path} has no class {name} that derives from Modulator; "
            "write `from asgml import Modulator`"
        )
    for old, new in RENAMED_HOOKS.items():
        if hasattr(found, old):
            raise ModulatorError(f"modulator {target!r}: {name}.{old} is now {new}; rename it")
    if not any(getattr(found, hook) is not getattr(Modulator, hook) for hook in HOOKS):
        raise ModulatorError(
            f"modulator {target!r}: {name} defines none of the hooks {', '.join(HOOKS)}; "
            "it would do nothing"
        )
    # The owner becomes a section beside those of the configuration and of the methods.
    if (owner := owner_of(found)) in {*METHODS, *RunConfig.model_fields}:
        raise ModulatorError(
            f"modulator {target!r}: {owner} is the name of a part of the program; "
            "give the class another one"
        )
    return found


def _run_file(target: str, path: Path) -> ModuleType:
    try:
        return run_file(path.resolve())
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        reason = f"{error_in_file(error)}{_renamed_import(error)}"
        raise ModulatorError(f"modulator {target!r} cannot be loaded: {reason}") from error


def _renamed_import(error: BaseException) -> str:
    """Return a hint where a module of version 0.1.0 is missing, or shadowed by the user's own."""
    if isinstance(error, ImportError) and (error.name or "").partition(".")[0] in BARE_NAMES:
        return "; the names of version 0.1.0 are now in asgml: `from asgml import Modulator`"
    return ""


def owner_of(user: type[Modulator]) -> str:
    """Return the name that a user's modulator goes by, and that its knobs start with."""
    return user.__name__.lower()


def user_knobs(config: RunSettings) -> list[Knob]:
    """Return the knobs of a user's modulator: its own, and the window that every method has."""
    if not config.modulator:
        return []
    user = load_user_class(config.modulator)
    owner = owner_of(user)
    wrong = [knob.name for knob in user.knobs if knob.owner != owner]
    if wrong:
        raise ModulatorError(
            f"modulator {config.modulator!r}: knob {wrong[0]!r} must be named {owner}.NAME "
            "after its class"
        )
    return [*user.knobs, *window_knobs(owner), ramp_option(owner)]
