"""The process of an ensemble, the mean prediction of several runs on validation and test part.

`python -P -m asgml.core.ensemble_worker FILE DIGEST DEVICE RUN RUN …` writes the record of the
ensemble into FILE and exits with 0; with 1 and one line on standard error where a run cannot take
part.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from asgml.core.data.base import DataError
from asgml.core.run.unimodal_reference import ReferenceRunError
from asgml.core.training.components import DeviceError, find_device
from asgml.core.training.ensemble import evaluate_ensemble
from asgml.core.user_file import UserFileError
from asgml.storage.runs.ensemble_record import EnsembleRecord, write_ensemble

COLUMNS = {"val": "val_accuracy", "test": "test_accuracy_at_best_val"}
"""The split that is predicted, and the column of a run that holds such a value."""


def main(arguments: Sequence[str]) -> int:
    """Evaluate the ensemble; return the exit code."""
    file, digest, device, *runs = arguments
    try:
        write_ensemble(Path(file), evaluate([Path(run) for run in runs], digest, device))
    except (ReferenceRunError, DataError, DeviceError, UserFileError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def evaluate(runs: Sequence[Path], digest: str, device: str) -> EnsembleRecord:
    """Return the record of the mean prediction of these runs. Raise ReferenceRunError."""
    found = {split: evaluate_ensemble(runs, split, find_device(device)) for split in COLUMNS}
    values = {column: found[split].accuracy for split, column in COLUMNS.items()}
    return EnsembleRecord(tuple(run.name for run in runs), found["val"].averaged, digest, values)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
