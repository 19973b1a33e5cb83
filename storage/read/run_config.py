"""The check of run.toml, without which `asgml resume` cannot go on with a run."""

from __future__ import annotations

import os
import tomllib
from typing import Any

from asgml.storage.format.bounded_file import read_bounded
from asgml.storage.format.errors import FormatError
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.user_path import why


def config_problem(paths: RunPaths, manifest: Manifest | None) -> str:
    """Return what is wrong with run.toml, "" for nothing.

    A run that an external training loop has recorded has none, and needs none.
    """
    try:
        _settings(paths)
    except FileNotFoundError:
        missing = os.path.islink(paths.config) or _was_launched(paths, manifest)
        return f"{paths.config.name} is missing" if missing else ""
    except FormatError as error:
        return str(error)
    except OSError as error:
        return f"{paths.config.name} cannot be read ({error.strerror})"
    except (ValueError, RecursionError) as error:
        return f"{paths.config.name} is no TOML ({why(error)})"
    return ""


def config_difference(paths: RunPaths, manifest: Manifest) -> str:
    """Return the first setting of a readable run.toml that is not the recorded one; "" for none.

    `data.name` may differ: data is moved, and its content is compared when a run is resumed.
    """
    try:
        ours, recorded = _flat(_settings(paths)), _flat(manifest.config)
    except RecursionError:
        return f"{paths.config.name} or the manifest's config is nested too deep"
    for key in sorted((ours.keys() | recorded.keys()) - {"data.name"}):
        if (here := ours.get(key)) != (there := recorded.get(key)):
            problem = f"{paths.config.name}: {key} is {_text(here)}"
            return f"{problem}, the run was recorded with {_text(there)}"
    return ""


def _settings(paths: RunPaths) -> dict[str, Any]:
    return tomllib.loads(read_bounded(paths.config).decode())


def _text(value: Any) -> str:
    return "missing" if value is None else f"{value!r:.60}"


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return {"section.key": value}; what is None has no place in TOML and is left out."""
    found: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{key}.")
        elif value is not None:
            found[f"{prefix}{key}"] = value
    return found


def _was_launched(paths: RunPaths, manifest: Manifest | None) -> bool:
    """Return True for a run of `asgml train`, by what its launcher or its trainer has left."""
    if os.path.lexists(paths.launch) or os.path.lexists(paths.trainer_log):
        return True
    # a loop records only the settings that act in it: batches are its own
    return manifest is not None and "batch_size" in manifest.config
