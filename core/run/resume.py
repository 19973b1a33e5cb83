"""The checks before a run is resumed: can its store and its data be continued?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from asgml.core.config.live_settings import LiveSettings
from asgml.core.config.run_settings import RunSettings
from asgml.core.data.base import DataError, Dataset
from asgml.core.model.encoders.base import EncoderError
from asgml.core.run import checkpoint
from asgml.core.run.protocol import changed_encoder
from asgml.core.user_file import split_target
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import FormatError
from asgml.storage.format.metrics import LATER, METRICS, Metric
from asgml.storage.format.reference_metrics import REFERENCE_METRICS
from asgml.storage.format.regression_metrics import REGRESSION_METRICS
from asgml.storage.read.reader import Run
from asgml.storage.runs.settings import flatten

# a file of arrays has a checksum; clips in folders have sizes and classes only
SAME_DATA = (
    ("sha256", "content"),
    ("counts", "sizes"),
    ("class_counts", "classes"),
    ("val", "validation part"),
)
"""Facts of a data set that must stay as they were, and their names in the error."""


def earlier_run(paths: RunPaths) -> Run | None:
    """Return the published part of a run, None where it never got a store.

    Raise FormatError where its columns are not those that this version records, and where it has
    checkpoints but nothing that was published.
    """
    run = Run.open(paths)
    if run.manifest is None:
        _refuse_checkpoints(paths)
        return None
    if _columns(run.manifest.metrics) not in KNOWN_COLUMNS:
        raise FormatError(
            f"run {paths.name} was recorded with other metrics than this version's; "
            "start a new run with its run.toml"
        )
    return run


def _refuse_checkpoints(paths: RunPaths) -> None:
    # begun again at step 0 beside them, the run would go on from the wrong ones at its next resume
    newest = checkpoint.newest(paths.checkpoints)
    if newest is not None:
        raise FormatError(
            f"run {paths.name} has {paths.checkpoints.name}/{newest.name} but nothing published "
            f"in {paths.store.name}: copy it again from where the run was recorded, or move the "
            "checkpoints away to begin again"
        )


def refuse_other_data(paths: RunPaths, earlier: Run, data: Dataset) -> None:
    """Raise DataError where content, sizes or classes are not those that the run began with."""
    began: Mapping[str, Any] = earlier.manifest.data if earlier.manifest else {}
    for key, name in SAME_DATA:
        if key in began and key in data.info and began[key] != data.info[key]:
            now, then = (str(value)[:60] for value in (data.info[key], began[key]))
            raise DataError(
                f"run {paths.name} began with other data: its {name} was {then}, "
                f"that of {data.name} is {now}; put the old data back, or start a new run"
            )


def refuse_other_encoders(paths: RunPaths, earlier: Run, config: RunSettings) -> None:
    """Raise EncoderError where the file of a user's encoder is not the one that the run began with.

    Raise UserFileError where it is not there any more.
    """
    changed = changed_encoder(earlier.manifest.data if earlier.manifest else {}, config.encoder)
    if changed is not None:
        raise EncoderError(
            f"run {paths.name} began with another content of "
            f"{split_target(config.encoder[changed])[0]} (encoder.{changed}); "
            "put the old file back, or start a new run"
        )


def changed_settings(
    earlier: Run, config: RunSettings, live: LiveSettings
) -> dict[str, dict[str, Any]]:
    """Return {key: {before, after}} of the settings that a resumed run has otherwise than before.

    A knob keeps the value that it had, whatever the configuration says by now. What an older
    version did not record, and where the data lies, is no change.
    """
    before = flatten(earlier.manifest.config if earlier.manifest else {})
    after = flatten(config.model_dump(mode="json"))
    kept = {"data.name", "optimizer.lr", *(knob.name for knob in live.knobs)}
    return {
        key: {"before": before[key], "after": value}
        for key, value in after.items()
        if key in before and before[key] != value and key not in kept
    }


def _columns(metrics: Iterable[Metric]) -> list[tuple[str, str, bool]]:
    """Return what the arrays of a store depend on. Texts, units and panels may be reworded.

    Without the metrics of LATER, which an older run lacks and is resumed without.
    """
    return [
        (metric.table, metric.name, metric.per_modality)
        for metric in metrics
        if metric.name not in LATER
    ]


KNOWN_COLUMNS = [
    _columns((*of_task, *more))
    for of_task in (METRICS, REGRESSION_METRICS)
    for more in ((), REFERENCE_METRICS)
]
"""The columns that this version records: of either task, without and with references."""
