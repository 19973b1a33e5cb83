"""Small data and small trainings, in this process, for the tests of the core."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.config import RunSettings, make_config
from core.data.base import Dataset, Split
from core.describe import make_manifest
from core.knobboard import make_board
from core.modulators.base import Composed
from core.modulators.build import make_modulator
from core.parts import make_parts
from core.trainer import Trainer
from core.types import Backward, Batch, ProbeReading
from core.worker import earlier_run, take_up
from storage.layout import RunPaths
from storage.reader import Run
from storage.status import State
from storage.writer import RunWriter

torch.set_num_threads(1)

SHAPES: dict[str, tuple[int, ...]] = {
    "audio": (1, 8, 8),
    "visual": (5,),
    "text": (4, 3),
    "motion": (2, 1, 8, 8),
    "thermal": (6,),
    "pulse": (3, 7),
}
"""An image, vectors, sequences and frames: every small kind of encoder, with and without batch norm."""

TIMES = ("wall_time", "active_time", "step_time")
"""Columns that differ between two trainings that are otherwise the same."""


def modalities(count: int) -> tuple[str, ...]:
    return tuple(SHAPES)[:count]


def small_data(
    names: tuple[str, ...] = ("audio", "visual"), *, classes: int = 3, train: int = 29, val: int = 12, test: int = 12, seed: int = 0
) -> Dataset:
    """Classes that lie a little apart, in every modality. The first samples of each split have one class each."""
    generator = torch.Generator().manual_seed(seed)
    centres = {m: torch.randn(classes, *SHAPES[m], generator=generator) for m in names}
    splits = {}
    for part, size in (("train", train), ("val", val), ("test", test)):
        labels = torch.arange(size) % classes
        inputs = {m: centres[m][labels] + torch.randn(size, *SHAPES[m], generator=generator) for m in names}
        splits[part] = Split(inputs, labels)
    return Dataset("small", names, tuple(f"c{i}" for i in range(classes)), {m: SHAPES[m] for m in names}, splits, {})


def save_npz(data: Dataset, path: Path) -> Path:
    """The same data as a file in the arrays format."""
    parts = data.splits
    arrays: dict[str, Any] = {m: np.concatenate([parts[part].inputs[m].numpy() for part in parts]) for m in data.modalities}
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
    for key, value in changes.items():
        tree[key] = {**tree[key], **value} if isinstance(value, dict) and isinstance(tree.get(key), dict) else value
    return make_config(tree)


class SilentWriter:
    """Takes what a writer takes, and records nothing."""

    segment = 0

    def append(self, table: str, row: Any) -> None: ...

    def event(self, event: Any) -> None: ...

    def mark(self, **marks: Any) -> None: ...

    def flush(self) -> bool:
        return True


def make_trainer(root: Path, data: Dataset, config: RunSettings, *, silent: bool = False) -> Trainer:
    """A trainer at the beginning of a new run."""
    paths = RunPaths(root)
    manifest = make_manifest(paths.name, config, data, torch.device("cpu"))
    parts = make_parts(config, paths, data, manifest, torch.device("cpu"))
    if silent:
        paths.root.mkdir(parents=True, exist_ok=True)
        parts.recorder.open(SilentWriter())  # type: ignore[arg-type]
        parts.recorder.published_bytes = lambda: 0  # type: ignore[method-assign]
    else:
        paths.root.mkdir(parents=True, exist_ok=True)
        paths.config.write_text("", encoding="utf-8")  # what makes a folder a run
        parts.recorder.open(RunWriter.create(paths, manifest, to_array=parts.recorder.to_array))
    return Trainer(parts)


def resume_trainer(root: Path, data: Dataset, config: RunSettings) -> Trainer:
    """The trainer of a run that was left behind, taken up as the worker does it."""
    paths = RunPaths(root)
    earlier = earlier_run(paths)
    assert earlier is not None and earlier.manifest is not None
    parts = make_parts(config, paths, data, earlier.manifest, torch.device("cpu"))
    trainer = Trainer(parts)
    take_up(trainer, earlier)
    parts.recorder.open(RunWriter.resume(paths, to_array=parts.recorder.to_array))
    parts.recorder.event("resumed", knobs=parts.board.live())
    return trainer


def train(trainer: Trainer) -> Run:
    """Trains to the end and closes the run; what was published."""
    writer = trainer.parts.recorder.writer
    try:
        end = trainer.train()
    except BaseException:
        writer.close(State.FAILED)
        raise
    trainer.parts.desk.close()
    trainer.parts.recorder.tell_alerts()
    writer.close(end)
    return Run.open(trainer.parts.paths)


def train_small(root: Path, data: Dataset | None = None, **changes: Any) -> tuple[Trainer, Run]:
    """A whole small run; the trainer at its end, and what was published."""
    trainer = make_trainer(root, data or small_data(), small_config(**changes))
    return trainer, train(trainer)


def after_steps(trainer: Trainer, actions: Mapping[int, Callable[[], object]]) -> None:
    """Calls `actions[n]` once, right after step n."""
    step = trainer.step

    def watched(batch: Batch) -> Any:
        forward = step(batch)
        if trainer.progress.step in actions:
            actions[trainer.progress.step]()
        return forward

    trainer.step = watched  # type: ignore[method-assign]


def weights(trainer: Trainer) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in trainer.parts.model.state_dict().items()}


def assert_same_bits(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> None:
    assert list(ours) == list(theirs)
    different = [name for name in ours if not torch.equal(ours[name], theirs[name])]
    assert not different, f"{len(different)} of {len(ours)} tensors differ, first {different[0]}"


def rows_of(run: Run, table: str) -> dict[str, np.ndarray[Any, Any]]:
    """The rows that count, by column, without times and segments."""
    current = run.current_rows(table)
    kept = [name for name in run.columns(table) if name not in (*TIMES, "segment")]
    return {name: run.column(table, name)[current] for name in kept}


def assert_same_rows(ours: Run, theirs: Run, tables: tuple[str, ...] = ("steps", "probes", "epochs")) -> None:
    for table in tables:
        left, right = rows_of(ours, table), rows_of(theirs, table)
        assert len(left["step"]), f"no rows in {table}"
        for name in left:
            np.testing.assert_array_equal(left[name], right[name], err_msg=f"{table}: {name}")


# -- one look back, without a trainer --------------------------------------------------------------------------------


def looked_back(names: tuple[str, ...], *, seed: int = 0, classes: int = 3, size: int = 6, rule: str = "auto") -> tuple[Any, Backward]:
    """A model and its gradients after one backward pass on random inputs."""
    from core.model import make_model
    from core.modulators.apply import gradient_norm

    torch.manual_seed(seed)
    model = make_model({m: SHAPES[m] for m in names}, classes, {}, "concat", 0, "split")
    batch = Batch({m: torch.randn(size, *SHAPES[m]) for m in names}, torch.randint(classes, (size,)))
    forward = model(batch)
    torch.autograd.backward(torch.nn.functional.cross_entropy(forward.logits, batch.labels))
    groups = model.parameter_groups(rule)
    return model, Backward(forward, groups, {m: gradient_norm(group) for m, group in groups.items()})


def small_modulator(method: str, names: tuple[str, ...], **sections: Mapping[str, Any]) -> Composed:
    """The modulator of a method with these settings, as the trainer makes it."""
    config = small_config(method=method, **{name: dict(section) for name, section in sections.items()})
    return make_modulator(config, make_board(config), names)


def reading(utilization: Mapping[str, float]) -> ProbeReading:
    return ProbeReading(dict(utilization), dict.fromkeys(utilization, 1.0), dict(utilization))


def gradients(model: Any) -> dict[str, Tensor | None]:
    return {name: None if p.grad is None else p.grad.clone() for name, p in model.named_parameters()}


def through_a_file(state: Any) -> Any:
    """`state` as it comes out of a checkpoint: tensors and plain values only."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def is_finite(value: Any) -> bool:
    return math.isfinite(float(value))
