"""The protocol of a run: what must be equal for two accuracies to be compared, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from asgml.core.config.run_config import known_keys, make_config
from asgml.core.config.run_settings import RunSettings
from asgml.core.data.base import Dataset, Split
from asgml.core.run.manifest_builder import make_manifest
from asgml.core.run.protocol import Protocol, protocol_of

OTHER: dict[str, Any] = {
    "epochs": 7,
    "batch_size": 12,
    "encoder": "mlp",
    "modalities": ["visual", "audio"],
    "freeze": ["audio"],
    "fusion.kind": "sum",
    "fusion.hidden": 3,
    "optimizer.name": "adamw",
    "optimizer.lr": 0.002,
    "optimizer.momentum": 0.8,
    "optimizer.weight_decay": 0.01,
    "optimizer.decay_every": 30,
    "optimizer.decay": 0.9,
    "optimizer.schedule": "cosine",
    "optimizer.milestones": [20, 40],
    "optimizer.min_lr": 1e-5,
    "optimizer.warmup_epochs": 3,
    "optimizer.warmup_steps": 50,
    "optimizer.warmup_factor": 0.5,
    "optimizer.clip": 1.0,
    "optimizer.accumulate": 2,
    "optimizer.amp": "bf16",
    "loss.label_smoothing": 0.1,
    "loss.class_weights": "balanced",
    "mixup": 0.2,
    "on_nan": "skip",
    "early_stopping.patience": 5,
    "early_stopping.min_delta": 0.01,
    "eval.every": 5,
    "eval.test": "epoch",
}
"""Settings that are part of the protocol, each with a value that is not the default."""
BESIDE: dict[str, Any] = {
    "optimizer.milestones": {"optimizer.schedule": "multistep", "optimizer.milestones": [10]}
}
"""Settings that others have no meaning without."""
THE_DATA = {"data.name", "data.seed", "data.options"}
"""The protocol holds what the data set says of itself, not what was asked for."""
NOT = {
    "method",
    "modulator",
    "references",
    "seed",
    "device",
    "threads",
    "alerts",
    "fusion.alone",
    "loss.gamma",
    "eval.batch_size",
}
"""The method and its losses are what is compared; the rest changes no accuracy."""
WATCHING = ("probe.", "diagnose.", "checkpoint.")
INFO: dict[str, Any] = {
    "source": "/data",
    "counts": {"train": 9},
    "val": "9 of train, stratified, seed 0",
    "fold": 1,
    "decoding": {"audio": {"preset": "stft", "seconds": 3.0}, "visual": {"frames": 1}},
}


def data(info: dict[str, Any] = INFO, train: int = 9) -> Dataset:
    splits = {
        part: Split({}, torch.zeros(size, dtype=torch.int64))
        for part, size in (("train", train), ("val", 3), ("test", 4))
    }
    return Dataset(
        "cremad",
        ("audio", "visual"),
        ("neutral", "happy"),
        {"audio": (1, 4, 4), "visual": (1, 3, 4, 4)},
        splits,
        info,
    )


def config(**values: Any) -> RunSettings:
    tree: dict[str, Any] = {}
    for key, value in values.items():
        section, _, name = key.rpartition(".")
        (tree.setdefault(section, {}) if section else tree)[name] = value
    return make_config(tree)


def protocol(**values: Any) -> Protocol:
    return protocol_of(config(**values), data())


def changed_values(one: Protocol, other: Protocol) -> list[str]:
    """Return the dotted names of the values that are not the same in both."""
    ours, theirs = (dict(leaves(found.as_json())) for found in (one, other))
    return [key for key in ours | theirs if key != "digest" and ours.get(key) != theirs.get(key)]


def leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def test_every_setting_is_in_the_protocol_or_out_of_it_on_purpose() -> None:
    from asgml.core.methods.registry import METHODS

    of_methods = tuple(f"{name}." for name in METHODS)
    decided = OTHER.keys() | THE_DATA | NOT
    assert {key for key in known_keys() if not key.startswith((*of_methods, *WATCHING))} == decided


@pytest.mark.parametrize("key", OTHER)
def test_another_value_is_another_protocol_that_names_it(key: str) -> None:
    beside = BESIDE.get(key, {})
    plain, changed = protocol(**beside), protocol(**{**beside, key: OTHER[key]})
    (name,) = changed_values(plain, changed)
    assert plain.digest != changed.digest
    assert key.rpartition(".")[2].removesuffix("s") in name or key.startswith("eval")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", 5),
        ("method", "mmpareto"),
        ("loss.gamma", 1.0),
        ("threads", 2),
        ("probe.eval_freq", 3),
        ("data.name", "x.npz"),
    ],
)
def test_the_method_the_seed_and_where_the_data_lies_are_not_in_it(key: str, value: object) -> None:
    assert protocol(**{key: value}) == protocol()


@pytest.mark.parametrize(
    "other",
    [
        data(train=10),
        data({**INFO, "val": "9 of train, stratified, seed 1"}),
        data({**INFO, "fold": 2}),
        data({**INFO, "decoding": {**INFO["decoding"], "visual": {"frames": 3}}}),
        data({**INFO, "sha256": "abc"}),
        replace(data(), name="ave"),
        replace(data(), classes=("happy", "neutral")),
        replace(data(), shapes={"audio": (1, 4, 5), "visual": (1, 3, 4, 4)}),
    ],
)
def test_other_data_is_another_protocol(other: Dataset) -> None:
    changed = protocol_of(config(), other)
    assert changed.digest != protocol().digest
    assert len(changed_values(protocol(), changed)) == 1


def test_settings_that_came_later_are_in_it_only_where_they_are_not_the_default() -> None:
    """The digest is one that version 0.2.0 gave these facts."""
    known = protocol().as_json()
    assert "training" not in known
    assert "schedule" not in known["optimizer"] and "decay_every" in known["optimizer"]
    assert known["digest"] == "2ad9ea41eec6"


def test_where_the_files_lie_and_how_fast_they_are_read_changes_nothing() -> None:
    moved = data(
        {
            **INFO,
            "source": "/elsewhere",
            "read from": "files",
            "cache": "another",
            "class_counts": {},
            "missing": 0,
            "normalisation": {"audio": [1.0] * 99},
        }
    )
    assert protocol_of(config(), moved).digest == protocol().digest


@given(
    st.dictionaries(
        st.text(),
        st.one_of(st.text(), st.integers(), st.floats(allow_nan=False), st.lists(st.text())),
    )
)
def test_a_stored_protocol_is_the_same_when_it_is_read(said: dict[str, Any]) -> None:
    known = protocol_of(
        config(), data({**INFO, **{f"own {key}": value for key, value in said.items()}})
    )
    stored = json.loads(json.dumps(known.as_json()))
    assert stored == known.as_json()
    assert rebuilt(stored).digest == known.digest


def rebuilt(stored: dict[str, Any]) -> Protocol:
    return Protocol(**{key: value for key, value in stored.items() if key != "digest"})


def test_the_digest_of_runs_without_a_list_of_modalities_is_that_of_earlier_versions() -> None:
    assert protocol().digest == "2ad9ea41eec6"
    assert protocol(**{"encoder.audio": "conv", "freeze": ["audio"]}).digest == "351ce720eb18"


def test_the_digest_is_the_same_in_another_process() -> None:
    fields = {key: value for key, value in protocol().as_json().items() if key != "digest"}
    code = f"from asgml.core.run.protocol import Protocol; print(Protocol(**{fields!r}).digest)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == protocol().digest


def test_the_manifest_of_a_run_holds_it() -> None:
    known = data()
    kept = make_manifest("run", config(epochs=7), known, torch.device("cpu")).data["protocol"]
    assert kept == protocol_of(config(epochs=7), known).as_json()
    assert kept["digest"] == protocol(epochs=7).digest
