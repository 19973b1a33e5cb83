"""The line under the status: the newest alert or a pending request, and what the view shows."""

from __future__ import annotations

from rich.text import Text

from asgml.storage.format.safe_text import safe
from asgml.tui.scene.scene import Scene
from asgml.tui.scene.view_state import AXES, View
from asgml.tui.terminal.format import count, plural
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.lines import Lines
from asgml.tui.widgets.segments import LineSegment, fit_segments

_WIDE = 116
"""Columns from which the keys of alerts stand beside them."""


class Chips(Lines):
    """News on the left, the settings of the view on the right."""

    DEFAULT_CSS = "Chips { height: 1; }"

    def show_scene(self, scene: Scene, view: View, page: int, pages: int, pending: Text) -> None:
        """Show the settings; `pending` (empty without a request) stands in front of alerts."""
        styles, width = self.theme_styles, self.size.width
        settings = view_segments(scene, view, page, pages, styles)
        right = fit_segments(settings, max(width // 2, 20))
        left = pending.copy() if pending.plain else _news(scene, styles, width >= _WIDE)
        left.truncate(max(width - right.cell_len - 2, 0), overflow="ellipsis")
        gap = max(width - left.cell_len - right.cell_len - 1, 1)
        self.show([left.append(" " * gap).append_text(right)])


def view_segments(
    scene: Scene, view: View, page: int, pages: int, styles: Styles
) -> list[LineSegment]:
    """Return what the view shows; what is as usual goes first where it gets narrow."""
    segments = [
        LineSegment(2, Text(f"x: {AXES[view.axis]}", styles.muted)),
        LineSegment(3, Text(f"smooth {view.smoothing:g}", styles.muted)),
        LineSegment(1, _follow(view, styles)),
    ]
    if scene.control.foreign:
        segments.append(LineSegment(0, Text(scene.control.text, styles.warn)))
    elif scene.control.mine:
        segments.append(LineSegment(3, Text(scene.control.text, styles.muted)))
    if view.zoom:
        segments.append(LineSegment(2, Text(f"zoom {2**view.zoom}×", styles.text)))
    if view.filter_text:
        segments.append(LineSegment(1, Text(f"filter “{view.filter_text}”", styles.warn)))
    if scene.overlay is not None:
        segments.append(LineSegment(2, Text(f"over {scene.overlay.name}", styles.muted)))
    if view.frozen:
        segments.append(LineSegment(0, Text("FROZEN VIEW", styles.warn)))
    if pages > 1:
        segments.append(LineSegment(1, Text(f"page {page + 1}/{pages}", styles.text)))
    return segments


def _follow(view: View, styles: Styles) -> Text:
    if view.start is None:
        return Text(styles.glyph("▶ follow", "follow"), styles.muted)
    return Text(styles.glyph("‖ held", "held"), styles.warn)


def _news(scene: Scene, styles: Styles, wide: bool) -> Text:
    """Return the newest alert that is not acknowledged, else the method, data and device.

    With `wide` the keys that belong to alerts, too.
    """
    alerts = scene.open_alerts
    if not alerts:
        return Text(f" {_description(scene)}", styles.muted)
    last = alerts[-1]
    amount = plural(len(alerts), "alert") if wide else str(len(alerts))
    text = Text(f" {styles.glyph('▲', '!')} {amount}")
    text.stylize(styles.level(last.level))
    for key, meaning in (("a", "ack"), ("A", "list")) if wide else ():
        text.append(f"  {key}", styles.key).append(f" {meaning}", styles.muted)
    # messages of alert rules name their step themselves
    named = any(f"step {word}{last.step}" in last.text for word in ("", "is "))
    place = "" if named else f" @ step {count(last.step)}"
    return text.append(f"  {last.text}{place}", styles.text)


def _description(scene: Scene) -> str:
    """Return method, data and device, as far as the run has recorded them."""
    if scene.manifest is None:
        return ""
    facts = (scene.manifest.method, scene.manifest.data.get("name", ""), scene.manifest.device)
    return safe("  ".join(str(fact) for fact in facts if fact))
