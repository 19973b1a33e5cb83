"""The panes beside and below the charts: values, knobs, system, events, runs, replay bar and the line of keys."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.text import Text

from storage.knobs import Knob, Value
from tui.format import clip, count, fit, number, safe, setting, short_count, signed, size
from tui.keys import Key, footer
from tui.look import Look, shape
from tui.messages import RunLine
from tui.scene import KnobState, MetricRow, Scene
from tui.story import LogLine
from tui.view import View
from tui.widgets.lines import Box, Lines


class Values(Box):
    """The table of metrics: last, best, change, and the whole course in one line."""

    def show_scene(self, scene: Scene, view: View, framed: bool) -> None:
        rows = filtered(scene.rows, view.words)
        self.title = "metrics" + (f" “{view.words}”" if view.words else "")
        if framed:
            width, height = self.inner
            body = [value_heading(self.look, width), *(value_row(row, self.look, width) for row in rows[: height - 1])]
            self.show_box(body, Text(f"{len(rows)}", self.look.muted) if len(rows) >= height else None)
        else:
            self.show(value_columns(_brief_first(rows), self.look, self.size.width, self.size.height))


_BRIEF = (
    "probe_accuracy",
    "gain",
    "grad_norm",
    "boost_scale",
    "loss",
    "accuracy",
    "val_accuracy",
    "throttle",
    "discrepancy",
    "own_accuracy",
)


def _brief_first(rows: Sequence[MetricRow]) -> list[MetricRow]:
    return sorted(rows, key=lambda row: _BRIEF.index(row.metric.name) if row.metric.name in _BRIEF else len(_BRIEF))


def filtered(rows: Sequence[MetricRow], words: str) -> list[MetricRow]:
    """Rows whose column or panel holds every word; what is no training quantity comes last."""
    wanted = words.lower().split()
    found = [row for row in rows if all(word in f"{row.column} {row.metric.panel}".lower() for word in wanted)]
    return sorted(found, key=lambda row: row.metric.table == "system" or not row.metric.panel)


def value_heading(look: Look, width: int) -> Text:
    names = [f"{title:>{cells}}" for title, cells in _value_columns(width)[1]]
    return Text(" " * (_value_columns(width)[0] + 2) + "".join(names), look.muted)


def _value_columns(width: int) -> tuple[int, list[tuple[str, int]]]:
    """Cells for the name, and title and cells of each number that there is room for."""
    columns = [("last", 8), ("best", 8), ("at", 7), ("change", 8)]
    while len(columns) > 1 and width - 2 - sum(cells for _, cells in columns) < 15:
        columns.pop()
    return max(width - 2 - sum(cells for _, cells in columns), 4), columns


def value_row(row: MetricRow, look: Look, width: int) -> Text:
    name, columns = _value_columns(width)
    summary, style = row.summary, look.line(row.colour) if row.colour >= 0 else look.muted
    line = (
        Text("")
        .append(f"{look.marker(row.colour) if row.colour >= 0 else ' '} ", style)
        .append(fit(_short_name(row.column, name), name), look.text)
    )
    best = math.isfinite(summary.best)
    texts = {
        "last": number(summary.last),
        "best": number(summary.best) if best else "",
        "at": short_count(summary.best_step) if best else "",
        "change": signed(summary.change) if math.isfinite(summary.change) else "",
    }
    for title, cells in columns:
        known = title != "last" or math.isfinite(summary.last)
        line.append(f"{texts[title]:>{cells}}", look.bad if not known else look.strong if title == "last" else look.muted)
    return line


def value_columns(rows: Sequence[MetricRow], look: Look, width: int, height: int) -> list[Text]:
    """Name, value and course in as many columns as there is room for."""
    across = max(width // 37, 1)
    cell = width // across
    lines = []
    for row in range(min(height, -(-len(rows) // across))):
        line = Text("")
        for column in range(across):
            place = column * height + row if len(rows) > height else row * across + column
            if place < len(rows):
                line.append_text(_brief(rows[place], look, cell - 1)).append(" ")
        lines.append(line)
    return lines


def _brief(row: MetricRow, look: Look, width: int) -> Text:
    style = look.line(row.colour) if row.colour >= 0 else look.muted
    name = min(max(width - 20, 8), 18)
    line = Text(f" {look.marker(row.colour) if row.colour >= 0 else ' '} ", style).append(
        fit(_short_name(row.column, name), name), look.text
    )
    line.append(f"{number(row.summary.last):>7} ", look.strong if math.isfinite(row.summary.last) else look.bad)
    line.append(fit(_spark(row, look, width - name - 11), width - name - 11), style)
    return line


def _short_name(column: str, width: int) -> str:
    metric, slash, modality = safe(column).partition("/")
    if len(column) <= width or not slash:
        return clip(safe(column), width)
    return f"{clip(metric, max(width - len(modality) - 1, 4))}/{modality}"


def _spark(row: MetricRow, look: Look, width: int) -> str:
    spark = row.summary.spark[-max(width, 0) :] if width > 0 else ""
    return spark.translate(str.maketrans("▁▂▃▄▅▆▇█", "__..--^^")) if look.plain else spark


class Knobs(Box):
    """The declared knobs: the acknowledged value as a fact, what was asked for beside it, dimmed, until the answer comes."""

    def show_scene(self, scene: Scene, selected: str, draft: tuple[str, Value] | None) -> None:
        self.title = "knobs"
        width, height = self.inner
        rows = [knob_row(state, self.look, width, state.knob.name == selected, draft) for state in scene.knobs]
        place = next((index for index, state in enumerate(scene.knobs) if state.knob.name == selected), 0)
        start = min(max(place - height + 1, 0), max(len(rows) - height, 0))
        refused = [Text(f"{safe(state.knob.name)} {safe(state.refused)}", self.look.warn) for state in scene.knobs if state.refused]
        body = rows[start : start + height] if not refused else [*rows[start : start + height - 1], refused[-1]]
        self.show_box(body or [Text("this run declares no knobs", self.look.muted)], Text("[ ] nudge  e edit", self.look.muted))


def knob_row(state: KnobState, look: Look, width: int, selected: bool, draft: tuple[str, Value] | None) -> Text:
    name = max(min(width - 26, 22), 10)
    line = Text("").append(f"{look.sign('▸', '>') if selected else ' '} ", look.key)
    line.append(fit(safe(state.knob.name), name), look.strong if selected else look.text).append(
        f"{clip(setting(state.value), 9):>9} ", look.strong
    )
    room = width - line.cell_len
    if draft is not None and draft[0] == state.knob.name:
        return line.append(clip(f"{look.sign('→', '>')} {setting(draft[1])}? enter sends", room), look.warn)
    if state.wish is not None:
        return line.append(clip(f"{look.sign('→', '>')} {setting(state.wish)} asked …", room), look.wish)
    return line.append_text(_slider(state.knob, state.value, look, room))


def _slider(knob: Knob, value: Value, look: Look, room: int) -> Text:
    text = knob.range_text()
    if knob.low is None or knob.high is None or isinstance(value, (bool, str)) or room < len(text) + 9 or knob.high <= knob.low:
        return Text(clip(text, max(room, 0)), look.muted)
    width = min(room - len(text) - 1, 12)
    place = round((float(value) - knob.low) / (knob.high - knob.low) * (width - 1))
    place = min(max(place, 0), width - 1)
    bar = look.sign("─", "-")
    line = Text("").append(bar * place, look.muted).append(look.sign("●", "o"), look.key)
    return line.append(bar * (width - 1 - place), look.muted).append(f" {text}", look.muted)


class System(Box):
    """What the trainer and this program use of the machine."""

    def show_scene(self, scene: Scene, per_minute: int, interval: float) -> None:
        self.title = "system"
        last = {row.column: row for row in scene.rows if row.metric.table == "system"}
        width, _ = self.inner
        rows = [
            self._gauge("CPU", last.get("cpu"), last.get("memory"), width),
            self._gauge("GPU", last.get("gpu"), last.get("gpu_memory"), width),
        ]
        rows.append(self._plain_row("store", self._store(scene, last.get("store_bytes"), last.get("samples_per_second"))))
        pace = f"{1 / interval:g} Hz" + (" (SSH)" if interval >= 1 else "")
        rows.append(self._plain_row("term", f"{rough_size(per_minute)}/min  {pace}"))
        self.show_box([row for row in rows if row.plain])

    def _gauge(self, name: str, use: MetricRow | None, memory: MetricRow | None, width: int) -> Text:
        if use is None and memory is None:
            return Text("")
        line = Text("").append(f"{name:<6}", self.look.muted)
        if use is not None:
            line.append(f"{number(use.summary.last, 2):>4}% ", self.look.text)
            line.append(fit(_spark(use, self.look, min(16, width - 26)), max(min(16, width - 26), 0)), self.look.line(0))
        if memory is not None and math.isfinite(memory.summary.last):
            line.append(f"  {size(memory.summary.last * 1024 * 1024)}", self.look.text)
        return line

    def _store(self, scene: Scene, stored: MetricRow | None, pace: MetricRow | None) -> str:
        bytes_text = size(stored.summary.last) if stored is not None and math.isfinite(stored.summary.last) else "–"
        rate = f"  {number(pace.summary.last, 2)} samples/s" if pace is not None and math.isfinite(pace.summary.last) else ""
        return f"{bytes_text}{rate}"

    def _plain_row(self, name: str, text: str) -> Text:
        return Text("").append(f"{name:<6}", self.look.muted).append(text, self.look.text)


def rough_size(amount: float) -> str:
    """Bytes in one significant digit or two: a counter that is precise would itself be traffic."""
    if amount < 1024:
        return "<1 kB"
    kilo = amount / 1024
    power = 10 ** max(math.floor(math.log10(kilo)) - (0 if kilo < 10 else 1), 0)
    return size(round(kilo / power) * power * 1024)


class EventLog(Box):
    """What happened, the newest first."""

    def show_scene(self, scene: Scene, framed: bool) -> None:
        width, height = self.inner if framed else self.size
        lines = list(reversed(scene.lines))[:height]
        rows = [log_row(line, self.look, width) for line in lines]
        self.title = "events"
        if framed:
            self.show_box(rows, Text(f"{count(len(scene.lines))}  L all", self.look.muted))
        else:
            self.show(rows)


def log_row(line: LogLine, look: Look, width: int) -> Text:
    row = (
        Text("")
        .append(f"{count(line.step):>8} ", look.muted)
        .append(f"{line.tag:<5} ", look.level(line.level) if line.level != "info" else look.key)
    )
    row.append(line.text, look.level(line.level) if line.level in {"bad", "warn"} else look.text)
    row.truncate(max(width, 0), overflow="ellipsis")
    return row


class Runs(Box):
    """The runs beside this one."""

    def show_runs(self, runs: Sequence[RunLine], current: str) -> None:
        self.title = "runs"
        width, height = self.inner
        self.show_box([run_row(line, self.look, width, line.name == current) for line in runs[:height]], Text("g go to", self.look.muted))


def run_row(line: RunLine, look: Look, width: int, current: bool = False) -> Text:
    sign, style = shape(look, line.state)
    name = max(width - 30, 8)
    row = Text("").append(f"{sign} ", style).append(fit(line.name, name), look.strong if current else look.text)
    row.append(f" {line.state:<9}", style).append(f"{short_count(line.step):>7}", look.text)
    return row.append(f"{number(line.best) if math.isfinite(line.best) else '':>8}", look.muted)


class TransportBar(Lines):
    """Where a replay stands. Not there while a run is watched live."""

    DEFAULT_CSS = "TransportBar { height: 1; }"

    def show_scene(self, scene: Scene) -> None:
        transport = scene.transport
        self.display = transport is not None
        if transport is None:
            return
        look = self.look
        state = look.sign("▶", ">") if transport.playing else look.sign("‖", "=")
        left = Text("").append(f" {state} REPLAY {transport.speed:g}×", look.good if transport.playing else look.warn)
        right = Text(f" row {count(transport.row)}/{count(transport.rows)} ", look.text)
        width = max(self.size.width - left.cell_len - right.cell_len - 3, 0)
        place = round(transport.row / max(transport.rows, 1) * max(width - 1, 0))
        bar = Text(" ").append(look.sign("━", "=") * place, look.key).append(look.sign("●", "o"), look.key)
        self.show([left.append_text(bar).append(look.sign("─", "-") * max(width - 1 - place, 0), look.frame).append_text(right)])


class KeyBar(Lines):
    """The keys that fit; help and leaving are always among them."""

    DEFAULT_CSS = "KeyBar { height: 1; }"
    _drawn_for: object = None

    def show_keys(self, clock: str, words: dict[str, str], steerable: bool, mapped: dict[str, str]) -> None:
        key = (clock, dict(words), steerable, self.size.width, self.look)
        if key == self._drawn_for:
            return
        self._drawn_for = key
        entries = footer(clock, words, mapped)
        last, first = entries[-3:], entries[:-3]
        row, ending = Text(""), Text("")
        for entry in last:
            ending.append_text(self._entry(entry, steerable))
        for entry in first:
            piece = self._entry(entry, steerable)
            if row.cell_len + piece.cell_len + ending.cell_len <= self.size.width:
                row.append_text(piece)
        self.show([row.append_text(ending)])

    def _entry(self, entry: tuple[str, str, Key], steerable: bool) -> Text:
        name, word, key = entry
        dim = key.steers and not steerable
        return (
            Text("")
            .append(f" {name}", self.look.muted if dim else self.look.key)
            .append(f" {word} ", self.look.frame if dim else self.look.muted)
        )
