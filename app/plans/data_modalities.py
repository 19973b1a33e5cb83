"""The modalities of a data set by name, from headers alone: no array is read, torch not loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asgml.app.errors import UserError
from asgml.core.config.run_settings import RunSettings
from asgml.core.data.base import is_class, split_name
from asgml.core.data.catalogue import DATA_SETS

RESERVED = ("label", "split", "classes", "group")
"""Arrays that are no modality, as in core/data/arrays/array_validation.py."""
MOST = 32
"""Modalities of a file beyond which it is rather no data set."""


def modalities_of(config: RunSettings) -> tuple[str, ...]:
    """Return the modalities that a run of this configuration trains on, in their order.

    Raise UserError where only loading the data could tell.
    """
    if config.modalities:
        return tuple(config.modalities)
    name, path = split_name(config.data.name)
    chosen = config.data.options.get("modalities")
    if isinstance(chosen, (list, dict)) and chosen:
        return tuple(str(m) for m in chosen)
    if is_class(config.data.name):
        raise _unknown(config.data.name)
    if path is not None and (not name or Path(path).suffix == ".npz"):
        return _of_arrays(Path(path))
    return _of_catalogue(name, chosen)


def _of_catalogue(name: str, chosen: Any) -> tuple[str, ...]:
    """Return the modalities of a catalogued data set; of generated data a number may be chosen."""
    known = DATA_SETS[name].modalities
    if chosen in (None, len(known)):
        return known
    raise _unknown(name)


def _of_arrays(path: Path) -> tuple[str, ...]:
    from asgml.core.data.arrays.array_file import open_arrays
    from asgml.core.data.base import DataError

    try:
        headers = open_arrays(path).headers
    except (DataError, OSError) as error:
        raise UserError(f"data {path}: {error}") from None
    found = tuple(key for key in headers if key not in RESERVED)
    if not 1 <= len(found) <= MOST:
        raise UserError(f"data {path}: {len(found)} modalities; expected 1 to {MOST}")
    return found


def _unknown(data: str) -> UserError:
    return UserError(
        f"the modalities of {data} are known only once it is loaded; write a row for each, "
        'such as alone = "audio", or list them: set = { modalities = ["audio", "visual"] }'
    )
