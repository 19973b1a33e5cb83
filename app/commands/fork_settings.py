"""The settings of a fork: those of its parent at a step, what is changed, and what may not be."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from asgml.app.configure import make_paths_absolute, parse_set, sections_of_others
from asgml.app.draft import Draft
from asgml.app.errors import RejectedError
from asgml.core.config.live_knobs import live_knobs
from asgml.core.config.run_settings import RunSettings
from asgml.core.methods.registry import METHODS
from asgml.storage.read.changes import config_at
from asgml.storage.read.reader import Run
from asgml.storage.runs.settings import flatten

NEVER = {
    "data": "its weights and the order of its batches belong to that data",
    "modalities": "its weights and the order of its batches belong to those modalities",
    "encoder": "its weights belong to those encoders",
    "freeze": "its optimizer belongs to the encoders that were trained",
    "fusion": "its weights belong to that fusion",
    "batch_size": "the batches of its epoch are drawn",
    "seed": "its generators stand where the parent's seed has brought them",
    "references": "they were read when the parent began",
    "mixup": "its generator belongs to the shares that the parent drew",
    "probe.type": "its probes are trained already",
    "probe.lr": "its probes are trained already",
    "probe.enabled": "its probes have been trained from the beginning, or not at all",
}
"""Settings, or whole sections, that a fork shares with its parent, and why."""
OPTIMIZER = ("name", "momentum", "weight_decay", "accumulate", "amp")
"""Settings of the optimizer that its state belongs to; rate, schedule and clipping may change."""
KNOB_OF = {"optimizer.lr": "lr"}

Changes = dict[str, dict[str, Any]]


def settings_at(run: Run, step: int) -> dict[str, Any]:
    """Return the flat settings of a run's training after `step` steps, its knobs included."""
    manifest = run.manifest
    assert manifest is not None
    settings = flatten(config_at(manifest, run.events, step))
    knobs = run.knobs_at(step - 1)  # what was set at the step itself lies ahead of a fork
    named = {key: knobs.get(KNOB_OF.get(key, key)) for key in settings}
    return {**settings, **{key: value for key, value in named.items() if value is not None}}


def fork_settings(
    run: Run, parent: Mapping[str, Any], sets: Sequence[str], epochs: int | None
) -> RunSettings:
    """Return the configuration of a fork. Raise UserError for what is no setting or value."""
    given = [(*parse_set(text), f"--set {text}") for text in sets]
    given += [("epochs", epochs, "--epochs")] if epochs is not None else []
    method = next((str(v) for k, v, _ in reversed(given) if k == "method"), str(parent["method"]))
    draft = Draft(sections_of_others(method))
    origin = f"run {run.paths.name}"
    # of methods that the parent had not, the settings they were published with count
    unused = sections_of_others(str(parent["method"]))
    draft.values = {k: v for k, v in parent.items() if k.partition(".")[0] not in unused}
    draft.origins = dict.fromkeys(draft.values, origin)
    for name, value, where in given:
        draft.put(name, value, where)
    make_paths_absolute(draft, "")
    return draft.config()


def changes_of(parent: Mapping[str, Any], config: RunSettings) -> Changes:
    """Return {key: {before, after}} of what a fork has otherwise than its parent."""
    after = flatten(config.model_dump(mode="json"))
    return {
        key: {"before": parent[key], "after": value}
        for key, value in after.items()
        if key in parent and parent[key] != value
    }


def refuse_changes(name: str, changes: Collection[str], config: RunSettings, ends: str) -> None:
    """Raise RejectedError for the first change that a fork of the run `name` cannot have.

    `ends` names the ends of epochs beside the step; it is "" where the step is one.
    """
    knobs = {knob.name for knob in live_knobs(config)}
    for key in changes:
        if reason := _never(key):
            raise RejectedError(
                f"{key}: a fork of {name} keeps it, {reason}; start a new run with `asgml train`"
            )
        method = key in ("method", "modulator") or key.partition(".")[0] in METHODS
        if method and KNOB_OF.get(key, key) not in knobs and ends:
            raise RejectedError(f"{key} changes where an epoch ends: give --at {ends}")


def _never(key: str) -> str:
    section, _, name = key.partition(".")
    if section == "optimizer" and name in OPTIMIZER:
        return "its optimizer's state belongs to it"
    return NEVER.get(key) or NEVER.get(section, "")
