"""The effect of a run as lines: it and its baseline side by side, by modality."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text

from asgml.storage.format.safe_text import safe
from asgml.storage.statistics.effect import Effect, EffectLine
from asgml.storage.statistics.effect_words import headline, labels_of, over_seeds, place, single
from asgml.storage.statistics.words import amount, mean_text, signed
from asgml.tui.terminal.format import fit, plural, shorten
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.lines import wrapped

_OURS, _BASELINE, _DIFFERENCE = 9, 15, 8
_NARROW = 70
"""Below so many cells the names of modality and measure are shortened."""
_CAUTION = (
    "± behind a verdict: how far one more baseline run would lie from the mean, 95 % of the time. "
    "Each line stands by itself, without a correction for their number."
)


def effect_lines(effect: Effect, styles: Styles, width: int) -> list[Text]:
    """Return the effect in lines of at most `width` cells."""
    rows = wrapped(Text(safe(headline(effect)), styles.strong), width)
    if not effect.lines:
        return rows
    rows += [*wrapped(_about(effect, styles), width), Text(""), _headings(styles, width)]
    before = ""
    for line in effect.lines:
        subject, _ = labels_of(line)
        rows += _line(line, styles, width, named=subject != before)
        before = subject
    return [*rows, Text(""), *wrapped(Text(_CAUTION, styles.muted), width)]


def _about(effect: Effect, styles: Styles) -> Text:
    first, last = effect.baseline[0], effect.baseline[-1]
    names = safe(first) if first == last else f"{safe(first)} … {safe(last)}"
    baseline = plural(len(effect.baseline), "baseline run")
    return Text(f"{safe(effect.run)} against {baseline} ({names}), {place(effect)}", styles.muted)


def _names(width: int) -> tuple[int, int]:
    """Return the cells of the columns of the modality and of the measure."""
    return (10, 12) if width < _NARROW else (14, 17)


def _headings(styles: Styles, width: int) -> Text:
    row = Text(" " * sum(_names(width)), styles.muted)
    row.append(f"{'this run':>{_OURS}}{'baseline':>{_BASELINE}}{'diff.':>{_DIFFERENCE}}")
    return row


def _line(line: EffectLine, styles: Styles, width: int, named: bool) -> list[Text]:
    """Return the numbers and their verdict, this on a line of its own where there is no room."""
    subject, measure = labels_of(line)
    cells, beside = _names(width)
    name = fit(shorten(safe(subject), cells - 1) if named else "", cells)
    row = Text("").append(name, styles.strong).append(fit(safe(measure), beside), styles.text)
    row.append(f"{amount(line.ours, line.column):>{_OURS}}", styles.text)
    row.append(f"{mean_text(line.baseline, line.column):>{_BASELINE}}", styles.text)
    row.append(f"{signed(line.difference, line.column):>{_DIFFERENCE}}", styles.strong)
    told = [Text(f"  {single(line)}", _style(line, styles))]
    if paired := over_seeds(line):
        assert line.paired is not None, "words of a pair that is there"
        told.append(Text(f"  over {line.paired.n} seeds: {paired}", styles.text))
    return _joined(row, told, width)


def _joined(row: Text, told: list[Text], width: int) -> list[Text]:
    """Return the row with the verdicts behind it, each below the other where it does not fit."""
    if row.cell_len + told[0].cell_len <= width:
        row, told = row.append_text(told[0]), told[1:]
    indent = " " * (sum(_names(width)) if width >= 100 else 2)
    below = [Text(indent).append_text(each) for each in told]
    return [row, *(piece for each in below for piece in wrapped(each, width))]


def _style(line: EffectLine, styles: Styles) -> Style:
    if not line.beyond_seeds:
        return styles.muted
    return styles.good if line.better else styles.warn
