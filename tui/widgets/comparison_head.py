"""The head of a comparison: what the charts show, the name of each subject, what is wrong."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual import events
from textual.message import Message

from asgml.storage.format.safe_text import safe
from asgml.storage.format.status import ENDED
from asgml.tui.scene.comparison import Comparison, Subject, letter_of
from asgml.tui.scene.comparison_view import BANDS, ComparisonView
from asgml.tui.scene.view_state import AXES
from asgml.tui.terminal.format import clip, fit, plural, short_count, shorten
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.lines import Lines
from asgml.tui.widgets.segments import LineSegment, fit_segments

_NAME_WIDTH = 52
"""Cells of a subject in the legend where several stand side by side."""


class ComparisonHead(Lines):
    """Title, legend and notices, as many lines as they need."""

    class Picked(Message):
        """A run or group of the legend was clicked; `place` is its place among all."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    def __init__(self) -> None:
        super().__init__()
        self._places: tuple[int, ...] = ()

    def on_click(self, event: events.Click) -> None:
        across, cells = legend_columns(len(self._places), self.size.width)
        number = (event.y - 1) * across + min(event.x // cells, across - 1)
        if event.y > 0 and number < len(self._places):
            self.post_message(self.Picked(self._places[number]))

    def show_comparison(
        self, comparison: Comparison, view: ComparisonView, page: int, pages: int
    ) -> None:
        """Show the head, where anything in it has changed."""
        styles, width = self.theme_styles, self.size.width
        self._places = tuple(subject.place for subject in comparison.subjects)
        rows = [
            title_line(comparison, view, (page, pages), styles, width),
            *legend_lines(comparison.subjects, view.hidden, styles, width),
            *notice_lines(comparison, styles, width),
        ]
        self.show(rows)


def title_line(
    comparison: Comparison, view: ComparisonView, pages: tuple[int, int], styles: Styles, width: int
) -> Text:
    """Return how many runs are compared and what the view shows of them."""
    segments = [LineSegment(0, Text(f" {_amount(comparison)}", styles.title))]
    if comparison.unread:
        segments.append(LineSegment(1, Text(f"reading {comparison.unread} more", styles.warn)))
    if any(subject.is_group for subject in comparison.subjects):
        segments.append(LineSegment(2, Text(f"band: {BANDS[view.band]}", styles.text)))
    segments += [
        LineSegment(3, Text(f"x: {AXES[view.axis]}", styles.muted)),
        LineSegment(4, Text(f"smooth {view.smoothing:g}", styles.muted)),
    ]
    if view.zoom:
        segments.append(LineSegment(3, Text(f"zoom {2**view.zoom}×", styles.text)))
    if view.start is not None:
        segments.append(LineSegment(3, Text(styles.glyph("‖ held", "held"), styles.warn)))
    if view.filter_text:
        segments.append(LineSegment(1, Text(f"filter “{view.filter_text}”", styles.warn)))
    if pages[1] > 1:
        segments.append(LineSegment(2, Text(f"page {pages[0] + 1}/{pages[1]}", styles.text)))
    return fit_segments(segments, width)


def _amount(comparison: Comparison) -> str:
    if not comparison.subjects:
        return "comparison"
    runs = plural(comparison.runs, "run")
    if not comparison.grouped:
        return f"compare {runs}"
    return f"compare {plural(len(comparison.subjects), 'group')}, {runs}"


def legend_lines(
    subjects: Sequence[Subject], hidden: set[int], styles: Styles, width: int
) -> list[Text]:
    """Return the letter, name, size and state of each subject, several in a line where they fit."""
    across, cells = legend_columns(len(subjects), width)
    rows = -(-len(subjects) // across)
    lines = [Text("") for _ in range(rows)]
    for number, subject in enumerate(subjects):
        lines[number // across].append_text(
            subject_text(subject, subject.place in hidden, styles, cells)
        )
    return lines


def legend_columns(subjects: int, width: int) -> tuple[int, int]:
    """Return how many subjects stand in a line of the legend, and the cells of each."""
    across = min(max(width // _NAME_WIDTH, 1 if width < 80 else 2), max(subjects, 1))
    return across, max(width // across, 1)


def subject_text(subject: Subject, hidden: bool, styles: Styles, width: int) -> Text:
    """Return one subject of the legend in `width` cells."""
    style = styles.muted if hidden else styles.curve(subject.place)
    bar = " " if hidden else styles.glyph("━", "-")
    facts = _facts(subject)
    mark = styles.glyph(" ≠", " !=") if subject.mark else ""
    room = width - 6 - len(facts) - len(mark) - 1
    text = Text("").append(f" {subject.letter}{bar}{bar} ", style)
    text.append(shorten(safe(subject.name), max(room, 8)), styles.muted if hidden else styles.text)
    text.append(mark, styles.warn).append(f" {facts}", styles.muted)
    if hidden:
        text.append(" hidden", styles.warn)
    text.truncate(width, overflow="ellipsis", pad=True)
    return text


def _facts(subject: Subject) -> str:
    """Return the number of runs of a group, and the state and step of what still trains."""
    living = [run for run in subject.runs if run.state not in ENDED]
    odd = [run.state for run in subject.runs if run.state in ENDED and run.state != "finished"]
    parts = [f"n={len(subject.runs)}"] if subject.is_group else []
    if living:
        step = short_count(min(run.step for run in living))
        amount = f"{len(living)} " if subject.is_group else ""
        parts.append(f"{amount}{living[0].state} {step}")
    if odd:
        amount = f"{len(odd)} " if subject.is_group else ""
        parts.append(f"{amount}{odd[0]}")
    return " ".join(parts)


def notice_lines(comparison: Comparison, styles: Styles, width: int) -> list[Text]:
    """Return one line for each thing to know: other protocols, unreadable runs, too many."""
    return [
        Text(fit(f" {styles.glyph('▲', '!')} {text}", width), styles.warn)
        for text in notices(comparison)
    ]


def notices(comparison: Comparison) -> list[str]:
    """Return what the reader must know beside the charts."""
    found = []
    marked: dict[str, list[str]] = {}
    for subject in comparison.subjects:
        if subject.mark:
            marked.setdefault(subject.mark, []).append(subject.letter)
    if marked:
        told = "; ".join(f"{' '.join(letters)}: {mark}" for mark, letters in marked.items())
        letter = letter_of(comparison, comparison.table.baseline) if comparison.table else ""
        found.append(f"accuracies do not compare with those of {letter}: {safe(told)}")
    if comparison.left_out:
        hint = "" if comparison.grouped else "; g shows groups"
        found.append(f"{comparison.left_out} more than the eight that are drawn{hint}")
    if comparison.problems:
        more = len(comparison.problems) - 1
        found.append(comparison.problems[0] + (f" (and {more} more)" if more else ""))
    return [clip(text, 400) for text in found]
