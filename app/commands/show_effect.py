"""`asgml show --against-baseline`: did it help, beside the baseline of its protocol?"""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Column, Table
from rich.text import Text

from asgml.app.output import console
from asgml.storage.format.safe_text import safe
from asgml.storage.statistics.effect import EffectLine
from asgml.storage.statistics.effect_words import headline, labels_of, over_seeds, place, single
from asgml.storage.statistics.run_effect import effect_in_folder
from asgml.storage.statistics.words import amount, mean_text, signed


def print_effect(run: Path) -> None:
    """Print the verdict, and a line for each column that the run and its baseline both have."""
    effect = effect_in_folder(run)
    out = console()
    out.print()
    out.print(Text(safe(headline(effect)), "bold"))
    if not effect.lines:
        return
    names = ", ".join(safe(name) for name in effect.baseline)
    out.print(Text(f"baseline: {names}; {place(effect)}", "dim"))
    right = [Column(name, justify="right") for name in ("this run", "baseline", "difference")]
    table = Table("", "", *right, "what it shows", box=None, pad_edge=False)
    for line in effect.lines:
        table.add_row(*(Text(safe(cell)) for cell in _cells(line)))
    out.print(table)


def _cells(line: EffectLine) -> tuple[str, ...]:
    paired = over_seeds(line)
    count = line.paired.n if line.paired is not None else 0
    shown = single(line) + (f"; over {count} seeds: {paired}" if paired else "")
    return (
        *labels_of(line),
        amount(line.ours, line.column),
        mean_text(line.baseline, line.column),
        signed(line.difference, line.column),
        shown,
    )


def effect_record(run: Path) -> dict[str, Any]:
    """Return the effect for `--json`; a number that is not known is null."""
    effect = effect_in_folder(run)
    return {"verdict": headline(effect), **_plain(asdict(effect))}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
