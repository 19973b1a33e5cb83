"""The run beside its baseline, and the plane of balance and conflict, as they are drawn."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_run import make_run
from rich.cells import cell_len
from tui_kit import dashboard, notified, shows

from asgml.storage.statistics.effect import Effect, EffectLine
from asgml.storage.statistics.estimate import estimate
from asgml.storage.statistics.paired import paired_difference
from asgml.tui.plot.glyphs import ASCII, BRAILLE, HALF, Glyphs
from asgml.tui.plot.scatter import scatter
from asgml.tui.scene.plane import trails
from asgml.tui.scene.run_data import RunData, TableSnapshot
from asgml.tui.scene.scene import Scene
from asgml.tui.screens.plane import PlaneScreen
from asgml.tui.terminal.theme import make_styles
from asgml.tui.widgets.effect_lines import effect_lines
from asgml.tui.widgets.plane_lines import plane_lines

DATA = {"protocol": {"data": "speech", "epochs": 3, "digest": "7f3a"}}
HOSTILE = "[bold]\x1b]0;x\x07a\u202eudio"


def make_pair(folder: Path) -> Path:
    """Write a boosted run and two baselines of its protocol; return the boosted one."""
    for name, seed, method in (("base-s1", 1, "baseline"), ("base-s2", 2, "baseline"),
                               ("ours", 1, "boost")):  # fmt: skip
        facts = {"method": method, "seed": seed, "data": DATA, "config": {"seed": seed}}
        paths = make_run(folder, 600, name=name, nan_at=0, seed=seed, facts=facts)
    return paths.root


async def test_the_key_shows_the_run_beside_its_baseline(tmp_path: Path) -> None:
    run = make_pair(tmp_path)
    async with dashboard(run, tmp_path) as (_, pilot):
        await pilot.press("b")
        await shows(pilot, "ours against 2 baseline runs")
        await shows(pilot, "fused         validation")
        await pilot.press("escape")


async def test_a_run_without_a_baseline_says_what_to_train(tmp_path: Path) -> None:
    facts = {"method": "boost", "data": DATA}
    run = make_run(tmp_path, 100, nan_at=0, facts=facts).root
    async with dashboard(run, tmp_path) as (_, pilot):
        await pilot.press("b")
        await shows(pilot, "cannot tell: no finished baseline run")


async def test_without_a_measured_conflict_the_plane_says_what_measures_it(tmp_path: Path) -> None:
    run = make_run(tmp_path, 100, nan_at=0).root
    async with dashboard(run, tmp_path) as (_, pilot):
        await pilot.press("P")
        await notified(pilot, "diagnose.every")


def table(norms: np.ndarray, conflict: np.ndarray, names: tuple[str, ...]) -> TableSnapshot:
    columns = ["step", *(f"grad_norm/{m}" for m in names), *(f"conflict_cosine/{m}" for m in names)]
    steps = np.arange(len(norms), dtype=float)[:, None]
    return TableSnapshot(columns, np.hstack([steps, norms, conflict]))


@given(st.integers(1, 50), st.integers(1, 6), st.integers(0, 2**31))
def test_the_relative_gradients_of_all_modalities_have_the_mean_one(
    rows: int, modalities: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    names = tuple(f"m{place}" for place in range(modalities))
    norms = random.lognormal(size=(rows, modalities))
    found = trails(table(norms, random.uniform(-1, 1, (rows, modalities)), names), names)
    shares = np.array([2.0**trail.balance for trail in found])
    assert shares.mean(axis=0) == pytest.approx(np.ones(rows))


def test_rows_without_a_measurement_are_no_points_and_a_dead_gradient_is_one() -> None:
    norms = np.array([[1.0, 1.0], [1.0, 3.0], [0.0, 2.0]])
    conflict = np.array([[0.5, 0.5], [math.nan, math.nan], [-0.5, 0.25]])
    audio, visual = trails(table(norms, conflict, ("audio", "visual")), ("audio", "visual"))
    assert audio.steps.tolist() == visual.steps.tolist() == [0.0, 2.0]
    assert audio.balance.tolist() == [0.0, -math.inf]
    assert audio.conflicting == 0.5 and visual.conflicting == 0.0


@given(
    st.lists(st.tuples(st.floats(-0.5, 1.5), st.floats(-0.5, 1.5)), min_size=1, max_size=30),
    st.sampled_from([BRAILLE, HALF, ASCII]),
)
def test_each_point_lies_in_the_cell_that_a_slow_twin_finds(
    points: list[tuple[float, float]], glyphs: Glyphs
) -> None:
    width, height = 7, 5
    x, y = (np.array(values) for values in zip(*points, strict=True))
    found = scatter([(x, y)], width, height, glyphs)
    expected = set()
    for a, b in points:
        a, b = min(max(a, 0.0), 1.0), min(max(1 - min(max(b, 0.0), 1.0), 0.0), 1.0)
        column = min(int(a * width * glyphs.across), width * glyphs.across - 1)
        row = min(int(b * height * glyphs.down), height * glyphs.down - 1)
        expected.add((row // glyphs.down, column // glyphs.across))
    assert {tuple(cell) for cell in np.argwhere(found.owner == 0).tolist()} == expected


@pytest.mark.parametrize("glyphs", [BRAILLE, ASCII])
@pytest.mark.parametrize("width", [30, 60, 100])
def test_lines_fit_their_width_and_send_nothing_raw(width: int, glyphs: Glyphs) -> None:
    styles = make_styles(glyphs)
    known = estimate([0.7, 0.72, 0.71])
    pair = paired_difference({0: 0.8, 1: 0.82}, {0: 0.7, 1: 0.73})
    column = f"val_own_accuracy/{HOSTILE}"
    effect = Effect(HOSTILE, (HOSTILE, "b"), (EffectLine(column, 0.9, known, 0.05, pair),))
    random = np.random.default_rng(0)
    names = (HOSTILE, "visual")
    found = trails(
        table(random.lognormal(size=(9, 2)), random.uniform(-1, 1, (9, 2)), names), names
    )
    for lines in (effect_lines(effect, styles, width), plane_lines(found, styles, width, 24)):
        text = "\n".join(line.plain for line in lines)
        assert "\x1b" not in text and "\x07" not in text and "\u202e" not in text
        if width >= 60:
            assert max(cell_len(line) for line in text.splitlines()) <= width


async def test_the_plane_is_drawn_again_when_rows_come(tmp_path: Path) -> None:
    run = make_run(tmp_path, 60, nan_at=0).root
    names = ("audio", "visual")
    async with dashboard(run, tmp_path) as (app, pilot):

        def scene(conflict: float) -> Scene:
            amount = 1 if conflict > 0 else 2
            rows = table(np.ones((amount, 2)), np.full((amount, 2), conflict), names)
            return replace(app.main.scene, data=RunData({"steps": rows}))

        scenes = [scene(0.5)]
        await app.push_screen(PlaneScreen(lambda: scenes[-1]))
        await shows(pilot, "conflict 0.500")
        scenes.append(scene(-0.25))
        await shows(pilot, "conflict -0.250")
