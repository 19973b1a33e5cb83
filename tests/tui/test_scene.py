"""Facts of a moment: windows of modulators, dominance, refusals, marks, smoothing, an eta."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from course import make_manifest

from asgml.storage.format.events import Event
from asgml.storage.format.metrics import METRICS
from asgml.tui.scene.balance_summary import modulator_status, summarize_balance
from asgml.tui.scene.log_lines import log_lines
from asgml.tui.scene.marks import marks
from asgml.tui.scene.run_data import TableSnapshot
from asgml.tui.scene.scene import MetricRow, Progress, Scene
from asgml.tui.scene.series import Series, Summary
from asgml.tui.session.outbox import refused_knobs


def event(kind: str, **fields: object) -> Event:
    return Event(kind, 10, 100.0, 10.0, 0, fields)


@pytest.mark.parametrize(
    ("window", "epoch", "is_open", "words"),
    [
        (None, 7, True, "always"),
        ([0, -1], 7, True, "always"),
        ([2, None], 1, False, "from epoch 2"),
        ([0, 5], 5, True, "epochs 0–5"),
        ([0, 5], 6, False, "epochs 0–5"),
    ],
)
def test_a_window_is_open_in_both_its_ends(
    window: list[int] | None, epoch: int, is_open: bool, words: str
) -> None:
    manifest = replace(
        make_manifest("x"), parts=({"name": "ogm", "summary": "", "window": window},)
    )
    (status,) = modulator_status(manifest, [], epoch)
    assert (status.open, status.window) == (is_open, words)


def test_what_the_trainer_said_counts_more_than_the_plan() -> None:
    manifest = replace(
        make_manifest("x"),
        parts=(
            {"name": "ogm", "summary": "", "window": [0, 5]},
            {"name": "ogm_ge", "summary": "", "window": [0, 5]},
        ),
    )
    events = [event("phase", message="ogm_ge window closed", part="ogm_ge", open=False)]
    assert [status.open for status in modulator_status(manifest, events, 3)] == [True, False]
    by_message = [event("phase", message="ogm window closed")]
    assert [status.open for status in modulator_status(manifest, by_message, 3)] == [False, True]


def test_the_stronger_modality_dominates() -> None:
    manifest = make_manifest("x")
    metric = next(metric for metric in METRICS if metric.name == "probe_accuracy")
    rows = [
        MetricRow(f"probe_accuracy/{name}", metric, 0, Summary(last=value))
        for name, value in (("audio", 0.4), ("visual", 0.9))
    ]
    known, unknown = (summarize_balance(manifest, given, [], 0, 9).gap for given in (rows, []))
    assert known.dominant == "visual" and known.value == pytest.approx(0.5)
    assert unknown.dominant == "" and math.isnan(unknown.value)


def test_a_modality_inside_the_model_is_its_encoder_or_without_probes_its_logits() -> None:
    manifest = make_manifest("x")
    metric = next(metric for metric in METRICS if metric.name == "val_probe_accuracy")
    last = {"unimodal_reference": 0.8, "val_probe_accuracy": 0.7, "val_own_accuracy": 0.5}

    def found(*columns: str) -> tuple[float, float]:
        rows = [MetricRow(f"{name}/audio", metric, 0, Summary(last=last[name])) for name in columns]
        audio = summarize_balance(manifest, rows, [], 0, 9).modalities[0]
        return audio.alone, audio.inside

    assert found(*last) == (0.8, 0.7)
    assert found("unimodal_reference", "val_own_accuracy") == (0.8, 0.5)
    assert math.isnan(found("val_own_accuracy")[0])


def test_only_refusals_of_ones_own_requests_stand_beside_a_knob() -> None:
    events = [
        event("command", id="a", command="set", knob="lr", answer="rejected", reason="too high"),
        event("command", id="b", command="set", knob="boost.alpha", answer="rejected", reason="no"),
    ]
    assert refused_knobs(events, ["a"]) == {"lr": "rejected: too high"}
    applied = event("command", id="c", command="set", knob="lr", answer="applied", after=1.0)
    assert refused_knobs([*events, applied], ["a", "c"]) == {}


def test_a_pause_carries_its_length_on_the_charts_and_in_the_log() -> None:
    pause = Event("command", 5, 100.0, 5.0, 0, {"command": "pause", "answer": "applied"})
    resume = Event("command", 5, 230.0, 5.0, 0, {"command": "resume", "answer": "applied"})
    found = [(mark.kind, mark.held) for mark in marks([pause, resume])]
    assert found == [("pause", 0.0), ("resume", 130.0)]
    assert "held 0:02:10" in log_lines([pause, resume])[1].text
    assert marks([event("command", command="set", knob="boost.alpha", answer="rejected")]) == []


def test_a_replay_that_goes_back_keeps_the_smoothed_curve() -> None:
    data = np.random.default_rng(3).normal(size=(300, 2)).cumsum(axis=0)
    late, early = (TableSnapshot(["step", "loss"], data[:rows]) for rows in (300, 120))
    series = Series("loss")
    before = series.smoothed(late, 0.9)
    assert series.summary(late).last == data[299, 1]
    assert series.summary(early).last == data[119, 1]
    assert np.shares_memory(series.smoothed(early, 0.9), before)
    assert series.smoothed(late, 0.6).tolist() != before.tolist()


def test_there_is_no_eta_for_what_does_not_train() -> None:
    scene = Scene("x", "running", make_manifest("x", total=100), progress=Progress(50, rate=10.0))
    assert scene.eta == 5.0
    assert math.isnan(replace(scene, state="finished").eta)
