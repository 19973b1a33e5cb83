"""The check of run.toml, without which `asgml resume` cannot go on with a run."""

from __future__ import annotations

import os
import tomllib

from asgml.storage.format.bounded_file import read_bounded
from asgml.storage.format.errors import FormatError
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.safe_text import error_line


def config_problem(paths: RunPaths, manifest: Manifest | None) -> str:
    """Return what is wrong with run.toml, "" for nothing.

    A run that an external training loop has recorded has none, and needs none.
    """
    try:
        tomllib.loads(read_bounded(paths.config).decode())
    except FileNotFoundError:
        missing = os.path.islink(paths.config) or _was_launched(paths, manifest)
        return f"{paths.config.name} is missing" if missing else ""
    except FormatError as error:
        return str(error)
    except OSError as error:
        return f"{paths.config.name} cannot be read ({error.strerror})"
    except (ValueError, RecursionError) as error:
        return f"{paths.config.name} is no TOML ({error_line(error)})"
    return ""


def _was_launched(paths: RunPaths, manifest: Manifest | None) -> bool:
    """Return True for a run of `asgml train`, by what its launcher or its trainer has left."""
    if os.path.lexists(paths.launch) or os.path.lexists(paths.trainer_log):
        return True
    # a loop records only the settings that act in it: batches are its own
    return manifest is not None and "batch_size" in manifest.config
