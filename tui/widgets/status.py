"""The status line: is it alive, where is it, how fast, with which alpha. And the notice below it when something is wrong."""

from __future__ import annotations

import math

from rich.style import Style
from rich.text import Text

from asgml.storage.format.safe_text import safe
from asgml.storage.format.status import ALIVE, ENDED_BADLY
from asgml.storage.format.value_text import number, setting
from asgml.tui.scene.marks import short_knob
from asgml.tui.scene.scene import Scene
from asgml.tui.scene.view_state import AXES, View
from asgml.tui.terminal.format import age, bar, coarse, count, plural, shorten
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.lines import Lines, wrapped

_GAP = "  "


class Status(Lines):
    """One line; where it gets narrow, the least important parts go first."""

    DEFAULT_CSS = "Status { height: 1; }"

    def show_scene(self, scene: Scene, readonly: bool) -> None:
        parts = _parts(scene, self.theme_styles, readonly, scene.name)
        if _width(parts) > self.size.width:
            parts = _parts(scene, self.theme_styles, readonly, shorten(scene.name, _NAME))
        self.show([fit_parts(parts, self.size.width)])


Part = tuple[int, Text]
"""Importance (0 stays longest) and text."""


def fit_parts(parts: list[Part], width: int) -> Text:
    """The parts in their order, as many as fit, the important ones first."""
    kept = list(parts)
    while len(kept) > 1 and _width(kept) > width:
        kept.remove(max(kept, key=lambda part: part[0]))
    line = Text(_GAP).join([text for _, text in kept])
    line.truncate(width, overflow="ellipsis")
    return line


def _width(parts: list[Part]) -> int:
    return sum(text.cell_len for _, text in parts) + len(_GAP) * (len(parts) - 1)


_NAME = 24
"""Cells that are enough to know a run by, where there is no room for its whole name."""


def _parts(scene: Scene, styles: Styles, readonly: bool, name: str) -> list[Part]:
    sign, style = styles.state(scene.state)
    parts: list[Part] = [
        (0, Text(f" {sign} {scene.state.upper()}", style)),
        (2, Text(name, styles.strong)),
    ]
    if scene.manifest is not None:
        parts += _progress(scene, styles) + _pace(scene, styles)
        if (knob := scene.main_knob) is not None:
            parts.append(
                (5, Text(f"{short_knob(knob.knob.name)} {setting(knob.value)}", styles.strong))
            )
    if scene.manifest is not None and scene.transport is None and scene.state in ALIVE:
        fresh = age(scene.trainer.silent)
        parts.append(
            (
                8 if fresh == "now" else 1,
                Text(f"data {fresh}", styles.muted if fresh == "now" else styles.warn),
            )
        )
    if readonly and scene.transport is None:
        parts.append((4, Text("read-only", styles.warn)))
    return parts


def _progress(scene: Scene, styles: Styles) -> list[Part]:
    step = f"step {count(scene.progress.step)}" + (f"/{count(scene.total)}" if scene.total else "")
    parts: list[Part] = [(1, Text(step, styles.text))]
    if scene.total:
        share = scene.progress.step / scene.total
        full, empty = styles.glyph("█", "#"), styles.glyph("░", ".")
        parts.append(
            (
                9,
                Text.assemble(
                    (bar(share, 16, full, ""), styles.good),
                    (empty * (16 - round(min(share, 1) * 16)), styles.frame),
                ),
            )
        )
        parts.append((3, Text(f"{min(int(share * 100), 100)}%", styles.text)))
    if scene.manifest is not None and scene.manifest.total_epochs:
        parts.append(
            (
                8,
                Text(
                    f"epoch {min(scene.progress.epoch + 1, scene.manifest.total_epochs)}/{scene.manifest.total_epochs}",
                    styles.text,
                ),
            )
        )
    return parts


def _pace(scene: Scene, styles: Styles) -> list[Part]:
    parts: list[Part] = [(10, Text(coarse(scene.progress.active), styles.muted))]
    if scene.state in ALIVE:
        if math.isfinite(scene.eta):
            parts.append((6, Text(f"eta {coarse(scene.eta)}", styles.text)))
        if math.isfinite(scene.progress.rate):
            parts.append((7, Text(f"{number(scene.progress.rate, 2)} it/s", styles.text)))
    return parts


