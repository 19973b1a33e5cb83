"""The provenance of a run: versions, the commit of the user's code, and the user's own files.

Light: this loads torch only where it is asked for torch's own facts.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asgml.core.user_file import UserFileError, code_digest, is_target, split_target
from asgml.storage.format.manifest import Manifest

if TYPE_CHECKING:
    import torch

    from asgml.core.config.run_settings import RunSettings

LAUNCHED_FROM = "ASGML_LAUNCHED_FROM"
"""Environment variable: the folder in which the user started the training.

The trainer itself works in the run directory, which lies in no repository or in another one.
"""
GIT_SECONDS = 5
REDIRECTED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
"""Variables by which git would answer for another repository than the one around a folder."""


def launch_folder() -> Path:
    """Return the folder that the training was started from."""
    return Path(os.environ.get(LAUNCHED_FROM) or Path.cwd())


def describe_versions() -> dict[str, str]:
    """Return the versions that numbers depend on; `asgml_commit` where asgml is a checkout."""
    import numpy
    import torch

    own = own_commit()
    return {
        "asgml": _installed("asgml"),
        **({"asgml_commit": own} if own else {}),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "system": platform.platform(),
    }


def describe_numerics(device: torch.device) -> dict[str, Any]:
    """Return what else decides the last bits of a training on this machine."""
    import torch

    facts: dict[str, Any] = {
        "threads": torch.get_num_threads(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
    }
    if device.type == "cuda":
        facts |= {
            "cuda": str(torch.version.cuda),
            "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
            "cudnn_deterministic": torch.backends.cudnn.deterministic,
            "cudnn_benchmark": torch.backends.cudnn.benchmark,
            "matmul_precision": torch.get_float32_matmul_precision(),
        }
    return facts


def describe_code(config: RunSettings) -> list[dict[str, Any]]:
    """Return a record of each file of the user's own: use, path, sha256, commit, dirty.

    `commit` is that of the repository around the file, "" outside of one; `dirty` is True where
    the file differs from that commit, or is not in it.
    """
    encoders = {f"encoder.{key}": kind for key, kind in config.encoder.items()}
    uses = {"modulator": config.modulator, "data": config.data.name, **encoders}
    return [_file_record(use, target) for use, target in uses.items() if is_target(target)]


def describe_program() -> list[dict[str, Any]]:
    """Return the record of the program that holds an external training loop; [] for a prompt."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    return [_file_record("program", f"{file}:main")] if file and file.endswith(".py") else []


def describe_git(folder: Path) -> dict[str, Any]:
    """Return folder, commit and dirtiness of the checkout around `folder`; empty outside of one."""
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return {}
    # untracked files are left out: data and runs are no change of the code
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "dirty": bool(changes), "folder": str(folder)}


def changed_since(manifest: Manifest) -> dict[str, Any]:
    """Return versions and git of this process where they are not those that a run began with."""
    now = describe_versions()
    versions = {key: value for key, value in now.items() if manifest.versions.get(key) != value}
    git = describe_git(launch_folder())
    same = all(git.get(key) == manifest.git.get(key) for key in ("commit", "dirty"))
    # resumed from a folder without a repository, it says nothing of the code
    changed_git = {} if same or not git else git
    return {key: facts for key, facts in (("versions", versions), ("git", changed_git)) if facts}


@cache  # the code that runs is the one that was there when it was loaded
def own_commit() -> str:
    """Return the commit of asgml itself, "-dirty" behind it where changed; "" for an install."""
    module = Path(__file__).resolve()
    # an install may lie within a checkout of the user's: it is none of that commit
    if not _git(module.parent, "ls-files", "--", module.name):
        return ""
    found = describe_git(module.parent)
    return str(found["commit"]) + ("-dirty" if found["dirty"] else "") if found else ""


def _file_record(use: str, target: str) -> dict[str, Any]:
    path = split_target(target)[0].absolute()
    try:
        digest = code_digest(target)
    except UserFileError:  # removed since it was loaded
        digest = ""
    commit = _git(path.parent, "rev-parse", "HEAD")
    changes = _git(path.parent, "status", "--porcelain", "--ignored", "--", path.name)
    return {
        "use": use,
        "path": str(path),
        "sha256": digest,
        "commit": commit,
        "dirty": bool(commit and changes),
    }


def _git(folder: Path, *arguments: str) -> str:
    """Return what git says of the repository around a folder; "" where it cannot say anything."""
    # no lock on the user's index, and no program that the repository's configuration names
    options = ["--no-optional-locks", "-c", "core.fsmonitor=false"]
    command = ["git", *options, "-C", str(folder), *arguments]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=GIT_SECONDS,
            check=False,
            env=_not_redirected(os.environ),
        )
    except (OSError, subprocess.TimeoutExpired):
        # no git, or a slow share: the manifest goes without it
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _not_redirected(environment: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in environment.items() if key not in REDIRECTED}


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
