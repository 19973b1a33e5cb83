"""The settings that methods were published with: set where the user gives none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asgml.core.methods.registry import RegistryError, parse_method, short_name
from asgml.storage.format.knobs import Value

DEFAULT_METHOD = "ogm_ge+boost"
"""Methods of a run that names none."""


def published_settings(tree: Mapping[str, Any]) -> dict[str, tuple[Value, str]]:
    """Return the settings that the methods of a run set, {key: (value, method)}.

    `tree` are the tables that were given, as in run.toml; what stands there is left out. Of two
    methods that set the same, the first counts. Raise RegistryError for an unknown method.
    """
    found: dict[str, tuple[Value, str]] = {}
    for method in parse_method(str(tree.get("method", DEFAULT_METHOD))):
        given = tree.get(method.name)
        section = {short_name(knob): knob.initial for knob in method.settings}
        section |= given if isinstance(given, Mapping) else {}
        for key, value in method.published_with(section).items():
            if not _is_given(key, tree):
                found.setdefault(key, (value, method.name))
    return found


def _is_given(key: str, tree: Mapping[str, Any]) -> bool:
    table, _, name = key.rpartition(".")
    section = tree.get(table, {})
    # A table that is no table is refused later, with its own message.
    return not isinstance(section, Mapping) or name in section


def with_published(tree: dict[str, Any]) -> dict[str, Any]:
    """Return the tables that were given, with the settings of their methods added."""
    try:
        published = published_settings(tree)
    except RegistryError:  # the validator of `method` says it
        return tree
    for key, (value, _) in published.items():
        table, _, name = key.rpartition(".")
        tree = {**tree, table: {**tree.get(table, {}), name: value}}
    return tree
