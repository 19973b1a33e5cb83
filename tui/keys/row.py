"""A row of the table of keys: an id, its keys, the texts that the user reads, its screens."""

from __future__ import annotations

from dataclasses import dataclass

LIVE, REPLAY, RUN_LIST, PLAN, COMPARISON = "live", "replay", "run list", "plan", "comparison"
"""Screens that a row may exist on; the main screen has two names, watching and replaying."""
MAIN = (LIVE, REPLAY)
CHARTED = (*MAIN, COMPARISON)
EVERYWHERE = (*MAIN, RUN_LIST, PLAN, COMPARISON)


@dataclass(frozen=True)
class Key:
    """One row: an id, its keys as Textual names them, and the texts the user reads about it.

    A screen holds the handler of each id. `footer` is the label in the bottom line, empty where
    the row is only in the help. `steers` marks what acts on a run: requests to its trainer, and
    changes of its labels or files. `screens` are those on which the row exists.
    """

    id: str
    keys: tuple[str, ...]
    help: str
    group: str
    footer: str = ""
    steers: bool = False
    screens: tuple[str, ...] = MAIN
