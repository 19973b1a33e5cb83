"""Names of a plan's rows and runs: labels of variants, and directory names that are safe."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from asgml.storage.runs.trials import TRIAL

LONGEST = 40  # characters of a row's part of a name


def slug(text: str) -> str:
    """Return text as a part of a directory's name: a-z, 0-9, `.`, `_` and single hyphens."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    clean = re.sub(r"[^a-z0-9._]+", "-", plain).strip("-._")[:LONGEST].rstrip("-._")
    return f"row-{clean}" if clean.startswith(TRIAL) else clean or "row"


def slugs(labels: Iterable[str]) -> list[str]:
    """Return a different slug for each label, in their order."""
    found: list[str] = []
    for label in labels:
        name, number = slug(label), 2
        while name in found:
            name = f"{slug(label)[: LONGEST - 4]}-{number}"
            number += 1
        found.append(name)
    return found


def run_name(row: str, seed: int) -> str:
    """Return the name of the run of a row, given its slug, with a seed."""
    return f"{row}-s{seed}"


def grid_label(label: str, values: Mapping[str, Any]) -> str:
    """Return a row's label with the values of its grid: `Boost, alpha 0.25`.

    A label that ends with the name of its one setting is followed by the value alone.
    """
    if not values:
        return label
    named = [(key.rpartition(".")[2], value_text(value)) for key, value in values.items()]
    name, value = named[0]
    if len(named) == 1 and re.search(rf"\b{re.escape(name)}$", label, re.IGNORECASE):
        return f"{label} {value}"
    return ", ".join([label, *(f"{name} {value}" for name, value in named)])


def value_text(value: Any) -> str:
    """Return a setting's value as it is read in a table: 0.25, on, audio+visual."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return "+".join(value_text(one) for one in value)
    return str(value)
