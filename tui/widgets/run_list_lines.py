"""The lines above and below the run list: what is listed, what is selected, what differs."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from asgml.storage.format.safe_text import one_line
from asgml.tui.scene.run_listing import RunListing
from asgml.tui.scene.run_row import ListRow
from asgml.tui.terminal.format import count, plural, shorten
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.lines import Lines
from asgml.tui.widgets.run_rows import remarks
from asgml.tui.widgets.segments import LineSegment, fit_segments, too_small


class RunListHead(Lines):
    """The folder, the number of runs, and the choices of the user; faults instead of them."""

    DEFAULT_CSS = "RunListHead { height: 1; }"

    def show_list(self, scene: RunListing, folder: Path, marked: int, readonly: bool) -> None:
        styles = self.theme_styles
        segments = head_segments(scene, folder, marked, readonly, styles)
        small = too_small(*self.screen.size, styles)
        self.show([fit_segments(segments, self.size.width), *small])


def head_segments(
    scene: RunListing, folder: Path, marked: int, readonly: bool, styles: Styles
) -> list[LineSegment]:
    """Return the segments of the first line of the screen."""
    options = scene.options
    amount = count(scene.total)
    if scene.shown != scene.total:
        amount += f" ({count(scene.shown)} shown)"
    segments = [
        LineSegment(0, Text(" runs", styles.title)),
        LineSegment(6, Text(shorten(folder_text(folder), 40), styles.text)),
        LineSegment(1, Text(amount if scene.loaded else scene.reading, styles.strong)),
    ]
    if scene.problem:
        return [*segments, LineSegment(0, Text(one_line(scene.problem), styles.bad))]
    if options.filter_text:
        segments.append(LineSegment(2, Text(f"where {one_line(options.filter_text)}", styles.warn)))
    segments.append(LineSegment(3, Text(_sorting(scene, styles), styles.text)))
    segments.append(LineSegment(5, Text(_grouping(scene), styles.muted)))
    if scene.trials:
        hidden = f"{plural(scene.trials, 'tuning trial')} hidden (T)"
        segments.append(LineSegment(4, Text(hidden, styles.muted)))
    if options.trials:
        segments.append(LineSegment(4, Text("trials too", styles.warn)))
    if options.archived:
        segments.append(LineSegment(4, Text("archived too", styles.warn)))
    if marked:
        segments.append(LineSegment(2, Text(f"{marked} marked", styles.mark)))
    if readonly:
        segments.append(LineSegment(4, Text("read-only", styles.warn)))
    return segments


def folder_text(folder: Path) -> str:
    """Return the folder with ~ for the home directory."""
    home = str(Path.home())
    text = str(folder)
    return one_line("~" + text.removeprefix(home) if text.startswith(home + "/") else text)


def _sorting(scene: RunListing, styles: Styles) -> str:
    options = scene.options
    if not options.sort:
        return "newest first"
    arrow = styles.glyph("↓", "v") if options.descending else styles.glyph("↑", "^")
    return f"sort {one_line(options.sort)} {arrow}"


def _grouping(scene: RunListing) -> str:
    return "seeds together" if scene.options.grouped else "each run"


class RunListFoot(Lines):
    """The selected line in words, and the settings that differ or are the same in all lines."""

    DEFAULT_CSS = "RunListFoot { height: 2; }"

    def show_list(self, scene: RunListing, row: ListRow | None) -> None:
        width = self.size.width
        lines = [selected_line(row, self.theme_styles), facts_line(scene, self.theme_styles)]
        for line in lines:
            line.truncate(width, overflow="ellipsis")
        self.show(lines)


def selected_line(row: ListRow | None, styles: Styles) -> Text:
    """Return name, number of runs, remarks and problems of the selected line."""
    if row is None:
        return Text("")
    name = row.records[0].name if row.single else row.name
    text = Text(" ").append(one_line(name), styles.strong)
    if not row.single:
        text.append(f"  {plural(len(row.records), 'run')}", styles.text)
    if rest := remarks(row, styles):
        text.append(f"  {rest}", styles.text)
    problems = [one_line(problem) for record in row.records for problem in record.problems]
    return text.append(f"  {problems[0]}", styles.warn) if problems else text


def facts_line(scene: RunListing, styles: Styles) -> Text:
    """Return `differ: method, boost.alpha   same: cremad-3f, 100 epochs`."""
    text = Text("")
    if scene.differing:
        text.append(" differ: ", styles.muted)
        text.append(", ".join(one_line(each.key) for each in scene.differing), styles.text)
    if scene.same:
        text.append("   same: " if scene.differing else " same: ", styles.muted)
        text.append(scene.same, styles.text)
    return text
