"""The plain forms of `asgml watch`, parsed without typer, whose import delays the first frame."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

_FLAGS = {"--readonly": "readonly", "--inline": "inline", "--ascii": "ascii"}


@dataclass(frozen=True)
class QuickWatch:
    """The arguments of `asgml watch`, with the defaults that typer has for them."""

    run: str = "latest"
    runs: Path | None = None
    readonly: bool = False
    inline: bool = False
    ascii: bool = False


def quick_watch(given: Sequence[str]) -> QuickWatch | None:
    """Return the arguments of a plain `watch`: at most one RUN, flags, `--runs DIR`.

    None for everything else, which typer parses, and refuses where it is wrong.
    """
    if not given or given[0] != "watch" or "_ASGML_COMPLETE" in os.environ:
        return None
    found, words, named = QuickWatch(), list(given[1:]), False
    while words:
        word = words.pop(0)
        if word in _FLAGS:
            found = _with_flag(found, _FLAGS[word])
        elif word == "--runs" and words and _is_plain(words[0]):
            found = replace(found, runs=Path(words.pop(0)))
        elif _is_plain(word) and not named:
            found, named = replace(found, run=word), True
        else:
            return None
    return found


def _with_flag(given: QuickWatch, name: str) -> QuickWatch:
    on: dict[str, Any] = {name: True}
    return replace(given, **on)


def _is_plain(word: str) -> bool:
    return word != "" and not word.startswith("-")