class Chips(Lines):
    """The line under the status: the newest alert on the left, what the view shows on the right."""

    DEFAULT_CSS = "Chips { height: 1; }"

    def show_scene(self, scene: Scene, view: View, page: int, pages: int, asking: Text) -> None:
        right = fit_parts(self._chips(scene, view, page, pages), max(self.size.width // 2, 20))
        left = asking.copy() if asking.plain else self._left(scene)
        left.truncate(max(self.size.width - right.cell_len - 2, 0), overflow="ellipsis")
        self.show(
            [
                left.append(
                    " " * max(self.size.width - left.cell_len - right.cell_len - 1, 1)
                ).append_text(right)
            ]
        )

    def _left(self, scene: Scene) -> Text:
        styles = self.theme_styles
        if scene.history.alerts:
            last = scene.history.alerts[-1]
            text = Text("").append(
                f" {styles.glyph('▲', '!')} {plural(len(scene.history.alerts), 'alert')}",
                styles.level(last.level),
            )
            text.append("  A", styles.key)
            return text.append(f"  {last.text} @ step {count(last.step)}", styles.text)
        return Text(f" {_what(scene)}", styles.muted)

    def _chips(self, scene: Scene, view: View, page: int, pages: int) -> list[Part]:
        styles = self.theme_styles
        held = view.start is not None
        parts: list[Part] = [
            (2, Text(f"x: {AXES[view.axis]}", styles.muted)),
            (3, Text(f"smooth {view.smoothing:g}", styles.muted)),
            (
                1,
                Text(
                    styles.glyph("‖ held", "held") if held else styles.glyph("▶ follow", "follow"),
                    styles.warn if held else styles.muted,
                ),
            ),
        ]
        if view.zoom:
            parts.append((2, Text(f"zoom {2**view.zoom}×", styles.text)))
        if view.filter_text:
            parts.append((1, Text(f"filter “{view.filter_text}”", styles.warn)))
        if scene.overlay is not None:
            parts.append((2, Text(f"over {scene.overlay.name}", styles.muted)))
        if view.frozen:
            parts.append((0, Text("FROZEN VIEW", styles.warn)))
        if pages > 1:
            parts.append((1, Text(f"page {page + 1}/{pages}", styles.text)))
        return parts


class Notice(Lines):
    """What is wrong and what to do about it; nothing while all is well."""

    def show_scene(self, scene: Scene, room: int) -> None:
        width = max(self.size.width or self.app.size.width, 20)
        rows = [part for row in notice(scene, self.theme_styles) for part in wrapped(row, width)][
            : max(room, 1)
        ]
        self.display = bool(rows)
        self.show(rows)


def notice(scene: Scene, styles: Styles) -> list[Text]:
    """The banner for a state that needs a person, with the end of the trainer's own output where that explains it."""
    headline = _headline(scene)
    rows = (
        [_ribbon(f" {headline}", styles.bad if scene.state in ENDED_BADLY else styles.warn)]
        if headline
        else []
    )
    if scene.state in ENDED_BADLY or (scene.state == "starting" and scene.manifest is None):
        rows += [Text(f"   {line}", styles.muted) for line in scene.trainer.output]
    rows += [_ribbon(f" {problem}", styles.warn) for problem in scene.problems]
    return rows


def _what(scene: Scene) -> str:
    """Method, data and device, as far as the run tells them."""
    if scene.manifest is None:
        return ""
    words = (scene.manifest.method, scene.manifest.data.get("name", ""), scene.manifest.device)
    return safe("  ".join(str(word) for word in words if word))


def _ribbon(text: str, style: Style) -> Text:
    return Text(text, style)


def _headline(scene: Scene) -> str:
    go_on = f"`asgml resume {scene.name}` goes on from the last checkpoint"
    if scene.state == "crashed":
        return f"crashed: pid {scene.trainer.pid} is gone; {go_on}"
    if scene.state == "stale":
        return f"no sign of the trainer on {scene.trainer.host} for {coarse(scene.trainer.silent)}; if it is gone, {go_on}"
    if scene.state == "failed":
        return "failed: the trainer ended with an error; its last words are in trainer.log" + (
            "" if scene.manifest is None else f"; {go_on}"
        )
    if scene.state == "starting":
        return (
            "starting: the trainer is loading its libraries, this takes a few seconds"
            if scene.manifest is None
            else "starting again"
        )
    return ""
