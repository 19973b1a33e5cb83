"""Options of a data set as a person gives them: `frames=3`, or with the name they have in a configuration."""

from __future__ import annotations

from typing import Any

from app.errors import UserError
from app.keys import nested, parse_value

PREFIX = "data.options."
SEED = "data.seed"


def read_sets(sets: tuple[str, ...]) -> tuple[dict[str, Any], int]:
    """The options by name, and the seed of the data. Raises UserError."""
    given: dict[str, Any] = {}
    seed: Any = 0
    for text in sets:
        key, sign, value = text.partition("=")
        key = key.strip()
        if not sign or not key:
            raise UserError(f"--set {text!r}: expected KEY=VALUE, such as --set frames=3")
        if key in (SEED, "seed"):
            seed = parse_value(value.strip())
        else:
            given[key.removeprefix(PREFIX)] = parse_value(value.strip())
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise UserError(f"--set seed={seed}: expected a whole number from 0")
    return nested(given), seed
