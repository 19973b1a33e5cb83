"""The share of this machine that each trainer of a plan gets: CPU threads and a GPU."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

NVIDIA_SECONDS = 10.0


@dataclass(frozen=True)
class Share:
    """How many trainers run at once, the CPU threads of each, and the GPUs they are dealt.

    `measured`: fewer run at once where their memory would not suffice for as many.
    """

    jobs: int
    threads: int
    gpus: tuple[str, ...] = ()
    measured: bool = False


def share_of(jobs: int | None, gpus: tuple[str, ...] | None = None) -> Share:
    """Return the share of each of `jobs` trainers.

    Without a number, one trainer for each GPU; where there is none, one for each core: small
    networks train fastest on one thread each.
    """
    found = visible_gpus(os.environ) if gpus is None else gpus
    chosen = jobs or len(found) or cores()
    return Share(chosen, max(1, cores() // chosen), found, measured=jobs is None)


def cores() -> int:
    """Return the number of CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def visible_gpus(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of CUDA_VISIBLE_DEVICES, each of which is one GPU of this machine.

    Asks the variable, else nvidia-smi: torch would initialise CUDA in this process.
    """
    given = environment.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        names = [name.strip() for name in given.split(",")]
        return tuple(name for name in names if name and name != "-1")
    return _listed(_nvidia_smi())


def _nvidia_smi() -> str:
    try:
        said = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=NVIDIA_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.stdout


def _listed(said: str) -> tuple[str, ...]:
    """Return the numbers of the GPUs in the list that `nvidia-smi -L` prints."""
    return tuple(re.findall(r"^GPU (\d+):", said, re.MULTILINE))
