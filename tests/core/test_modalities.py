"""Trainings of some of the data's modalities: one alone, or several in another order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from core_kit import (
    after_steps,
    assert_same_bits,
    assert_same_rows,
    make_trainer,
    modalities,
    resume_trainer,
    rows_of,
    save_npz,
    small_config,
    small_data,
    train,
    train_small,
    weights,
)

from asgml.core.config.run_config import ConfigError
from asgml.core.data.base import DataError, Dataset, load_data, select_modalities
from asgml.core.data.cache.prepare import prepare
from asgml.core.data.datasets.clip_loader import find
from asgml.core.data.loading.batches import in_order
from asgml.core.data.synthetic.demo_files import make_demo
from asgml.core.methods.registry import METHODS
from asgml.core.methods.spec import MethodError
from asgml.core.run.manifest_builder import make_manifest
from asgml.core.run.protocol import protocol_of
from asgml.core.worker import prepare_trainer
from asgml.storage.format.layout import RunPaths

CPU = torch.device("cpu")
FILES: dict[str, Any] = {"frames": 1, "frame_size": [40, 48], "crop": 32, "seconds": 0.5}
BALANCING = [name for name in METHODS if name not in ("baseline", "uniform")]


def samples(data: Dataset, split: str) -> dict[str, torch.Tensor]:
    """Return the inputs of a split as evaluation sees them."""
    batches = list(in_order(data.splits[split], 100, CPU))
    return {m: torch.cat([batch.inputs[m] for batch in batches]) for m in batches[0].inputs}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dataset]:
    """Return generated data, arrays, files decoded by clip, and the same files from a cache."""
    folder = tmp_path_factory.mktemp("sources")
    clips = folder / "clips"
    make_demo(clips, clips=48, seed=1)
    options = {**FILES, "workers": 0}
    files = load_data(f"cremad:{clips}", {**options, "cache": "off"})
    prepare(
        find(f"cremad:{clips}", FILES, 0),
        folder / "caches",
        workers=0,
        allow_missing=False,
        progress=lambda done, total: None,
    )
    return {
        "synthetic": load_data("synthetic", {"train": 24, "val": 12, "test": 12, "modalities": 3}),
        "arrays": load_data(str(save_npz(small_data(modalities(3)), folder / "three.npz"))),
        "files": files,
        "cache": load_data(f"cremad:{clips}", {**options, "cache": f"{folder / 'caches'}/"}),
    }


@pytest.mark.parametrize("source", ["synthetic", "arrays", "files", "cache"])
def test_any_data_gives_some_of_its_modalities_in_the_order_asked_for(
    sources: dict[str, Dataset], source: str
) -> None:
    """The samples, labels and values are those of the whole data."""
    data = sources[source]
    names = data.modalities[::-1][:2]
    chosen = select_modalities(data, names)
    assert chosen.modalities == names and tuple(chosen.shapes) == names
    assert chosen.info["unused"] == [m for m in data.modalities if m not in names]
    for split in data.splits:
        whole, some = samples(data, split), samples(chosen, split)
        assert tuple(some) == names
        assert_same_bits(some, {m: whole[m] for m in names})
        assert torch.equal(chosen.splits[split].labels, data.splits[split].labels)


def test_what_is_not_asked_for_is_not_decoded(sources: dict[str, Dataset]) -> None:
    rows = select_modalities(sources["files"], ["audio"]).splits["train"].rows
    assert rows is not None and list(rows.read([0])) == ["audio"]


def test_nothing_asked_for_is_all(sources: dict[str, Dataset]) -> None:
    assert select_modalities(sources["arrays"], []) is sources["arrays"]


def test_an_unknown_modality_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(DataError, match=r"modalities names 'smell': small has audio, visual"):
        select_modalities(small_data(), ["smell"])
    with pytest.raises(ConfigError, match="'audio' twice"):
        small_config(modalities="audio, audio")


# -- trainings -----------------------------------------------------------------------


@pytest.mark.parametrize("fusion", ["concat", "sum", "late_mean", "late_weighted"])
@pytest.mark.parametrize("method", ["baseline", "uniform"])
def test_one_modality_trains_alone(method: str, fusion: str, tmp_path: Path) -> None:
    data = select_modalities(small_data(), ["visual"])
    config = {"method": method, "modalities": "visual", "fusion": {"kind": fusion, "hidden": 4}}
    trainer, run = train_small(tmp_path / "run", data, **config)
    assert run.state() == "finished" and trainer.components.model.modalities == ("visual",)
    for table in ("steps", "probes", "epochs"):
        assert len(rows_of(run, table)["step"]), table
    epochs = rows_of(run, "epochs")
    assert np.array_equal(epochs["val_own_accuracy/visual"], epochs["val_accuracy"])
    assert np.isfinite(epochs["shapley/visual"]).all()


@pytest.mark.parametrize("fusion", ["film", "gated"])
def test_fusions_of_two_refuse_one(fusion: str, tmp_path: Path) -> None:
    data = select_modalities(small_data(), ["visual"])
    config = small_config(
        modalities="visual", fusion={"kind": fusion, "alone": "heads"}, loss={"gamma": 1}
    )
    with pytest.raises(ValueError, match="two modalities, the data has 1: visual"):
        make_trainer(tmp_path / "run", data, config)


@pytest.mark.parametrize("name", BALANCING)
def test_a_method_that_balances_refuses_one_modality_in_one_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as early:
        small_config(method=name, modalities="audio")
    data = select_modalities(small_data(), ["audio"])
    with pytest.raises(MethodError) as late:
        make_trainer(tmp_path / "run", data, small_config(method=name))
    for message in (str(early.value), str(late.value)):
        assert message.startswith(f"{name} balances modalities, and audio is trained alone")
        assert "\n" not in message


def test_the_same_modalities_named_or_not_train_the_same_bits(tmp_path: Path) -> None:
    data = small_data()
    config = {"method": "ogm_ge+boost"}
    plain, run = train_small(tmp_path / "all", data, **config)
    chosen = select_modalities(data, ["audio", "visual"])
    named, other = train_small(tmp_path / "named", chosen, modalities="audio,visual", **config)
    assert_same_bits(weights(named), weights(plain))
    assert_same_rows(other, run)


def test_a_run_of_one_modality_resumes_bit_for_bit(tmp_path: Path) -> None:
    data = select_modalities(small_data(), ["audio"])
    config = small_config(modalities="audio", epochs=4)
    whole = make_trainer(tmp_path / "whole", data, config)
    run = train(whole)
    halved = make_trainer(tmp_path / "halved", data, config)
    after_steps(halved, {9: halved.run.command_handler.stop})
    train(halved)
    resumed = resume_trainer(tmp_path / "halved", data, config)
    assert_same_rows(run, train(resumed))
    assert_same_bits(weights(whole), weights(resumed))


def test_the_worker_trains_what_the_configuration_names(tmp_path: Path) -> None:
    """Encoders that a recipe names for the other modalities are left aside."""
    path = save_npz(small_data(modalities(3)), tmp_path / "three.npz")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.toml").write_text(
        f'modalities = ["text", "visual"]\nmethod = "baseline"\n[data]\nname = "{path}"\n'
        '[encoder]\naudio = "conv"\nvisual = "mlp"\n',
        encoding="utf-8",
    )
    trainer = prepare_trainer(RunPaths(tmp_path / "run"), resume=False)
    assert trainer.components.model.modalities == ("text", "visual")
    assert list(trainer.run.manifest.modalities) == ["text", "visual"]


# -- the protocol --------------------------------------------------------------------


def test_the_protocol_names_the_modalities_where_not_all_are_trained() -> None:
    data = small_data()
    alone = select_modalities(data, ["audio"])
    protocols = [
        protocol_of(small_config(), data),
        protocol_of(small_config(modalities="audio"), alone),
        protocol_of(small_config(modalities="visual,audio"), data),
    ]
    assert len({each.digest for each in protocols}) == 3
    assert protocols[1].network["modalities"] == ["audio"]
    assert "modalities" not in protocols[0].network
    manifest = make_manifest("run", small_config(modalities="audio"), alone, CPU)
    assert manifest.data["unused"] == ["visual"]
