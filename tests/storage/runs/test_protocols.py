"""Protocols: what keeps two numbers from being compared, and what is a row's own."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from asgml.core.run.protocol import Protocol
from asgml.storage.runs.protocols import (
    MEASURED,
    TUNED,
    UNKNOWN,
    ProtocolDifference,
    protocol_difference,
)

BASE: dict[str, Any] = {
    "data": "speech",
    "content": "ab12",
    "sizes": {"train": 80, "val": 10, "test": 10},
    "classes": ["a", "b"],
    "val": "carved from train, seed 0",
    "split": {"fold": 1},
    "inputs": {"audio": {"shape": [8]}, "visual": {"shape": [16], "frames": 1}},
    "epochs": 20,
    "batch_size": 64,
    "optimizer": {"name": "sgd", "lr": 0.01},
    "network": {"encoder": {"default": "auto"}, "freeze": [], "fusion": {"kind": "concat"}},
    "selection": "best validation accuracy",
    "training": {"loss": {"label_smoothing": 0.1}},
    "digest": "0123456789ab",
}


def test_every_field_of_a_protocol_is_judged() -> None:
    judged = {*MEASURED, *TUNED, "inputs", "network"}
    assert judged == {each.name for each in fields(Protocol)}


def test_the_same_protocol_differs_in_nothing() -> None:
    assert protocol_difference(BASE, dict(BASE)) == ProtocolDifference()


@pytest.mark.parametrize("key", MEASURED)
def test_what_was_measured_must_be_equal(key: str) -> None:
    found = protocol_difference({**BASE, key: "another"}, BASE, declared=["epochs", "data.name"])
    assert found.other == (MEASURED[key],) and not found.comparable


@pytest.mark.parametrize(
    ("change", "own"),
    [
        ({"network": {**BASE["network"], "fusion": {"kind": "late_mean"}}}, ("fusion",)),
        ({"network": {**BASE["network"], "encoder": {"default": "mlp"}}}, ("encoders",)),
        ({"network": {**BASE["network"], "freeze": ["audio"]}}, ("frozen encoders",)),
        ({"inputs": {"audio": {"shape": [8]}}}, ("modalities",)),
    ],
)
def test_the_network_is_a_rows_own(change: dict[str, Any], own: tuple[str, ...]) -> None:
    found = protocol_difference({**BASE, **change}, BASE)
    assert found == ProtocolDifference((), own) and found.comparable


def test_another_form_of_an_input_does_not_compare() -> None:
    frames = {"visual": {"shape": [16], "frames": 3}, "audio": {"shape": [8]}}
    assert protocol_difference({**BASE, "inputs": frames}, BASE).other == ("inputs of visual",)


@pytest.mark.parametrize(
    ("change", "setting", "name"),
    [
        ({"optimizer": {"name": "sgd", "lr": 0.1}}, "optimizer.lr", "optimizer"),
        ({"batch_size": 32}, "batch_size", "batch size"),
        ({"training": {}}, "loss.label_smoothing", "training"),
        ({"training": {**BASE["training"], "mixup": 0.2}}, "mixup", "training"),
    ],
)
def test_a_tuned_setting_is_a_rows_own_only_where_it_is_declared(
    change: dict[str, Any], setting: str, name: str
) -> None:
    ours = {**BASE, **change}
    assert protocol_difference(ours, BASE).other == (name,)
    assert protocol_difference(ours, BASE, [setting]) == ProtocolDifference((), (name,))
    assert protocol_difference(ours, BASE, ["optimizer.momentum"]).other == (name,)


@pytest.mark.parametrize("pair", [({}, BASE), (BASE, {}), ({}, {})])
def test_an_unknown_protocol_compares_with_none(pair: tuple[Any, Any]) -> None:
    assert protocol_difference(*pair).other == (UNKNOWN,)


def test_damaged_protocols_are_no_protocols() -> None:
    found = protocol_difference({**BASE, "inputs": 3, "network": None, "optimizer": "x"}, BASE)
    assert not found.comparable
