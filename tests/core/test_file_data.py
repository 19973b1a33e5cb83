"""Trainings on data in files: the same from files, by processes, from the cache, and resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from core_kit import (
    after_steps,
    assert_same_bits,
    assert_same_rows,
    make_trainer,
    resume_trainer,
    small_config,
    train,
    train_small,
    weights,
)

from asgml.core.data.base import Dataset, load_data
from asgml.core.data.cache.prepare import prepare
from asgml.core.data.datasets.clip_loader import find
from asgml.core.data.synthetic.demo_files import make_demo

SMALL: dict[str, Any] = {"frames": 2, "frame_size": [40, 48], "crop": 32, "seconds": 0.5}
RUN: dict[str, Any] = {
    "method": "ogm_ge+boost",
    "epochs": 2,
    "batch_size": 8,
    "encoder": "conv",
    "probe": {"eval_freq": 2, "train_steps": 2},
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips") / "demo"
    make_demo(folder, clips=48, seed=1)
    return folder


def from_files(demo: Path, workers: int) -> Dataset:
    return load_data(f"cremad:{demo}", {**SMALL, "workers": workers, "cache": "off"})


def from_cache(demo: Path, folder: Path) -> Dataset:
    prepare(
        find(f"cremad:{demo}", SMALL, 0),
        folder,
        workers=0,
        allow_missing=False,
        progress=lambda done, total: None,
    )
    data = load_data(f"cremad:{demo}", {**SMALL, "cache": f"{folder}/"})
    assert str(folder) in data.info["read from"]
    return data


def test_files_processes_and_cache_train_the_same_network_bit_for_bit(
    demo: Path, tmp_path: Path
) -> None:
    """Augmentation, probes and noise included."""
    trainer, run = train_small(tmp_path / "files", from_files(demo, 0), **RUN)
    assert run.state() == "finished" and np.isfinite(run.column("steps", "loss")).all()
    for name, data in (
        ("processes", from_files(demo, 2)),
        ("cache", from_cache(demo, tmp_path / "caches")),
    ):
        other, recorded = train_small(tmp_path / name, data, **RUN)
        assert_same_bits(weights(other), weights(trainer))
        assert_same_rows(recorded, run)


def test_a_break_in_the_middle_of_an_epoch_leaves_no_trace(demo: Path, tmp_path: Path) -> None:
    """Stopped after step 6 of 8, resumed from the cache: as if never stopped, to the last crop."""
    config = small_config(**RUN)
    whole = make_trainer(tmp_path / "whole", from_files(demo, 0), config)
    undisturbed = train(whole)
    broken = make_trainer(tmp_path / "broken", from_files(demo, 0), config)
    per_epoch = broken.components.batches.per_epoch
    after_steps(
        broken,
        {per_epoch + 2: lambda: setattr(broken.run.command_handler, "stopping", True)},
    )
    broken.run.command_handler.save_on_stop = True
    train(broken)
    assert broken.run.step == per_epoch + 2
    resumed = resume_trainer(tmp_path / "broken", from_cache(demo, tmp_path / "caches"), config)
    assert resumed.run.step == per_epoch + 2
    run = train(resumed)
    assert_same_bits(weights(resumed), weights(whole))
    assert_same_rows(run, undisturbed)


@pytest.mark.parametrize(
    ("words", "frames"), [("colour", "Image-colour"), ("preposition", "Image-01-FPS")]
)
def test_words_of_real_recordings(
    words: str, frames: str, shared_data: Path, tmp_path: Path
) -> None:
    """Trained through CREMA-D's loader on other people's wav and jpg files."""
    lists = {
        "train_list": f"{words}_train.csv",
        "test_list": f"{words}_test.csv",
        "frames_folder": frames,
    }
    data = load_data(f"cremad:{shared_data / 'grid_files'}", {**SMALL, **lists, "workers": 0})
    _, run = train_small(tmp_path / "run", data, **{**RUN, "batch_size": 32})
    assert run.state() == "finished" and len(data.classes) == 4
    for column in ("loss", "grad_norm/audio", "grad_norm/visual"):
        assert np.isfinite(run.column("steps", column)).all()
    assert np.isfinite(run.column("epochs", "test_accuracy_at_best_val")[-1])
