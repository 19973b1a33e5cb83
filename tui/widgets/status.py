"""The status line: is the run alive, how far is it, how fast, with which alpha."""

from __future__ import annotations

import math

from rich.text import Text

from asgml.storage.format.safe_text import safe
from asgml.storage.format.status import ALIVE, ENDED_BADLY
from asgml.storage.format.value_text import number, setting
from asgml.tui.scene.scene import Scene
from asgml.tui.terminal.format import age, bar, coarse, count, shorten
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.lines import Lines
from asgml.tui.widgets.segments import LineSegment, fit_segments, line_width, too_small

_NAME = 24
"""Cells that are enough to know a run by, where there is no room for its whole name."""
_BAR = 16


class Status(Lines):
    """One line on the state of the run."""

    DEFAULT_CSS = "Status { height: 1; }"

    def show_scene(self, scene: Scene, readonly: bool, frozen: bool = False) -> None:
        """Show the state; the run's name is shortened before a segment is left out."""
        styles, width = self.theme_styles, self.size.width
        segments = status_segments(scene, styles, readonly, scene.name, frozen)
        if line_width(segments) > width:
            name = shorten(scene.name, _NAME)
            segments = status_segments(scene, styles, readonly, name, frozen)
        small = too_small(*self.screen.size, styles)
        self.show([fit_segments(segments, width), *small])


def status_segments(
    scene: Scene, styles: Styles, readonly: bool, name: str, frozen: bool = False
) -> list[LineSegment]:
    """Return the segments of the status line; without a manifest only state and name are known."""
    segments = [
        LineSegment(0, _state(scene, styles)),
        LineSegment(2, Text(name, styles.strong)),
    ]
    if scene.manifest is not None:
        segments += _progress(scene, styles) + _pace(scene, styles)
        segments += _main_knob(scene, styles) + _data_age(scene, styles, frozen)
    if readonly and scene.transport is None:
        segments.append(LineSegment(4, Text("read-only", styles.warn)))
    return segments


def _state(scene: Scene, styles: Styles) -> Text:
    """Return the state; of a replay that it is one, and the state of the run at its moment."""
    sign, style = styles.state(scene.state)
    if scene.transport is None:
        return Text(f" {sign} {scene.state.upper()}", style)
    then = f"was {scene.state}" if scene.state in ALIVE else scene.state
    bad = scene.state in ENDED_BADLY
    return Text(" REPLAY ", styles.strong).append(then, style if bad else styles.muted)


def _progress(scene: Scene, styles: Styles) -> list[LineSegment]:
    step = f"step {count(scene.progress.step)}" + (f"/{count(scene.total)}" if scene.total else "")
    segments = [LineSegment(1, Text(step, styles.text))]
    if scene.total:
        share = scene.progress.step / scene.total
        segments.append(LineSegment(9, _progress_bar(share, styles)))
        segments.append(LineSegment(3, Text(f"{min(int(share * 100), 100)}%", styles.text)))
    epochs = scene.manifest.total_epochs if scene.manifest is not None else 0
    if epochs:
        epoch = f"epoch {min(scene.progress.epoch + 1, epochs)}/{epochs}"
        segments.append(LineSegment(8, Text(epoch, styles.text)))
    return segments


def _progress_bar(share: float, styles: Styles) -> Text:
    done = bar(share, _BAR, styles.glyph("█", "#"), "")
    rest = styles.glyph("░", ".") * (_BAR - len(done))
    return Text.assemble((done, styles.good), (rest, styles.frame))


def _pace(scene: Scene, styles: Styles) -> list[LineSegment]:
    segments = [LineSegment(10, Text(coarse(scene.progress.active), styles.muted))]
    if scene.state in ALIVE and scene.transport is None:
        if math.isfinite(scene.eta):
            segments.append(LineSegment(6, Text(f"eta {coarse(scene.eta)}", styles.text)))
        if math.isfinite(scene.progress.rate):
            rate = f"{number(scene.progress.rate, 2)} it/s"
            segments.append(LineSegment(7, Text(rate, styles.text)))
    return segments


def _main_knob(scene: Scene, styles: Styles) -> list[LineSegment]:
    state = scene.main_knob
    if state is None:
        return []
    text = f"{safe(state.knob.name)} {setting(state.value)}"
    return [LineSegment(5, Text(text, styles.strong))]


def _data_age(scene: Scene, styles: Styles, frozen: bool) -> list[LineSegment]:
    """Return the age of the newest data of a live run; old data stays on the line much longer."""
    if scene.transport is not None or scene.state not in ALIVE:
        return []
    if frozen:  # what is drawn grows older while nothing is drawn
        return [LineSegment(1, Text("data frozen", styles.warn))]
    fresh = age(scene.trainer.silent)
    rank, style = (8, styles.muted) if fresh == "now" else (1, styles.warn)
    return [LineSegment(rank, Text(f"data {fresh}", style))]
