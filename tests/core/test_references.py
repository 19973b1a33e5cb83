"""Unimodal references: what each modality reached alone, read from its run and recorded."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
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
    rows_of,
    small_config,
    small_data,
    train,
    train_small,
    weights,
)

from asgml.core.config.run_config import ConfigError
from asgml.core.data.base import select_modalities
from asgml.core.run.unimodal_reference import ReferenceRunError, read_reference
from asgml.storage.format.reference import Reference, references_of, references_to_json
from asgml.storage.format.reference_metrics import REFERENCE_METRICS
from asgml.storage.read.reader import Run

DATA = small_data()
NAMES = [metric.name for metric in REFERENCE_METRICS]


def train_alone(root: Path, modality: str, **changes: Any) -> Run:
    data = select_modalities(DATA, [modality])
    return train_small(root, data, modalities=modality, **changes)[1]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the run of each modality alone, in the protocol of the joint run."""
    folder = tmp_path_factory.mktemp("alone")
    for modality in DATA.modalities:
        train_alone(folder / modality, modality)
    return {modality: folder / modality for modality in DATA.modalities}


def with_references(alone: dict[str, Path], **changes: Any) -> dict[str, Any]:
    return {"references": {m: str(path) for m, path in alone.items()}, **changes}


def alerts(run: Run) -> list[str]:
    return [str(event.get("message")) for event in run.events if event.kind == "alert"]


# -- what is recorded ----------------------------------------------------------------


def test_each_modality_alone_stands_beside_itself_inside_the_joint_model(
    alone: dict[str, Path], tmp_path: Path
) -> None:
    _, run = train_small(tmp_path / "run", DATA, **with_references(alone))
    rows = rows_of(run, "epochs")
    for m, path in alone.items():
        best = rows_of(Run.open(path), "epochs")["val_accuracy"].max()
        assert rows[f"unimodal_reference/{m}"].tolist() == [best] * 3
        for gap, inside in (
            ("unimodal_gap", "val_own_accuracy"),
            ("encoder_gap", "val_probe_accuracy"),
        ):
            expected = best - rows[f"{inside}/{m}"]
            np.testing.assert_allclose(rows[f"{gap}/{m}"], expected, atol=1e-12)
    assert alerts(run) == []


def test_the_manifest_keeps_what_was_read(alone: dict[str, Path], tmp_path: Path) -> None:
    _, run = train_small(tmp_path / "run", DATA, epochs=1, **with_references(alone))
    assert run.manifest is not None
    references = references_of(run.manifest.data)
    assert list(references) == ["audio", "visual"]
    for m, reference in references.items():
        theirs = Run.open(alone[m])
        rows = rows_of(theirs, "epochs")
        best = int(rows["val_accuracy"].argmax())
        assert reference.path == str(alone[m].resolve())
        assert reference.step == rows["step"][best]
        assert reference.val_accuracy == rows["val_accuracy"][best]
        assert reference.test_accuracy == rows["test_accuracy_at_best_val"][-1]
        assert theirs.manifest is not None
        assert reference.protocol == theirs.manifest.data["protocol"]["digest"]
        assert len(reference.model_sha256) == 64


def test_one_reference_is_enough_and_the_others_are_not_measured(
    alone: dict[str, Path], tmp_path: Path
) -> None:
    one = {"visual": alone["visual"]}
    _, run = train_small(tmp_path / "run", DATA, epochs=1, **with_references(one))
    rows = rows_of(run, "epochs")
    assert np.isfinite(rows["unimodal_gap/visual"]).all()
    assert np.isnan(rows["unimodal_gap/audio"]).all()


def test_a_run_without_references_has_no_columns_for_them(tmp_path: Path) -> None:
    _, run = train_small(tmp_path / "run", DATA, epochs=1)
    assert run.manifest is not None and "references" not in run.manifest.data
    recorded = {metric.name for metric in run.manifest.metrics}
    assert recorded.isdisjoint(NAMES)


def test_references_change_no_bit_of_the_training(alone: dict[str, Path], tmp_path: Path) -> None:
    plain, _ = train_small(tmp_path / "plain", DATA, method="ogm_ge+boost")
    known, _ = train_small(
        tmp_path / "known", DATA, **with_references(alone, method="ogm_ge+boost")
    )
    assert_same_bits(weights(plain), weights(known))


def test_without_probes_only_the_logits_are_compared(
    alone: dict[str, Path], tmp_path: Path
) -> None:
    changes = with_references(alone, epochs=1, probe={"enabled": False})
    _, run = train_small(tmp_path / "run", DATA, **changes)
    rows = rows_of(run, "epochs")
    assert np.isfinite(rows["unimodal_gap/audio"]).all()
    assert np.isnan(rows["encoder_gap/audio"]).all()


def test_a_resumed_run_keeps_its_references_also_when_their_runs_are_gone(
    alone: dict[str, Path], tmp_path: Path
) -> None:
    copies = {m: tmp_path / m for m in alone}
    for m, path in alone.items():
        shutil.copytree(path, copies[m])
    config = small_config(**with_references(copies, epochs=4))
    whole = make_trainer(tmp_path / "whole", DATA, config)
    run = train(whole)
    halved = make_trainer(tmp_path / "halved", DATA, config)
    after_steps(halved, {9: halved.run.command_handler.stop})
    train(halved)
    for path in copies.values():
        shutil.rmtree(path)
    resumed = resume_trainer(tmp_path / "halved", DATA, config)
    assert_same_rows(run, train(resumed))
    assert_same_bits(weights(whole), weights(resumed))


