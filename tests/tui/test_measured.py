"""A dash where nothing was measured, a red fault where a value is no number; on any screen."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from course import make_manifest
from fake_trainer import FakeTrainer
from hypothesis import given
from hypothesis import strategies as st
from make_run import make_run
from tui_kit import dashboard, screen_text, settle

from asgml.app.table_text import last_value
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.measured import accuracy_beside, measured_rows
from asgml.storage.format.metrics import Table
from asgml.storage.format.status import STATES, State
from asgml.storage.read.reader import Run
from asgml.storage.read.summary import metrics_of
from asgml.tui.plot.glyphs import ASCII, BRAILLE, HALF
from asgml.tui.plot.ranges import Range
from asgml.tui.scene.balance_summary import summarize_balance
from asgml.tui.scene.panels import panels_of
from asgml.tui.scene.run_data import RunData, TableSnapshot
from asgml.tui.scene.scene import MetricRow, Scene
from asgml.tui.scene.scene_builder import SeriesStore, build_scene
from asgml.tui.scene.series import Series, Summary
from asgml.tui.scene.view_state import View
from asgml.tui.terminal.measured_text import measured_style, measured_text
from asgml.tui.terminal.theme import make_styles
from asgml.tui.widgets.balance import balance_rows
from asgml.tui.widgets.curves import curves_of
from asgml.tui.widgets.legend import legend, legend_entries, legend_values
from asgml.tui.widgets.values import value_row

NAN, INF = math.nan, math.inf
CELLS = st.sampled_from([0.5, 0.25, NAN, INF, -INF])


def slow_measured(table: Table, column: str, values: list[float], accuracy: list[float]) -> list:
    """The rule in words, a row at a time."""
    told = []
    for row, value in enumerate(values):
        begun = any(not math.isnan(before) for before in values[: row + 1])
        if table in ("steps", "probes") and not column.startswith("conflict"):
            told.append(begun)
        elif table == "epochs" and column.endswith("_loss") and math.isfinite(accuracy[row]):
            told.append(True)
        else:
            told.append(not math.isnan(value))
    return told


@given(st.lists(st.tuples(CELLS, CELLS), max_size=12))
@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("steps", "loss"),
        ("steps", "conflict_cosine/audio"),
        ("probes", "probe_accuracy/audio"),
        ("epochs", "val_loss"),
        ("epochs", "test_accuracy"),
        ("system", "gpu"),
    ],
)
def test_measured_rows_by_hand(table: Table, column: str, cells: list[tuple[float, float]]) -> None:
    values, accuracy = [cell[0] for cell in cells], [cell[1] for cell in cells]
    found = measured_rows(table, column, np.array(values), lambda name: np.array(accuracy))
    told = slow_measured(table, column, values, accuracy)
    assert found.tolist() == told
    # the running summary sees the same, however the rows come in
    series, rows = Series(column, table=table), np.array([values, accuracy]).T.reshape(-1, 2)
    other = column.replace("_loss", "_accuracy") if column.endswith("_loss") else "other"
    steps = np.arange(1.0, len(rows) + 1)[:, None]
    for count in range(1, len(rows) + 1):
        snapshot = TableSnapshot(["step", column, other], np.hstack([steps, rows])[:count])
        summary = series.summary(snapshot)
        kept = [value for value, counts in zip(values[:count], told, strict=False) if counts]
        last = kept[-1] if kept else NAN
        assert summary.last == last or (math.isnan(summary.last) and math.isnan(last))
        assert (summary.fault is not None) == any(not math.isfinite(value) for value in kept)
        part = snapshot.column(column)[snapshot.measured(table, column)]
        assert np.array_equal(part, np.array(kept), equal_nan=True)


def scene_of(epochs: dict[str, list[float]], system: dict[str, list[float]]) -> Scene:
    manifest = make_manifest("x")
    tables = {}
    for name, columns in (("epochs", epochs), ("system", system)):
        rows = len(next(iter(columns.values())))
        axes = {"step": list(range(1, rows + 1)), "wall_time": [0.0] * rows}
        known = {**axes, "active_time": axes["step"], **columns}
        values = [known.get(column, [NAN] * rows) for column in manifest.columns(name)]
        tables[name] = TableSnapshot(manifest.columns(name), np.array(values, dtype=float).T)
    return build_scene("x", "running", manifest, RunData(tables), [], SeriesStore())


HEALTHY = scene_of(
    {
        "val_accuracy": [0.1, 0.2, 0.3],
        "val_loss": [2.0, 1.0, 0.5],
        "test_accuracy": [NAN, 0.25, NAN],
    },
    {"cpu": [90.0, 95.0], "gpu": [NAN, NAN]},
)
UNIT = Range(0.0, 1.0, 0.5)
DIVERGED = scene_of(
    {"val_accuracy": [0.1, 0.2], "val_loss": [2.0, NAN], "test_accuracy": [NAN, NAN]},
    {"cpu": [90.0, INF]},
)


@pytest.mark.parametrize("glyphs", [BRAILLE, HALF, ASCII], ids=lambda glyphs: glyphs.name)
@pytest.mark.parametrize("cursor", [None, 0.0, 1.0, 3.0])
def test_a_healthy_run_has_no_fault_in_charts_legends_and_values(
    cursor: float | None, glyphs: object
) -> None:
    styles, view = make_styles(glyphs), View(cursor=cursor)  # type: ignore[arg-type]
    for panel in panels_of(make_manifest("x")):
        for curve in curves_of(panel, HEALTHY, view):
            assert np.isfinite(curve.y).all()
        entries = legend_entries(panel, HEALTHY, legend_values(panel, HEALTHY, view), UNIT, styles)
        text = legend(entries, cursor, "step", 400, styles)
        assert "NaN" not in text.plain and glyphs.bad not in text.plain  # type: ignore[attr-defined]
        assert not any(span.style == styles.bad for span in text.spans)
    for row in HEALTHY.rows:
        line = value_row(row, styles, 80)
        assert "NaN" not in line.plain
        assert not any(span.style == styles.bad for span in line.spans)
    assert not HEALTHY.history.alerts


def test_a_value_that_is_no_number_is_a_fault_in_every_table() -> None:
    styles, view = make_styles(BRAILLE), View()
    faults = {row.column: row.summary.fault for row in DIVERGED.rows if row.summary.fault}
    assert set(faults) == {"val_loss", "cpu"}
    lines = {row.column: value_row(row, styles, 80) for row in DIVERGED.rows}
    assert "✗NaN" in lines["val_loss"].plain and "✗inf" in lines["cpu"].plain
    panels = {panel.title: panel for panel in DIVERGED.panels}
    panel = panels["epoch loss"]
    entries = legend_entries(panel, DIVERGED, legend_values(panel, DIVERGED, view), UNIT, styles)
    text = legend(entries, None, "step", 400, styles)
    assert "✗NaN" in text.plain and any(span.style == styles.bad for span in text.spans)


def test_texts_and_styles_of_values() -> None:
    for glyphs in (BRAILLE, HALF, ASCII):
        styles = make_styles(glyphs)
        shown = [measured_text(value, styles) for value in (None, 0.5, NAN, INF, -INF)]
        assert len(set(shown)) == 5
        if glyphs is ASCII:
            assert all(text.isascii() for text in shown)
        kinds = [measured_style(value, styles, styles.text) for value in (None, 0.5, NAN, INF)]
        assert kinds == [styles.muted, styles.text, styles.bad, styles.bad]


@pytest.mark.parametrize("glyphs", [BRAILLE, HALF, ASCII], ids=lambda glyphs: glyphs.name)
def test_no_sign_of_a_fault_is_a_marker_of_a_curve(glyphs: object) -> None:
    styles = make_styles(glyphs)  # type: ignore[arg-type]
    markers = {styles.marker(place) for place in range(8)}
    assert len(markers) == 8
    assert styles.glyphs.bad not in markers
    bad = {styles.state(state)[0] for state in STATES if styles.state(state)[1] == styles.bad}
    assert bad and not bad & markers


async def test_a_cpu_run_shows_no_fault_before_its_end(tmp_path: Path) -> None:
    make_run(tmp_path, 900, name="healthy-01", nan_at=0)
    for size in ((160, 45), (80, 24)):
        async with dashboard("healthy-01", tmp_path, size) as (app, pilot):
            for keys in ([], ["c"], ["left"], ["escape", "pagedown"], ["pagedown"]):
                await pilot.press(*keys)
                await settle(pilot)
                text = "\n".join(screen_text(app))
                assert "✗" not in text and "NaN" not in text


@pytest.mark.parametrize("width", [80, 156])
def test_the_balance_tells_a_fault_from_what_is_not_measured(width: int) -> None:
    styles, manifest = make_styles(BRAILLE), make_manifest("x")
    shown = {"gain/audio": NAN, "grad_norm/audio": INF, "grad_norm/visual": 0.5}
    metrics = {metric.name: metric for metric in manifest.metrics}
    rows = [
        MetricRow(column, metrics[column.partition("/")[0]], 0, Summary(last=value))
        for column, value in shown.items()
    ]
    lines = balance_rows(summarize_balance(manifest, rows, [], 0, 0), styles, width)
    audio, visual = (line.plain for line in lines[-2:])
    assert "✗NaN" in audio and "✗inf" in audio
    assert "NaN" not in visual and "–" in visual
    assert all(line.cell_len <= width for line in lines)


def test_show_tells_a_fault_from_what_is_not_measured(tmp_path: Path) -> None:
    trainer = FakeTrainer(RunPaths(tmp_path / "x-01"))
    trainer.train_step()
    columns = trainer.course.manifest.columns("epochs")
    row = dict(zip(columns, trainer.course.row("epochs", 1, 1.0, 1.0), strict=True))
    trainer.writer.append("epochs", list((row | {"val_loss": NAN}).values()))
    trainer.close(State.DIVERGED)
    run = Run.open(trainer.paths)
    run.refresh()
    metrics = metrics_of(run)
    told = {
        name: last_value(metrics[name], metrics.get(accuracy_beside(name)))
        for name in ("val_loss", "test_accuracy", "loss")
    }
    assert (told["val_loss"], told["test_accuracy"]) == ("NaN", "–") and "NaN" not in told["loss"]
