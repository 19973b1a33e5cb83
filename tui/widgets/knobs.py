"""The knobs: the acknowledged value as a fact, what was asked for beside it, dimmed, until the answer comes."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

from asgml.storage.format.knobs import Knob, Value
from asgml.storage.format.safe_text import safe
from asgml.storage.format.value_text import setting
from asgml.tui.scene.scene import KnobState, Scene
from asgml.tui.terminal.format import clip, fit
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.lines import Box


class Knobs(Box):
    """The declared knobs: the acknowledged value as a fact, what was asked for beside it, dimmed, until the answer comes."""

    def show_scene(self, scene: Scene, selected: str, draft: tuple[str, Value] | None) -> None:
        if not self.stale(scene.knobs, selected, draft, scene.manifest is None):
            return
        self.title = "knobs"
        width, height = self.inner
        name = _name_width([state.knob.name for state in scene.knobs], width)
        rows = [
            knob_row(state, self.theme_styles, (name, width), state.knob.name == selected, draft)
            for state in scene.knobs
        ]
        place = next(
            (index for index, state in enumerate(scene.knobs) if state.knob.name == selected), 0
        )
        start = min(max(place - height + 1, 0), max(len(rows) - height, 0))
        refused = [
            Text(f"{safe(state.knob.name)} {safe(state.refused)}", self.theme_styles.warn)
            for state in scene.knobs
            if state.refused
        ]
        body = (
            rows[start : start + height]
            if not refused
            else [*rows[start : start + height - 1], refused[-1]]
        )
        none = "" if scene.manifest is None else "this run declares no knobs"
        self.show_box(
            body or [Text(none, self.theme_styles.muted)],
            Text("[ ] nudge  e edit", self.theme_styles.muted) if body else None,
        )


def _name_width(names: list[str], width: int) -> int:
    """Room for the longest name, as long as a value and a short range still stand beside it."""
    return max(min(max(map(cell_len, names), default=0), width - 22), 10)


def _short(name: str, width: int) -> str:
    """Where room is short the owner gives way: two knobs of one owner must not look alike."""
    owner, dot, last = name.rpartition(".")
    if len(name) <= width or not dot:
        return clip(name, width)
    room = width - len(last) - 1
    return f"{clip(owner, room)}.{last}" if room > 1 else clip(last, width)


def knob_row(
    state: KnobState,
    styles: Styles,
    cells: tuple[int, int],
    selected: bool,
    draft: tuple[str, Value] | None,
) -> Text:
    """`cells`: those of the name and of the whole row."""
    name, width = cells
    line = Text("").append(f"{styles.glyph('▸', '>') if selected else ' '} ", styles.key)
    line.append(
        fit(_short(safe(state.knob.name), name), name), styles.strong if selected else styles.text
    ).append(f"{clip(setting(state.value), 9):>9} ", styles.strong)
    room = width - line.cell_len
    if draft is not None and draft[0] == state.knob.name:
        return line.append(
            clip(f"{styles.glyph('→', '>')} {setting(draft[1])}? enter sends", room), styles.warn
        )
    if state.requested is not None:
        return line.append(
            clip(f"{styles.glyph('→', '>')} {setting(state.requested)} asked …", room),
            styles.pending,
        )
    return line.append_text(_slider(state.knob, state.value, styles, room))


def _slider(knob: Knob, value: Value, styles: Styles, room: int) -> Text:
    text = knob.range_text()
    if (
        knob.low is None
        or knob.high is None
        or isinstance(value, (bool, str))
        or room < len(text) + 9
        or knob.high <= knob.low
    ):
        return Text(
            clip(text, max(room, 0)) if knob.type != "bool" or len(text) <= room else "",
            styles.muted,
        )
    width = min(room - len(text) - 1, 12)
    place = round((float(value) - knob.low) / (knob.high - knob.low) * (width - 1))
    place = min(max(place, 0), width - 1)
    bar = styles.glyph("─", "-")
    line = Text("").append(bar * place, styles.muted).append(styles.glyph("●", "o"), styles.key)
    return line.append(bar * (width - 1 - place), styles.muted).append(f" {text}", styles.muted)
