"""`asgml data check`: prints what is in a data set, and every fault that makes it unfit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from asgml.app.errors import FAILED, OK, RunFailedError
from asgml.app.output import console, print_json
from asgml.app.progress import progress
from asgml.core.config.sections import DataConfig
from asgml.core.data.base import DataError, split_name
from asgml.core.data.catalogue import DATA_SETS
from asgml.storage.format.safe_text import one_line, safe

if TYPE_CHECKING:
    from asgml.core.data.report.dataset_report import Report, SplitReport

SHOWN_CLASSES = 12
SHOWN_SIZES = 4
NUMBERS = {"seconds": "s", "frames": "frames", "fps": "frames/s"}
COUNTS = {"rates": "Hz", "channels": "channels", "sizes": "pixels"}
NAMES = {"1 channels": "mono", "2 channels": "stereo"}


def check(data: DataConfig, json_: bool, *, quick: bool, workers: int | None) -> int:
    """Print the report; return exit code 1 where the data is not fit to train on."""
    name = split_name(data.name)[0]
    published = DATA_SETS[name].published if name else {}
    from asgml.core.data.report.report_builder import build_report

    try:
        with progress("clips") as show:
            report = build_report(
                data.name,
                data.options,
                data.seed,
                quick=quick,
                workers=-1 if workers is None else workers,
                published=published,
                progress=show,
            )
    except DataError as error:
        raise RunFailedError(str(error), {"spec": data.name, "fit": False}) from None
    print_json({"spec": data.name, **report.as_json()}) if json_ else _print(data.name, report)
    return OK if report.fit else FAILED


def _print(spec: str, report: Report) -> None:
    out = console()
    for label, text in _facts(spec, report):
        out.print(Text.assemble((f"{label:<9}", "bold"), safe(text)), soft_wrap=True)
    for table in (_splits(report), _inputs(report), _faults(report)):
        if table.row_count:
            out.print()
            out.print(table)
    out.print()
    for remark in report.remarks:
        out.print(Text.assemble(("note     ", "yellow"), one_line(remark)), soft_wrap=True)
    mark = ("fit      ", "green") if report.fit else ("not fit  ", "red")
    out.print(Text.assemble(mark, verdict(report)), soft_wrap=True)


def _facts(spec: str, report: Report) -> list[tuple[str, str]]:
    count = len(report.classes)
    names = ", ".join(report.classes[:SHOWN_CLASSES])
    more = f" and {count - SHOWN_CLASSES} more" if count > SHOWN_CLASSES else ""
    return [("data", spec), ("classes", f"{count}: {names}{more}")]


def _splits(report: Report) -> Table:
    """Return the samples of each split: those there, listed and published; and by class."""
    table = Table("split", "samples", "listed", "published", "by class", box=None, pad_edge=False)
    for name, split in report.splits.items():
        numbers = (split.samples, split.listed, split.published)
        table.add_row(
            Text(name),
            *(Text("–" if count is None else str(count)) for count in numbers),
            Text(_by_class(report, split)),
        )
    return table


def _by_class(report: Report, split: SplitReport) -> str:
    if len(report.classes) > SHOWN_CLASSES:
        return f"{min(split.classes)} to {max(split.classes)}"
    counts = zip(report.classes, split.classes, strict=True)
    return safe(", ".join(f"{name} {count}" for name, count in counts))


def _inputs(report: Report) -> Table:
    table = Table("modality", "what its files are like", box=None, pad_edge=False)
    for modality, facts in report.inputs.items():
        table.add_row(Text(safe(modality)), Text("; ".join(_measured(facts)), overflow="fold"))
    return table


def _measured(facts: Mapping[str, Any]) -> list[str]:
    """Return the facts as texts; `2.1 … 2.6 … 3.9 s` are least, median and most."""
    texts = [f"{facts['read']} read"] if "read" in facts else []
    texts += [" × ".join(str(size) for size in facts["shape"])] if "shape" in facts else []
    for key, unit in NUMBERS.items():
        if key in facts:
            values = [f"{facts[key][which]:.4g}" for which in ("min", "median", "max")]
            texts.append(f"{values[0] if len(set(values)) == 1 else ' … '.join(values)} {unit}")
    return texts + [_counted(facts[key], unit) for key, unit in COUNTS.items() if key in facts]


def _counted(counts: Mapping[str, int], unit: str) -> str:
    common = sorted(counts.items(), key=lambda one: -one[1])
    values = [
        value if len(common) == 1 else f"{value} ({count})" for value, count in common[:SHOWN_SIZES]
    ]
    more = f" and {len(common) - SHOWN_SIZES} others" if len(common) > SHOWN_SIZES else ""
    text = safe(f"{', '.join(values)}{more} {unit}")
    return NAMES.get(text, text)


def _faults(report: Report) -> Table:
    """Return every fault, not only the first ones: the user goes through the list."""
    table = Table("fault", "clip", "file", "why", box=None, pad_edge=False)
    for faults, style in ((report.faults, "red"), (report.tolerated, "yellow")):
        for fault in faults:
            cells = (fault.clip, _relative(fault.path, Path(report.source)), fault.reason)
            texts = (Text(one_line(cell), overflow="fold") for cell in cells)
            table.add_row(Text(fault.kind, style), *texts)
    return table


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def verdict(report: Report) -> str:
    """Return the last line: how many faults of which kind, and what can be done."""
    counts = Counter(fault.kind for fault in (*report.faults, *report.tolerated))
    found = ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "no fault"
    if report.fit:
        read = "names, headers and first images only" if report.quick else "everything read"
        return f"to train on: {found}, {read}"
    empty = [name for name, split in report.splits.items() if not split.samples]
    if empty:
        return f"to train on: {found}, and no {empty[0]} sample is left"
    if all(fault.kind == "missing" for fault in report.faults):
        return (
            f"to train on: {found}; put the files there, "
            "or train with --allow-missing, without these clips"
        )
    return (
        f"to train on: {found}; put these files right, or leave them out: "
        "`asgml data prepare` and `train`, both with --allow-missing"
    )
