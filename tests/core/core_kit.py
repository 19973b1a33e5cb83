"""Small data and small trainings, in this process, for the tests of the core."""

from __future__ import annotations

import io
import math
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from asgml.core.config.run_config import make_config
from asgml.core.config.run_settings import RunSettings
from asgml.core.data.base import SPLITS, Dataset, Split
from asgml.core.methods.registry import parse_method
from asgml.core.methods.spec import TEACHERS
from asgml.core.modulators.apply import apply
from asgml.core.modulators.composition import Composed
from asgml.core.modulators.modulation import Modulation
from asgml.core.run.manifest_builder import make_manifest
from asgml.core.run.resume import earlier_run
from asgml.core.training.components import make_components
from asgml.core.training.trainer import Trainer
from asgml.core.types import Backward, Batch, ProbeReading
from asgml.core.worker import load_newest_checkpoint
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.status import State
from asgml.storage.read.reader import Run

torch.set_num_threads(1)

SHAPES: dict[str, tuple[int, ...]] = {
    "audio": (1, 8, 8),
    "visual": (5,),
    "text": (4, 3),
    "motion": (2, 1, 8, 8),
    "thermal": (6,),
    "pulse": (3, 7),
}
"""An image, vectors, sequences and frames: every small encoder, with and without batch norm."""

TIMES = ("wall_time", "active_time", "step_time")
"""Columns that differ between two trainings that are otherwise the same."""


def modalities(count: int) -> tuple[str, ...]:
    return tuple(SHAPES)[:count]


def small_data(
    names: tuple[str, ...] = ("audio", "visual"),
    *,
    classes: int = 3,
    train: int = 29,
    val: int = 12,
    test: int = 12,
    seed: int = 0,
) -> Dataset:
    """Classes a little apart in every modality. Samples of a split take turns in their class."""
    generator = torch.Generator().manual_seed(seed)
    centres = {m: torch.randn(classes, *SHAPES[m], generator=generator) for m in names}
    splits = {}
    for part, size in (("train", train), ("val", val), ("test", test)):
        labels = torch.arange(size) % classes
        inputs = {
            m: centres[m][labels] + torch.randn(size, *SHAPES[m], generator=generator)
            for m in names
        }
        splits[part] = Split(inputs, labels)
    return Dataset(
        "small",
        names,
        tuple(f"c{i}" for i in range(classes)),
        {m: SHAPES[m] for m in names},
        splits,
        {},
    )


def save_npz(data: Dataset, path: Path) -> Path:
    """The same data as a file in the arrays format."""
    parts = data.splits
    arrays: dict[str, Any] = {
        m: np.concatenate([parts[part].inputs[m].numpy() for part in parts])
        for m in data.modalities
    }
    arrays["label"] = np.concatenate([parts[part].labels.numpy() for part in parts])
    arrays["split"] = np.concatenate([[part] * len(parts[part]) for part in parts])
    np.savez(path, classes=np.array(data.classes), **arrays)
    return path


def small_config(**changes: Any) -> RunSettings:
    """A configuration of a few quick epochs; `changes` are sections or values, as in run.toml."""
    tree: dict[str, Any] = {
        "method": "baseline",
        "epochs": 3,
        "batch_size": 8,
        "device": "cpu",
        "fusion": {"hidden": 0},
        "optimizer": {"lr": 0.05},
        "probe": {"eval_freq": 3, "train_steps": 2},
    }
    house = house_of(changes.get("method", "baseline"))
    for key, value in (*house.items(), *changes.items()):
        tree[key] = (
            {**tree[key], **value}
            if isinstance(value, dict) and isinstance(tree.get(key), dict)
            else value
        )
    return make_config(tree)


def house_of(method: str) -> dict[str, Any]:
    """The fusion that a method is defined for, and encoders that fit it, as sections."""
    kinds = [row.fusion for row in parse_method(method) if row.fusion]
    sections: dict[str, Any] = {"fusion": {"kind": kinds[0]}} if kinds else {}
    # a shared head reads features of one width
    return sections | ({"encoder": {"default": "mlp"}} if "shared" in kinds else {})


