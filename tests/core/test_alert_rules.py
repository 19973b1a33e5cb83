"""Alert rules beside a training: events of the run, whatever ends it, and no number changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from core_kit import (
    after_steps,
    assert_same_bits,
    make_trainer,
    resume_trainer,
    small_config,
    small_data,
    train,
    train_small,
    weights,
)

from asgml.core.run.alert_watch import AlertWatch
from asgml.core.run.manifest_builder import make_manifest
from asgml.storage.alerts.evaluation import Evaluation
from asgml.storage.format.events import Event
from asgml.storage.format.metrics import AXES
from asgml.storage.format.value_text import number
from asgml.storage.read.reader import Run

POSITIVE: dict[str, Any] = {"rule": "threshold", "metric": "loss", "above": 0}


def alerts(run: Run) -> list[Event]:
    return [event for event in run.events if event.get("rule")]


def test_a_rule_of_the_configuration_becomes_an_event_of_the_run(tmp_path: Path) -> None:
    rules = [{**POSITIVE, "name": "big", "for_steps": 3, "notify": ["hook"], "level": "info"}]
    _, run = train_small(tmp_path / "run", alerts=rules)
    (told,) = alerts(run)
    loss = float(run.column("steps", "loss")[2])
    assert told.kind == "alert" and told.about == 3
    assert told.get("message") == f"loss is {number(loss)}, above 0 for 3 steps at step 3"
    assert [told.get(key) for key in ("rule", "level", "notify", "column")] == [
        "big", "info", ["hook"], "loss",
    ]  # fmt: skip


def test_what_the_very_last_rows_say_is_recorded_before_the_end(tmp_path: Path) -> None:
    """The last rows become numbers when the run is closed."""
    rules = [
        {**POSITIVE, "for_steps": 12},
        {"rule": "threshold", "metric": "val_loss", "above": 0, "for_steps": 3},
    ]
    _, run = train_small(tmp_path / "run", alerts=rules)
    assert run.rows("steps") == 12 and run.rows("epochs") == 3
    assert [event.get("column") for event in alerts(run)] == ["loss", "val_loss"]
    assert run.events[-1].kind == "finished"


def test_rules_change_no_bit_of_a_training(tmp_path: Path) -> None:
    plain, first = train_small(tmp_path / "plain")
    watched, second = train_small(
        tmp_path / "watched", alerts=[POSITIVE, {"rule": "throughput"}, {"rule": "diverging"}]
    )
    assert_same_bits(weights(plain), weights(watched))
    timed = {*AXES, "step_time"}
    columns = [i for i, name in enumerate(first.columns("steps")) if name not in timed]
    assert np.array_equal(
        first.table("steps")[:, columns], second.table("steps")[:, columns], equal_nan=True
    )


def test_bad_rules_in_the_settings_are_told_and_the_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASGML_ALERTS", '[{"rule": "thresold"}]')
    _, run = train_small(tmp_path / "run")
    told = [str(event.get("message")) for event in run.events if event.kind == "alert"]
    assert len(told) == 1 and told[0].startswith("the alert rules of the settings are left out")
    assert run.rows("steps") == 12


def test_a_defect_of_the_rules_costs_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: object) -> list[object]:
        raise ZeroDivisionError("nothing")

    monkeypatch.setattr(Evaluation, "add", broken)
    _, run = train_small(tmp_path / "run")
    assert run.rows("steps") == 12
    told = [str(event.get("message")) for event in run.events if event.kind == "alert"]
    assert told == ["the alert rules have stopped: ZeroDivisionError: nothing"]


def test_a_condition_that_holds_no_more_is_told_as_well() -> None:
    rules = [{"rule": "threshold", "metric": "accuracy", "above": 0.5}]
    data, config = small_data(), small_config(alerts=rules)
    manifest = make_manifest("run", config, data, torch.device("cpu"), None)
    watch = AlertWatch(manifest)
    columns = manifest.columns("steps")
    rows = np.zeros((3, len(columns)))
    rows[:, 0] = [1, 2, 3]
    rows[1, columns.index("accuracy")] = 0.75
    watch.add("steps", rows)
    assert [(kind, fields["at_step"]) for kind, fields in watch.pop_events()] == [
        ("alert", 2),
        ("phase", 3),
    ]
    assert not list(watch.pop_events())


def test_a_resumed_run_goes_on_counting_where_it_stopped(tmp_path: Path) -> None:
    """Steps that are trained again count once."""
    rules = [{**POSITIVE, "for_steps": 10}, {"rule": "plateau", "metric": "loss", "for_steps": 40}]
    data, config = small_data(), small_config(alerts=rules)

    def fail() -> None:
        raise RuntimeError("power cut")

    trainer = make_trainer(tmp_path / "run", data, config)
    after_steps(trainer, {6: fail})
    with pytest.raises(RuntimeError):
        train(trainer)
    resumed = resume_trainer(tmp_path / "run", data, config)
    assert resumed.run.step == 4
    run = train(resumed)
    assert [(event.get("rule"), event.about) for event in alerts(run)] == [("threshold loss", 10)]
