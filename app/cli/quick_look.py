"""The plain forms of `asgml runs`, `show` and `tail`, parsed without typer, for scripts.

Typer checks arguments by pydantic, whose import takes longer than reading a run.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LOOKS = frozenset({"runs", "show", "tail"})
_FLAGS = {
    "runs": frozenset({"--json", "--group", "--archived", "--trials"}),
    "show": frozenset({"--json", "--no-charts"}),
    "tail": frozenset({"--json", "--follow", "-f"}),
}


@dataclass(frozen=True)
class QuickLook:
    """The arguments of one of these commands: `flags` as they were typed, `run` where it has one.

    `lines` and `every` of `tail`, `limit` of `runs` and the rest have typer's defaults.
    """

    command: str
    run: str = "latest"
    runs: Path | None = None
    flags: frozenset[str] = frozenset()


def quick_look(given: Sequence[str]) -> QuickLook | None:
    """Return the arguments of a plain look: at most one RUN, flags, `--runs DIR`.

    None for everything else, which typer parses, and refuses where it is wrong.
    """
    if not given or given[0] not in LOOKS or "_ASGML_COMPLETE" in os.environ:
        return None
    command, *words = given
    run: str | None = None
    runs: Path | None = None
    flags: set[str] = set()
    while words:
        word = words.pop(0)
        if word in _FLAGS[command]:
            flags.add(word)
        elif word == "--runs" and words and _is_plain(words[0]):
            runs = Path(words.pop(0))
        elif _is_plain(word) and run is None and command != "runs":
            run = word
        else:
            return None
    return QuickLook(command, run or "latest", runs, frozenset(flags))


def look(given: QuickLook) -> int:
    """Run the command and return its exit code."""
    as_json = "--json" in given.flags
    if given.command == "show":
        from asgml.app.commands.show import show

        return show(given.run, given.runs, as_json, "--no-charts" not in given.flags, False)
    if given.command == "tail":
        from asgml.app.commands.tail import tail

        follow = bool(given.flags & {"--follow", "-f"})
        return tail(given.run, given.runs, as_json, follow, 10, 1)
    from asgml.app.commands.run_query import RunQuery
    from asgml.app.commands.runs import runs

    query = RunQuery(
        group="--group" in given.flags,
        archived="--archived" in given.flags,
        trials="--trials" in given.flags,
    )
    return runs(given.runs, as_json, query)


def _is_plain(word: str) -> bool:
    return word != "" and not word.startswith("-")
