"""Make the tables of docs/evidence.md from the stored reports and diagnoses beside this file.

    uv run python docs/evidence/page.py

The text of the page is written by hand; what stands between the two marks is made from the data.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from asgml.app.diagnosis.stored import read_diagnosis
from asgml.app.diagnosis.verdict import Verdict, judge_data
from asgml.app.diagnosis.words import headline
from asgml.app.reports.content import Part
from asgml.app.reports.json_file import read_report
from asgml.storage.statistics.estimate import estimate
from asgml.storage.statistics.holm import holm
from asgml.storage.statistics.paired import PairedDifference, paired_difference
from asgml.storage.statistics.ranks import FEWEST_SETS, Ranking, rank_methods

HERE = Path(__file__).parent
PAGE = HERE.parent / "evidence.md"
BEGIN, END = "<!-- tables: made by docs/evidence/page.py -->", "<!-- end of the tables -->"
SETS = ("ravdess", "grid_preposition", "mosi", "scene15", "mfeat", "avmnist")
BALANCING = (
    "Uniform",
    "OGM-GE",
    "PMR-Acc",
    "OGM*",
    "MLB",
    "MMPareto",
    "Boost",
    "Boost + OGM-GE",
    "v2.1",
)
"""The rows that balance; the others are what they are measured against."""
ALONE = "Only "
"""The beginning of the label of a modality trained alone."""
LEVEL = 0.05

BySeed = Mapping[int, float]


def page(text: str) -> str:
    """Return the page with its tables made anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{tables()}\n{END}{after}"


def tables() -> str:
    """Return all tables of the data sets that have a stored report."""
    parts = {name: part for name in SETS if (part := _part(name)) is not None}
    values = {name: _values(part) for name, part in parts.items()}
    sections = [accuracy_table(values), difference_table(values), rank_lines(values)]
    verdicts = {name: judged for name in parts if (judged := _verdict(name)) is not None}
    if verdicts:
        sections.append(verdict_table(verdicts, values))
    return "\n".join(sections)


def accuracy_table(values: Mapping[str, Mapping[str, BySeed]]) -> str:
    """Return mean ± std of each row on each data set, in per cent."""
    lines = [
        "### Test accuracy (%), mean ± standard deviation over the seeds",
        "",
        *_heading(["row", *values]),
    ]
    for title, place in (("best modality alone", -1), ("weakest modality alone", 0)):
        lines.append(_line([title, *(_alone(per_row, place) for per_row in values.values())]))
    for row in _rows(values):
        cells = [_mean(per_row.get(row, {})) for per_row in values.values()]
        lines.append(_line([row, *cells]))
    return "\n".join([*lines, ""])


def difference_table(values: Mapping[str, Mapping[str, BySeed]]) -> str:
    """Return the paired difference to the baseline in points, with its 95 % interval."""
    marked = {name: _differences(per_row) for name, per_row in values.items()}
    lines = [
        "### Difference to the baseline in points, paired by seed, with its 95 % interval",
        "",
        f"▲ better, ▼ worse: p below {LEVEL} after Holm's correction over the rows that balance.",
        "",
        *_heading(["row", *values]),
    ]
    for row in [row for row in _rows(values) if row in BALANCING]:
        lines.append(_line([row, *(_difference(marked[name].get(row)) for name in values)]))
    smallest = [_line(["can be told", *(_detectable(marked[name]) for name in values)])]
    return "\n".join([*lines, *smallest, ""])


def rank_lines(values: Mapping[str, Mapping[str, BySeed]]) -> str:
    """Return mean ranks over the data sets, with Friedman's p and Nemenyi's critical difference."""
    means = {
        name: {
            row: estimate(seeds.values()).mean
            for row, seeds in per_row.items()
            if row in BALANCING or row in ("Baseline", "Late fusion", "Ensemble")
        }
        for name, per_row in values.items()
    }
    found: Ranking = rank_methods(means)
    ordered = ", ".join(f"{row} {rank:.1f}" for row, rank in found.ranks.items())
    if found.n < FEWEST_SETS:
        return ""
    return (
        f"### Mean ranks over {found.n} data sets (1 is best)\n\n{ordered}.\n\n"
        f"Friedman: p = {found.p:.2f}; Nemenyi's critical difference: "
        f"{found.critical_difference:.1f} ranks.\n"
    )


