"""An epoch of every method, and of every throttle with every boost, on measured data where it lies beside the repository."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from core_kit import make_trainer, train

from asgml.core.config.config import make_config
from asgml.core.data.base import Dataset, Split, load_data
from asgml.core.methods.registry import METHODS, parse_method

FOLDER = Path(__file__).parents[4] / "shared" / "data"
DATA = [pytest.param(name, marks=pytest.mark.skipif(not (FOLDER / name).exists(), reason=f"no {name}")) for name in
        ("ravdess.npz", "mosi.npz", "mfeat.npz")]  # fmt: skip
MOST = 96
"""Samples of each split: enough for a few steps."""


def shortened(data: Dataset) -> Dataset:
    splits = {
        part: Split({m: x[:MOST] for m, x in split.inputs.items()}, split.labels[:MOST])
        for part, split in data.splits.items()
    }
    return Dataset(data.name, data.modalities, data.classes, data.shapes, splits, data.info)


PAIRS = [
    f"{throttle}+{boost}"
    for throttle in ("ogm", "ogm_ge", "opm", "inforeg")
    for boost in ("boost", "ogm_star", "pmr_acc")
]
"""What holds the strong modality back, with what pushes the weak one."""


@pytest.mark.slow
@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("method", [*METHODS, *PAIRS])
def test_an_epoch_without_nan(method: str, name: str, tmp_path: Path) -> None:
    data = shortened(load_data(str(FOLDER / name), {}, 0))
    rows = parse_method(method)
    if any(row.modalities not in (None, len(data.modalities)) for row in rows):
        pytest.skip(f"{method} is not defined for {len(data.modalities)} modalities")
    tree = {
        "method": method,
        "epochs": 1,
        "batch_size": 32,
        "device": "cpu",
        "optimizer": {"lr": 0.01},
        "probe": {"eval_freq": 2},
    }
    windows = {row.name: {"first_epoch": 0} for row in rows if row.settings}
    trainer = make_trainer(tmp_path / "run", data, make_config({**tree, **windows}))
    run = train(trainer)
    assert run.rows("steps") == 3
    for m in (
        "loss",
        "task_loss",
        *(f"gain/{m}" for m in data.modalities),
        *(f"grad_norm_after/{m}" for m in data.modalities),
    ):
        assert np.isfinite(run.column("steps", m)).all(), m
    assert all(bool(p.isfinite().all()) for p in trainer.components.model.parameters())
