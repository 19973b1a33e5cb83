"""The lines above and below the cells of a plan: its state, the selected cell, the signs."""

from __future__ import annotations

from rich.text import Text

from asgml.storage.format.safe_text import one_line
from asgml.tui.scene.plan_progress import DIVERGED, DONE, FAILED, STALE, WAITING, PlanProgress
from asgml.tui.terminal.format import coarse
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.lines import Lines
from asgml.tui.widgets.segments import LineSegment, fit_segments, too_small

_WHY_STALE = "its run has other settings than the plan asks for"


class PlanHead(Lines):
    """Title, the number of cells in each state, and the time remaining."""

    DEFAULT_CSS = "PlanHead { height: 1; }"

    def show_plan(self, scene: PlanProgress) -> None:
        segments = head_segments(scene, self.theme_styles)
        small = too_small(*self.screen.size, self.theme_styles)
        self.show([fit_segments(segments, self.size.width), *small])


def head_segments(scene: PlanProgress, styles: Styles) -> list[LineSegment]:
    """Return the segments of the first line of the screen."""
    segments = [
        LineSegment(0, Text(" plan", styles.title)),
        LineSegment(1, Text(one_line(scene.folder.name), styles.strong)),
    ]
    if scene.plan is None:
        problem = scene.problem or "reading…"
        return [*segments, LineSegment(0, Text(one_line(problem), styles.bad))]
    counts, total = scene.counts, len(scene.cells)
    segments.append(LineSegment(6, Text(one_line(scene.plan.title), styles.text)))
    segments.append(LineSegment(0, Text(f"{counts[DONE]}/{total} done", styles.good)))
    styled = {"running": styles.good, FAILED: styles.bad, DIVERGED: styles.bad, STALE: styles.warn}
    for state, style in styled.items():
        if counts[state]:
            segments.append(LineSegment(2, Text(f"{counts[state]} {state}", style)))
    if counts[WAITING]:
        segments.append(LineSegment(4, Text(f"{counts[WAITING]} waiting", styles.muted)))
    if scene.remaining:
        text = f"{coarse(scene.remaining)} remaining"
        segments.append(LineSegment(1, Text(text, styles.text)))
    if scene.at_rest:
        text = "nothing is training; `asgml ablate …` continues"
        segments.append(LineSegment(3, Text(text, styles.warn)))
    segments.append(LineSegment(5, Text(f"metric {one_line(scene.plan.metric)}", styles.muted)))
    return segments


class PlanFoot(Lines):
    """The selected cell in words, and what the signs mean."""

    DEFAULT_CSS = "PlanFoot { height: 2; }"

    def show_plan(self, scene: PlanProgress, row: int, column: int) -> None:
        lines = [cell_line(scene, row, column, self.theme_styles), legend(self.theme_styles)]
        for line in lines:
            line.truncate(self.size.width, overflow="ellipsis")
        self.show(lines)


def cell_line(scene: PlanProgress, row: int, column: int, styles: Styles) -> Text:
    """Return the run of the selected cell, its state, and the settings of its row."""
    if row >= len(scene.rows) or scene.plan is None:
        return Text("")
    cell = scene.rows[row].cells[column] if column < len(scene.rows[row].cells) else None
    if cell is None:
        return Text(" this row has no cell with this seed", styles.muted)
    text = Text(" ").append(one_line(cell.cell.run), styles.strong)
    told = f"{cell.state}: {_WHY_STALE}" if cell.state == STALE else cell.state
    wrong = cell.state in (STALE, FAILED, DIVERGED)
    text.append(f"  {told}", styles.warn if wrong else styles.text)
    if cell.record is not None:
        epochs = f"  step {cell.record.step or 0}/{cell.record.total_steps or '?'}"
        text.append(epochs, styles.muted)
    settings = ", ".join(f"{key}={value}" for key, value in scene.plan.rows[row].settings.items())
    return text.append(f"  {one_line(settings)}", styles.muted)


def legend(styles: Styles) -> Text:
    """Return what the signs in the cells mean."""
    signs = (
        (styles.glyph("·", "."), "waiting"),
        (styles.state("running")[0], "running"),
        (styles.state("failed")[0], "failed or diverged"),
        (styles.glyph("≠", "!"), "stale: other settings than the plan asks for"),
    )
    return Text(" " + "   ".join(f"{sign} {meaning}" for sign, meaning in signs), styles.muted)
