"""A finished run that trains on: the run that had so many epochs from the start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from core_kit import (
    assert_same_bits,
    assert_same_rows,
    save_npz,
    small_config,
    small_data,
    train,
    weights,
)

from asgml.core.config.total_epochs import depends_on_total
from asgml.core.training.trainer import Trainer
from asgml.core.worker import prepare_trainer
from asgml.storage.commands.inbox import make_request, send
from asgml.storage.format.layout import RunPaths
from asgml.storage.read.changes import changed_at, config_at
from asgml.storage.read.check import check_run
from asgml.storage.read.reader import Run

SECTIONS: dict[str, Any] = {
    "method": "ogm_ge+boost",
    "optimizer": {"lr": 0.05, "decay_every": 2},
    "ogm_ge": {"last_epoch": 3},
    "boost": {"ramp_epochs": 3},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_npz(small_data(), tmp_path_factory.mktemp("data") / "small.npz")


def write(root: Path, data: Path, epochs: int, **sections: Any) -> RunPaths:
    config = small_config(**{**SECTIONS, **sections}, epochs=epochs, data={"name": str(data)})
    paths = RunPaths(root)
    paths.commands.mkdir(parents=True, exist_ok=True)
    paths.config.write_text(tomli_w.dumps(config.model_dump()))
    return paths


def trained(root: Path, data: Path, epochs: int, **sections: Any) -> tuple[Trainer, Run]:
    """Train a run to so many epochs: a new one, or one that is there."""
    new = not (root / "run.zarr").exists()
    trainer = prepare_trainer(write(root, data, epochs, **sections), resume=not new)
    return trainer, train(trainer)


@pytest.mark.parametrize(
    "sections",
    [
        {},
        {"eval": {"test": "never"}},
        {"eval": {"test": "epoch", "every": 2}},
        {"method": "boost", "early_stopping": {"patience": 90}, "mixup": 0.5},
    ],
)
def test_more_epochs_are_those_of_a_longer_run(
    sections: dict[str, Any], data: Path, tmp_path: Path
) -> None:
    whole, expected = trained(tmp_path / "whole", data, 6, **sections)
    trained(tmp_path / "longer", data, 2, **sections)
    longer, run = trained(tmp_path / "longer", data, 6, **sections)
    assert_same_bits(weights(longer), weights(whole))
    assert_same_rows(run, expected, ("steps", "probes"))
    for name in ("step", "train_loss", "val_accuracy", "val_loss", "best_val_accuracy"):
        np.testing.assert_array_equal(run.column("epochs", name), expected.column("epochs", name))
    assert run.manifest is not None and expected.manifest is not None
    assert run.manifest.data["protocol"] == expected.manifest.data["protocol"]
    if sections.get("eval", {}).get("test") == "never":
        assert_same_rows(run, expected)


def test_readers_see_the_new_length_and_the_manifest_stays(data: Path, tmp_path: Path) -> None:
    root = tmp_path / "a"
    _, run = trained(root, data, 2)
    before = (root / "run.zarr" / "zarr.json").read_bytes()
    assert run.manifest is not None and (run.manifest.total_epochs, run.manifest.total_steps) == (
        2,
        8,
    )
    _, run = trained(root, data, 5)
    assert (root / "run.zarr" / "zarr.json").read_bytes() == before
    assert run.manifest is not None
    assert (run.manifest.total_epochs, run.manifest.total_steps) == (5, 20)
    assert run.manifest.config["epochs"] == 5
    (event,) = [each for each in run.events if each.kind == "resumed"]
    assert event.step == 8
    assert event.get("changes") == {"epochs": {"before": 2, "after": 5}}
    assert "epochs 2 → 5 from here on" in [each.get("message") for each in run.events]
    assert check_run(root) == []
    # and as it was at each step, once more after a third length
    _, run = trained(root, data, 6)
    assert run.manifest is not None and changed_at(run.events) == [8, 20]
    lengths = [config_at(run.manifest, run.events, step)["epochs"] for step in (0, 7, 8, 19, 20)]
    assert lengths == [2, 2, 5, 5, 6]


def test_killed_while_it_trains_on(data: Path, tmp_path: Path) -> None:
    """A plain resume goes on to the new end, and no second change is recorded."""
    root = tmp_path / "a"
    trained(root, data, 2)
    paths = write(root, data, 5)
    send(paths.commands, make_request("stop", at_step=10))
    train(prepare_trainer(paths, resume=True))
    run = train(prepare_trainer(paths, resume=True))
    assert run.head is not None and run.head.step == 20
    assert changed_at(run.events) == [8]


def test_a_knob_keeps_its_value_whatever_the_file_says(data: Path, tmp_path: Path) -> None:
    """So an edited file is no change of it."""
    root = tmp_path / "a"
    trained(root, data, 2)
    _, run = trained(root, data, 3, boost={"ramp_epochs": 3, "alpha": 1.25})
    assert run.knobs_at()["boost.alpha"] == 0.5
    assert list(run.events and next(e for e in run.events if e.get("changes")).get("changes")) == [
        "epochs"
    ]


def test_a_schedule_over_all_epochs_is_told() -> None:
    assert depends_on_total(small_config(method="ogm_ge+boost")) == []
    spread = small_config(method="boost+mslr", boost={"schedule": "linear"})
    assert depends_on_total(spread) == ["boost.schedule=linear"]
    cosine = small_config(optimizer={"lr": 0.05, "schedule": "cosine"})
    assert depends_on_total(cosine) == ["optimizer.schedule=cosine"]
    assert depends_on_total(small_config(method="mslr", mslr={"variant": "smooth"})) == [
        "mslr.variant=smooth"
    ]
