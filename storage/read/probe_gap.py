"""The gap between the modalities of one run, with its standard error: who dominates, if anyone.

A probe scores m samples, half a batch, so one accuracy a has the variance a(1 - a) / m. Utilization
is their moving average from 0, U_n = w a_n + (1 - w) U_(n-1), so after n readings

    total weight  W = 1 - (1 - w)^n
    variance of U = p (1 - p) / m * S,   S = w (1 - (1 - w)^(2n)) / (2 - w),   p = U / W

which is that of m W^2 / S samples: some 19 half batches for w = 0.1. p is drawn towards 1/2 by one
success and one failure among them, so that a perfect score is not a certain one. The standard error
of the gap is the root of both variances: that of probes that err independently. On the same samples
they tend to err together, which makes it smaller; it is never above the sum of both errors. A gap
within two standard errors is no clear gap. The encoders' own change while the average lasts is not
in the error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from asgml.storage.format.manifest import Manifest
from asgml.storage.format.value_text import number

ERRORS = 2.0
"""Standard errors within which two modalities are not told apart."""
MEASURES = {"utilization": "utilization", "probe_accuracy": "probe", "own_accuracy": "own logits"}
"""Columns that modalities are compared by, the first one with a value counts; how it is called."""


@dataclass(frozen=True)
class Gap:
    """The strongest minus the weakest modality in `measure`, "" where nothing is known yet.

    `error` is its standard error, NaN where the run does not tell how many samples were scored.
    `verdict` says who dominates, or that nobody does; `dominant` is "" in that case. `by` names
    the measure beside it, "" where nothing was found by it.
    """

    value: float = math.nan
    error: float = math.nan
    measure: str = ""
    dominant: str = ""
    verdict: str = "no modality dominates yet"
    by: str = ""

    @property
    def words(self) -> str:
        """The verdict with its measure: `audio dominates by utilization`."""
        return f"{self.verdict} {self.by}".strip()

    @property
    def amount(self) -> str:
        """The gap as text: `0.12 ±0.05`; "" where nothing is known."""
        if not math.isfinite(self.value):
            return ""
        error = f" ±{number(self.error, 2)}" if math.isfinite(self.error) else ""
        return number(self.value, 3) + error

    @property
    def text(self) -> str:
        """The gap in one line: `0.12 ±0.05: audio dominates by utilization`; "" for none."""
        return f"{self.amount}: {self.words}" if self.amount else ""

    def as_json(self) -> dict[str, Any]:
        """Return the fields as JSON values, None for a number that is not known."""

        def known(number: float) -> float | None:
            return number if math.isfinite(number) else None

        return {
            "value": known(self.value),
            "standard_error": known(self.error),
            "measure": self.measure or None,
            "dominant": self.dominant or None,
            "words": self.words,
            "text": self.text,
        }


NO_GAP = Gap()


@dataclass(frozen=True)
class Sampling:
    """How many samples a reading scores (0: not known), its weight in the average, and readings."""

    samples: int
    weight: float
    readings: float

    def error(self, value: float) -> float:
        """Return the standard error of a moving average, NaN where it cannot be known."""
        if self.samples < 1 or self.readings < 1:
            return math.nan
        rest = 1 - self.weight
        total = 1 - rest**self.readings
        spread = self.weight * (1 - rest ** (2 * self.readings)) / (2 - self.weight)
        effective = self.samples * total**2 / spread
        share = (min(max(value / total, 0.0), 1.0) * effective + 1) / (effective + 2)
        return math.sqrt(share * (1 - share) / self.samples * spread)


def gap_of(manifest: Manifest, last: Callable[[str], float], readings: int) -> Gap:
    """Return the gap from the newest value of each column, NaN for none.

    `readings`: rows of the table `probes` that count.
    """
    for measure in MEASURES:
        known = [(last(f"{measure}/{m}"), m) for m in manifest.modalities]
        ranked = sorted((value, m) for value, m in known if math.isfinite(value))
        if len(ranked) >= 2:
            return _judged(measure, ranked, _sampling(manifest, measure, readings))
    return Gap()


def _judged(measure: str, ranked: list[tuple[float, str]], sampling: Sampling) -> Gap:
    """Return the gap of modalities with their values, the weakest first."""

    def error(one: float, other: float) -> float:
        return math.hypot(sampling.error(one), sampling.error(other))

    def clear(high: float, low: float) -> bool:
        wide = error(high, low)
        return high - low > (ERRORS * wide if math.isfinite(wide) else 0.0)

    (low, weakest), (top, strongest) = ranked[0], ranked[-1]
    found = partial(Gap, top - low, error(top, low), measure)
    by = f"by {MEASURES[measure]}"
    if not clear(top, low):
        return found("", "no clear gap")
    if not clear(top, ranked[-2][0]):
        lags = clear(ranked[1][0], low)
        return found("", f"{weakest} lags", by) if lags else found("", "no single one dominates")
    if not math.isfinite(error(top, low)):
        return found(strongest, f"{strongest} ahead", f"{by}, error unknown")
    return found(strongest, f"{strongest} dominates", by)


def _sampling(manifest: Manifest, measure: str, readings: int) -> Sampling:
    batch = _batch(manifest)
    if measure == "own_accuracy":
        return Sampling(batch, 1.0, 1)
    probe = _table(manifest.config.get("probe"))
    scored = batch - batch // 2 if probe.get("split_batch", True) is not False else batch
    if measure == "probe_accuracy":
        return Sampling(scored, 1.0, 1)
    weight = probe.get("utilization_ema")
    if not isinstance(weight, int | float) or not 0 < weight <= 1:
        return Sampling(0, 1.0, 0)
    # a fork goes on with its parent's average
    return Sampling(scored, float(weight), math.inf if manifest.parent else readings)


def _batch(manifest: Manifest) -> int:
    """Return the samples of a batch, 0 where the manifest does not tell."""
    batch, counts = manifest.config.get("batch_size"), _table(manifest.data.get("counts"))
    sizes = [size for size in (batch, counts.get("train")) if type(size) is int and size > 0]
    return min(sizes) if type(batch) is int and sizes else 0


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
