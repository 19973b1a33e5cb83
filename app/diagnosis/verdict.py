"""The verdict on a data set: whether balancing is likely to help, from accuracies by seed.

    U_m  modality m alone          P_m  m inside the joint model     starved by  U_m - P_m
    E    ensemble of the unimodal  J    joint, without balancing     B  joint, balanced

A difference counts beyond 2 standard errors over the seeds; a starved modality lacks 2 points too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from asgml.app.diagnosis.judgement import Judgement, judge
from asgml.app.diagnosis.measurements import BySeed, Measurements
from asgml.storage.statistics.estimate import estimate

Kind = Literal["help", "nothing", "one", "strong", "no gain", "unclear"]
POINTS = 0.02
"""Least accuracy that a starved modality lacks inside the joint model."""
HEADLINES: Mapping[Kind, str] = {
    "help": "Balancing is likely to help",
    "nothing": "Nothing to balance",
    "one": "One modality is enough",
    "strong": "The strong side is right",
    "no gain": "A modality is starved, yet nothing is gained by balancing",
}
LATE_FUSION = "late fusion"


@dataclass(frozen=True)
class Verdict:
    """What the measurements show.

    `gaps`: by modality, alone above inside. `ensemble_gain`, `balanced_gain`: over the joint model;
    `balanced_cost`: the joint model above the balanced one. `fusion_gain`: of the best fused model,
    `fused`, over the best modality alone, `single`. `suggested`: a method, "late fusion", or the
    modality to train alone; "" where that cannot be told. `learned`: False where no model is better
    than the most frequent class.
    """

    kind: Kind
    starved: tuple[str, ...]
    suggested: str
    gaps: Mapping[str, Judgement]
    ensemble_gain: Judgement
    balanced_gain: Judgement
    balanced_cost: Judgement
    fusion_gain: Judgement
    fused: str
    single: str
    learned: bool = True

    @property
    def seeds(self) -> int:
        """Seeds that all comparisons share at least."""
        return min(each.n for each in self._all())

    @property
    def needed(self) -> int | None:
        """Seeds that would decide what is unclear; None where that cannot be told."""
        open_ = [each.needed for each in self._all() if each.outcome == "unclear"]
        known = [needed for needed in open_ if needed is not None]
        return max(known) if known and len(known) == len(open_) else None

    def _all(self) -> list[Judgement]:
        return [*self.gaps.values(), self.ensemble_gain, self.balanced_gain, self.fusion_gain]


def judge_data(found: Measurements) -> Verdict:
    """Return the verdict. It depends on the numbers alone: nothing is read, nothing is drawn."""
    gaps = {
        m: judge(found.alone.get(m, {}), found.inside.get(m, {}), POINTS) for m in found.modalities
    }
    starved = tuple(m for m, gap in gaps.items() if gap.above)
    fused = {"joint": found.joint, "balanced": found.balanced, "ensemble": found.ensemble}
    best, single = _best(fused), _best(found.own)
    parts = {
        "ensemble_gain": judge(found.ensemble, found.joint),
        "balanced_gain": judge(found.balanced, found.joint),
        "balanced_cost": judge(found.joint, found.balanced),
        "fusion_gain": judge(fused.get(best, {}), found.own.get(single, {})),
    }
    learned = _has_learned(found, fused.get(best, {}))
    kind = _kind(gaps, starved, parts) if learned else "unclear"
    suggested = _suggested(kind, parts, found.method, single)
    return Verdict(
        kind, starved, suggested, gaps, fused=best, single=single, learned=learned, **parts
    )


def _kind(
    gaps: Mapping[str, Judgement], starved: tuple[str, ...], parts: Mapping[str, Judgement]
) -> Kind:
    """Return the first rule that holds. What was seen goes before what was ruled out."""
    fusion, balanced, ensemble = (
        parts[name] for name in ("fusion_gain", "balanced_gain", "ensemble_gain")
    )
    if fusion.ruled_out and fusion.mean <= 0:
        return "one"  # a modality alone is at least as good as all that is fused
    if starved and (ensemble.above or balanced.above):
        return "help"
    if starved and parts["balanced_cost"].above:
        return "strong"
    if fusion.ruled_out:
        return "one"
    if gaps and all(gap.ruled_out for gap in gaps.values()) and ensemble.ruled_out:
        return "nothing"
    return "no gain" if starved and balanced.ruled_out and ensemble.ruled_out else "unclear"


def _suggested(kind: Kind, parts: Mapping[str, Judgement], method: str, single: str) -> str:
    if kind == "help":
        return method if parts["balanced_gain"].above else LATE_FUSION
    if kind == "one":
        return single
    return "" if kind == "unclear" else "baseline"


def _best(series: Mapping[str, BySeed]) -> str:
    """Return the name with the highest mean, the first of equals; "" where none has a number."""
    means = {name: estimate(values.values()).mean for name, values in series.items()}
    known = {name: mean for name, mean in means.items() if not math.isnan(mean)}
    return max(known, key=known.__getitem__) if known else ""


def _has_learned(found: Measurements, best: BySeed) -> bool:
    """Return False where the best fused model is not 2 points above the most frequent class."""
    mean = estimate(best.values()).mean
    return math.isnan(found.chance) or math.isnan(mean) or mean > found.chance + POINTS
