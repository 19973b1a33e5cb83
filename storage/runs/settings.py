"""Settings: the flattened configuration of a run, and digests of it with and without the seed.

A run's configuration is a tree, as in run.toml; its settings are {dotted key: JSON value}.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Settings = Mapping[str, Any]

NEUTRAL = ("device", "threads", "checkpoint", "diagnose", "alerts", "data.options.workers")
"""Settings, or whole sections, that change no number of a training."""
UNLESS_DEFAULT = {"on_nan": "stop"}
"""Settings that a run may lack, with the value at which a training that stays finite is the same:
with this value they are in no digest, so an older run counts as one that has them."""
OF_THE_SEED = ("seed", "references")
"""Settings that differ between the runs of one group: the seed, and runs of the same seed."""
PATHS = ("data.name", "references")
DIGITS = 12


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return {dotted key: value} of every leaf of a configuration.

    An empty table is no leaf, nor is None: it has no place in TOML, so run.toml leaves it out.
    """
    return dict(_leaves(config, prefix))


def _leaves(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        elif value is not None:
            yield f"{prefix}{key}", value


def without(settings: Settings, left_out: tuple[str, ...]) -> dict[str, Any]:
    """Return the settings without these keys and sections."""
    return {key: value for key, value in settings.items() if not _is_in(key, left_out)}


def cell_digest(settings: Settings) -> str:
    """Return 12 hex digits of all settings that can change a number, the seed included.

    A run that has this digest is the run that a plan's cell asks for. Of paths the last part
    counts: data and referenced runs that were moved are still the same. Whether the content of the
    data is the same, the run's manifest tells.
    """
    return _digest(_without_folders(without(_told(settings), NEUTRAL)))


def group_digest(settings: Settings) -> str:
    """Return 12 hex digits, the same for runs that differ in nothing but their seed."""
    return _digest(_without_folders(without(_told(settings), (*NEUTRAL, *OF_THE_SEED))))


def differing(several: Sequence[Settings]) -> list[str]:
    """Return the keys whose value is not the same in all, in the order in which they appear.

    A key that is absent in one of them differs, unless the others have what it then did.
    """
    keys: dict[str, None] = {}
    differ: set[str] = set()
    first = several[0] if several else {}
    for settings in several:
        keys |= dict.fromkeys(settings)
        differ |= {key for key in first.keys() - settings.keys() if first[key] is not None}
        # JSON text only where Python sees a difference: 10,000 runs have half a million settings
        differ |= {
            key
            for key, value in settings.items()
            if (value != (one := first.get(key)) or type(value) is not type(one))
            and key not in differ
            and _plain(value) != _plain(one)
        }
    for key, then in UNLESS_DEFAULT.items():
        if key in differ and all(settings.get(key, then) == then for settings in several):
            differ.remove(key)
    return [key for key in keys if key in differ]


def _told(settings: Settings) -> dict[str, Any]:
    """Return the settings without those that are left at what older runs did."""
    return {k: v for k, v in settings.items() if k not in UNLESS_DEFAULT or UNLESS_DEFAULT[k] != v}


def _without_folders(settings: Settings) -> dict[str, Any]:
    return {
        key: _last_part(value) if _is_in(key, PATHS) else value for key, value in settings.items()
    }


def _last_part(value: Any) -> Any:
    return value.rpartition("/")[2] if isinstance(value, str) else value


@functools.lru_cache(maxsize=8192)
def _is_in(key: str, sections: tuple[str, ...]) -> bool:
    return any(key == section or key.startswith(f"{section}.") for section in sections)


def _digest(settings: Settings) -> str:
    return hashlib.sha256(_plain(settings).encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]


def _plain(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
