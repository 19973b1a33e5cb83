"""The user's own keys: ids of the table of keys with other keys, checked before they are used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from asgml.tui.keys.row import EVERYWHERE
from asgml.tui.keys.table import KEYS, keys_for

_KEY = re.compile(r"(?:(?:ctrl|shift|alt|super)\+)*(?:[a-z0-9]|[a-z][a-z0-9_]*|[A-Z])")
_NEAR = 4
"""Most ids that are offered in place of an unknown one."""


class KeymapError(ValueError):
    """A keymap that cannot be used. The message is one line."""


def checked_keymap(given: Mapping[str, str]) -> dict[str, str]:
    """Return id → keys as Textual names them, several joined by commas.

    Raise KeymapError for an unknown id, with those near it, for what is no key, and for a key that
    would mean two things on one screen.
    """
    found = {id: ",".join(_named(id, keys)) for id, keys in given.items()}
    for screen in EVERYWHERE:
        _refuse_clashes(screen, found)
    return found


def near_ids(id: str) -> list[str]:
    """Return the known ids that are most like an unknown one: as words, or as part of them."""
    ids = list(dict.fromkeys(key.id for key in KEYS))
    parts = [known for known in ids if id and (id in known or known in id)]
    return list(dict.fromkeys([*get_close_matches(id, ids, _NEAR, 0.5), *parts]))[:_NEAR]


def _named(id: str, keys: str) -> Iterable[str]:
    """Yield the names of the keys of a row. Raise KeymapError for an unknown row or key."""
    if all(key.id != id for key in KEYS):
        near = ", ".join(near_ids(id)) or "see tui/KEYS.md, or ? in the dashboard"
        raise KeymapError(f"keys.{id[:60]!r}: there is no such action; near it: {near}")
    for key in [","] if keys.strip() == "," else keys.split(","):
        name = _character_name(key.strip())
        if _KEY.fullmatch(name) is None:
            raise KeymapError(
                f"keys.{id} = {keys[:60]!r}: expected a key such as p, P, f5 or ctrl+p, "
                "several joined by commas"
            )
        yield name


def _character_name(key: str) -> str:
    """Return a single sign by its name, as Textual has it: `[` is left_square_bracket."""
    if len(key) != 1 or key.isalnum():
        return key
    from textual.keys import _character_to_key

    return str(_character_to_key(key))


def _refuse_clashes(screen: str, keymap: Mapping[str, str]) -> None:
    owners: dict[str, str] = {}
    for row in keys_for(screen):
        for name in keymap[row.id].split(",") if row.id in keymap else row.keys:
            other = owners.setdefault(name, row.id)
            if other != row.id:
                both = f"{other} and {row.id}"
                raise KeymapError(
                    f"keys: {name} would mean {both} ({screen}); give one of them another key"
                )