class SilentWriter:
    """Takes what a writer takes, and records nothing."""

    segment = 0

    def append(self, table: str, row: Any) -> None: ...

    def event(self, event: Any) -> None: ...

    def mark(self, **marks: Any) -> None: ...

    def flush(self) -> bool:
        return True


def make_trainer(
    root: Path, data: Dataset, config: RunSettings, *, silent: bool = False
) -> Trainer:
    """A trainer at the beginning of a new run; a silent one records nothing.

    A method that needs teachers gets those of `teachers_for` where the configuration names none.
    """
    paths, cpu = RunPaths(root), torch.device("cpu")
    if needs_teachers(config) and not config.references and data.task == "classification":
        config = config.model_copy(update={"references": teachers_for(data, config)})
    if silent:
        manifest = Manifest(paths.name, 0.0, {}, data.modalities, data.classes)
        if config.references:
            manifest = make_manifest(paths.name, config, data, cpu)
        trainer = Trainer(make_components(config, paths, data, manifest, cpu))
        trainer.run.recorder.open(SilentWriter())  # type: ignore[arg-type]
        trainer.run.recorder.published_bytes = lambda: 0  # type: ignore[method-assign]
        return trainer
    manifest = make_manifest(paths.name, config, data, cpu)
    trainer = Trainer(make_components(config, paths, data, manifest, cpu))
    paths.root.mkdir(parents=True, exist_ok=True)
    paths.config.write_text("", encoding="utf-8")  # what makes a folder a run
    trainer.run.open()
    return trainer


def needs_teachers(config: RunSettings) -> bool:
    return any(
        TEACHERS in method.required(config.section(method.name)) for method in config.methods
    )


def teachers_for(data: Dataset, config: RunSettings) -> dict[str, str]:
    """The run of each modality alone, trained for an epoch, once for each kind of data."""
    encoder = config.encoder
    return {
        m: _teacher_run(m, data.shapes[m], data.classes, encoder.get(m, encoder["default"]))
        for m in data.modalities
    }


@cache
def _teacher_run(
    modality: str, shape: tuple[int, ...], classes: tuple[str, ...], encoder: str
) -> str:
    generator = torch.Generator().manual_seed(11)
    centres = torch.randn(len(classes), *shape, generator=generator)
    splits = {}
    for part in SPLITS:
        labels = torch.arange(4 * len(classes)) % len(classes)
        noise = torch.randn(len(labels), *shape, generator=generator)
        splits[part] = Split({modality: centres[labels] + noise}, labels)
    data = Dataset("alone", (modality,), classes, {modality: shape}, splits, {})
    root = Path(_TEACHERS.name) / str(len(list(Path(_TEACHERS.name).iterdir())))
    with torch.random.fork_rng(devices=[]):
        train_small(root, data, modalities=[modality], epochs=1, encoder=encoder)
    return str(root)


_TEACHERS = tempfile.TemporaryDirectory(prefix="asgml-teachers-")


def resume_trainer(root: Path, data: Dataset, config: RunSettings) -> Trainer:
    """The trainer of a run that was left behind, resumed as the worker does it."""
    paths = RunPaths(root)
    earlier = earlier_run(paths)
    assert earlier is not None and earlier.manifest is not None
    cpu = torch.device("cpu")
    trainer = Trainer(make_components(config, paths, data, earlier.manifest, cpu, earlier))
    load_newest_checkpoint(trainer)
    trainer.run.open()
    return trainer


def train(trainer: Trainer) -> Run:
    """Trains to the end and closes the run; what was published."""
    try:
        end = trainer.train()
    except BaseException:
        trainer.run.recorder.writer.close(State.FAILED)
        raise
    trainer.run.close(end)
    return Run.open(trainer.run.paths)


def train_small(root: Path, data: Dataset | None = None, **changes: Any) -> tuple[Trainer, Run]:
    """A whole small run; the trainer at its end, and what was published."""
    trainer = make_trainer(root, data or small_data(), small_config(**changes))
    return trainer, train(trainer)


