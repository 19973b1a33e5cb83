"""The keys of a configuration: from a typed name to the dotted key, and to nested tables."""

from __future__ import annotations

import datetime
import difflib
import tomllib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from asgml.app.errors import UserError
from asgml.core.config.run_config import known_keys
from asgml.core.config.run_settings import SHORTHAND

FREE = ("encoder.", "references.", "data.options.")
"""Sections whose keys depend on the data: any name may follow."""
ALIASES = {"lr": "optimizer.lr"}
"""Knobs whose name differs from that of their setting."""


def resolve(name: str, origin: str, others: Collection[str] = ()) -> str:
    """Return the dotted key of `name`: itself, a shorthand, or an unambiguous bare name.

    As with knobs, `alpha` is the boost's. Sections in `others` count only where a bare name is
    found nowhere else. Raise UserError, which names `origin`, where there is no such key.
    """
    keys = known_keys()
    if name in SHORTHAND:
        return f"{name}.{SHORTHAND[name]}"
    if name in keys or name.startswith(FREE):
        return name
    bare = [key for key in keys if key.rpartition(".")[2] == name]
    near = [key for key in bare if key.partition(".")[0] not in others] or bare
    for candidates in (
        [ALIASES[name]] if name in ALIASES else [],
        near,
        [key for key in near if key.startswith("boost.")],
    ):
        if len(candidates) == 1:
            return candidates[0]
    raise UserError(f"{origin}: {_why_unknown(name, keys, near)}")


def parse_value(text: str) -> Any:
    """Return `text` as a TOML value, or as it stands where it is none: 0.75, [1, 2], "a", a."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):  # no TOML, too many digits, brackets without end
        return text
    value = parsed["value"]
    return text if len(parsed) > 1 or isinstance(value, (datetime.date, datetime.time)) else value


def flatten(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return (dotted key, value) of every leaf of nested mappings."""
    return list(_leaves(tree, prefix))


def _leaves(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return dotted keys as nested tables, the reverse of `flatten`."""
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        *sections, leaf = key.split(".")
        place = tree
        for section in sections:
            place = place.setdefault(section, {})
        place[leaf] = value
    return tree


def _why_unknown(name: str, keys: list[str], bare: list[str]) -> str:
    if bare:
        return f"{name!r} is ambiguous, it could be {', '.join(bare)}; give the whole key"
    inside = [key for key in keys if key.startswith(f"{name}.")]
    if inside:
        return f"{name!r} is a section, not a value; set one of {', '.join(inside)}"
    return f"unknown key {name!r}; {nearest_of(name, keys)} (`asgml config show` lists all)"


def nearest_of(name: str, known: list[str]) -> str:
    """Return a phrase that names the keys spelt like `name`, or all where they are few."""
    short = {key.rpartition(".")[2]: key for key in known}
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    close += [
        short[bare]
        for bare in difflib.get_close_matches(name.rpartition(".")[2], list(short), n=2, cutoff=0.6)
    ]
    if not close:
        return "there are " + ", ".join(known) if len(known) < 12 else "nothing is named like it"
    return f"did you mean {' or '.join(dict.fromkeys(close))}?"
