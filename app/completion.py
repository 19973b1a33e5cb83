"""Tab completion of runs, recipes, plans, methods, configuration keys and knobs; opens no store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from asgml.app.errors import UserError
from asgml.storage.format.knobs import knob_from_json
from asgml.storage.format.layout import RunNotFoundError, RunPaths, find_run, scan
from asgml.storage.format.safe_text import safe


def complete(name: str, given: dict[str, Any], incomplete: str) -> list[str]:
    """Return the names of one kind that begin with `incomplete`.

    A broken setting or run completes to nothing.
    """
    try:
        names = _SOURCES[name](given)
    except (UserError, RunNotFoundError):
        return []
    return [name for name in names if name.startswith(incomplete) and name == safe(name)]


def _runs(given: dict[str, Any]) -> list[str]:
    return [run.name for run in scan(_directory(given))] + ["latest"]


def _recipes(given: dict[str, Any]) -> list[str]:
    return sorted(path.stem for path in (Path(__file__).parent / "recipes").glob("*.toml"))


def _plans(given: dict[str, Any]) -> list[str]:
    return sorted(path.stem for path in (Path(__file__).parent / "plans/shipped").glob("*.toml"))


def _methods(given: dict[str, Any]) -> list[str]:
    from asgml.core.methods.registry import METHODS

    return list(METHODS)


def _settings(given: dict[str, Any]) -> list[str]:
    from asgml.core.config.run_config import known_keys

    return [f"{key}=" for key in known_keys()]


def _knobs(given: dict[str, Any]) -> list[str]:
    if str(given.get("action")) != "set":
        return []
    paths = find_run(str(given.get("run", "latest")), _directory(given))
    return [f"{knob}=" for knob in _declared(paths)]


def _declared(paths: RunPaths) -> list[str]:
    """Return the names of the knobs in the manifest, read as JSON: a store takes 0.5 s to open."""
    try:
        record = json.loads((paths.store / "zarr.json").read_text(encoding="utf-8"))
        return [knob_from_json(knob).name for knob in record["attributes"]["knobs"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _directory(given: dict[str, Any]) -> Path:
    from asgml.app.preferences import runs_directory

    runs = given.get("runs")
    return runs_directory(Path(runs) if isinstance(runs, (str, Path)) else None)


_SOURCES = {
    "runs": _runs,
    "recipes": _recipes,
    "plans": _plans,
    "methods": _methods,
    "settings": _settings,
    "knobs": _knobs,
}