def after_steps(trainer: Trainer, actions: Mapping[int, Callable[[], object]]) -> None:
    """Calls `actions[n]` once, right after step n."""
    step = trainer.step

    def watched(batch: Batch) -> Any:
        forward = step(batch)
        if trainer.run.step in actions:
            actions[trainer.run.step]()
        return forward

    trainer.step = watched  # type: ignore[method-assign]


def weights(trainer: Trainer) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in trainer.components.model.state_dict().items()}


def assert_same_bits(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> None:
    assert list(ours) == list(theirs)
    different = [name for name in ours if not torch.equal(ours[name], theirs[name])]
    assert not different, f"{len(different)} of {len(ours)} tensors differ, first {different[0]}"


def rows_of(run: Run, table: str) -> dict[str, np.ndarray[Any, Any]]:
    """The rows that count, by column, without times and segments."""
    current = run.current_rows(table)
    kept = [name for name in run.columns(table) if name not in (*TIMES, "segment")]
    return {name: run.column(table, name)[current] for name in kept}


def assert_same_rows(
    ours: Run, theirs: Run, tables: tuple[str, ...] = ("steps", "probes", "epochs")
) -> None:
    for table in tables:
        left, right = rows_of(ours, table), rows_of(theirs, table)
        assert len(left["step"]), f"no rows in {table}"
        for name in left:
            np.testing.assert_array_equal(left[name], right[name], err_msg=f"{table}: {name}")


# -- one step at a time --------------------------------------------------------------


class Bench:
    """A training held still: forward and backward of one batch, without an optimizer step.

    Two benches of the same arguments give the same bits. The modulator has seen one probe
    evaluation.
    """

    def __init__(
        self,
        method: str,
        names: tuple[str, ...],
        *,
        data: Dataset | None = None,
        begun: bool = True,
        **sections: Any,
    ) -> None:
        self.names = names
        data = data or small_data(names)
        self.trainer = make_trainer(
            Path("nowhere"), data, small_config(method=method, **sections), silent=True
        )
        self.components = self.trainer.components
        self.model = self.components.model
        self.balancing = self.components.balancing
        self.modulator: Composed = self.balancing.modulator
        if begun:
            self.modulator.begin_epoch(0)
        self.modulator.observe(reading(utilizations(names)))
        train = data.splits["train"]
        self.batch = Batch({m: tensor[:6] for m, tensor in train.inputs.items()}, train.labels[:6])

    def look_back(self) -> Backward:
        """Do the trainer's part of a step up to the gradients of its first turn."""
        batch, turn = self.batch, self.modulator.turns()[0]
        encoded = turn.trained(self.model.encode_batch(batch))
        features, labels = self.modulator.before_fusion(encoded, batch.labels)
        joint = self.modulator.joint_features(features)
        forward = self.model.join(batch, features, labels, joint)
        task_loss = torch.nn.functional.cross_entropy(forward.logits, forward.labels)
        loss = turn.loss_of(forward, task_loss) + self.modulator.loss(forward)
        self.modulator.before_backward(forward, task_loss)
        self.components.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        norms = self.balancing.gradient_norms()
        return Backward(forward, self.balancing.groups, norms, turn.modalities)

    def modulate(self) -> Modulation:
        """Looks back and says what should happen."""
        return self.modulator.modulate(self.look_back())

    def apply(self, modulation: Modulation) -> torch.Generator:
        """Has it happen, with noise of a fresh generator, which is returned."""
        generator = seeded()
        apply(modulation, self.balancing.groups, generator)
        return generator


def seeded(seed: int = 7) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def utilizations(names: tuple[str, ...]) -> dict[str, float]:
    """From strong to weak, in the order of SHAPES."""
    return {m: 0.9 - 0.11 * list(SHAPES).index(m) for m in names}


def reading(utilization: Mapping[str, float]) -> ProbeReading:
    return ProbeReading(dict(utilization), dict.fromkeys(utilization, 1.0), dict(utilization))


def gradients(model: torch.nn.Module) -> dict[str, Tensor]:
    """Copies of all gradients; those that are missing are left out."""
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def through_a_file(state: Any) -> Any:
    """`state` as it comes out of a checkpoint: tensors and plain values only."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def is_finite(value: Any) -> bool:
    return math.isfinite(float(value))
