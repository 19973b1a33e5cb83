"""A verdict in words: the headline, what was seen of each modality, and what to run next."""

from __future__ import annotations

import math
import shlex
from typing import Any

from asgml.app.diagnosis.judgement import ERRORS, FEWEST_SEEDS, Judgement
from asgml.app.diagnosis.measurements import BySeed, Measurements
from asgml.app.diagnosis.stored import Diagnosis
from asgml.app.diagnosis.verdict import HEADLINES, LATE_FUSION, Verdict
from asgml.storage.statistics.estimate import estimate
from asgml.storage.statistics.words import amount, mean_text, signed

METRIC = "val_accuracy"
FAR = 0.1
"""Accuracy by which a regression on features exceeds networks that are still far from trained."""


def headline(verdict: Verdict) -> str:
    """Return the verdict in one sentence."""
    if verdict.kind != "unclear":
        of = f": {verdict.single}" if verdict.kind == "one" else ""
        return HEADLINES[verdict.kind] + of
    if not verdict.learned:
        return "Cannot tell: no fused model is better than the most frequent class; train longer"
    seeds = "1 seed" if verdict.seeds == 1 else f"{verdict.seeds} seeds"
    if verdict.seeds < FEWEST_SEEDS:
        return f"Cannot tell with {seeds}; {FEWEST_SEEDS} would begin to"
    about = f"; about {verdict.needed} would" if verdict.needed else ""
    return f"Cannot tell with {seeds}{about}"


def sentences(found: Measurements, verdict: Verdict) -> list[str]:
    """Return what was seen, one line each: modalities first, then the fused models."""
    lines = [_of_modality(m, found, verdict.gaps[m]) for m in found.modalities]
    lines.append(_gain("the balanced model", verdict.balanced_gain, "the joint one"))
    lines.append(_gain("the ensemble of the modalities alone", verdict.ensemble_gain,
                       "the joint model"))  # fmt: skip
    if verdict.fused and verdict.single:
        best = f"the best fused model ({verdict.fused})"
        alone = f"the network of {verdict.single} alone"
        lines.append(_gain(best, verdict.fusion_gain, alone))
    lines += _untrained(found)
    lines += [f"no result of {name}: {why}" for name, why in found.missing.items()]
    return lines


def advice(verdict: Verdict) -> str:
    """Return one sentence on what the verdict means for the training to come."""
    if verdict.kind == "help":
        what = "combine late" if verdict.suggested == LATE_FUSION else f"use {verdict.suggested}"
        costs = (
            ", and throttling as the default does would cost" if verdict.balanced_cost.above else ""
        )
        return f"{_names(verdict.starved)} can do more than the joint model lets it: {what}{costs}"
    if verdict.kind == "one":
        return (
            f"nothing that is fused gets beyond {verdict.single}: train it alone, or keep it as "
            "the reference"
        )
    if verdict.kind == "strong":
        return "the joint model leans on its strong side for good reason: balancing would cost"
    if verdict.kind == "nothing":
        return "each encoder is as good inside the joint model as alone: train the baseline"
    if verdict.kind == "no gain":
        return f"{_names(verdict.starved)} is held down, but neither ensemble nor balancing uses it"
    return "what the seeds show allows no conclusion; more of them, or more epochs, would"


def next_command(diagnosis: Diagnosis, verdict: Verdict) -> str:
    """Return the command to run next."""
    if verdict.kind == "unclear" and verdict.learned:
        seeds = max(verdict.needed or 2 * len(diagnosis.measurements.seeds), FEWEST_SEEDS)
        own = ["--method", diagnosis.measurements.method, "--seeds", str(seeds)]
        return _command("diagnose", diagnosis, own)
    if verdict.kind == "unclear":
        return _command("diagnose", diagnosis, ["--epochs", "…"])
    if verdict.kind == "one":
        return _command("train", diagnosis, ["--only", verdict.single])
    if verdict.suggested == LATE_FUSION:
        own = ["--method", "baseline", "--set", "fusion.kind=late_mean"]
        return _command("train", diagnosis, own)
    return _command("train", diagnosis, ["--method", verdict.suggested])


