"""Options of every data set that is read from files, and the number of processes to read with."""

from __future__ import annotations

import os
from dataclasses import dataclass

from asgml.core.data.options import check_choice, check_flag, check_whole

MAX_WORKERS = 8


@dataclass(frozen=True)
class ClipOptions:
    """Options of every data set that is read from files.

    `modalities`: the ones to use. `allow_missing`: train without the clips whose files are missing.
    `workers`: processes that decode, -1 for one a core, at most 8. `cache`: "auto" uses a prepared
    cache beside the data where there is one, "off" never, "require" refuses to decode, and so does
    the path of a cache or of a folder of caches. `val`: clips taken from train for validation, in
    proportion to the classes, where the lists have no validation split; 0 stands for a tenth.
    """

    modalities: list[str] | None = None
    allow_missing: bool = False
    workers: int = -1
    cache: str = "auto"
    val: int = 0

    def __post_init__(self) -> None:
        check_flag("allow_missing", self.allow_missing)
        check_whole("workers", self.workers, -1, 128)
        check_whole("val", self.val, 0, 10**7)
        if not (isinstance(self.cache, str) and "/" in self.cache):
            check_choice("cache", self.cache, ("auto", "off", "require", "a path with a /"))


def workers_for(wanted: int) -> int:
    """Return the number of processes: as many as wanted, or one for each core of this process."""
    if wanted >= 0:
        return wanted
    # Schedulers of clusters grant fewer cores than the machine has; macOS has no such call.
    granted = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if granted else os.cpu_count() or 1
    return min(cores, MAX_WORKERS)
