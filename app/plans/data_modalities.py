"""The modalities of a data set by name, from headers alone: no array is read, torch not loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asgml.app.errors import UserError
from asgml.core.config.run_settings import RunSettings
from asgml.core.data.base import is_class, split_name
from asgml.core.data.catalogue import DATA_SETS
from asgml.storage.format.user_path import why

RESERVED = ("label", "split", "classes", "group")
"""Arrays that are no modality, as in core/data/arrays/array_validation.py."""
MOST = 32
"""Modalities of a file beyond which it is rather no data set."""


def refuse_unfit(config: RunSettings) -> None:
    """Raise UserError for modalities that the data has not, and methods that need more of them.

    What only loading the data could tell is left to the trainer.
    """
    found = _of_data(config)
    if found is None:
        return
    named = [*config.modalities, *(m for m in config.encoder if m != "default"), *config.freeze]
    for m in named:
        if m not in found:
            raise UserError(f"no modality {m!r}: {config.data.name} has {', '.join(found)}")
    there = config.modalities or found
    for method in config.methods:
        if method.fewest > len(there):
            raise UserError(
                f"{method.name} balances {method.fewest} modalities or more, and "
                f"{config.data.name} has {', '.join(there)}; use method=baseline or uniform"
            )


def modalities_of(config: RunSettings) -> tuple[str, ...]:
    """Return the modalities that a run of this configuration trains on, in their order.

    Raise UserError where only loading the data could tell.
    """
    if config.modalities:
        return tuple(config.modalities)
    found = _of_data(config)
    if found is None:
        raise _unknown(config.data.name)
    return found


def _of_data(config: RunSettings) -> tuple[str, ...] | None:
    """Return the modalities of the data itself, None where only loading it could tell.

    Raise UserError for a file that holds no data set.
    """
    name, path = split_name(config.data.name)
    chosen = config.data.options.get("modalities")
    if isinstance(chosen, (list, dict)) and chosen:
        return tuple(str(m) for m in chosen)
    if is_class(config.data.name):
        return None
    if path is not None and (not name or Path(path).suffix == ".npz"):
        return _of_arrays(Path(path))
    return _of_catalogue(name, chosen)


def _of_catalogue(name: str, chosen: Any) -> tuple[str, ...] | None:
    """Return the modalities of a catalogued data set; of generated data a number may be chosen."""
    known = DATA_SETS[name].modalities
    return known if chosen in (None, len(known)) else None


def _of_arrays(path: Path) -> tuple[str, ...]:
    from asgml.core.data.arrays.array_file import open_arrays
    from asgml.core.data.base import DataError

    try:
        headers = open_arrays(path).headers
    except (DataError, OSError) as error:
        raise UserError(f"data {path}: {why(error)}") from None
    found = tuple(key for key in headers if key not in RESERVED)
    if not 1 <= len(found) <= MOST:
        raise UserError(f"data {path}: {len(found)} modalities; expected 1 to {MOST}")
    return found


def _unknown(data: str) -> UserError:
    return UserError(
        f"the modalities of {data} are known only once it is loaded; write a row for each, "
        'such as alone = "audio", or list them: set = { modalities = ["audio", "visual"] }'
    )