def verdict_to_json(diagnosis: Diagnosis, verdict: Verdict) -> dict[str, Any]:
    """Return the verdict for other programs: kind, words, and each judgement with its numbers."""
    judged = {
        **{f"gap/{m}": gap for m, gap in verdict.gaps.items()},
        "ensemble_gain": verdict.ensemble_gain,
        "balanced_gain": verdict.balanced_gain,
        "fusion_gain": verdict.fusion_gain,
    }
    return {
        "verdict": verdict.kind,
        "headline": headline(verdict),
        "starved": list(verdict.starved),
        "suggested": verdict.suggested,
        "seeds": verdict.seeds,
        "seeds_needed": verdict.needed,
        "advice": advice(verdict),
        "sentences": sentences(diagnosis.measurements, verdict),
        "next": next_command(diagnosis, verdict),
        "judgements": {name: vars(each) for name, each in judged.items()},
    }


def fused_texts(found: Measurements) -> dict[str, str]:
    """Return mean ± std of the fused models by name."""
    series = {"joint": found.joint, "balanced": found.balanced, "ensemble": found.ensemble}
    return {name: mean_text(estimate(each.values()), METRIC) for name, each in series.items()}


def _of_modality(m: str, found: Measurements, gap: Judgement) -> str:
    alone, inside = (
        estimate(each.get(m, {}).values()).mean for each in (found.alone, found.inside)
    )
    levels = f"{m}: {amount(alone, METRIC)} alone, {amount(inside, METRIC)} inside the joint model"
    if gap.n < 2:
        return f"{levels}; one seed tells no spread" if gap.n else f"{levels}; cannot tell"
    if gap.above:
        return f"{levels}: starved by {amount(gap.mean, METRIC)} points ({_error(gap)})"
    seen = f"{signed(-gap.mean, METRIC)} {_error(gap)}"
    return f"{levels}: " + (f"not starved ({seen})" if gap.ruled_out else f"cannot tell ({seen})")


def _untrained(found: Measurements) -> list[str]:
    """Return a warning where the encoders hold far more than any fused model shows."""
    fused = _highest([found.joint, found.balanced, found.ensemble])
    held = _highest([*found.alone.values(), *found.inside.values()])
    if not held > fused + FAR:
        return []
    levels = f"{amount(held, METRIC)} against {amount(fused, METRIC)}"
    return [f"the encoders hold more than the fused models show ({levels}): train longer"]


def _highest(series: list[BySeed]) -> float:
    """Return the highest mean, NaN where none has a number."""
    means = [estimate(each.values()).mean for each in series]
    return max((mean for mean in means if not math.isnan(mean)), default=math.nan)


def _gain(ours: str, gain: Judgement, theirs: str) -> str:
    if gain.n < FEWEST_SEEDS:
        few = f" from {gain.n} seed{'s' if gain.n > 1 else ''}" if gain.n else ""
        return f"{ours} against {theirs}: cannot tell{few}"
    if abs(gain.mean) > ERRORS * gain.error:
        word = "better" if gain.mean > 0 else "worse"
        points = amount(abs(gain.mean), METRIC)
        return f"{ours} is {word} than {theirs} by {points} points ({_error(gain)})"
    seen = f"{signed(gain.mean, METRIC)} {_error(gain)}"
    return f"{ours} against {theirs}: no difference seen ({seen})"


def _error(each: Judgement) -> str:
    return f"±{amount(ERRORS * each.error, METRIC)}"


def _names(modalities: tuple[str, ...]) -> str:
    *first, last = modalities
    return f"{', '.join(first)} and {last}" if first else last


def _command(name: str, diagnosis: Diagnosis, own: list[str]) -> str:
    return shlex.join(["asgml", name, *_placed(name, diagnosis), *own])


def _placed(name: str, diagnosis: Diagnosis) -> list[str]:
    named = ["--recipe"] if name == "diagnose" else []
    recipe = [*named, diagnosis.recipe] if diagnosis.recipe else []
    return [*recipe, "--data", diagnosis.data, *diagnosis.arguments]
