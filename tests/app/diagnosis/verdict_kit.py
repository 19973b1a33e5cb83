"""Measurements made up for verdicts."""

from __future__ import annotations

from dataclasses import replace

from asgml.app.diagnosis.measurements import Measurements

NOISE = (0.0, 0.01, -0.01)
"""Differences between three seeds. A constant added to them keeps paired differences exact."""


def around(level: float, *, spread: float = 1.0, turn: int = 0, n: int = 3) -> dict[int, float]:
    """Return n values about a level; `turn` shifts which seed is high, so that pairs scatter."""
    return {seed: level + spread * NOISE[(seed + turn) % 3] for seed in range(n)}


def measured(
    alone: tuple[float, float] = (0.70, 0.60),
    inside: tuple[float, float] = (0.70, 0.60),
    own: tuple[float, float] | None = None,
    joint: float = 0.75,
    ensemble: float = 0.75,
    balanced: float = 0.75,
    n: int = 3,
    **more: object,
) -> Measurements:
    """Return measurements of audio and visual, every pair of levels a little apart by seed."""
    names = ("audio", "visual")
    small = 0.3
    found = Measurements(
        modalities=names,
        seeds=tuple(range(n)),
        method="boost",
        alone={m: around(v, n=n) for m, v in zip(names, alone, strict=True)},
        inside={m: around(v, spread=small, n=n) for m, v in zip(names, inside, strict=True)},
        own={
            m: around(v, turn=1, spread=small, n=n)
            for m, v in zip(names, own or alone, strict=True)
        },
        ensemble=around(ensemble, turn=1, spread=small, n=n),
        joint=around(joint, spread=small, n=n),
        balanced=around(balanced, turn=2, spread=small, n=n),
    )
    return replace(found, **more)  # type: ignore[arg-type]


STARVED = {"alone": (0.70, 0.76), "inside": (0.70, 0.30), "own": (0.68, 0.70)}
