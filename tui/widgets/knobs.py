"""The knobs: each with its acknowledged value, and a requested one, dimmed, until its answer."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from rich.cells import cell_len
from rich.text import Text

from asgml.storage.format.knobs import Knob, Value
from asgml.storage.format.safe_text import safe
from asgml.storage.format.value_text import setting
from asgml.storage.read.knob_changes import KnobChange
from asgml.tui.scene.scene import KnobState, Scene
from asgml.tui.terminal.format import clip, fit
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.box import ListBox

Draft = tuple[str, Value]
"""A knob's name and a value that the user has chosen and not sent yet."""
_BESIDE_NAME = 22
"""Cells for a knob's value and a short range."""
_SHORTEST_SLIDER, _LONGEST_SLIDER = 8, 12


class Knobs(ListBox):
    """The knobs that the run declares, around the selected one."""

    _ends: Mapping[str, KnobChange] = MappingProxyType({})

    def show_scene(self, scene: Scene, selected: str, draft: Draft | None) -> None:
        """Show as many knobs as fit, and the last refusal in their lowest row."""
        self._ends = scene.history.ends
        ends = tuple(self._ends.values())
        if not self.stale(scene.knobs, selected, draft, scene.manifest is None, ends):
            return
        self.title = "knobs"
        styles = self.theme_styles
        refused = [state for state in scene.knobs if state.refused][-1:]
        body, above = self._body(scene.knobs, selected, draft, self.inner[1] - len(refused))
        empty = "" if scene.manifest is None else "this run declares no knobs"
        keys = Text("{ } select  [ ] nudge  e edit", styles.muted) if body else None
        below = len(scene.knobs) - above - len(body)
        told = [Text(f"{safe(s.knob.name)} {safe(s.refused)}", styles.warn) for s in refused]
        self.show_box([*body, *told] or [Text(empty, styles.muted)], keys, above, below)

    def _body(
        self, knobs: tuple[KnobState, ...], selected: str, draft: Draft | None, height: int
    ) -> tuple[list[Text], int]:
        """Return the rows around the selected knob, and how many stand above them."""
        styles, width = self.theme_styles, self.inner[0]
        names = [state.knob.name for state in knobs]
        cells = (_name_width(names, width), width)
        rows = [
            knob_row(
                state,
                styles,
                cells,
                state.knob.name == selected,
                draft,
                self._ends.get(state.knob.name),
            )
            for state in knobs
        ]
        place = names.index(selected) if selected in names else 0
        # scrolled just far enough to show the selected knob
        start = min(max(place - height + 1, 0), max(len(rows) - height, 0))
        self.picks = names[start : start + height]
        return rows[start : start + height], start


def _name_width(names: list[str], width: int) -> int:
    """Return cells for the longest name, as long as a value and a short range stand beside it."""
    return max(min(max(map(cell_len, names), default=0), width - _BESIDE_NAME), 10)


def _short(name: str, width: int) -> str:
    """Return a knob's name in `width` cells; its owner gives way: `bo….alpha`."""
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
    draft: Draft | None,
    end: KnobChange | None = None,
) -> Text:
    """Return name and value of a knob, and behind them a draft, a request, its end, or the slider.

    `cells`: those of the name and of the whole row; `end`: the change that gives it its value for a
    time.
    """
    name_width, width = cells
    name = fit(_short(safe(state.knob.name), name_width), name_width)
    line = Text("").append(f"{styles.glyph('▸', '>') if selected else ' '} ", styles.key)
    line.append(name, styles.strong if selected else styles.text)
    line.append(f"{clip(setting(state.value), 9):>9} ", styles.strong)
    room, arrow = width - line.cell_len, styles.glyph("→", ">")
    if draft is not None and draft[0] == state.knob.name:
        return line.append(clip(f"{arrow} {setting(draft[1])}? enter sends", room), styles.warn)
    if state.requested is not None:
        asked = clip(f"{arrow} {setting(state.requested)} asked …", room)
        return line.append(asked, styles.pending)
    if end is not None:
        until = clip(f"until {end.until}, then {setting(end.back)}", room)
        return line.append(until, styles.warn)
    return line.append_text(_range(state.knob, state.value, styles, room))


def _range(knob: Knob, value: Value, styles: Styles, room: int) -> Text:
    """Return the range of a knob, with a slider before it where there is room."""
    text = knob.range_text()
    share = _share(knob, value)
    if share is not None and room >= len(text) + _SHORTEST_SLIDER + 1:
        slider = _slider(share, min(room - len(text) - 1, _LONGEST_SLIDER), styles)
        return slider.append(f" {text}", styles.muted)
    fits = knob.type != "bool" or len(text) <= room
    return Text(clip(text, max(room, 0)) if fits else "", styles.muted)


def _share(knob: Knob, value: Value) -> float | None:
    """Return the place of a value in the knob's range, from 0 to 1; None where it has none."""
    if knob.low is None or knob.high is None or isinstance(value, (bool, str)):
        return None
    return (float(value) - knob.low) / (knob.high - knob.low) if knob.high > knob.low else None


def _slider(share: float, width: int, styles: Styles) -> Text:
    place = min(max(round(share * (width - 1)), 0), width - 1)
    bar = styles.glyph("─", "-")
    line = Text("").append(bar * place, styles.muted).append(styles.glyph("●", "o"), styles.key)
    return line.append(bar * (width - 1 - place), styles.muted)
