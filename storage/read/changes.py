"""Changed settings: those that a resumed run goes on with, where they are not the recorded ones.

The manifest in the store never changes. Readers overwrite its configuration and its totals by the
`changes` of the `resumed` events, {dotted key: {"before", "after"}}, and the protocol by theirs.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from asgml.storage.format.events import Event
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.typed import is_count


def with_changes(manifest: Manifest, events: Iterable[Event]) -> Manifest:
    """Return the manifest as it stands after these events."""
    events = list(events)
    made = [(key, change["after"]) for _, key, change in _changes(events)]
    protocols = [each.get("protocol") for each in events if each.kind == "resumed"]
    for protocol in protocols:
        if isinstance(protocol, dict):
            manifest = replace(manifest, data={**manifest.data, "protocol": protocol})
    return _with_values(manifest, made) if made else manifest


def config_at(manifest: Manifest, events: Iterable[Event], step: int) -> dict[str, Any]:
    """Return the configuration that the step after `step` was trained with.

    `manifest` is the one that stands after these events.
    """
    later = [(key, change["before"]) for at, key, change in _changes(events) if at > step]
    return _with_values(manifest, reversed(later)).config


def changed_at(events: Iterable[Event]) -> list[int]:
    """Return the steps at which settings changed, in order."""
    return sorted({step for step, _, _ in _changes(events)})


def _changes(events: Iterable[Event]) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    for event in events:
        changes = event.get("changes") if event.kind == "resumed" else None
        for key, change in changes.items() if isinstance(changes, dict) else ():
            if isinstance(change, dict) and {"before", "after"} <= change.keys():
                yield event.step, str(key), change


def _with_values(manifest: Manifest, values: Iterable[tuple[str, Any]]) -> Manifest:
    config = copy.deepcopy(manifest.config)
    for key, value in values:
        _put(config, key.split("."), value)
    epochs, each = config.get("epochs"), manifest.steps_per_epoch
    if not isinstance(epochs, int) or not is_count(epochs) or epochs == manifest.total_epochs:
        return replace(manifest, config=config)
    # 0 stays 0: a method that shows samples again makes no epoch of a known length
    total = epochs * each if manifest.total_steps else 0
    return replace(manifest, config=config, total_epochs=epochs, total_steps=total)


def _put(tree: dict[str, Any], path: list[str], value: Any) -> None:
    """Set a value that is there already; a change of anything else is no change of a setting."""
    *sections, name = path
    for section in sections:
        inner = tree.get(section)
        if not isinstance(inner, dict):
            return
        tree = inner
    if name in tree:
        tree[name] = value
