"""Alerts by bell, title and a line in the corner: what is new, and that once."""

from __future__ import annotations

import re
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from fake_trainer import FakeTrainer
from terminal import Grid, Terminal, dashboard_command
from tui_kit import dashboard, notified, settle, until

from asgml.storage.alerts.acknowledged import acknowledge
from asgml.storage.format.events import Event
from asgml.storage.format.safe_text import safe
from asgml.tui.app import Dashboard
from asgml.tui.scene.history import History
from asgml.tui.scene.scene import Scene, TrainerProcess
from asgml.tui.screens.announcer import title_of
from asgml.tui.terminal.title import TerminalTitle, has_title

ALL = ("bell", "title", "toast")
HOSTILE = "\x1b]0;owned\x07\n[bold]x[/bold]\u202e"


def alert(message: str = "so big at step 4", level: str = "error", **fields: object) -> Event:
    return Event("alert", 110, 1.0, 1.0, 0, {"level": level, "message": message, **fields})


class Bells:
    """Counts the bells of a dashboard that has no terminal."""

    def __init__(self, app: Dashboard, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        monkeypatch.setattr(app, "bell", self._ring)

    def _ring(self) -> None:
        self.count += 1


def opened(app: Dashboard, ways: tuple[str, ...]) -> None:
    """Have the dashboard announce, from its next scene on."""
    app.parts.announcer._ways = frozenset(ways)


async def test_a_new_alert_rings_once_and_shows_one_line(
    trainer: FakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer.writer.event(alert("it was there before"))
    trainer.writer.flush()
    async with dashboard(trainer.paths.root, trainer.paths.root.parent) as (app, pilot):
        bells = Bells(app, monkeypatch)
        opened(app, ALL)
        trainer.train_step()
        trainer.writer.flush()
        await settle(pilot)
        assert bells.count == 0 and not app._notifications
        for message in ("the first", "the second", HOSTILE):
            trainer.writer.event(alert(message))
        trainer.writer.flush()
        await notified(pilot, f"{safe(HOSTILE.replace(chr(10), ' '))} (and 2 more: A)")
        assert bells.count == 1 and len(app._notifications) == 1
        trainer.train_step()
        trainer.writer.flush()
        await settle(pilot)
        assert bells.count == 1


@pytest.mark.parametrize(
    ("event", "rings", "shows"),
    [
        (alert(), True, True),
        (alert(notify=["bell"]), True, False),
        (alert(notify=["toast", "hook"]), False, True),
        (alert(notify=[]), False, False),
        (alert(level="warning"), False, True),  # a remark of the trainer's own
        (Event("failed", 110, 1.0, 1.0, 0, {"error": "out of memory"}), True, True),
        (Event("finished", 110, 1.0, 1.0, 0), False, True),
        (Event("phase", 110, 1.0, 1.0, 0, {"message": "window opens"}), False, False),
    ],
)
async def test_an_alert_goes_the_ways_that_its_rule_names(
    event: Event, rings: bool, shows: bool, trainer: FakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with dashboard(trainer.paths.root, trainer.paths.root.parent) as (app, pilot):
        bells = Bells(app, monkeypatch)
        opened(app, ALL)
        trainer.writer.event(event)
        trainer.writer.flush()
        await until(
            pilot, lambda: event.kind in [e.kind for e in app.main.scene.history.events], "it came"
        )
        await settle(pilot)
        assert (bells.count == 1, len(app._notifications) == 1) == (rings, shows)


async def test_nothing_is_told_where_the_user_wants_none(
    trainer: FakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with dashboard(trainer.paths.root, trainer.paths.root.parent) as (app, pilot):
        bells = Bells(app, monkeypatch)
        opened(app, ("title",))
        trainer.writer.event(alert())
        trainer.writer.flush()
        await until(pilot, lambda: bool(app.main.scene.open_alerts), "it came")
        assert bells.count == 0 and not app._notifications


async def test_what_was_acknowledged_elsewhere_meanwhile_rings_no_more(
    trainer: FakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with dashboard(trainer.paths.root, trainer.paths.root.parent) as (app, pilot):
        bells = Bells(app, monkeypatch)
        opened(app, ALL)
        acknowledge(trainer.paths, [f"e{len(app.main.scene.history.events)}"])
        trainer.writer.event(alert())
        trainer.writer.flush()
        await until(pilot, lambda: bool(app.main.scene.history.alerts), "it came")
        assert bells.count == 0


@pytest.mark.parametrize(
    ("scene", "title"),
    [
        (Scene("mnist-07", "running"), "mnist-07 running"),
        (Scene("mnist-07", "finished"), "mnist-07 finished"),
        (Scene("mnist-07", "crashed"), "▲ mnist-07 crashed"),
        (Scene("mnist-07", "stale", trainer=TrainerProcess(silent=90)), "▲ mnist-07 stale"),
    ],
)
def test_the_title_tells_name_and_state(scene: Scene, title: str) -> None:
    assert title_of(scene, "▲") == title


def test_the_title_is_sent_where_it_changes_saved_before_and_given_back() -> None:
    sent: list[str] = []
    title = TerminalTitle(sent.append)
    title.restore()
    for text in ("a running", "a running", HOSTILE * 50, "a running"):
        title.show(text)
    title.restore()
    title.restore()
    assert sent[0] == "\x1b[22;0t\x1b]0;a running\x07" and sent[3] == "\x1b[23;0t"
    shown = re.fullmatch("\x1b\\]0;(.{80})\x07", sent[1])
    assert shown is not None and shown[1] == safe(shown[1]) and len(sent) == 4


@pytest.mark.parametrize(
    ("term", "has"),
    [("xterm-256color", True), ("tmux-256color", True), ("screen", True), ("linux", False),
     ("dumb", False), ("vt100", False), ("", False)],
)  # fmt: skip
def test_only_a_terminal_with_a_title_gets_one(term: str, has: bool) -> None:
    assert has_title({"TERM": term}) is has


class Kept(Grid):
    """A grid that keeps everything it is fed."""

    def __init__(self) -> None:
        super().__init__(120, 36)
        self.sent = ""

    def feed(self, text: str) -> None:
        self.sent += text
        super().feed(text)

    @property
    def bells(self) -> int:
        return re.sub("\x1b\\].*?\x07", "", self.sent).count("\x07")


def wait(holds: object, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)


def test_on_a_terminal_it_rings_sets_the_title_and_leaves_no_trace(
    trainer: FakeTrainer,
) -> None:
    command = dashboard_command(str(trainer.paths.root), Path(trainer.paths.root.parent),
                                announces=ALL)  # fmt: skip
    terminal = Terminal(command, 120, 36)
    grid = terminal.grid = Kept()
    try:
        wait(lambda: "\x1b[22;0t\x1b]0;live-01 running\x07" in grid.sent)
        assert grid.bells == 0
        trainer.writer.event(alert())
        trainer.writer.flush()
        wait(lambda: "\x1b]0;▲ live-01 running ▲1\x07" in grid.sent and grid.bells == 1)
        terminal.press("a")
        wait(lambda: grid.sent.count("\x1b]0;live-01 running\x07") == 2)
        terminal.press("q")
        assert terminal.process.wait(30) == 0
        wait(lambda: "\x1b[23;0t" in grid.sent)
        assert grid.bells == 1 and grid.sent.count("\x1b]0;") == 3
    finally:
        terminal.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_dashboard_that_a_signal_ends_gives_the_title_back(
    number: int, trainer: FakeTrainer
) -> None:
    script = f"""
from pathlib import Path
from asgml.tui.app import run_dashboard
from asgml.tui.terminal.held_terminal import held_terminal
with held_terminal("loading") as held:
    run_dashboard({str(trainer.paths.root)!r}, Path({str(trainer.paths.root.parent)!r}),
                  announces={ALL!r}, held=held)
"""
    terminal = Terminal([sys.executable, "-P", "-c", script], 120, 36)
    grid = terminal.grid = Kept()
    try:
        wait(lambda: "\x1b[22;0t\x1b]0;live-01 running\x07" in grid.sent)
        terminal.process.send_signal(number)
        assert terminal.process.wait(30) == -number
        wait(lambda: "\x1b[23;0t" in grid.sent)
        assert grid.sent.count("\x1b[22;0t") == grid.sent.count("\x1b[23;0t") == 1
    finally:
        terminal.close()


def test_a_replay_tells_of_no_alert() -> None:
    """Its events are those of the past, whatever is played."""
    from asgml.tui.scene.scene import Transport
    from asgml.tui.screens.announcer import Announcer

    class NoApp:
        bells = 0

        def bell(self) -> None:
            self.bells += 1

        def send(self, text: str) -> None: ...

    app = NoApp()
    announcer = Announcer(app, ("bell", "toast"))  # type: ignore[arg-type]
    scene = Scene("r", "running", transport=Transport(True, 1.0, 1, 2))
    announcer.announce(scene)
    announcer.announce(replace(scene, history=History(events=[alert()])))
    assert app.bells == 0
    live = Scene("r", "running")
    announcer.announce(live)
    announcer.announce(replace(live, history=History(events=[alert(notify=["bell"])])))
    assert app.bells == 1
