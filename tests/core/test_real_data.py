"""Short trainings on real data of two, three and six modalities, where the data is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from core_kit import small_config, train_small

from asgml.core.data.base import load_data

SHORT: dict[str, Any] = {
    "method": "ogm_ge+boost",
    "epochs": 2,
    "batch_size": 64,
    "probe": {"eval_freq": 5, "train_steps": 5},
}
METRICS = [
    "probe_accuracy",
    "utilization",
    "grad_norm",
    "grad_norm_after",
    "boost_scale",
    "gain",
    "own_loss",
    "val_own_accuracy",
]
FILES = {"mosi": 3, "mfeat": 6, "grid_digit": 2}


@pytest.mark.parametrize("name", list(FILES))
def test_two_epochs(name: str, shared_data: Path, tmp_path: Path) -> None:
    """The run finishes, and every number that the user wants to see is there for every modality."""
    data = load_data(str(shared_data / f"{name}.npz"))
    assert len(data.modalities) == FILES[name]
    trainer, run = train_small(tmp_path / "run", data, **SHORT)
    assert run.state() == "finished"
    assert trainer.config.method == small_config(**SHORT).method
    assert run.manifest is not None and tuple(run.manifest.modalities) == data.modalities
    for m in data.modalities:
        for metric in METRICS:
            table, _ = run.find_column(f"{metric}/{m}")
            values = run.column(table, f"{metric}/{m}")
            assert len(values) and np.isfinite(values).all(), f"{metric} of {m}"
        assert (run.column("steps", f"grad_norm/{m}") > 0).all()
    loss = run.column("steps", "loss")
    assert loss[-5:].mean() < loss[:5].mean(), "nothing was learnt"
    assert np.isfinite(run.column("epochs", "test_accuracy_at_best_val")[-1])
