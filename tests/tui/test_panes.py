"""Panes with many names, methods, metrics and runs: all fits, and no fold loses a line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from course import make_manifest
from fake_trainer import FakeTrainer
from hypothesis import given
from hypothesis import strategies as st
from make_run import make_run
from rich.cells import cell_len
from tui_kit import dashboard, screen_text, shows, until

from asgml.storage.format.layout import RunPaths
from asgml.storage.format.metrics import METRICS
from asgml.storage.format.process import this_host
from asgml.storage.format.safe_text import safe
from asgml.storage.read.probe_gap import Gap
from asgml.storage.runs.record import RunRecord
from asgml.tui.app import Dashboard
from asgml.tui.plot.glyphs import BRAILLE
from asgml.tui.scene.balance import BalanceSummary, ModalityBalance, ModulatorStatus
from asgml.tui.scene.balance_summary import noise_share
from asgml.tui.scene.log_lines import LogLine
from asgml.tui.scene.panels import importance, panels_of
from asgml.tui.scene.run_data import RunData, TableSnapshot
from asgml.tui.scene.scene import MetricRow, Progress, Scene
from asgml.tui.scene.scene_builder import SeriesStore, metric_rows, panels_with_data
from asgml.tui.scene.series import Summary
from asgml.tui.terminal.format import shorten
from asgml.tui.terminal.theme import make_styles
from asgml.tui.widgets.balance import balance_rows
from asgml.tui.widgets.events import newest
from asgml.tui.widgets.runs import as_on_screen

STYLES = make_styles(BRAILLE)
MODULATORS = tuple(
    ModulatorStatus(name, "", on, "epochs 0–50")
    for name, on in (("ogm_ge", True), ("mmpareto", False), ("boost", True), ("g_blending", True))
)


FOUND = Gap(0.1234, 0.0456, "utilization", "sound0", "sound0 dominates", "by utilization")


@pytest.mark.parametrize("alone", [math.nan, 0.7349])
@pytest.mark.parametrize("modalities", [2, 6])
@pytest.mark.parametrize("width", [60, 80, 96, 106, 107, 156])
def test_many_modulators_and_modalities_fit_the_balance_panel(
    width: int, modalities: int, alone: float
) -> None:
    numbers = (0.5123, 0.4, 12.345, 0.0001234, 0.336, 1.5, 123.4, alone, 0.6)
    lines = tuple(ModalityBalance(f"sound{place}", *numbers) for place in range(modalities))
    balance = BalanceSummary(lines, FOUND, MODULATORS)
    rows = balance_rows(balance, STYLES, width)
    assert all(row.cell_len <= width for row in rows)
    assert all(modulator.name in rows[0].plain for modulator in MODULATORS) or width < 80
    assert not any("…" in row.plain for row in rows) or width < 80


NOISY = ModalityBalance("sound", 0.5, 0.4, 2.0, 1.98, 0.3, 1.0, 1.2, noise_share=0.68)


@pytest.mark.parametrize(("width", "said"), [(156, "held back, noise 68%"), (78, " noise 68%")])
def test_the_noise_in_a_step_is_said_where_there_is_some(width: int, said: str) -> None:
    for share, shown in ((0.68, True), (0.001, False), (math.nan, False)):
        balance = BalanceSummary((replace(NOISY, noise_share=share),), FOUND, MODULATORS)
        rows = balance_rows(balance, STYLES, width)
        assert all(row.cell_len <= width for row in rows)
        assert any(said in row.plain for row in rows) == shown
        assert any("noise" in row.plain for row in rows) == shown


@pytest.mark.parametrize("width", range(40, 160, 3))
def test_the_noise_takes_the_place_of_no_bar(width: int) -> None:
    balance = BalanceSummary((NOISY,), FOUND, MODULATORS)
    rows = balance_rows(balance, STYLES, width)
    assert all(row.cell_len <= width for row in rows)
    assert any("█" in row.plain for row in rows)


@pytest.mark.parametrize(
    ("after", "clean", "share"),
    [(2.0, 2.0, 0.0), (2.0, 1.0, 0.75), (1.0, 1.1, 0.0), (1.0, 0.0, 1.0)],
)
def test_the_share_of_noise_by_hand(after: float, clean: float, share: float) -> None:
    assert noise_share(after, clean) == pytest.approx(share)


def test_a_share_of_noise_that_is_not_recorded_is_unknown() -> None:
    unknown = [(0.0, 0.0), (math.nan, 1.0), (1.0, math.nan), (math.inf, 1.0)]
    assert all(math.isnan(noise_share(after, clean)) for after, clean in unknown)


@pytest.mark.parametrize(("width", "shown"), [(80, "alone 0.73→0.60"), (156, "0.735→0.600")])
def test_a_modality_with_a_reference_shows_itself_alone_and_inside(width: int, shown: str) -> None:
    numbers = (0.5, 0.4, 1.0, 1.0, 1.0, 1.0, 1.0)
    lines = (ModalityBalance("audio", *numbers, 0.7349, 0.6), ModalityBalance("visual", *numbers))
    rows = [row.plain for row in balance_rows(BalanceSummary(lines), STYLES, width)]
    assert shown in rows[-2] and "→0.6" not in rows[-1]
    without = balance_rows(BalanceSummary(lines[1:]), STYLES, width)
    assert not any("alone" in row.plain for row in without)


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([(0.73, 0.60), (0.50, 0.20)], "visual starved by 30.0"),
        ([(0.73, 0.711), (0.50, 0.60)], ""),
        ([(0.73, math.nan), (math.nan, 0.2)], ""),
    ],
)
@pytest.mark.parametrize("width", [60, 80, 156])
def test_the_most_starved_modality_is_named(
    pairs: list[tuple[float, float]], words: str, width: int
) -> None:
    numbers = (0.5, 0.4, 1.0, 1.0, 1.0, 1.0, 1.0)
    lines = tuple(
        ModalityBalance(name, *numbers, *pair)
        for name, pair in zip(("audio", "visual"), pairs, strict=True)
    )
    summary = balance_rows(BalanceSummary(lines, FOUND), STYLES, width)[0].plain
    assert (words in summary) if words else ("starved" not in summary)


@given(st.text(max_size=40), st.integers(1, 30))
def test_a_shortened_name_fits_and_keeps_its_end(text: str, width: int) -> None:
    name = safe(text)
    short = shorten(name, width)
    assert cell_len(short) <= width and (short == name or cell_len(name) > width)


def test_the_number_of_a_run_survives_shortening() -> None:
    assert shorten("synthetic-ogm_ge+boost-01", 16).endswith("boost-01")
    assert shorten("synthetic-ogm_ge+boost-01", 16).startswith("synth")


def line(step: int, routine: bool) -> LogLine:
    return LogLine(step, "CKPT" if routine else "CMD", f"step {step}", "info", 0.0, routine)


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 12))
def test_folding_loses_no_line_that_is_no_routine(kinds: list[bool], most: int) -> None:
    lines = [line(step, routine) for step, routine in enumerate(kinds)]
    shown = newest(lines, most)
    assert len(shown) <= most
    told = [entry.step for entry in reversed(lines) if not entry.routine]
    kept = [entry.step for entry in shown if not entry.routine]
    assert kept == told[: len(kept)] and (len(shown) == most or kept == told)


def test_a_row_of_checkpoints_is_one_line_that_counts_them() -> None:
    shown = newest([line(1, True), line(2, True), line(3, True), line(4, False)], 5)
    assert [entry.text for entry in shown] == ["step 4", "step 3  and 2 before"]


def test_the_run_on_screen_shows_in_the_list_what_its_status_line_says() -> None:
    listed = RunRecord(Path("/runs/x"), "x", "running", {}, {}, {}, step=10)
    on_screen, other = (Scene(name, "paused", progress=Progress(12)) for name in ("x", "y"))
    assert as_on_screen(listed, on_screen) == replace(listed, state="paused", step=12)
    assert as_on_screen(listed, other) == listed


def rows_of(columns: Iterable[str], value: float) -> list[MetricRow]:
    """Rows as they are once every column held `value` for three steps."""
    manifest = make_manifest("x")
    names = ["step", *columns]
    data = [[step, *[value for _ in names[1:]]] for step in (1.0, 2.0, 3.0)]
    table = TableSnapshot(names, np.array(data))
    run_data = RunData({"steps": table, "probes": table})
    return list(metric_rows(manifest, run_data, SeriesStore()))


def test_the_first_charts_are_those_that_tell_of_balance() -> None:
    titles = [panel.title for panel in panels_of(make_manifest("x"))]
    assert titles[:7] == [
        "probe accuracy",
        "gain",
        "gradient norm",
        "loss",
        "accuracy",
        "boost scale",
        "discrepancy ratio",
    ]
    assert titles[-1] == "system"
    assert [metric.panel for metric in sorted(METRICS, key=importance)][:3] == titles[:3]


def test_a_chart_of_factors_that_never_left_1_is_not_shown() -> None:
    columns = [
        f"{name}/{modality}"
        for name in ("gain", "throttle", "grad_norm")
        for modality in ("audio", "visual")
    ]
    manifest = make_manifest("x")
    still, moved = rows_of(columns, 1.0), rows_of(columns, 0.5)
    assert [panel.title for panel in panels_with_data(manifest, still)] == ["gradient norm"]
    assert [panel.title for panel in panels_with_data(manifest, moved)] == [
        "gain",
        "gradient norm",
        "throttle",
    ]
    assert [row.column for row in still][:2] == ["grad_norm/audio", "grad_norm/visual"]
    assert all(row.summary != Summary() for row in still)


async def test_a_trainer_that_never_began_has_nothing_to_replay(tmp_path: Path) -> None:
    paths = RunPaths(tmp_path / "bad-01")
    paths.commands.mkdir(parents=True)
    paths.config.write_text("[run]\n")
    paths.launch.write_text(json.dumps({"pid": 999999999, "process_start": 1, "host": this_host()}))
    paths.trainer_log.write_text("data file nowhere.npz: no such file\n")
    async with dashboard("bad-01", tmp_path) as (app, pilot):
        await shows(pilot, "data file nowhere.npz: no such file")
        assert "replay" not in app.farewell() and "bad-01/trainer.log" in app.farewell()
        assert "the training never began; the reason is in trainer.log" in app.session.refusal()
        assert not any("this run declares no knobs" in row for row in screen_text(app))
    assert isinstance(app, Dashboard)


async def test_a_chart_that_appears_does_not_take_the_chosen_ones_place(tmp_path: Path) -> None:
    trainer = FakeTrainer(RunPaths(tmp_path / "new-01"))
    trainer.train_step()
    trainer.writer.flush()
    async with dashboard("new-01", tmp_path) as (app, pilot):
        await pilot.press("tab")
        chosen = app.main.panels[1].title
        assert app.main.panels[0].title != "probe accuracy"
        for _ in range(60):
            trainer.train_step()
        trainer.writer.flush()
        await until(
            pilot, lambda: app.main.panels[0].title == "probe accuracy", "the first probe is drawn"
        )
        assert app.main.panels[app.view.selected].title == chosen
    trainer.close()


async def test_another_run_is_drawn_from_its_own_rows(tmp_path: Path) -> None:
    make_run(tmp_path, 880, name="a-01", nan_at=0, seed=1)
    make_run(tmp_path, 960, name="b-01", nan_at=0, seed=2)

    def drawn(app: Dashboard) -> list[str]:
        return [row[:100] for row in screen_text(app)[8:36]]  # the charts

    async with dashboard("b-01", tmp_path) as (app, _):
        alone = drawn(app)
    async with dashboard("a-01", tmp_path) as (app, pilot):
        app.session.open("b-01")
        await shows(pilot, "step 960/")
        await until(
            pilot,
            lambda: drawn(app) == alone,
            "the charts of the other run, as if it had been opened at once",
        )
