"""Reports made of numbers that follow from their seeds, without any run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from asgml.app.reports.content import (
    BEST_ON_TEST,
    METRIC,
    VAL,
    Cell,
    Line,
    Part,
    Report,
    Row,
    Strength,
)
from asgml.storage.statistics.curves import mean_band

HOSTILE = (
    '<script>alert("x")</script> $\\frac{a}% & _x_ | `c` *b* [l](javascript:x) -- \x1b[31m\u202ez'
)
"""A text that tries to be HTML, LaTeX, Markdown, mathematics, a colour, and to turn around."""
MODALITIES = ("audio", "visual")
FACTORS = {"Baseline": (1.0, 1.0), "OGM-GE": (0.55, 1.0), "Boost": (1.0, 1.4)}
PROTOCOL = {"data": "emotions", "epochs": 20, "inputs": {"audio": {}, "visual": {}}}


def row(
    label: str,
    mean: float,
    seeds: Sequence[int] = range(5),
    settings: Mapping[str, object] | None = None,
    **changes: object,
) -> Row:
    """Return a row of values around a mean: noise by seed that all rows share, and some more."""
    cells = tuple(cell(label, seed, mean) for seed in seeds)
    given = {"label": label, "settings": settings or {}, "cells": cells, "modalities": MODALITIES}
    return Row(**{**given, **changes})  # type: ignore[arg-type]


def cell(label: str, seed: int, mean: float) -> Cell:
    shared, own = math.sin(7 * seed) / 50, math.sin(len(label) * (seed + 1)) / 150
    name = f"{label.lower().replace(' ', '-')}-s{seed}"
    return Cell(
        seed=seed,
        run=name,
        link=f"../{name}",
        state="finished",
        why="",
        digest=f"{len(label):06d}{seed:06d}",
        values={
            METRIC: mean + shared + own,
            BEST_ON_TEST: mean + shared + own + 0.011,
            VAL: mean + shared + 0.02,
        },
        protocol="7f3a00000000",
        test_readings=1,
        versions={"asgml": "0.2.0", "torch": "2.8.0"},
        commit="0123456789abcdef",
        seconds=12.5,
        command=f"asgml train ../{name}/run.toml",
    )


def missing(seed: int, why: str = "failed") -> Cell:
    return Cell(seed=seed, run=f"lost-s{seed}", link=f"../lost-s{seed}", state=why, why=why)


def part(rows: Sequence[Row] | None = None, **changes: object) -> Part:
    """Return a part with curves and norms for every row."""
    own = rows or [row("Baseline", 0.62), row("OGM-GE", 0.66), row("Boost", 0.71)]
    given: dict[str, object] = {
        "name": "design-table",
        "title": "Boost beside OGM-GE",
        "data": "emotions",
        "metric": "test_accuracy_at_best_val",
        "better": "high",
        "baseline": own[0].label,
        "seeds": tuple(range(5)),
        "rows": tuple(own),
        "same": {"batch_size": 64, "epochs": 20, "optimizer.lr": 0.001},
        "changed": ("epochs",),
        "protocols": {"7f3a00000000": PROTOCOL},
        "curves": {
            "gain": tuple(line for each in own for line in factor_lines(each)),
            "boost_scale": tuple(line for each in own for line in factor_lines(each)),
            "utilization_gap": tuple(curve(each, "", -0.2) for each in own),
            "train_accuracy": tuple(curve(each, "", 0.2) for each in own),
            "val_accuracy": tuple(curve(each, "", 0.0) for each in own),
        },
        "spectrum": tuple(strength for each in own for strength in strengths(each)),
        "source": "title = 'Boost beside OGM-GE'\n[[row]]\nlabel = 'Baseline'\n",
    }
    return Part(**{**given, **changes})  # type: ignore[arg-type]


def curve(of: Row, modality: str, shift: float, to: float = math.nan) -> Line:
    x = np.linspace(1, 20, 20)
    end = next((c.values[METRIC] for c in of.cells if c.values), 0.5) if math.isnan(to) else to
    curves = [
        (x, end * (1 - np.exp(-x / 5)) + shift + np.sin(x + one.seed) / 60) for one in of.cells
    ]
    band = mean_band(curves)
    numbers = [tuple(round(v, 6) for v in values.tolist()) for values in band[:4]]
    return Line(of.label, modality, *numbers, n=len(curves))


def factor_lines(of: Row) -> list[Line]:
    lines = []
    for modality, factor in zip(of.modalities, FACTORS.get(of.label, (0.7, 1.3)), strict=False):
        line = curve(of, modality, 1.0, factor - 1)
        still = factor == 1
        lines.append(Line(line.row, modality, line.x, (1.0,) * 20, (1.0,) * 20, (1.0,) * 20, line.n)
                     if still else line)  # fmt: skip
    return lines


def strengths(of: Row) -> list[Strength]:
    factors = FACTORS.get(of.label, (0.7, 1.3))
    found = []
    for index, (modality, factor) in enumerate(zip(of.modalities, factors, strict=False)):
        before = tuple((2.0 - 1.4 * index) * (1 + math.sin(one.seed) / 20) for one in of.cells)
        after = tuple(b * factor * (1 + math.sin(5 * i) / 40) for i, b in enumerate(before))
        found.append(Strength(of.label, modality, before, after))
    return found


def report(*parts: Part) -> Report:
    return Report(parts or (part(),), "0.2.0")
