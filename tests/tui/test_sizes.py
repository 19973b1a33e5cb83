"""The screen at each size, and text of unknown origin on it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from fake_trainer import FakeTrainer
from make_run import make_run
from rich.cells import cell_len
from tui_kit import dashboard, notified, screen_text, settle, shows, until

from asgml.storage.format.events import Event
from asgml.storage.format.layout import RunPaths
from asgml.tui.app import Dashboard
from asgml.tui.widgets.bars import KeyBar
from asgml.tui.widgets.chart import Chart

SIZES = [(160, 45), (100, 30), (80, 24), (60, 18)]


@pytest.mark.parametrize(
    ("size", "colours"),
    [*((size, "dark") for size in SIZES), ((80, 24), "ansi"), ((80, 24), "none")],
    ids=lambda value: value if isinstance(value, str) else f"{value[0]}x{value[1]}",
)
def test_pictures(
    size: tuple[int, int],
    colours: str,
    made_run: RunPaths,
    snap_compare: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if colours == "ansi":
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.delenv("COLORTERM")
    if colours == "none":
        monkeypatch.setenv("NO_COLOR", "1")
    app = Dashboard("made-01", made_run.root.parent, clock="replay", at_step=2500, interval=0.25)

    async def drawn(pilot: Any) -> None:
        wide = size[0] >= 150
        await until(
            pilot,
            lambda: app.main.scene.progress.step == 2500 and (app.main.runs is not None) == wide,
            "step 2500 is drawn",
        )
        await settle(pilot)

    assert snap_compare(app, terminal_size=size, run_before=drawn)


@pytest.mark.parametrize(
    "size",
    [*SIZES, (200, 60), (120, 35), (149, 40), (99, 29), (41, 17), (45, 12)],
    ids=lambda size: f"{size[0]}x{size[1]}",
)
async def test_nothing_is_cut_off_or_overlaps(size: tuple[int, int], made_run: RunPaths) -> None:
    async with dashboard("made-01", made_run.root.parent, size) as (app, pilot):
        await until(pilot, lambda: app.main.scene.manifest is not None, "the run is drawn")
        await settle(pilot)
        rows = screen_text(app)
        shown = [
            widget
            for widget in app.screen.walk_children()
            if widget.display and widget.region.area and not widget.children
        ]
        assert all(cell_len(row) == size[0] for row in rows) and len(rows) == size[1]
        assert all(widget.region in app.screen.region for widget in shown)
        for place, widget in enumerate(shown):
            assert not any(widget.region.overlaps(other.region) for other in shown[place + 1 :])
        assert "made-01" in rows[0] and "help" in rows[-1] and "detach" in rows[-1]
        for chart in app.screen.query(Chart):
            if chart.display and chart.region.area and chart.panel is not None:
                assert len(chart._strips) == chart.size.height


@pytest.mark.parametrize(
    ("size", "needed"),
    [
        ((38, 8), "needs 40×10"),
        ((45, 9), "has 45×9: 40×10 is needed"),
        ((20, 5), "needs 40×10"),
        ((120, 8), "40×10"),
    ],
)
async def test_a_very_small_terminal_says_what_it_needs(
    size: tuple[int, int], needed: str, made_run: RunPaths
) -> None:
    async with dashboard("made-01", made_run.root.parent, size) as (app, pilot):
        rows = screen_text(app)
        assert "FINISHED" in rows[0] and needed in rows[1] and not "".join(rows[2:]).strip()
        await pilot.press("g")
        await until(pilot, lambda: app.screen is app.run_list, "the list")
        assert size[1] >= 8 or any("40×10" in row for row in screen_text(app))


async def test_resizing_draws_all_again(made_run: RunPaths) -> None:
    async with dashboard("made-01", made_run.root.parent, (160, 45)) as (app, pilot):
        await settle(pilot)
        before = screen_text(app)
        for size in [(80, 24), (60, 18), (160, 45)]:
            await pilot.resize_terminal(*size)
            await settle(pilot)
        assert screen_text(app) == before


@pytest.mark.parametrize("modalities", [2, 4, 6])
async def test_more_modalities_still_fit(modalities: int, tmp_path: Path) -> None:
    names = tuple(f"m{number}" for number in range(modalities))
    make_run(tmp_path, 120, name="many-01", modalities=names, nan_at=0)
    for size in SIZES:
        async with dashboard("many-01", tmp_path, size) as (app, _):
            text = "\n".join(screen_text(app))
            assert all(name in text for name in names)


async def test_a_chart_fills_the_screen_and_comes_back(made_run: RunPaths) -> None:
    async with dashboard("made-01", made_run.root.parent) as (app, pilot):
        before = screen_text(app)
        await pilot.press("enter")
        await settle(pilot)
        assert app.screen.query_one("#chart0", Chart).size.width == 160
        await pilot.press("escape")
        await settle(pilot)
        assert screen_text(app) == before


async def test_first_nan_is_an_alert_and_a_mark(made_run: RunPaths) -> None:
    async with dashboard("made-01", made_run.root.parent) as (app, pilot):
        await shows(pilot, "grad_norm/visual is NaN for the first time")
        assert any("✗" in row for row in screen_text(app)[8:36])
        await pilot.press("A", "enter")
        await until(pilot, lambda: app.view.cursor == 2200, "the cursor jumps there")
        await settle(pilot)
        values = {
            column: value
            for chart in app.screen.query(Chart)
            for column, value in chart.values.items()
        }
        assert math.isnan(values["grad_norm/visual"])


async def test_the_cursor_stands_at_the_same_step_on_all_charts(made_run: RunPaths) -> None:
    async with dashboard("made-01", made_run.root.parent) as (app, pilot):
        await pilot.press("c", "left", "left")
        await settle(pilot)
        assert app.view.cursor is not None and app.view.cursor < 3000
        wanted = f"@ step {math.floor(app.view.cursor)}"
        assert sum(row.count(wanted) for row in screen_text(app)) >= 2


async def test_a_filter_leaves_what_was_asked_for(made_run: RunPaths) -> None:
    async with dashboard("made-01", made_run.root.parent) as (app, pilot):
        await pilot.press("slash", *"boost", "enter")
        await settle(pilot)
        assert [panel.title for panel in app.main.panels] == ["boost scale"]
        assert any("filter “boost”" in row for row in screen_text(app))


async def test_another_run_is_laid_under_the_charts(made_run: RunPaths, tmp_path: Path) -> None:
    make_run(tmp_path, 600, name="b-01", nan_at=0)
    make_run(tmp_path, 300, name="a-01", nan_at=0)
    async with dashboard("a-01", tmp_path) as (app, pilot):
        await pilot.press("o")
        await until(pilot, lambda: app.screen is not app.main, "it asks which")
        await settle(pilot)
        names = [row for row in screen_text(app) if "b-01" in row]
        await pilot.press(*(["down", "enter"] if "a-01" in _first_run(app) else ["enter"]))
        assert names
        await until(
            pilot, lambda: app.main.scene.overlay is not None, "the other run is under the charts"
        )
        await settle(pilot)
        chart = app.screen.query_one("#chart0", Chart)
        assert chart.window.end > 600
        await pilot.press("o")
        await until(pilot, lambda: app.main.scene.overlay is None, "it is taken away")


def _first_run(app: Dashboard) -> str:
    return next(
        row for row in screen_text(app) if "-01" in row and "finished" in row and "│" in row
    )


HOSTILE = "[bold red]x[/] \x1b[31m\x07\x9b2J ‮evil [@click=app.quit]"


async def test_foreign_text_is_neither_markup_nor_control(tmp_path: Path) -> None:
    trainer = FakeTrainer(
        RunPaths(tmp_path / "[red]run[b] \x1b[2J"), modalities=("au[b]dio", "vis\x1bual")
    )
    trainer.writer.event(
        Event("alert", 1, 1.0, 1.0, 0, {"level": "warn", "message": HOSTILE, "column": "loss"})
    )
    trainer.writer.event(
        Event(
            "command",
            1,
            1.0,
            1.0,
            0,
            {"command": "note", "answer": "applied", "note": HOSTILE, "issuer": HOSTILE, "id": "1"},
        )
    )
    for _ in range(60):
        trainer.train_step()
    trainer.writer.flush()
    for size in SIZES:
        async with dashboard(trainer.paths.root, tmp_path, size) as (app, pilot):
            for keys in (
                [],
                ["L"],
                ["escape", "A"],
                ["escape", "g"],
                ["escape", "e"],
                ["escape", "S"],
            ):
                await pilot.press(*keys)
                await settle(pilot)
                text = "".join(screen_text(app))
                assert not any(
                    ord(letter) < 0x20 or 0x7F <= ord(letter) < 0xA0 or letter == "‮"
                    for letter in text
                )
            await pilot.press("escape")
            await settle(pilot)
            text = "\n".join(screen_text(app))
            assert "[red]run[b] ␛" in text and "au[b]dio" in text and "vis␛ual" in text
            assert size[0] < 100 or "[bold red]x[/] ␛[31m␇" in text
    trainer.close()


async def test_a_crashed_trainer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = FakeTrainer(RunPaths(tmp_path / "dead-01"))
    trainer.train_step()
    trainer.writer.flush()
    trainer.paths.trainer_log.write_text("Killed [oom]\n")
    monkeypatch.setattr("asgml.storage.read.reader.Run.state", lambda run, now=None: "crashed")
    async with dashboard("dead-01", tmp_path) as (app, pilot):
        await shows(pilot, "is gone; `asgml resume dead-01` goes on from the last checkpoint")
        await shows(pilot, "Killed [oom]")
        await pilot.press("s")
        await notified(pilot, "the training has crashed; `asgml resume dead-01`")
        assert "space" in app.screen.query_one(KeyBar).plain[0]
    trainer.close()


async def test_ascii_is_ascii(made_run: RunPaths) -> None:
    async with dashboard("made-01", made_run.root.parent, (100, 30), ascii=True) as (app, pilot):
        await settle(pilot)
        beyond = {letter for row in screen_text(app) for letter in row if ord(letter) > 126}
        assert beyond <= set("…–×α“”ρ\u2009░█")
