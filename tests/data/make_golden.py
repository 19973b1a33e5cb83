"""Write the golden run of a format version: `uv run python tests/data/make_golden.py [DIRECTORY]`.

A golden run is made once for each version of storage/FORMAT.md, committed, and never written again:
whatever becomes of the program, it must open. Every number follows from the step, so the test knows
what to expect without reading this run's rows.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path

from asgml.storage.format.events import Event
from asgml.storage.format.knobs import Knob, Value
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.status import State
from asgml.storage.write.writer import RunWriter

MODALITIES = ("audio", "visual", "text")
STEPS, PROBE_EVERY, EPOCH_STEPS = 40, 10, 20
STARTED = 1_700_000_000.0
STEP_SECONDS = 0.25
NAN_STEP = 13
NOTE = "look: \x1b[31mred\x1b[0m [bold]not bold[/bold] \u202ereversed"
KNOBS = (
    Knob("boost.alpha", "float", 0.5, "strength of the boost", 0, 1.5, 0.05),
    Knob(
        "probe.eval_freq",
        "int",
        PROBE_EVERY,
        "steps between two probes",
        1,
        1000,
        10,
        applies="probe",
    ),
    Knob("ogm_ge.mode", "choice", "ogm_ge", "with or without noise", choices=("ogm", "ogm_ge")),
    Knob("evaluate_test", "bool", False, "also on the test split", applies="epoch"),
)


def main() -> None:
    default = Path(__file__).resolve().parent / "golden-v1"
    write_golden(Path(sys.argv[1]) if len(sys.argv) > 1 else default)


def write_golden(root: Path) -> None:
    root.mkdir(parents=True)
    (root / "run.toml").write_text(
        'method = "boost"\nepochs = 2\nseed = 7\n\n[data]\nname = "golden"\n', encoding="utf-8"
    )
    manifest = golden_manifest()
    with RunWriter.create(RunPaths(root), manifest) as writer:
        writer.mark(State.RUNNING)
        events = list(golden_events())
        for step in range(STEPS + 1):
            for table in tables_at(step):
                writer.append(table, golden_row(manifest, table, step))
            for event in (event for event in events if event.step == step):
                writer.event(event)
            writer.log(f"step {step} of {STEPS}")
        writer.mark(epoch=1)


def golden_manifest() -> Manifest:
    return Manifest(
        name="golden-v1",
        created=STARTED,
        config={"method": "boost", "epochs": 2, "seed": 7, "data": {"name": "golden"}},
        modalities=MODALITIES,
        classes=("dog", "cat", "bird"),
        knobs=KNOBS,
        total_steps=STEPS,
        total_epochs=2,
        steps_per_epoch=EPOCH_STEPS,
        method="boost",
        parts=({"name": "boost", "summary": "boosts the weaker modalities", "window": None},),
        data={"train": 320, "val": 80, "test": 80},
        device="cpu",
        seed=7,
        host="golden-host",
        versions={"asgml": "0.1.0"},
        git={"commit": "0" * 40, "dirty": False},
    )


def tables_at(step: int) -> list[str]:
    """The tables that get a row at this step."""
    due = {
        "steps": step > 0,
        "probes": step > 0 and step % PROBE_EVERY == 0,
        "epochs": step > 0 and step % EPOCH_STEPS == 0,
    }
    return [*(table for table, now in due.items() if now), *(["system"] if step % 8 == 0 else [])]


def golden_row(manifest: Manifest, table: str, step: int) -> list[float]:
    row = {
        "step": float(step),
        "wall_time": wall_time(step),
        "active_time": step * STEP_SECONDS,
        "segment": 0.0,
    }
    for column in manifest.columns(table):
        row.setdefault(column, value_of(column, step))
    return [row[column] for column in manifest.columns(table)]


def value_of(column: str, step: int) -> float:
    """Losses fall, accuracies rise, the rest waves around 1; the loss of one step is NaN."""
    name, _, modality = column.partition("/")
    level = 1.0 - 0.25 * (MODALITIES.index(modality) if modality else 0)
    if name == "epoch":
        return float((step - 1) // EPOCH_STEPS)
    if name == "loss" and step == NAN_STEP:
        return math.nan
    if "loss" in name:
        return level * 2.0 * math.exp(-step / 20)
    if "accuracy" in name or name == "utilization":
        return level * (1.0 - math.exp(-step / 15))
    return level + math.sin(step / 5) / 4


def wall_time(step: int) -> float:
    return STARTED + 2.0 + step * STEP_SECONDS


def golden_events() -> Iterator[Event]:
    knobs: dict[str, Value] = {knob.name: knob.initial for knob in KNOBS}
    person = {"issuer": "me@golden-host", "latency": 0.01}
    raise_alpha = {
        "id": "c1",
        "command": "set",
        "answer": "applied",
        "knob": "boost.alpha",
        "before": 0.5,
        "after": 0.75,
        **person,
    }
    too_much = {
        "id": "c2",
        "command": "set",
        "answer": "rejected",
        "knob": "boost.alpha",
        "reason": "outside its range 0 … 1.5",
        **person,
    }
    note = {"id": "c3", "command": "note", "answer": "applied", "note": NOTE, **person}
    nan = {
        "level": "error",
        "message": f"loss is nan at step {NAN_STEP}",
        "column": "loss",
        "value": None,
    }
    checkpoint = {"path": "checkpoints/last.pt", "bytes": 1024, "seconds": 0.1, "why": "epoch"}
    yield at(0, "started", pid=1, host="golden-host", knobs=knobs)
    yield at(12, "command", **raise_alpha)
    yield at(NAN_STEP, "alert", **nan)
    yield at(15, "command", **too_much)
    yield at(18, "command", **note)
    yield at(
        20,
        "evaluation",
        split="val",
        accuracy=value_of("val_accuracy", 20),
        loss=value_of("val_loss", 20),
    )
    yield at(20, "checkpoint", **checkpoint)
    yield at(30, "phase", message="boost window closed")
    yield at(40, "checkpoint", **checkpoint)
    yield at(40, "finished")


def at(step: int, kind: str, **fields: object) -> Event:
    return Event(kind, step, wall_time(step), step * STEP_SECONDS, 0, fields)


if __name__ == "__main__":
    main()
