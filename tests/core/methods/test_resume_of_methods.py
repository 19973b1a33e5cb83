"""A training that was stopped and gone on with is the same bit for bit, whatever a method remembers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from core_kit import (
    after_steps,
    assert_same_bits,
    assert_same_rows,
    make_trainer,
    resume_trainer,
    small_config,
    small_data,
    train,
    weights,
)

METHODS: dict[str, dict[str, Any]] = {
    "uniform": {},
    "ogm_ge": {"variant": "journal", "noise": "dominant"},
    "ogm_star": {},
    "mlb": {"via": "lr"},
    "mslr": {"variant": "dynamic", "factors": "visual=1.5"},
    "opm": {"first_epoch": 1},
    "cggm": {"ema": 0.5},
    "arl": {"start_epoch": 1},
}
BOOSTS: list[dict[str, Any]] = [
    {"signal": "discrepancy", "schedule": "gap"},
    {"signal": "probe_val", "val_samples": 7, "bias_corrected": True, "gap_scale": 0.3},
    {"signal": "loss", "schedule": "cosine", "via": "lr"},
]
CASES = [*METHODS.items(), *(("boost", options) for options in BOOSTS)]


@pytest.mark.parametrize(("method", "options"), CASES)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_resumed_training_is_the_same(
    method: str, options: dict[str, Any], optimizer: str, tmp_path: Path
) -> None:
    settings = {method: options} if options else {}
    config = small_config(
        method=method, epochs=4, optimizer={"name": optimizer, "lr": 0.01}, **settings
    )
    whole = make_trainer(tmp_path / "whole", small_data(), config)
    uninterrupted = train(whole)
    stopped = make_trainer(tmp_path / "stopped", small_data(), config)
    after_steps(
        stopped, {10: stopped.components.command_handler.stop}
    )  # in the middle of the third epoch of four steps
    train(stopped)
    resumed = resume_trainer(tmp_path / "stopped", small_data(), config)
    assert resumed.progress.step == 10
    again = train(resumed)
    assert_same_bits(weights(resumed), weights(whole))
    assert_same_rows(again, uninterrupted)
