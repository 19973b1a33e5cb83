"""The picture of a plan while it trains: rows by seeds, mean so far, time left."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from asgml.app.plans.cell_status import TRAINING, CellStatus, PlanProgress
from asgml.app.table_text import STYLES
from asgml.storage.format.safe_text import one_line
from asgml.storage.format.value_text import duration
from asgml.storage.statistics.estimate import estimate
from asgml.storage.statistics.words import amount, mean_text

BARS = "▁▂▃▄▅▆▇█"
LOST = frozenset({"failed", "diverged", "blocked"})
"""States of a cell that will have no value."""
SIGNS = {"waiting": "·", "left out": "–", "stopped": "■", **dict.fromkeys(LOST, "✗")}
SHORT = {"starting": "…", "silent": "?", "paused": "‖", "stopping": "■", "running": "▸"}
LABEL, NARROWEST, CELL, WIDE_CELL, MEAN = 60, 18, 6, 12, 14
LONGEST = 60  # characters of the title
AROUND = 7  # lines above and below the rows


def plan_picture(progress: PlanProgress, width: int, height: int) -> RenderableType:
    """Return the picture of a plan for a terminal of this size."""
    shown = rows_shown(progress, max(height - AROUND - len(_problems(progress)), 3))
    lines = [Text(headline(progress), no_wrap=True, overflow="ellipsis")]
    lines += [Text(line, "red", no_wrap=True, overflow="ellipsis") for line in _problems(progress)]
    hidden = len(progress.plan.rows) - len(shown)
    more = [Text(f"… and {hidden} rows more", "dim")] if hidden else []
    if any(status.stale for status in progress.statuses.values()):
        more.append(
            Text("* beside an earlier run with other settings or data, which is kept", "dim")
        )
    if any(status.steered for status in progress.statuses.values()):
        more.append(Text("~ steered while it trained: no longer the settings of its row", "dim"))
    return Group(lines[0], _table(progress, shown, width), *more, *lines[1:])


def headline(progress: PlanProgress) -> str:
    """Return the plan on one line: counts of runs by state, and the time left."""
    counts = {
        "finished": progress.count("finished"),
        "training": progress.count(*TRAINING),
        "waiting": progress.count("waiting"),
        "failed": progress.count("failed", "blocked"),
        "diverged": progress.count("diverged"),
        "stopped": progress.count("stopped"),
    }
    texts = [f"{count} {name}" for name, count in counts.items() if count or name == "finished"]
    left = progress.seconds_left()
    texts += [f"{duration(left)} left"] if left > 0 else []
    return one_line(f"{progress.plan.title[:LONGEST]}: {', '.join(texts)}")


def rows_shown(progress: PlanProgress, most: int) -> list[int]:
    """Return which rows fit, in their order: what trains first, then what failed, then waits."""
    rows = range(len(progress.plan.rows))
    return sorted(sorted(rows, key=lambda row: (_urgency(progress, row), row))[:most])


def sparkline(values: Sequence[float], width: int) -> str:
    """Return the last values as bars from the lowest to the highest, at most `width` of them."""
    last = list(values)[-width:]
    if not last:
        return ""
    low, span = min(last), max(last) - min(last)
    return "".join(
        BARS[round((value - low) / span * (len(BARS) - 1)) if span else 0] for value in last
    )


def _table(progress: PlanProgress, rows: Sequence[int], width: int) -> Table:
    seeds, metric = progress.plan.seeds, progress.plan.metric
    label, cell = _widths(progress, width)
    fitting = seeds[: max(1, (width - label - MEAN - 4) // (cell + 2))]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("row", width=label, no_wrap=True, overflow="ellipsis")
    for seed in fitting:
        table.add_column(f"seed {seed}" if cell > CELL else f"s{seed}", width=cell, no_wrap=True)
    more = len(seeds) - len(fitting)
    table.add_column(f"mean ± std{f' (+{more})' if more else ''}", no_wrap=True)
    for row in rows:
        cells = {cell.seed: progress.of(cell) for cell in progress.plan.cells if cell.row == row}
        texts = [cell_text(cells[s], metric, cell) if s in cells else Text() for s in fitting]
        mean = mean_text(estimate(progress.values(row)), metric)
        table.add_row(Text(one_line(progress.plan.rows[row].label)), *texts, Text(mean))
    return table


def _widths(progress: PlanProgress, width: int) -> tuple[int, int]:
    """Return the columns of a row's label and of a cell: wide cells where all seeds have room."""
    seeds = max(len(progress.plan.seeds), 1)
    longest = min(max(len(row.label) for row in progress.plan.rows), LABEL)
    for cell in (WIDE_CELL, CELL):
        left = width - MEAN - 4 - seeds * (cell + 2)
        if left >= min(longest, NARROWEST):
            return min(longest, left), cell
    return min(longest, NARROWEST), CELL


def cell_text(status: CellStatus, metric: str, width: int) -> Text:
    """Return one cell: its value, its progress, or the sign of its state."""
    mark = ("~" if status.steered else "") + ("*" if status.stale else "")
    if status.state == "finished":
        return Text(amount(status.value, metric) + mark)
    if status.state in SIGNS:
        word = f" {status.state}" if width > CELL and status.state != "waiting" else ""
        return Text(SIGNS[status.state] + word + mark, "red" if word else "dim")
    if status.state in ("starting", "silent") or not status.total:
        return Text((status.state if width > CELL else SHORT[status.state]) + mark, "dim")
    share = f"{status.share:.0%}"
    curve = sparkline(status.curve, width - 5) if width > CELL else ""
    return Text(f"{curve} {share}".strip() + mark, STYLES.get(status.state, ""))


def _urgency(progress: PlanProgress, row: int) -> int:
    states = {progress.of(cell).state for cell in progress.plan.cells if cell.row == row}
    for place, group in enumerate((TRAINING, LOST | {"stopped"}, {"waiting"})):
        if states & group:
            return place
    return 3


def _problems(progress: PlanProgress) -> list[str]:
    """Return the last few failures, one line each."""
    failed = [one for one in progress.statuses.values() if one.state in ("failed", "diverged")]
    return [one_line(f"{one.run or one.cell.run}: {one.problem}") for one in failed[-3:]]
