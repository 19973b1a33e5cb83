"""A stored diagnosis: what was asked and measured, in diagnosis.json of the plan's folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asgml.app.diagnosis.measurements import (
    Measurements,
    measurements_from_json,
    measurements_to_json,
)
from asgml.app.errors import NotFoundError
from asgml.app.output import finite
from asgml.storage.format import typed
from asgml.storage.format.bounded_file import read_json_object
from asgml.storage.format.errors import FormatError
from asgml.storage.format.user_path import why

FILE = "diagnosis.json"
_TYPES: dict[str, typed.Check] = {
    "data": typed.is_text,
    "recipe": typed.is_text,
    "arguments": typed.is_names,
    "measurements": typed.is_object,
}


@dataclass(frozen=True)
class Diagnosis:
    """The measurements on a data set.

    `recipe`, `arguments`: what was given to the command beside data, seeds and method.
    """

    data: str
    recipe: str
    arguments: tuple[str, ...]
    measurements: Measurements


def write_diagnosis(folder: Path, diagnosis: Diagnosis, verdict: dict[str, Any]) -> None:
    """Write the file, whole or not at all. The verdict beside it is for other programs."""
    record = {
        "data": diagnosis.data,
        "recipe": diagnosis.recipe,
        "arguments": list(diagnosis.arguments),
        "measurements": measurements_to_json(diagnosis.measurements),
        "verdict": finite(verdict),
    }
    partial = folder / f"{FILE}.partial"
    partial.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    partial.replace(folder / FILE)


def read_diagnosis(folder: Path) -> Diagnosis:
    """Return the diagnosis in a folder. Raise NotFoundError where there is none that can be read.

    The verdict is not read but judged again: it is never another than the numbers give.
    """
    try:
        record = read_json_object(folder / FILE, follow_links=False)
        typed.refuse_other_types(record, _TYPES, _TYPES, "the diagnosis")
        measurements = measurements_from_json(record["measurements"])
    except FileNotFoundError:
        raise NotFoundError(
            f"{folder} holds no diagnosis; make one with `asgml diagnose --data …`"
        ) from None
    except (FormatError, OSError) as error:
        raise NotFoundError(
            f"{folder / FILE} cannot be read: {why(error)}; run `asgml diagnose --data …` again"
        ) from None
    arguments = tuple(record["arguments"])
    return Diagnosis(record["data"], record["recipe"], arguments, measurements)
