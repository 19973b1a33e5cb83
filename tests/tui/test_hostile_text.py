"""Foreign text through the bytes of a terminal: never markup, never raw, the frames stay whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import terminal as terminal_module
from course import KNOBS, Course, make_manifest
from terminal import Terminal, dashboard_command

from asgml.storage.format.events import Event
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.status import State
from asgml.storage.write.writer import RunWriter

EVIL = "\x1b]0;OWNED\x07\x1b[2J\x9b31m[bold red]x[/][@click=app.quit]q[/]\u202eevil\u200b\u2066"
LONG = "宽e\u0301" * 5000
NAME = "[red]r[b]\u202e\x1b[2J"
_SENT = re.compile(
    r"\x1b\[[0-9;?=>]*[ -/]*[A-Za-z~]|\x1b[()=>][0B]?|\x1b\][0-9]+;[^\x07\x1b]*(\x07|\x1b\\)"
)


def hostile_run(root: Path) -> RunPaths:
    """A run whose every text is foreign."""
    paths = RunPaths(root / NAME)
    paths.commands.mkdir(parents=True)
    paths.config.write_text("[run]\n")
    manifest = make_manifest(NAME, (EVIL[:30], LONG[:200]))
    knobs = tuple(
        replace(knob, name=f"k{place}{EVIL}", help=LONG) for place, knob in enumerate(KNOBS)
    )
    metrics = tuple(
        replace(metric, panel=EVIL, unit=EVIL[:12]) if metric.name == "loss" else metric
        for metric in manifest.metrics
    )
    manifest = replace(manifest, knobs=knobs, metrics=metrics, method=EVIL, device=LONG, host=EVIL)
    writer = RunWriter.create(paths, manifest)
    course = Course(manifest)
    for text in (EVIL, LONG, EVIL * 200):
        fields = {"level": "error", "message": text, "column": text}
        writer.event(Event("alert", 1, 1.0, 1.0, 0, fields))
        note = {"command": "note", "answer": "applied", "note": text, "issuer": text, "id": "1"}
        writer.event(Event("command", 1, 1.0, 1.0, 0, note))
    for step in range(1, 121):
        for table, every in (("steps", 1), ("probes", 50), ("system", 20)):
            if step % every == 0:
                writer.append(table, course.row(table, step, 1.0e9 + step, float(step)))
    writer.mark(State.FAILED, 120, 0)
    paths.trainer_log.write_text(f"{EVIL}\n{LONG}\n[bold]last[/bold]\n")
    writer.close(State.FAILED)
    return paths


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """All that the program writes to the terminal."""
    pieces: list[str] = []
    feed = terminal_module.Grid.feed

    def kept(grid: terminal_module.Grid, text: str) -> None:
        pieces.append(text)
        feed(grid, text)

    monkeypatch.setattr(terminal_module.Grid, "feed", kept)
    yield pieces


@pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_foreign_text_reaches_the_terminal_as_text(
    size: tuple[int, int], tmp_path: Path, sent: list[str]
) -> None:
    hostile_run(tmp_path)
    shown = Terminal(dashboard_command(NAME, tmp_path), *size)
    try:
        assert shown.wait_for(lambda rows: any("FAILED" in row for row in rows), 60)
        assert shown.wait_quiet(0.7, 60)
        screens = [list(shown.grid.rows)]
        for keys in ("L", "\x1b", "A", "\x1b", "?", "\t", "\x1b", "g", "\x1b", "\x1b"):
            shown.press(keys)
            shown.wait_quiet(0.3, 20)
            screens.append(list(shown.grid.rows))
        assert shown.process.poll() is None
    finally:
        shown.close()
    text = "".join(sent)
    left = _SENT.sub("", text)
    raw = {letter for letter in left if letter < " " or "\x7f" <= letter < "\xa0"} - set("\r\n")
    assert raw <= {"\x1b"} and "\x1b[2J\x9b" not in text and "\x1b]0;OWNED" not in text
    assert not set(left) & set("\u202e\u200b\u2066")
    assert "[bold red]" in left and "[@click" in "".join("".join(rows) for rows in screens)
    for rows in screens:
        for row in rows:  # what opens a frame on the left closes it on the right
            if row.startswith(("╭", "╰", "│ ")):
                assert row[-1] in "╮╯│", row
