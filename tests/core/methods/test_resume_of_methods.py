"""A stopped or killed training resumes bit for bit, whatever state a method keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from core_kit import (
    Bench,
    after_steps,
    assert_same_bits,
    assert_same_rows,
    gradients,
    make_trainer,
    resume_trainer,
    small_config,
    small_data,
    through_a_file,
    train,
    train_small,
    weights,
)
from methods_kit import ACTIVE, AV, nudge
from torch import Tensor

from asgml.core.config.run_config import make_config
from asgml.core.run.read_config import with_old_variants

OPTIONS: dict[str, dict[str, Any]] = {
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
CASES = [*OPTIONS.items(), *(("boost", options) for options in BOOSTS)]


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
    # step 10 lies in the middle of the third epoch of four steps
    after_steps(stopped, {10: stopped.run.command_handler.stop})
    train(stopped)
    resumed = resume_trainer(tmp_path / "stopped", small_data(), config)
    assert resumed.run.step == 10
    again = train(resumed)
    assert_same_bits(weights(resumed), weights(whole))
    assert_same_rows(again, uninterrupted)


class Killed(Exception):
    """The trainer's process went away."""


def kill() -> None:
    raise Killed


@pytest.mark.parametrize(
    "how", ["stopped in mid-epoch", "stopped between epochs", "killed in mid-epoch"]
)
@pytest.mark.parametrize("case", ACTIVE)
def test_a_resumed_training_is_the_uninterrupted_one_bit_for_bit(
    case: str, how: str, tmp_path: Path
) -> None:
    method = case.split()[0]
    config = small_config(method=method, **{method: ACTIVE[case]})
    whole, reference = train_small(tmp_path / "whole", method=method, **{method: ACTIVE[case]})
    broken = make_trainer(tmp_path / "broken", small_data(), config)
    if how.startswith("stopped"):
        after_steps(broken, {6 if "mid" in how else 4: broken.run.command_handler.stop})
        train(broken)
    else:
        after_steps(broken, {6: kill})
        with pytest.raises(Killed):
            train(broken)
    resumed = resume_trainer(tmp_path / "broken", small_data(), config)
    assert resumed.run.step == (6 if how == "stopped in mid-epoch" else 4)
    run = train(resumed)
    assert_same_bits(weights(resumed), weights(whole))
    assert_same_rows(run, reference)


@pytest.mark.parametrize("case", ACTIVE)
def test_beginning_an_epoch_twice_changes_nothing_the_second_time(case: str) -> None:
    """Neither before a checkpoint nor after it."""
    method = case.split()[0]
    ours, once = (Bench(method, AV, **{method: ACTIVE[case]}) for _ in range(2))
    theirs = Bench(method, AV, begun=False, **{method: ACTIVE[case]})
    for bench in (ours, once):
        bench.modulate()
        nudge(bench, 1.3)
        bench.modulator.begin_epoch(1)
        nudge(bench)
    ours.modulator.begin_epoch(1)
    theirs.model.load_state_dict(once.model.state_dict())
    theirs.modulator.load_state_dict(through_a_file(once.modulator.state_dict()))
    theirs.modulator.begin_epoch(1)
    for bench in (ours, theirs):
        assert_same_bits(weights(bench.trainer), weights(once.trainer))
    expected = gradients_after_a_step(once)
    for bench in (ours, theirs):
        assert_same_bits(gradients_after_a_step(bench), expected)


def gradients_after_a_step(bench: Bench) -> dict[str, Tensor]:
    bench.apply(bench.modulate())
    return gradients(bench.model)


SINCE_0_2_0 = {
    "pmr": "variant",
    "relearning": "variant",
    "asgml_v1": "variant",
    "inforeg": "variant",
    "agm": "variant scope",
    "mlb": "scope",
}
"""Settings that a run.toml of 0.2.0 lacks, and whose default is not what that version did."""


def test_a_run_recorded_before_a_setting_existed_keeps_its_rule() -> None:
    tree = small_config().model_dump()
    old = {
        name: dict(section) if isinstance(section, dict) else section
        for name, section in tree.items()
    }
    for name, settings in SINCE_0_2_0.items():
        for setting in settings.split():
            del old[name][setting]
    resumed = make_config(with_old_variants(old))
    for name, settings in SINCE_0_2_0.items():
        section = resumed.section(name)
        assert all(section[each] in ("paper", "encoder") for each in settings.split()), name
    assert with_old_variants(tree) == tree, "what the file says counts"
