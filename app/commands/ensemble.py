"""`asgml ensemble`: the mean prediction of several runs, each with its best network."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from asgml.app.errors import UserError
from asgml.app.lookup import find
from asgml.app.output import console, print_json
from asgml.app.table_text import number
from asgml.storage.format.safe_text import safe

if TYPE_CHECKING:
    from asgml.core.training.ensemble import Ensemble


def ensemble(run_refs: list[str], runs: Path | None, split: str, device: str, json_: bool) -> int:
    """Print the accuracy of each run on a split, and that of their mean prediction."""
    if len(run_refs) < 2:
        raise UserError(
            f"asgml ensemble {' '.join(run_refs)}: expected two runs or more; "
            "train each modality with `asgml train --only MODALITY`"
        )
    paths = [find(run_ref, runs).root for run_ref in run_refs]
    if len({path.resolve() for path in paths}) < len(paths):
        raise UserError(f"asgml ensemble {' '.join(run_refs)}: a run is named twice; name it once")
    from asgml.core.data.base import DataError
    from asgml.core.run.unimodal_reference import ReferenceRunError
    from asgml.core.training.components import DeviceError, find_device
    from asgml.core.training.ensemble import evaluate_ensemble

    try:
        found = evaluate_ensemble(paths, split, find_device(device))
    except (ReferenceRunError, DataError, DeviceError) as error:
        raise UserError(str(error)) from None
    if json_:
        print_json(asdict(found))
        return 0
    _print(found)
    return 0


def _print(found: Ensemble) -> None:
    table = Table("run", "modalities", f"{found.split} accuracy", box=None, pad_edge=False)
    for member in found.members:
        cells = (Path(member.path).name, ", ".join(member.modalities), number(member.accuracy))
        table.add_row(*(Text(safe(cell)) for cell in cells))
    table.add_row(
        Text("ensemble", "bold"), Text(f"mean {found.averaged}"), Text(number(found.accuracy))
    )
    console().print(table)
