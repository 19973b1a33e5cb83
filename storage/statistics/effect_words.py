"""The effect of a run in words: a headline, and what each line shows and does not show."""

from __future__ import annotations

import math

from asgml.storage.statistics.effect import Effect, EffectLine
from asgml.storage.statistics.result import better_of
from asgml.storage.statistics.words import amount, scale_of, sentence

_FUSED = {
    "test_accuracy_at_best_val": "test",
    "val_accuracy": "validation",
    "val_mae": "validation error",
}
_BY_MODALITY = {"val_own_accuracy": "own logits", "val_probe_accuracy": "probe"}


def labels_of(line: EffectLine) -> tuple[str, str]:
    """Return what a line is about: "fused" or the modality, and the measure."""
    name, _, modality = line.column.partition("/")
    if modality:
        return modality, _BY_MODALITY.get(name, name)
    return "fused", _FUSED.get(name, name)


def headline(effect: Effect) -> str:
    """Return in one sentence whether the method helped the fused result, as far as is known."""
    if effect.why:
        return f"cannot tell: {effect.why}"
    if not effect.lines:
        return "cannot tell: neither this run nor its baseline has been evaluated yet"
    line = effect.lines[0]
    about = " ".join(labels_of(line))
    if line.paired is not None:
        told = sentence(line.paired, line.column, better=better_of(line.column))
        return f"{about}: {told}, paired over {line.paired.n} seeds"
    return f"{about}: {single(line)}; one run is one seed"


def single(line: EffectLine) -> str:
    """Return what the run by itself shows, beside the spread of its baseline."""
    if line.baseline.n == 1:
        return "one baseline run, cannot tell what seeds alone do"
    if math.isnan(line.spread):
        return "all baseline runs are equal, cannot tell what seeds alone do"
    spread = f"±{amount(line.spread, line.column)}{_unit(line.column)}"
    if not line.beyond_seeds:
        return f"within what seeds alone do ({spread})"
    return f"{'better' if line.better else 'worse'} than seeds alone explain ({spread})"


def over_seeds(line: EffectLine) -> str:
    """Return what all seeds of the run's group show, "" where they have none in common."""
    if line.paired is None:
        return ""
    return sentence(line.paired, line.column, better=better_of(line.column))


def place(effect: Effect) -> str:
    """Return where run and baseline are compared."""
    if effect.step is None:
        return "each at the epoch that validation chose"
    return f"both as they were at step {effect.step}"


def _unit(metric: str) -> str:
    unit = scale_of(metric)[1]
    return f" {unit}" if unit else ""