def verdict_table(
    verdicts: Mapping[str, Verdict], values: Mapping[str, Mapping[str, BySeed]]
) -> str:
    """Return what `diagnose` said of each data set, what the table shows, and the count of hits."""
    lines = [
        "### What `asgml diagnose` said beforehand",
        "",
        *_heading(["data", "verdict", "starved", "rows that balance: better, worse", "right?"]),
    ]
    counts = {"hit": 0, "miss": 0, "no answer": 0}
    for name, verdict in verdicts.items():
        better, worse = _better_and_worse(values[name])
        right = judge_verdict(verdict, helped=bool(better))
        counts[right] += 1
        starved = ", ".join(verdict.starved) or "none"
        shown = f"{_names(better)}; {_names(worse)}"
        lines.append(_line([name, headline(verdict), starved, shown, right]))
    summary = ", ".join(f"{number} {what}" for what, number in counts.items())
    return "\n".join([*lines, "", f"Counted: {summary}.", ""])


def judge_verdict(verdict: Verdict, *, helped: bool) -> str:
    """Return hit, miss or no answer: it hits where it foretold that some balancing row is better.

    Late fusion is no row that balances: a verdict that suggests it alone foretells nothing here.
    """
    if verdict.kind == "unclear":
        return "no answer"
    return "hit" if (verdict.kind == "help") == helped else "miss"


def _better_and_worse(per_row: Mapping[str, BySeed]) -> tuple[list[str], list[str]]:
    found = _differences(per_row)
    sure = {row: one for row, (one, p) in found.items() if p < LEVEL}
    return [row for row in sure if sure[row].mean > 0], [row for row in sure if sure[row].mean < 0]


def _differences(per_row: Mapping[str, BySeed]) -> dict[str, tuple[PairedDifference, float]]:
    rows = [row for row in per_row if row in BALANCING]
    found = {row: paired_difference(per_row[row], per_row["Baseline"]) for row in rows}
    corrected = holm([found[row].p_t for row in rows])
    return {row: (found[row], p) for row, p in zip(rows, corrected, strict=True)}


def _part(name: str) -> Part | None:
    path = HERE / name / "report.json"
    return read_report(path).parts[0] if path.is_file() else None


def _verdict(name: str) -> Verdict | None:
    folder = HERE / name
    if not (folder / "diagnosis.json").is_file():
        return None
    return judge_data(read_diagnosis(folder).measurements)


def _values(part: Part) -> dict[str, BySeed]:
    return {
        row.label: {
            cell.seed: value
            for cell in row.cells
            if (value := cell.values.get("metric")) is not None
        }
        for row in part.rows
    }


def _rows(values: Mapping[str, Mapping[str, BySeed]]) -> list[str]:
    """Return the rows of several modalities, in the order of the plan."""
    every = dict.fromkeys(row for per_row in values.values() for row in per_row)
    return [row for row in every if not row.startswith(ALONE)]


def _alone(per_row: Mapping[str, BySeed], place: int) -> str:
    """Return the mean of the weakest (place 0) or best (place -1) modality alone, and its name."""
    alone = {row: seeds for row, seeds in per_row.items() if row.startswith(ALONE)}
    if not alone:
        return ""
    chosen = sorted(alone, key=lambda row: estimate(alone[row].values()).mean)[place]
    return f"{_mean(alone[chosen])} ({chosen.removeprefix(ALONE)})"


def _mean(seeds: BySeed) -> str:
    if not seeds:
        return ""
    found = estimate(seeds.values())
    return f"{100 * found.mean:.1f} ± {100 * found.std:.1f}"


def _difference(found: tuple[PairedDifference, float] | None) -> str:
    if found is None:
        return ""
    one, p = found
    mark = ("▲" if one.mean > 0 else "▼") if p < LEVEL else ""
    text = f"{mark}{100 * one.mean:+.1f} ({100 * one.low:+.1f} to {100 * one.high:+.1f})"
    return text.replace("-", "−")


def _detectable(found: Mapping[str, tuple[PairedDifference, float]]) -> str:
    sizes = sorted(one.detectable for one, _ in found.values())
    return f"{100 * sizes[len(sizes) // 2]:.1f}" if sizes else ""


def _names(rows: Iterable[str]) -> str:
    return ", ".join(rows) or "none"


def _heading(cells: list[str]) -> list[str]:
    return [_line(cells), _line(["---", *["---:"] * (len(cells) - 1)])]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def main() -> int:
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
