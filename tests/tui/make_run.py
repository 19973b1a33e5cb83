"""Writes a realistic run without a trainer: knob changes, a pause, a NaN. By hand: `python -m tests.tui.make_run DIR`."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np

from asgml.storage.format.events import Event
from asgml.storage.format.knobs import Knob
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.metrics import TABLES
from asgml.storage.format.status import State
from asgml.storage.write.writer import RunWriter

BORN = 1_790_000_000.0
STEP_SECONDS = 0.2
PROBE_EVERY, EPOCH_STEPS = 50, 300

KNOBS = (
    Knob(
        "boost.alpha", "float", 0.25, "how strongly the weakest modality is boosted", 0.0, 1.0, 0.05
    ),
    Knob("boost.scale_max", "float", 2.0, "upper end of the boost scale", 1.0, 10.0, 0.5),
    Knob(
        "ogm_ge.alpha",
        "float",
        0.8,
        "how strongly the dominant modality is throttled",
        0.0,
        3.0,
        0.1,
    ),
    Knob("ogm_ge.noise", "bool", True, "add gradient noise"),
    Knob("probe.eval_freq", "int", 50, "steps between two probes", 1, 10000, 10, applies="probe"),
    Knob("lr", "float", 0.001, "learning rate", 0.0, 1.0, 0.0005),
)


def make_manifest(
    name: str, modalities: tuple[str, ...] = ("audio", "visual"), total: int = 10_000
) -> Manifest:
    return Manifest(
        name=name,
        created=BORN,
        config={"seed": 7},
        modalities=modalities,
        classes=("a", "b", "c"),
        knobs=KNOBS,
        total_steps=total,
        total_epochs=-(-total // EPOCH_STEPS),
        steps_per_epoch=EPOCH_STEPS,
        method="ogm_ge+boost",
        parts=(
            {"name": "ogm_ge", "summary": "throttles the dominant modality", "window": [0, 5]},
            {"name": "boost", "summary": "boosts the weakest modality", "window": None},
        ),
        device="cpu",
        seed=7,
        host="gpu7",
    )


class Course:
    """The numbers of an imagined training, the same for the same seed."""

    def __init__(self, manifest: Manifest, seed: int = 7) -> None:
        self.manifest = manifest
        self.random = np.random.default_rng(seed)
        self.boost = dict.fromkeys(manifest.modalities, 1.0)
        self.skill = dict.fromkeys(manifest.modalities, 0.0)
        self.alpha = 0.25

    def row(
        self, table: str, step: int, wall: float, active: float, segment: int = 0
    ) -> list[float]:
        """One row of a table, with NaN for what this training does not measure."""
        known = getattr(self, f"_{table}")(step)
        axes = {"step": step, "wall_time": wall, "active_time": active, "segment": segment}
        return [{**axes, **known}.get(column, math.nan) for column in self.manifest.columns(table)]

    def _ability(self, place: int, step: int) -> float:
        return 0.15 + (0.77 - 0.12 * place) * (1 - math.exp(-step / (500 + 900 * place)))

    def _steps(self, step: int) -> dict[str, float]:
        noise = self.random.normal
        values = {
            "epoch": float((step - 1) // EPOCH_STEPS),
            "lr": 0.001,
            "step_time": STEP_SECONDS * (1 + abs(noise(0, 0.05))),
        }
        values["task_loss"] = 0.25 + 2.0 * math.exp(-step / 700) + abs(noise(0, 0.08))
        values["loss"] = values["task_loss"] + 0.05
        values["accuracy"] = min(max(self._ability(0, step) + noise(0, 0.06), 0.0), 1.0)
        for place, modality in enumerate(self.manifest.modalities):
            before = (0.9 - 0.35 * place) * math.exp(-step / 2500) * math.exp(noise(0, 0.25))
            throttle = 1 - math.tanh(0.8 * 0.6) if place == 0 and step <= 6 * EPOCH_STEPS else 1.0
            gain = throttle * self.boost[modality]
            accuracy = min(max(self._ability(place, step) - 0.1 + noise(0, 0.06), 0.0), 1.0)
            values |= {
                f"grad_norm/{modality}": before, f"grad_norm_after/{modality}": before * gain, f"gain/{modality}": gain,
                f"boost_scale/{modality}": self.boost[modality], f"throttle/{modality}": throttle,
                f"discrepancy/{modality}": (1.9 if place == 0 else 0.52) * math.exp(noise(0, 0.1)),
                f"own_accuracy/{modality}": accuracy, f"own_loss/{modality}": 2.2 * math.exp(-step / (900 + 400 * place)) + 0.4,
            }  # fmt: skip
        return values

    def _probes(self, step: int) -> dict[str, float]:
        values = {}
        for place, modality in enumerate(self.manifest.modalities):
            accuracy = min(max(self._ability(place, step) + self.random.normal(0, 0.02), 0.0), 1.0)
            self.skill[modality] = 0.7 * self.skill[modality] + 0.3 * accuracy
            values |= {
                f"probe_accuracy/{modality}": accuracy,
                f"probe_loss/{modality}": -math.log(max(accuracy, 0.01)),
            }
        best = max(self.skill.values())
        for modality, skill in self.skill.items():
            target = 1 + self.alpha * (best - skill) / max(best, 1e-9) * 4
            self.boost[modality] = 0.8 * self.boost[modality] + 0.2 * target
            values |= {f"utilization/{modality}": skill, f"boost_target/{modality}": target}
        return values | {"utilization_gap": best - min(self.skill.values())}

    def _epochs(self, step: int) -> dict[str, float]:
        ability = self._ability(0, step)
        values = {
            "train_loss": 2.2 * math.exp(-step / 700) + 0.2,
            "train_accuracy": ability,
            "val_loss": 2.2 * math.exp(-step / 800) + 0.35,
        }
        return values | {"val_accuracy": ability - 0.04, "best_val_accuracy": ability - 0.04}

    def _system(self, step: int) -> dict[str, float]:
        return {
            "cpu": 180 + 15 * math.sin(step / 40),
            "memory": 812.0 + step / 100,
            "samples_per_second": 320.0,
            "store_bytes": 150.0 * step,
        }


def command(step: int, wall: float, active: float, name: str, id: str, **fields: object) -> Event:
    told = {
        "id": id,
        "command": name,
        "answer": "applied",
        "issuer": "you@gpu7",
        "latency": 0.2,
        **fields,
    }
    return Event("command", step, wall, active, 0, told)


def make_run(
    root: Path,
    steps: int = 3000,
    *,
    name: str = "demo-01",
    nan_at: int = 2200,
    state: State = State.FINISHED,
    modalities: tuple[str, ...] = ("audio", "visual"),
    seed: int = 7,
) -> RunPaths:
    """A run of `steps` steps below `root`, with a knob change at 900 and 1800, a pause at 1300 and a NaN at `nan_at` (0: none)."""
    paths = RunPaths(root / name)
    paths.commands.mkdir(parents=True)
    paths.config.write_text('[run]\nname = "made"\n')
    manifest = make_manifest(name, modalities)
    writer = RunWriter.create(paths, manifest)
    course = Course(manifest, seed)
    wall = BORN
    writer.event(
        Event(
            "started",
            0,
            wall,
            0.0,
            0,
            {"pid": 48121, "host": "gpu7", "knobs": {knob.name: knob.initial for knob in KNOBS}},
        )
    )
    for step in range(1, steps + 1):
        wall += STEP_SECONDS
        active = step * STEP_SECONDS
        for event in _events_after(step, wall, active, course):
            writer.event(event)
        if step == 1300:
            wall += 130.0
            writer.event(command(step, wall, active, "resume", "c4"))
        _add_rows(writer, course, step, wall, active, nan_at)
    ended = {State.FINISHED: "finished", State.STOPPED: "stopped", State.FAILED: "failed"}.get(
        state
    )
    if ended:
        writer.event(
            Event(
                ended,
                steps,
                wall + 0.1,
                steps * STEP_SECONDS,
                0,
                {"error": "loss is NaN"} if ended == "failed" else {},
            )
        )
    writer.mark(state, steps, (steps - 1) // EPOCH_STEPS)
    writer.close(state)
    return paths


def _add_rows(
    writer: RunWriter, course: Course, step: int, wall: float, active: float, nan_at: int
) -> None:
    row = course.row("steps", step, wall, active)
    if step == nan_at:
        row[
            course.manifest.columns("steps").index(f"grad_norm/{course.manifest.modalities[-1]}")
        ] = math.nan
    writer.append("steps", row)
    for table, every in (("probes", PROBE_EVERY), ("epochs", EPOCH_STEPS), ("system", 25)):
        if step % every == 0:
            writer.append(table, course.row(table, step, wall, active))
    assert set(TABLES) == {"steps", "probes", "epochs", "system"}


def _events_after(step: int, wall: float, active: float, course: Course) -> list[Event]:
    """What people did in this training."""
    found = []
    if step == 900:
        course.alpha = 0.5
        found.append(
            command(
                step,
                wall,
                active,
                "set",
                "c1",
                knob="boost.alpha",
                before=0.25,
                after=0.5,
                note="visual lags behind",
            )
        )
    if step == 1300:
        found.append(command(step, wall, active, "pause", "c2"))
    if step == 1500:
        found.append(
            Event(
                "checkpoint",
                step,
                wall,
                active,
                0,
                {
                    "path": "checkpoints/step1500.pt",
                    "bytes": 47_000_000,
                    "seconds": 0.4,
                    "why": "asked for",
                },
            )
        )
    if step == 1800:
        found.append(Event("phase", step, wall, active, 0, {"message": "ogm_ge window closed"}))
        found.append(
            command(step, wall, active, "set", "c5", knob="boost.alpha", before=0.5, after=0.125)
        )
    if step == 2000:
        found.append(
            command(
                step,
                wall,
                active,
                "set",
                "c6",
                answer="rejected",
                knob="boost.alpha",
                reason="boost.alpha = 4: outside its range 0 … 1",
            )
        )
        found.append(command(step, wall, active, "note", "c7", note="looks better now"))
    if step % EPOCH_STEPS == 0:
        found.append(
            Event(
                "evaluation",
                step,
                wall,
                active,
                0,
                {"split": "val", "accuracy": course._ability(0, step) - 0.04, "loss": 0.4},
            )
        )
    return found


if __name__ == "__main__":
    print(
        make_run(
            Path(sys.argv[1]),
            int(sys.argv[2]) if len(sys.argv) > 2 else 3000,
            name=sys.argv[3] if len(sys.argv) > 3 else "demo-01",
        ).root
    )
