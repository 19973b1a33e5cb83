"""Alerts in the dashboard: told below the status, acknowledged by key, seen by every dashboard."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fake_trainer import FakeTrainer
from tui_kit import dashboard, notified, screen_text, settle, shows, until

from asgml.storage.alerts.acknowledged import acknowledge, acknowledged_file, read_acknowledged
from asgml.storage.format.events import Event
from asgml.tui.plot.glyphs import BRAILLE
from asgml.tui.scene.log_lines import LogLine
from asgml.tui.terminal.theme import make_styles
from asgml.tui.widgets.events import log_row


def raise_alert(trainer: FakeTrainer, text: str) -> None:
    fields = {"level": "error", "message": text, "at_step": 4, "rule": "big"}
    trainer.writer.event(Event("alert", 110, 1.0, 1.0, 0, fields))
    trainer.writer.flush()


async def test_the_newest_alert_is_acknowledged_by_a_key_and_the_next_takes_its_place(
    trainer: FakeTrainer,
) -> None:
    paths = trainer.paths
    async with dashboard(paths.root, paths.root.parent) as (app, pilot):
        first = len(app.session.scene.open_alerts)
        raise_alert(trainer, "the older one at step 4")
        raise_alert(trainer, "the newer one at step 4")
        await shows(pilot, f"{first + 2} alerts  a ack  A list  the newer one at step 4")
        await pilot.press("a")
        await shows(pilot, "a ack  A list  the older one at step 4")
        assert len(read_acknowledged(paths)) == 1
        assert any("the newer one" in row for row in screen_text(app)), "it stays in the log"
        for _ in range(first + 1):
            await until(pilot, lambda: bool(app.main.scene.open_alerts), "one is left")
            before = len(app.main.scene.open_alerts)
            await pilot.press("a")
            await until(pilot, lambda: len(app.main.scene.open_alerts) < before, "it was seen")  # noqa: B023
        await pilot.press("a")
        await notified(pilot, "there is no alert that is not acknowledged")
        await pilot.press("A")
        await shows(pilot, f"Alerts ({first + 2})")


async def test_what_was_acknowledged_elsewhere_is_seen_here(trainer: FakeTrainer) -> None:
    paths = trainer.paths
    async with dashboard(paths.root, paths.root.parent) as (app, pilot):
        raise_alert(trainer, "so big at step 4")
        await shows(pilot, "so big at step 4")
        acknowledge(paths, [line.id for line in app.session.scene.open_alerts])
        await until(pilot, lambda: not app.main.scene.open_alerts, "it is acknowledged")
        await settle(pilot)
        assert not any("a ack" in row for row in screen_text(app))


async def test_a_read_only_dashboard_acknowledges_nothing(trainer: FakeTrainer) -> None:
    paths = trainer.paths
    async with dashboard(paths.root, paths.root.parent, readonly=True) as (app, pilot):
        raise_alert(trainer, "so big at step 4")
        await shows(pilot, "so big at step 4")
        id = app.session.scene.open_alerts[-1].id
        await pilot.press("a")
        await notified(pilot, f"`asgml alerts {paths.name} --ack {id}` acknowledges it")
        assert not acknowledged_file(paths).exists()


async def test_a_file_that_cannot_be_written_is_told(trainer: FakeTrainer, tmp_path: Path) -> None:
    paths = trainer.paths
    acknowledged_file(paths).symlink_to(tmp_path / "victim")
    async with dashboard(paths.root, paths.root.parent) as (_, pilot):
        raise_alert(trainer, "so big at step 4")
        await shows(pilot, "so big at step 4")
        await pilot.press("a")
        await notified(pilot, "the alert could not be acknowledged")
    assert not os.path.exists(tmp_path / "victim")


@pytest.mark.parametrize("seen", [False, True])
def test_what_was_acknowledged_is_dim_in_the_list(seen: bool) -> None:
    styles = make_styles(BRAILLE)
    row = log_row(LogLine(4, "WARN", "so big", "bad", id="e1"), styles, 60, seen=seen)
    colours = {span.style for span in row.spans} or {row.style}
    assert row.plain == "       4 WARN  so big"
    assert (colours == {styles.muted}) is seen


async def test_a_crash_is_listed_and_acknowledged_by_the_id_that_its_watcher_gives_it(
    trainer: FakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = trainer.paths
    monkeypatch.setattr("asgml.storage.read.reader.Run.state", lambda run, now=None: "crashed")
    async with dashboard(paths.root, paths.root.parent) as (app, pilot):
        await until(pilot, lambda: bool(app.main.scene.open_alerts), "it is told")
        assert [line.id for line in app.main.scene.open_alerts] == ["crashed.0"]
        await pilot.press("A")
        await shows(pilot, "the trainer is gone: the last published step is")
        await pilot.press("escape", "a")
        await until(pilot, lambda: not app.main.scene.open_alerts, "it is acknowledged")
    assert read_acknowledged(paths) == {"crashed.0"}


async def test_no_data_counts_rows_as_the_watcher_does(
    trainer: FakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trainer that hangs in a step still gives a sign of life."""
    monkeypatch.setenv("ASGML_ALERTS", '[{"rule": "no_data", "for_seconds": 0.5}]')
    trainer.train_step()
    trainer.writer.flush()
    async with dashboard(trainer.paths.root, trainer.paths.root.parent) as (app, pilot):
        await until(pilot, lambda: bool(app.main.scene.open_alerts), "it is told")
        (line,) = app.main.scene.open_alerts
        assert line.id.startswith("no_data.") and line.text.startswith("no data for ")
        trainer.train_step()
        trainer.writer.flush()
        await until(pilot, lambda: line not in app.main.scene.open_alerts, "it is over")