# -- warnings ------------------------------------------------------------------------


def test_another_protocol_is_warned_of_with_what_differs(tmp_path: Path) -> None:
    train_alone(tmp_path / "audio", "audio", epochs=2, encoder="mlp", optimizer={"lr": 0.01})
    changes = with_references({"audio": tmp_path / "audio"}, epochs=1)
    _, run = train_small(tmp_path / "run", DATA, **changes)
    (warning,) = alerts(run)
    assert "reference of audio (audio)" in warning
    assert "(epochs, optimizer, encoder)" in warning


def test_a_reference_that_did_not_finish_is_warned_of(tmp_path: Path) -> None:
    data = select_modalities(DATA, ["audio"])
    trainer = make_trainer(tmp_path / "audio", data, small_config(modalities="audio"))
    after_steps(trainer, {6: trainer.run.command_handler.stop})
    train(trainer)
    changes = with_references({"audio": tmp_path / "audio"}, epochs=3)
    _, run = train_small(tmp_path / "run", DATA, **changes)
    assert alerts(run) == ["the reference of audio (audio) is stopped: its best so far is taken"]


# -- refusals ------------------------------------------------------------------------


def no_run(path: Path) -> None:
    path.mkdir()


def joint(path: Path) -> None:
    train_small(path, DATA, epochs=1)


def other_modality(path: Path) -> None:
    train_alone(path, "visual", epochs=1)


def other_classes(path: Path) -> None:
    data = select_modalities(small_data(classes=4), ["audio"])
    train_small(path, data, epochs=1, modalities="audio")


def untrained(path: Path) -> None:
    data = select_modalities(DATA, ["audio"])
    trainer = make_trainer(path, data, small_config(modalities="audio"))
    after_steps(trainer, {1: trainer.run.command_handler.stop})
    train(trainer)


def without_a_store(path: Path) -> None:
    path.mkdir()
    (path / "run.toml").write_text("", encoding="utf-8")


def broken_manifest(path: Path) -> None:
    train_alone(path, "audio", epochs=1)
    (path / "run.zarr" / "zarr.json").write_text('{"attributes": 1}\x1b[31m', encoding="utf-8")


def foreign_manifest(path: Path) -> None:
    """Leave names that are no names where the modalities stand."""
    train_alone(path, "audio", epochs=1)
    file = path / "run.zarr" / "zarr.json"
    record = json.loads(file.read_text(encoding="utf-8"))
    record["attributes"]["modalities"] = {"audio": ["\x1b[31m"]}
    file.write_text(json.dumps(record), encoding="utf-8")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (no_run, "is no run"),
        (without_a_store, "has recorded nothing yet; train it first"),
        (untrained, "has no validation accuracy; train it first"),
        (joint, "trained audio, visual; expected a run of audio alone"),
        (
            other_modality,
            "trained visual; expected a run of audio alone: `asgml train --only audio`",
        ),
        (other_classes, "has the classes 4 (c0, c1, c2, c3); expected 3 (c0, c1, c2)"),
        (broken_manifest, "cannot be read"),
        (foreign_manifest, "cannot be read"),
    ],
)
def test_a_run_that_cannot_be_the_reference_is_refused_in_one_line(
    make: Callable[[Path], None], words: str, tmp_path: Path
) -> None:
    make(tmp_path / "run")
    with pytest.raises(ReferenceRunError) as raised:
        read_reference("audio", tmp_path / "run", DATA)
    message = str(raised.value)
    assert message.startswith(f"the reference of audio, {tmp_path / 'run'}") and words in message
    assert "\n" not in message


def test_a_reference_of_no_modality_of_the_data_is_refused(
    alone: dict[str, Path], tmp_path: Path
) -> None:
    config = small_config(references={"smell": str(alone["audio"])})
    with pytest.raises(ReferenceRunError, match="names 'smell': small has audio, visual"):
        make_trainer(tmp_path / "run", DATA, config)
    with pytest.raises(ConfigError, match="references"):
        small_config(references="audio")


# -- the record ----------------------------------------------------------------------

KNOWN = Reference("/runs/a", 12, 0.5, math.nan, "abc", "f" * 64)


def test_a_record_survives_json() -> None:
    stored = json.loads(json.dumps(references_to_json({"audio": KNOWN}), allow_nan=False))
    back = references_of({"references": stored})["audio"]
    assert math.isnan(back.test_accuracy) and replace(back, test_accuracy=0.5) == replace(
        KNOWN, test_accuracy=0.5
    )


@pytest.mark.parametrize(
    "damage",
    [
        {"step": "12"},
        {"step": -1},
        {"val_accuracy": None},
        {"val_accuracy": 1.5},
        {"val_accuracy": "0.5"},
        {"val_accuracy": True},
    ],
)
def test_a_damaged_record_is_left_out(damage: dict[str, Any]) -> None:
    records = references_to_json({"audio": KNOWN, "visual": KNOWN})
    records["audio"] |= damage
    assert list(references_of({"references": records})) == ["visual"]
    assert references_of({"references": [records]}) == {}
