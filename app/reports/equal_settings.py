"""The settings that all runs of a report share, and which of them are worth telling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from asgml.app.reports.content import Part, settled
from asgml.app.reports.wording import settings_text
from asgml.storage.runs.record import RunRecord
from asgml.storage.runs.settings import flatten


def equal_settings(records: Sequence[RunRecord]) -> dict[str, Any]:
    """Return the settings that are equal in all runs."""
    settings = [dict(record.settings) for record in records]
    first = settings[0] if settings else {}
    equal = {
        key: value
        for key, value in first.items()
        if all(key in each and each[key] == value for each in settings)
    }
    return settled(equal)


def changed_settings(equal: Mapping[str, Any], records: Sequence[RunRecord]) -> tuple[str, ...]:
    """Return the keys of those that are no defaults, without sections of methods that no run has.

    A setting that asgml does not know counts as changed.
    """
    from asgml.app.configure import sections_of_others
    from asgml.core.config.run_config import RunConfig

    used = "+".join(dict.fromkeys(str(record.settings.get("method", "")) for record in records))
    unused, defaults = sections_of_others(used), flatten(RunConfig().model_dump(mode="json"))
    return tuple(
        key
        for key, value in equal.items()
        if key.partition(".")[0] not in unused and not (key in defaults and defaults[key] == value)
    )


def what_is_told(part: Part) -> str:
    """Return the sentence that says which of the equal settings are told."""
    left_out = len(part.same) - len(_changed(part))
    others = f"{left_out} that have their default, or belong to methods that no row uses, stand in "
    return "Equal in all runs" + (f"; {others}report.json alone" if left_out else "")


def equal_text(part: Part) -> str:
    """Return the settings that are told, `key = value`."""
    return settings_text({key: part.same[key] for key in _changed(part)}) or "–"


def _changed(part: Part) -> list[str]:
    return [key for key in part.changed if key in part.same]
