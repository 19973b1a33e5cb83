"""Every method on measured data where it lies beside the repository: no NaN."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from core_kit import house_of, make_trainer, small_config, train
from methods_kit import ACTIVE

from asgml.core.config.run_config import make_config
from asgml.core.data.base import Dataset, Split, load_data
from asgml.core.methods.registry import METHODS, parse_method
from asgml.core.methods.spec import REPEATS_SAMPLES

FOLDER = Path(__file__).parents[4] / "shared" / "data"
DATA = [
    pytest.param(name, marks=pytest.mark.skipif(not (FOLDER / name).exists(), reason=f"no {name}"))
    for name in ("ravdess.npz", "mosi.npz", "mfeat.npz")
]
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
"""Every method that throttles the strong modality with every one that boosts the weak one."""


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
    tree |= house_of(method)
    windows = {row.name: {"first_epoch": 0} for row in rows if row.settings}
    trainer = make_trainer(tmp_path / "run", data, make_config({**tree, **windows}))
    run = train(trainer)
    again = any(REPEATS_SAMPLES in row.requires for row in rows)
    assert run.rows("steps") > 3 if again else run.rows("steps") == 3
    for m in (
        "loss",
        "task_loss",
        *(f"gain/{m}" for m in data.modalities),
        *(f"grad_norm_after/{m}" for m in data.modalities),
    ):
        assert np.isfinite(run.column("steps", m)).all(), m
    assert all(bool(p.isfinite().all()) for p in trainer.components.model.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ravdess.npz", "mosi.npz", "mfeat.npz"])
@pytest.mark.parametrize("case", ACTIVE)
def test_two_epochs_of_measured_data_without_nan(case: str, name: str, tmp_path: Path) -> None:
    """Every sample, hence also classes that a split lacks; options that act so early."""
    if not (FOLDER / name).exists():
        pytest.skip(f"no {name} beside the repository")
    data, method = load_data(str(FOLDER / name), {}, 0), case.split()[0]
    if METHODS[method].modalities not in (None, len(data.modalities)):
        pytest.skip(f"{method} is not defined for {len(data.modalities)} modalities")
    config = small_config(
        method=method, epochs=2, batch_size=64, optimizer={"lr": 0.01}, **{method: ACTIVE[case]}
    )
    trainer = make_trainer(tmp_path / "run", data, config)
    run = train(trainer)
    for column in (
        "loss",
        "task_loss",
        *(f"{metric}/{m}" for metric in ("gain", "grad_norm_after") for m in data.modalities),
    ):
        assert np.isfinite(run.column("steps", column)).all(), column
    assert all(
        bool(parameter.isfinite().all()) for parameter in trainer.components.model.parameters()
    )
