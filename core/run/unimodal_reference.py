"""Reads the references of a run: the best results of each modality, trained alone in its own run.

Their runs may have been written by anybody: nothing in them is used unchecked.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from asgml.core.config.run_settings import RunSettings
from asgml.core.data.base import Dataset
from asgml.core.run import checkpoint
from asgml.core.run.protocol import protocol_of
from asgml.storage.format.errors import FormatError
from asgml.storage.format.layout import RunNotFoundError
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.reference import Reference
from asgml.storage.format.safe_text import error_line
from asgml.storage.read.reader import Run

SAME = ("data", "content", "sizes", "val", "split", "epochs", "batch_size", "optimizer")
"""Entries of a protocol that a modality alone and the joint run are expected to share."""


class ReferenceRunError(ValueError):
    """A run that cannot be the reference of a modality. The message is one line."""


def read_references(config: RunSettings, data: Dataset) -> dict[str, Reference]:
    """Return the references that a configuration names, in the order of the modalities.

    Raise ReferenceRunError where a run is missing, damaged, of another task or of other modalities.
    """
    for modality in config.references:
        if modality not in data.modalities:
            raise ReferenceRunError(
                f"references names {modality!r}: {data.name} has {', '.join(data.modalities)}"
            )
    return {
        m: read_reference(m, Path(config.references[m]), data)
        for m in data.modalities
        if m in config.references
    }


def read_reference(modality: str, path: Path, data: Dataset) -> Reference:
    """Return the best results of the run at `path`, which trained `modality` alone.

    Raise ReferenceRunError where it cannot be the reference of this modality of this data.
    """
    what = f"the reference of {modality}, {path},"
    run = open_foreign(path, what)
    manifest = trained_manifest(run, what)
    if list(manifest.modalities) != [modality]:
        raise ReferenceRunError(
            f"{what} trained {', '.join(map(str, manifest.modalities))[:80]}; "
            f"expected a run of {modality} alone: `asgml train --only {modality}`"
        )
    refuse_other_classes(manifest, data.classes, what)
    step, val_accuracy, test_accuracy = best_results(run, what)
    protocol = _protocol(manifest).get("digest", "")
    model = best_model(run, step)
    digest = hashlib.sha256(model.read_bytes()).hexdigest() if model else ""
    return Reference(
        str(run.paths.root.resolve()), step, val_accuracy, test_accuracy, str(protocol)[:40], digest
    )


def open_foreign(path: Path, what: str) -> Run:
    """Return the run at `path` as far as it is published. Raise ReferenceRunError."""
    try:
        return Run.open(path)
    except RunNotFoundError:
        raise ReferenceRunError(f"{what} is no run") from None
    except (FormatError, OSError) as error:
        raise ReferenceRunError(
            f"{what} cannot be read ({error_line(error)[:160]}); `asgml check` says what is damaged"
        ) from None


def trained_manifest(run: Run, what: str) -> Manifest:
    """Return the manifest of a run. Raise ReferenceRunError where its trainer wrote none yet."""
    if run.manifest is None:
        raise ReferenceRunError(f"{what} has recorded nothing yet; train it first")
    return run.manifest


def refuse_other_classes(manifest: Manifest, classes: tuple[str, ...], what: str) -> None:
    """Raise ReferenceRunError where a run has learned other classes than these."""
    if tuple(manifest.classes) != tuple(classes):
        raise ReferenceRunError(
            f"{what} has the classes {_few(manifest.classes)}; expected {_few(classes)}: "
            "train it on the same data"
        )


def best_results(run: Run, what: str) -> tuple[int, float, float]:
    """Return step and validation accuracy of the best model, and its test accuracy or NaN.

    The model is chosen as the training chose it: by accuracy, or in a regression by the error.
    """
    try:
        rows = {name: run.column("epochs", name) for name in run.columns("epochs")}
        current = run.current_rows("epochs")
        by_error = "val_mae" in rows
        scores = (-rows["val_mae"] if by_error else rows["val_accuracy"])[current]
        finite = np.flatnonzero(np.isfinite(scores) & np.isfinite(rows["val_accuracy"][current]))
        best = finite[np.argmax(scores[finite])]
        step, accuracy = (float(rows[name][current][best]) for name in ("step", "val_accuracy"))
        tested = rows["test_accuracy_at_best_val"][current]
    except (KeyError, ValueError, TypeError, IndexError):
        raise ReferenceRunError(f"{what} has no validation accuracy; train it first") from None
    if not (0 <= accuracy <= 1 and 0 <= step < 2**53):
        raise ReferenceRunError(f"{what} has rows that are none: accuracy {accuracy}, step {step}")
    known = tested[np.isfinite(tested) & (tested >= 0) & (tested <= 1)]
    return int(step), accuracy, float(known[-1]) if len(known) else math.nan


def best_model(run: Run, step: int) -> Path | None:
    """Return the checkpoint of the best model, None where it was removed."""
    path = checkpoint.best_path(run.paths.checkpoints, step)
    return path if path.is_file() else None


def reference_warnings(
    config: RunSettings, data: Dataset, references: Mapping[str, Reference]
) -> list[str]:
    """Return one line for each reference whose accuracy does not compare with this run's."""
    found: list[str] = []
    for m, reference in references.items():
        run = open_foreign(Path(reference.path), f"the reference of {m}, {reference.path},")
        name = run.paths.name
        if (state := run.state()) != "finished":
            found.append(f"the reference of {m} ({name}) is {state}: its best so far is taken")
        theirs = _protocol(run.manifest) if run.manifest else {}
        if other := differences(protocol_of(config, data).as_json(), theirs, m):
            found.append(
                f"the reference of {m} ({name}) has another protocol ({', '.join(other)}): "
                "what it reached alone does not compare with what it reaches here"
            )
    return found


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any], modality: str) -> list[str]:
    """Return the entries in which the protocol of a modality alone differs from the joint one."""
    found = [name for name in SAME if ours.get(name) != theirs.get(name)]
    for name, part in (("inputs", _input_of), ("encoder", _encoder_of)):
        if part(ours, modality) != part(theirs, modality):
            found.append(name)
    return found


def _input_of(protocol: Mapping[str, Any], modality: str) -> Any:
    return _table(protocol.get("inputs")).get(modality)


def _encoder_of(protocol: Mapping[str, Any], modality: str) -> Any:
    encoder = _table(_table(protocol.get("network")).get("encoder"))
    return encoder.get(modality, encoder.get("default"))


def _protocol(manifest: Manifest) -> Mapping[str, Any]:
    return _table(_table(manifest.data).get("protocol"))


def _table(value: Any) -> Mapping[str, Any]:
    """Return a mapping, empty in place of anything else."""
    return value if isinstance(value, Mapping) else {}


def _few(names: Any) -> str:
    """Return the first names of a list as short text."""
    text = ", ".join(map(str, list(names)[:6]))[:60]
    return f"{len(names)} ({text}{', …' if len(names) > 6 else ''})"
